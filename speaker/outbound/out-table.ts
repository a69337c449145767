/**
 * What routes are sent with: encoded attribute lists with their next hop, interned, shared by all update groups.
 * Equal ids mean equal octets on the wire, so adj-rib-out is one integer a prefix.
 */

import { type Address, type Family, formatAddress, reachHeader } from 'bgp-ts'

export interface OutEntry {
  readonly family: Family
  /** The attribute list without MP_REACH_NLRI; with NEXT_HOP where that is an IPv4 address. */
  readonly list: Uint8Array
  /** The value of MP_REACH_NLRI before the prefixes; undefined where the NLRI field of the UPDATE is used. */
  readonly reach: Uint8Array | undefined
  readonly nextHop: Address
}

export class OutTable {
  readonly #ids = new Map<string, number>()
  /** Id 0 means: not sent. */
  readonly #entries: (OutEntry | undefined)[] = [undefined]
  readonly #keys: string[] = ['']
  readonly #references: number[] = [0]
  readonly #free: number[] = []

  get size(): number {
    return this.#ids.size
  }

  entry(id: number): OutEntry {
    return this.#entries[id]!
  }

  intern(family: Family, list: Uint8Array, nextHop: Address): number {
    const key = `${family} ${formatAddress(nextHop)} ${latin1(list)}`
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const id = this.#free.pop() ?? this.#entries.length
    // An IPv4 route with an IPv6 next hop travels as the other family does (RFC 8950 section 4).
    const reach = nextHop.version === 4 ? undefined : reachHeader(family, nextHop)
    this.#entries[id] = { family, list, reach, nextHop }
    this.#keys[id] = key
    this.#references[id] = 0
    this.#ids.set(key, id)
    return id
  }

  retain(id: number): void {
    if (id !== 0) this.#references[id]!++
  }

  release(id: number): void {
    if (id === 0 || --this.#references[id]! > 0) return
    this.#ids.delete(this.#keys[id]!)
    this.#entries[id] = undefined
    this.#keys[id] = ''
    this.#free.push(id)
  }

  /** Whether the id still stands for a list: caches ask, since ids are reused. */
  holds(id: number, entry: OutEntry): boolean {
    return this.#entries[id] === entry
  }
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const octet of bytes) text += String.fromCharCode(octet)
  return text
}
