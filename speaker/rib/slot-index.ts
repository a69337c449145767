/**
 * Numbers found by hash: open addressing over one array. Five bits of the hash stand beside each number, so that of the entries on the way
 * nearly all others are passed without a look at them. It grows step by step: each change moves a few entries, so that none waits for all.
 */

import { nextPower } from './columns.ts'
import { longestRun } from './keyed-hash.ts'
import { Records } from './records.ts'

/** Numbers are below this. */
const mostNumbers = 2 ** 27
const numberBits = mostNumbers - 1
const tagBits = ~numberBits
/** In place of an entry that has moved, or is gone from slots that are being given up: what stands behind it is still looked at. */
const passed = mostNumbers
const none = 0
const noSlots = new Int32Array(0)
/** Old slots that each change looks at: two would be enough to be done before the next growth. */
const step = 12

export class SlotIndex {
  /** By number - 1. */
  readonly #hashes: Records
  #slots: Int32Array<ArrayBuffer>
  #mask: number
  /** Slots that are being moved from, up to `#moved`; empty where all are in their place. */
  #old = noSlots
  #moved = 0
  #count = 0
  #slot = 0
  #inOld = false

  /** For so many numbers at first. */
  constructor(numbers: number) {
    this.#hashes = new Records(1, numbers)
    this.#slots = new Int32Array(numbers * 2)
    this.#mask = numbers * 2 - 1
  }

  get size(): number {
    return this.#count
  }

  /** Octets of the slots and hashes. */
  get bytes(): number {
    return (this.#slots.length + this.#old.length) * 4 + this.#hashes.bytes
  }

  /** How many slots a search may have to look at. */
  get longestRun(): number {
    return Math.max(longestRun(this.#slots), longestRun(this.#old))
  }

  /** The first number with this hash, or 0. */
  first(hash: number): number {
    this.#inOld = false
    this.#slot = hash & this.#mask
    return this.#look(hash)
  }

  /** The next number with the hash that `first` was asked for, or 0. */
  next(hash: number): number {
    this.#slot++
    return this.#look(hash)
  }

  /** Enters a number that is not there. */
  add(number: number, hash: number): void {
    if (number >= mostNumbers) throw new RangeError(`more than ${mostNumbers} entries`)
    this.#hashes.reach(number - 1)
    this.#hashes.set(number - 1, 0, hash)
    this.#put(number, hash)
    this.#count++
    if (this.#old.length > 0) this.#moveSome(step)
    else if (this.#count * 10 > this.#slots.length * 7) this.#grow()
  }

  /** Takes out a number that is there. What follows it in its chain moves up, so there are no tombstones but in slots that are being given up. */
  remove(number: number): void {
    const hash = this.#hashOf(number)
    for (let found = this.first(hash); found !== number; found = this.next(hash)) {
      // It would be looked for without end, with the event loop stopped.
      if (found === none) throw new RangeError(`${number} is not among the entries`)
    }
    this.#count--
    if (this.#inOld) this.#old[this.#slot & (this.#old.length - 1)] = passed
    else this.#close(this.#slot & this.#mask)
    if (this.#old.length > 0) this.#moveSome(step)
  }

  /** The numbers that are there, in no order. */
  *numbers(): IterableIterator<number> {
    for (const slots of [this.#old, this.#slots]) {
      for (const entry of slots) if ((entry & numberBits) !== none) yield entry & numberBits
    }
  }

  /** Gives back what it has beyond room for what is there, for `numbers` at least; all that is there is below `end`. */
  shrink(numbers: number, end: number): void {
    const kept = [...this.numbers()]
    this.#hashes.shrink(end, numbers)
    this.#slots = new Int32Array(Math.max(numbers, nextPower(kept.length)) * 2)
    this.#mask = this.#slots.length - 1
    this.#old = noSlots
    for (const number of kept) this.#put(number, this.#hashOf(number))
  }

  #hashOf(number: number): number {
    return this.#hashes.get(number - 1, 0)
  }

  /** From the slot on, first among the new ones; leaves the place of what it found. */
  #look(hash: number): number {
    if (!this.#inOld) {
      const found = this.#lookIn(this.#slots, this.#mask, hash)
      if (found !== none || this.#old.length === 0) return found
      this.#inOld = true
      this.#slot = hash & (this.#old.length - 1)
    }
    return this.#lookIn(this.#old, this.#old.length - 1, hash)
  }

  #lookIn(slots: Int32Array, mask: number, hash: number): number {
    for (let slot = this.#slot & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]!
      if (entry === none) return none
      if (((entry ^ hash) & tagBits) !== 0) continue
      const number = entry & numberBits
      if (number === none || this.#hashOf(number) !== hash) continue
      this.#slot = slot
      return number
    }
  }

  #put(number: number, hash: number): void {
    let slot = hash & this.#mask
    while (this.#slots[slot] !== none) slot = (slot + 1) & this.#mask
    this.#slots[slot] = (hash & tagBits) | number
  }

  #close(slot: number): void {
    let next = slot
    for (;;) {
      this.#slots[slot] = none
      for (;;) {
        next = (next + 1) & this.#mask
        const moving = this.#slots[next]!
        if (moving === none) return
        const home = this.#hashOf(moving & numberBits) & this.#mask
        const between = slot <= next ? slot < home && home <= next : slot < home || home <= next
        if (!between) break
      }
      this.#slots[slot] = this.#slots[next]!
      slot = next
    }
  }

  #grow(): void {
    this.#old = this.#slots
    this.#moved = 0
    this.#slots = new Int32Array(this.#old.length * 2)
    this.#mask = this.#slots.length - 1
  }

  #moveSome(count: number): void {
    const end = Math.min(this.#moved + count, this.#old.length)
    for (let slot = this.#moved; slot < end; slot++) {
      const number = this.#old[slot]! & numberBits
      if (number === none) continue
      this.#put(number, this.#hashOf(number))
      this.#old[slot] = passed
    }
    this.#moved = end
    if (end === this.#old.length) this.#old = noSlots
  }
}
