import {
  decodeAttributes,
  encodeUpdate,
  endOfRibFamily,
  type Family,
  Framer,
  families,
  formatPrefix,
  isFault,
  type Negotiated,
  newUpdateParts,
  readPrefixes,
  readReach,
  readUnreach,
  scanUpdate,
} from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { acceptAll, originatedOnly } from '../../../../policy/index.ts'
import type { PeerDeclaration, World } from '../../../../speaker/index.ts'
import type { PeerLink } from '../../../../speaker/peer-link.ts'
import { Routing } from '../../../../speaker/routing.ts'
import { address, negotiatedWith, peerTo, prefix, route } from '../../../support/fabric.ts'
import { VirtualClock } from '../../../support/virtual-clock.ts'

const four = { fourOctetAsn: true }

/** A clock on which work takes time: every look at it costs a millisecond, so that long work is cut in slices. */
class BusyClock extends VirtualClock {
  #spent = 0

  override now(): number {
    return super.now() + this.#spent++
  }
}

/** A router at the end of a socket that takes octets only while it likes. */
class Router implements PeerLink {
  readonly declaration: PeerDeclaration
  readonly negotiated: Negotiated
  readonly localAddress = address('10.0.0.2')
  /** What it holds: prefix to MED. */
  readonly table = new Map<string, number>()
  readonly ended = new Set<Family>()
  clogged = false
  queue: Uint8Array[] = []
  #framer = new Framer()

  /** `limit`: the most routes of a family that it may be sent. */
  constructor(index: number, exportPolicy = originatedOnly, limit?: number) {
    const asn = 65001 + index
    const maximumOut = limit === undefined ? {} : { 'ipv4-unicast': limit, 'ipv6-unicast': limit }
    this.declaration = peerTo(`10.0.1.${index}`, asn, { exportPolicy, maximumOut })
    this.negotiated = negotiatedWith(asn, index + 1)
  }

  get name(): string {
    return this.declaration.name
  }

  get queuedBytes(): number {
    // Full with the first message: few routes are enough for a test. A session that has just begun has nothing to be full of.
    return this.clogged && (this.queue.length > 0 || this.ended.size > 0) ? 1024 * 1024 : 0
  }

  send(bytes: Uint8Array): boolean {
    if (this.clogged) this.queue.push(bytes)
    else this.#read(bytes)
    return !this.clogged
  }

  drain(): void {
    this.clogged = false
    const queued = this.queue
    this.queue = []
    for (const bytes of queued) this.#read(bytes)
  }

  restart(): void {
    this.drain()
    this.table.clear()
    this.ended.clear()
    this.#framer = new Framer()
  }

  #read(chunk: Uint8Array): void {
    const fault = this.#framer.push(chunk, (_type, bytes, at, end) => {
      this.#update(bytes, at, end)
      return true
    })
    expect(fault).to.equal(undefined)
  }

  #update(bytes: Uint8Array, at: number, end: number): void {
    const parts = newUpdateParts()
    expect(scanUpdate(bytes, at, end, parts)).to.equal(undefined)
    const ended = endOfRibFamily(bytes, parts)
    if (ended) this.ended.add(ended)
    const { med = 0 } = decodeAttributes(bytes, parts.attributesAt, parts.attributesEnd, four)
    const gone = readPrefixes(bytes, parts.withdrawnAt, parts.withdrawnEnd, 'ipv4-unicast')
    const come = readPrefixes(bytes, parts.nlriAt, parts.nlriEnd, 'ipv4-unicast')
    const unreach = parts.unreachAt ? readUnreach(bytes, parts.unreachAt, parts.unreachEnd) : undefined
    const reach = parts.reachAt ? readReach(bytes, parts.reachAt, parts.reachEnd) : undefined
    if (isFault(unreach) || isFault(reach)) throw new Error('malformed')
    if (unreach) gone.push(...readPrefixes(bytes, unreach.nlriAt, unreach.nlriEnd, 'ipv6-unicast'))
    if (reach) come.push(...readPrefixes(bytes, reach.nlriAt, reach.nlriEnd, 'ipv6-unicast'))
    for (const one of gone) this.table.delete(formatPrefix(one))
    for (const one of come) this.table.set(formatPrefix(one), med)
    for (const family of families) expect(this.count(family), this.name).to.be.at.most(this.limit)
  }

  get limit(): number {
    return this.declaration.maximumOut?.['ipv4-unicast'] ?? Number.POSITIVE_INFINITY
  }

  count(family: Family): number {
    return countOf(this.table, family)
  }
}

const countOf = (table: ReadonlyMap<string, number>, family: Family) =>
  [...table.keys()].filter((text) => text.includes(':') === (family === 'ipv6-unicast')).length

const nth = (index: number) => (index % 2 ? `192.0.2.${index}/32` : `2001:db8::1:${index.toString(16)}/128`)

class Subject {
  readonly clock = new BusyClock()
  readonly routing: Routing
  readonly routers: readonly Router[]
  readonly up = new Set<Router>()
  readonly originated = new Map<string, number>()
  readonly learned = new Map<string, number>()
  readonly source = new Router(99)

  constructor(routers: readonly Router[]) {
    this.routers = routers
    const silent = () => {}
    const world: World = {
      clock: this.clock,
      random: () => 0.5,
      transport: { dial: () => expect.fail('no dialling here'), listen: () => expect.fail('no listening here') },
      log: { debug: silent, info: silent, warn: silent, error: silent },
    }
    this.routing = new Routing(world, { endOfRibHeld: false })
    this.routing.setLocal({
      asn: 64512,
      routerId: 1,
      listen: [],
      addresses: { 'ipv4-unicast': address('10.0.0.2'), 'ipv6-unicast': address('fd00::2') },
    })
    for (const router of [this.source, ...routers]) this.start(router)
  }

  start(router: Router): void {
    this.routing.addPeer(router)
    this.routing.sessionUp(router, router.negotiated)
    this.up.add(router)
  }

  stop(router: Router): void {
    this.routing.removePeer(router)
    this.up.delete(router)
    router.restart()
  }

  originate(index: number, med: number | undefined): void {
    if (med === undefined) this.originated.delete(nth(index))
    else this.originated.set(nth(index), med)
    this.routing.origination.setRoutes(
      [...this.originated].map(([text, value]) => route(text, { attributes: { med: value } })),
    )
  }

  /** The source announces or withdraws a route; its MED does not go any further. */
  learn(index: number, there: boolean): void {
    const one = prefix(nth(index))
    const { family } = one
    if (there) this.learned.set(nth(index), 0)
    else this.learned.delete(nth(index))
    const attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns: [65100] }] } as const
    const v4 = family === 'ipv4-unicast'
    const message = there
      ? encodeUpdate(
          v4
            ? { attributes: { ...attributes, nextHop: address('10.0.9.9') }, nlri: [one] }
            : { attributes, reach: { family, nextHop: address('fd00::99'), prefixes: [one] } },
        )
      : encodeUpdate(v4 ? { withdrawn: [one] } : { unreach: { family, prefixes: [one] } })
    expect(this.routing.update(this.source, message, 19, message.length)).to.equal(undefined)
  }

  drain(router: Router): void {
    router.drain()
    if (this.up.has(router)) this.routing.drained(router)
  }

  /** Everybody reads again, and time passes. */
  settle(): void {
    for (let round = 0; round < 4; round++) {
      for (const router of this.routers) this.drain(router)
      this.clock.pass(1000)
    }
  }

  expected(router: Router): Map<string, number> {
    const transit = router.declaration.exportPolicy === acceptAll
    return new Map([...(transit ? this.learned : []), ...this.originated])
  }

  check(): void {
    this.settle()
    const sorted = (table: Map<string, number>) => [...table].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const router of this.up) {
      if (router === this.source) continue
      const expected = this.expected(router)
      // Which ones it has when there are too many depends on what came first; that they are right does not.
      const wanted =
        router.limit === Number.POSITIVE_INFINITY
          ? expected
          : new Map([...expected].filter(([text]) => router.table.has(text)))
      expect(sorted(router.table), router.name).to.deep.equal(sorted(wanted))
      for (const family of families) {
        expect(router.count(family), router.name).to.equal(Math.min(router.limit, countOf(expected, family)))
        const held = this.routing.outbound.heldBack(this.routing.routed(router)!, family)
        expect(held, router.name).to.equal(Math.max(0, countOf(expected, family) - router.limit))
      }
      expect(
        [...router.ended].sort((a, b) => (a < b ? -1 : 1)),
        router.name,
      ).to.deep.equal(families)
    }
  }
}

const five = (limit?: number) =>
  [0, 1, 2]
    .map((index) => new Router(index, originatedOnly, limit))
    .concat([3, 4].map((index) => new Router(index, acceptAll, limit)))

describe('peers that read slowly', () => {
  it('D14 get the latest state of each prefix, not all that happened meanwhile', () => {
    const subject = new Subject(five())
    subject.clock.pass(1000)
    const [slow, fast] = subject.routers as readonly [Router, Router]
    slow.clogged = true
    for (let round = 0; round < 200; round++) {
      subject.originate(1, round)
      subject.originate(2, round)
      subject.clock.pass(100)
    }
    expect(fast.table.get(nth(1))).to.equal(199)
    expect(slow.queue.length).to.be.below(10)
    subject.check()
  })

  it('D14 keep nobody else waiting', () => {
    const subject = new Subject(five())
    subject.clock.pass(1000)
    const [slow, ...others] = subject.routers as readonly [Router, ...Router[]]
    slow.clogged = true
    for (let index = 0; index < 40; index++) {
      subject.originate(index, 5)
      subject.clock.pass(100)
    }
    for (const other of others) expect(other.table.size, other.name).to.equal(40)
    subject.check()
  })

  it('are put together with their equals again once they have caught up', () => {
    const subject = new Subject(five())
    subject.clock.pass(1000)
    const together = subject.routing.outbound.groups
    subject.routers[0]!.clogged = true
    for (let index = 0; index < 10; index++) {
      subject.originate(index, 5)
      subject.clock.pass(100)
    }
    expect(subject.routing.outbound.groups).to.equal(together + 1)
    subject.check()
    expect(subject.routing.outbound.groups).to.equal(together)
  })

  it('are told of a change that comes after many a refresh', () => {
    const subject = new Subject(five())
    subject.originate(1, 5)
    subject.clock.pass(1000)
    for (let count = 0; count < 10; count++) {
      subject.routing.refresh(subject.routers[0]!, 'ipv4-unicast')
      subject.clock.pass(1000)
    }
    subject.originate(1, 6)
    subject.check()
  })

  it('never hear of a prefix that came and went while they did not read', () => {
    const subject = new Subject(five())
    subject.clock.pass(1000)
    const [slow] = subject.routers as readonly [Router]
    slow.clogged = true
    for (const index of [1, 2]) {
      subject.originate(index, 5)
      subject.clock.pass(100)
    }
    for (const index of [1, 2]) subject.originate(index, undefined)
    subject.clock.pass(100)
    expect(slow.queue).to.deep.equal([])
    subject.check()
    expect(families.map((family) => subject.routing.rib.families[family].prefixes.size)).to.deep.equal([0, 0])
  })

  it('are not put together with equals that were let through other routes', () => {
    const subject = new Subject([0, 1].map((index) => new Router(index, originatedOnly, 1)))
    subject.clock.pass(1000)
    const [slow, fast] = subject.routers as readonly [Router, Router]
    const step = (index: number, med: number | undefined) => {
      subject.originate(index, med)
      subject.clock.pass(1000)
    }
    for (const index of [1, 3]) step(index, 5)
    slow.clogged = true
    step(1, undefined)
    step(1, 5)
    subject.check()
    expect([slow, fast].map((router) => [...router.table.keys()])).to.deep.equal([[nth(1)], [nth(3)]])
    step(1, undefined)
    subject.check()
    // Nothing is held back now, and both have the same.
    expect(subject.routing.outbound.groups).to.equal(2)
  })

  it('are not counted what was held back and is gone', () => {
    const subject = new Subject([new Router(0, originatedOnly, 1)])
    subject.clock.pass(1000)
    for (const index of [1, 2, 3, 4]) subject.originate(index, 5)
    subject.clock.pass(1000)
    for (const index of [3, 4]) subject.originate(index, undefined)
    subject.check()
    expect(families.map((family) => subject.routing.rib.families[family].prefixes.size)).to.deep.equal([1, 1])
  })

  it('H6 pay for 200 refreshes in one read with a few dumps', () => {
    const subject = new Subject(five())
    for (let index = 0; index < 40; index++) subject.originate(index, 5)
    subject.clock.pass(1000)
    const [router] = subject.routers as readonly [Router]
    const peer = subject.routing.routed(router)!
    const before = peer.updatesSent
    for (const family of families) {
      for (let count = 0; count < 200; count++) subject.routing.refresh(router, family)
    }
    router.table.clear()
    subject.check()
    expect(peer.updatesSent - before).to.be.within(2, 10)
  })

  it('leave no prefix and no attributes behind when all routes are gone', () => {
    const subject = new Subject(five())
    for (let index = 0; index < 40; index++) {
      subject.originate(index, index)
      subject.learn(index + 20, true)
    }
    subject.clock.pass(1000)
    subject.routers[4]!.clogged = true
    for (let index = 0; index < 60; index++) {
      subject.originate(index, undefined)
      subject.learn(index, false)
    }
    subject.check()
    const { rib } = subject.routing
    expect(families.map((family) => rib.families[family].prefixes.size)).to.deep.equal([0, 0])
    expect(rib.attributes.size).to.equal(0)
  })

  const terms = [
    ['what they should', undefined],
    ['as much of it as they may be sent, and never more', 1],
  ] as const
  for (const [what, limit] of terms)
    it(`hold in the end ${what}, whatever happened in whatever order`, () => {
      const router = fc.integer({ min: 0, max: 4 })
      // Few prefixes where there is a limit, so that the same ones come and go and are held back.
      const index = fc.integer({ min: 1, max: limit === undefined ? 12 : 6 })
      const operation = fc.oneof(
        fc.record({ do: fc.constant('originate' as const), index, med: fc.option(fc.integer({ min: 0, max: 3 })) }),
        fc.record({ do: fc.constant('learn' as const), index, there: fc.boolean() }),
        fc.record({ do: fc.constantFrom('clog' as const, 'drain' as const, 'restart' as const), router }),
        fc.record({ do: fc.constant('refresh' as const), router, family: fc.constantFrom(...families) }),
        fc.record({ do: fc.constant('pass' as const), milliseconds: fc.constantFrom(0, 1, 10, 30, 500) }),
      )
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
          const subject = new Subject(five(limit))
          for (const one of operations) {
            if (one.do === 'originate') subject.originate(one.index, one.med ?? undefined)
            else if (one.do === 'learn') subject.learn(one.index, one.there)
            else if (one.do === 'pass') subject.clock.pass(one.milliseconds)
            else {
              const target = subject.routers[one.router]!
              if (one.do === 'clog') target.clogged = true
              else if (one.do === 'drain') subject.drain(target)
              else if (one.do === 'refresh') subject.routing.refresh(target, one.family)
              else {
                subject.stop(target)
                subject.start(target)
              }
            }
          }
          subject.check()
        }),
        { numRuns: limit === undefined ? 200 : 400 },
      )
    })
})
