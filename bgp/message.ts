/**
 * The messages of BGP-4 as one union, and the two doors: bytes to a message, and back.
 * An UPDATE stays octets: it is read by offset (`update.ts`), and its attributes are decoded only when somebody asks.
 */

import { u16 } from './bytes.ts'
import { messageTypes } from './framer.ts'
import { type Fault, fault, type Notification } from './notification.ts'
import { decodeOpen, encodeOpen, type Open } from './open.ts'
import { withHeader } from './update.ts'

export interface Update {
  readonly kind: 'update'
  /** The octets after the header. */
  readonly body: Uint8Array
}

export interface Keepalive {
  readonly kind: 'keepalive'
}

/** RFC 2918; `subtype` 1 and 2 are the begin and the end of an enhanced refresh (RFC 7313). */
export interface RouteRefresh {
  readonly kind: 'route-refresh'
  readonly afi: number
  readonly safi: number
  readonly subtype: number
}

export type Message = Open | Update | Notification | Keepalive | RouteRefresh

/** Reads the body of a framed message. */
export function decodeMessage(type: number, bytes: Uint8Array, at: number, end: number): Message | Fault {
  switch (type) {
    case messageTypes.open:
      return decodeOpen(bytes, at, end)
    case messageTypes.update:
      return { kind: 'update', body: bytes.slice(at, end) }
    case messageTypes.notification:
      return { kind: 'notification', code: bytes[at]!, subcode: bytes[at + 1]!, data: bytes.slice(at + 2, end) }
    case messageTypes.keepalive:
      return { kind: 'keepalive' }
    case messageTypes.routeRefresh:
      return decodeRouteRefresh(bytes, at, end)
    default:
      return fault('bad message type', `type ${type}, RFC 4271 6.1`, Uint8Array.of(type))
  }
}

/** A whole message with its header. */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.kind) {
    case 'open':
      return encodeOpen(message)
    case 'update':
      return withHeader(messageTypes.update, message.body)
    case 'notification':
      return withHeader(messageTypes.notification, Uint8Array.of(message.code, message.subcode, ...message.data))
    case 'keepalive':
      return withHeader(messageTypes.keepalive, new Uint8Array(0))
    case 'route-refresh': {
      const { afi, safi, subtype } = message
      return withHeader(messageTypes.routeRefresh, Uint8Array.of(afi >>> 8, afi, subtype, safi))
    }
  }
}

function decodeRouteRefresh(bytes: Uint8Array, at: number, end: number): RouteRefresh | Fault {
  const subtype = bytes[at + 2]!
  // RFC 7313 section 5: a length error of the begin and end markers is answered with the message itself.
  if (end - at !== 4 && (subtype === 1 || subtype === 2)) {
    const data = withHeader(messageTypes.routeRefresh, bytes.slice(at, end))
    return fault('malformed ROUTE-REFRESH', `${end - at} octets, RFC 7313 5`, data)
  }
  return { kind: 'route-refresh', afi: u16(bytes, at), safi: bytes[at + 3]!, subtype }
}
