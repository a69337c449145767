/**
 * NOTIFICATION: why a session ends. Every reason this library can give stands in one table, with its code and subcode.
 * A `Fault` is that message as a value: what a peer sent is never an exception.
 */

export interface Notification {
  readonly kind: 'notification'
  readonly code: number
  readonly subcode: number
  readonly data: Uint8Array
}

/** One message's fault: the NOTIFICATION to answer with, and what, where and which RFC in words for the log. */
export interface Fault {
  readonly kind: 'fault'
  readonly code: number
  readonly subcode: number
  readonly data: Uint8Array
  readonly text: string
}

/** RFC 4271 section 4.5, 4486, 5492, 6608, 7313, 8538, 9384, 9687. */
const reasons = {
  'connection not synchronized': [1, 1],
  'bad message length': [1, 2],
  'bad message type': [1, 3],
  'malformed OPEN': [2, 0],
  'unsupported version number': [2, 1],
  'bad peer AS': [2, 2],
  'bad BGP identifier': [2, 3],
  'unsupported optional parameter': [2, 4],
  'unacceptable hold time': [2, 6],
  'unsupported capability': [2, 7],
  'role mismatch': [2, 11],
  'malformed attribute list': [3, 1],
  'unrecognized well-known attribute': [3, 2],
  'missing well-known attribute': [3, 3],
  'attribute flags error': [3, 4],
  'attribute length error': [3, 5],
  'invalid ORIGIN': [3, 6],
  'invalid NEXT_HOP': [3, 8],
  'optional attribute error': [3, 9],
  'invalid network field': [3, 10],
  'malformed AS_PATH': [3, 11],
  'hold timer expired': [4, 0],
  'finite state machine error': [5, 0],
  'unexpected message in OpenSent': [5, 1],
  'unexpected message in OpenConfirm': [5, 2],
  'unexpected message in Established': [5, 3],
  cease: [6, 0],
  'maximum number of prefixes reached': [6, 1],
  'administrative shutdown': [6, 2],
  'peer de-configured': [6, 3],
  'administrative reset': [6, 4],
  'connection rejected': [6, 5],
  'other configuration change': [6, 6],
  'connection collision resolution': [6, 7],
  'out of resources': [6, 8],
  'hard reset': [6, 9],
  'BFD down': [6, 10],
  'malformed ROUTE-REFRESH': [7, 1],
  'send hold timer expired': [8, 0],
} as const satisfies Record<string, readonly [code: number, subcode: number]>

export type Reason = keyof typeof reasons

const nothing = new Uint8Array(0)

export function fault(reason: Reason, text: string, data: Uint8Array = nothing): Fault {
  const [code, subcode] = reasons[reason]
  return { kind: 'fault', code, subcode, data, text: `${reason}: ${text}` }
}

export function notification(reason: Reason, data: Uint8Array = nothing): Notification {
  const [code, subcode] = reasons[reason]
  return { kind: 'notification', code, subcode, data }
}

export function isFault(value: object | undefined): value is Fault {
  return value !== undefined && 'kind' in value && value.kind === 'fault'
}

const codes = ['', 'header error', 'OPEN error', 'UPDATE error', 'hold timer expired', 'state machine error', 'cease']

/** The reason in words, e.g. `administrative shutdown (6/2)`; unknown ones by their numbers. */
export function describeNotification(code: number, subcode: number): string {
  const known = Object.entries(reasons).find(([, numbers]) => numbers[0] === code && numbers[1] === subcode)
  return `${known?.[0] ?? codes[code] ?? 'unknown error'} (${code}/${subcode})`
}

/** A whole NOTIFICATION in words: the reason, what was said with it, and what a hard reset carries (RFC 8538 section 3). */
export function formatNotification(message: Notification): string {
  const { code, subcode, data } = message
  const reason = describeNotification(code, subcode)
  const [hardCode, hardSubcode] = reasons['hard reset']
  if (code === hardCode && subcode === hardSubcode && data.length >= 2) {
    const inner = notificationOf(data[0]!, data[1]!, data.subarray(2))
    return `${reason}: ${formatNotification(inner)}`
  }
  const said = shutdownCommunication(message)
  return said ? `${reason}, "${said}"` : reason
}

const notificationOf = (code: number, subcode: number, data: Uint8Array): Notification => ({
  kind: 'notification',
  code,
  subcode,
  data,
})

/** The shutdown communication (RFC 9003) of a cease/2 or cease/4: up to 255 octets of UTF-8, control characters escaped. */
export function shutdownCommunication(message: Notification): string | undefined {
  if (message.code !== 6 || (message.subcode !== 2 && message.subcode !== 4)) return undefined
  const length = message.data[0] ?? 0
  if (length === 0 || length + 1 > message.data.length) return undefined
  return printable(new TextDecoder().decode(message.data.subarray(1, 1 + length)))
}

/** Text from the wire made safe to print: control characters escaped, cut at 255 characters. */
export function printable(text: string): string {
  return text.slice(0, 255).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
