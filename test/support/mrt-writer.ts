/** Writes MRT records as collectors do: the tests read back what this says. The library itself only reads. */

import { type Address, addressBytes, familyNumbers, type Prefix, prefixesBytes } from 'bgp-ts'
import { Writer } from '../../bgp/bytes.ts'

export interface RecordHead {
  readonly seconds?: number
  /** Given, the record has the extended form. */
  readonly microseconds?: number
}

export function mrtRecord(type: number, subtype: number, body: Uint8Array, head: RecordHead = {}): Uint8Array {
  const { seconds = 1_700_000_000, microseconds } = head
  const extended = microseconds !== undefined
  const into = new Writer().u32(seconds).u16(type).u16(subtype)
  into.u32(body.length + (extended ? 4 : 0))
  if (extended) into.u32(microseconds)
  return into.bytes(body).done()
}

export interface WrittenPeer {
  readonly address: Address
  readonly asn: number
  readonly routerId: number
}

/** PEER_INDEX_TABLE; an ASN takes two octets where it fits. */
export function peerTable(routerId: number, viewName: string, peers: readonly WrittenPeer[]): Uint8Array {
  const name = new TextEncoder().encode(viewName)
  const into = new Writer().u32(routerId).u16(name.length).bytes(name).u16(peers.length)
  for (const { address, asn, routerId: id } of peers) {
    const wide = asn > 0xffff
    into.u8((address.version === 6 ? 1 : 0) | (wide ? 2 : 0)).u32(id)
    into.bytes(addressBytes(address))
    if (wide) into.u32(asn)
    else into.u16(asn)
  }
  return mrtRecord(13, 1, into.done())
}

export interface WrittenRoute {
  readonly peerIndex: number
  readonly originatedSeconds: number
  /** In a record with path identifiers. */
  readonly pathId?: number
  readonly attributes: Uint8Array
}

export interface RibForm {
  readonly generic?: boolean
  readonly addPath?: boolean
}

/** RIB_IPV4_UNICAST, RIB_IPV6_UNICAST or RIB_GENERIC, with path identifiers or without. */
export function ribRecord(
  sequence: number,
  prefix: Prefix,
  routes: readonly WrittenRoute[],
  { generic = false, addPath = false }: RibForm = {},
): Uint8Array {
  const { afi, safi } = familyNumbers[prefix.family]
  const into = new Writer().u32(sequence)
  if (generic) into.u16(afi).u8(safi)
  into.bytes(prefixesBytes([prefix])).u16(routes.length)
  for (const { peerIndex, originatedSeconds, pathId = 0, attributes } of routes) {
    into.u16(peerIndex).u32(originatedSeconds)
    if (addPath) into.u32(pathId)
    into.u16(attributes.length).bytes(attributes)
  }
  const plain = afi === 1 ? 2 : 4
  const subtype = generic ? 6 : plain
  return mrtRecord(13, addPath ? subtype + 6 : subtype, into.done())
}

/** TABLE_DUMP: one route, two-octet ASNs. */
export function tableDump(sequence: number, prefix: Prefix, peer: WrittenPeer, route: WrittenRoute): Uint8Array {
  const { afi, bits } = familyNumbers[prefix.family]
  const words = [prefix.w0, prefix.w1, prefix.w2, prefix.w3].slice(0, bits / 32)
  const into = new Writer().u16(0).u16(sequence)
  for (const word of words) into.u32(word)
  into.u8(prefix.length).u8(1).u32(route.originatedSeconds).bytes(addressBytes(peer.address)).u16(peer.asn)
  return mrtRecord(12, afi, into.u16(route.attributes.length).bytes(route.attributes).done())
}

export interface WrittenSession {
  readonly peerAsn: number
  readonly localAsn: number
  readonly peer: Address
  readonly local: Address
  readonly interfaceIndex?: number
}

/** BGP4MP of any subtype: the ends, and then a message or two states. */
export function sessionRecord(
  subtype: number,
  session: WrittenSession,
  content: Uint8Array,
  head: RecordHead = {},
): Uint8Array {
  const wide = [4, 5, 7, 9, 11].includes(subtype)
  const into = new Writer()
  for (const asn of [session.peerAsn, session.localAsn]) {
    if (wide) into.u32(asn)
    else into.u16(asn)
  }
  into.u16(session.interfaceIndex ?? 0).u16(session.peer.version === 4 ? 1 : 2)
  into.bytes(addressBytes(session.peer)).bytes(addressBytes(session.local)).bytes(content)
  return mrtRecord(head.microseconds === undefined ? 16 : 17, subtype, into.done(), head)
}

/** All in one, as a file has them. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const into = new Writer()
  for (const part of parts) into.bytes(part)
  return into.done()
}

/** A file in chunks of one size, one after the other. */
export async function* inChunks(file: Uint8Array, size: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < file.length; at += size) yield await Promise.resolve(file.slice(at, at + size))
}

/** All that a reader gives. */
export async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const list: Value[] = []
  for await (const value of values) list.push(value)
  return list
}
