/**
 * Sets of peers: by name, by address or prefix of addresses, by ASN, or all external or internal ones.
 * Asked for each route, and nearly always about the same peer as for the last one.
 */

import { type Address, hostPrefix } from 'bgp-ts'
import { insideEntry, PrefixSet } from './prefix-set.ts'
import { formatRange, type NumberRange, NumberSet, parseRange, uint32 } from './range.ts'
import { parseAddress, parsePrefix } from './text.ts'

export type NeighbourEntry =
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'prefix'; readonly prefix: PrefixSet['entries'][number]['prefix'] }
  | { readonly by: 'asn'; readonly asns: NumberRange }
  | { readonly by: 'type'; readonly type: 'external' | 'internal' }

/** What is known of a peer. */
export interface Neighbour {
  readonly name: string
  readonly external: boolean
  readonly asn?: number | undefined
  readonly address?: Address | undefined
}

/** `external`, `internal`, an ASN (`65001`, `AS65001`) or a range of them, an address, a prefix of addresses; anything else is a name. */
export function parseNeighbour(text: string): NeighbourEntry {
  if (text === 'external' || text === 'internal') return { by: 'type', type: text }
  const asns = parseRange(text.replace(/^as(?=\d)/i, ''), uint32)
  if (asns && text !== '*') return { by: 'asn', asns }
  const address = parseAddress(text)
  const prefix = address ? hostPrefix(address) : parsePrefix(text)
  return prefix ? { by: 'prefix', prefix } : { by: 'name', name: text }
}

function formatEntry(entry: NeighbourEntry): string {
  if (entry.by === 'name') return `name ${entry.name}`
  if (entry.by === 'type') return entry.type
  return entry.by === 'asn' ? `AS${formatRange(entry.asns)}` : String(entry.prefix)
}

export class NeighbourSet {
  readonly entries: readonly NeighbourEntry[]
  /** Equal for sets that were made of the same entries. */
  readonly key: string
  readonly #names: ReadonlySet<string>
  readonly #types: ReadonlySet<string>
  readonly #asns: NumberSet
  readonly #addresses: PrefixSet
  #last: Neighbour = { name: '', external: true }
  #lastHas: boolean | undefined

  constructor(entries: readonly NeighbourEntry[]) {
    this.entries = entries
    this.key = entries.map(formatEntry).sort().join(' ')
    this.#names = new Set(entries.flatMap((entry) => (entry.by === 'name' ? [entry.name] : [])))
    this.#types = new Set(entries.flatMap((entry) => (entry.by === 'type' ? [entry.type] : [])))
    this.#asns = new NumberSet(entries.flatMap((entry) => (entry.by === 'asn' ? [entry.asns] : [])))
    this.#addresses = new PrefixSet(
      entries.flatMap((entry) => (entry.by === 'prefix' ? [insideEntry(entry.prefix)] : [])),
    )
  }

  static named(names: readonly string[]): NeighbourSet {
    return new NeighbourSet(names.map((name) => ({ by: 'name', name })))
  }

  has(peer: Neighbour): boolean {
    const last = this.#last
    const same =
      last.name === peer.name &&
      last.external === peer.external &&
      last.asn === peer.asn &&
      last.address === peer.address
    if (same && this.#lastHas !== undefined) return this.#lastHas
    const { name, external, asn, address } = peer
    this.#last = { name, external, asn, address }
    this.#lastHas =
      this.#names.has(name) ||
      this.#types.has(external ? 'external' : 'internal') ||
      (asn !== undefined && this.#asns.has(asn)) ||
      (address !== undefined && this.#addresses.has(hostPrefix(address)))
    return this.#lastHas
  }
}
