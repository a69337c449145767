/** What `tandem decode` says of one thing that it found: a paragraph for people, a line of JSON for programs. */

import {
  type CapturedMessage,
  decodeMessage,
  describeMessage,
  type Endpoint,
  type Family,
  type Fault,
  type FileFault,
  families,
  formatAttributes,
  formatEndpoint,
  formatIpv4,
  formatTimestamp,
  headerLength,
  hex,
  isFault,
  type MrtMessage,
  type MrtPeer,
  type MrtRecord,
  type MrtRoute,
  type MrtSession,
  type PlainMessage,
  plainSender,
  readRibAttributes,
  readUpdate,
  type SenderContext,
} from 'bgp-ts'

export type Found = PlainMessage | CapturedMessage | MrtRecord | FileFault

export interface Decoded {
  /** One or several lines. */
  readonly text: string
  readonly value: unknown
}

export function decoded(found: Found): Decoded {
  switch (found.kind) {
    case 'fault':
      return faulty(found)
    case 'message':
      return 'peer' in found ? archivedMessage(found) : 'from' in found ? capturedMessage(found) : plainMessage(found)
    case 'state-change': {
      const { kind, from, to } = found
      const text = `${at(found)}${session(found)}: ${from} to ${to}`
      return { text, value: { kind, ...place(found), ...ends(found), from, to } }
    }
    case 'peer-table':
      return peerTable(found)
    case 'rib':
      return rib(found)
    case 'skipped': {
      const { kind, type, subtype, length } = found
      const text = `${at(found)}MRT type ${type} subtype ${subtype}, ${length} octets: not read`
      return { text, value: { kind, ...place(found), type, subtype, length } }
    }
  }
}

/** Octets as hex; addresses and prefixes have their own text. */
export function asJson(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (one instanceof Uint8Array ? hex(one) : one))
}

function faulty({ offset, text }: FileFault): Decoded {
  return { text: `malformed at octet ${offset}: ${text}`, value: { kind: 'fault', offset, text } }
}

type Placed = Pick<CapturedMessage, 'time' | 'offset'>

const at = ({ time }: Placed) => (time ? `${formatTimestamp(time)} ` : '')
const place = ({ time, offset }: Placed) => ({ ...(time && { time: formatTimestamp(time) }), offset })

const end = (asn: number, address: MrtPeer['address']) => `AS${asn} ${address}`
const session = ({ peer, peerAsn, local, localAsn }: MrtSession) => `${end(peerAsn, peer)} at ${end(localAsn, local)}`
const ends = ({ peer, peerAsn, local, localAsn, interfaceIndex }: MrtSession) => ({
  peer: { address: peer, asn: peerAsn },
  local: { address: local, asn: localAsn },
  interfaceIndex,
})

function plainMessage({ message, offset }: PlainMessage): Decoded {
  const { text, value } = readOctets(message, plainSender, [])
  return { text, value: { kind: 'message', offset, message: value, text } }
}

/** What was recorded may be older than RFC 9774. */
const recorded = (fourOctetAsn: boolean): SenderContext => ({ ...plainSender, fourOctetAsn, asSets: true })

function capturedMessage(found: CapturedMessage): Decoded {
  const { text, value } = readOctets(found.message, recorded(found.fourOctetAsn), found.addPath)
  const plain = ({ address, port }: Endpoint) => ({ address, port })
  return {
    text: `${at(found)}${formatEndpoint(found.from)} to ${formatEndpoint(found.to)}: ${text}`,
    value: { kind: 'message', ...place(found), from: plain(found.from), to: plain(found.to), message: value, text },
  }
}

function archivedMessage(found: MrtMessage & Placed): Decoded {
  const { sentByLocal, peer, peerAsn, local, localAsn } = found
  const { text, value } = readOctets(found.message, recorded(found.fourOctetAsn), found.addPath ? families : [])
  const [from, to] = sentByLocal
    ? [end(localAsn, local), end(peerAsn, peer)]
    : [end(peerAsn, peer), end(localAsn, local)]
  return {
    text: `${at(found)}${from} to ${to}: ${text}`,
    value: { kind: 'message', ...place(found), ...ends(found), sentByLocal, message: value, text },
  }
}

/** One whole message. The values of an UPDATE are its routes and attributes. */
function readOctets(octets: Uint8Array, sender: SenderContext, addPath: readonly Family[]): Decoded {
  const message = decodeMessage(octets[headerLength - 1]!, octets, headerLength, octets.length)
  if (isFault(message)) return malformed(message)
  const text = describeMessage(message, sender, addPath)
  if (message.kind !== 'update') return { text, value: message }
  const values = readUpdate(message.body, sender, addPath)
  return { text, value: isFault(values) ? malformed(values).value : { kind: 'update', ...values } }
}

function malformed({ kind, code, subcode, data, text }: Fault): Decoded {
  return { text: `malformed: ${text}`, value: { kind, code, subcode, data, text } }
}

function peerTable(found: Extract<MrtRecord, { kind: 'peer-table' }>): Decoded {
  const routerId = formatIpv4(found.routerId)
  const peers = found.peers.map((peer) => ({ ...peer, routerId: formatIpv4(peer.routerId) }))
  const lines = peers.map((peer) => `  ${end(peer.asn, peer.address)}, identifier ${peer.routerId}`)
  const view = found.viewName ? `, view "${found.viewName}"` : ''
  return {
    text: [`${at(found)}${peers.length} peers of collector ${routerId}${view}`, ...lines].join('\n'),
    value: { kind: found.kind, ...place(found), routerId, viewName: found.viewName, peers },
  }
}

function rib(found: Extract<MrtRecord, { kind: 'rib' }>): Decoded {
  const { kind, prefix, sequence } = found
  const routes = found.routes.map(ribRoute)
  return {
    text: [`${at(found)}${prefix}`, ...routes.map(({ text }) => `  ${text}`)].join('\n'),
    value: { kind, ...place(found), sequence, prefix, routes: routes.map(({ value }) => value) },
  }
}

function ribRoute(route: MrtRoute): Decoded {
  const { peer, peerIndex, pathId } = route
  const from = peer ? end(peer.asn, peer.address) : `peer ${peerIndex}, which is not in the table,`
  const { attributes, nextHop, linkLocal, findings } = readRibAttributes(route)
  const since = formatTimestamp({ seconds: route.originatedSeconds, nanoseconds: 0 })
  const path = pathId > 0 ? ` (path ${pathId})` : ''
  // NEXT_HOP is an attribute that is printed with the others.
  const hops = [attributes.nextHop ? undefined : nextHop, linkLocal].filter((hop) => hop !== undefined)
  const wrong = findings.map((finding) => `${finding.attribute}: ${finding.text}`)
  const parts = [hops.length > 0 ? `next hop ${hops.join(' and ')}` : '', formatAttributes(attributes), ...wrong]
  const said = parts.filter(Boolean).join(', ')
  return {
    text: `from ${from}${path} since ${since}${said && `: ${said}`}`,
    value: {
      peerIndex,
      ...(peer && { peer: { ...peer, routerId: formatIpv4(peer.routerId) } }),
      originated: since,
      ...(pathId > 0 && { pathId }),
      nextHop,
      linkLocal,
      attributes,
      findings,
    },
  }
}
