/**
 * Messages of the BGP Monitoring Protocol (RFC 7854 section 4) as one union, and the two doors: a message to octets, and back.
 * BGP messages inside stay octets: they are read as any other.
 */

import type { Address } from '../address.ts'
import { u16, Writer } from '../bytes.ts'
import {
  type BmpPeer,
  bgpMessageLength,
  bmpHeaderLength,
  bmpTypes,
  peerHeaderBytes,
  peerHeaderLength,
  readPeerHeader,
  readWideAddress,
  wideAddress,
  writeBmpHeader,
} from './header.ts'
import { type BmpInformation, readInformation, writeInformation } from './information.ts'
import { type BmpStatistic, readStatistics, writeStatistics } from './statistics.ts'

/** Why a session ended (RFC 7854 section 4.9). */
export const peerDownReasons = {
  /** This side ended it, with the NOTIFICATION that is in the message. */
  localNotification: 1,
  /** This side ended it without a word, at the event that is in the message. */
  localSilence: 2,
  /** The peer ended it, with the NOTIFICATION that is in the message. */
  remoteNotification: 3,
  remoteSilence: 4,
  /** It may well be up, but is monitored no more. */
  noLongerMonitored: 5,
} as const

export interface BmpInitiation {
  readonly kind: 'initiation'
  readonly information: readonly BmpInformation[]
}

export interface BmpPeerUp {
  readonly kind: 'peer-up'
  readonly peer: BmpPeer
  /** Our end of the session, of the same family as the peer's. */
  readonly localAddress: Address
  readonly localPort: number
  readonly remotePort: number
  /** Whole messages as they were on the wire. */
  readonly sentOpen: Uint8Array
  readonly receivedOpen: Uint8Array
  readonly information: readonly BmpInformation[]
}

export interface BmpPeerDown {
  readonly kind: 'peer-down'
  readonly peer: BmpPeer
  readonly reason: number
  /** With reasons 1 and 3 a whole NOTIFICATION, with 2 an event of RFC 4271 section 8.1 in two octets. */
  readonly data: Uint8Array
}

export interface BmpRouteMonitoring {
  readonly kind: 'route-monitoring'
  readonly peer: BmpPeer
  /** A whole UPDATE. */
  readonly update: Uint8Array
}

export interface BmpStatistics {
  readonly kind: 'statistics'
  readonly peer: BmpPeer
  readonly statistics: readonly BmpStatistic[]
}

export interface BmpTermination {
  readonly kind: 'termination'
  readonly information: readonly BmpInformation[]
}

export type BmpMessage =
  | BmpInitiation
  | BmpPeerUp
  | BmpPeerDown
  | BmpRouteMonitoring
  | BmpStatistics
  | BmpTermination
  /** A type that is not read here, e.g. Route Mirroring; the octets after the common header. */
  | { readonly kind: 'other'; readonly type: number; readonly body: Uint8Array }

/** What is wrong with octets that came, in words. */
export interface BmpFault {
  readonly kind: 'bmp-fault'
  readonly text: string
}

/** A whole message with its header. */
export function encodeBmp(message: BmpMessage): Uint8Array {
  const into = new Writer().bytes(new Uint8Array(bmpHeaderLength))
  const type = writeBody(into, message)
  const bytes = into.done()
  writeBmpHeader(bytes, 0, type, bytes.length)
  return bytes
}

function writeBody(into: Writer, message: BmpMessage): number {
  if ('peer' in message) into.bytes(peerHeaderBytes(message.peer))
  switch (message.kind) {
    case 'initiation':
      writeInformation(into, message.information)
      return bmpTypes.initiation
    case 'termination':
      writeInformation(into, message.information)
      return bmpTypes.termination
    case 'peer-up':
      into.bytes(wideAddress(message.localAddress)).u16(message.localPort).u16(message.remotePort)
      into.bytes(message.sentOpen).bytes(message.receivedOpen)
      writeInformation(into, message.information)
      return bmpTypes.peerUp
    case 'peer-down':
      into.u8(message.reason).bytes(message.data)
      return bmpTypes.peerDown
    case 'route-monitoring':
      into.bytes(message.update)
      return bmpTypes.routeMonitoring
    case 'statistics':
      writeStatistics(into, message.statistics)
      return bmpTypes.statistics
    case 'other':
      into.bytes(message.body)
      return message.type
  }
}

const fault = (text: string): BmpFault => ({ kind: 'bmp-fault', text })

const withoutPeer: readonly number[] = [bmpTypes.initiation, bmpTypes.termination]
const known: readonly number[] = Object.values(bmpTypes)

/** Reads the octets from `at` to `end` after the common header of a message of this type. */
export function decodeBmp(type: number, bytes: Uint8Array, at: number, end: number): BmpMessage | BmpFault {
  if (!known.includes(type)) return { kind: 'other', type, body: bytes.slice(at, end) }
  if (withoutPeer.includes(type)) {
    const information = readInformation(bytes, at, end)
    if (!information) return fault(`information of message type ${type} cut short, RFC 7854 4.4`)
    return { kind: type === bmpTypes.initiation ? 'initiation' : 'termination', information }
  }
  const bodyAt = at + peerHeaderLength
  if (bodyAt > end) return fault(`per-peer header of ${end - at} octets, RFC 7854 4.2`)
  const peer = readPeerHeader(bytes, at)
  switch (type) {
    case bmpTypes.peerUp:
      return decodePeerUp(peer, bytes, bodyAt, end)
    case bmpTypes.peerDown:
      if (bodyAt === end) return fault('Peer Down without a reason, RFC 7854 4.9')
      return { kind: 'peer-down', peer, reason: bytes[bodyAt]!, data: bytes.slice(bodyAt + 1, end) }
    case bmpTypes.statistics: {
      const statistics = readStatistics(bytes, bodyAt, end)
      return statistics ? { kind: 'statistics', peer, statistics } : fault('statistics cut short, RFC 7854 4.8')
    }
    default: {
      const length = bgpMessageLength(bytes, bodyAt, end)
      if (length !== end - bodyAt) return fault('Route Monitoring is not one BGP message, RFC 7854 4.6')
      return { kind: 'route-monitoring', peer, update: bytes.slice(bodyAt, end) }
    }
  }
}

function decodePeerUp(peer: BmpPeer, bytes: Uint8Array, at: number, end: number): BmpMessage | BmpFault {
  const sentAt = at + 20
  const sent = bgpMessageLength(bytes, sentAt, end)
  const received = sent && bgpMessageLength(bytes, sentAt + sent, end)
  if (!sent || !received) return fault('Peer Up without two OPEN messages, RFC 7854 4.10')
  const information = readInformation(bytes, sentAt + sent + received, end)
  if (!information) return fault('information of Peer Up cut short, RFC 7854 4.10')
  return {
    kind: 'peer-up',
    peer,
    localAddress: readWideAddress(peer.address.version, bytes, at),
    localPort: u16(bytes, at + 16),
    remotePort: u16(bytes, at + 18),
    sentOpen: bytes.slice(sentAt, sentAt + sent),
    receivedOpen: bytes.slice(sentAt + sent, sentAt + sent + received),
    information,
  }
}
