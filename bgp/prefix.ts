/**
 * An IP prefix of either family. Host bits are always zero, so equal prefixes have equal words.
 * For people, plans and policies; tables and the NLRI walk use the bare words.
 */

import { Address, formatAddress } from './address.ts'
import { type Family, familyNumbers } from './family.ts'

export class Prefix {
  readonly family: Family
  readonly length: number
  readonly w0: number
  readonly w1: number
  readonly w2: number
  readonly w3: number

  /** Clears the host bits (RFC 4271 section 4.3: they are irrelevant). `length` is 0 to 32, or 0 to 128. */
  constructor(family: Family, length: number, w0: number, w1 = 0, w2 = 0, w3 = 0) {
    this.family = family
    this.length = length
    this.w0 = w0 & mask(length)
    this.w1 = w1 & mask(length - 32)
    this.w2 = w2 & mask(length - 64)
    this.w3 = w3 & mask(length - 96)
  }

  toString(): string {
    return formatPrefix(this)
  }

  toJSON(): string {
    return formatPrefix(this)
  }
}

/** The network bits of one 32-bit word when `length` bits of it, or more, or none, belong to the network. */
export function mask(length: number): number {
  if (length <= 0) return 0
  return length >= 32 ? -1 : -1 << (32 - length)
}

/**
 * Whether no unicast route can be to this prefix (RFC 4271 section 6.3): multicast, loopback, link-local, unspecified.
 * Half of the address space is a prefix like any other, and so is 240/4, which some networks use inside.
 */
export function isNoUnicast(family: Family, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
  const first = w0 >>> 24
  if (family === 'ipv4-unicast')
    return (length >= 8 && (first === 0 || first === 127)) || (length >= 4 && first >>> 4 === 14)
  if (length === 128 && w0 === 0 && w1 === 0 && w2 === 0 && w3 >>> 1 === 0) return true
  return (length >= 8 && first === 0xff) || (length >= 10 && w0 >>> 22 === 0x3fa)
}

/** The host route of an address: /32 or /128. */
export function hostPrefix(address: Address): Prefix {
  const family: Family = address.version === 4 ? 'ipv4-unicast' : 'ipv6-unicast'
  return new Prefix(family, familyNumbers[family].bits, address.w0, address.w1, address.w2, address.w3)
}

export function formatPrefix(prefix: Prefix): string {
  const version = prefix.family === 'ipv4-unicast' ? 4 : 6
  return `${formatAddress(new Address(version, prefix.w0, prefix.w1, prefix.w2, prefix.w3))}/${prefix.length}`
}

export function samePrefix(a: Prefix, b: Prefix): boolean {
  return (
    a.family === b.family && a.length === b.length && a.w0 === b.w0 && a.w1 === b.w1 && a.w2 === b.w2 && a.w3 === b.w3
  )
}

/** IPv4 before IPv6, then by address, then shorter first. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family < b.family ? -1 : 1
  return (
    (a.w0 >>> 0) - (b.w0 >>> 0) ||
    (a.w1 >>> 0) - (b.w1 >>> 0) ||
    (a.w2 >>> 0) - (b.w2 >>> 0) ||
    (a.w3 >>> 0) - (b.w3 >>> 0) ||
    a.length - b.length
  )
}

/** Whether `inner` is `outer` or a more specific of it. */
export function contains(outer: Prefix, inner: Prefix): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false
  return (
    (inner.w0 & mask(outer.length)) === outer.w0 &&
    (inner.w1 & mask(outer.length - 32)) === outer.w1 &&
    (inner.w2 & mask(outer.length - 64)) === outer.w2 &&
    (inner.w3 & mask(outer.length - 96)) === outer.w3
  )
}
