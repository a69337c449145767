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

  /** Of five words; a signed word. About 20 ns. */
  ofWords(a: number, b: number, c: number, d: number, e: number): number {
    return this.ofOctets(noOctets, 0, 0, a, b, c, d, e)
  }

  /** Of octets, and of five words besides. About 5 ns for each four octets. */
  ofOctets(bytes: Uint8Array, at: number, end: number, a: number, b: number, c: number, d: number, e: number): number {
    let v0 = this.#k0
    let v1 = this.#k1
    let v2 = 0x6c796765 ^ this.#k0
    let v3 = 0x74656462 ^ this.#k1
    const length = end - at
    // The last octets share a word with the length, which sets lists apart that differ in zeros at their end.
    let left = (length > 0 ? (length >> 2) + 1 : 0) + 8
    while (left-- > 0) {
      let word = 0
      if (left >= 8) {
        word = at + 4 <= end ? littleEndian(bytes, at) : tailWord(bytes, at, end) | (length << 24)
        at += 4
      } else if (left === 7) word = a
      else if (left === 6) word = b
      else if (left === 5) word = c
      else if (left === 4) word = d
      else if (left === 3) word = e
      else if (left === 2) v2 ^= 0xff
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

const noOctets = new Uint8Array(0)

function littleEndian(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

/** Up to three octets. */
function tailWord(bytes: Uint8Array, at: number, end: number): number {
  let value = 0
  for (let shift = 0; at < end; at++, shift += 8) value |= bytes[at]! << shift
  return value
}

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
