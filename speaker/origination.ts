/** What this speaker itself announces: entered into the table as paths of its own, told as a whole or as a difference. */

import {
  type Address,
  type Attributes,
  encodeAttributes,
  families,
  formatAddress,
  type Prefix,
  summarize,
} from 'bgp-ts'
import type { OriginatedRoute } from './desired.ts'
import type { Outbound } from './outbound/outbound.ts'
import { sameForPeers, wordsIn } from './outbound/peer-words.ts'
import { ContextIds } from './rib/context-ids.ts'
import { type FamilyRib, ownIndex, type Rib } from './rib/rib.ts'
import type { RoutedPeer } from './routed-peer.ts'

export interface RoutesReport {
  readonly added: number
  readonly withdrawn: number
  readonly changed: number
}

/** Attribute ids of routes that were made from the same objects, within one call. */
type Interned = Map<OriginatedRoute['attributes'], Map<Address | undefined, number>>

export class Origination {
  readonly #rib: Rib
  readonly #outbound: Outbound
  readonly #peers: () => Iterable<RoutedPeer>
  readonly #contexts = new ContextIds()

  constructor(rib: Rib, outbound: Outbound, peers: () => Iterable<RoutedPeer>) {
    this.#rib = rib
    this.#outbound = outbound
    this.#peers = peers
  }

  /** Takes all routes to originate, and finds what changed. The first one of a prefix counts. */
  setRoutes(routes: readonly OriginatedRoute[]): RoutesReport {
    const report = { added: 0, withdrawn: 0, changed: 0 }
    this.#noteStated(routes)
    const stale = new Map(families.map((family) => [family, new Set(this.#rib.families[family].originated.keys())]))
    const seen = new Map(families.map((family) => [family, new Set<number>()]))
    const interned: Interned = new Map()
    for (const route of routes) {
      const { family, w0, w1, w2, w3, length } = route.prefix
      const known = this.#rib.families[family].prefixes.find(w0, w1, w2, w3, length)
      if (known >= 0 && seen.get(family)!.has(known)) continue
      const row = this.#originate(route, interned, report)
      seen.get(family)!.add(row)
      stale.get(family)!.delete(row)
    }
    for (const family of families) {
      const rib = this.#rib.families[family]
      for (const row of stale.get(family)!) {
        report.withdrawn++
        rib.originated.delete(row)
        this.#rib.removePath(rib, rib.paths.of(row, ownIndex))
      }
    }
    return report
  }

  /** Takes the routes that are new or other than they were, and those that are no more. */
  changeRoutes(set: readonly OriginatedRoute[], withdrawn: readonly Prefix[]): RoutesReport {
    const report = { added: 0, withdrawn: 0, changed: 0 }
    const interned: Interned = new Map()
    this.#noteStated(set, this.#outbound.statedNextHops, this.#outbound.statedWords)
    for (const { family, w0, w1, w2, w3, length } of withdrawn) {
      const rib = this.#rib.families[family]
      const row = rib.prefixes.find(w0, w1, w2, w3, length)
      if (row < 0 || !rib.originated.has(row)) continue
      report.withdrawn++
      rib.originated.delete(row)
      this.#rib.removePath(rib, rib.paths.of(row, ownIndex))
    }
    for (const route of set) this.#originate(route, interned, report)
    return report
  }

  #originate(route: OriginatedRoute, interned: Interned, report: { added: number; changed: number }): number {
    const { family, w0, w1, w2, w3, length } = route.prefix
    const rib = this.#rib.families[family]
    const known = rib.prefixes.find(w0, w1, w2, w3, length)
    const attributes = this.#originatedAttributes(route, interned)
    const before = known < 0 ? undefined : rib.originated.get(known)
    const path = known < 0 ? -1 : rib.paths.of(known, ownIndex)
    // What is no attribute on the wire, but decides who is sent the route, and with what.
    const judgedAnew =
      before !== undefined && (before.origin.kind !== route.origin.kind || !sameForPeers(before, route))
    if (path < 0) report.added++
    else if (rib.paths.attributes(path) !== attributes || judgedAnew) report.changed++
    const row = this.#enter(rib, route, attributes)
    if (judgedAnew) this.#outbound.touch(rib, row)
    return row
  }

  #noteStated(
    routes: readonly OriginatedRoute[],
    knownHops: ReadonlySet<string> = new Set(),
    knownWords: ReadonlySet<string> = new Set(),
  ): void {
    const distinct = new Set(routes.map(({ nextHop }) => nextHop))
    const hops = new Set([...knownHops, ...[...distinct].flatMap((hop) => (hop ? [formatAddress(hop)] : []))])
    if (!this.#outbound.setStated(hops, wordsIn(routes, knownWords))) return
    for (const peer of this.#peers()) if (peer.negotiated) this.#outbound.reconsider(peer)
  }

  #enter(rib: FamilyRib, route: OriginatedRoute, attributes: number): number {
    const { w0, w1, w2, w3, length } = route.prefix
    // The provenance first: what the change sets off reads it.
    const row = rib.prefixes.add(w0, w1, w2, w3, length)
    rib.originated.set(row, route)
    this.#rib.announce(rib, ownIndex, w0, w1, w2, w3, length, attributes)
    this.#rib.attributes.discardUnused(attributes)
    return row
  }

  /** The interned id of a route's attributes; routes made from the same objects are looked up once. */
  #originatedAttributes(route: OriginatedRoute, interned: Interned): number {
    const table = this.#rib.attributes
    const byHop = interned.get(route.attributes) ?? new Map<Address | undefined, number>()
    interned.set(route.attributes, byHop)
    const known = byHop.get(route.nextHop)
    if (known !== undefined) return known
    const list = encodeAttributes(toAttributes(route), { fourOctetAsn: true })
    const { nextHop } = route
    const hop = nextHop ?? { version: 0 as const, w0: 0, w1: 0, w2: 0, w3: 0 }
    const context = this.#contexts.derived(hop.version)
    const summary = summarize(list, 0, list.length, 0)
    const id = table.find(list, 0, list.length, context, hop) || table.add(list, 0, list.length, context, hop, summary)
    byHop.set(nextHop, id)
    return id
  }
}

function toAttributes({ attributes }: OriginatedRoute): Attributes {
  const { origin = 'igp', asPath = [], ...rest } = attributes
  return { ...rest, origin, asPath: asPath.length > 0 ? [{ type: 'sequence', asns: asPath }] : [] }
}
