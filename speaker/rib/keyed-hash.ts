/**
 * HalfSipHash-1-3 (Aumasson and Bernstein) under a key that the process drew. Peers choose what the tables of routes are keyed by: a plain
 * multiplicative hash is no defence however it is seeded, since there are words that cancel each other out under every seed.
 */

export class KeyedHash {
  readonly #k0: number
  readonly #k1: number

  /** An integer from 0 to 2^53 - 1. */
  constructor(seed: number) {
    this.#k0 = seed | 0
    this.#k1 = (seed / 0x100000000) | 0
  }

  /** Of five words; a signed word. */
  ofWords(a: number, b: number, c: number, d: number, e: number): number {
    words[0] = a
    words[1] = b
    words[2] = c
    words[3] = d
    words[4] = e
    return this.#of(5)
  }

  /** Of octets, up to 65535, and of five words besides. */
  ofOctets(bytes: Uint8Array, at: number, end: number, a: number, b: number, c: number, d: number, e: number): number {
    const length = end - at
    words[0] = a
    words[1] = b
    words[2] = c
    words[3] = d
    words[4] = e
    let count = 5
    for (; at + 4 <= end; at += 4) {
      words[count++] = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    }
    // The last octets share a word with the length, which sets lists apart that differ in zeros at their end.
    let last = length << 24
    for (let shift = 0; at < end; at++, shift += 8) last |= bytes[at]! << shift
    words[count++] = last
    return this.#of(count)
  }

  /** Of the first words of the scratch. */
  #of(count: number): number {
    let v0 = this.#k0
    let v1 = this.#k1
    let v2 = 0x6c796765 ^ v0
    let v3 = 0x74656462 ^ v1
    for (let index = 0; index < count + finalRounds; index++) {
      const word = index < count ? words[index]! : 0
      if (index === count) v2 ^= 0xff
      v3 ^= word
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
    }
    return v1 ^ v3
  }
}

const finalRounds = 3
/** What is hashed next: five words, and the longest attribute list. */
const words = new Int32Array(5 + 65536 / 4)

/** A seed from numbers in [0, 1). */
export function newSeed(random: () => number): number {
  return Math.floor(random() * 2 ** 53)
}

/** The longest run of slots in use: as far as a search may have to go. */
export function longestRun(slots: Int32Array): number {
  let longest = 0
  let run = 0
  for (const slot of slots) {
    run = slot === 0 ? 0 : run + 1
    if (run > longest) longest = run
  }
  return longest
}
