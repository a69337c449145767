/**
 * How many different prefixes were refused: a set of their fingerprints, four octets each, because refused routes are not stored.
 * Two prefixes with one fingerprint count once, which for a limit is near enough. The hash has a key of the process, since peers choose the prefixes.
 */

import { KeyedHash, longestRun } from './keyed-hash.ts'

const initialSlots = 64

export class Fingerprints {
  readonly #hash: KeyedHash
  #slots = new Int32Array(initialSlots)
  #mask = initialSlots - 1
  #size = 0

  constructor(seed: number) {
    this.#hash = new KeyedHash(seed)
  }

  get size(): number {
    return this.#size
  }

  /** How many slots a search may have to look at. */
  get longestRun(): number {
    return longestRun(this.#slots)
  }

  add(w0: number, w1: number, w2: number, w3: number, tail: number): void {
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow()
    const mark = this.#mark(w0, w1, w2, w3, tail)
    const slot = this.#find(mark)
    if (this.#slots[slot] === mark) return
    this.#slots[slot] = mark
    this.#size++
  }

  delete(w0: number, w1: number, w2: number, w3: number, tail: number): void {
    const slot = this.#find(this.#mark(w0, w1, w2, w3, tail))
    if (this.#slots[slot] === 0) return
    this.#slots[slot] = 0
    this.#size--
    // What probed past the hole is put where it is found again.
    for (let at = (slot + 1) & this.#mask; this.#slots[at] !== 0; at = (at + 1) & this.#mask) {
      const mark = this.#slots[at]!
      this.#slots[at] = 0
      this.#slots[this.#find(mark)] = mark
    }
  }

  clear(): void {
    this.#slots = new Int32Array(initialSlots)
    this.#mask = initialSlots - 1
    this.#size = 0
  }

  #find(mark: number): number {
    let slot = mark & this.#mask
    while (this.#slots[slot] !== 0 && this.#slots[slot] !== mark) slot = (slot + 1) & this.#mask
    return slot
  }

  /** Never 0, which means an empty slot. */
  #mark(w0: number, w1: number, w2: number, w3: number, tail: number): number {
    return this.#hash.ofWords(w0, w1, w2, w3, tail) || 1
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(old.length * 2)
    this.#mask = this.#slots.length - 1
    for (const mark of old) if (mark !== 0) this.#slots[this.#find(mark)] = mark
  }
}
