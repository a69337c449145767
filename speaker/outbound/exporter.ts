/**
 * Whether a group of peers is sent a prefix, with which attributes and next hop, and if not, why.
 * The one place that decides it: what is sent and what `explain` says come from the same function.
 */

import {
  type Address,
  type Attributes,
  encodeAttributes,
  type Family,
  isTransitiveExtendedCommunity,
  prependAsPath,
  sameAddress,
} from 'bgp-ts'
import { applyActions, type CompiledPolicy, nextHopOf, type Subject, type Verdict } from '../../policy/index.ts'
import { defaultLocalPref } from '../rib/best-path.ts'
import { none } from '../rib/path-table.ts'
import { type FamilyRib, ownIndex, type Rib } from '../rib/rib.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import { type OutEntry, OutTable } from './out-table.ts'
import { Packer } from './packer.ts'

/** What the peers of an update group have in common. */
export interface ExportTerms {
  readonly policy: CompiledPolicy
  readonly external: boolean
  readonly localAsn: number
  readonly fourOctetAsn: boolean
  readonly nextHopSelf: boolean
  /** Our address of each family towards these peers: of the session where it fits, else the speaker's own. */
  readonly self: { readonly [family in Family]?: Address }
  /** The speaker's declared address of each family. */
  readonly declared: { readonly [family in Family]?: Address }
  /** Routes that these peers are sent at most, by family. */
  readonly maximumOut: { readonly [family in Family]?: number }
  /** How many routes each rule of the policy matched, by its index. */
  readonly hits: Float64Array
  /** The only member, where the policy or split horizon makes a difference between peers. */
  readonly only: RoutedPeer | undefined
}

/** Out id of the route, 0 for one that is not sent; and in words which rule decided. */
export interface ExportDecision {
  id: number
  reason: string
  /** Index among the rules of the policy; -1 where another rule than the policy's decided. */
  rule: number
}

interface CacheEntry {
  readonly generation: number
  readonly verdict: Verdict
  readonly nextHop: Address
  readonly id: number
  readonly entry: OutEntry
}

const sourceOf = (originated: boolean) => (originated ? 'originated' : 'learned')

export class Exporter {
  readonly #rib: Rib
  readonly #peers: readonly (RoutedPeer | undefined)[]
  readonly table = new OutTable()
  readonly #decision: ExportDecision = { id: 0, reason: '', rule: -1 }
  #attributes = 0
  readonly #stored = { table: {} as object, id: 0, generation: 0 }
  readonly #subject: Subject = {
    family: 'ipv4-unicast',
    w0: 0,
    w1: 0,
    w2: 0,
    w3: 0,
    length: 0,
    source: 'originated',
    kind: '',
    neighbour: '',
    neighbourAsn: undefined,
    neighbourAddress: undefined,
    external: true,
    fromExternal: false,
    localAsn: 0,
    attributes: () => this.#rib.attributes.attributes(this.#attributes),
    nextHop: () => this.#rib.attributes.nextHop(this.#attributes),
    stored: this.#stored,
  }
  /** Per terms, what the attributes of a path become. */
  readonly #caches = new WeakMap<ExportTerms, Map<number, CacheEntry>>()

  constructor(rib: Rib, peers: readonly (RoutedPeer | undefined)[]) {
    this.#rib = rib
    this.#peers = peers
    this.#stored.table = rib.attributes
  }

  /** The decision about the best path of a row; counted in `hits`, where it is made to be sent. The object is reused: read it before the next call. */
  decide(terms: ExportTerms, rib: FamilyRib, row: number, hits?: Float64Array): Readonly<ExportDecision> {
    const path = rib.paths.best(row)
    if (path === none) return this.#no('no route')
    const peer = rib.paths.peer(path)
    const attributes = rib.paths.attributes(path)
    const originated = peer === ownIndex
    const obstacle = originated ? undefined : this.#obstacle(terms, peer, attributes)
    if (obstacle) return this.#no(obstacle)
    this.#attributes = attributes
    const subject = this.#describe(terms, rib, row, originated)
    subject.fromExternal = this.#peers[peer]?.external ?? false
    const verdict = terms.policy.evaluate(subject, hits)
    if (!verdict.accept) return this.#no(verdict.statement, verdict.rule)
    const nextHop = this.#nextHop(terms, rib.family, attributes, originated, verdict)
    if (typeof nextHop === 'string') return this.#no(nextHop)
    const id = this.#encoded(terms, rib.family, attributes, originated, verdict, nextHop)
    if (id === 0) return this.#no('attributes too long for a message')
    this.#decision.id = id
    this.#decision.reason = verdict.statement
    this.#decision.rule = verdict.rule
    return this.#decision
  }

  #no(reason: string, rule = -1): ExportDecision {
    this.#decision.id = 0
    this.#decision.rule = rule
    this.#decision.reason = reason
    return this.#decision
  }

  /** What BGP itself forbids for a learned route. */
  #obstacle(terms: ExportTerms, peer: number, attributes: number): string | undefined {
    const source = this.#peers[peer]
    if (source === undefined) return 'the session it came by is gone'
    if (source === terms.only) return 'learned from this peer'
    if (!terms.external && !source.external) return 'learned from an internal peer, RFC 4271 9.2'
    if (this.#rib.attributes.noAdvertise(attributes)) return 'community NO_ADVERTISE'
    if (terms.external && this.#rib.attributes.noExport(attributes)) return 'community NO_EXPORT'
    if (this.#rib.attributes.asSet(attributes)) return 'AS_SET in the path, RFC 9774 3'
    return undefined
  }

  #describe(terms: ExportTerms, rib: FamilyRib, row: number, originated: boolean): Subject {
    const subject = this.#subject
    const { prefixes } = rib
    subject.family = rib.family
    subject.w0 = prefixes.word0(row)
    subject.w1 = prefixes.word1(row)
    subject.w2 = prefixes.word2(row)
    subject.w3 = prefixes.word3(row)
    subject.length = prefixes.length(row)
    subject.source = sourceOf(originated)
    subject.kind = originated ? (rib.originated.get(row)?.origin.kind ?? '') : ''
    subject.neighbour = terms.only?.name ?? ''
    subject.neighbourAsn = terms.only?.link.declaration.asn
    subject.neighbourAddress = terms.only?.link.declaration.address
    subject.external = terms.external
    subject.localAsn = terms.localAsn
    this.#stored.id = this.#attributes
    this.#stored.generation = this.#rib.attributes.generation(this.#attributes)
    return subject
  }

  /** The next hop, always of the route's family (RFC 4271 section 5.1.3, RFC 2545); or why there is none. */
  #nextHop(
    terms: ExportTerms,
    family: Family,
    attributes: number,
    originated: boolean,
    verdict: Verdict,
  ): Address | string {
    const asked = nextHopOf(verdict.actions, family)
    const self = asked === 'self' || (asked === undefined && terms.nextHopSelf)
    const own = terms.self[family]
    const stated = this.#rib.attributes.nextHop(attributes)
    const changed = terms.external && asked !== 'unchanged'
    const kept = originated ? (stated ?? terms.declared[family] ?? own) : changed ? own : stated
    const nextHop = self ? own : typeof asked === 'object' ? asked : kept
    const version = family === 'ipv4-unicast' ? 4 : 6
    if (nextHop === undefined) return `this node has no IPv${version} address to be the next hop`
    if (nextHop.version !== version) return `next hop ${nextHop} is not of the route's family`
    if (terms.only && sameAddress(nextHop, terms.only.link.declaration.address)) return 'next hop is the peer itself'
    return nextHop
  }

  #encoded(
    terms: ExportTerms,
    family: Family,
    attributes: number,
    originated: boolean,
    verdict: Verdict,
    nextHop: Address,
  ): number {
    const generation = this.#rib.attributes.generation(attributes)
    const cache = this.#cacheOf(terms)
    // Prefixes that share attributes may have met different statements.
    const key = attributes * terms.policy.rules.length + verdict.rule
    const known = cache.get(key)
    const same =
      known !== undefined &&
      known.generation === generation &&
      known.verdict === verdict &&
      sameAddress(known.nextHop, nextHop) &&
      known.entry.family === family &&
      this.table.holds(known.id, known.entry)
    if (same) return known.id
    const before = this.#rib.attributes.attributes(attributes)
    const after = towards(
      terms,
      applyActions(verdict.actions, withoutForeignMed(terms, before, originated), terms.localAsn),
    )
    const withHop: Attributes = family === 'ipv4-unicast' ? { ...after, nextHop } : after
    const id = this.table.intern(family, encodeAttributes(withHop, terms), nextHop)
    const entry = this.table.entry(id)
    if (!Packer.fits(entry)) return 0
    cache.set(key, { generation, verdict, nextHop, id, entry })
    return id
  }

  #cacheOf(terms: ExportTerms): Map<number, CacheEntry> {
    const cache = this.#caches.get(terms) ?? new Map<number, CacheEntry>()
    this.#caches.set(terms, cache)
    return cache
  }
}

/** RFC 4271 section 5.1.4: the MED of one neighbouring AS is not passed on to another. */
function withoutForeignMed(terms: ExportTerms, attributes: Attributes, originated: boolean): Attributes {
  if (originated || !terms.external) return attributes
  const { med: _med, ...rest } = attributes
  return rest
}

/** What crossing, or not crossing, the border of the AS does to attributes. NEXT_HOP is set by the caller. */
function towards(terms: ExportTerms, { nextHop: _nextHop, ...attributes }: Attributes): Attributes {
  if (!terms.external) return { ...attributes, localPref: attributes.localPref ?? defaultLocalPref }
  const { localPref: _localPref, originatorId: _originator, clusterList: _clusters, ...rest } = attributes
  const extended = rest.extendedCommunities?.filter(isTransitiveExtendedCommunity)
  return {
    ...rest,
    asPath: prependAsPath(rest.asPath ?? [], terms.localAsn),
    ...(extended && { extendedCommunities: extended }),
  }
}
