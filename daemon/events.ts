/**
 * What happened lately, in a ring in memory: sessions, routes, findings, configuration. For `tandem events` and the page; the log has the same and
 * more, but not at hand on the node at night. Bounded by number; nothing is kept over a restart.
 */

import type { Prefix } from 'bgp-ts'
import { type Applied, type Finding, formatFinding } from '../controllers/index.ts'
import type { ApplyReport, Speaker } from '../speaker/index.ts'

export const eventKinds = [
  'session-up',
  'session-down',
  'routes',
  'peers',
  'finding',
  'mended',
  'held-back',
  'configuration',
] as const
export type EventKind = (typeof eventKinds)[number]

export interface DaemonEvent {
  /** Counts up from 1; a gap means that older ones have made room. */
  readonly id: number
  /** RFC 3339. */
  readonly at: string
  readonly kind: EventKind
  /** A peer, an object, or `plan`. */
  readonly subject: string
  readonly text: string
}

/** What the admin socket answers. */
export interface EventsAnswer {
  readonly events: readonly DaemonEvent[]
  /** The latest id that was given out. */
  readonly last: number
}

/** Prefixes that one event names. */
const namedPrefixes = 4

export class EventLog {
  readonly #kept: number
  readonly #date: () => Date
  #events: DaemonEvent[] = []
  #last = 0

  constructor(kept: number, date: () => Date) {
    this.#kept = kept
    this.#date = date
  }

  add(kind: EventKind, subject: string, text: string): void {
    this.#events.push({ id: ++this.#last, at: this.#date().toISOString(), kind, subject, text })
    // In halves, so that a full ring costs no copy for each event.
    if (this.#events.length >= this.#kept * 2) this.#events = this.#events.slice(-this.#kept)
  }

  get last(): number {
    return this.#last
  }

  /** Those after this id, oldest first. */
  after(id: number): readonly DaemonEvent[] {
    const kept = this.#events.slice(-this.#kept)
    return kept.filter((event) => event.id > id)
  }

  watchSpeaker(speaker: Speaker): void {
    speaker.onEvent((event) => {
      if (event.kind === 'up') this.add('session-up', event.peer, `carries ${event.negotiated.families.join(' and ')}`)
      else if (event.established) this.add('session-down', event.peer, event.why)
    })
    speaker.onHeldBack(({ peer, family, held, limit }) => {
      const what = held > 0 ? `${held} routes held back, ${limit} are the most` : 'nothing is held back any more'
      this.add('held-back', peer, `${family}: ${what}`)
    })
  }

  applied({ report, set, withdrawn }: Applied): void {
    const { added, changed, withdrawn: gone } = report.routes
    const parts = [
      ...counted(added + changed, added === 0 ? 'changed' : 'advertised', set),
      ...counted(gone, 'withdrawn', withdrawn),
    ]
    if (parts.length > 0) this.add('routes', 'plan', parts.join('; '))
    this.peersChanged(report)
  }

  peersChanged({ peers }: ApplyReport): void {
    for (const name of peers.added) this.add('peers', name, 'declared')
    for (const name of peers.removed) this.add('peers', name, 'no longer declared')
    for (const { name, why } of peers.reset) this.add('peers', name, `reset by a change of configuration: ${why}`)
  }

  found(news: readonly Finding[], mended: readonly Finding[]): void {
    for (const one of news) this.add('finding', one.object, formatFinding(one))
    for (const one of mended) this.add('mended', one.object, formatFinding(one))
  }
}

/** `2 advertised: 192.0.2.1/32, 2001:db8::1/128`; names no prefix where there are many. */
function counted(count: number, verb: string, prefixes: readonly Prefix[]): string[] {
  if (count === 0) return []
  const names = prefixes.length <= namedPrefixes ? prefixes.map(String).join(', ') : ''
  return [`${count} ${verb}${names ? `: ${names}` : ''}`]
}
