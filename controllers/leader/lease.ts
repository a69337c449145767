/**
 * Leader election over a Lease of the API server: of all processes that take part, at most one leads at a time.
 *
 * The record changes hands only by compare-and-set on its resource version. Nobody's clock is trusted but the own one: a record may be
 * taken over when it did not change for its whole duration since it was first seen so. The leader counts from before its last renewal was
 * sent, and for less long: so it has stopped before anybody else can begin.
 */

import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import type { Clock, Log, Random, Timer } from '../../speaker/index.ts'
import { type ApiClient, ApiError, type ApiRequest } from '../api/client.ts'
import { type Finding, finding } from '../findings.ts'

/** kube-router's, so that the two never give addresses out at once. */
export const leaseName = 'kube-router-lballoc'

export interface LeaseOptions {
  readonly namespace: string
  /** Left out, the Lease of kube-router's allocator: so that it and this one never lead both while a cluster moves over. */
  readonly name?: string
  /** Of this process among those who take part, e.g. the name of its pod. */
  readonly identity: string
}

export interface LeaseWorld {
  readonly clock: Clock
  /** Milliseconds since 1970: for people who read the record, never for a decision. */
  readonly wallClock: () => number
  readonly random: Random
  readonly api: ApiClient
  readonly log: Log
}

const leaseSeconds = 15
const renewDeadlineMs = 10_000
const retryMs = 2000
/** A second try still fits before the deadline. */
const requestMs = 4000
/** Who waits asks after 2 to 4.4 s: hundreds of nodes do not ask all at once. */
const jitter = 1.2
const conflictTries = 3

const specSchema = z.looseObject({
  holderIdentity: z.string().nullish(),
  leaseDurationSeconds: z.number().nullish(),
  leaseTransitions: z.number().nullish(),
  acquireTime: z.string().nullish(),
  renewTime: z.string().nullish(),
})
const leaseSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  spec: specSchema.nullish().transform((spec) => spec ?? {}),
})
type LeaseSpec = z.infer<typeof specSchema>
type LeaseRecord = z.infer<typeof leaseSchema>

export class Lease {
  readonly #world: LeaseWorld
  readonly #options: Required<LeaseOptions>
  readonly #onLead: (leads: boolean) => void
  /** As last read or written, and since when it has been so, by our clock. */
  #record: LeaseRecord | undefined
  #seenAt: number
  /** Whether it was there once and has been deleted: then `#record` is what it was. */
  #isMissing = false
  /** Whether `#record` is our own last write, so that the next one needs no reading. */
  #isFresh = false
  /** `acquireTime` of our term: tells it from one that another process, or an earlier life, holds under the same identity. */
  #term: string | undefined
  #leads = false
  #leadsUntil = 0
  #deadline: Timer | undefined
  #problem: string | undefined
  #request: AbortController | undefined
  #pause: { readonly timer: Timer; readonly resume: () => void } | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  /** `onLead` is called at each change, first with true. */
  constructor(world: LeaseWorld, options: LeaseOptions, onLead: (leads: boolean) => void) {
    this.#world = world
    this.#options = { name: leaseName, ...options }
    this.#onLead = onLead
    this.#seenAt = world.clock.now()
  }

  /** Also right when the process was suspended and no timer has run yet. */
  get isLeader(): boolean {
    return this.#leads && this.#world.clock.now() < this.#leadsUntil
  }

  /** Identity of whoever held the record when it was last seen. */
  get holder(): string | undefined {
    return this.#record?.spec.holderIdentity || undefined
  }

  /** Why the record cannot be read or written. */
  get finding(): Finding | undefined {
    if (this.#problem === undefined) return undefined
    const { namespace, name } = this.#options
    const words = { problem: this.#problem }
    return finding('lease-unusable', `lease/${namespace}/${name}`, 'spec.holderIdentity', this.holder ?? '', words)
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Stops leading at once, then gives the record back, so that another need not wait for it to run out. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#lead(false)
    this.#request?.abort(new Error('stopped'))
    this.#pause?.timer.cancel()
    this.#pause?.resume()
    await this.#running
    if (this.#term === undefined) return
    try {
      await this.#compareAndSet((record) => (record && this.#isMine(record) ? this.#released() : undefined))
    } catch (error) {
      this.#world.log.warn({ problem: textOf(error) }, 'the Lease could not be given back; it runs out by itself')
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#turn()
        this.#problem = undefined
      } catch (error) {
        if (this.#stopped) return
        this.#tell(textOf(error))
        // It may have been there meanwhile: if it is missing after this, that counts from then.
        this.#isMissing = false
      }
      await this.#wait(this.#leads ? retryMs : retryMs * (1 + jitter * this.#world.random()))
    }
  }

  /** Takes the record if it is free, or renews it. */
  async #turn(): Promise<void> {
    const sentAt = await this.#compareAndSet((record) => (this.#mayTake(record) ? this.#taken(record) : undefined))
    if (sentAt === undefined) this.#lead(false)
    else if (!this.#stopped) this.#leadUntil(sentAt + renewDeadlineMs)
  }

  #leadUntil(until: number): void {
    const { clock } = this.#world
    if (clock.now() >= until) return
    this.#deadline?.cancel()
    this.#leadsUntil = until
    this.#deadline = clock.after(until - clock.now(), () => this.#lead(false))
    this.#lead(true)
  }

  #lead(leads: boolean): void {
    if (!leads) this.#deadline?.cancel()
    if (leads === this.#leads) return
    this.#leads = leads
    const { identity, name } = this.#options
    this.#world.log.info({ identity, lease: name, holder: this.holder }, leads ? 'leads' : 'leads no more')
    this.#onLead(leads)
  }

  #mayTake(record: LeaseRecord | undefined): boolean {
    // One that somebody has deleted counts as long as it would have: its holder does not know yet.
    const last = record ?? this.#record
    if (!last?.spec.holderIdentity) return true
    if (this.#isMine(last) && (record || this.isLeader)) return true
    const seconds = last.spec.leaseDurationSeconds ?? leaseSeconds
    return this.#world.clock.now() - this.#seenAt >= seconds * 1000
  }

  #isMine({ spec }: LeaseRecord): boolean {
    if (this.#term === undefined) return false
    return spec.holderIdentity === this.#options.identity && spec.acquireTime === this.#term
  }

  #taken(record: LeaseRecord | undefined): LeaseSpec {
    const now = this.#stamp()
    const changes = { holderIdentity: this.#options.identity, leaseDurationSeconds: leaseSeconds, renewTime: now }
    if (record && this.#isMine(record)) return changes
    // Known before the answer: a write whose answer is lost is recognised when it is read.
    this.#term = now
    return { ...changes, acquireTime: now, leaseTransitions: record ? (record.spec.leaseTransitions ?? 0) + 1 : 0 }
  }

  #released(): LeaseSpec {
    const now = this.#stamp()
    return { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now }
  }

  /**
   * Writes what `change` makes of the record, read anew unless it is our own last write; begins again when somebody was faster.
   * The time at which the write was sent, or undefined when there was nothing to write.
   */
  async #compareAndSet(
    change: (record: LeaseRecord | undefined) => LeaseSpec | undefined,
  ): Promise<number | undefined> {
    for (let tries = 1; ; tries++) {
      const record = this.#isFresh ? this.#record : await this.#read()
      this.#isFresh = false
      const spec = change(record)
      if (!spec) return undefined
      const sentAt = this.#world.clock.now()
      try {
        this.#see(leaseSchema.parse(await this.#write(record, spec)))
        this.#isFresh = true
        return sentAt
      } catch (error) {
        // Not found: it was deleted since it was read.
        const isConflict = error instanceof ApiError && (error.status === 409 || (error.status === 404 && record))
        if (!isConflict || tries === conflictTries) throw error
      }
    }
  }

  async #read(): Promise<LeaseRecord | undefined> {
    try {
      const record = leaseSchema.parse(await this.#ask({ path: `${this.#path}/${this.#options.name}` }))
      this.#see(record)
      return record
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error
      if (!this.#isMissing) this.#seenAt = this.#world.clock.now()
      this.#isMissing = true
      return undefined
    }
  }

  #write(record: LeaseRecord | undefined, spec: LeaseSpec): Promise<unknown> {
    const { namespace, name } = this.#options
    if (record) {
      const body = { ...record, spec: { ...record.spec, ...spec } }
      return this.#ask({ method: 'PUT', path: `${this.#path}/${name}`, body })
    }
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec }
    return this.#ask({ method: 'POST', path: this.#path, body })
  }

  #see(record: LeaseRecord): void {
    const isNew = this.#isMissing || !isDeepStrictEqual(record.spec, this.#record?.spec)
    if (isNew) this.#seenAt = this.#world.clock.now()
    this.#record = record
    this.#isMissing = false
  }

  get #path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases`
  }

  /** One request, given up after a while whatever the client does. */
  async #ask(request: ApiRequest): Promise<unknown> {
    const { api, clock } = this.#world
    const controller = new AbortController()
    this.#request = controller
    const { signal } = controller
    const timer = clock.after(requestMs, () => controller.abort(new Error('the API server did not answer in time')))
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
    try {
      return await Promise.race([api.request({ ...request, signal }), aborted])
    } finally {
      timer.cancel()
    }
  }

  #tell(problem: string): void {
    if (problem !== this.#problem) this.#world.log.warn({ problem }, 'the Lease cannot be read or written')
    this.#problem = problem
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stopped) return resolve()
      this.#pause = { timer: this.#world.clock.after(milliseconds, resolve), resume: resolve }
    })
  }

  /** MicroTime. Its last three digits are chance, so that no two terms of one identity begin alike. */
  #stamp(): string {
    const digits = String(Math.floor(this.#world.random() * 1000)).padStart(3, '0')
    return new Date(this.#world.wallClock()).toISOString().replace('Z', `${digits}Z`)
  }
}

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
