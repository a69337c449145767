/**
 * MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760): routes of any family, with their next hop.
 * They carry the routes rather than describe them, so they stand beside the attribute table and are never stored with it.
 */

import { type Address, addressBytes, readAddress } from '../address.ts'
import { u16, Writer } from '../bytes.ts'
import { type Family, familyNumbers, familyOf } from '../family.ts'
import { type Fault, fault } from '../notification.ts'
import { flags } from './codec.ts'

export const mpReachType = 14
export const mpUnreachType = 15

/** Where the routes of an MP_REACH_NLRI lie, and their next hop. */
export interface Reach {
  /** Undefined for a pair of AFI and SAFI that this library does not speak: skip it whole. */
  readonly family: Family | undefined
  readonly nextHop: Address | undefined
  /** The link-local half of a 32-octet IPv6 next hop (RFC 2545 section 3). */
  readonly linkLocal: Address | undefined
  readonly nlriAt: number
  readonly nlriEnd: number
}

export interface Unreach {
  readonly family: Family | undefined
  readonly nlriAt: number
  readonly nlriEnd: number
}

/**
 * AFI (2)  SAFI (1)  next-hop length (1)  next hop  reserved (1)  NLRI. The reserved octet is ignored (RFC 4760 section 3).
 * A fault carries the attribute from its header on, which begins at `from` (RFC 4271 section 6.3).
 */
export function readReach(bytes: Uint8Array, at: number, end: number, from = at): Reach | Fault {
  if (end - at < 5) return malformedReach(`MP_REACH_NLRI of ${end - at} octets, RFC 7606 5.3`, bytes, from, end)
  const family = familyOf(u16(bytes, at), bytes[at + 2]!)
  const length = bytes[at + 3]!
  const hopAt = at + 4
  const nlriAt = hopAt + length + 1
  if (nlriAt > end) return malformedReach(`next hop of ${length} octets cut short, RFC 7606 7.11`, bytes, from, end)
  if (family === undefined) return { family, nextHop: undefined, linkLocal: undefined, nlriAt, nlriEnd: end }
  const is6 = length === 16 || length === 32
  if (!is6 && !(length === 4 && family === 'ipv4-unicast'))
    return malformedReach(`${family} next hop of ${length} octets, RFC 7606 7.11`, bytes, from, end)
  const nextHop = readAddress(is6 ? 6 : 4, bytes, hopAt)
  const linkLocal = length === 32 ? readAddress(6, bytes, hopAt + 16) : undefined
  return { family, nextHop, linkLocal, nlriAt, nlriEnd: end }
}

function malformedReach(text: string, bytes: Uint8Array, from: number, end: number): Fault {
  return fault('optional attribute error', text, bytes.slice(from, end))
}

/** AFI (2)  SAFI (1)  withdrawn NLRI. The header of the attribute begins at `from`. */
export function readUnreach(bytes: Uint8Array, at: number, end: number, from = at): Unreach | Fault {
  if (end - at < 3) {
    const text = `MP_UNREACH_NLRI of ${end - at} octets, RFC 7606 5.3`
    return fault('optional attribute error', text, bytes.slice(from, end))
  }
  return { family: familyOf(u16(bytes, at), bytes[at + 2]!), nlriAt: at + 3, nlriEnd: end }
}

/** The value of MP_REACH_NLRI up to the prefixes: 5 octets and the next hop. */
export function reachHeader(family: Family, nextHop: Address, linkLocal?: Address): Uint8Array {
  const { afi, safi } = familyNumbers[family]
  const hop = addressBytes(nextHop)
  const local = linkLocal ? addressBytes(linkLocal) : new Uint8Array(0)
  const into = new Writer()
    .u16(afi)
    .u8(safi)
    .u8(hop.length + local.length)
  return into.bytes(hop).bytes(local).u8(0).done()
}

/** The value of MP_UNREACH_NLRI up to the prefixes. */
export function unreachHeader(family: Family): Uint8Array {
  const { afi, safi } = familyNumbers[family]
  return new Writer().u16(afi).u8(safi).done()
}

/** One of the two as a whole attribute; the extended length is used always, so that writers know the header's size. */
export function multiprotocolAttribute(type: number, header: Uint8Array, nlri: Uint8Array): Uint8Array {
  const into = new Writer().u8(flags.optional | flags.extendedLength).u8(type)
  return into
    .u16(header.length + nlri.length)
    .bytes(header)
    .bytes(nlri)
    .done()
}
