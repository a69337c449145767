/**
 * Which next hops can be reached: those on a link of this machine, by the routes of others. The kernel resolves no gateway through another
 * gateway, and neither does this.
 *
 * A next hop that routes are wanted over must not come to be resolved by one of our own routes (RFC 4271 section 9.1.2.1): every
 * prefix that covers it and is as long as its link's, or longer, is guarded, and is not put into the kernel.
 */

import { type Address, contains, type Family, families, familyNumbers, hostPrefix, Prefix, samePrefix } from 'bgp-ts'
import { PrefixTable } from '../rib/prefix-table.ts'
import { hopText } from './hop-sets.ts'
import type { KernelHop, KernelRoute } from './kernel.ts'

/** A prefix whose addresses an interface reaches by itself. */
export interface Link {
  readonly prefix: Prefix
  readonly device: string
  /** Without carrier it reaches nobody. */
  readonly down: boolean
}

interface Hop {
  readonly hop: KernelHop
  link: Link | undefined
  /** Sets of next hops that have it and that some row wants. */
  wanted: number
}

/** Beyond this many, those that nobody wants are forgotten: peers choose next hops. */
const mostKnown = 4096

export const familyOfHop = ({ version }: Address): Family => (version === 4 ? 'ipv4-unicast' : 'ipv6-unicast')

export class NextHops {
  readonly #onGuarded: (prefix: Prefix) => void
  readonly #hops = new Map<string, Hop>()
  readonly #links = new Map<string, Link>()
  readonly #guards: Readonly<Record<Family, Guards>>
  #isPruned = false

  /** `onGuarded` hears of each prefix that comes to be guarded, or is no more. */
  constructor(seed: number, onGuarded: (prefix: Prefix) => void) {
    this.#onGuarded = onGuarded
    const [v4, v6] = families.map((family) => new Guards(family, seed))
    this.#guards = { 'ipv4-unicast': v4!, 'ipv6-unicast': v6! }
  }

  /** The link that a next hop is on. */
  link(hop: KernelHop): Link | undefined {
    const text = hopText(hop)
    const known = this.#hops.get(text)
    if (known) return known.link
    if (this.#hops.size >= mostKnown) this.#prune()
    const link = this.#find(hop)
    this.#hops.set(text, { hop, link, wanted: 0 })
    return link
  }

  /** Some row wants routes over this next hop, or none does any more. */
  want(hop: KernelHop, isWanted: boolean): void {
    this.link(hop)
    const entry = this.#hops.get(hopText(hop))!
    if (isWanted && entry.wanted++ === 0) this.#guard(entry, true)
    if (!isWanted && --entry.wanted === 0) this.#guard(entry, false)
  }

  isGuarded(family: Family, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    return this.#guards[family].has(w0, w1, w2, w3, length)
  }

  /** Whether an interface reaches all of a prefix by itself. */
  isLink(prefix: Prefix): boolean {
    return [...this.#links.values()].some((link) => !link.down && samePrefix(link.prefix, prefix))
  }

  /** A wanted next hop that a guarded prefix covers, and its link. */
  covered(prefix: Prefix): { readonly hop: KernelHop; readonly link: Link } | undefined {
    for (const { hop, link, wanted } of this.#hops.values()) {
      const host = hostPrefix(hop.address)
      if (wanted > 0 && link && contains(prefix, host) && prefix.length >= link.prefix.length) return { hop, link }
    }
    return undefined
  }

  /** Takes all on-link routes of a family in place of those it had. True if that changes where a next hop is. */
  setLinks(family: Family, routes: readonly KernelRoute[]): boolean {
    for (const [key, { prefix }] of this.#links) if (prefix.family === family) this.#links.delete(key)
    for (const route of routes) this.#enter(route, false)
    return this.#lookAgain(family)
  }

  /** Takes one route that is new or gone. True if that changes where a next hop is. */
  changeLink(route: KernelRoute, gone: boolean): boolean {
    this.#enter(route, gone)
    const { prefix } = route
    const concerned = [...this.#hops.values()].some(({ hop }) => contains(prefix, hostPrefix(hop.address)))
    return (concerned || this.#isPruned) && this.#lookAgain(prefix.family)
  }

  /** Whether a next hop is, or would be, on a link of this interface. */
  usesDevice(device: string): boolean {
    const hosts = [...this.#hops.values()].map(({ hop }) => hostPrefix(hop.address))
    const links = [...this.#links.values()].filter((link) => link.device === device)
    return links.some(({ prefix }) => hosts.some((host) => contains(prefix, host)))
  }

  #enter({ prefix, onLink, table, metric, down }: KernelRoute, gone: boolean): void {
    if (onLink === undefined) return
    const key = `${prefix} ${onLink} ${table} ${metric}`
    if (gone) this.#links.delete(key)
    else this.#links.set(key, { prefix, device: onLink, down })
  }

  #lookAgain(family: Family): boolean {
    let changed = this.#isPruned
    this.#isPruned = false
    for (const entry of this.#hops.values()) {
      if (familyOfHop(entry.hop.address) !== family) continue
      const link = this.#find(entry.hop)
      const same = link?.device === entry.link?.device && link?.prefix.length === entry.link?.prefix.length
      if (same) continue
      changed = true
      if (entry.wanted > 0) this.#guard(entry, false)
      entry.link = link
      if (entry.wanted > 0) this.#guard(entry, true)
    }
    return changed
  }

  /** The longest prefix of a link with this address in it. */
  #find({ address, zone }: KernelHop): Link | undefined {
    const host = hostPrefix(address)
    let best: Link | undefined
    for (const link of this.#links.values()) {
      if (link.down || (zone !== undefined && link.device !== zone)) continue
      if (!contains(link.prefix, host) || (best && best.prefix.length >= link.prefix.length)) continue
      best = link
    }
    return best
  }

  #guard({ hop, link }: Hop, isGuarded: boolean): void {
    // Over link-local addresses nothing is resolved: their interface is said.
    if (!link || hop.zone !== undefined) return
    const family = familyOfHop(hop.address)
    const { w0, w1, w2, w3 } = hop.address
    for (let length = link.prefix.length; length <= familyNumbers[family].bits; length++) {
      const prefix = new Prefix(family, length, w0, w1, w2, w3)
      this.#guards[family].change(prefix, isGuarded)
      this.#onGuarded(prefix)
    }
  }

  #prune(): void {
    for (const [text, { wanted }] of this.#hops) if (wanted === 0) this.#hops.delete(text)
    this.#isPruned = true
  }
}

/** Counted prefixes: one lookup says whether a route may be installed, however many next hops there are. */
class Guards {
  readonly #table: PrefixTable
  readonly #counts: number[] = []

  constructor(family: Family, seed: number) {
    this.#table = new PrefixTable(family, seed)
  }

  has(w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    return this.#table.size > 0 && this.#table.find(w0, w1, w2, w3, length) >= 0
  }

  change({ w0, w1, w2, w3, length }: Prefix, isGuarded: boolean): void {
    const row = isGuarded ? this.#table.add(w0, w1, w2, w3, length) : this.#table.find(w0, w1, w2, w3, length)
    if (row < 0) return
    const count = (this.#counts[row] ?? 0) + (isGuarded ? 1 : -1)
    this.#counts[row] = count
    if (count === 0) this.#table.remove(row)
  }
}
