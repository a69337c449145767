/** What /healthz and /readyz say, and when. */

import { Address } from 'bgp-ts'
import { expect } from 'chai'
import type { Backend, SyncState } from '../../../daemon/backend.ts'
import { type HealthServer, readiness, serveHealth } from '../../../daemon/health.ts'
import type { PeerSnapshot } from '../../../speaker/index.ts'

const peer = (name: string, state: string, why?: string) =>
  ({ name, state, ...(why !== undefined && { lastDown: { why, ageMs: 0 } }) }) as unknown as PeerSnapshot

function backend(sync: SyncState, ...peers: PeerSnapshot[]): Backend {
  return {
    source: 'API server https://[fd00::1]:6443',
    sync,
    speaker: { snapshot: () => ({ peers }) },
  } as unknown as Backend
}

const synced: SyncState = { synced: true, problems: [] }
const up4 = peer('10.0.0.1', 'Established')
const up6 = peer('fd00::1', 'Established')
const down6 = peer('fd00::1', 'Active', 'hold timer expired')

describe('/readyz', () => {
  const rows: [title: string, made: Backend, wanted: Record<'none' | 'any' | 'all', boolean>][] = [
    ['both sessions up', backend(synced, up4, up6), { none: true, any: true, all: true }],
    ['one of two sessions up', backend(synced, up4, down6), { none: true, any: true, all: false }],
    ['no session up', backend(synced, down6), { none: true, any: false, all: false }],
    ['no peers at all', backend(synced), { none: true, any: true, all: true }],
    [
      'no first view yet',
      backend({ synced: false, problems: ['/api/v1/nodes: no route'] }, up4),
      { none: false, any: false, all: false },
    ],
  ]
  for (const [title, made, wanted] of rows) {
    it(`with ${title}: none ${wanted.none}, any ${wanted.any}, all ${wanted.all}`, () => {
      for (const asked of ['none', 'any', 'all'] as const)
        expect(readiness(made, asked).ready, asked).to.equal(wanted[asked])
    })
  }

  it('says what is missing, and why', () => {
    const { lines } = readiness(backend({ synced: false, problems: ['/api/v1/nodes: no route'] }, up4, down6), 'all')
    expect(lines).to.deep.equal([
      '[-] source: waiting for the first whole view of API server https://[fd00::1]:6443; routers keep what they have, no End-of-RIB is sent',
      '    /api/v1/nodes: no route',
      '[-] sessions: 1 of 2 up, asked for: all',
      '    fd00::1 is Active: hold timer expired',
    ])
  })
})

describe('health over HTTP', () => {
  let server: HealthServer
  afterEach(() => server.close())

  for (const [version, address] of [
    ['IPv4', new Address(4, 0x7f000001)],
    ['IPv6', new Address(6, 0, 0, 0, 1)],
  ] as const) {
    it(`answers 503 with the reason while it is not ready, and /healthz all the same, over ${version}`, async function () {
      const made = backend({ synced: false, problems: [] })
      try {
        server = await serveHealth(made, { address, port: 0, readySessions: 'any' })
      } catch {
        // A machine without this family can't be asked over it.
        this.skip()
      }
      const host = version === 'IPv4' ? '127.0.0.1' : '[::1]'
      const ask = (path: string) => fetch(`http://${host}:${server.port}${path}`)
      const ready = await ask('/readyz')
      expect(ready.status).to.equal(503)
      expect(await ready.text()).to.include('waiting for the first whole view')
      const alive = await ask('/healthz')
      expect([alive.status, await alive.text()]).to.deep.equal([200, 'OK\n'])
      expect((await ask('/metrics')).status).to.equal(404)
    })
  }
})
