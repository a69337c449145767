/** The server of the page: read-only, by address or as localhost alone, and with what a daemon says of itself. */

import { request } from 'node:http'
import { families } from 'bgp-ts'
import { expect } from 'chai'
import { alwaysSynced, type Backend } from '../../../daemon/backend.ts'
import { EventLog } from '../../../daemon/events.ts'
import type { Listening } from '../../../daemon/probe-server.ts'
import { daemonModel } from '../../../daemon/web/daemon-model.ts'
import type { FabricView, Way } from '../../../daemon/web/model.ts'
import { exposure, serveWeb } from '../../../daemon/web/server.ts'
import { address, Fabric, peerTo, route } from '../../support/fabric.ts'

interface Asked {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
}

describe('the server of the page', () => {
  const fabric = new Fabric()
  const node = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo('10.0.0.1', 65001), peerTo('10.0.0.9', 65009)])
  fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512)])
  const events = new EventLog(10, () => new Date())
  const backend: Backend = {
    speaker: node.speaker,
    plan: undefined,
    view: undefined,
    findings: [],
    source: 'a test',
    sync: alwaysSynced,
    events,
  }
  let server: Listening

  before(async () => {
    events.watchSpeaker(node.speaker)
    node.apply({ routes: [route('192.0.2.0/24'), route('2001:db8::/48')] })
    await fabric.pass(20_000)
    server = await serveWeb(daemonModel(backend, 'node-1'), address('127.0.0.1'), 0)
  })

  after(async () => {
    await server.close()
    await fabric.stop()
  })

  const ask = (path: string, host?: string, method = 'GET'): Promise<Asked> =>
    new Promise((resolve, reject) => {
      const headers = host === undefined ? {} : { host }
      request({ host: '127.0.0.1', port: server.port, path, method, headers }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += String(chunk)))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      })
        .on('error', reject)
        .end()
    })

  it('has a warning for an address that others reach, and none for loopback, of either family', () => {
    for (const own of ['127.0.0.1', '127.0.1.7', '::1']) expect(exposure(address(own)), own).to.equal(undefined)
    for (const open of ['10.0.0.2', '0.0.0.0', 'fd00::2', '::', '::2', '128.0.0.1'])
      expect(exposure(address(open)), open).to.include(`--web-addr ${open}: whoever reaches this address`)
  })

  it('has the page, its style and its script, under a policy that allows nothing else', async () => {
    for (const [path, type] of Object.entries({
      '/': 'text/html',
      '/page.css': 'text/css',
      '/page.js': 'text/javascript',
    })) {
      const { status, headers } = await ask(path)
      expect(status, path).to.equal(200)
      expect(headers['content-type'], path).to.include(type)
      const policy = String(headers['content-security-policy'])
      expect(policy)
        .to.match(/^default-src 'none'; script-src 'self'; /)
        .and.to.include("frame-ancestors 'none'")
      expect(policy).not.to.include('unsafe')
    }
  })

  it('answers under its address and as localhost, and under no name of somebody else', async () => {
    for (const host of ['127.0.0.1:1', 'localhost', 'localhost:20245', '[::1]:20245', '192.0.2.7'])
      expect((await ask('/api/fabric', host)).status, host).to.equal(200)
    for (const host of ['rebound.example', 'rebound.example:20245', 'localhost.example'])
      expect((await ask('/api/fabric', host)).status, host).to.equal(403)
  })

  it('changes nothing: it is only read', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
      expect((await ask('/api/fabric', undefined, method)).status, method).to.equal(405)
    for (const path of ['/v1/apply', '/../page.css', '/page.css/..', '/api']) {
      expect((await ask(path)).status, path).to.be.oneOf([200, 404])
      expect((await ask(path)).text, path).not.to.include('root:')
    }
  })

  it('says of the daemon who its peers are, what is up, and what each family has', async () => {
    const { nodes, routers, sessions, routes } = JSON.parse((await ask('/api/fabric')).text) as FabricView
    expect([nodes, routers]).to.deep.equal([['node-1'], ['10.0.0.1', '10.0.0.9']])
    const [up, down] = sessions
    expect(up).to.deep.include({ state: 'Established', families, advertised: { 'ipv4-unicast': 1, 'ipv6-unicast': 1 } })
    expect(down?.families).to.deep.equal([])
    expect(routes.map(({ prefix }) => prefix)).to.have.members(['192.0.2.0/24', '2001:db8::/48'])
  })

  it('explains, and shows over which sessions a route goes', async () => {
    for (const prefix of ['192.0.2.0/24', '2001:db8::/48']) {
      const way = JSON.parse((await ask(`/api/explain?subject=${encodeURIComponent(prefix)}`)).text) as Way
      expect(way.lines[0]).to.equal(prefix)
      expect(way.sessions).to.deep.equal(['node-1 10.0.0.1'])
    }
    expect((await ask('/api/explain')).status).to.equal(400)
    expect((await ask(`/api/explain?subject=${'x'.repeat(600)}`)).status).to.equal(400)
  })

  it('has the latest events, those after one that was seen', async () => {
    const of = async (after: string) =>
      JSON.parse((await ask(`/api/events?after=${after}`)).text) as { events: unknown[] }
    expect((await of('0')).events).to.have.length(1)
    expect((await of('1')).events).to.have.length(0)
    expect((await of('-5')).events).to.have.length(1)
    expect((await of('many')).events).to.have.length(1)
  })
})
