/**
 * Prefixes on the wire: a length in bits, then as many octets as hold them (RFC 4271 section 4.3, RFC 4760 section 5).
 * The walk gives bare words to a callback: no object per prefix. Fields are checked whole before they are walked.
 */

import { word } from './bytes.ts'
import { type Family, familyNumbers } from './family.ts'
import { type Fault, fault } from './notification.ts'
import { mask, Prefix } from './prefix.ts'

/** `pathId` is 0 where ADD-PATH was not negotiated. Host bits are clear. */
export type PrefixVisitor = (w0: number, w1: number, w2: number, w3: number, length: number, pathId: number) => void

/** What is wrong with a field of prefixes: one too long for its family, or cut short (RFC 7606 section 5.3). */
export function checkNlri(
  bytes: Uint8Array,
  at: number,
  end: number,
  family: Family,
  addPath = false,
): Fault | undefined {
  const bits = familyNumbers[family].bits
  while (at < end) {
    if (addPath) at += 4
    if (at >= end) return fault('invalid network field', `${family} path identifier cut short, RFC 7911 3`)
    const length = bytes[at]!
    if (length > bits) return fault('invalid network field', `${family} prefix of ${length} bits, RFC 7606 5.3`)
    at += 1 + ((length + 7) >> 3)
  }
  return at === end ? undefined : fault('invalid network field', `${family} prefix cut short, RFC 7606 5.3`)
}

/** Visits each prefix of a checked field. */
export function walkNlri(
  bytes: Uint8Array,
  at: number,
  end: number,
  family: Family,
  addPath: boolean,
  visit: PrefixVisitor,
): void {
  while (at < end) {
    let pathId = 0
    if (addPath) {
      pathId = word(bytes, at)
      at += 4
    }
    const length = bytes[at++]!
    const next = at + ((length + 7) >> 3)
    if (family === 'ipv4-unicast') {
      visit(partialWord(bytes, at, next) & mask(length), 0, 0, 0, length, pathId)
    } else {
      visit(
        partialWord(bytes, at, next) & mask(length),
        partialWord(bytes, at + 4, next) & mask(length - 32),
        partialWord(bytes, at + 8, next) & mask(length - 64),
        partialWord(bytes, at + 12, next) & mask(length - 96),
        length,
        pathId,
      )
    }
    at = next
  }
}

/** The word at `at`, of which only the octets before `end` are there; the rest is zero. */
function partialWord(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) return word(bytes, at)
  let value = 0
  for (let shift = 24; at < end; at++, shift -= 8) value |= bytes[at]! << shift
  return value
}

/** Octets that a prefix of this length takes, without a path identifier. */
export function nlriSize(length: number): number {
  return 1 + ((length + 7) >> 3)
}

/** Writes one prefix at `at`; returns the offset after it. */
export function writeNlri(
  into: Uint8Array,
  at: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
): number {
  into[at++] = length
  for (let bit = 0; bit < length; bit += 8) {
    const value = bit < 32 ? w0 : bit < 64 ? w1 : bit < 96 ? w2 : w3
    into[at++] = value >>> (24 - (bit & 31))
  }
  return at
}

/** The prefixes of a checked field as values. */
export function readPrefixes(bytes: Uint8Array, at: number, end: number, family: Family): Prefix[] {
  const prefixes: Prefix[] = []
  walkNlri(bytes, at, end, family, false, (w0, w1, w2, w3, length) => {
    prefixes.push(new Prefix(family, length, w0, w1, w2, w3))
  })
  return prefixes
}

export function prefixesBytes(prefixes: readonly Prefix[]): Uint8Array {
  const bytes = new Uint8Array(prefixes.reduce((size, prefix) => size + nlriSize(prefix.length), 0))
  let at = 0
  for (const { w0, w1, w2, w3, length } of prefixes) at = writeNlri(bytes, at, w0, w1, w2, w3, length)
  return bytes
}
