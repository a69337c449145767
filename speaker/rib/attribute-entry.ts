/** What an entry of the attribute table is made with, and what it costs. */

import type { AttributeSummary } from 'bgp-ts'
import { blockOctets } from './arena.ts'

/** The next hop of MP_REACH_NLRI, as words; version 0, with words of 0, where the list's own NEXT_HOP counts. Reused by callers. */
export interface NextHopWords {
  version: 0 | 4 | 6
  w0: number
  w1: number
  w2: number
  w3: number
}

export const noNextHop: Readonly<NextHopWords> = { version: 0, w0: 0, w1: 0, w2: 0, w3: 0 }

/** Octets of attributes that are there on account of one peer, whoever else has routes with them. */
export interface Share {
  octets: number
}

export interface EntryTerms {
  /** What to keep of the octets, when it differs from them. */
  readonly list?: Uint8Array
  /** The entry that a policy made them of. */
  readonly plain?: number
  readonly share?: Share
}

export const noTerms: EntryTerms = {}

/** Words of a row of the table. */
export const entryWords = 19
/** Octets of an entry without its blocks: its row, hash and slots at their usual filling, and the reference to whose expense it is. */
const entryOctets = entryWords * 4 + 4 + 8 + 8

/** Octets that an entry takes, by the length of its octets as they came, and of what is kept of them where that differs. */
export function costOf(keyLength: number, listLength = 0): number {
  return entryOctets + blockOctets(keyLength) + (listLength > 0 ? blockOctets(listLength) : 0)
}

/** Eight are as many as a column of octets holds. */
export const bits = {
  looped: 1,
  noExport: 2,
  noAdvertise: 4,
  longLivedStale: 8,
  noLongLived: 16,
  gracefulShutdown: 32,
  blackhole: 64,
  asSet: 128,
} as const

const flagBits = Object.entries(bits) as readonly [keyof typeof bits, number][]

/** What a list says by its mere presence, in one octet. */
export function flagsOf(summary: AttributeSummary): number {
  let flags = 0
  for (const [name, bit] of flagBits) if (summary[name]) flags |= bit
  return flags
}
