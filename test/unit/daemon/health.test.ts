/** What /healthz and /readyz say, and when. */

import { networkInterfaces } from 'node:os'
import { Address, type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import type { Backend, SyncState } from '../../../daemon/backend.ts'
import { type ReadySessions, readiness, serveHealth } from '../../../daemon/health.ts'
import type { Listening } from '../../../daemon/probe-server.ts'
import type { PeerSnapshot } from '../../../speaker/index.ts'

const both: readonly Family[] = families

const peer = (name: string, state: string, why?: string, offered = both, agreed = offered) =>
  ({
    name,
    state,
    offered: { byUs: offered },
    families: state === 'Established' ? agreed : [],
    ...(why !== undefined && { lastDown: { why, ageMs: 0 } }),
  }) as unknown as PeerSnapshot

function backend(sync: SyncState, ...peers: PeerSnapshot[]): Backend {
  return {
    source: 'API server https://[fd00::1]:6443',
    sync,
    speaker: { snapshot: () => ({ peers }) },
  } as unknown as Backend
}

const synced: SyncState = { synced: true, problems: [] }
const ofFamily = (family: Family, up: boolean) => peer(family, up ? 'Established' : 'Active', undefined, [family])
const up4 = peer('10.0.0.1', 'Established')
const up6 = peer('fd00::1', 'Established')
const down6 = peer('fd00::1', 'Active', 'hold timer expired')

describe('/readyz', () => {
  const rows: [title: string, made: Backend, wanted: Record<ReadySessions, boolean>][] = [
    ['both sessions up', backend(synced, up4, up6), { none: true, any: true, family: true, all: true }],
    ['one of two sessions up', backend(synced, up4, down6), { none: true, any: true, family: true, all: false }],
    ['no session up', backend(synced, down6), { none: true, any: false, family: false, all: false }],
    ['no peers at all', backend(synced), { none: true, any: true, family: true, all: true }],
    ...families.flatMap((one): typeof rows => [
      [
        `a session of each family, and that of ${one} down`,
        backend(synced, ...families.map((family) => ofFamily(family, family !== one))),
        { none: true, any: true, family: false, all: false },
      ],
      [
        `a router that does not take ${one}`,
        backend(
          synced,
          peer(
            '10.0.0.1',
            'Established',
            undefined,
            both,
            both.filter((family) => family !== one),
          ),
        ),
        { none: true, any: true, family: false, all: true },
      ],
      [`${one} alone in use`, backend(synced, ofFamily(one, true)), { none: true, any: true, family: true, all: true }],
    ]),
    [
      'no first view yet',
      backend({ synced: false, problems: ['/api/v1/nodes: no route'] }, up4),
      { none: false, any: false, family: false, all: false },
    ],
  ]
  for (const [title, made, wanted] of rows) {
    it(`with ${title}: ${JSON.stringify(wanted)}`, () => {
      for (const asked of ['none', 'any', 'family', 'all'] as const)
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

  it('names the family that no session carries', () => {
    for (const family of families) {
      const others = families.filter((one) => one !== family)
      const made = backend(synced, ...others.map((one) => ofFamily(one, true)), ofFamily(family, false))
      expect(readiness(made, 'family').lines).to.include(`    no session carries ${family}`)
    }
  })
})

describe('health over HTTP', () => {
  let server: Listening | undefined
  afterEach(() => server?.close())

  for (const [version, address] of [
    ['IPv4', new Address(4, 0x7f000001)],
    ['IPv6', new Address(6, 0, 0, 0, 1)],
  ] as const) {
    it(`answers 503 with the reason while it is not ready, and /healthz all the same, over ${version}`, async function () {
      const own = Object.values(networkInterfaces()).flatMap((some) => some ?? [])
      // A machine without this family can't be asked over it.
      if (!own.some((one) => one.internal && one.family === version)) this.skip()
      const made = backend({ synced: false, problems: [] })
      server = await serveHealth(made, { address, port: 0, readySessions: 'any' })
      const host = version === 'IPv4' ? '127.0.0.1' : '[::1]'
      const ask = (path: string) => fetch(`http://${host}:${server?.port}${path}`)
      const ready = await ask('/readyz')
      expect(ready.status).to.equal(503)
      expect(await ready.text()).to.include('waiting for the first whole view')
      const alive = await ask('/healthz')
      expect([alive.status, await alive.text()]).to.deep.equal([200, 'OK\n'])
      expect((await ask('/metrics')).status).to.equal(404)
    })
  }
})
