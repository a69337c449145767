/**
 * Addresses and prefixes from text: the one place where they are parsed, for flags, YAML, annotations and manifests.
 * `ipaddr.js` reads the digits; this file decides what is acceptable: no short or octal IPv4 forms, no zone, canonical words.
 */

import { Address, type Family, familyNumbers, Prefix } from 'bgp-ts'
import ipaddr from 'ipaddr.js'

/** An IPv4 dotted quad or an IPv6 address without a zone; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  // Asked first, because the library finds out by an exception what is no IPv4 address.
  if (!text.includes(':')) {
    return ipaddr.IPv4.isValidFourPartDecimal(text) ? fromOctets(4, ipaddr.IPv4.parse(text).toByteArray()) : undefined
  }
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined
  return fromOctets(6, ipaddr.IPv6.parse(text).toByteArray())
}

/** `address/length`; host bits may be set and are cleared. Undefined for anything else. */
export function parsePrefix(text: string): Prefix | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text)
  if (!match) return undefined
  const address = parseAddress(match[1]!)
  const length = Number(match[2])
  if (!address) return undefined
  const family: Family = address.version === 4 ? 'ipv4-unicast' : 'ipv6-unicast'
  if (length > familyNumbers[family].bits) return undefined
  return new Prefix(family, length, address.w0, address.w1, address.w2, address.w3)
}

/** The family that routes to this address belong to. */
export function familyOfAddress(address: Address): Family {
  return address.version === 4 ? 'ipv4-unicast' : 'ipv6-unicast'
}

function fromOctets(version: 4 | 6, octets: readonly number[]): Address {
  const word = (at: number) => (octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!
  return version === 4 ? new Address(4, word(0)) : new Address(6, word(0), word(4), word(8), word(12))
}
