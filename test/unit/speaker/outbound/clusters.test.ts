import { type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll } from '../../../../policy/index.ts'
import type { PeerDeclaration } from '../../../../speaker/index.ts'
import { Fabric, type Machine, peerTo, route } from '../../../support/fabric.ts'

const samples: Record<Family, string> = { 'ipv4-unicast': '192.0.2.1/32', 'ipv6-unicast': '2001:db8::1/128' }
const transports = { IPv4: (last: number) => `10.0.0.${last}`, IPv6: (last: number) => `fd00::${last}` }

interface Wiring {
  /** Cluster ids, by last octet of the address; a machine without one reflects nothing. */
  readonly clusters?: Readonly<Record<number, number>>
  /** Sessions, `reflector>client` or `one-other`. */
  readonly sessions: readonly string[]
  /** Of every session. */
  readonly more?: Partial<PeerDeclaration>
}

/** Machines of one AS, wired as said. */
function wire(address: (last: number) => string, { clusters = {}, sessions, more }: Wiring) {
  const fabric = new Fabric()
  const ends = sessions.flatMap((text) => {
    const [from, to] = text.split(/[>-]/).map(Number) as [number, number]
    return [
      { from, to, reflectorClient: text.includes('>') },
      { from: to, to: from, reflectorClient: false },
    ]
  })
  const lasts = [...new Set(ends.map(({ from }) => from))].sort((a, b) => a - b)
  const machines = new Map(
    lasts.map((last): [number, Machine] => {
      const peers = ends
        .filter(({ from }) => from === last)
        .map(({ to, reflectorClient }) =>
          peerTo(address(to), 64512, { exportPolicy: acceptAll, ...more, ...(reflectorClient && { reflectorClient }) }),
        )
      const machine = fabric.machine(64512, [`10.0.0.${last}`, `fd00::${last}`], peers)
      const clusterId = clusters[last]
      if (clusterId !== undefined) machine.apply({ local: { clusterId } })
      return [last, machine]
    }),
  )
  const messages = () =>
    [...machines.values()].flatMap(({ speaker }) =>
      speaker.snapshot().peers.map((one) => one.messages.in['update'] ?? 0),
    )
  return { fabric, machines, messages }
}

for (const [over, address] of Object.entries(transports)) {
  for (const family of families) {
    const text = samples[family]

    describe(`clusters of ${family} over ${over}`, () => {
      let wired: ReturnType<typeof wire>

      const begin = async (wiring: Wiring) => {
        wired = wire(address, wiring)
        await wired.fabric.pass(15_000)
      }
      const originate = async (last: number, wanted = true) => {
        wired.machines.get(last)!.apply({ routes: wanted ? [route(text)] : [] })
        await wired.fabric.pass(5000)
      }
      const held = (last: number) =>
        wired.machines
          .get(last)!
          .speaker.routes('best')
          .map(({ attributes }) => /ORIGINATOR_ID.*/.exec(attributes)?.[0] ?? 'direct')
      const paths = (last: number) => wired.machines.get(last)!.speaker.routes('in').length
      const refused = (last: number) =>
        wired.machines
          .get(last)!
          .speaker.snapshot()
          .peers.flatMap(({ routes }) => Object.keys(routes[family].rejectedBy))
      /** No UPDATE moves once all is settled. */
      const isQuiet = async () => {
        const before = wired.messages()
        await wired.fabric.pass(25_000)
        expect(wired.messages()).to.deep.equal(before)
      }

      afterEach(async () => {
        await wired.fabric.stop()
        expect(wired.fabric.errors).to.deep.equal([])
      })

      for (const [title, clusters] of [
        ['the same cluster id', { 1: 42, 2: 42 }],
        ['different cluster ids', { 1: 41, 2: 42 }],
        ['their router ids as cluster ids', {}],
      ] as const) {
        it(`C33 two reflectors with ${title} and the same clients settle, and forget together`, async () => {
          await begin({ clusters, sessions: ['1-2', '1>3', '2>3', '1>4', '2>4'] })
          await originate(3)
          await isQuiet()
          expect([held(1), held(2)]).to.deep.equal([['direct'], ['direct']])
          const cluster = 1 in clusters ? `0.0.0.${clusters[1]}` : '10.0.0.1'
          // The tie-breaks end at the lower peer address.
          expect(held(4)).to.deep.equal([`ORIGINATOR_ID 10.0.0.3, CLUSTER_LIST ${cluster}`])
          expect([paths(3), paths(4)]).to.deep.equal([1, 2])
          expect(refused(1).includes('own cluster id in CLUSTER_LIST')).to.equal(title === 'the same cluster id')
          await originate(3, false)
          expect([1, 2, 3, 4].flatMap(held)).to.deep.equal([])
          await isQuiet()
        })
      }

      it('C33 three reflectors that are each a client of the next end where the route began', async () => {
        await begin({ clusters: { 1: 1, 2: 2, 3: 3 }, sessions: ['1>2', '2>3', '3>1', '1>4'] })
        await originate(4)
        await isQuiet()
        expect(held(2)).to.deep.equal(['ORIGINATOR_ID 10.0.0.4, CLUSTER_LIST 0.0.0.1'])
        expect(held(3)).to.deep.equal(['ORIGINATOR_ID 10.0.0.4, CLUSTER_LIST 0.0.0.1'])
        await originate(4, false)
        expect([1, 2, 3, 4].flatMap(held)).to.deep.equal([])
      })

      it('C32 a hierarchy puts each cluster before the others, and leaves the originator', async () => {
        await begin({ clusters: { 1: 1, 2: 2 }, sessions: ['1>2', '1>5', '2>3', '2>4'] })
        await originate(3)
        expect(held(5)).to.deep.equal(['ORIGINATOR_ID 10.0.0.3, CLUSTER_LIST 0.0.0.1 0.0.0.2'])
        expect(held(4)).to.deep.equal(['ORIGINATOR_ID 10.0.0.3, CLUSTER_LIST 0.0.0.2'])
        await originate(3, false)
        await originate(5)
        expect(held(3)).to.deep.equal(['ORIGINATOR_ID 10.0.0.5, CLUSTER_LIST 0.0.0.2 0.0.0.1'])
      })

      it('keeps what a client said while it restarts, and forgets it when it does not come back', async () => {
        const gracefulRestart = { time: 60, longLived: 0 }
        await begin({ sessions: ['1>2', '1>3'], more: { gracefulRestart } })
        await originate(2)
        await wired.machines.get(2)!.speaker.stop({ toReturn: true })
        await wired.fabric.pass(50_000)
        expect(held(3)).to.deep.equal(['ORIGINATOR_ID 10.0.0.2, CLUSTER_LIST 10.0.0.1'])
        await wired.fabric.pass(12_000)
        expect(held(3)).to.deep.equal([])
      })

      it('does not send the originator its own route by another way', async () => {
        await begin({ clusters: { 1: 1, 2: 2 }, sessions: ['1>3', '1-2', '2>3'] })
        // The second one hears of it from the first one alone.
        wired.machines.get(2)!.apply({
          peers: [
            peerTo(address(1), 64512, { exportPolicy: acceptAll }),
            peerTo(address(3), 64512, {
              exportPolicy: acceptAll,
              importPolicy: { name: 'none', statements: [], default: 'reject' },
              reflectorClient: true,
            }),
          ],
        })
        await originate(3)
        expect(held(2)).to.deep.equal(['ORIGINATOR_ID 10.0.0.3, CLUSTER_LIST 0.0.0.1'])
        const story = wired.machines.get(2)!.speaker.explain(route(text).prefix)
        expect(story.peers.find(({ peer }) => peer === address(3))?.reason).to.equal(
          'this peer is its ORIGINATOR_ID, RFC 4456 8',
        )
        expect(refused(3)).to.deep.equal([])
      })
    })
  }
}
