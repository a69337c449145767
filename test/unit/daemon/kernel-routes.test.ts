import { expect } from 'chai'
import type { Backend } from '../../../daemon/backend.ts'
import { alwaysSynced } from '../../../daemon/backend.ts'
import { loadSettings } from '../../../daemon/config/settings.ts'
import { explain } from '../../../daemon/explain.ts'
import { kernelFindings, kernelLines, kernelOptions, kernelWorld } from '../../../daemon/kernel-routes.ts'
import { Fabric, type Machine, peerTo, route } from '../../support/fabric.ts'
import { FakeKernel } from '../../support/fake-kernel.ts'

const load = (commandLine: Record<string, string>) => loadSettings({ commandLine, environment: {} }).settings
const complaint = (commandLine: Record<string, string>) => {
  try {
    load(commandLine)
  } catch (error) {
    return String(error)
  }
  return 'no error'
}

describe('flags of kernel routes', () => {
  it('install nothing unless asked to', () => {
    expect(kernelWorld(load({}))).to.deep.equal({})
  })

  it('say where, whose, and how long to wait', () => {
    const settings = load({
      'install-routes': 'true',
      'install-routes-table': '1178',
      'install-routes-protocol': '177',
      'install-routes-metric': '20',
      'install-routes-paths': '4',
      'install-routes-wait': '30s',
      'install-routes-on-exit': 'remove',
    })
    expect(kernelWorld(settings).kernel?.place).to.deep.equal({ table: 1178, protocol: 177, metric: 20 })
    expect(kernelOptions(settings)).to.deep.equal({ kernel: { maximumPaths: 4, waitMs: 30_000, onExit: 'remove' } })
    expect(kernelWorld(load({ 'install-routes': 'true' })).kernel?.place).to.deep.equal({
      table: 254,
      protocol: 178,
      metric: 1780,
    })
  })

  it('refuse protocol numbers that others use: their routes would be taken for ours', () => {
    for (const taken of ['0', '2', '3', '4', '12', '186', '256', 'bgp']) {
      expect(complaint({ 'install-routes-protocol': taken }), taken).to.include(
        `--install-routes-protocol: "${taken}" is not a protocol number that is free to take`,
      )
    }
  })

  it('refuse the table of the kernel itself, and none at all', () => {
    for (const table of ['0', '255', '4294967296', 'main'])
      expect(complaint({ 'install-routes-table': table }), table).to.include('is not the number of a routing table')
    expect(complaint({ 'install-routes-metric': '0' })).to.include('is not a number from 1 to 4294967295')
    expect(complaint({ 'install-routes-command': '  ' })).to.include('is no command')
  })
})

describe('what is said of kernel routes', () => {
  let fabric: Fabric
  let node: Machine
  let backend: Backend
  const kernel = () => node.speaker.kernel!

  beforeEach(async () => {
    fabric = new Fabric()
    const fake = new FakeKernel('10.0.0.0/24 eth1', 'fd00::/64 eth1')
    fake.put('198.18.1.0/24', { via: ['10.0.0.9'], protocol: 4 })
    node = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo('10.0.0.1', 65001)], {}, fake)
    const tor = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512)])
    tor.apply({
      routes: ['198.18.0.0/24', '198.18.1.0/24', '10.0.0.0/24', '2001:db8::/48', 'fd00::/96'].map((one) => route(one)),
    })
    for (let step = 0; step < 100; step++) await fabric.pass(100)
    backend = {
      speaker: node.speaker,
      plan: undefined,
      view: undefined,
      findings: [],
      source: 'a test',
      sync: alwaysSynced,
    }
  })

  afterEach(() => fabric.stop())

  it('peers counts them, and has a line for each thing that is wrong', () => {
    expect(kernelLines(kernel())).to.deep.equal([
      "in the kernel's table 254: 1 ipv4-unicast, 1 ipv6-unicast",
      '  1 ipv4-unicast are not installed: interfaces reach them by themselves, e.g. 10.0.0.0/24: an interface of this machine reaches all of it by itself',
      '  1 ipv4-unicast are not installed: somebody else has routes with their prefix and metric, which are left alone, e.g. 198.18.1.0/24: somebody else (protocol 4) has a route with the same prefix and metric, which is left alone',
      '  1 ipv6-unicast are not installed: next hops would be resolved by them, e.g. fd00::/96: it covers next hop fd00::1, which is on eth1 by fd00::/64: routes must not resolve their own next hops (RFC 4271 section 9.1.2.1)',
    ])
  })

  it('findings have no numbers that change, and none of what is as it should be', () => {
    expect(
      kernelFindings(kernel(), 'node/n1').map(({ severity, object, message }) => [severity, object, message]),
    ).to.deep.equal([
      [
        'warning',
        'node/n1',
        'some ipv4-unicast routes are not installed: somebody else has routes with their prefix and metric, which are left alone; "tandem peers" counts them, "tandem explain PREFIX" says why',
      ],
      [
        'warning',
        'node/n1',
        'some ipv6-unicast routes are not installed: next hops would be resolved by them; "tandem peers" counts them, "tandem explain PREFIX" says why',
      ],
    ])
    expect(kernelFindings(undefined, 'node/n1')).to.deep.equal([])
  })

  it('explain says whether a prefix is there, and why not', () => {
    const lines = (subject: string) => explain(backend, subject).lines.filter((line) => line.includes('the kernel'))
    expect(lines('2001:db8::/48')).to.deep.equal(['  in the kernel via fd00::1: table 254, protocol 178, metric 1780'])
    expect(lines('198.18.1.0/24')[0]).to.match(/^ {2}not in the kernel: somebody else \(protocol 4\)/)
    expect(lines('192.0.2.0/24'), 'nobody knows it').to.deep.equal([])
  })
})
