/**
 * Dumps of a table: TABLE_DUMP (RFC 6396 section 4.2), one route a record, and TABLE_DUMP_V2 (section 4.3, RFC 8050 section 4),
 * one prefix a record with a route of each peer, the peers in a table before them. Both give the same value.
 */

import { type Address, readAddress } from '../address.ts'
import { flags } from '../attributes/codec.ts'
import { mpReachType } from '../attributes/multiprotocol.ts'
import {
  type Attributes,
  attributeCodecs,
  attributeName,
  codecOf,
  decodeAttributes,
  walkAttributes,
} from '../attributes/registry.ts'
import { u16, u32, Writer } from '../bytes.ts'
import { type Family, familyNumbers, familyOf } from '../family.ts'
import { type Finding, mergeAs4 } from '../judge.ts'
import { walkNlri } from '../nlri.ts'
import { printable } from '../notification.ts'
import { Prefix } from '../prefix.ts'
import { type FileFault, fileFault } from './byte-stream.ts'

export interface MrtPeer {
  readonly address: Address
  readonly asn: number
  /** Unsigned; 0 where the file does not say it, as TABLE_DUMP. */
  readonly routerId: number
}

/** The peers that the records after it speak of by number. */
export interface MrtPeerTable {
  readonly kind: 'peer-table'
  /** Of the collector, unsigned. */
  readonly routerId: number
  readonly viewName: string
  readonly peers: readonly MrtPeer[]
}

/** One prefix, and the routes to it. */
export interface MrtRib {
  readonly kind: 'rib'
  readonly sequence: number
  readonly prefix: Prefix
  readonly routes: readonly MrtRoute[]
}

export interface MrtRoute {
  /** In the peer table; 0 in TABLE_DUMP. */
  readonly peerIndex: number
  /** Undefined for a number that the table does not have: some daemons give one to routes of their own. */
  readonly peer: MrtPeer | undefined
  /** Seconds since 1970. */
  readonly originatedSeconds: number
  /** 0 where the file has no path identifiers. */
  readonly pathId: number
  /** The list as it stands in the file; `readRibAttributes` reads it. */
  readonly attributes: Uint8Array
  readonly fourOctetAsn: boolean
}

/** AFI (4 or 16 octets an address) of TABLE_DUMP by subtype. */
export function readTableDump(subtype: number, body: Uint8Array): MrtRib | FileFault | undefined {
  if (subtype !== 1 && subtype !== 2) return undefined
  const family: Family = subtype === 1 ? 'ipv4-unicast' : 'ipv6-unicast'
  const [version, size] = subtype === 1 ? ([4, 4] as const) : ([6, 16] as const)
  // View (2)  sequence (2)  prefix (4/16)  length (1)  status (1)  originated (4)  peer (4/16)  ASN (2)  attributes' length (2)
  const lengthAt = 4 + size
  const peerAt = lengthAt + 6
  const attributesAt = peerAt + size + 4
  if (body.length < attributesAt) return fileFault(0, `TABLE_DUMP record of ${body.length} octets, RFC 6396 4.2`)
  const length = body[lengthAt]!
  if (length > familyNumbers[family].bits)
    return fileFault(lengthAt, `${family} prefix of ${length} bits, RFC 6396 4.2`)
  const claimed = u16(body, attributesAt - 2)
  if (attributesAt + claimed !== body.length) {
    return fileFault(attributesAt - 2, `${claimed} octets of attributes in ${body.length - attributesAt}, RFC 6396 4.2`)
  }
  const words = readAddress(version, body, 4)
  const route: MrtRoute = {
    peerIndex: 0,
    peer: { address: readAddress(version, body, peerAt), asn: u16(body, peerAt + size), routerId: 0 },
    originatedSeconds: u32(body, lengthAt + 2),
    pathId: 0,
    attributes: body.subarray(attributesAt),
    fourOctetAsn: false,
  }
  const prefix = new Prefix(family, length, words.w0, words.w1, words.w2, words.w3)
  return { kind: 'rib', sequence: u16(body, 2), prefix, routes: [route] }
}

const peerIndexTable = 1
const ribGeneric = 6
const ribGenericAddPath = 12
/** The unicast families by subtype; multicast ones are not read. */
const ribs: Readonly<Record<number, { family: Family; addPath: boolean }>> = {
  2: { family: 'ipv4-unicast', addPath: false },
  4: { family: 'ipv6-unicast', addPath: false },
  8: { family: 'ipv4-unicast', addPath: true },
  10: { family: 'ipv6-unicast', addPath: true },
}

export function readTableDumpV2(
  subtype: number,
  body: Uint8Array,
  peers: readonly MrtPeer[],
): MrtPeerTable | MrtRib | FileFault | undefined {
  if (subtype === peerIndexTable) return readPeerTable(body)
  const rib = ribs[subtype]
  if (rib) return readRib(body, 4, rib.family, rib.addPath, peers)
  if (subtype !== ribGeneric && subtype !== ribGenericAddPath) return undefined
  // Sequence (4)  AFI (2)  SAFI (1)  one NLRI
  if (body.length < 7) return fileFault(0, `RIB_GENERIC record of ${body.length} octets, RFC 6396 4.3.3`)
  const family = familyOf(u16(body, 4), body[6]!)
  return family && readRib(body, 7, family, subtype === ribGenericAddPath, peers)
}

/** Collector (4)  name's length (2)  name  count (2)  then each peer: type (1)  identifier (4)  address (4/16)  ASN (2/4). */
function readPeerTable(body: Uint8Array): MrtPeerTable | FileFault {
  if (body.length < 8) return fileFault(0, `PEER_INDEX_TABLE of ${body.length} octets, RFC 6396 4.3.1`)
  const nameEnd = 6 + u16(body, 4)
  if (nameEnd + 2 > body.length) return fileFault(4, 'view name cut short, RFC 6396 4.3.1')
  const count = u16(body, nameEnd)
  const peers: MrtPeer[] = []
  let at = nameEnd + 2
  for (let index = 0; index < count; index++) {
    const type = body[at] ?? 0
    const [version, size] = type & 1 ? ([6, 16] as const) : ([4, 4] as const)
    const asnAt = at + 5 + size
    const next = asnAt + (type & 2 ? 4 : 2)
    if (next > body.length) return fileFault(at, `peer ${index} of ${count} cut short, RFC 6396 4.3.1`)
    peers.push({
      address: readAddress(version, body, at + 5),
      asn: type & 2 ? u32(body, asnAt) : u16(body, asnAt),
      routerId: u32(body, at + 1),
    })
    at = next
  }
  if (at !== body.length) return fileFault(at, `${body.length - at} octets after ${count} peers, RFC 6396 4.3.1`)
  const viewName = printable(new TextDecoder().decode(body.subarray(6, nameEnd)))
  return { kind: 'peer-table', routerId: u32(body, 0), viewName, peers }
}

/** The prefix at `at`, then count (2) and the routes: peer (2)  originated (4)  [path identifier (4)]  attributes' length (2)  attributes. */
function readRib(
  body: Uint8Array,
  at: number,
  family: Family,
  addPath: boolean,
  peers: readonly MrtPeer[],
): MrtRib | FileFault {
  const length = body[at] ?? 0
  if (length > familyNumbers[family].bits) return fileFault(at, `${family} prefix of ${length} bits, RFC 6396 4.3.2`)
  const countAt = at + 1 + ((length + 7) >> 3)
  if (countAt + 2 > body.length) return fileFault(at, `${family} prefix cut short, RFC 6396 4.3.2`)
  const prefix = readPrefix(body, at, countAt, family)
  const count = u16(body, countAt)
  const headerSize = addPath ? 12 : 8
  const routes: MrtRoute[] = []
  let next = countAt + 2
  for (let index = 0; index < count; index++) {
    const from = next
    const attributesAt = from + headerSize
    next = attributesAt > body.length ? attributesAt : attributesAt + u16(body, attributesAt - 2)
    if (next > body.length) return fileFault(from, `route ${index} of ${count} cut short, RFC 6396 4.3.4`)
    const peerIndex = u16(body, from)
    routes.push({
      peerIndex,
      peer: peers[peerIndex],
      originatedSeconds: u32(body, from + 2),
      pathId: addPath ? u32(body, from + 6) : 0,
      attributes: body.subarray(attributesAt, next),
      fourOctetAsn: true,
    })
  }
  if (next !== body.length) return fileFault(next, `${body.length - next} octets after ${count} routes, RFC 6396 4.3.2`)
  return { kind: 'rib', sequence: u32(body, 0), prefix, routes }
}

function readPrefix(bytes: Uint8Array, at: number, end: number, family: Family): Prefix {
  let prefix = new Prefix(family, 0, 0)
  walkNlri(bytes, at, end, family, false, (w0, w1, w2, w3, length) => {
    prefix = new Prefix(family, length, w0, w1, w2, w3)
  })
  return prefix
}

/** What a route of a dump says. */
export interface RibAttributes {
  readonly attributes: Attributes
  /** From MP_REACH_NLRI, or else NEXT_HOP. */
  readonly nextHop: Address | undefined
  readonly linkLocal: Address | undefined
  /** Attributes that cannot be read, and are left out. */
  readonly findings: readonly Finding[]
}

/**
 * Reads the attributes of a route. A dump is not what a peer sent: daemons write routes of their own that have no AS_PATH, and BIRD writes
 * no flags. So it is not judged by RFC 7606; only what cannot be read is a finding.
 */
export function readRibAttributes({ attributes: list, fourOctetAsn }: MrtRoute): RibAttributes {
  const sender = { external: false, fourOctetAsn, localAsn: 0, firstAsn: 0, asSets: true }
  const findings: Finding[] = []
  const kept = new Writer()
  let hops: Pick<RibAttributes, 'nextHop' | 'linkLocal'> = { nextHop: undefined, linkLocal: undefined }
  const find = (attribute: string, offset: number, text: string) => {
    findings.push({ reaction: 'attribute-discard', attribute, offset, text })
  }
  const whole = walkAttributes(list, 0, list.length, (attributeFlags, type, at, end) => {
    if (type === mpReachType) hops = readHops(list, at, end)
    const wrong = codecOf(type)?.check(list, at, end, sender)
    if (wrong !== undefined) find(attributeName(type), at, wrong)
    else if (type !== mpReachType && !(fourOctetAsn && isShadow(type))) {
      kept.u8(attributeFlags | flags.extendedLength).u8(type)
      kept.u16(end - at).bytes(list.subarray(at, end))
    }
  })
  if (!whole) find('attribute list', list.length, 'ends inside an attribute')
  const narrow = decodeAttributes(kept.done(), 0, kept.length, { fourOctetAsn })
  const attributes = fourOctetAsn ? narrow : mergeAs4(narrow)
  return { attributes, ...hops, nextHop: hops.nextHop ?? attributes.nextHop, findings }
}

/** AS4_PATH and AS4_AGGREGATOR mean nothing beside four-octet ASNs (RFC 6793 section 4.1). */
const isShadow = (type: number) => type === attributeCodecs.as4Path.type || type === attributeCodecs.as4Aggregator.type

/**
 * RFC 6396 section 4.3.4 leaves of MP_REACH_NLRI the length of the next hop and the next hop. Older writers left it whole:
 * that begins with an AFI, whose first octet is 0, so the two cannot be taken for each other.
 */
function readHops(bytes: Uint8Array, at: number, end: number): Pick<RibAttributes, 'nextHop' | 'linkLocal'> {
  const lengthAt = bytes[at] === 0 ? at + 3 : at
  const length = bytes[lengthAt] ?? 0
  const hopAt = lengthAt + 1
  const none = { nextHop: undefined, linkLocal: undefined }
  if (lengthAt >= end || hopAt + length > end) return none
  if (length === 4) return { ...none, nextHop: readAddress(4, bytes, hopAt) }
  if (length === 16) return { ...none, nextHop: readAddress(6, bytes, hopAt) }
  if (length !== 32) return none
  return { nextHop: readAddress(6, bytes, hopAt), linkLocal: readAddress(6, bytes, hopAt + 16) }
}
