/**
 * What routes are sent with: encoded attribute lists with their next hop, interned, shared by all update groups.
 * Equal ids mean equal octets on the wire, so adj-rib-out is one integer a prefix.
 */

import { type Address, type Family, familyNumbers, reachHeader, sameAddress } from 'bgp-ts'
import { KeyedHash } from '../rib/keyed-hash.ts'
import { SlotIndex } from '../rib/slot-index.ts'

const initialEntries = 256

export interface OutEntry {
  readonly family: Family
  /** The attribute list without MP_REACH_NLRI; with NEXT_HOP where that is an IPv4 address. */
  readonly list: Uint8Array
  /** The value of MP_REACH_NLRI before the prefixes; undefined where the NLRI field of the UPDATE is used. */
  readonly reach: Uint8Array | undefined
  readonly nextHop: Address
}

export class OutTable {
  readonly #hash: KeyedHash
  readonly #index = new SlotIndex(initialEntries)
  /** Id 0 means: not sent. */
  readonly #entries: (OutEntry | undefined)[] = [undefined]
  readonly #references: number[] = [0]
  readonly #free: number[] = []

  constructor(seed: number) {
    this.#hash = new KeyedHash(seed)
  }

  get size(): number {
    return this.#index.size
  }

  entry(id: number): OutEntry {
    return this.#entries[id]!
  }

  intern(family: Family, list: Uint8Array, nextHop: Address): number {
    const { version, w0, w1, w2, w3 } = nextHop
    const hash = this.#hash.ofOctets(list, 0, list.length, familyNumbers[family].afi * 8 + version, w0, w1, w2, w3)
    for (let id = this.#index.first(hash); id !== 0; id = this.#index.next(hash)) {
      const entry = this.#entries[id]!
      if (entry.family === family && sameAddress(entry.nextHop, nextHop) && sameOctets(entry.list, list)) return id
    }
    const id = this.#free.pop() ?? this.#entries.length
    // An IPv4 route with an IPv6 next hop travels as the other family does (RFC 8950 section 4).
    const reach = version === 4 ? undefined : reachHeader(family, nextHop)
    this.#entries[id] = { family, list, reach, nextHop }
    this.#references[id] = 0
    this.#index.add(id, hash)
    return id
  }

  retain(id: number): void {
    if (id !== 0) this.#references[id]!++
  }

  release(id: number): void {
    if (id === 0 || --this.#references[id]! > 0) return
    this.#index.remove(id)
    this.#entries[id] = undefined
    this.#free.push(id)
  }

  /** Whether the id still stands for a list: caches ask, since ids are reused. */
  holds(id: number, entry: OutEntry): boolean {
    return this.#entries[id] === entry
  }
}

function sameOctets(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
  return true
}
