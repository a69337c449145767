/**
 * From a captured packet to its TCP segment: the link layer, IPv4 or IPv6 with its extension headers, the TCP header.
 * What else a capture holds gives nothing: other protocols, fragments, headers that the snap length cut.
 */

import { type Address, readAddress } from '../address.ts'
import { u16, u32 } from '../bytes.ts'
import type { Timestamp } from './byte-stream.ts'

export interface CapturedPacket {
  readonly kind: 'packet'
  /** Undefined for pcapng's simple packets, which have none. */
  readonly time: Timestamp | undefined
  /** The registered number of what the packet begins with; 1 is Ethernet. */
  readonly linkType: number
  /** What was captured of it, a view of the chunks. */
  readonly bytes: Uint8Array
  /** Octets that it had on the wire. */
  readonly originalLength: number
  /** Of the packet's record in the file. */
  readonly offset: number
}

/** One end of a TCP connection. */
export interface Endpoint {
  readonly address: Address
  readonly port: number
}

export interface TcpSegment {
  readonly source: Endpoint
  readonly destination: Endpoint
  /** Of the first octet of `payload`, or of SYN. Unsigned. */
  readonly sequence: number
  readonly syn: boolean
  readonly ends: boolean
  /** A view of the packet. Shorter than what was sent where the snap length cut it. */
  readonly payload: Uint8Array
}

interface Span {
  readonly at: number
  readonly end: number
}

const etherTypes = { ipv4: 0x0800, ipv6: 0x86dd } as const
/** 802.1Q, 802.1ad, and what came before it. */
const vlanTypes: readonly number[] = [0x8100, 0x88a8, 0x9100]

/** The link types of the capture formats, with the offset of IP in the packet: undefined where there is no IP in it. */
const linkLayers: Readonly<Record<number, (bytes: Uint8Array) => number | undefined>> = {
  0: () => 4,
  1: (bytes) => afterEtherType(bytes, 12),
  12: () => 0,
  14: () => 0,
  101: () => 0,
  108: () => 4,
  113: (bytes) => afterEtherType(bytes, 14),
  228: () => 0,
  229: () => 0,
  // The second form of Linux's cooked capture has the protocol first, and 18 octets after it.
  276: (bytes) => ipAt(bytes, u16Or0(bytes, 0), 20),
}

/** Whether packets of this link type can be read: BSD loopback, Ethernet, raw IP, Linux cooked. */
export function isKnownLinkType(linkType: number): boolean {
  return linkType in linkLayers
}

function u16Or0(bytes: Uint8Array, at: number): number {
  return at + 2 <= bytes.length ? u16(bytes, at) : 0
}

function afterEtherType(bytes: Uint8Array, at: number): number | undefined {
  return ipAt(bytes, u16Or0(bytes, at), at + 2)
}

/** Where IP begins when `type` says what begins at `at`: past the tags, each of which is 2 octets and the next type. */
function ipAt(bytes: Uint8Array, type: number, at: number): number | undefined {
  while (vlanTypes.includes(type)) {
    type = u16Or0(bytes, at + 2)
    at += 4
  }
  return type === etherTypes.ipv4 || type === etherTypes.ipv6 ? at : undefined
}

/** The TCP segment in a packet, or undefined. */
export function readTcpSegment(linkType: number, bytes: Uint8Array): TcpSegment | undefined {
  const at = linkLayers[linkType]?.(bytes)
  if (at === undefined || at >= bytes.length) return undefined
  const version = bytes[at]! >>> 4
  if (version === 4) return readIpv4(bytes, at)
  return version === 6 ? readIpv6(bytes, at) : undefined
}

const tcpProtocol = 6

function readIpv4(bytes: Uint8Array, at: number): TcpSegment | undefined {
  if (at + 20 > bytes.length || bytes[at + 9] !== tcpProtocol) return undefined
  const headerLength = (bytes[at]! & 15) * 4
  // More fragments, or an offset: neither is a whole segment.
  if (headerLength < 20 || (u16(bytes, at + 6) & 0x3fff) !== 0) return undefined
  const span = { at: at + headerLength, end: endOf(bytes, at, u16(bytes, at + 2)) }
  return readTcp(bytes, span, readAddress(4, bytes, at + 12), readAddress(4, bytes, at + 16))
}

/** A length of 0 was left to the network card, which sends several packets of it: the capture says how long it is. */
function endOf(bytes: Uint8Array, at: number, length: number): number {
  return length === 0 ? bytes.length : Math.min(bytes.length, at + length)
}

/** Hop-by-hop, routing and destination options, which have a length in units of 8 octets. */
const extensionHeaders: readonly number[] = [0, 43, 60]
const fragmentHeader = 44
const authenticationHeader = 51

function readIpv6(bytes: Uint8Array, at: number): TcpSegment | undefined {
  if (at + 40 > bytes.length) return undefined
  const length = u16(bytes, at + 4)
  const end = endOf(bytes, at, length === 0 ? 0 : 40 + length)
  let next = bytes[at + 6]!
  let headerAt = at + 40
  while (next !== tcpProtocol) {
    if (headerAt + 8 > end) return undefined
    if (next === fragmentHeader) {
      if ((u16(bytes, headerAt + 2) & 0xfff9) !== 0) return undefined
    } else if (!extensionHeaders.includes(next) && next !== authenticationHeader) return undefined
    const units = bytes[headerAt + 1]!
    const size = next === fragmentHeader ? 8 : next === authenticationHeader ? (units + 2) * 4 : (units + 1) * 8
    next = bytes[headerAt]!
    headerAt += size
  }
  return readTcp(bytes, { at: headerAt, end }, readAddress(6, bytes, at + 8), readAddress(6, bytes, at + 24))
}

function readTcp(bytes: Uint8Array, { at, end }: Span, source: Address, destination: Address): TcpSegment | undefined {
  if (at + 20 > end) return undefined
  const payloadAt = at + (bytes[at + 12]! >>> 4) * 4
  if (payloadAt < at + 20 || payloadAt > end) return undefined
  const flags = bytes[at + 13]!
  return {
    source: { address: source, port: u16(bytes, at) },
    destination: { address: destination, port: u16(bytes, at + 2) },
    sequence: u32(bytes, at + 4),
    syn: (flags & 2) !== 0,
    // FIN or RST
    ends: (flags & 5) !== 0,
    payload: bytes.subarray(payloadAt, end),
  }
}
