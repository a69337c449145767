/**
 * What happened lately, in a ring in memory: sessions, routes, findings, configuration. For `tandem events` and the page; the log has the same and
 * more, but not at hand on the node at night. Bounded by number; nothing is kept over a restart.
 */

import type { Prefix } from 'bgp-ts'
import { type Applied, type Finding, formatFinding } from '../controllers/index.ts'
import type { ApplyReport, Speaker } from '../speaker/index.ts'

interface EventKindRow {
  readonly subject: string
  /** Of the text. */
  readonly examples: readonly string[]
  readonly when: string
}

/** Every kind; docs/events.md is this table. */
export const eventKinds = {
  'session-up': {
    subject: 'the peer',
    examples: ['carries ipv4-unicast and ipv6-unicast'],
    when: 'A session is Established; the text has the families that it carries.',
  },
  'session-down': {
    subject: 'the peer',
    examples: ['peer sent administrative shutdown (6/2), "maintenance"'],
    when: 'A session that was Established has ended; the text says why. Attempts that fail are in the log alone.',
  },
  routes: {
    subject: '`plan`',
    examples: [
      '2 advertised: 192.0.2.1/32, 2001:db8::1/128',
      '2 changed: 192.0.2.1/32, 2001:db8::1/128',
      '9 withdrawn',
    ],
    when: 'What this node originates has changed. Up to four prefixes are named, more are counted; several parts stand between semicolons.',
  },
  peers: {
    subject: 'the peer',
    examples: ['declared', 'no longer declared', 'reset by a change of configuration: hold time changed'],
    when: 'Flags, annotations or the configuration file name other peers, or one that no live session can follow.',
  },
  finding: {
    subject: 'the object',
    examples: ['node/node-1 kube-router.io/node.asn: "x" is no ASN that a node may have; it is not used'],
    when: 'A finding that was not there before ([findings.md](findings.md)).',
  },
  mended: {
    subject: 'the object',
    examples: ['node/node-1 kube-router.io/node.asn: "x" is no ASN that a node may have; it is not used'],
    when: 'The same finding is gone.',
  },
  'held-back': {
    subject: 'the peer',
    examples: [
      'ipv4-unicast: 3 routes held back, 500 are the most',
      'ipv6-unicast: 3 routes held back, 500 are the most',
      'ipv4-unicast: nothing is held back any more',
    ],
    when: 'More routes are for a peer than its `maximum-out` lets it be sent, or no more than that again.',
  },
  configuration: {
    subject: 'the file',
    examples: ['applied: 2 routes added, 1 changed, 0 withdrawn', 'policies applied'],
    when: 'A configuration was applied: the whole of it by the speaker alone, else its policies.',
  },
} as const satisfies Readonly<Record<string, EventKindRow>>

export type EventKind = keyof typeof eventKinds

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
