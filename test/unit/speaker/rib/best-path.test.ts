import { type Attributes, encodeAttributes, type Family, families, summarize } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { noNextHop } from '../../../../speaker/rib/attribute-entry.ts'
import { AttributeTable } from '../../../../speaker/rib/attribute-table.ts'
import {
  bestOf,
  type Candidate,
  compareCandidates,
  type PeerRank,
  tiebreaks,
} from '../../../../speaker/rib/best-path.ts'
import { ContextIds } from '../../../../speaker/rib/context-ids.ts'
import { type FamilyRib, Rib } from '../../../../speaker/rib/rib.ts'
import { prefix } from '../../../support/fabric.ts'

const context = new ContextIds().derived(0)

function enter(table: AttributeTable, attributes: Attributes): number {
  const list = encodeAttributes(attributes, { fourOctetAsn: true })
  const known = table.find(list, 0, list.length, context, noNextHop)
  return known || table.add(list, 0, list.length, context, noNextHop, summarize(list, 0, list.length, 64512))
}

interface Described {
  readonly path?: readonly number[]
  readonly attributes?: Attributes
  readonly peer?: Partial<PeerRank>
  readonly pathId?: number
}

const ordinary: PeerRank = { originated: false, external: true, routerId: 100, addressOrder: 10 }

const attributesOf = ({ path = [65001], attributes }: Described): Attributes => ({
  origin: 'igp',
  asPath: [{ type: 'sequence', asns: path }],
  ...attributes,
})

function candidate(table: AttributeTable, described: Described): Candidate {
  return {
    attributes: enter(table, attributesOf(described)),
    peer: { ...ordinary, ...described.peer },
    pathId: described.pathId ?? 0,
  }
}

/** Every order of a list. */
function orders<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, index) => orders(items.toSpliced(index, 1)).map((rest) => [item, ...rest]))
}

describe('best path', () => {
  /** The better one is worse in every later step, so that the order of the steps is tested too. */
  const worseLater: Described = { peer: { addressOrder: 20 } }
  const pairs: [reason: string, better: Described, worse: Described][] = [
    [
      'not long-lived stale',
      { path: [1, 2, 3], attributes: { localPref: 1 } },
      { attributes: { localPref: 200, communities: [0xffff0006] }, peer: { originated: true } },
    ],
    [
      'originated here',
      {
        path: [1, 2, 3],
        attributes: { localPref: 1, origin: 'incomplete' },
        peer: { originated: true, routerId: 0xffffffff },
      },
      { path: [], attributes: { localPref: 200 } },
    ],
    [
      'higher local preference',
      { path: [1, 2, 3], attributes: { localPref: 0xffffffff, origin: 'incomplete' } },
      { path: [1], attributes: { localPref: 0x7fffffff } },
    ],
    ['higher local preference', { path: [1, 2], attributes: {} }, { path: [1], attributes: { localPref: 99 } }],
    ['higher local preference', { path: [1, 2], attributes: { localPref: 101 } }, { path: [1], attributes: {} }],
    ['shorter AS path', { path: [65001, 1], attributes: { origin: 'incomplete', med: 9 } }, { path: [65001, 1, 2] }],
    ['lower origin', { attributes: { origin: 'egp', med: 9 } }, { attributes: { origin: 'incomplete' } }],
    ['lower origin', { attributes: { origin: 'igp', med: 9 } }, { attributes: { origin: 'egp' } }],
    ['lower MED', { attributes: { med: 0x7fffffff }, peer: { external: false } }, { attributes: { med: 0xffffffff } }],
    ['lower MED', { peer: { external: false, routerId: 200 } }, { attributes: { med: 1 } }],
    ['external over internal', { peer: { routerId: 200, addressOrder: 20 } }, { peer: { external: false } }],
    ['lower router id', { peer: { routerId: 0x7fffffff, addressOrder: 20 } }, { peer: { routerId: 0xffffffff } }],
    [
      'lower router id',
      { attributes: { originatorId: 5, clusterList: [1, 2] }, peer: { routerId: 900 } },
      { peer: { routerId: 6 } },
    ],
    [
      'shorter cluster list',
      { attributes: { clusterList: [1] }, ...worseLater },
      { attributes: { clusterList: [1, 2] } },
    ],
    ['shorter cluster list', worseLater, { attributes: { clusterList: [1] } }],
    ['lower peer address', { pathId: 9 }, worseLater],
    ['lower path identifier', {}, { pathId: 1 }],
    ['lower path identifier', { pathId: 0x7fffffff }, { pathId: -1 }],
  ]

  for (const [reason, better, worse] of pairs) {
    it(`D17 prefers by ${reason}: ${JSON.stringify(better)} to ${JSON.stringify(worse)}`, () => {
      const table = new AttributeTable(1)
      const [a, b] = [candidate(table, better), candidate(table, worse)]
      expect(compareCandidates(a, b, table)).to.deep.include({ reason })
      expect(compareCandidates(a, b, table).order).to.be.below(0)
      expect(compareCandidates(b, a, table).order).to.be.above(0)
      expect([bestOf([a, b], table), bestOf([b, a], table)]).to.deep.equal([0, 1])
    })
  }

  it('D17 has a row above for every tie-break', () => {
    const told = new Set(pairs.map(([reason]) => reason))
    expect(tiebreaks.map(([reason]) => reason)).to.deep.equal([...told])
  })

  it('D17 counts a set as one hop', () => {
    const table = new AttributeTable(1)
    const asPath: Attributes['asPath'] = [
      { type: 'sequence', asns: [65001] },
      { type: 'set', asns: [1, 2, 3, 4] },
    ]
    const set = candidate(table, { attributes: { asPath } })
    const longer = candidate(table, { path: [65001, 1, 2] })
    expect(compareCandidates(set, longer, table)).to.include({ reason: 'shorter AS path' })
    expect(bestOf([longer, set], table)).to.equal(1)
  })

  it('D17 compares MED among routes of one neighbouring AS alone', () => {
    const table = new AttributeTable(1)
    const a = candidate(table, { path: [65001], attributes: { med: 100 }, peer: { routerId: 1 } })
    const b = candidate(table, { path: [65002], attributes: { med: 0 }, peer: { routerId: 2 } })
    expect(compareCandidates(a, b, table)).to.deep.equal({ order: -1, reason: 'lower router id' })
    expect(bestOf([b, a], table)).to.equal(1)
  })

  it('takes MED, local preference and identifiers as unsigned', () => {
    const table = new AttributeTable(1)
    const high = candidate(table, { attributes: { med: 0x80000000 } })
    const low = candidate(table, { attributes: { med: 1 } })
    expect(bestOf([high, low], table)).to.equal(1)
  })

  it('D17 chooses the only one there is', () => {
    const table = new AttributeTable(1)
    expect(bestOf([candidate(table, {})], table)).to.equal(0)
  })

  it('D17 comes out the same in every order, where MED makes a circle of three', () => {
    // a beats b by identifier, b beats c by identifier, c beats a by MED.
    const table = new AttributeTable(1)
    const circle = [
      candidate(table, { path: [65001], attributes: { med: 10 }, peer: { routerId: 1 } }),
      candidate(table, { path: [65002], attributes: { med: 0 }, peer: { routerId: 2 } }),
      candidate(table, { path: [65001], attributes: { med: 5 }, peer: { routerId: 3 } }),
    ]
    const [a, b, c] = circle as [Candidate, Candidate, Candidate]
    for (const [better, worse] of [
      [a, b],
      [b, c],
      [c, a],
    ] as const) {
      expect(compareCandidates(better, worse, table).order).to.be.below(0)
    }
    const winners = orders(circle).map((order) => order[bestOf(order, table)])
    expect(new Set(winners)).to.deep.equal(new Set([b]))
  })

  const described: fc.Arbitrary<Described> = fc.record({
    path: fc.array(fc.constantFrom(65001, 65002, 4200000000), { maxLength: 2 }),
    attributes: fc.record(
      {
        med: fc.integer({ min: 0, max: 2 }),
        localPref: fc.constantFrom(99, 100, 101),
        origin: fc.constantFrom('igp', 'incomplete'),
        originatorId: fc.integer({ min: 1, max: 3 }),
        clusterList: fc.constantFrom([1], [1, 2]),
      },
      { requiredKeys: ['origin'] },
    ),
    peer: fc.record({ external: fc.boolean(), routerId: fc.integer({ min: 1, max: 3 }) }),
  })

  it('D17 comes out the same in every order, for any routes', () => {
    fc.assert(
      fc.property(fc.array(described, { minLength: 1, maxLength: 5 }), (all) => {
        const table = new AttributeTable(7)
        // No two peers have one address.
        const list = all.map((one, index) => candidate(table, { ...one, peer: { ...one.peer, addressOrder: index } }))
        const winners = new Set(orders(list).map((order) => order[bestOf(order, table)]))
        expect(winners.size).to.equal(1)
      }),
      { numRuns: 200 },
    )
  })
})

/** A table of both families that writes down what it tells its listener. */
function open() {
  const told: string[] = []
  const rib = new Rib(
    () => 0.5,
    (family, row) => told.push(`${family.prefixes.prefix(row)}`),
  )
  return { rib, told }
}

const samples: Record<Family, string> = { 'ipv4-unicast': '192.0.2.0/24', 'ipv6-unicast': '2001:db8::/48' }

for (const family of families) {
  describe(`the table of ${family}`, () => {
    const one = prefix(samples[family])
    let rib: Rib
    let table: FamilyRib
    let told: string[]

    const announce = (peer: number, what: Described) =>
      rib.announce(table, peer, one.w0, one.w1, one.w2, one.w3, one.length, enter(rib.attributes, attributesOf(what)))
    const withdraw = (peer: number) => rib.withdraw(table, peer, one.w0, one.w1, one.w2, one.w3, one.length)
    const row = () => table.prefixes.find(one.w0, one.w1, one.w2, one.w3, one.length)
    const bestPeer = () => table.paths.peer(table.paths.best(row()))

    beforeEach(() => {
      ;({ rib, told } = open())
      table = rib.families[family]
      for (const peer of [1, 2, 3]) rib.setRank(peer, { ...ordinary, routerId: peer, addressOrder: peer })
    })

    it('tells of a first path, of a better one, and not of a worse one', () => {
      announce(2, {})
      announce(3, {})
      expect(told).to.have.lengthOf(1)
      announce(1, {})
      expect(told).to.have.lengthOf(2)
      expect(bestPeer()).to.equal(1)
    })

    it('tells nothing of a path that is announced again as it was', () => {
      announce(1, {})
      expect(announce(1, {})).to.equal(false)
      expect(told).to.have.lengthOf(1)
    })

    it('tells of other attributes of the best path, and replaces the old ones', () => {
      announce(1, { attributes: { med: 1 } })
      announce(1, { attributes: { med: 2 } })
      expect(told).to.have.lengthOf(2)
      expect(rib.attributes.size).to.equal(1)
      expect(table.paths.size).to.equal(1)
    })

    it('goes back to the next best when the best is withdrawn', () => {
      for (const peer of [3, 1, 2]) announce(peer, {})
      told.length = 0
      expect(withdraw(1)).to.equal(true)
      expect([bestPeer(), told.length]).to.deep.equal([2, 1])
    })

    it('goes back to the next best when the best gets worse', () => {
      announce(1, {})
      announce(2, {})
      announce(1, { path: [1, 2, 3] })
      expect(bestPeer()).to.equal(2)
    })

    it('tells of the last path that goes, and keeps no attributes', () => {
      announce(1, {})
      told.length = 0
      expect([withdraw(1), withdraw(1), withdraw(2)]).to.deep.equal([true, false, false])
      expect(told).to.deep.equal([samples[family]])
      expect([rib.attributes.size, table.paths.size]).to.deep.equal([0, 0])
    })

    it('says by which step each path lost', () => {
      announce(3, {})
      announce(2, { path: [65001, 1] })
      announce(1, {})
      const reasons = rib.ranked(table, row()).map(({ peer, lostBy }) => [peer, lostBy])
      expect(reasons).to.have.deep.members([
        [1, undefined],
        [3, 'lower router id'],
        [2, 'shorter AS path'],
      ])
    })
  })
}
