import { type Address, type Attributes, encodeAttributes, summarize } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { type NextHopWords, noNextHop } from '../../../../speaker/rib/attribute-entry.ts'
import { AttributeTable } from '../../../../speaker/rib/attribute-table.ts'
import { ContextIds } from '../../../../speaker/rib/context-ids.ts'
import { address } from '../../../support/fabric.ts'

const localAsn = 64512
const contexts = new ContextIds()
/** The contexts of lists with a NEXT_HOP of their own, and of lists whose next hop stands in MP_REACH_NLRI. */
const contextOf = (hop: Readonly<NextHopWords>) => contexts.derived(hop.version)

const hopOf = ({ version, w0, w1, w2, w3 }: Address): NextHopWords => ({ version, w0, w1, w2, w3 })
/** One for IPv4 routes in the NLRI field, one for each family in MP_REACH_NLRI. */
const hops: [name: string, hop: Readonly<NextHopWords>][] = [
  ['NEXT_HOP', noNextHop],
  ['an IPv4 next hop in MP_REACH_NLRI', hopOf(address('10.0.0.1'))],
  ['an IPv6 next hop in MP_REACH_NLRI', hopOf(address('fd00::1'))],
]

const encode = (attributes: Attributes) => encodeAttributes(attributes, { fourOctetAsn: true })

/** The id of a list, entered if it is not there. */
function enter(table: AttributeTable, attributes: Attributes, hop: Readonly<NextHopWords>, context = contextOf(hop)) {
  const list = encode(attributes)
  const known = table.find(list, 0, list.length, context, hop)
  return known || table.add(list, 0, list.length, context, hop, summarize(list, 0, list.length, localAsn))
}

const some: Attributes = {
  origin: 'egp',
  asPath: [{ type: 'sequence', asns: [4200000000, 65001] }],
  med: 0xffffffff,
  localPref: 0xfffffffe,
  communities: [0xfde90064],
  originatorId: 0xc0a80001,
  clusterList: [1, 2, 3],
}

describe('a table of attribute lists', () => {
  let table: AttributeTable

  beforeEach(() => {
    table = new AttributeTable(99)
  })

  for (const [name, hop] of hops) {
    describe(`with ${name}`, () => {
      it('gives equal octets one id, wherever in a buffer they lie', () => {
        const id = enter(table, some, hop)
        const list = encode(some)
        const shifted = new Uint8Array(list.length + 7)
        shifted.set(list, 3)
        expect(table.find(shifted, 3, 3 + list.length, contextOf(hop), hop)).to.equal(id)
        expect(table.find(shifted, 2, 2 + list.length, contextOf(hop), hop)).to.equal(0)
        expect(table.size).to.equal(1)
      })

      it('gives no list the id 0, which means none', () => {
        expect(enter(table, {}, hop)).to.be.above(0)
        expect(enter(table, some, hop)).to.be.above(0)
      })

      it('keeps the columns that best path reads, up to the largest values', () => {
        const id = enter(table, some, hop)
        expect({
          origin: table.origin(id),
          pathLength: table.pathLength(id),
          med: table.med(id),
          localPref: table.localPref(id),
          originatorId: table.originatorId(id),
          clusterListLength: table.clusterListLength(id),
          looped: table.looped(id),
        }).to.deep.equal({
          origin: 1,
          pathLength: 2,
          med: 0xffffffff,
          localPref: 0xfffffffe,
          originatorId: 0xc0a80001,
          clusterListLength: 3,
          looped: false,
        })
      })

      it('gives the attributes back', () => {
        expect(table.attributes(enter(table, some, hop))).to.deep.equal(some)
      })

      it('frees a list with its last reference, and says so by its generation', () => {
        const id = enter(table, some, hop)
        const before = table.generation(id)
        table.retain(id)
        table.retain(id)
        table.release(id)
        expect(enter(table, some, hop)).to.equal(id)
        expect(table.generation(id)).to.equal(before)
        table.release(id)
        expect(table.size).to.equal(0)
        const list = encode(some)
        expect(table.find(list, 0, list.length, contextOf(hop), hop)).to.equal(0)
        expect(table.generation(id)).not.to.equal(before)
      })

      it('discards only what nothing refers to', () => {
        const used = enter(table, some, hop)
        table.retain(used)
        const unused = enter(table, { med: 1 }, hop)
        table.discardUnused(used)
        table.discardUnused(unused)
        expect(table.size).to.equal(1)
        expect(table.attributes(used)).to.deep.equal(some)
      })

      it('needs no more room for lists that come and go', () => {
        for (let round = 0; round < 100; round++) enter(table, { med: round }, hop)
        const before = table.bytes
        for (let round = 0; round < 5000; round++) {
          const id = enter(table, { med: 1000 + round }, hop)
          table.retain(id)
          table.release(id)
        }
        expect([table.size, table.bytes]).to.deep.equal([100, before])
      })
    })
  }

  it('C19 marks a path with our own ASN', () => {
    const looped: Attributes = { asPath: [{ type: 'sequence', asns: [65001, localAsn] }] }
    expect(table.looped(enter(table, looped, noNextHop))).to.equal(true)
  })

  it('H11 marks the communities that keep a route at home', () => {
    const flags = [0xffffff01, 0xffffff02, 0xffffff04].map((community) => {
      const id = enter(table, { communities: [community] }, noNextHop)
      return [table.noExport(id), table.noAdvertise(id)]
    })
    expect(flags).to.deep.equal([
      [true, false],
      [false, true],
      [false, false],
    ])
  })

  it('names the next hop of the list, or of MP_REACH_NLRI, or none', () => {
    const own = enter(table, { nextHop: address('192.0.2.9') }, noNextHop)
    expect(String(table.nextHop(own))).to.equal('192.0.2.9')
    expect(table.nextHop(enter(table, {}, noNextHop))).to.equal(undefined)
    for (const text of ['10.0.0.1', 'fd00::1']) {
      const id = enter(table, {}, hopOf(address(text)))
      expect(String(table.nextHop(id))).to.equal(text)
      expect(table.nextHopVersion(id)).to.equal(address(text).version)
    }
  })

  it('E1 ignores NEXT_HOP where MP_REACH_NLRI names the next hop', () => {
    const id = enter(table, { nextHop: address('192.0.2.9') }, hopOf(address('fd00::1')))
    expect(String(table.nextHop(id))).to.equal('fd00::1')
  })

  it('tells the same octets apart by their next hop and by who sent them', () => {
    const texts = ['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2', 'fd00:0:0:1::1', 'fd00:1::1']
    const ids = texts.map((text) => enter(table, some, hopOf(address(text))))
    const senders = [true, false].map((external) =>
      contexts.of({ external, fourOctetAsn: true, localAsn, firstAsn: 0 }, 0),
    )
    ids.push(enter(table, some, noNextHop), ...senders.map((context) => enter(table, some, noNextHop, context)))
    expect(new Set(ids).size).to.equal(texts.length + 3)
  })

  it('keeps another list than the octets it was found by, when one is given', () => {
    const octets = encode(some)
    const kept = encode({ med: 7 })
    const summary = summarize(kept, 0, kept.length, localAsn)
    const id = table.add(octets, 0, octets.length, contextOf(noNextHop), noNextHop, summary, { list: kept })
    expect(table.find(octets, 0, octets.length, contextOf(noNextHop), noNextHop)).to.equal(id)
    expect(table.find(kept, 0, kept.length, contextOf(noNextHop), noNextHop)).to.equal(0)
    expect(table.attributes(id)).to.deep.equal({ med: 7 })
  })

  it('agrees with a Map of references, whatever is retained and released', () => {
    const operation = fc.record({
      release: fc.boolean(),
      hop: fc.constantFrom(...hops.map(([, hop]) => hop)),
      med: fc.integer({ min: 0, max: 60 }),
      communities: fc.integer({ min: 0, max: 40 }),
    })
    fc.assert(
      fc.property(fc.integer(), fc.array(operation, { maxLength: 300 }), (seed, operations) => {
        const subject = new AttributeTable(seed)
        const model = new Map<string, { id: number; references: number; attributes: Attributes }>()
        for (const { release, hop, med, communities } of operations) {
          // Of many lengths, so that blocks of the arena are used again for others.
          const attributes: Attributes = {
            med,
            ...(communities > 0 && { communities: Array.from({ length: communities }, (_, index) => index) }),
          }
          const key = `${hop.version} ${med} ${communities}`
          const known = model.get(key)
          if (release && known) {
            subject.release(known.id)
            if (--known.references === 0) model.delete(key)
          } else {
            const id = enter(subject, attributes, hop)
            subject.retain(id)
            if (known) expect(id).to.equal(known.id)
            model.set(key, { id, references: (known?.references ?? 0) + 1, attributes })
          }
        }
        expect(subject.size).to.equal(model.size)
        for (const { id, attributes } of model.values()) expect(subject.attributes(id)).to.deep.equal(attributes)
      }),
      { numRuns: 200 },
    )
  })

  it('keeps every list its own while it grows, and after half of them are gone', () => {
    const ids = Array.from({ length: 4000 }, (_, med) => enter(table, { med }, noNextHop))
    for (const id of ids) table.retain(id)
    for (let med = 0; med < 4000; med += 2) table.release(ids[med]!)
    expect(table.size).to.equal(2000)
    for (let med = 1; med < 4000; med += 2) {
      if (table.med(ids[med]!) !== med || enter(table, { med }, noNextHop) !== ids[med]) expect.fail(`lost MED ${med}`)
    }
  })
})
