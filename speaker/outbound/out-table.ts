/**
 * What routes are sent with: encoded attribute lists with their next hop, interned, shared by all update groups. Equal ids mean equal octets on
 * the wire, so adj-rib-out is one integer a prefix. Rows of words, and blocks in an arena: a full table has a hundred thousand of them.
 */

import { Address, type Family, families, familyNumbers } from 'bgp-ts'
import { Arena } from '../rib/arena.ts'
import { isFarTooLong } from '../rib/columns.ts'
import { KeyedHash } from '../rib/keyed-hash.ts'
import { Records } from '../rib/records.ts'
import { RowIds } from '../rib/row-ids.ts'
import { SlotIndex } from '../rib/slot-index.ts'

const initialEntries = 256

/** Words of an entry. */
const listAt = 0
const listLength = 1
const references = 2
const generation = 3
/** Index of the family, and above it the version of the next hop. */
const kind = 4
const hop0 = 5
const hop1 = 6
const hop2 = 7
const hop3 = 8
const entryWords = 9

const versionShift = 1

/** Of an IPv6 next hop; without a link-local one beside it. */
const hopOctets = 16
/** AFI, SAFI, length of the next hop, the next hop, and an octet of 0. */
const reachOctets = 5 + hopOctets

export class OutTable {
  readonly #hash: KeyedHash
  #arena = new Arena()
  readonly #records = new Records(entryWords, initialEntries)
  /** Id 0 means: not sent. */
  readonly #ids = new RowIds(this.#records, generation)
  readonly #index = new SlotIndex(initialEntries)
  /** The header that was asked for last. Written anew for each message: a reflector's routes have as many next hops as there are nodes. */
  readonly #header = new Uint8Array(reachOctets)
  readonly #headerWords = new DataView(this.#header.buffer)

  constructor(seed: number) {
    this.#hash = new KeyedHash(seed)
  }

  get size(): number {
    return this.#index.size
  }

  /** Octets of the arena, the rows, and what they are found by. */
  get bytes(): number {
    return this.#arena.bytes + this.#records.bytes + this.#index.bytes
  }

  /** Whether the lists take far more than their octets. */
  get isWasteful(): boolean {
    return this.#arena.isWasteful
  }

  /** The id of an encoded list, without MP_REACH_NLRI, and with NEXT_HOP where that is an IPv4 address. A new one has no reference yet. */
  intern(family: Family, bytes: Uint8Array, nextHop: Address, length = bytes.length): number {
    const { version, w0, w1, w2, w3 } = nextHop
    const hash = this.#hash.ofOctets(bytes, 0, length, familyNumbers[family].afi * 8 + version, w0, w1, w2, w3)
    for (let id = this.#index.first(hash); id !== 0; id = this.#index.next(hash)) {
      if (this.#is(id, family, bytes, length, nextHop)) return id
    }
    const id = this.#ids.take()
    const records = this.#records
    records.set(id, listAt, this.#arena.put(bytes, 0, length))
    records.set(id, listLength, length)
    records.set(id, references, 0)
    records.set(id, kind, kindOf(family, nextHop))
    records.set(id, hop0, w0)
    records.set(id, hop1, w1)
    records.set(id, hop2, w2)
    records.set(id, hop3, w3)
    this.#index.add(id, hash)
    return id
  }

  retain(id: number): void {
    if (id !== 0) this.#records.set(id, references, this.#records.get(id, references) + 1)
  }

  release(id: number): void {
    if (id === 0) return
    const records = this.#records
    const left = records.get(id, references) - 1
    records.set(id, references, left)
    if (left <= 0) this.#discard(id)
  }

  /** Frees an entry that got no reference. */
  discardUnused(id: number): void {
    if (id !== 0 && this.#records.get(id, references) === 0) this.#discard(id)
  }

  #discard(id: number): void {
    const records = this.#records
    this.#index.remove(id)
    this.#arena.drop(records.get(id, listAt), records.get(id, listLength))
    this.#ids.giveBack(id)
  }

  /** Changes whenever the id is given to another list: caches ask. */
  generation(id: number): number {
    return this.#ids.generation(id)
  }

  listLength(id: number): number {
    return this.#records.get(id, listLength)
  }

  /** Copies the list to a place in a buffer; returns the place behind it. */
  copyList(id: number, into: Uint8Array, at: number): number {
    const offset = this.#records.get(id, listAt)
    const length = this.#records.get(id, listLength)
    const chunk = this.#arena.chunkOf(offset)
    const from = this.#arena.placeOf(offset)
    for (let index = 0; index < length; index++) into[at + index] = chunk[from + index]!
    return at + length
  }

  list(id: number): Uint8Array {
    const list = new Uint8Array(this.listLength(id))
    this.copyList(id, list, 0)
    return list
  }

  nextHop(id: number): Address {
    const records = this.#records
    const version = (records.get(id, kind) >>> versionShift) as 4 | 6
    const [a, b, c, d] = [records.get(id, hop0), records.get(id, hop1), records.get(id, hop2), records.get(id, hop3)]
    return new Address(version, a, b, c, d)
  }

  /** The value of MP_REACH_NLRI before the prefixes, valid until the next call; undefined where the NLRI field of the UPDATE is used. */
  reach(id: number): Uint8Array | undefined {
    const records = this.#records
    // An IPv4 route with an IPv6 next hop travels as the other family does (RFC 8950 section 4).
    if (records.get(id, kind) >>> versionShift === 4) return undefined
    const { afi, safi } = familyNumbers[families[records.get(id, kind) & 1]!]
    const words = this.#headerWords
    words.setUint16(0, afi)
    words.setUint8(2, safi)
    words.setUint8(3, hopOctets)
    for (let word = 0; word < 4; word++) words.setInt32(4 + 4 * word, records.get(id, hop0 + word))
    return this.#header
  }

  #is(id: number, family: Family, bytes: Uint8Array, length: number, { w0, w1, w2, w3, version }: Address): boolean {
    const records = this.#records
    const same =
      records.get(id, listLength) === length &&
      records.get(id, kind) === kindOf(family, { version }) &&
      records.get(id, hop0) === w0 &&
      records.get(id, hop1) === w1 &&
      records.get(id, hop2) === w2 &&
      records.get(id, hop3) === w3
    if (!same) return false
    const offset = records.get(id, listAt)
    const chunk = this.#arena.chunkOf(offset)
    const from = this.#arena.placeOf(offset)
    for (let index = 0; index < length; index++) if (chunk[from + index] !== bytes[index]) return false
    return true
  }

  /** Gives back what a table that was far larger has left. Ids stay; those given out again later have generations that nobody has seen. True if it did. */
  trim(): boolean {
    const records = this.#records
    if (!isFarTooLong(records.rows, this.size) && !this.isWasteful) return false
    const ids = [...this.#index.numbers()]
    this.#index.shrink(initialEntries, this.#ids.shrink(ids, initialEntries))
    const before = this.#arena
    this.#arena = new Arena()
    for (const id of ids) {
      records.set(id, listAt, this.#arena.move(before, records.get(id, listAt), records.get(id, listLength)))
    }
    return true
  }
}

const kindOf = (family: Family, { version }: Pick<Address, 'version'>) =>
  families.indexOf(family) | (version << versionShift)
