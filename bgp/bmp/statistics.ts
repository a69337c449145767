/**
 * What a Statistics Report counts (RFC 7854 section 4.8, RFC 8671 section 6.2): counters of 32 bits, gauges of 64, and gauges of one family.
 * A type that is not known keeps its octets.
 */

import { u16, u32, type Writer } from '../bytes.ts'
import { type Family, familyNumbers, familyOf } from '../family.ts'

export const statisticTypes = {
  /** Counter: prefixes that the import policy refused. */
  rejectedPrefixes: 0,
  adjRibIn: 7,
  adjRibInOfFamily: 9,
  /** Counter: UPDATEs that were treated as withdrawals (RFC 7606). */
  treatedAsWithdraw: 11,
  adjRibOutPostPolicy: 15,
  adjRibOutPostPolicyOfFamily: 17,
} as const

/** `family` is there with the gauges of one family. */
export type BmpStatistic =
  | { readonly type: number; readonly value: number; readonly family?: Family }
  | { readonly type: number; readonly octets: Uint8Array }

const familyGauges: readonly number[] = [9, 10, 16, 17]
const gauges: readonly number[] = [7, 8, 14, 15]
/** Types below this that are no gauges are counters. */
const afterCounters = 14
const two32 = 2 ** 32

export function writeStatistics(into: Writer, statistics: readonly BmpStatistic[]): void {
  into.u32(statistics.length)
  for (const one of statistics) into.u16(one.type).counted16(() => writeValue(into, one))
}

function writeValue(into: Writer, one: BmpStatistic): void {
  if ('octets' in one) {
    into.bytes(one.octets)
    return
  }
  const { type, value, family } = one
  if (family) into.u16(familyNumbers[family].afi).u8(familyNumbers[family].safi)
  // A counter goes round.
  if (family || gauges.includes(type)) into.u32(Math.floor(value / two32)).u32(value % two32)
  else into.u32(value % two32)
}

/** Undefined where an entry is cut short. */
export function readStatistics(bytes: Uint8Array, at: number, end: number): BmpStatistic[] | undefined {
  if (at + 4 > end) return undefined
  const statistics: BmpStatistic[] = []
  const count = u32(bytes, at)
  at += 4
  while (at < end) {
    if (at + 4 > end) return undefined
    const next = at + 4 + u16(bytes, at + 2)
    if (next > end) return undefined
    statistics.push(readValue(u16(bytes, at), bytes, at + 4, next))
    at = next
  }
  return statistics.length === count ? statistics : undefined
}

function readValue(type: number, bytes: Uint8Array, at: number, end: number): BmpStatistic {
  const length = end - at
  const long = (from: number) => u32(bytes, from) * two32 + u32(bytes, from + 4)
  if (gauges.includes(type) && length === 8) return { type, value: long(at) }
  if (type < afterCounters && !gauges.includes(type) && !familyGauges.includes(type) && length === 4)
    return { type, value: u32(bytes, at) }
  const family = familyGauges.includes(type) && length === 11 ? familyOf(u16(bytes, at), bytes[at + 2]!) : undefined
  return family ? { type, family, value: long(at + 3) } : { type, octets: bytes.slice(at, end) }
}
