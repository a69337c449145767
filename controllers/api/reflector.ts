/**
 * Keeps a copy of one kind of object: lists it, watches it, and begins again after whatever happens, for ever.
 *
 * One connection is one `#turn`. It ends when the server ends it, when nothing was heard for too long, or with an error; the next one
 * resumes from the last resource version. Only when the server has forgotten that version (410) is the list made anew, after a pause that
 * differs from node to node. What is known stays known meanwhile: an API server that is away takes nothing with it.
 */

import type { Clock, Log, Random, Timer } from '../../speaker/index.ts'
import { type ApiClient, ApiError, apiError } from './client.ts'
import { ListSplitter, lines } from './split.ts'
import { Watchdog } from './watchdog.ts'

export interface Resource {
  /** e.g. `/api/v1/services`. */
  readonly path: string
  /** Selectors. */
  readonly query?: Readonly<Record<string, string>>
  /** For items of a list, which do not say it themselves. */
  readonly kind: string
}

/** Takes what the reflector hears. Objects are of any shape: the border that checks them is behind this. */
export interface Reflected {
  /** A whole list begins: what is not in it when it is committed is gone. One that is not committed never was. */
  begin(): { add(object: unknown): void; commit(): void }
  upsert(object: unknown): void
  remove(object: unknown): void
}

export interface ReflectorWorld {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly api: ApiClient
}

export interface ReflectorHealth {
  readonly path: string
  /** Whether the whole was seen once. */
  readonly synced: boolean
  readonly watching: boolean
  /** Since something was heard, bookmarks included. */
  readonly silentMs: number
  /** Why it is not watching. */
  readonly problem: string | undefined
  readonly lists: number
  readonly connections: number
}

/** The server ends a watch after a time between these, so that a fleet's watches do not end together. */
const lifetimeSeconds = { least: 300, most: 600 }
/** Bookmarks come about once a minute: this much silence is a connection that only looks alive. */
const silenceLimitMs = 180_000
/** A server that does not know streamed lists never says where the first events end. */
const initialEventsLimitMs = 30_000
const pageSize = '500'
const backoffMs = { first: 800, most: 30_000 }
/** After this long without an error the next pause is a short one again. */
const healthyMs = 120_000
const relistJitterMs = 2000

type WatchEvent = { readonly type: string; readonly object: unknown }

export class Reflector {
  readonly #world: ReflectorWorld
  readonly #resource: Resource
  readonly #target: Reflected
  readonly #onHealth: () => void
  #version: string | undefined
  #streamedList = true
  #failures = 0
  /** Times in a row that the version was gone. */
  #relists = 0
  #synced = false
  #watching = false
  #problem: string | undefined
  #heardAt: number
  #lists = 0
  #connections = 0
  #connection: AbortController | undefined
  #pause: { timer: Timer; resume: () => void } | undefined
  #stopped = false

  constructor(world: ReflectorWorld, resource: Resource, target: Reflected, onHealth: () => void) {
    this.#world = world
    this.#resource = resource
    this.#target = target
    this.#onHealth = onHealth
    this.#heardAt = world.clock.now()
  }

  get health(): ReflectorHealth {
    return {
      path: this.#resource.path,
      synced: this.#synced,
      watching: this.#watching,
      silentMs: this.#world.clock.now() - this.#heardAt,
      problem: this.#problem,
      lists: this.#lists,
      connections: this.#connections,
    }
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#stopped = true
    this.#connection?.abort()
    this.#pause?.timer.cancel()
    this.#pause?.resume()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const startedAt = this.#world.clock.now()
      try {
        await this.#turn()
        // An end that comes at once, time after time, is a failure that says nothing.
        if (this.#world.clock.now() - startedAt > backoffMs.first) this.#failures = this.#relists = 0
        else await this.#wait(this.#backoff())
      } catch (error) {
        if (this.#stopped) return
        if (this.#world.clock.now() - startedAt > healthyMs) this.#failures = this.#relists = 0
        await this.#wait(this.#afterFailure(error))
      }
    }
  }

  /** One connection, from its request to its end. */
  async #turn(): Promise<void> {
    const connection = new AbortController()
    this.#connection = connection
    const watchdog = new Watchdog(this.#world.clock, silenceLimitMs, () => {
      connection.abort(new Error(`nothing was heard for ${watchdog.limitMs / 1000} s`))
    })
    try {
      if (this.#version === undefined && !this.#streamedList) await this.#list(connection.signal, watchdog)
      await this.#watch(connection.signal, watchdog)
    } catch (error) {
      throw connection.signal.aborted ? connection.signal.reason : error
    } finally {
      watchdog.stop()
      connection.abort()
      this.#watching = false
    }
  }

  async #list(signal: AbortSignal, watchdog: Watchdog): Promise<void> {
    this.#lists++
    const list = this.#target.begin()
    let next = ''
    let version = ''
    do {
      const query = next === '' ? { limit: pageSize } : { limit: pageSize, continue: next }
      const stream = await this.#world.api.stream({
        path: this.#resource.path,
        query: { ...this.#resource.query, ...query },
        signal,
      })
      const splitter = new ListSplitter()
      for await (const chunk of stream.chunks) {
        watchdog.heard()
        for (const item of splitter.push(chunk)) list.add(withKind(JSON.parse(item), this.#resource.kind))
      }
      const { metadata } = splitter.rest() as { metadata?: { resourceVersion?: string; continue?: string } }
      version = metadata?.resourceVersion ?? ''
      next = metadata?.continue ?? ''
    } while (next !== '')
    this.#version = version
    list.commit()
    this.#isSynced()
  }

  async #watch(signal: AbortSignal, watchdog: Watchdog): Promise<void> {
    const initial = this.#version === undefined
    if (initial) this.#lists++
    const { least, most } = lifetimeSeconds
    const lifetime = Math.round(least + this.#world.random() * (most - least))
    const stream = await this.#world.api.stream({
      path: this.#resource.path,
      query: {
        ...this.#resource.query,
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(lifetime),
        ...(initial
          ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
          : { resourceVersion: this.#version! }),
      },
      signal,
    })
    this.#connections++
    if (!initial) this.#isWatching()
    watchdog.limitMs = initial ? initialEventsLimitMs : silenceLimitMs
    let list = initial ? this.#target.begin() : undefined
    try {
      for await (const line of lines(stream.chunks)) {
        watchdog.heard()
        this.#heardAt = this.#world.clock.now()
        const event = JSON.parse(line) as WatchEvent
        if (event.type === 'ERROR') throw apiError(500, event.object)
        if (!list) {
          this.#hear(event)
          continue
        }
        if (event.type !== 'BOOKMARK') list.add(event.object)
        else if (endsInitialEvents(event.object)) {
          list.commit()
          list = undefined
          this.#version = versionOf(event.object)
          watchdog.limitMs = silenceLimitMs
          this.#isSynced()
          this.#isWatching()
        }
      }
      if (list) throw new Error('the streamed list ended before it was whole')
    } catch (error) {
      if (list && signal.aborted && !this.#stopped) this.#streamedList = false
      throw error
    } finally {
      stream.close()
    }
  }

  /** An event of a list that is known. */
  #hear({ type, object }: WatchEvent): void {
    try {
      if (type === 'ADDED' || type === 'MODIFIED') this.#target.upsert(object)
      else if (type === 'DELETED') this.#target.remove(object)
    } catch (error) {
      // It would come again and again if the watch were taken up before it.
      this.#world.log.error(
        { err: error, path: this.#resource.path },
        'an object could not be taken: it is passed over',
      )
    }
    const version = versionOf(object)
    if (version) this.#version = version
  }

  #isSynced(): void {
    this.#heardAt = this.#world.clock.now()
    this.#synced = true
    this.#onHealth()
  }

  #isWatching(): void {
    this.#watching = true
    this.#problem = undefined
    this.#onHealth()
  }

  /** What an error means for the next turn; milliseconds until it. */
  #afterFailure(error: unknown): number {
    const { log, random } = this.#world
    const { path } = this.#resource
    if (error instanceof ApiError && error.isGone) {
      this.#version = undefined
      log.info({ path }, 'the API server has forgotten where the watch was: listing again')
      // A server that forgets at once what it has just listed must not be asked for lists without end.
      return random() * Math.min(backoffMs.most, relistJitterMs * 2 ** this.#relists++)
    }
    // A server that does not know streamed lists says so (422, or 400 through some proxies).
    if (error instanceof ApiError && (error.status === 422 || error.status === 400) && this.#streamedList) {
      this.#streamedList = false
      log.info({ path }, 'the API server has no streamed lists: listing in pages')
      return 0
    }
    const problem = error instanceof Error ? error.message : String(error)
    if (problem !== this.#problem) {
      this.#problem = problem
      log.warn({ path, problem }, 'the watch is down; what is known stays in use')
      this.#onHealth()
    }
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
    return Math.max(asked, this.#backoff())
  }

  /** Full jitter: a fleet that lost its server together does not come back together. */
  #backoff(): number {
    const most = Math.min(backoffMs.most, backoffMs.first * 2 ** this.#failures++)
    return this.#world.random() * most
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stopped) return resolve()
      const resume = () => {
        this.#pause = undefined
        resolve()
      }
      this.#pause = { timer: this.#world.clock.after(milliseconds, resume), resume }
    })
  }
}

type Meta = {
  readonly metadata?: { readonly resourceVersion?: unknown; readonly annotations?: Readonly<Record<string, unknown>> }
}

function versionOf(object: unknown): string | undefined {
  const version = (object as Meta | null)?.metadata?.resourceVersion
  return typeof version === 'string' && version !== '' ? version : undefined
}

function endsInitialEvents(object: unknown): boolean {
  return (object as Meta | null)?.metadata?.annotations?.['k8s.io/initial-events-end'] === 'true'
}

function withKind(object: unknown, kind: string): unknown {
  return typeof object === 'object' && object !== null ? { ...object, kind } : object
}
