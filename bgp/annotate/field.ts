/** One piece of a message for people who look at its octets: where it lies, what it is called, what it says, and what is wrong with it. */

import { hex } from '../bytes.ts'
import type { Family } from '../family.ts'

export interface Field {
  readonly name: string
  /** From where to where it goes in the octets that were given. */
  readonly at: number
  readonly end: number
  /** In words; empty where the fields in it say all. */
  readonly value: string
  readonly wrong?: string
  readonly fields: readonly Field[]
}

/** What octets do not say themselves: how the session was opened. */
export interface AnnotateContext {
  readonly fourOctetAsn: boolean
  /** The families whose prefixes have path identifiers. */
  readonly addPath: readonly Family[]
}

export function field(name: string, at: number, end: number, value: string | number, wrong?: string): Field {
  return { name, at, end, value: String(value), ...(wrong !== undefined && { wrong }), fields: [] }
}

export function group(name: string, at: number, end: number, fields: readonly Field[], wrong?: string): Field {
  return { name, at, end, value: '', ...(wrong !== undefined && { wrong }), fields }
}

/** Octets that are not understood, or not reached because of what is wrong before them. */
export function rest(bytes: Uint8Array, at: number, end: number, wrong?: string): Field[] {
  return at < end || wrong !== undefined ? [field('octets', at, Math.max(at, end), hex(bytes, at, end), wrong)] : []
}
