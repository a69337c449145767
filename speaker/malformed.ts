/**
 * Malformed messages of one peer: counted by kind, and the first of each kind written down with its octets, then ever more rarely, so that
 * a flood fills no log (RFC 7606 section 6 wants the message in it).
 */

import type { Message, Reaction } from 'bgp-ts'
import type { World } from './world.ts'

/** What was done about an UPDATE; of other messages, which they were. */
export type MalformedKind = Reaction | 'header' | Message['kind']

export interface MalformedRecord {
  readonly at: number
  readonly text: string
  /** In hexadecimal: the body of the message, or its header where that is wrong. */
  readonly octets: string
}

/** Octets of a malformed message that the log and `explain` show. */
export const shownOctets = 4096

export class Malformed {
  readonly counts: Partial<Record<MalformedKind, number>> = {}
  /** The last one that was written down. */
  last: MalformedRecord | undefined

  /** `octets` is only asked for a message that is written down. */
  note(
    { clock, log }: Pick<World, 'clock' | 'log'>,
    peer: string,
    kind: MalformedKind,
    text: string,
    octets: () => string,
  ): void {
    const count = (this.counts[kind] ?? 0) + 1
    this.counts[kind] = count
    if ((count & (count - 1)) !== 0) return
    this.last = { at: clock.now(), text, octets: octets() }
    log.warn({ peer, kind, count, octets: this.last.octets }, `malformed message: ${text}`)
  }
}
