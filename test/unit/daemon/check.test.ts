/** `tandem check`: what is found wrong on a node, and that each such thing comes with its mend. */

import { createServer } from 'node:net'
import { type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import type { ApiRequest } from '../../../controllers/index.ts'
import { type Check, familyChecks, peerCheck, portCheck, rightCheck } from '../../../daemon/check/checks.ts'
import { defaultRoutes4, defaultRoutes6, portFacts, reach } from '../../../daemon/check/machine.ts'
import { rightFacts } from '../../../daemon/check/rights.ts'
import { checkText } from '../../../daemon/commands/check.ts'
import { loadSettings } from '../../../daemon/config/settings.ts'
import { address } from '../../support/fabric.ts'

const well = { addresses: ['an address on eth0'], defaultRoutes: ['eth0'], forwarding: 'on' } as const
const wrong = (checks: readonly Check[]) => checks.filter(({ ok }) => !ok).map(({ name, saw }) => `${name}: ${saw}`)
const key: Record<Family, string> = {
  'ipv4-unicast': 'net.ipv4.ip_forward',
  'ipv6-unicast': 'net.ipv6.conf.all.forwarding',
}

describe('check', () => {
  for (const family of families) {
    const name = family === 'ipv4-unicast' ? 'IPv4' : 'IPv6'

    it(`${family}: is content with an address, one default route and forwarding`, () => {
      expect(wrong(familyChecks(family, undefined, well))).to.deep.equal([])
    })

    it(`${family}: wants an address where the flag asks for one, and says nothing more of a family that is not used`, () => {
      const none = { ...well, addresses: [], forwarding: 'off' } as const
      expect(wrong(familyChecks(family, true, none))).to.deep.equal([`${name} address: none, and the flag asks for it`])
      expect(wrong(familyChecks(family, undefined, none))).to.deep.equal([])
      expect(wrong(familyChecks(family, false, none))).to.deep.equal([])
    })

    it(`${family}: wants forwarding, and says how`, () => {
      const checks = familyChecks(family, undefined, { ...well, forwarding: 'off' })
      expect(wrong(checks)).to.deep.equal([`${name} forwarding: off`])
      expect(checks.find(({ ok }) => !ok)?.mend).to.include(key[family])
    })

    it(`${family}: wants default routes on one interface, two of them through it or one`, () => {
      const through = (...defaultRoutes: string[]) => wrong(familyChecks(family, undefined, { ...well, defaultRoutes }))
      expect(through('eth0', 'eth0')).to.deep.equal([])
      expect(through('eth0', 'eth1')).to.deep.equal([`${name} default route: on eth0 and eth1`])
      expect(through()).to.deep.equal([`${name} default route: none`])
    })
  }

  it('takes a port that is free or held by tandem, and names what else holds it', () => {
    expect(portCheck({ port: 179, problem: undefined, held: false }).ok).to.equal(true)
    expect(portCheck({ port: 179, problem: 'EADDRINUSE', held: true }).ok).to.equal(true)
    expect(portCheck({ port: 179, problem: 'EADDRINUSE', held: false }).mend).to.include('another BGP speaker')
    expect(portCheck({ port: 179, problem: 'EACCES', held: false }).mend).to.include('NET_BIND_SERVICE')
  })

  it('sees by trying whether a port is free, and a peer reached', async () => {
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const bound = server.address()
    const port = typeof bound === 'object' && bound ? bound.port : 0
    const peer = { name: 'tor', address: address('127.0.0.1'), port }
    expect(await reach(peer)).to.deep.equal({ name: 'tor', port, problem: undefined })
    expect((await portFacts(port, '/nobody/listens')).problem).to.equal('EADDRINUSE')
    await new Promise((resolve) => server.close(resolve))
    expect((await reach(peer)).problem).to.equal('ECONNREFUSED')
    expect((await portFacts(port, '/nobody/listens')).problem).to.equal(undefined)
  })

  it('has a mend for each way in which a peer is not reached', () => {
    for (const problem of ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT: nothing', 'EWHATEVER']) {
      const { ok, mend } = peerCheck({ name: 'tor', port: 179, problem })
      expect([ok, (mend ?? '').length > 20]).to.deep.equal([false, true])
    }
  })

  it('reads default routes from the kernel, of both families, and not the reject route of IPv6', () => {
    const four = [
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
      'eth0\t00000000\t010000C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
      'eth1\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0',
    ].join('\n')
    expect(defaultRoutes4(() => four)).to.deep.equal(['eth0'])
    const zeros = '0'.repeat(32)
    const six = [
      `${zeros} 00 ${zeros} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth0`,
      `${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo`,
      `fd000000000000000000000000000000 40 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000001     eth1`,
    ].join('\n')
    expect(defaultRoutes6(() => six)).to.deep.equal(['eth0'])
    expect([defaultRoutes4(() => ''), defaultRoutes6(() => '')]).to.deep.equal([[], []])
  })

  it('asks the API server for each right that the settings need, and for no other', async () => {
    const asked: string[] = []
    const api = {
      request: async ({ body }: ApiRequest) => {
        const { spec } = body as { spec: { resourceAttributes: Record<string, string> } }
        const { verb, resource, subresource = '' } = spec.resourceAttributes
        asked.push(`${verb} ${resource}${subresource && `/${subresource}`}`)
        return { status: { allowed: resource !== 'services' } }
      },
      stream: () => expect.fail('no stream'),
    }
    const settingsOf = (commandLine: Record<string, string>) => loadSettings({ commandLine, environment: {} }).settings
    const facts = await rightFacts(api, settingsOf({ events: 'false' }), 'tandem-system')
    const nodesServicesSlices = ['nodes', 'services', 'endpointslices'].flatMap((one) => [
      `list ${one}`,
      `watch ${one}`,
    ])
    expect(asked).to.have.members(nodesServicesSlices)
    expect(wrong(facts.map(rightCheck))).to.deep.equal(['may list services: no', 'may watch services: no'])
    asked.length = 0
    await rightFacts(api, settingsOf({ 'run-loadbalancer': 'true', 'node-status': 'annotation' }), 'tandem-system')
    expect(asked).to.include.members(['create events', 'patch nodes', 'patch services/status', 'update leases'])
  })

  it('says all in aligned lines, the mend under what it mends', () => {
    const text = checkText([
      { name: 'a', ok: true, saw: 'yes' },
      { name: 'longer', ok: false, saw: 'no', mend: 'do this' },
    ])
    expect(text.split('\n')).to.deep.equal([
      'ok    a       yes',
      'FAIL  longer  no',
      '              do this',
      '',
      '1 of 2 to mend',
    ])
  })
})
