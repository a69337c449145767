/**
 * The compiled policy against a reading of the same policy statement by statement, with nothing prepared, nothing remembered and every
 * change made at once. They have to say the same of any route, in any order of routes.
 */

import {
  type Address,
  type Attributes,
  asPathLength,
  contains,
  families,
  familyNumbers,
  hostPrefix,
  Prefix,
} from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import {
  type Actions,
  AsPathPattern,
  AsPathSet,
  applyActions,
  type CommunityPattern,
  CommunitySet,
  type Conditions,
  chain,
  compile,
  type Match,
  type NeighbourEntry,
  NeighbourSet,
  type NumberRange,
  NumberSet,
  type Policy,
  type PrefixEntry,
  PrefixSet,
  type Statement,
  type Subject,
} from '../../policy/index.ts'
import { address, prefix } from '../support/fabric.ts'

/** What there is to choose from is little, so that routes and conditions meet often. */
const asns = [64512, 65001, 65002, 4200000000] as const
const values = [0xfde90001, 0xfde90002, 0xffff029a, 0xffffff01] as const
const peers: readonly { name: string; asn: number; address: Address; external: boolean }[] = [
  { name: 'left', asn: 65001, address: address('10.0.0.1'), external: true },
  { name: 'right', asn: 65002, address: address('fd00::2'), external: true },
  { name: 'inner', asn: 64512, address: address('10.0.0.3'), external: false },
]
const kinds = ['static', 'pod-cidr'] as const
const hops = ['10.0.0.9', '192.0.2.9', 'fd00::9', '2001:db8::9'].map(address)
const localAsn = 64512

const pick = <Value>(...from: readonly Value[]) => fc.constantFrom(...from)
const some = <Value>(one: fc.Arbitrary<Value>) => fc.array(one, { minLength: 1, maxLength: 2 })
const range = (low: number, high: number) =>
  fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high })).map(([a, b]): NumberRange => {
    return { min: Math.min(a, b), max: Math.max(a, b) }
  })

/** Prefixes that are often inside each other. */
const somePrefix: fc.Arbitrary<Prefix> = fc
  .tuple(pick(...families), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 24 }))
  .map(([family, block, length]) =>
    family === 'ipv4-unicast'
      ? new Prefix(family, length, 0x0a000000 | (block << 14))
      : new Prefix(family, length * 2, 0x20010db8, block << 14),
  )

const prefixEntry: fc.Arbitrary<PrefixEntry> = fc.tuple(somePrefix, fc.nat(), fc.nat()).map(([of, a, b]) => {
  const room = familyNumbers[of.family].bits - of.length
  const [ge, le] = [of.length + (a % (room + 1)), of.length + (b % (room + 1))].sort((x, y) => x - y) as [
    number,
    number,
  ]
  return { prefix: of, ge, le }
})

const exact = (value: number): NumberRange => ({ min: value, max: value })
const communityPattern: fc.Arbitrary<CommunityPattern> = fc.oneof(
  pick(...values).map((value): CommunityPattern => {
    return { sort: 'standard', high: exact(value >>> 16), low: exact(value & 0xffff) }
  }),
  range(1, 3).map((low): CommunityPattern => ({ sort: 'standard', high: exact(65001), low })),
  range(1, 3).map((last): CommunityPattern => ({ sort: 'large', parts: [exact(65001), { min: 0, max: 9 }, last] })),
  range(1, 3).map((value): CommunityPattern => {
    return { sort: 'extended', subtype: 2, byAddress: false, admin: exact(65001), value }
  }),
)

const neighbourEntry: fc.Arbitrary<NeighbourEntry> = fc.oneof(
  pick(...peers).map(({ name }): NeighbourEntry => ({ by: 'name', name })),
  pick('10.0.0.0/24', 'fd00::/16').map((text): NeighbourEntry => ({ by: 'prefix', prefix: prefix(text) })),
  range(65001, 65002).map((of): NeighbourEntry => ({ by: 'asn', asns: of })),
  pick('external' as const, 'internal' as const).map((type): NeighbourEntry => ({ by: 'type', type })),
)

const asnSet = some(pick(...asns)).map((list) => new NumberSet(list.map(exact)))
const asPathSet = some(
  fc.oneof(
    pick('^65001_', '_65002$', '^$', '_65001_', '^65001(_65001)*$').map((source) => new AsPathPattern(source)),
    fc.record(
      { contains: asnSet, origin: asnSet, neighbour: asnSet, only: asnSet, length: range(0, 4), empty: fc.boolean() },
      { requiredKeys: [] },
    ),
  ),
).map((entries) => new AsPathSet(entries))

const conditions: fc.Arbitrary<Conditions> = fc.record(
  {
    prefixes: some(prefixEntry).map((entries) => new PrefixSet(entries)),
    families: some(pick(...families)),
    source: pick('originated' as const, 'learned' as const),
    learnedFrom: pick('external' as const, 'internal' as const),
    kinds: some(pick(...kinds)),
    neighbours: fc.oneof(
      some(neighbourEntry).map((entries) => new NeighbourSet(entries)),
      fc.constant(['left', 'inner']),
    ),
    peerType: pick('external' as const, 'internal' as const),
    communities: fc.oneof(
      some(communityPattern).map((list) => new CommunitySet(list)),
      some(pick(...values)),
    ),
    allCommunities: some(communityPattern).map((list) => new CommunitySet(list)),
    asns: some(pick(...asns)),
    asPath: asPathSet,
    pathLength: range(0, 4),
    med: range(0, 3),
    localPref: range(99, 102),
    origins: some(pick('igp' as const, 'egp' as const)),
    nextHop: some(somePrefix).map((list) => new PrefixSet(list.map((of) => ({ prefix: of, ge: 0, le: 0 })))),
  },
  { requiredKeys: [] },
)

/** Most conditions of a random match would never all hold at once: only up to two are kept. */
const fewConditions = fc.tuple(conditions, fc.nat(), fc.integer({ min: 0, max: 2 })).map(([all, from, count]) => {
  const entries = Object.entries(all)
  const start = entries.length === 0 ? 0 : from % entries.length
  return Object.fromEntries([...entries.slice(start), ...entries.slice(0, start)].slice(0, count)) as Conditions
})
const match: fc.Arbitrary<Match> = fc
  .tuple(fewConditions, fc.option(fewConditions, { nil: undefined }))
  .map(([all, not]) => ({ ...all, ...(not && { not }) }))

const actions: fc.Arbitrary<Actions> = fc.record(
  {
    removeCommunities: fc.oneof(
      some(communityPattern).map((list) => new CommunitySet(list)),
      some(pick(...values)),
    ),
    removeAllCommunities: fc.constant(true),
    addCommunities: some(pick(...values)),
    addLargeCommunities: some(pick<[number, number, number]>([65001, 0, 1], [65001, 9, 2])),
    addExtendedCommunities: some(pick({ high: 0x0002fde9, low: 1 }, { high: 0x0002fde9, low: 2 })),
    med: fc.integer({ min: 0, max: 3 }),
    addMed: fc.integer({ min: -3, max: 3 }),
    localPref: fc.integer({ min: 99, max: 102 }),
    origin: pick('igp' as const, 'incomplete' as const),
    prepend: fc.record({ asn: fc.oneof(pick(...asns), fc.constant('self' as const)), count: pick(1, 2) }),
    nextHop: pick<NonNullable<Actions['nextHop']>>('self', 'unchanged', hops[0]!, { 'ipv6-unicast': hops[2]! }),
  },
  { requiredKeys: [] },
)

const statements = fc
  .array(
    fc.record({ match, action: pick('accept', 'reject', 'next', 'next'), set: fc.option(actions, { nil: undefined }) }),
    {
      maxLength: 5,
    },
  )
  .map((list) =>
    list.map(({ match: of, action, set }, index): Statement => {
      return { name: `statement ${index}`, match: of, action: action as Statement['action'], ...(set && { set }) }
    }),
  )
const onePolicy = (name: string): fc.Arbitrary<Policy> =>
  fc.record({ name: fc.constant(name), statements, default: pick<Policy['default']>('accept', 'reject', 'next') })

interface Route {
  readonly subject: Omit<Subject, 'attributes' | 'nextHop' | 'stored'>
  readonly attributes: Attributes
  readonly nextHop: (typeof hops)[number] | undefined
}

const sequence = fc.array(pick(...asns), { maxLength: 3 })
const attributes: fc.Arbitrary<Attributes> = fc
  .record(
    {
      communities: some(pick(...values)),
      largeCommunities: some(pick<[number, number, number]>([65001, 3, 1], [65001, 9, 3])),
      extendedCommunities: some(pick({ high: 0x0002fde9, low: 1 }, { high: 0x4202_0000, low: 0xfde9_0002 })),
      med: fc.integer({ min: 0, max: 4 }),
      localPref: fc.integer({ min: 98, max: 103 }),
      origin: pick('igp' as const, 'egp' as const, 'incomplete' as const),
    },
    { requiredKeys: [] },
  )
  .chain((plain) =>
    sequence.map((list) => ({ ...plain, asPath: list.length > 0 ? [{ type: 'sequence' as const, asns: list }] : [] })),
  )

const route: fc.Arbitrary<Route> = fc
  .tuple(prefixEntry, pick(...peers), fc.boolean(), pick(...kinds), fc.boolean(), attributes, fc.option(pick(...hops)))
  .map(([{ prefix: of, ge }, peer, learned, kind, fromExternal, carried, hop]): Route => {
    const longer = new Prefix(of.family, ge, of.w0, of.w1)
    const { family, w0, w1, w2, w3, length } = longer
    const about = {
      neighbour: peer.name,
      neighbourAsn: peer.asn,
      neighbourAddress: peer.address,
      external: peer.external,
    }
    const whence = learned
      ? { source: 'learned' as const, kind: '', fromExternal }
      : { source: 'originated' as const, kind }
    return {
      subject: { family, w0, w1, w2, w3, length, ...about, ...whence, localAsn },
      attributes: carried,
      nextHop: hop ?? undefined,
    }
  })

interface Outcome {
  readonly accept: boolean
  readonly statement: string
  readonly attributes: Attributes
}

/** The policy, read aloud. */
function read(policy: Policy, { subject, ...came }: Route): Outcome {
  let { attributes: now, nextHop } = came
  let acceptedBy: string | undefined
  for (let part: Policy | undefined = policy; part; part = part.lastWord) {
    let way: 'accept' | 'reject' | 'next' = acceptedBy === undefined ? part.default : 'accept'
    let by = acceptedBy ?? 'default'
    for (const { name, match: asked, action, set } of part.statements) {
      const { not, ...rest } = asked
      const route = { subject, attributes: now, nextHop }
      if (!holds(rest, route) || (not && holds(not, route))) continue
      if (action === 'reject') return { accept: false, statement: name, attributes: now }
      now = change(set ?? {}, now)
      const hop = set?.nextHop
      const chosen = typeof hop === 'object' && !('version' in hop) ? hop[subject.family] : hop
      // Our own address is not known before the route is sent.
      if (chosen !== undefined) nextHop = typeof chosen === 'object' ? chosen : came.nextHop
      if (action === 'next') continue
      way = 'accept'
      by = name
      break
    }
    if (way === 'reject' || (way === 'next' && !part.lastWord)) return { accept: false, statement: by, attributes: now }
    if (way === 'accept') acceptedBy = by
  }
  return { accept: acceptedBy !== undefined, statement: acceptedBy ?? 'default', attributes: now }
}

const inside = ({ min, max }: NumberRange, value: number) => min <= value && value <= max

function holds(asked: Conditions, { subject, attributes: has, nextHop }: Route): boolean {
  const { family, length, w0, w1, w2, w3 } = subject
  const own = new Prefix(family, length, w0, w1, w2, w3)
  const path = has.asPath ?? []
  const every: boolean[] = []
  const { prefixes, neighbours, communities, allCommunities, asPath } = asked
  if (prefixes)
    every.push(prefixes.entries.some((one) => contains(one.prefix, own) && length >= one.ge && length <= one.le))
  if (asked.families) every.push(asked.families.includes(family))
  if (asked.source) every.push(asked.source === subject.source)
  if (asked.learnedFrom)
    every.push(subject.source === 'learned' && (asked.learnedFrom === 'external') === subject.fromExternal)
  if (asked.kinds) every.push(asked.kinds.includes(subject.kind))
  if (asked.peerType) every.push((asked.peerType === 'external') === subject.external)
  if (neighbours) {
    const list =
      neighbours instanceof NeighbourSet
        ? neighbours.entries
        : neighbours.map((name) => ({ by: 'name', name }) as const)
    every.push(list.some((entry) => isNeighbour(entry, subject)))
  }
  if (communities) {
    const list = communities instanceof CommunitySet ? communities.patterns.map((one) => one) : undefined
    every.push(
      list
        ? list.some((one) => bears(one, has))
        : (has.communities ?? []).some((value) => (communities as number[]).includes(value)),
    )
  }
  if (allCommunities) every.push(allCommunities.patterns.every((one) => bears(one, has)))
  if (asked.asns) every.push(path.some((part) => part.asns.some((asn) => asked.asns!.includes(asn))))
  if (asPath)
    every.push(
      asPath.entries.some((entry) =>
        isPath(
          entry,
          path.flatMap((part) => part.asns),
        ),
      ),
    )
  if (asked.pathLength) every.push(inside(asked.pathLength, asPathLength(path)))
  if (asked.med) every.push(inside(asked.med, has.med ?? 0))
  if (asked.localPref) every.push(inside(asked.localPref, has.localPref ?? 100))
  if (asked.origins) every.push(has.origin !== undefined && asked.origins.includes(has.origin))
  if (asked.nextHop)
    every.push(nextHop !== undefined && asked.nextHop.entries.some((one) => contains(one.prefix, hostPrefix(nextHop))))
  return every.every(Boolean)
}

function isNeighbour(entry: NeighbourEntry, { neighbour, neighbourAsn, neighbourAddress, external }: Route['subject']) {
  if (entry.by === 'name') return entry.name === neighbour
  if (entry.by === 'asn') return inside(entry.asns, neighbourAsn!)
  if (entry.by === 'type') return (entry.type === 'external') === external
  return contains(entry.prefix, hostPrefix(neighbourAddress!))
}

function bears(pattern: CommunityPattern, has: Attributes): boolean {
  if (pattern.sort === 'standard')
    return (has.communities ?? []).some((one) => inside(pattern.high, one >>> 16) && inside(pattern.low, one & 0xffff))
  if (pattern.sort === 'large')
    return (has.largeCommunities ?? []).some((one) => pattern.parts.every((part, at) => inside(part, one[at]!)))
  if (pattern.sort === 'octets') return false
  return (has.extendedCommunities ?? []).some(({ high, low }) => {
    // Two octets of ASN, or four, in the two forms that there are here.
    const wide = ((high >>> 24) & 0x3f) === 2
    const [admin, value] = wide ? [(high & 0xffff) * 0x10000 + (low >>> 16), low & 0xffff] : [high & 0xffff, low]
    return inside(pattern.admin, admin) && inside(pattern.value, value)
  })
}

const byHand: Readonly<Record<string, (path: readonly number[]) => boolean>> = {
  '^65001_': (path) => path[0] === 65001,
  _65002$: (path) => path.at(-1) === 65002,
  '^$': (path) => path.length === 0,
  _65001_: (path) => path.includes(65001),
  '^65001(_65001)*$': (path) => path.length > 0 && path.every((asn) => asn === 65001),
}

function isPath(entry: AsPathSet['entries'][number], path: readonly number[]): boolean {
  if (entry instanceof AsPathPattern) return byHand[entry.source]!(path)
  const among = (set: NumberSet, asn: number | undefined) =>
    asn !== undefined && set.ranges.some((one) => inside(one, asn))
  const { contains: has, origin, neighbour, only, length, empty } = entry
  return [
    has === undefined || path.some((asn) => among(has, asn)),
    origin === undefined || among(origin, path.at(-1)),
    neighbour === undefined || among(neighbour, path[0]),
    only === undefined || (path.length > 0 && path.every((asn) => among(only, asn))),
    length === undefined || inside(length, path.length),
    empty === undefined || empty === (path.length === 0),
  ].every(Boolean)
}

function change(set: Actions, before: Attributes): Attributes {
  const now: { -readonly [Name in keyof Attributes]: Attributes[Name] } = { ...before }
  const gone = set.removeCommunities
  const patterns =
    gone instanceof CommunitySet
      ? gone.patterns
      : (gone ?? []).map((value): CommunityPattern => {
          return { sort: 'standard', high: exact(value >>> 16), low: exact(value & 0xffff) }
        })
  const stays = (has: Attributes) => !set.removeAllCommunities && !patterns.some((one) => bears(one, has))
  if (now.communities) now.communities = now.communities.filter((one) => stays({ communities: [one] }))
  if (now.largeCommunities)
    now.largeCommunities = now.largeCommunities.filter((one) => stays({ largeCommunities: [one] }))
  if (now.extendedCommunities)
    now.extendedCommunities = now.extendedCommunities.filter((one) => stays({ extendedCommunities: [one] }))
  if (set.addCommunities) now.communities = [...(now.communities ?? []), ...set.addCommunities]
  if (set.addLargeCommunities) now.largeCommunities = [...(now.largeCommunities ?? []), ...set.addLargeCommunities]
  if (set.addExtendedCommunities)
    now.extendedCommunities = [...(now.extendedCommunities ?? []), ...set.addExtendedCommunities]
  if (set.med !== undefined) now.med = set.med
  if (set.addMed !== undefined) now.med = Math.max(0, (now.med ?? 0) + set.addMed)
  if (set.localPref !== undefined) now.localPref = set.localPref
  if (set.origin !== undefined) now.origin = set.origin
  if (set.prepend) {
    const { asn, count } = set.prepend
    const front = Array.from({ length: count }, () => (asn === 'self' ? localAsn : asn))
    now.asPath = [{ type: 'sequence', asns: [...front, ...(now.asPath ?? []).flatMap((part) => part.asns)] }]
  }
  return now
}

const routes = fc.array(fc.tuple(route, fc.nat({ max: 2 })), { minLength: 1, maxLength: 12 })
const runs = { numRuns: 500 }

/** Judges the routes one after the other by one compiled policy, each with its attributes stored under an id that others had before. */
function judgeAll(policy: Policy, given: readonly [Route, number][]): void {
  const compiled = compile(policy)
  const table = {}
  const generations = [0, 0, 0, 0]
  for (const [one, slot] of given) {
    // The id 0 is none: what is not stored anywhere is not remembered.
    const stored = { table, id: slot, generation: ++generations[slot]! }
    for (const times of [1, 2]) {
      const subject = { ...one.subject, attributes: () => one.attributes, nextHop: () => one.nextHop, stored }
      const verdict = compiled.evaluate(subject)
      const wanted = read(policy, one)
      expect({ accept: verdict.accept, statement: verdict.statement }, `time ${times}`).to.deep.equal({
        accept: wanted.accept,
        statement: wanted.statement,
      })
      if (verdict.accept)
        expect(applyActions(verdict.actions, one.attributes, localAsn)).to.deep.equal(wanted.attributes)
      const { external, source } = one.subject
      const towards = compiled.acceptsLearnedTowards[external ? 'external' : 'internal']
      if (verdict.accept && source === 'learned')
        expect(towards, 'said that it accepts no learned route').to.equal(true)
    }
  }
}

describe('a compiled policy against the same policy read statement by statement', () => {
  it('says the same of every route, and changes it the same', () => {
    fc.assert(
      fc.property(onePolicy('only'), routes, (policy, given) => judgeAll(policy, given)),
      runs,
    )
  })

  it('says the same where another policy has the last word', () => {
    const pair = fc
      .tuple(onePolicy('front'), onePolicy('built in'))
      .map(([front, lastWord]): Policy => ({ ...front, lastWord }))
    fc.assert(
      fc.property(pair, routes, (policy, given) => judgeAll(policy, given)),
      runs,
    )
  })

  it('says of a list what its policies say one after the other', () => {
    const list = fc.tuple(onePolicy('one'), onePolicy('two'), onePolicy('three'))
    fc.assert(
      fc.property(list, routes, (policies, given) => {
        for (const [one] of given) {
          const { accept } = compile(chain(policies)).evaluate({
            ...one.subject,
            attributes: () => one.attributes,
            nextHop: () => one.nextHop,
          })
          const whole: Policy = {
            name: 'written out',
            statements: policies.flatMap((part) => [
              ...part.statements,
              ...(part.default === 'next' ? [] : [{ name: 'default', match: {}, action: part.default }]),
            ]),
            default: 'reject',
          }
          expect(accept).to.equal(read(whole, one).accept)
        }
      }),
      runs,
    )
  })
})

describe('patterns of AS paths', () => {
  const piece = pick('1', '2', '12', '_', ' ', '.', '[12]', '[^1]', '(1|2)', '(12)*', '(_2)+', '1?', '^', '$', '|')
  const texts = fc.array(pick('1', '2', '12', '21 2', '{1 2}', '(1)'), { maxLength: 4 }).map((parts) => parts.join(' '))

  it('find what the regular expressions of the language would', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.array(texts, { maxLength: 4 }), (pieces, paths) => {
        const source = pieces.join('')
        const anything = '[0-9 {}()[\\]]'
        const translated = source
          .replaceAll('[^1]', '!')
          .replaceAll('.', anything)
          .replaceAll('_', '(?:^|$|[ {}()[\\]])')
          .replaceAll('!', '[02-9 {}()[\\]]')
        const pattern = new AsPathPattern(source)
        for (const path of paths)
          expect(pattern.test(path), `/${source}/ on "${path}"`).to.equal(new RegExp(translated).test(path))
      }),
      { numRuns: 3000 },
    )
  })

  it('are found in time that grows with the path alone', () => {
    // Each of these takes a backtracking engine longer than the universe lasts.
    const path = `${'1'.repeat(20_000)} 2`
    for (const source of ['(1*)*3', '(1|1?)+3', '(.*.*.*)+3', '(_?1?)*3$']) {
      expect(new AsPathPattern(source).test(path), source).to.equal(false)
    }
  })
})
