/** What is refused at the border whatever the policy, unless a peer is declared otherwise: paths as no honest neighbour sends them. */

import { type AsPath, encodeUpdate, families, type Negotiated } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll } from '../../../policy/index.ts'
import type { PeerDeclaration, World } from '../../../speaker/index.ts'
import type { PeerLink } from '../../../speaker/peer-link.ts'
import { pathTooLong, tooMuchMemory } from '../../../speaker/routed-peer.ts'
import { Routing } from '../../../speaker/routing.ts'
import { listRoutes, tellPrefix } from '../../../speaker/story.ts'
import { address, negotiatedWith, peerTo, prefix } from '../../support/fabric.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

/** A session that is up, as routing sees it. */
class Link implements PeerLink {
  declaration: PeerDeclaration
  readonly negotiated: Negotiated
  readonly localAddress = address('10.0.0.2')
  readonly queuedBytes = 0

  constructor(text: string, asn: number) {
    this.declaration = peerTo(text, asn, { exportPolicy: acceptAll })
    this.negotiated = negotiatedWith(asn, asn)
  }

  get name(): string {
    return this.declaration.name
  }

  send(): boolean {
    return true
  }
}

const sequence = (...asns: number[]): AsPath => [{ type: 'sequence', asns }]
const withSet: AsPath = [
  { type: 'sequence', asns: [65001] },
  { type: 'set', asns: [65002, 65003] },
]
const texts = ['192.0.2.0/24', '2001:db8::/32']

describe('paths from an external peer', () => {
  let clock: VirtualClock
  let routing: Routing
  let from: Link
  let to: Link

  beforeEach(() => {
    const silent = () => {}
    clock = new VirtualClock()
    const world: World = {
      clock,
      random: () => 0.5,
      transport: { dial: () => expect.fail('no dialling here'), listen: () => expect.fail('no listening here') },
      log: { debug: silent, info: silent, warn: silent, error: silent },
    }
    routing = new Routing(world, { endOfRibHeld: false })
    const addresses = { 'ipv4-unicast': address('10.0.0.2'), 'ipv6-unicast': address('fd00::2') }
    routing.setLocal({ asn: 64512, routerId: 1, listen: [], addresses })
    from = new Link('10.0.0.1', 65001)
    to = new Link('10.0.0.9', 65009)
    for (const link of [from, to]) {
      routing.addPeer(link)
      routing.sessionUp(link, link.negotiated)
    }
  })

  afterEach(() => routing.stop())

  const declare = (more: Partial<PeerDeclaration>) => {
    from.declaration = { ...from.declaration, ...more }
    return routing.redeclare(from).needsRefresh
  }
  /** Announces both families with this path. */
  const announce = (asPath: AsPath) => {
    const attributes = { origin: 'igp', asPath } as const
    for (const message of [
      encodeUpdate({ attributes: { ...attributes, nextHop: address('10.0.0.1') }, nlri: [prefix(texts[0]!)] }),
      encodeUpdate({
        attributes,
        reach: { family: 'ipv6-unicast', nextHop: address('fd00::1'), prefixes: [prefix(texts[1]!)] },
      }),
    ]) {
      expect(routing.update(from, message, 19, message.length)).to.equal(undefined)
    }
    clock.pass(1000)
  }
  const held = () => listRoutes(routing, 'best').map((row) => row.prefix)
  const given = () => listRoutes(routing, 'out', { peer: to.name }).map((row) => row.prefix)

  it('C20 are refused when they begin with the ASN of somebody else, or with none', () => {
    announce(sequence(65001, 65005))
    expect([held(), given()]).to.deep.equal([texts, texts])
    announce(sequence(65005, 65001))
    expect([held(), given()]).to.deep.equal([[], []])
    announce([])
    expect(held()).to.deep.equal([])
  })

  it('C20 are taken from a route server, which is declared one; its routes are asked for anew', () => {
    announce(sequence(65005, 65006))
    expect(held()).to.deep.equal([])
    expect(declare({ checksFirstAsn: false })).to.deep.equal(families)
    announce(sequence(65005, 65006))
    expect([held(), given()]).to.deep.equal([texts, texts])
    expect(declare({})).to.deep.equal([])
    expect(declare({ checksFirstAsn: true })).to.deep.equal(families)
    announce(sequence(65005, 65006))
    expect(held()).to.deep.equal([])
  })

  it('C22 are refused with an AS_SET', () => {
    announce(withSet)
    expect(held()).to.deep.equal([])
    expect(routing.routed(from)?.malformed.counts['treat-as-withdraw']).to.equal(2)
  })

  it('C22 are taken with one where the peer is declared so, and passed on to nobody', () => {
    expect(declare({ takesAsSets: true })).to.deep.equal(families)
    announce(withSet)
    expect([held(), given()]).to.deep.equal([texts, []])
    for (const text of texts) {
      const [verdict] = tellPrefix(routing, prefix(text)).peers.filter(({ peer }) => peer === to.name)
      expect(verdict).to.include({ sent: false, reason: 'AS_SET in the path, RFC 9774 3' })
    }
    expect(declare({ takesAsSets: false })).to.deep.equal(families)
    announce(withSet)
    expect(held()).to.deep.equal([])
  })

  it('C23 are refused with a confederation segment, whatever the peer is declared', () => {
    declare({ takesAsSets: true })
    announce([{ type: 'confed-set', asns: [65001] }, ...sequence(65001)])
    expect(held()).to.deep.equal([])
  })

  describe('that are beyond a limit', () => {
    const long = (length: number) => sequence(...Array.from({ length }, () => 65001))
    const refusedBy = () => families.map((family) => [...routing.routed(from)!.counters[family].rejectedBy.keys()])

    it('are refused when they are longer than the peer may send them, and asked for again once they may be', () => {
      announce(long(500))
      expect(held()).to.deep.equal(texts)
      announce(long(501))
      expect([held(), given()]).to.deep.equal([[], []])
      expect(refusedBy()).to.deep.equal([[pathTooLong], [pathTooLong]])
      expect(declare({ maxPathLength: 400 })).to.deep.equal([])
      expect(declare({ maxPathLength: 600 })).to.deep.equal(families)
      announce(long(501))
      expect(held()).to.deep.equal(texts)
    })

    it('are refused once the attributes of the peer take what they may; those of others are taken', () => {
      declare({ attributeOctets: 4096 })
      for (let asn = 1; asn <= 200; asn++) announce(sequence(65001, ...Array.from({ length: 20 }, () => asn)))
      // Each one takes the place of the last, so there is always room.
      expect(held()).to.deep.equal(texts)
      expect(routing.routed(from)!.share.octets).to.be.below(2 * 400)
      const distinct = (asn: number) => {
        const octets = [10, asn >>> 8, asn & 255, 0]
        const address4 = prefix(`${octets.join('.')}/24`)
        const attributes = { origin: 'igp', asPath: sequence(65001, asn), nextHop: address('10.0.0.1') } as const
        const message = encodeUpdate({ attributes, nlri: [address4] })
        expect(routing.update(from, message, 19, message.length)).to.equal(undefined)
      }
      for (let asn = 1; asn <= 200; asn++) distinct(asn)
      clock.pass(1000)
      const { share, counters } = routing.routed(from)!
      expect(share.octets).to.be.within(4096 - 200, 4096)
      expect(counters['ipv4-unicast'].rejectedBy.get(tooMuchMemory)).to.be.above(100)
      const before = held().length
      const honest = encodeUpdate({
        attributes: { origin: 'igp', asPath: sequence(65009), nextHop: address('10.0.0.9') },
        nlri: [prefix('203.0.113.0/24')],
      })
      routing.update(to, honest, 19, honest.length)
      expect(held()).to.have.length(before + 1)
      expect(declare({ attributeOctets: 8192 })).to.deep.equal(['ipv4-unicast'])
      routing.sessionDown(from, false)
      clock.pass(1000)
      expect(routing.routed(from)!.share.octets).to.equal(0)
    })
  })
})
