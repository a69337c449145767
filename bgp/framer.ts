/**
 * A byte stream cut into BGP messages (RFC 4271 section 4.1). Messages that lie whole in a chunk are handed out by
 * offset; only one that the chunk's end cuts is copied, into the framer's own buffer.
 */

import { u16 } from './bytes.ts'
import { type Fault, fault } from './notification.ts'

export const headerLength = 19
export const messageTypes = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const

/** Without RFC 8654, and for OPEN and KEEPALIVE always. */
export const ordinaryMaximumLength = 4096
export const extendedMaximumLength = 65535

/** Shortest whole message by type (RFC 4271 section 6.1, RFC 2918 section 3); index 0 is unused. */
const minimumLengths = [0, 29, 23, 21, 19, 23]

/** Called per message: `at` to `end` is the body after the header, valid during the call. False stops: the session is gone. */
export type MessageVisitor = (type: number, bytes: Uint8Array, at: number, end: number) => boolean

export class Framer {
  /** What a peer may send: raised to 65535 once both sides offered extended messages (RFC 8654). */
  maximumLength = ordinaryMaximumLength
  /** The header that a fault of `push` is about. */
  wrongHeader = new Uint8Array(0)
  #kept = new Uint8Array(ordinaryMaximumLength)
  #keptLength = 0

  /** Octets of a message that is not whole yet. */
  get pending(): number {
    return this.#keptLength
  }

  /** Takes the next chunk of the stream. A fault ends the stream: nothing after it can be told apart. */
  push(chunk: Uint8Array, visit: MessageVisitor): Fault | undefined {
    let at = 0
    while (this.#keptLength > 0) {
      const missing = this.#missing()
      if (typeof missing !== 'number') {
        this.wrongHeader = this.#kept.slice(0, headerLength)
        return missing
      }
      const taken = Math.min(missing, chunk.length - at)
      this.#keep(chunk, at, at + taken)
      at += taken
      if (taken < missing) return undefined
      const whole = this.#keptLength > headerLength || this.#missing() === 0
      if (!whole) continue
      const length = this.#keptLength
      this.#keptLength = 0
      if (!visit(this.#kept[18]!, this.#kept, headerLength, length)) return undefined
    }
    while (chunk.length - at >= headerLength) {
      const fault = checkHeader(chunk, at, this.maximumLength)
      if (fault) {
        this.wrongHeader = chunk.slice(at, at + headerLength)
        return fault
      }
      const next = at + u16(chunk, at + 16)
      if (next > chunk.length) break
      if (!visit(chunk[at + 18]!, chunk, at + headerLength, next)) return undefined
      at = next
    }
    this.#keep(chunk, at, chunk.length)
    return undefined
  }

  /** Octets that the kept message still lacks: of its header first, then, once that is checked, of its body. */
  #missing(): number | Fault {
    if (this.#keptLength < headerLength) return headerLength - this.#keptLength
    return checkHeader(this.#kept, 0, this.maximumLength) ?? u16(this.#kept, 16) - this.#keptLength
  }

  #keep(chunk: Uint8Array, at: number, end: number): void {
    const length = this.#keptLength + end - at
    if (length > this.#kept.length) {
      const grown = new Uint8Array(extendedMaximumLength)
      grown.set(this.#kept.subarray(0, this.#keptLength))
      this.#kept = grown
    }
    if (end > at) this.#kept.set(chunk.subarray(at, end), this.#keptLength)
    this.#keptLength = length
  }
}

/** What is wrong with the 19 octets at `at`, which are there. */
export function checkHeader(bytes: Uint8Array, at: number, maximumLength: number): Fault | undefined {
  for (let octet = at; octet < at + 16; octet++) {
    if (bytes[octet] !== 0xff) return fault('connection not synchronized', 'marker is not all ones, RFC 4271 6.1')
  }
  const length = u16(bytes, at + 16)
  const type = bytes[at + 18]!
  const extendable = type !== messageTypes.open && type !== messageTypes.keepalive
  const maximum = extendable ? maximumLength : ordinaryMaximumLength
  const minimum = minimumLengths[type] ?? headerLength
  if (length < minimum || length > maximum || (type === messageTypes.keepalive && length !== headerLength)) {
    const text = `length ${length} of message type ${type}, RFC 4271 6.1`
    return fault('bad message length', text, bytes.slice(at + 16, at + 18))
  }
  if (type === 0 || type >= minimumLengths.length) {
    return fault('bad message type', `type ${type}, RFC 4271 6.1`, Uint8Array.of(type))
  }
  return undefined
}
