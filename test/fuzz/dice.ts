/** Pseudo-random numbers from a seed (sfc32): the same seed throws the same dice on every machine. */

/** Values that break what is only nearly right. */
const edges = [0, 1, 2, 3, 4, 5, 14, 15, 16, 17, 31, 32, 33, 63, 64, 127, 128, 129, 253, 254, 255]

export class Dice {
  #a: number
  #b: number
  #c = 0x9e3779b9
  #d = 1

  /** `turn` tells the inputs of one run apart: each can be thrown again by itself. */
  constructor(seed: number, turn = 0) {
    this.#a = seed | 0
    this.#b = turn | 0
    for (let warm = 0; warm < 12; warm++) this.word()
  }

  /** An unsigned 32-bit number. */
  word(): number {
    const sum = (this.#a + this.#b + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  /** From 0 to `below` - 1. */
  below(below: number): number {
    return this.word() % below
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!
  }

  /** Edges more often than the rest. */
  octet(): number {
    return this.chance(50) ? this.pick(edges) : this.below(256)
  }

  octets(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.octet())
  }
}
