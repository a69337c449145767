import { encodeAttributes, type Family, families, type Negotiated } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll } from '../../../policy/index.ts'
import { type PeerDeclaration, Secret, type World } from '../../../speaker/index.ts'
import type { PeerLink } from '../../../speaker/peer-link.ts'
import { Routing } from '../../../speaker/routing.ts'
import { listRoutes } from '../../../speaker/story.ts'
import { octets } from '../../support/bytes.ts'
import { address, Fabric, type Machine, peerTo, route } from '../../support/fabric.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const transports = [
  ['IPv4', '10.0.0.2', '10.0.0.1'],
  ['IPv6', 'fd00::2', 'fd00::1'],
] as const

const prefixes = (machine: Machine) => machine.speaker.routes('best').map(({ prefix }) => prefix)
const many = (count: number) =>
  Array.from({ length: count }, (_, index) => [route(`10.${index}.0.0/16`), route(`fd00:${index}::/32`)]).flat()

describe('passwords', () => {
  const keyed = (text: string): Partial<PeerDeclaration> => ({ password: new Secret(text) })

  for (const [over, node, tor] of transports) {
    it(`J6 let nobody in without the key, over ${over}`, async () => {
      for (const [ours, theirs, state] of [
        [keyed('one'), keyed('one'), true],
        [keyed('one'), keyed('two'), false],
        [keyed('one'), {}, false],
        [{}, keyed('two'), false],
      ] as const) {
        const fabric = new Fabric()
        const a = fabric.machine(64512, [node], [peerTo(tor, 65001, ours)])
        fabric.machine(65001, [tor], [peerTo(node, 64512, theirs)])
        await fabric.pass(60_000)
        expect(a.peer().state === 'Established', JSON.stringify([ours, theirs])).to.equal(state)
        await fabric.stop()
      }
    })

    it(`J6 change while the session is up, over ${over}`, async () => {
      const fabric = new Fabric()
      const a = fabric.machine(64512, [node], [peerTo(tor, 65001, keyed('one'))])
      fabric.machine(65001, [tor], [peerTo(node, 64512, keyed('one'))])
      await fabric.pass(10_000)
      const report = a.apply({ peers: [peerTo(tor, 65001, keyed('two'))] })
      expect(report.peers).to.deep.include({ changed: [tor], reset: [] })
      await fabric.pass(10_000)
      expect(a.peer()).to.include({ state: 'Established', flaps: 0 })
      await fabric.stop()
    })
  }

  it('J8 are nowhere in what the speaker shows', async () => {
    const fabric = new Fabric()
    const a = fabric.machine(64512, ['10.0.0.2'], [peerTo('10.0.0.1', 65001, keyed('sesame'))])
    await fabric.pass(100)
    expect(JSON.stringify(a.speaker.snapshot())).not.to.contain('sesame')
    expect(a.peer().security).to.deep.equal({ md5: true })
    await fabric.stop()
  })
})

describe('a local port', () => {
  it('is what connections to the peer are opened from', async () => {
    const fabric = new Fabric()
    const ports: number[] = []
    await fabric.network.from(address('10.0.0.1')).listen({ address: address('10.0.0.1'), port: 179 }, ({ remote }) => {
      ports.push(remote.port)
    })
    fabric.machine(64512, ['10.0.0.2'], [peerTo('10.0.0.1', 65001, { localPort: 2179 })])
    await fabric.pass(1000)
    expect(ports).to.deep.equal([2179])
    await fabric.stop()
  })
})

describe('maximum prefixes', () => {
  const limited = (more: Partial<PeerDeclaration['maxPrefixes']>): Partial<PeerDeclaration> => ({
    maxPrefixes: { limit: { 'ipv4-unicast': 3, 'ipv6-unicast': 3 }, warnAt: 75, beyond: 'discard', ...more },
  })

  for (const [over, node, tor] of transports) {
    it(`J3 refuses what is beyond, and nothing else moves, over ${over}`, async () => {
      const fabric = new Fabric()
      const a = fabric.machine(64512, [node, '172.16.0.2', 'fd77::2'], [peerTo(tor, 65001, limited({}))])
      const b = fabric.machine(65001, [tor, '172.16.0.1', 'fd77::1'], [peerTo(node, 64512)])
      b.apply({ routes: many(3) })
      await fabric.pass(10_000)
      expect(prefixes(a)).to.have.length(6)
      b.apply({ routes: many(5) })
      await fabric.pass(1000)
      expect(prefixes(a)).to.have.length(6)
      expect(a.peer()).to.include({ state: 'Established', flaps: 0 })
      for (const family of families) {
        expect(a.peer().routes[family].rejectedBy).to.deep.equal({ 'maximum number of prefixes': 2 })
        expect(a.peer().routes[family]).to.include({ prefixes: 5, maxPrefixes: 3 })
      }
      // What is there already can still change.
      b.apply({ routes: many(3).map((one) => ({ ...one, attributes: { med: 7 } })) })
      await fabric.pass(1000)
      expect(a.speaker.routes('best').every(({ attributes }) => /MULTI_EXIT_DISC 7\b/.test(attributes))).to.equal(true)
      await fabric.stop()
    })

    it(`J3 D10 ends the session with Cease/1 where that was asked for, and tries again when its time is up, over ${over}`, async () => {
      const fabric = new Fabric()
      const a = fabric.machine(
        64512,
        [node, '172.16.0.2', 'fd77::2'],
        [peerTo(tor, 65001, limited({ beyond: 'reset', restartAfter: 300 }))],
      )
      const b = fabric.machine(65001, [tor, '172.16.0.1', 'fd77::1'], [peerTo(node, 64512)])
      b.apply({ routes: many(4) })
      await fabric.pass(10_000)
      expect(a.peer().lastNotificationSent).to.include({ code: 6, subcode: 1 })
      expect(a.peer().blocked).to.contain('more than 3')
      expect(prefixes(a)).to.deep.equal([])
      await fabric.pass(280_000)
      expect(a.peer().state).to.equal('Idle')
      b.apply({ routes: many(2) })
      await fabric.pass(90_000)
      expect(a.peer().state).to.equal('Established')
      expect(prefixes(a)).to.have.length(4)
      await fabric.stop()
      expect(fabric.clock.pending).to.equal(0)
    })
  }

  it('J3 hold nothing down once the limit is lifted, be it as the session falls', async () => {
    const fabric = new Fabric()
    const a = fabric.machine(64512, ['10.0.0.2'], [peerTo('10.0.0.1', 65001, limited({ beyond: 'reset' }))])
    const b = fabric.machine(65001, ['10.0.0.1'], [peerTo('10.0.0.2', 64512, { passive: true })])
    a.speaker.onEvent((event) => {
      if (event.kind === 'down' && event.established) a.apply({ peers: [peerTo('10.0.0.1', 65001)] })
    })
    b.apply({ routes: many(4) })
    await fabric.pass(90_000)
    expect(a.peer()).to.include({ state: 'Established', flaps: 1 })
    await fabric.stop()
  })

  it('J3 counts what a changed policy refuses, until it is withdrawn', async () => {
    const fabric = new Fabric()
    const refuse = { importPolicy: { ...acceptAll, default: 'reject' as const } }
    const a = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo('10.0.0.1', 65001, limited({}))])
    const b = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512)])
    const counted = () => families.map((family) => a.peer().routes[family].prefixes)
    b.apply({ routes: many(3) })
    await fabric.pass(10_000)
    a.apply({ peers: [peerTo('10.0.0.1', 65001, { ...limited({}), ...refuse })] })
    expect(prefixes(a)).to.deep.equal([])
    expect(counted()).to.deep.equal([3, 3])
    b.apply({ routes: many(1) })
    await fabric.pass(1000)
    expect(counted()).to.deep.equal([1, 1])
    await fabric.stop()
  })

  it('J3 counts what policy refuses, each prefix once', async () => {
    const fabric = new Fabric()
    const refuse = { importPolicy: { ...acceptAll, default: 'reject' as const } }
    const a = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo('10.0.0.1', 65001, { ...refuse, ...limited({}) })])
    const b = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512)])
    b.apply({ routes: many(2) })
    await fabric.pass(10_000)
    b.apply({ routes: many(2).map((one) => ({ ...one, attributes: { med: 1 } })) })
    await fabric.pass(1000)
    expect(a.peer().routes['ipv4-unicast'].prefixes).to.equal(2)
    b.apply({ routes: many(1) })
    await fabric.pass(1000)
    expect(a.peer().routes['ipv4-unicast'].prefixes).to.equal(1)
    expect(a.peer().routes['ipv6-unicast'].prefixes).to.equal(1)
    await fabric.stop()
  })
})

describe('neighbours of a prefix', () => {
  for (const [over, node, range, first, second, third, stranger] of [
    ['IPv4', '10.0.0.1', ['10.0.0.0', 24], '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.1.2'],
    ['IPv6', 'fd00::1', ['fd00::', 64], 'fd00::2', 'fd00::3', 'fd00::4', 'fd00:0:0:1::2'],
  ] as const) {
    it(`come and go, as many as there is room for, over ${over}`, async () => {
      const fabric = new Fabric()
      const [base, length] = range
      const template = peerTo(base, 65001, { name: 'racks', passive: true, dynamic: { length, limit: 2 } })
      const router = fabric.machine(64512, [node], [template])
      const declared = [peerTo(node, 64512)]
      const [one, , , four] = [first, second, third, stranger].map((own) => fabric.machine(65001, [own], declared))
      await fabric.pass(30_000)
      const names = () => router.speaker.snapshot().peers.map(({ name, state }) => `${name} ${state}`)
      expect(names()).to.deep.equal([`${first} Established`, `${second} Established`])
      const [told] = router.speaker.snapshot().dynamic
      expect(told).to.include({ name: 'racks', limit: 2, peers: 2 })
      expect(told?.refused).to.be.above(0)
      expect(four?.peer().state).not.to.equal('Established')
      // The one that leaves makes room.
      one?.apply({ peers: [] })
      await fabric.pass(70_000)
      expect(names()).to.deep.equal([`${second} Established`, `${third} Established`])
      // A change that is live for a peer is live for all that came by the prefix.
      router.apply({ peers: [{ ...template, importPolicy: { ...acceptAll, default: 'reject' } }] })
      await fabric.pass(1000)
      expect(names()).to.deep.equal([`${second} Established`, `${third} Established`])
      router.apply({ peers: [] })
      await fabric.pass(1000)
      expect(names()).to.deep.equal([])
      await fabric.stop()
      expect(fabric.errors).to.deep.equal([])
      expect(fabric.clock.pending).to.equal(0)
    })
  }
})

describe('a refresh with a beginning and an end', () => {
  for (const [over, node, tor] of transports) {
    it(`H3 frames the answer, over ${over}`, async () => {
      const fabric = new Fabric()
      const framed = { enhancedRefresh: true }
      const a = fabric.machine(64512, [node, '172.16.0.2', 'fd77::2'], [peerTo(tor, 65001, framed)])
      const b = fabric.machine(65001, [tor, '172.16.0.1', 'fd77::1'], [peerTo(node, 64512, framed)])
      b.apply({ routes: many(2) })
      await fabric.pass(10_000)
      const before = a.peer().messages.in['route-refresh']!
      // Another import policy needs what was refused: the peer is asked, and answers between two markers.
      a.apply({ peers: [peerTo(tor, 65001, { ...framed, importPolicy: { ...acceptAll, default: 'reject' } })] })
      await fabric.pass(1000)
      a.apply({ peers: [peerTo(tor, 65001, framed)] })
      await fabric.pass(1000)
      expect(prefixes(a)).to.have.length(4)
      expect(a.peer().messages.in['route-refresh']! - before).to.equal(4)
      expect(a.peer()).to.include({ flaps: 0 })
      await fabric.stop()
    })
  }
})

/** The routing half alone, with a peer that says whatever a test wants. */
class Bench {
  readonly clock = new VirtualClock()
  readonly routing: Routing
  readonly link: PeerLink

  constructor(more: Partial<Negotiated>) {
    const quiet = () => {}
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }
    this.routing = new Routing({ clock: this.clock, random: () => 0.5, log } as unknown as World, {
      endOfRibHeld: false,
    })
    const negotiated: Negotiated = {
      localAsn: 64512,
      peerAsn: 65001,
      peerRouterId: 1,
      external: true,
      holdTime: 90,
      families,
      fourOctetAsn: true,
      extendedMessages: false,
      routeRefresh: true,
      enhancedRefresh: true,
      addPath: [],
      extendedNextHop: false,
      peerCapabilities: [],
      ...more,
    }
    const name = '10.0.0.1'
    this.link = {
      name,
      declaration: peerTo(name, 65001),
      negotiated,
      localAddress: address('10.0.0.2'),
      send: () => true,
      queuedBytes: 0,
    }
    this.routing.addPeer(this.link)
    this.routing.sessionUp(this.link, negotiated)
  }

  update(body: Uint8Array): void {
    expect(this.routing.update(this.link, body, 0, body.length)).to.equal(undefined)
    this.clock.pass(100)
  }

  rows(): string[] {
    return listRoutes(this.routing, 'in').map(({ prefix, attributes, best }) => {
      const med = /MULTI_EXIT_DISC (\d+)/.exec(attributes)?.[1]
      return `${prefix} ${med}${best ? ' best' : ''}`
    })
  }
}

const attributes = (med: number, nextHop = true) =>
  encodeAttributes(
    {
      origin: 'igp',
      asPath: [{ type: 'sequence', asns: [65001] }],
      med,
      ...(nextHop && { nextHop: address('192.0.2.1') }),
    },
    { fourOctetAsn: true },
  )

const bodies: Record<
  Family,
  { reach: (med: number, nlri: string) => Uint8Array; unreach: (nlri: string) => Uint8Array }
> = {
  'ipv4-unicast': {
    reach: (med, nlri) => body(new Uint8Array(0), attributes(med), octets(nlri)),
    unreach: (nlri) => body(octets(nlri), new Uint8Array(0), new Uint8Array(0)),
  },
  'ipv6-unicast': {
    reach: (med, nlri) =>
      body(new Uint8Array(0), join(reachOf(2, '20010db8000000000000000000000001', nlri), attributes(med, false))),
    unreach: (nlri) => body(new Uint8Array(0), attribute(0x0f, `000201${nlri}`)),
  },
}

const join = (...parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]))
const attribute = (type: number, value: string) => join(Uint8Array.of(0x80, type, octets(value).length), octets(value))
const reachOf = (afi: number, hop: string, nlri: string) =>
  attribute(0x0e, `000${afi}01${(hop.length / 2).toString(16).padStart(2, '0')}${hop}00${nlri}`)

function body(withdrawn: Uint8Array, list: Uint8Array, nlri: Uint8Array = new Uint8Array(0)): Uint8Array {
  const length = (part: Uint8Array) => Uint8Array.of(part.length >>> 8, part.length)
  return join(length(withdrawn), withdrawn, length(list), list, nlri)
}

describe('several paths a prefix', () => {
  const nlri = { 'ipv4-unicast': '18c63364', 'ipv6-unicast': '3020010db80001' } as const
  const text = { 'ipv4-unicast': '198.51.100.0/24', 'ipv6-unicast': '2001:db8:1::/48' } as const

  for (const family of families) {
    it(`H8 are kept apart by identifier and withdrawn by it, ${family}`, () => {
      const bench = new Bench({ addPath: families })
      const { reach, unreach } = bodies[family]
      bench.update(reach(20, `00000001${nlri[family]}`))
      bench.update(reach(10, `00000002${nlri[family]}`))
      bench.update(reach(30, `fffffffe${nlri[family]}`))
      expect(bench.rows()).to.have.members([`${text[family]} 10 best`, `${text[family]} 20`, `${text[family]} 30`])
      bench.update(unreach(`00000002${nlri[family]}`))
      expect(bench.rows()).to.have.members([`${text[family]} 20 best`, `${text[family]} 30`])
      bench.update(reach(5, `fffffffe${nlri[family]}`))
      expect(bench.rows()).to.have.members([`${text[family]} 5 best`, `${text[family]} 20`])
      bench.routing.sessionDown(bench.link, false)
      bench.clock.pass(100)
      expect(bench.rows()).to.deep.equal([])
    })

    it(`H8 may be as many as there are prefixes, with an identifier each, ${family}`, () => {
      const bench = new Bench({ addPath: families })
      const { reach, unreach } = bodies[family]
      const messages = Array.from({ length: 8000 }, (_, index) => {
        const identifier = (index + 1).toString(16).padStart(8, '0')
        return reach(1, `${identifier}${nlri[family].replace(/..$/, identifier.slice(-2))}`)
      })
      const began = performance.now()
      for (const message of messages) bench.routing.update(bench.link, message, 0, message.length)
      expect(performance.now() - began).to.be.below(1500)
      // What was never said takes no place.
      const counters = bench.routing.routed(bench.link)!.counters[family]
      expect(counters.accepted).to.equal(8000)
      bench.update(unreach(`deadbeef${nlri[family]}`))
      expect(counters.accepted).to.equal(8000)
    })

    it(`H8 go with their session, however many identifiers there were, ${family}`, () => {
      const bench = new Bench({ addPath: families })
      bench.update(bodies[family].reach(1, `00000001${nlri[family]}`))
      for (let index = 2; index < 1000; index++) {
        const identifier = index.toString(16).padStart(8, '0')
        bench.update(bodies[family].reach(1, `${identifier}${nlri[family].replace(/..$/, identifier.slice(-2))}`))
      }
      expect(bench.routing.routed(bench.link)!.counters[family].accepted).to.equal(999)
      bench.routing.sessionDown(bench.link, false)
      bench.clock.pass(100)
      expect(bench.rows()).to.deep.equal([])
      // Its memory goes a moment later.
      bench.clock.pass(10_000)
      expect(bench.clock.pending).to.equal(0)
    })

    it(`H9 have an identifier each, or the session ends, ${family}`, () => {
      const bench = new Bench({ addPath: families })
      const cut = bodies[family].reach(1, '000000')
      expect(bench.routing.update(bench.link, cut, 0, cut.length)).to.include({ code: 3, subcode: 10 })
    })
  }
})

describe('a refresh that the peer begins', () => {
  const one = { 'ipv4-unicast': '18c63364', 'ipv6-unicast': '3020010db80001' } as const
  const two = { 'ipv4-unicast': '18c63365', 'ipv6-unicast': '3020010db80002' } as const

  for (const family of families) {
    const started = () => {
      const bench = new Bench({})
      bench.update(bodies[family].reach(1, `${one[family]}${two[family]}`))
      bench.routing.refreshBegins(bench.link, family)
      bench.update(bodies[family].reach(2, one[family]))
      expect(bench.rows()).to.have.length(2)
      return bench
    }

    it(`H4 ends with what came again, and without the rest, ${family}`, () => {
      const bench = started()
      bench.routing.refreshEnds(bench.link, family)
      bench.clock.pass(100)
      expect(bench.rows().map((row) => row.split(' ')[1])).to.deep.equal(['2'])
      expect(bench.routing.peers[0]?.counters[family].accepted).to.equal(1)
    })

    it(`H4 ends after a while even if the peer never says so, ${family}`, () => {
      const bench = started()
      bench.clock.pass(359_000)
      expect(bench.rows()).to.have.length(2)
      bench.clock.pass(2000)
      expect(bench.rows()).to.have.length(1)
    })

    it(`H4 leaves the other family alone, ${family}`, () => {
      const bench = started()
      const other = family === 'ipv4-unicast' ? 'ipv6-unicast' : 'ipv4-unicast'
      bench.update(bodies[other].reach(1, one[other]))
      bench.routing.refreshEnds(bench.link, family)
      bench.clock.pass(100)
      expect(bench.rows()).to.have.length(2)
    })
  }
})

describe('IPv4 routes with IPv6 next hops', () => {
  const message = body(
    new Uint8Array(0),
    join(reachOf(1, '20010db8000000000000000000000001', '18c63364'), attributes(1, false)),
  )

  it('E7 are taken once both sides offered it, and not before', () => {
    const [with8950, without] = [new Bench({ extendedNextHop: true }), new Bench({})]
    for (const bench of [with8950, without]) bench.update(message)
    expect(listRoutes(with8950.routing, 'in').map(({ prefix, nextHop }) => `${prefix} ${nextHop}`)).to.deep.equal([
      '198.51.100.0/24 2001:db8::1',
    ])
    expect(listRoutes(without.routing, 'in')).to.deep.equal([])
  })

  it('E7 are sent by a node without an IPv4 address', async () => {
    const offer = { extendedNextHop: true }
    for (const [terms, expected] of [
      [offer, ['198.51.100.0/24 via fd00::2']],
      [{}, []],
    ] as const) {
      const fabric = new Fabric()
      const node = fabric.machine(64512, ['fd00::2'], [peerTo('fd00::1', 65001, offer)])
      const tor = fabric.machine(65001, ['fd00::1'], [peerTo('fd00::2', 64512, terms)])
      node.apply({ routes: [route('198.51.100.0/24')] })
      await fabric.pass(10_000)
      expect(tor.table()).to.deep.equal(expected)
      node.apply({ routes: [] })
      await fabric.pass(1000)
      expect(tor.table()).to.deep.equal([])
      await fabric.stop()
    }
  })
})
