import { type Attributes, encodeAttributes, families, hex, summarize } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { type Actions, acceptAll, compile, type Verdict } from '../../../../policy/index.ts'
import { Encoder, type ExportedRoute, forAll } from '../../../../speaker/outbound/encoder.ts'
import { OutTable } from '../../../../speaker/outbound/out-table.ts'
import { noNextHop } from '../../../../speaker/rib/attribute-entry.ts'
import { AttributeTable } from '../../../../speaker/rib/attribute-table.ts'
import { address } from '../../../support/fabric.ts'

const four = { fourOctetAsn: true }
const path = (...asns: number[]) => [{ type: 'sequence' as const, asns }]
const lists: readonly Attributes[] = [
  { origin: 'igp', asPath: path(65001, 7) },
  { origin: 'incomplete', asPath: path(65001), med: 5, communities: [9, 3] },
  { origin: 'igp', asPath: [{ type: 'confed-sequence', asns: [65010] }, ...path(65001)], localPref: 200 },
  { origin: 'igp', asPath: path(), originatorId: 9, clusterList: [4] },
]
const actions: readonly (readonly Actions[])[] = [[], [{ med: 7 }], [{ addCommunities: [1] }]]
const verdicts: readonly Verdict[] = actions.map((own, rule) => ({
  accept: true,
  statement: `s${rule}`,
  actions: own,
  rule: rule % 2,
  wantsBlackhole: false,
}))
const hops = [address('10.0.0.2'), address('10.0.0.3'), address('fd00::2')]

const terms = (external: boolean, fourOctetAsn: boolean) => ({
  policy: compile(acceptAll),
  external,
  fourOctetAsn,
  localAsn: 64512,
  clusterId: 8,
  self: {},
  words: new Set<string>(),
})

interface Question {
  readonly list: number
  readonly verdict: number
  readonly hop: number
  readonly family: number
  readonly originator: number | undefined
  /** The list is forgotten first, and its id given to the next one. */
  readonly renews: boolean
}

const question: fc.Arbitrary<Question> = fc.record({
  list: fc.nat(lists.length - 1),
  verdict: fc.nat(verdicts.length - 1),
  hop: fc.nat(hops.length - 1),
  family: fc.nat(1),
  originator: fc.constantFrom(undefined, 1, 0xfffffffe),
  renews: fc.boolean(),
})

function enter(table: AttributeTable, attributes: Attributes): number {
  const octets = encodeAttributes(attributes, four)
  const known = table.find(octets, 0, octets.length, 1, noNextHop)
  const id = known || table.add(octets, 0, octets.length, 1, noNextHop, summarize(octets, 0, octets.length, 64512))
  if (!known) table.retain(id)
  return id
}

describe('attributes for a group of peers', () => {
  for (const external of [true, false]) {
    for (const fourOctetAsn of [true, false]) {
      const towards = `${external ? 'external' : 'internal'} peers with ${fourOctetAsn ? 'four' : 'two'} octets an ASN`

      it(`are the same whether they were made before or not: ${towards}`, () => {
        fc.assert(
          fc.property(fc.array(question, { maxLength: 40 }), (questions) => {
            const attributes = new AttributeTable(3)
            const table = new OutTable(5)
            const encoder = new Encoder(attributes, table)
            const shared = terms(external, fourOctetAsn)
            for (const { list, verdict, hop, family, originator, renews } of questions) {
              if (renews) attributes.release(enter(attributes, lists[list]!))
              const route: ExportedRoute = {
                family: families[family]!,
                attributes: enter(attributes, lists[(list + (renews ? 1 : 0)) % lists.length]!),
                originated: false,
                towards: forAll,
                originator: external ? undefined : originator,
              }
              const id = encoder.encoded(shared, route, verdicts[verdict]!, hops[hop]!)
              if (renews) table.discardUnused(id)
              const fresh = new OutTable(5)
              const other = new Encoder(attributes, fresh)
              const own = other.encoded(terms(external, fourOctetAsn), route, verdicts[verdict]!, hops[hop]!)
              const again = encoder.encoded(shared, route, verdicts[verdict]!, hops[hop]!)
              expect(sentWith(table, again)).to.equal(sentWith(fresh, own))
            }
          }),
        )
      })
    }
  }

  it('that no message has room for leave nothing behind', () => {
    const attributes = new AttributeTable(3)
    const table = new OutTable(5)
    const long = { origin: 'igp' as const, asPath: path(1), communities: Array.from({ length: 1020 }, (_, at) => at) }
    const route: ExportedRoute = {
      family: 'ipv4-unicast',
      attributes: enter(attributes, long),
      originated: false,
      towards: forAll,
      originator: undefined,
    }
    expect(new Encoder(attributes, table).encoded(terms(true, true), route, verdicts[0]!, hops[0]!)).to.equal(0)
    expect(table.size).to.equal(0)
  })
})

const sentWith = (table: OutTable, id: number) => `${hex(table.list(id))} by ${table.nextHop(id)}`
