/**
 * Kubernetes events, so that what is wrong is said on the object that is wrong. An event's name is made of what it says: told again it is
 * the same event with a higher count, and a thousand nodes that see the same fault of a Service make one event. Writing never waits for
 * anything and never grows: what the API server does not take in time is dropped.
 */

import { createHash } from 'node:crypto'
import type { Clock, Log, Random, Timer } from '../../speaker/index.ts'
import { type ApiClient, ApiError } from '../api/client.ts'
import type { EventReason } from './event-reasons.ts'

export interface KubeEvent {
  readonly kind: 'Node' | 'Service'
  /** Empty for a Node. */
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly type: 'Normal' | 'Warning'
  /** The limit of the rate is by it. */
  readonly reason: EventReason
  readonly message: string
}

export interface EventWorld {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly api: ApiClient
  /** For time stamps. */
  readonly date: () => Date
}

/** The same event is written again at most this often. */
const repeatMs = 300_000
/** A reason may burst this much, then comes once in so many milliseconds. */
const burst = 10
const refillMs = 30_000
/** All nodes see a fault of a Service at the same moment: they do not all write at it. */
const spreadMs = 2000
const most = 200

interface Told {
  count: number
  at: number
  readonly first: string
}

export class EventWriter {
  readonly #world: EventWorld
  readonly #host: string
  readonly #told = new Map<string, Told>()
  readonly #budgets = new Map<string, { tokens: number; at: number }>()
  readonly #timers = new Set<Timer>()
  #forbidden = false
  #stopped = false

  /** `host` is the name of this node. */
  constructor(world: EventWorld, host: string) {
    this.#world = world
    this.#host = host
  }

  tell(event: KubeEvent): void {
    const { clock, random, log, date } = this.#world
    if (this.#stopped) return
    const name = nameOf(event)
    const now = clock.now()
    const told = this.#told.get(name)
    if (told && now - told.at < repeatMs) {
      told.count++
      return
    }
    if (!this.#mayTell(event.reason, now) || this.#timers.size >= most) {
      log.debug({ reason: event.reason }, 'too many events of this reason: one is dropped')
      return
    }
    const entry: Told = told ?? { count: 0, at: now, first: date().toISOString() }
    entry.count++
    entry.at = now
    this.#remember(name, entry)
    const timer = clock.after(event.kind === 'Service' ? random() * spreadMs : 0, () => {
      this.#timers.delete(timer)
      void this.#write(name, event, entry)
    })
    this.#timers.add(timer)
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  #remember(name: string, entry: Told): void {
    this.#told.delete(name)
    this.#told.set(name, entry)
    const [oldest] = this.#told.keys()
    if (this.#told.size > most && oldest !== undefined) this.#told.delete(oldest)
  }

  #mayTell(reason: string, now: number): boolean {
    const budget = this.#budgets.get(reason) ?? { tokens: burst, at: now }
    budget.tokens = Math.min(burst, budget.tokens + (now - budget.at) / refillMs)
    budget.at = now
    this.#budgets.set(reason, budget)
    if (budget.tokens < 1) return false
    budget.tokens--
    return true
  }

  async #write(name: string, event: KubeEvent, { count, first }: Told): Promise<void> {
    const { api, log, date } = this.#world
    const namespace = event.namespace || 'default'
    const path = `/api/v1/namespaces/${namespace}/events`
    const lastTimestamp = date().toISOString()
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        apiVersion: 'v1',
        kind: event.kind,
        name: event.name,
        uid: event.uid,
        ...(event.namespace && { namespace: event.namespace }),
      },
      type: event.type,
      reason: event.reason,
      message: event.message.slice(0, 1024),
      source: { component: 'tandem', host: this.#host },
      reportingComponent: 'tandem',
      reportingInstance: this.#host,
      firstTimestamp: first,
      lastTimestamp,
      count,
    }
    try {
      await api.request({ method: 'POST', path, body }).catch(async (error: unknown) => {
        if (!(error instanceof ApiError) || error.status !== 409) throw error
        // Another node was first, or this daemon was, before it started anew. An event on a Service stands for all nodes.
        if (event.kind === 'Service') return
        const contentType = 'application/merge-patch+json'
        await api.request({ method: 'PATCH', path: `${path}/${name}`, body: { count, lastTimestamp }, contentType })
      })
    } catch (error) {
      const isForbidden = error instanceof ApiError && error.status === 403
      const why = error instanceof Error ? error.message : String(error)
      if (isForbidden && !this.#forbidden) log.warn({ why }, 'events may not be written: the log and explain have them')
      else log.debug({ why, reason: event.reason }, 'an event could not be written')
      this.#forbidden ||= isForbidden
    }
  }
}

function nameOf({ kind, namespace, name, uid, reason, message }: KubeEvent): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([kind, namespace, name, uid, reason, message]))
    .digest('hex')
  // Names of events are DNS subdomains of at most 253 characters.
  return `${name.slice(0, 200)}.${digest.slice(0, 16)}`
}
