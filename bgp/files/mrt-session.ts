/**
 * BGP4MP (RFC 6396 section 4.4, RFC 8050 section 3): what a session said, and how its state changed.
 * The subtypes differ in the width of ASNs, in the direction, and in whether prefixes have path identifiers.
 */

import { type Address, readAddress } from '../address.ts'
import { u16, u32 } from '../bytes.ts'
import { checkHeader, extendedMaximumLength, headerLength } from '../framer.ts'
import { type FileFault, fileFault } from './byte-stream.ts'

/** The two ends of a session. */
export interface MrtSession {
  readonly peerAsn: number
  readonly localAsn: number
  readonly peer: Address
  readonly local: Address
  /** SNMP's number of the interface; 0 where it is not known. */
  readonly interfaceIndex: number
}

export interface MrtMessage extends MrtSession {
  readonly kind: 'message'
  /** The whole message with its header. */
  readonly message: Uint8Array
  /** The width of ASNs in AS_PATH and AGGREGATOR. */
  readonly fourOctetAsn: boolean
  /** Prefixes have path identifiers (RFC 7911). */
  readonly addPath: boolean
  /** The local end sent it, not the peer. */
  readonly sentByLocal: boolean
}

export interface MrtStateChange extends MrtSession {
  readonly kind: 'state-change'
  readonly from: MrtState
  readonly to: MrtState
}

/** RFC 6396 section 4.4.1, from 1; the last two are how some daemons write the end of a session. */
const states = ['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established', 'Clearing', 'Deleted'] as const
export type MrtState = (typeof states)[number]

/** By subtype. */
const messageKinds: Readonly<Record<number, Pick<MrtMessage, 'fourOctetAsn' | 'addPath' | 'sentByLocal'>>> = {
  1: { fourOctetAsn: false, addPath: false, sentByLocal: false },
  4: { fourOctetAsn: true, addPath: false, sentByLocal: false },
  6: { fourOctetAsn: false, addPath: false, sentByLocal: true },
  7: { fourOctetAsn: true, addPath: false, sentByLocal: true },
  8: { fourOctetAsn: false, addPath: true, sentByLocal: false },
  9: { fourOctetAsn: true, addPath: true, sentByLocal: false },
  10: { fourOctetAsn: false, addPath: true, sentByLocal: true },
  11: { fourOctetAsn: true, addPath: true, sentByLocal: true },
}
const stateChange = 0
const stateChangeAs4 = 5

/** Undefined for a subtype that is not read. */
export function readSessionRecord(
  subtype: number,
  body: Uint8Array,
): MrtMessage | MrtStateChange | FileFault | undefined {
  const message = messageKinds[subtype]
  if (!message && subtype !== stateChange && subtype !== stateChangeAs4) return undefined
  const width = (message?.fourOctetAsn ?? subtype === stateChangeAs4) ? 4 : 2
  const ends = readEnds(body, width)
  if ('kind' in ends) return ends
  const { at, session } = ends
  return message ? readMessage(body, at, session, message) : readStateChange(body, at, session)
}

/** Peer ASN (2 or 4)  local ASN (2 or 4)  interface (2)  AFI (2)  peer address  local address. */
function readEnds(body: Uint8Array, width: 2 | 4): { at: number; session: MrtSession } | FileFault {
  const afiAt = 2 * width + 2
  if (body.length < afiAt + 2) return fileFault(0, `BGP4MP record of ${body.length} octets, RFC 6396 4.4`)
  const afi = u16(body, afiAt)
  if (afi !== 1 && afi !== 2) return fileFault(afiAt, `address family ${afi} of a session, RFC 6396 4.4`)
  const [version, size] = afi === 1 ? ([4, 4] as const) : ([6, 16] as const)
  const peerAt = afiAt + 2
  const at = peerAt + 2 * size
  if (body.length < at) return fileFault(peerAt, 'addresses of a session cut short, RFC 6396 4.4')
  const session = {
    peerAsn: width === 2 ? u16(body, 0) : u32(body, 0),
    localAsn: width === 2 ? u16(body, 2) : u32(body, 4),
    peer: readAddress(version, body, peerAt),
    local: readAddress(version, body, peerAt + size),
    interfaceIndex: u16(body, afiAt - 2),
  }
  return { at, session }
}

function readMessage(
  body: Uint8Array,
  at: number,
  session: MrtSession,
  kind: Pick<MrtMessage, 'fourOctetAsn' | 'addPath' | 'sentByLocal'>,
): MrtMessage | FileFault {
  if (body.length - at < headerLength) return fileFault(at, `message of ${body.length - at} octets, RFC 4271 4.1`)
  const wrong = checkHeader(body, at, extendedMaximumLength)
  if (wrong) return { ...wrong, offset: at }
  const length = u16(body, at + 16)
  if (length !== body.length - at) {
    return fileFault(at, `message of ${length} octets in ${body.length - at}, RFC 6396 4.4.2`)
  }
  return { kind: 'message', ...session, ...kind, message: body.subarray(at) }
}

function readStateChange(body: Uint8Array, at: number, session: MrtSession): MrtStateChange | FileFault {
  if (body.length - at !== 4) return fileFault(at, `states of ${body.length - at} octets, RFC 6396 4.4.1`)
  const from = states[u16(body, at) - 1]
  const to = states[u16(body, at + 2) - 1]
  if (!from || !to) return fileFault(at, `state ${u16(body, from ? at + 2 : at)}, RFC 6396 4.4.1`)
  return { kind: 'state-change', ...session, from, to }
}
