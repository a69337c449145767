/**
 * Whether a group of peers is sent a prefix, with which attributes and next hop, and if not, why.
 * The one place that decides it: what is sent and what `explain` says come from the same function.
 */

import { type Address, type Family, sameAddress } from 'bgp-ts'
import { nextHopOf, type Subject, type Verdict } from '../../policy/index.ts'
import { none } from '../rib/path-table.ts'
import { type FamilyRib, ownIndex, type Rib } from '../rib/rib.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import { Encoder, type ExportedRoute, forAll } from './encoder.ts'
import type { ExportTerms } from './export-terms.ts'
import { OutTable } from './out-table.ts'
import { isNamed } from './peer-words.ts'

/** Out id of the route, 0 for one that is not sent; and in words which rule decided. */
export interface ExportDecision {
  id: number
  reason: string
  /** Index among the rules of the policy; -1 where another rule than the policy's decided. */
  rule: number
}

const nobody = { to: undefined, towards: forAll }

const sourceOf = (originated: boolean) => (originated ? 'originated' : 'learned')

export class Exporter {
  readonly #rib: Rib
  readonly #peers: readonly (RoutedPeer | undefined)[]
  readonly table: OutTable
  readonly #decision: ExportDecision = { id: 0, reason: '', rule: -1 }
  readonly #stored = { table: {} as object, id: 0, generation: 0 }
  readonly #encoder: Encoder
  /** The route that is decided about: reused, so that no object is made per prefix. */
  readonly #route: ExportedRoute = {
    family: 'ipv4-unicast',
    attributes: 0,
    originated: false,
    towards: forAll,
    originator: undefined,
  }

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
    fromExternal: true,
    localAsn: 0,
    attributes: () => this.#rib.attributes.attributes(this.#route.attributes),
    nextHop: () => this.#rib.attributes.nextHop(this.#route.attributes),
    stored: this.#stored,
  }
  constructor(rib: Rib, peers: readonly (RoutedPeer | undefined)[], seed: number) {
    this.table = new OutTable(seed)
    this.#rib = rib
    this.#encoder = new Encoder(rib.attributes, this.table)
    this.#peers = peers
    this.#stored.table = rib.attributes
  }

  /** The decision about the best path of a row; counted in `hits`, where it is made to be sent. The object is reused: read it before the next call. */
  decide(terms: ExportTerms, rib: FamilyRib, row: number, hits?: Float64Array): Readonly<ExportDecision> {
    const path = rib.paths.best(row)
    if (path === none) return this.#no('no route')
    const peer = rib.paths.peer(path)
    const originated = peer === ownIndex
    const route = this.#route
    route.family = rib.family
    route.attributes = rib.paths.attributes(path)
    route.originated = originated
    const source = this.#peers[peer]
    const obstacle = originated ? undefined : this.#obstacle(terms, source)
    if (obstacle !== undefined) return this.#no(obstacle)
    route.originator = source && !source.external && !terms.external ? source.routerId : undefined
    const verdict = terms.policy.evaluate(this.#describe(terms, rib, row, source), hits)
    if (!verdict.accept) return this.#no(verdict.statement, verdict.rule)
    const { to, towards = forAll } = (originated && rib.originated.get(row)) || nobody
    if (to && !isNamed(terms.words, to.peers)) return this.#no(to.rule)
    route.towards = towards
    const nextHop = this.#nextHop(terms, rib.family, verdict)
    if (typeof nextHop === 'string') return this.#no(nextHop)
    const id = this.#encoder.encoded(terms, route, verdict, nextHop)
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
  #obstacle(terms: ExportTerms, source: RoutedPeer | undefined): string | undefined {
    const { attributes } = this.#route
    if (source === undefined) return 'the session it came by is gone'
    if (source === terms.only) return 'learned from this peer'
    const unreflected = terms.external || source.external ? undefined : this.#unreflected(terms, source)
    if (unreflected) return unreflected
    if (!terms.longLived && this.#rib.attributes.longLivedStale(attributes))
      return 'a route of last resort, and the peer knows none, RFC 9494 4.3'
    if (this.#rib.attributes.noAdvertise(attributes)) return 'community NO_ADVERTISE'
    if (terms.external && this.#rib.attributes.noExport(attributes)) return 'community NO_EXPORT'
    if (this.#rib.attributes.asSet(attributes)) return 'AS_SET in the path, RFC 9774 3'
    return undefined
  }

  /** RFC 4456 section 6: what a client says is for all, what another internal peer says for clients. */
  #unreflected(terms: ExportTerms, source: RoutedPeer): string | undefined {
    if (terms.clusterId === undefined) return 'learned from an internal peer, RFC 4271 9.2'
    if (!terms.client && !source.isClient) return 'learned from an internal peer, and neither is a client, RFC 4456 6'
    const originator = this.#rib.attributes.originatorId(this.#route.attributes)
    // It would refuse it (section 8): this spares both sides the message.
    const returns = originator !== 0 && originator === terms.only?.routerId
    return returns ? 'this peer is its ORIGINATOR_ID, RFC 4456 8' : undefined
  }

  #describe(terms: ExportTerms, rib: FamilyRib, row: number, source: RoutedPeer | undefined): Subject {
    const { originated, attributes } = this.#route
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
    this.#stored.id = attributes
    this.#stored.generation = this.#rib.attributes.generation(attributes)
    subject.fromExternal = source?.external ?? false
    return subject
  }

  /** The next hop, always of the route's family (RFC 4271 section 5.1.3, RFC 2545); or why there is none. */
  #nextHop(terms: ExportTerms, family: Family, verdict: Verdict): Address | string {
    const extends6 = terms.extendedNextHop && family === 'ipv4-unicast'
    const nextHop = this.#chosenNextHop(terms, family, verdict, extends6)
    const version = family === 'ipv4-unicast' ? 4 : 6
    if (nextHop === undefined) return `this node has no IPv${version} address to be the next hop`
    if (nextHop.version !== version && !(extends6 && nextHop.version === 6))
      return `next hop ${nextHop} is not of the route's family`
    if (terms.only && sameAddress(nextHop, terms.only.link.declaration.address)) return 'next hop is the peer itself'
    return nextHop
  }

  #chosenNextHop(terms: ExportTerms, family: Family, verdict: Verdict, extends6: boolean): Address | undefined {
    const { originated, originator, attributes } = this.#route
    const asked = nextHopOf(verdict.actions, family)
    // RFC 4456 section 10: a reflected route keeps its next hop, unless a statement of the policy asks for another.
    if (asked === 'self' || (asked === undefined && terms.nextHopSelf && originator === undefined))
      return addressOf(terms.self, family, extends6)
    if (typeof asked === 'object') return asked
    if (!originated && terms.external && asked !== 'unchanged') return addressOf(terms.self, family, extends6)
    const stated = this.#rib.attributes.nextHop(attributes)
    if (stated || !originated) return stated
    return addressOf(terms.declared, family, extends6) ?? addressOf(terms.self, family, extends6)
  }

  /** Gives back what a table that was far larger has left. */
  trim(): void {
    if (this.table.trim()) this.#encoder.forget()
  }
}

/** Our address for a family, or of IPv6 where that may be the next hop of an IPv4 route. */
function addressOf(addresses: ExportTerms['self'], family: Family, extends6: boolean): Address | undefined {
  return addresses[family] ?? (extends6 ? addresses['ipv6-unicast'] : undefined)
}
