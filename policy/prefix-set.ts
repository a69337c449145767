/**
 * Sets of prefixes, each with a range of lengths: `10.0.0.0/8 le 24` is every prefix of /8 to /24 inside 10.0.0.0/8.
 * Asked once per received prefix, so most questions are answered by one octet, and none allocates.
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

/** The entries whose prefixes have one length, found by hash. Words and range of an entry lie side by side, and most questions end at an empty slot. */
class Level {
  readonly bits: number
  /** Shortest and longest length that any entry takes. */
  readonly shortest: number
  readonly longest: number
  readonly #mask0: number
  readonly #mask1: number
  readonly #mask2: number
  readonly #mask3: number
  /** Six numbers an entry: the words of its prefix, `ge` and `le`. */
  readonly #entries: Int32Array
  /** Number of the entry from 1 on; 0 for none. */
  readonly #slots: Int32Array
  readonly #slotMask: number

  constructor(bits: number, entries: readonly PrefixEntry[]) {
    this.bits = bits
    this.shortest = entries.reduce((shortest, { ge }) => Math.min(shortest, ge), bits + 128)
    this.longest = entries.reduce((longest, { le }) => Math.max(longest, le), 0)
    this.#mask0 = mask(bits)
    this.#mask1 = mask(bits - 32)
    this.#mask2 = mask(bits - 64)
    this.#mask3 = mask(bits - 96)
    this.#entries = new Int32Array(entries.length * 6)
    this.#slots = new Int32Array(powerOfTwo(entries.length * 4))
    this.#slotMask = this.#slots.length - 1
    entries.forEach(({ prefix: { w0, w1, w2, w3 }, ge, le }, index) => {
      this.#entries.set([w0, w1, w2, w3, ge, le], index * 6)
      let slot = mix(w0, w1, w2, w3) & this.#slotMask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#slotMask
      this.#slots[slot] = index + 1
    })
  }

  has(w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    const m0 = w0 & this.#mask0
    const m1 = w1 & this.#mask1
    const m2 = w2 & this.#mask2
    const m3 = w3 & this.#mask3
    const entries = this.#entries
    for (let slot = mix(m0, m1, m2, m3) & this.#slotMask; ; slot = (slot + 1) & this.#slotMask) {
      const number = this.#slots[slot]!
      if (number === 0) return false
      const at = (number - 1) * 6
      const same = entries[at] === m0 && entries[at + 1] === m1 && entries[at + 2] === m2 && entries[at + 3] === m3
      if (same && length >= entries[at + 4]! && length <= entries[at + 5]!) return true
    }
  }
}

/** Octets of a gate: enough for each entry that few hashes meet by chance. */
const gateOctets = { perEntry: 64, most: 65536 }
const noLevels: readonly Level[] = []

/**
 * Entries of one family. Those with long prefixes stand behind a gate, one octet for each hash of their leading bits: it turns away nearly all
 * that is not in the set. The few short prefixes are asked directly.
 */
class FamilyEntries {
  /** By the length of the prefix in question: the levels that may take it. */
  readonly #wide: readonly (readonly Level[])[]
  readonly #narrow: readonly (readonly Level[])[]
  readonly #gateMask: number
  readonly #gate: Uint8Array
  readonly #gateShift: number

  constructor(entries: readonly PrefixEntry[], bits: number) {
    const gateLength = gateLengthOf(entries)
    this.#gateMask = mask(gateLength)
    this.#gate = new Uint8Array(Math.min(powerOfTwo(entries.length * gateOctets.perEntry), gateOctets.most))
    this.#gateShift = 32 - Math.log2(this.#gate.length)
    const byLength = new Map<number, PrefixEntry[]>()
    for (const entry of entries) {
      const { length, w0 } = entry.prefix
      const group = byLength.get(length)
      if (group) group.push(entry)
      else byLength.set(length, [entry])
      if (length >= gateLength) this.#gate[this.#gateOf(w0)] = 1
    }
    const levels = [...byLength].sort(([a], [b]) => a - b).map(([length, group]) => new Level(length, group))
    const asked = (which: readonly Level[]) =>
      Array.from({ length: bits + 1 }, (_, length) => {
        const some = which.filter(({ shortest, longest }) => length >= shortest && length <= longest)
        return some.length > 0 ? some : noLevels
      })
    this.#wide = asked(levels.filter((level) => level.bits < gateLength))
    this.#narrow = asked(levels.filter((level) => level.bits >= gateLength))
  }

  #gateOf(word: number): number {
    return Math.imul(word & this.#gateMask, 0x9e3779b1) >>> this.#gateShift
  }

  matches(w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    const wide = this.#wide[length]!
    for (let index = 0; index < wide.length; index++) if (wide[index]!.has(w0, w1, w2, w3, length)) return true
    if (this.#gate[this.#gateOf(w0)] === 0) return false
    const narrow = this.#narrow[length]!
    for (let index = 0; index < narrow.length; index++) if (narrow[index]!.has(w0, w1, w2, w3, length)) return true
    return false
  }
}

/** How many leading bits the gate looks at: as many as nineteen of twenty entries have, so that it tells the most apart. */
function gateLengthOf(entries: readonly PrefixEntry[]): number {
  const lengths = entries.map(({ prefix }) => prefix.length).sort((a, b) => a - b)
  return Math.min(lengths[Math.floor(lengths.length / 20)] ?? 32, 32)
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(least, 4)))
}

/** The upper bits of a product depend on all bits of the words; they are what the slots are chosen by. */
function mix(w0: number, w1: number, w2: number, w3: number): number {
  const hash = Math.imul(
    w0 ^ Math.imul(w1 ^ Math.imul(w2 ^ Math.imul(w3, 0xc2b2ae3d), 0x85ebca77), 0x9e3779b1),
    0x27d4eb2f,
  )
  return (hash ^ (hash >>> 15)) | 0
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
      (family) =>
        new FamilyEntries(
          entries.filter(({ prefix }) => prefix.family === family),
          familyNumbers[family].bits,
        ),
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
