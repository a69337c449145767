/**
 * A set of row numbers, one bit each: what waits to be looked at again. It is never larger than the table that the rows are of, however much
 * changes, and adding costs a few nanoseconds: sessions do it while they take routes.
 */

import { nextPower } from '../rib/columns.ts'

export class RowSet {
  #words = new Int32Array(0)
  /** Where the next round goes on. */
  #at = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  has(row: number): boolean {
    const word = row >>> 5
    return word < this.#words.length && (this.#words[word]! & (1 << (row & 31))) !== 0
  }

  add(row: number): void {
    const word = row >>> 5
    if (word >= this.#words.length) this.#grow(word)
    const bit = 1 << (row & 31)
    if ((this.#words[word]! & bit) !== 0) return
    this.#words[word]! |= bit
    this.#size++
  }

  delete(row: number): void {
    if (!this.has(row)) return
    this.#words[row >>> 5]! &= ~(1 << (row & 31))
    this.#size--
  }

  /** Takes a row out, in rounds from the lowest to the highest; -1 at the end of each round, so that every round ends. */
  take(): number {
    if (this.#size > 0) {
      for (let word = this.#at >>> 5; word < this.#words.length; word++) {
        const from = word === this.#at >>> 5 ? -1 << (this.#at & 31) : -1
        const bits = this.#words[word]! & from
        if (bits === 0) continue
        const row = word * 32 + 31 - Math.clz32(bits & -bits)
        this.delete(row)
        this.#at = row + 1
        return row
      }
    }
    this.#at = 0
    return -1
  }

  /** All rows, which may be taken out meanwhile. */
  *rows(): Generator<number> {
    for (let word = 0; word < this.#words.length; word++) {
      for (let bits = this.#words[word]!; bits !== 0; bits &= bits - 1) yield word * 32 + 31 - Math.clz32(bits & -bits)
    }
  }

  #grow(word: number): void {
    const longer = new Int32Array(nextPower(word + 1))
    longer.set(this.#words)
    this.#words = longer
  }
}
