/**
 * The two headers of the BGP Monitoring Protocol: the common one of each message (RFC 7854 section 4.1), and the per-peer one that says whose
 * routes a message is about and at which point they were seen (section 4.2, RFC 8671 section 4).
 */

import { type Address, addressBytes, readAddress } from '../address.ts'
import { u16, u32, Writer } from '../bytes.ts'
import { headerLength } from '../framer.ts'

export const bmpVersion = 3
/** TCP port where nothing else is said; collectors have habits of their own. */
export const bmpPort = 11019
export const bmpHeaderLength = 6
export const peerHeaderLength = 42

export const bmpTypes = {
  routeMonitoring: 0,
  statistics: 1,
  peerDown: 2,
  peerUp: 3,
  initiation: 4,
  termination: 5,
} as const

/** Flags of the per-peer header. */
const v = 0x80
const l = 0x40
const a = 0x20
const o = 0x10

/** Whose routes, and where they were seen. */
export interface BmpPeer {
  /** 0 for a peer of the global table (RFC 7854 section 10.2). */
  readonly type: number
  /** Tells peers of the same address in different tables apart: 8 octets, all zero for a peer of the global table. */
  readonly distinguisher: Uint8Array
  readonly address: Address
  readonly asn: number
  /** Unsigned. */
  readonly routerId: number
  /** After the policy of their direction, the L flag. */
  readonly postPolicy: boolean
  /** What the peer is sent, the O flag; else what it sends. */
  readonly adjRibOut: boolean
  /** AS paths have two octets an ASN, the A flag. */
  readonly twoOctetAsn: boolean
  /** Since 1970; 0 and 0 where the time is not known. */
  readonly seconds: number
  readonly microseconds: number
}

/** Writes the common header of a message that is `length` octets long with it. */
export function writeBmpHeader(into: Uint8Array, at: number, type: number, length: number): void {
  into[at] = bmpVersion
  into[at + 1] = length >>> 24
  into[at + 2] = length >>> 16
  into[at + 3] = length >>> 8
  into[at + 4] = length
  into[at + 5] = type
}

/** 42 octets. */
export function peerHeaderBytes(peer: BmpPeer): Uint8Array {
  const { type, distinguisher, address, asn, routerId, seconds, microseconds } = peer
  return new Writer()
    .u8(type)
    .u8(flagsOf(peer))
    .bytes(distinguisher)
    .bytes(wideAddress(address))
    .u32(asn)
    .u32(routerId)
    .u32(seconds)
    .u32(microseconds)
    .done()
}

function flagsOf({ address, postPolicy, adjRibOut, twoOctetAsn }: BmpPeer): number {
  return (address.version === 6 ? v : 0) | (postPolicy ? l : 0) | (twoOctetAsn ? a : 0) | (adjRibOut ? o : 0)
}

/** An address in 16 octets, an IPv4 one in the last four of them. */
export function wideAddress(address: Address): Uint8Array {
  const bytes = addressBytes(address)
  const wide = new Uint8Array(16)
  wide.set(bytes, 16 - bytes.length)
  return wide
}

export function readWideAddress(version: 4 | 6, bytes: Uint8Array, at: number): Address {
  return version === 4 ? readAddress(4, bytes, at + 12) : readAddress(6, bytes, at)
}

/** The per-peer header at `at`; the caller has checked that it is there. */
export function readPeerHeader(bytes: Uint8Array, at: number): BmpPeer {
  const flags = bytes[at + 1]!
  return {
    type: bytes[at]!,
    distinguisher: bytes.slice(at + 2, at + 10),
    address: readWideAddress(flags & v ? 6 : 4, bytes, at + 10),
    asn: u32(bytes, at + 26),
    routerId: u32(bytes, at + 30),
    postPolicy: (flags & l) !== 0,
    adjRibOut: (flags & o) !== 0,
    twoOctetAsn: (flags & a) !== 0,
    seconds: u32(bytes, at + 34),
    microseconds: u32(bytes, at + 38),
  }
}

/** Octets of the whole BGP message at `at`, or undefined where it is not all there. */
export function bgpMessageLength(bytes: Uint8Array, at: number, end: number): number | undefined {
  if (end - at < headerLength) return undefined
  const length = u16(bytes, at + 16)
  return length >= headerLength && at + length <= end ? length : undefined
}
