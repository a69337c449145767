/**
 * Sets of prefixes, each with a range of lengths: `10.0.0.0/8 le 24` is every prefix of /8 to /24 inside 10.0.0.0/8.
 * Asked once per received prefix, so the bits of the top 16 address bits answer most questions, and no question allocates.
 */

import { contains, type Family, families, familyNumbers, mask, Prefix } from 'bgp-ts'
import { parsePrefix } from './text.ts'

/** `ge` and `le` bound the length of what matches: `prefix.length <= ge <= le`. */
export interface PrefixEntry {
  readonly prefix: Prefix
  readonly ge: number
  readonly le: number
}

/** The prefix alone. */
export function exactEntry(prefix: Prefix): PrefixEntry {
  return { prefix, ge: prefix.length, le: prefix.length }
}

/** The prefix and all its more specifics. */
export function insideEntry(prefix: Prefix): PrefixEntry {
  return { prefix, ge: prefix.length, le: familyNumbers[prefix.family].bits }
}

/** An entry with these lengths; undefined where they make no sense. `ge` alone reaches to the longest prefix. */
export function entryOf(prefix: Prefix, ge: number | undefined, le: number | undefined): PrefixEntry | undefined {
  const { bits } = familyNumbers[prefix.family]
  const from = ge ?? prefix.length
  const to = le ?? (ge === undefined ? prefix.length : bits)
  return from >= prefix.length && to >= from && to <= bits ? { prefix, ge: from, le: to } : undefined
}

/** `10.0.0.0/8`, `10.0.0.0/8 ge 16`, `2001:db8::/32 ge 40 le 48`; undefined for anything else. */
export function parsePrefixEntry(text: string): PrefixEntry | undefined {
  const match = /^(\S+?)(?:\s+ge\s+(\d{1,3}))?(?:\s+le\s+(\d{1,3}))?$/.exec(text)
  const prefix = match ? parsePrefix(match[1]!) : undefined
  const length = (group: 2 | 3) => (match?.[group] === undefined ? undefined : Number(match[group]))
  return prefix && entryOf(prefix, length(2), length(3))
}

/** Entries of one family, by the length of their prefix, behind a filter of their top 16 bits. */
class FamilyEntries {
  readonly #lengths: readonly number[]
  readonly #byLength: readonly Map<number, PrefixEntry[]>[]
  readonly #topBits = new Uint8Array(0x10000)

  constructor(entries: readonly PrefixEntry[]) {
    this.#lengths = [...new Set(entries.map(({ prefix }) => prefix.length))].sort((a, b) => a - b)
    this.#byLength = this.#lengths.map((length) => {
      const group = new Map<number, PrefixEntry[]>()
      for (const entry of entries.filter(({ prefix }) => prefix.length === length)) {
        const key = mix(entry.prefix.w0, entry.prefix.w1, entry.prefix.w2, entry.prefix.w3)
        group.set(key, [...(group.get(key) ?? []), entry])
      }
      return group
    })
    for (const { prefix, le } of entries) {
      // A default route in the set, exact, must not open the filter for every address.
      const spread = le === 0 ? 0 : prefix.length
      const from = prefix.w0 >>> 16
      const size = spread >= 16 || le === 0 ? 1 : 1 << (16 - spread)
      this.#topBits.fill(1, from, from + size)
    }
  }

  matches(w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    if (this.#topBits[w0 >>> 16] === 0) return false
    for (let index = 0; index < this.#lengths.length; index++) {
      const bits = this.#lengths[index]!
      if (bits > length) return false
      const m0 = w0 & mask(bits)
      const m1 = w1 & mask(bits - 32)
      const m2 = w2 & mask(bits - 64)
      const m3 = w3 & mask(bits - 96)
      const candidates = this.#byLength[index]!.get(mix(m0, m1, m2, m3))
      if (candidates === undefined) continue
      for (const { prefix, ge, le } of candidates) {
        const same = prefix.w0 === m0 && prefix.w1 === m1 && prefix.w2 === m2 && prefix.w3 === m3
        if (same && length >= ge && length <= le) return true
      }
    }
    return false
  }
}

/** A key for grouping only: the words are compared after it, so collisions cost time and nothing else. */
function mix(w0: number, w1: number, w2: number, w3: number): number {
  return (w0 ^ Math.imul(w1, 0x9e3779b1) ^ Math.imul(w2, 0x85ebca77) ^ Math.imul(w3, 0xc2b2ae3d)) | 0
}

export class PrefixSet {
  readonly entries: readonly PrefixEntry[]
  /** Equal for sets that match the same by the same entries. */
  readonly key: string
  readonly #families: Readonly<Record<Family, FamilyEntries>>

  constructor(entries: readonly PrefixEntry[]) {
    this.entries = entries
    this.key = entries
      .map(({ prefix, ge, le }) => `${prefix}[${ge}-${le}]`)
      .sort()
      .join(' ')
    const [v4, v6] = families.map(
      (family) => new FamilyEntries(entries.filter(({ prefix }) => prefix.family === family)),
    )
    this.#families = { 'ipv4-unicast': v4!, 'ipv6-unicast': v6! }
  }

  /** Whether an entry takes this prefix, given as signed words with host bits clear. */
  matches(family: Family, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    return this.#families[family].matches(w0, w1, w2, w3, length)
  }

  has(prefix: Prefix): boolean {
    return this.matches(prefix.family, prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length)
  }

  /** The entry that takes this prefix, for explanations. */
  entryFor(prefix: Prefix): PrefixEntry | undefined {
    return this.entries.find(
      ({ prefix: outer, ge, le }) => contains(outer, prefix) && prefix.length >= ge && prefix.length <= le,
    )
  }
}

/** 0.0.0.0/0 and ::/0. */
export const defaultRoutes: readonly Prefix[] = families.map((family) => new Prefix(family, 0, 0))
