/**
 * Prefixes of one family, each with a row number that stays its own while anything refers to it.
 * Open addressing over typed arrays: about 17 bytes for an IPv4 prefix, nothing for the garbage collector, no key object.
 * The hash has a key of the process, because peers choose the prefixes.
 */

import { type Family, Prefix } from 'bgp-ts'
import { freeBelow, grown, grownBytes, isFarTooLong, nextPower, shorterLength } from './columns.ts'
import { KeyedHash, longestRun } from './keyed-hash.ts'

const initialRows = 1024

export class PrefixTable {
  readonly family: Family
  readonly #wide: boolean
  readonly #hash: KeyedHash
  #w0 = new Int32Array(initialRows)
  #w1: Int32Array
  #w2: Int32Array
  #w3: Int32Array
  #lengths = new Uint8Array(initialRows)
  /** Of each row: they are dear, and every growth of the slots needs all of them. */
  #hashes = new Int32Array(initialRows)
  /** Row + 1, or 0 for an empty slot. */
  #slots = new Int32Array(initialRows * 2)
  #mask = initialRows * 2 - 1
  #free: number[] = []
  #rows = 0
  #count = 0

  constructor(family: Family, seed: number) {
    this.family = family
    this.#wide = family === 'ipv6-unicast'
    this.#hash = new KeyedHash(seed)
    const wideRows = this.#wide ? initialRows : 0
    this.#w1 = new Int32Array(wideRows)
    this.#w2 = new Int32Array(wideRows)
    this.#w3 = new Int32Array(wideRows)
  }

  /** Prefixes in the table. */
  get size(): number {
    return this.#count
  }

  /** Row numbers are below this. */
  get rows(): number {
    return this.#rows
  }

  /** How many rows fit before the columns beside this table have to grow. */
  get capacity(): number {
    return this.#lengths.length
  }

  /** How many slots a search may have to look at. */
  get longestRun(): number {
    return longestRun(this.#slots)
  }

  /** The row of a prefix, or -1. */
  find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = this.#hash.ofWords(w0, w1, w2, w3, length)
    let slot = hash & this.#mask
    for (;;) {
      const row = this.#slots[slot]! - 1
      if (row < 0) return -1
      if (this.#hashes[row] === hash && this.#is(row, w0, w1, w2, w3, length)) return row
      slot = (slot + 1) & this.#mask
    }
  }

  /** The row of a prefix, made if it is not there. */
  add(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const hash = this.#hash.ofWords(w0, w1, w2, w3, length)
    let slot = hash & this.#mask
    for (;;) {
      const row = this.#slots[slot]! - 1
      if (row < 0) break
      if (this.#hashes[row] === hash && this.#is(row, w0, w1, w2, w3, length)) return row
      slot = (slot + 1) & this.#mask
    }
    const row = this.#free.pop() ?? this.#newRow()
    this.#w0[row] = w0
    if (this.#wide) {
      this.#w1[row] = w1
      this.#w2[row] = w2
      this.#w3[row] = w3
    }
    this.#lengths[row] = length
    this.#hashes[row] = hash
    this.#slots[slot] = row + 1
    this.#count++
    if (this.#count * 10 > this.#slots.length * 7) this.#grow()
    return row
  }

  /** Gives the row back. What follows it in the probe chain moves up, so there are no tombstones. */
  remove(row: number): void {
    let slot = this.#slotOf(row)
    this.#count--
    this.#free.push(row)
    let next = slot
    for (;;) {
      this.#slots[slot] = 0
      for (;;) {
        next = (next + 1) & this.#mask
        const moving = this.#slots[next]! - 1
        if (moving < 0) return
        const home = this.#hashes[moving]! & this.#mask
        const between = slot <= next ? slot < home && home <= next : slot < home || home <= next
        if (!between) break
      }
      this.#slots[slot] = this.#slots[next]!
      slot = next
    }
  }

  prefix(row: number): Prefix {
    return new Prefix(
      this.family,
      this.#lengths[row]!,
      this.#w0[row]!,
      this.word1(row),
      this.word2(row),
      this.word3(row),
    )
  }

  word0(row: number): number {
    return this.#w0[row]!
  }

  word1(row: number): number {
    return this.#wide ? this.#w1[row]! : 0
  }

  word2(row: number): number {
    return this.#wide ? this.#w2[row]! : 0
  }

  word3(row: number): number {
    return this.#wide ? this.#w3[row]! : 0
  }

  length(row: number): number {
    return this.#lengths[row]!
  }

  /** Octets of the columns and the slots. */
  get bytes(): number {
    return this.capacity * (this.#wide ? 21 : 9) + this.#slots.length * 4
  }

  /**
   * Gives back what a table that was far larger has left: rows above the last one in use, and slots. Rows keep their numbers. Costs a walk over
   * the slots; does nothing for a table that uses what it has.
   */
  trim(): void {
    if (!isFarTooLong(this.capacity, this.#count)) return
    const used = new Uint8Array(this.#rows)
    let end = 0
    for (const entry of this.#slots) {
      if (entry === 0) continue
      used[entry - 1] = 1
      if (entry > end) end = entry
    }
    const rows = shorterLength(end, initialRows)
    this.#w0 = this.#w0.slice(0, rows)
    this.#lengths = this.#lengths.slice(0, rows)
    this.#hashes = this.#hashes.slice(0, rows)
    if (this.#wide) {
      this.#w1 = this.#w1.slice(0, rows)
      this.#w2 = this.#w2.slice(0, rows)
      this.#w3 = this.#w3.slice(0, rows)
    }
    this.#rows = end
    this.#free = freeBelow(end, used)
    const entries = this.#slots.filter((entry) => entry !== 0)
    this.#rehash(entries, Math.max(initialRows, nextPower(entries.length)) * 2)
  }

  #is(row: number, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    if (this.#w0[row] !== w0 || this.#lengths[row] !== length) return false
    return !this.#wide || (this.#w1[row] === w1 && this.#w2[row] === w2 && this.#w3[row] === w3)
  }

  #slotOf(row: number): number {
    let slot = this.#hashes[row]! & this.#mask
    while (this.#slots[slot] !== row + 1) slot = (slot + 1) & this.#mask
    return slot
  }

  #newRow(): number {
    const row = this.#rows++
    if (row < this.#lengths.length) return row
    const rows = this.#lengths.length * 2
    this.#w0 = grown(this.#w0, rows)
    this.#lengths = grownBytes(this.#lengths, rows)
    this.#hashes = grown(this.#hashes, rows)
    if (this.#wide) {
      this.#w1 = grown(this.#w1, rows)
      this.#w2 = grown(this.#w2, rows)
      this.#w3 = grown(this.#w3, rows)
    }
    return row
  }

  #grow(): void {
    this.#rehash(this.#slots, this.#slots.length * 2)
  }

  #rehash(entries: Int32Array, length: number): void {
    this.#slots = new Int32Array(length)
    this.#mask = length - 1
    for (const entry of entries) {
      if (entry === 0) continue
      let slot = this.#hashes[entry - 1]! & this.#mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask
      this.#slots[slot] = entry
    }
  }
}
