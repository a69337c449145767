/**
 * What is known of one path attribute, as a row: its number and flags, when its octets are malformed and what RFC 7606
 * says then, and how it is read, written and printed. The generic decoder knows no attribute by name.
 */

import type { Writer } from '../bytes.ts'

/** RFC 7606 section 2, from mild to strong. */
export const reactions = ['none', 'attribute-discard', 'treat-as-withdraw', 'session-reset'] as const
export type Reaction = (typeof reactions)[number]

/** What changes the meaning of octets: the width of an ASN in AS_PATH and AGGREGATOR (RFC 6793). */
export interface AttributeContext {
  readonly fourOctetAsn: boolean
}

/** Who sent it: what RFC 7606 section 7 and RFC 4271 section 6.3 make a difference by. */
export interface SenderContext extends AttributeContext {
  readonly external: boolean
  readonly localAsn: number
  /** Required as the leftmost ASN of the path; 0 for no such rule (RFC 4271 section 6.3). */
  readonly firstAsn: number
  /** Takes paths with AS_SETs, which are malformed otherwise (RFC 9774 section 3). */
  readonly asSets?: boolean
}

export interface AttributeCodec<Value> {
  readonly type: number
  readonly name: string
  readonly optional: boolean
  readonly transitive: boolean
  /** The reaction to a wrong length or value. */
  readonly malformed: Reaction
  /** The reaction to wrong flags, where it is not treat-as-withdraw (RFC 7606 section 3c). */
  readonly badFlags?: Reaction
  /** Discarded unread when an external peer sends it (RFC 7606 sections 7.5, 7.9, 7.10). */
  readonly internalOnly?: true
  /** What is wrong with the octets of the value, or undefined. */
  check(bytes: Uint8Array, at: number, end: number, sender: SenderContext): string | undefined
  /** Why well-formed octets are refused all the same: treat-as-withdraw, whatever `malformed` says. */
  refuse?(bytes: Uint8Array, at: number, end: number, sender: SenderContext): string | undefined
  /** The value of checked octets. */
  decode(bytes: Uint8Array, at: number, end: number, context: AttributeContext): Value
  encode(value: Value, into: Writer, context: AttributeContext): void
  format(value: Value): string
}

export const flags = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const

/** The check of a fixed length. */
export function exactly(octets: number): AttributeCodec<unknown>['check'] {
  return (_bytes, at, end) => (end - at === octets ? undefined : `length ${end - at} is not ${octets}`)
}

/** The check of a non-empty list of equal items. */
export function multipleOf(octets: number): AttributeCodec<unknown>['check'] {
  return (_bytes, at, end) =>
    end > at && (end - at) % octets === 0 ? undefined : `length ${end - at} is not a non-zero multiple of ${octets}`
}
