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
import type { PeerAttributes } from '../desired.ts'
import { defaultLocalPref } from '../rib/best-path.ts'
import { none } from '../rib/path-table.ts'
import { type FamilyRib, ownIndex, type Rib } from '../rib/rib.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import { type OutEntry, OutTable } from './out-table.ts'
import { Packer } from './packer.ts'
import { attributesFor, isNamed } from './peer-words.ts'

/** What the peers of an update group have in common. */
export interface ExportTerms {
  readonly policy: CompiledPolicy
  readonly external: boolean
  readonly localAsn: number
  readonly fourOctetAsn: boolean
  /** IPv4 routes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean
  /** They know routes of last resort (RFC 9494). */
  readonly longLived: boolean
  readonly nextHopSelf: boolean
  /** Our address of each family towards these peers: of the session where it fits, else the speaker's own. */
  readonly self: { readonly [family in Family]?: Address }
  /** The speaker's declared address of each family. */
  readonly declared: { readonly [family in Family]?: Address }
  /** Of the words by which routes name peers, those that these peers bear. */
  readonly words: ReadonlySet<string>
  /** The only member, where the policy or split horizon makes a difference between peers. */
  readonly only: RoutedPeer | undefined
}

/** Out id of the route, 0 for one that is not sent; and in words which rule decided. */
export interface ExportDecision {
  id: number
  reason: string
}

interface CacheEntry {
  readonly generation: number
  readonly verdict: Verdict
  readonly nextHop: Address
  readonly id: number
  readonly entry: OutEntry
}

const forAll: readonly PeerAttributes[] = []
const nobody = { to: undefined, towards: forAll }
const sourceOf = (originated: boolean) => (originated ? 'originated' : 'learned')

export class Exporter {
  readonly #rib: Rib
  readonly #peers: readonly (RoutedPeer | undefined)[]
  readonly table = new OutTable()
  readonly #decision: ExportDecision = { id: 0, reason: '' }
  #attributes = 0
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
    external: true,
    attributes: () => this.#rib.attributes.attributes(this.#attributes),
  }
  /** Per terms, and per what a route says of single peers, what the attributes of a path become. */
  readonly #caches = new WeakMap<ExportTerms, WeakMap<readonly PeerAttributes[], Map<number, CacheEntry>>>()

  constructor(rib: Rib, peers: readonly (RoutedPeer | undefined)[]) {
    this.#rib = rib
    this.#peers = peers
  }

  /** The decision about the best path of a row. The object is reused: read it before the next call. */
  decide(terms: ExportTerms, rib: FamilyRib, row: number): Readonly<ExportDecision> {
    const path = rib.paths.best(row)
    if (path === none) return this.#no('no route')
    const peer = rib.paths.peer(path)
    const attributes = rib.paths.attributes(path)
    const originated = peer === ownIndex
    const obstacle = originated ? undefined : this.#obstacle(terms, peer, attributes)
    if (obstacle) return this.#no(obstacle)
    this.#attributes = attributes
    const verdict = terms.policy.evaluate(this.#describe(terms, rib, row, originated))
    if (!verdict.accept) return this.#no(verdict.statement)
    const { to, towards: selected = forAll } = (originated && rib.originated.get(row)) || nobody
    if (to && !isNamed(terms.words, to.peers)) return this.#no(to.rule)
    const nextHop = this.#nextHop(terms, rib.family, attributes, originated, verdict)
    if (typeof nextHop === 'string') return this.#no(nextHop)
    const id = this.#encoded(terms, rib.family, attributes, originated, selected, verdict, nextHop)
    if (id === 0) return this.#no('attributes too long for a message')
    this.#decision.id = id
    this.#decision.reason = verdict.statement
    return this.#decision
  }

  #no(reason: string): ExportDecision {
    this.#decision.id = 0
    this.#decision.reason = reason
    return this.#decision
  }

  /** What BGP itself forbids for a learned route. */
  #obstacle(terms: ExportTerms, peer: number, attributes: number): string | undefined {
    const source = this.#peers[peer]
    if (source === undefined) return 'the session it came by is gone'
    if (source === terms.only) return 'learned from this peer'
    if (!terms.external && !source.external) return 'learned from an internal peer, RFC 4271 9.2'
    if (!terms.longLived && this.#rib.attributes.longLivedStale(attributes))
      return 'a route of last resort, and the peer knows none, RFC 9494 4.3'
    if (this.#rib.attributes.noAdvertise(attributes)) return 'community NO_ADVERTISE'
    if (terms.external && this.#rib.attributes.noExport(attributes)) return 'community NO_EXPORT'
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
    subject.external = terms.external
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
    const extends6 = terms.extendedNextHop && family === 'ipv4-unicast'
    const ofFamily = (of: ExportTerms['self']) => of[family] ?? (extends6 ? of['ipv6-unicast'] : undefined)
    const own = ofFamily(terms.self)
    const stated = this.#rib.attributes.nextHop(attributes)
    const changed = terms.external && asked !== 'unchanged'
    const kept = originated ? (stated ?? ofFamily(terms.declared) ?? own) : changed ? own : stated
    const nextHop = self ? own : typeof asked === 'object' ? asked : kept
    const version = family === 'ipv4-unicast' ? 4 : 6
    if (nextHop === undefined) return `this node has no IPv${version} address to be the next hop`
    if (nextHop.version !== version && !(extends6 && nextHop.version === 6))
      return `next hop ${nextHop} is not of the route's family`
    if (terms.only && sameAddress(nextHop, terms.only.link.declaration.address)) return 'next hop is the peer itself'
    return nextHop
  }

  #encoded(
    terms: ExportTerms,
    family: Family,
    attributes: number,
    originated: boolean,
    selected: readonly PeerAttributes[],
    verdict: Verdict,
    nextHop: Address,
  ): number {
    const generation = this.#rib.attributes.generation(attributes)
    const cache = this.#cacheOf(terms, selected)
    const known = cache.get(attributes)
    const same =
      known !== undefined &&
      known.generation === generation &&
      known.verdict === verdict &&
      sameAddress(known.nextHop, nextHop) &&
      known.entry.family === family &&
      this.table.holds(known.id, known.entry)
    if (same) return known.id
    const before = attributesFor(terms, selected, this.#rib.attributes.attributes(attributes))
    const after = towards(
      terms,
      applyActions(verdict.actions, withoutForeignMed(terms, before, originated), terms.localAsn),
    )
    const withHop: Attributes = nextHop.version === 4 ? { ...after, nextHop } : after
    const id = this.table.intern(family, encodeAttributes(withHop, terms), nextHop)
    const entry = this.table.entry(id)
    if (!Packer.fits(entry)) return 0
    cache.set(attributes, { generation, verdict, nextHop, id, entry })
    return id
  }

  #cacheOf(terms: ExportTerms, selected: readonly PeerAttributes[]): Map<number, CacheEntry> {
    const caches = this.#caches.get(terms) ?? new WeakMap<readonly PeerAttributes[], Map<number, CacheEntry>>()
    this.#caches.set(terms, caches)
    const cache = caches.get(selected) ?? new Map<number, CacheEntry>()
    caches.set(selected, cache)
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
