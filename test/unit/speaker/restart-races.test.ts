import { type Capability, encodeMessage, endOfRib, families, familyNumbers } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll } from '../../../policy/index.ts'
import type { PeerDeclaration } from '../../../speaker/index.ts'
import { peerTo } from '../../support/fabric.ts'
import {
  addresses,
  type Meeting,
  meet,
  multiprotocol,
  ownAsn,
  part,
  prefixesOf,
  WirePeer,
  wireRoutes,
} from '../../support/wire-peer.ts'

const restarts: Partial<PeerDeclaration> = {
  passive: true,
  gracefulRestart: { time: 120, longLived: 0 },
  enhancedRefresh: true,
}

const capabilities = (forwarding: boolean, restartTime = 120): Capability[] => [
  ...families.map(multiprotocol),
  { kind: 'four-octet-asn', asn: 65001 },
  { kind: 'route-refresh' },
  { kind: 'enhanced-route-refresh' },
  {
    kind: 'graceful-restart',
    restarting: false,
    notification: true,
    restartTime,
    families: families.map((family) => ({ ...familyNumbers[family], forwarding })),
  },
]

const all = families.flatMap((family) => wireRoutes[family].map(({ text }) => text)).sort()
const firsts = families.map((family) => wireRoutes[family][0].text).sort()

/** A router that restarts, and has said two routes of each family and that this is all. */
async function withRoutes(over: 'IPv4' | 'IPv6', restartTime = 120): Promise<Meeting> {
  const meeting = await meet({ over, declared: restarts, said: { capabilities: capabilities(false, restartTime) } })
  for (const family of families) for (const one of wireRoutes[family]) meeting.router.update(one.announced())
  meeting.router.send(...families.map(endOfRib))
  await meeting.fabric.pass(1000)
  expect(prefixesOf(meeting.node)).to.deep.equal(all)
  return meeting
}

function back({ fabric }: Meeting, over: 'IPv4' | 'IPv6', forwarding = true): Promise<WirePeer> {
  const { node: to, router: at } = addresses[over]
  return WirePeer.up(fabric, { at, to, asn: 65001, peerAsn: ownAsn, capabilities: capabilities(forwarding) })
}

describe('graceful restart, one thing upon another', () => {
  for (const over of ['IPv4', 'IPv6'] as const) {
    it(`G6 keeps nothing twice when the session falls right after End-of-RIB, over ${over}`, async () => {
      const meeting = await withRoutes(over)
      meeting.router.break()
      await meeting.fabric.pass(1000)
      const again = await back(meeting, over)
      for (const family of families) again.update(wireRoutes[family][0].announced())
      again.send(...families.map(endOfRib))
      again.break()
      await meeting.fabric.pass(1000)
      expect(meeting.node.peer().kept?.phase).to.equal('restarting')
      expect(prefixesOf(meeting.node)).to.deep.equal(firsts)
      await part(meeting)
    })

    it(`H4 ends what a refresh left out, though the session falls at once, over ${over}`, async () => {
      const meeting = await withRoutes(over)
      const { router } = meeting
      for (const family of families) {
        const numbers = familyNumbers[family]
        router.send(encodeMessage({ kind: 'route-refresh', ...numbers, subtype: 1 }))
        router.update(wireRoutes[family][0].announced())
        router.send(encodeMessage({ kind: 'route-refresh', ...numbers, subtype: 2 }))
      }
      router.break()
      await meeting.fabric.pass(1000)
      expect(prefixesOf(meeting.node)).to.deep.equal(firsts)
      await part(meeting)
    })

    it(`G2 keeps what a refresh has not said again yet when the session falls, over ${over}`, async () => {
      const meeting = await withRoutes(over)
      for (const family of families)
        meeting.router.send(encodeMessage({ kind: 'route-refresh', ...familyNumbers[family], subtype: 1 }))
      await meeting.fabric.pass(100)
      meeting.router.break()
      await meeting.fabric.pass(1000)
      expect(prefixesOf(meeting.node)).to.deep.equal(all)
      await part(meeting)
    })

    it(`G2 asks another import policy about the routes of a peer that is away, over ${over}`, async () => {
      const meeting = await withRoutes(over)
      meeting.router.break()
      await meeting.fabric.pass(1000)
      const declared = { ...restarts, importPolicy: { ...acceptAll, default: 'reject' as const } }
      meeting.node.apply({ peers: [peerTo(addresses[over].router, 65001, declared)] })
      await meeting.fabric.pass(1000)
      expect(prefixesOf(meeting.node)).to.deep.equal([])
      await part(meeting)
    })

    it(`H4 does not hear of a beginning before End-of-RIB from a peer that restarts, over ${over}`, async () => {
      const meeting = await meet({ over, declared: restarts, said: { capabilities: capabilities(false) } })
      const { router } = meeting
      for (const family of families) {
        router.update(wireRoutes[family][0].announced())
        router.send(encodeMessage({ kind: 'route-refresh', ...familyNumbers[family], subtype: 1 }))
        router.send(encodeMessage({ kind: 'route-refresh', ...familyNumbers[family], subtype: 2 }))
      }
      await meeting.fabric.pass(1000)
      expect(prefixesOf(meeting.node)).to.deep.equal(firsts)
      await part(meeting)
    })

    for (const beyond of ['discard', 'reset'] as const)
      it(`G3 J3 counts what a peer left and has not said again towards no limit (${beyond}), over ${over}`, async () => {
        const meeting = await withRoutes(over)
        meeting.router.break()
        await meeting.fabric.pass(1000)
        const limit = { 'ipv4-unicast': 2, 'ipv6-unicast': 2 }
        const declared = { ...restarts, maxPrefixes: { limit, warnAt: 75, beyond } }
        meeting.node.apply({ peers: [peerTo(addresses[over].router, 65001, declared)] })
        const again = await back(meeting, over)
        const news = { 'ipv4-unicast': '18cb0071', 'ipv6-unicast': '3020010db80009' } as const
        for (const family of families) {
          const [, second] = wireRoutes[family]
          again.update(second.announced())
          const fields = JSON.stringify(second.announced()).replace(second.prefix, news[family])
          again.update(JSON.parse(fields) as ReturnType<typeof second.announced>)
        }
        again.send(...families.map(endOfRib))
        for (const family of families) again.update(wireRoutes[family][1].announced())
        await meeting.fabric.pass(1000)
        expect(meeting.node.peer().state).to.equal('Established')
        const seconds = families.map((family) => wireRoutes[family][1].text)
        expect(prefixesOf(meeting.node)).to.deep.equal([...seconds, '203.0.113.0/24', '2001:db8:9::/48'].sort())
        // From now on it holds.
        for (const family of families) again.update(wireRoutes[family][0].announced())
        await meeting.fabric.pass(1000)
        const { state, routes } = meeting.node.peer()
        if (beyond === 'reset') expect(state).to.equal('Idle')
        else for (const family of families) expect(routes[family]).to.include({ prefixes: 3, accepted: 2 })
        await part(meeting)
      })

    it(`G12 says how long the last of the families stays, over ${over}`, async () => {
      const staleTimes = { 'ipv4-unicast': 600, 'ipv6-unicast': 60 }
      const lasting: Capability = {
        kind: 'long-lived-graceful-restart',
        families: families.map((family) => ({
          ...familyNumbers[family],
          forwarding: false,
          staleTime: staleTimes[family],
        })),
      }
      const said = { capabilities: [...capabilities(false), lasting] }
      const meeting = await meet({ over, declared: restarts, said })
      for (const family of families) meeting.router.update(wireRoutes[family][0].announced())
      await meeting.fabric.pass(1000)
      meeting.router.break()
      await meeting.fabric.pass(130_000)
      expect(meeting.node.peer().kept).to.include({ phase: 'long-lived', leftMs: 590_000 })
      await meeting.fabric.pass(60_000)
      expect(meeting.node.peer().kept).to.deep.include({ families: ['ipv4-unicast'], leftMs: 530_000 })
      expect(prefixesOf(meeting.node)).to.deep.equal([wireRoutes['ipv4-unicast'][0].text])
      await part(meeting)
    })

    it(`G2 with a restart time of 0 keeps nothing, over ${over}`, async () => {
      const meeting = await withRoutes(over, 0)
      meeting.router.break()
      await meeting.fabric.pass(100)
      expect(prefixesOf(meeting.node)).to.deep.equal([])
      expect(meeting.node.peer().kept).to.equal(undefined)
      await part(meeting)
    })
  }
})
