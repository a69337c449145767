/**
 * Prefixes of one family, each with a row number that stays its own while anything refers to it.
 * Words in typed arrays: about 20 octets for an IPv4 prefix, nothing for the garbage collector, no key object.
 * The hash has a key of the process, because peers choose the prefixes.
 */

import { type Family, Prefix } from 'bgp-ts'
import { freeBelow, isFarTooLong, nextPower } from './columns.ts'
import { KeyedHash } from './keyed-hash.ts'
import { Records } from './records.ts'
import { SlotIndex } from './slot-index.ts'

const initialRows = 1024
/** Words of a row: the length, and as many of the prefix as its family has. */
const lengthWord = 0
const w0 = 1
const w1 = 2
const w2 = 3
const w3 = 4

export class PrefixTable {
  readonly family: Family
  readonly #wide: boolean
  readonly #hash: KeyedHash
  readonly #records: Records
  /** Of rows + 1. */
  readonly #index = new SlotIndex(initialRows)
  #free: number[] = []
  #rows = 0

  constructor(family: Family, seed: number) {
    this.family = family
    this.#wide = family === 'ipv6-unicast'
    this.#hash = new KeyedHash(seed)
    this.#records = new Records(this.#wide ? 5 : 2, initialRows)
  }

  /** Prefixes in the table. */
  get size(): number {
    return this.#index.size
  }

  /** Row numbers are below this. */
  get rows(): number {
    return this.#rows
  }

  /** For columns beside this table: so many rows are there at most before they have to grow. */
  get capacity(): number {
    return Math.max(initialRows, nextPower(this.#rows))
  }

  /** How many slots a search may have to look at. */
  get longestRun(): number {
    return this.#index.longestRun
  }

  /** The row of a prefix, or -1. */
  find(a: number, b: number, c: number, d: number, length: number): number {
    return this.#find(this.#hash.ofWords(a, b, c, d, length), a, b, c, d, length)
  }

  /** The row of a prefix, made if it is not there. */
  add(a: number, b: number, c: number, d: number, length: number): number {
    const hash = this.#hash.ofWords(a, b, c, d, length)
    const known = this.#find(hash, a, b, c, d, length)
    if (known >= 0) return known
    const row = this.#free.pop() ?? this.#rows++
    const records = this.#records
    records.reach(row)
    records.set(row, lengthWord, length)
    records.set(row, w0, a)
    if (this.#wide) {
      records.set(row, w1, b)
      records.set(row, w2, c)
      records.set(row, w3, d)
    }
    this.#index.add(row + 1, hash)
    return row
  }

  /** Gives the row back. */
  remove(row: number): void {
    this.#index.remove(row + 1)
    this.#free.push(row)
  }

  prefix(row: number): Prefix {
    return new Prefix(this.family, this.length(row), this.word0(row), this.word1(row), this.word2(row), this.word3(row))
  }

  word0(row: number): number {
    return this.#records.get(row, w0)
  }

  word1(row: number): number {
    return this.#wide ? this.#records.get(row, w1) : 0
  }

  word2(row: number): number {
    return this.#wide ? this.#records.get(row, w2) : 0
  }

  word3(row: number): number {
    return this.#wide ? this.#records.get(row, w3) : 0
  }

  length(row: number): number {
    return this.#records.get(row, lengthWord)
  }

  /** Octets of the rows and of what they are found by. */
  get bytes(): number {
    return this.#records.bytes + this.#index.bytes
  }

  /**
   * Gives back what a table that was far larger has left: rows above the last one in use, and slots. Rows keep their numbers. Costs a walk over
   * the slots; does nothing for a table that uses what it has.
   */
  trim(): void {
    if (!isFarTooLong(this.#records.rows, this.size)) return
    const used = new Uint8Array(this.#rows)
    for (const number of this.#index.numbers()) used[number - 1] = 1
    const end = used.lastIndexOf(1) + 1
    this.#records.shrink(end, initialRows)
    this.#index.shrink(initialRows, end)
    this.#rows = end
    this.#free = freeBelow(end, used)
  }

  #find(hash: number, a: number, b: number, c: number, d: number, length: number): number {
    const index = this.#index
    for (let number = index.first(hash); number !== 0; number = index.next(hash)) {
      if (this.#is(number - 1, a, b, c, d, length)) return number - 1
    }
    return -1
  }

  #is(row: number, a: number, b: number, c: number, d: number, length: number): boolean {
    const records = this.#records
    if (records.get(row, w0) !== a || records.get(row, lengthWord) !== length) return false
    return !this.#wide || (records.get(row, w1) === b && records.get(row, w2) === c && records.get(row, w3) === d)
  }
}
