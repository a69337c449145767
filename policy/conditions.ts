/**
 * A match, made ready for many routes. What can be asked of the prefix and the peer is one object of plain fields; what needs the
 * attributes is one function, which is asked only where the rest holds, and whose answers can be remembered by attributes.
 */

import { type Address, type Attributes, asPathLength, contains, type Family, hostPrefix } from 'bgp-ts'
import { asSet } from './actions.ts'
import { NeighbourSet } from './neighbour-set.ts'
import type { Conditions } from './policy.ts'
import type { PrefixSet } from './prefix-set.ts'
import { within } from './range.ts'

/** The route in question. Mutable, and reused by the caller from route to route. */
export interface Subject {
  family: Family
  w0: number
  w1: number
  w2: number
  w3: number
  length: number
  source: 'originated' | 'learned'
  /** Kind of an originated route; empty for a learned one. */
  kind: string
  /** The peer it comes from or goes to. */
  neighbour: string
  external: boolean
  neighbourAsn?: number | undefined
  neighbourAddress?: Address | undefined
  /** Of a learned route: whether the peer it was learned from is external. */
  fromExternal?: boolean
  /** Our ASN towards the peer. */
  localAsn?: number
  /** Decoded only when a statement asks. */
  attributes: () => Attributes
  /** The next hop it came with; absent or undefined where it has none yet. */
  nextHop?: () => Address | undefined
  /** Where the attributes are kept, for what was found out about them to be remembered. Id 0: nowhere. */
  stored?: { readonly table: object; id: number; generation: number }
}

/** The attributes of a subject, as earlier statements left them. */
export interface AttributeView {
  readonly attributes: Attributes
  readonly nextHop: Address | undefined
}

export type AttributeTest = (view: AttributeView) => boolean

const familyBits = { 'ipv4-unicast': 1, 'ipv6-unicast': 2 } as const
const sourceBits = { originated: 1, learned: 2 } as const
const typeBits = { external: 1, internal: 2 } as const
const any = 3

/** What the decision process takes for an attribute that is not there. */
const absentMed = 0
const absentLocalPref = 100

/** The conditions that need no attributes. One shape for all, so that asking is the same code for every statement. */
export class RouteTest {
  readonly #families: number
  readonly #sources: number
  readonly #learnedFrom: number
  readonly #peerTypes: number
  readonly #kinds: ReadonlySet<string> | undefined
  readonly #neighbours: NeighbourSet | undefined
  readonly #prefixes: PrefixSet | undefined

  constructor({ families, source, learnedFrom, peerType, kinds, neighbours, prefixes }: Conditions) {
    this.#families = families ? families.reduce((bits, family) => bits | familyBits[family], 0) : any
    this.#sources = source ? sourceBits[source] : any
    this.#learnedFrom = learnedFrom ? typeBits[learnedFrom] : 0
    this.#peerTypes = peerType ? typeBits[peerType] : any
    this.#kinds = kinds && new Set(kinds)
    this.#neighbours = neighbours && asNeighbours(neighbours)
    this.#prefixes = prefixes
  }

  takes(subject: Subject): boolean {
    const { family, w0, w1, w2, w3, length } = subject
    if ((this.#families & familyBits[family]) === 0) return false
    if ((this.#sources & sourceBits[subject.source]) === 0) return false
    if ((this.#peerTypes & (subject.external ? 1 : 2)) === 0) return false
    if (this.#prefixes !== undefined && !this.#prefixes.matches(family, w0, w1, w2, w3, length)) return false
    if (this.#learnedFrom !== 0 && !this.#isLearnedFrom(subject)) return false
    if (this.#kinds !== undefined && !this.#kinds.has(subject.kind)) return false
    return this.#neighbours === undefined || this.#neighbours.has(neighbourOf(subject))
  }

  #isLearnedFrom({ source, fromExternal }: Subject): boolean {
    return source === 'learned' && this.#learnedFrom === (fromExternal ? typeBits.external : typeBits.internal)
  }
}

function neighbourOf({ neighbour, external, neighbourAsn, neighbourAddress }: Subject) {
  return { name: neighbour, external, asn: neighbourAsn, address: neighbourAddress }
}

export function asNeighbours(neighbours: NeighbourSet | readonly string[]): NeighbourSet {
  return neighbours instanceof NeighbourSet ? neighbours : NeighbourSet.named(neighbours)
}

/** The conditions that need attributes, as one test; undefined where there is none. */
export function attributeTest(conditions: Conditions): AttributeTest | undefined {
  const tests = attributeTests(conditions)
  return tests.length > 0 ? (view) => tests.every((test) => test(view)) : undefined
}

function attributeTests(conditions: Conditions): AttributeTest[] {
  const { communities, allCommunities, asns, asPath, pathLength, med, localPref, origins, nextHop } = conditions
  const tests: AttributeTest[] = []
  if (med) tests.push(({ attributes }) => within(med, attributes.med ?? absentMed))
  if (localPref) tests.push(({ attributes }) => within(localPref, attributes.localPref ?? absentLocalPref))
  if (origins) tests.push(({ attributes }) => attributes.origin !== undefined && origins.includes(attributes.origin))
  if (pathLength) tests.push(({ attributes }) => within(pathLength, asPathLength(attributes.asPath ?? [])))
  if (nextHop) tests.push((view) => view.nextHop !== undefined && liesIn(nextHop, view.nextHop))
  if (communities) {
    const set = asSet(communities)
    tests.push(({ attributes }) => set.any(attributes))
  }
  if (allCommunities) tests.push(({ attributes }) => allCommunities.all(attributes))
  if (asns) {
    const set = new Set(asns)
    tests.push(({ attributes }) => (attributes.asPath ?? []).some((part) => part.asns.some((asn) => set.has(asn))))
  }
  if (asPath) tests.push(({ attributes }) => asPath.has(attributes.asPath ?? []))
  return tests
}

function liesIn(set: PrefixSet, nextHop: Address): boolean {
  const host = hostPrefix(nextHop)
  return set.entries.some(({ prefix }) => contains(prefix, host))
}
