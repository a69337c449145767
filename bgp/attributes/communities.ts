/**
 * Tags on routes: COMMUNITIES (RFC 1997), EXTENDED COMMUNITIES (RFC 4360) and LARGE COMMUNITIES (RFC 8092).
 * All three are sets: sorted and without repeats on output, repeats on input harmless.
 */

import { formatIpv4 } from '../address.ts'
import { u32 } from '../bytes.ts'
import { type AttributeCodec, multipleOf } from './codec.ts'

/** Unsigned 32-bit numbers, written `asn:value`. */
export const communities: AttributeCodec<readonly number[]> = {
  type: 8,
  name: 'COMMUNITIES',
  optional: true,
  transitive: true,
  malformed: 'treat-as-withdraw',
  check: multipleOf(4),
  decode: (bytes, at, end) => {
    const values: number[] = []
    for (; at < end; at += 4) values.push(u32(bytes, at))
    return values
  },
  encode: (values, into) => {
    // Sorted rather than put into a Set, whose hash of numbers is the same everywhere: a peer could choose 16,000 that collide.
    for (const value of distinct(values, (a, b) => a - b)) into.u32(value)
  },
  format: (values) => values.map(formatCommunity).join(' '),
}

/** RFC 1997, 8326, 9494, 7999. */
export const wellKnownCommunities = {
  'graceful-shutdown': 0xffff0000,
  'llgr-stale': 0xffff0006,
  'no-llgr': 0xffff0007,
  blackhole: 0xffff029a,
  'no-export': 0xffffff01,
  'no-advertise': 0xffffff02,
  'no-export-subconfed': 0xffffff03,
  'no-peer': 0xffffff04,
} as const

export function formatCommunity(value: number): string {
  return `${value >>> 16}:${value & 0xffff}`
}

/** Eight octets as two unsigned words; type and sub-type are the top 16 bits of `high`. */
export interface ExtendedCommunity {
  readonly high: number
  readonly low: number
}

export const extendedCommunities: AttributeCodec<readonly ExtendedCommunity[]> = {
  type: 16,
  name: 'EXTENDED_COMMUNITIES',
  optional: true,
  transitive: true,
  malformed: 'treat-as-withdraw',
  check: multipleOf(8),
  decode: (bytes, at, end) => {
    const values: ExtendedCommunity[] = []
    for (; at < end; at += 8) values.push({ high: u32(bytes, at), low: u32(bytes, at + 4) })
    return values
  },
  encode: (values, into) => {
    for (const { high, low } of distinct(values, (a, b) => a.high - b.high || a.low - b.low)) into.u32(high).u32(low)
  },
  format: (values) => values.map(formatExtendedCommunity).join(' '),
}

/** Bit 0x40 of the type: stays inside the AS (RFC 4360 section 2). */
export function isTransitiveExtendedCommunity(value: ExtendedCommunity): boolean {
  return (value.high & 0x40000000) === 0
}

/** Types 0, 1 and 2: two-octet ASN, IPv4 address and four-octet ASN before the value (RFC 4360 section 3, RFC 5668). */
function formatExtendedCommunity({ high, low }: ExtendedCommunity): string {
  const kind = ({ 2: 'rt', 3: 'soo' } as const)[(high >>> 16) & 0xff]
  const type = (high >>> 24) & ~0x40
  const administrator = ((high << 16) | (low >>> 16)) >>> 0
  if (kind && type === 0) return `${kind}:${high & 0xffff}:${low}`
  if (kind && type === 1) return `${kind}:${formatIpv4(administrator)}:${low & 0xffff}`
  if (kind && type === 2) return `${kind}:${administrator}:${low & 0xffff}`
  return `0x${high.toString(16).padStart(8, '0')}${low.toString(16).padStart(8, '0')}`
}

/** Global administrator and two local parts, unsigned 32-bit each. */
export type LargeCommunity = readonly [number, number, number]

export const largeCommunities: AttributeCodec<readonly LargeCommunity[]> = {
  type: 32,
  name: 'LARGE_COMMUNITIES',
  optional: true,
  transitive: true,
  malformed: 'treat-as-withdraw',
  check: multipleOf(12),
  decode: (bytes, at, end) => {
    const values: LargeCommunity[] = []
    for (; at < end; at += 12) values.push([u32(bytes, at), u32(bytes, at + 4), u32(bytes, at + 8)])
    return values
  },
  encode: (values, into) => {
    const sorted = distinct(values, (a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])
    for (const value of sorted) for (const part of value) into.u32(part)
  },
  format: (values) => values.map((value) => value.join(':')).join(' '),
}

function distinct<Value>(values: readonly Value[], compare: (a: Value, b: Value) => number): Value[] {
  const sorted = [...values].sort(compare)
  return sorted.filter((value, index) => index === 0 || compare(sorted[index - 1]!, value) !== 0)
}
