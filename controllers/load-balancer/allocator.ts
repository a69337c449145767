/**
 * Keeps the addresses of services as `allocate` has them, while this process leads: writes `status.loadBalancer.ingress`, and nothing else.
 *
 * The view is behind what was written: what is known beyond it is a claim (`claims.ts`). Every write says what it found there and fails
 * if that has changed; after any failure the server is asked what it has now, and all is judged anew.
 */

import { isDeepStrictEqual } from 'node:util'
import type { Prefix } from 'bgp-ts'
import type { Clock, Log, Random, Timer } from '../../speaker/index.ts'
import { type ApiClient, ApiError } from '../api/client.ts'
import { type Finding, finding } from '../findings.ts'
import type { ServiceView } from '../view.ts'
import { type AllocateOptions, allocate, keyOf } from './allocate.ts'
import { type Claim, isOver, newClaim, overlaid } from './claims.ts'
import { ingressPatch, ipsOf, listServices, readService, sameIps, servicePath } from './service-requests.ts'

export interface AllocatorWorld {
  readonly clock: Clock
  readonly random: Random
  readonly api: ApiClient
  readonly log: Log
  /** Asked before each write, for a process that was suspended while it led. */
  readonly isLeader?: () => boolean
}

export interface AllocatorOptions extends AllocateOptions {
  readonly pools: readonly Prefix[]
}

/** What changes together is judged once. */
const settleMs = 100
/** At most about a tenth of the time is spent on judging, however many services there are. */
const restPerRun = 9
const writesAtOnce = 4
/** A view that does not show a write after this long may have missed more than that. */
const recheckMs = 30_000
const backoffMs = { first: 1000, most: 60_000 }

export class Allocator {
  readonly #world: AllocatorWorld
  readonly #options: AllocatorOptions
  readonly #onFindings: (findings: readonly Finding[]) => void
  readonly #claims = new Map<string, Claim>()
  #services: ReadonlyMap<string, ServiceView> | undefined
  #allocationFindings: readonly Finding[] = []
  #listFinding: Finding | undefined
  #told: readonly Finding[] = []
  /** Of the time that we lead: aborted when that ends. */
  #term: AbortController | undefined
  #listing: 'no' | 'running' | 'done' = 'no'
  #listFailures = 0
  #timers = new Set<Timer>()
  #settling: Timer | undefined
  #restMs = settleMs

  /** `onFindings` is called with all of them whenever one comes or goes. */
  constructor(
    world: AllocatorWorld,
    options: AllocatorOptions,
    onFindings: (findings: readonly Finding[]) => void = () => {},
  ) {
    this.#world = world
    this.#options = options
    this.#onFindings = onFindings
  }

  get findings(): readonly Finding[] {
    const failing = [...this.#claims.values()].flatMap(({ known, wanted, problem }) => {
      if (!wanted || problem === undefined) return []
      const object = `service/${keyOf(known)}`
      return [finding('addresses-not-written', object, 'status.loadBalancer.ingress', wanted.join(', '), { problem })]
    })
    return [...(this.#listFinding ? [this.#listFinding] : []), ...this.#allocationFindings, ...failing]
  }

  /** All services, by `namespace/name`: at first and whenever one changes. The map may be the same one each time. */
  take(services: ReadonlyMap<string, ServiceView>): void {
    this.#services = services
    this.#begin()
    this.#soon()
  }

  /** Begins to hand out addresses, or ends at once. Nobody else may while this one does. */
  lead(leads: boolean): void {
    if (leads === (this.#term !== undefined)) return
    if (leads) {
      this.#term = new AbortController()
      this.#begin()
      return
    }
    this.#term?.abort(new Error('leads no more'))
    this.#term = undefined
    this.#listing = 'no'
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#settling = undefined
    this.#claims.clear()
    this.#allocationFindings = []
    this.#listFinding = undefined
    this.#tellFindings()
  }

  stop(): void {
    this.lead(false)
  }

  #begin(): void {
    if (!this.#term || !this.#services || this.#listing !== 'no') return
    this.#listing = 'running'
    void this.#list(this.#term.signal)
  }

  /** Whoever led before may have written what our view does not show yet: the server is asked for everything once. */
  async #list(term: AbortSignal): Promise<void> {
    try {
      const listed = await listServices(this.#world.api, term)
      if (term.aborted) return
      this.#listing = 'done'
      this.#listFailures = 0
      this.#listFinding = undefined
      for (const known of listed) {
        const shown = this.#services?.get(keyOf(known))
        if (ipsOf(known).length === 0 && !shown) continue
        if (shown && sameIps(ipsOf(shown), ipsOf(known))) continue
        const claim = newClaim(known, !shown)
        this.#claims.set(keyOf(known), claim)
        this.#askLater(claim, recheckMs)
      }
      this.#soon()
    } catch (error) {
      if (term.aborted) return
      this.#listFinding = finding('services-not-listed', 'services', 'items', 'list', { problem: textOf(error) })
      this.#after(this.#backoff(this.#listFailures++, error), () => void this.#list(term))
    }
    this.#tellFindings()
  }

  #soon(): void {
    if (this.#listing !== 'done' || this.#settling) return
    this.#settling = this.#after(this.#restMs, () => {
      this.#settling = undefined
      const startedAt = this.#world.clock.now()
      this.#judge()
      this.#restMs = Math.max(settleMs, restPerRun * (this.#world.clock.now() - startedAt))
    })
  }

  /** Gives every service what it lacks, with what is known beyond the view. */
  #judge(): void {
    // One that failed keeps count of its failures until it is known that there is nothing more to write.
    this.#dropOver(({ failures, known }) => failures === 0 || this.#services?.get(keyOf(known))?.uid !== known.uid)
    const services = overlaid(this.#services ?? new Map(), this.#claims)
    const { assignments, findings } = allocate(services, this.#options.pools, this.#options)
    this.#allocationFindings = findings
    for (const { key, ingress } of assignments) {
      const known = this.#services?.get(key)
      const claim = this.#claims.get(key) ?? (known && newClaim(known))
      if (!claim) continue
      this.#claims.set(key, claim)
      const isResting = claim.step === 'waiting' && claim.wanted === undefined
      claim.wanted = ingress
      if (!isResting) continue
      this.#cancel(claim)
      claim.step = 'write'
    }
    this.#dropOver(() => true)
    this.#tellFindings()
    this.#pump()
  }

  #dropOver(which: (claim: Claim) => boolean): void {
    for (const [key, claim] of this.#claims)
      if (which(claim) && isOver(claim, this.#services?.get(key))) this.#drop(key, claim)
  }

  #pump(): void {
    let busy = [...this.#claims.values()].filter(({ step }) => step === 'busy').length
    for (const [key, claim] of this.#claims) {
      if (busy >= writesAtOnce) return
      if (claim.step !== 'write' && claim.step !== 'ask') continue
      busy++
      void this.#perform(key, claim)
    }
  }

  async #perform(key: string, claim: Claim): Promise<void> {
    const term = this.#term?.signal
    if (!term || !(this.#world.isLeader?.() ?? true)) return
    const written = claim.step === 'write' ? claim.wanted : undefined
    const path = servicePath(claim.known)
    const request = written ? ingressPatch(claim.known, written) : { path }
    claim.step = 'busy'
    try {
      const known = readService(await this.#world.api.request({ ...request, signal: term }))
      if (this.#holds(key, claim, term)) this.#heard(claim, known, written)
    } catch (error) {
      if (this.#holds(key, claim, term)) this.#failed(key, claim, error)
    }
    if (term.aborted) return
    // What an answer means for the findings is known when it was judged.
    if (written || claim.problem === undefined) this.#tellFindings()
    this.#pump()
  }

  #holds(key: string, claim: Claim, term: AbortSignal): boolean {
    return !term.aborted && this.#claims.get(key) === claim
  }

  #heard(claim: Claim, known: ServiceView, written: readonly string[] | undefined): void {
    claim.known = known
    if (written) {
      claim.failures = 0
      claim.problem = undefined
      this.#world.log.info({ service: keyOf(known), ingress: ipsOf(known) }, 'load-balancer addresses written')
      // Something else was wanted meanwhile.
      if (claim.wanted !== written) {
        claim.step = 'write'
        return
      }
    }
    claim.wanted = undefined
    this.#askLater(claim, recheckMs)
    // What the server has now may be less than what was wanted.
    if (!written) this.#soon()
  }

  #failed(key: string, claim: Claim, error: unknown): void {
    if (error instanceof ApiError && error.status === 404) {
      this.#drop(key, claim)
      return
    }
    const problem = textOf(error)
    if (problem !== claim.problem) {
      this.#world.log.warn({ service: key, problem }, 'load-balancer addresses could not be written')
    }
    claim.problem = problem
    this.#askLater(claim, this.#backoff(claim.failures++, error))
  }

  #askLater(claim: Claim, milliseconds: number): void {
    claim.step = 'waiting'
    claim.timer = this.#after(milliseconds, () => {
      claim.step = 'ask'
      this.#pump()
    })
  }

  #drop(key: string, claim: Claim): void {
    this.#cancel(claim)
    if (this.#claims.get(key) === claim) this.#claims.delete(key)
  }

  #cancel(claim: Claim): void {
    claim.timer?.cancel()
    if (claim.timer) this.#timers.delete(claim.timer)
  }

  #after(milliseconds: number, run: () => void): Timer {
    const timer = this.#world.clock.after(milliseconds, () => {
      this.#timers.delete(timer)
      run()
    })
    this.#timers.add(timer)
    return timer
  }

  #backoff(failures: number, error: unknown): number {
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
    const most = Math.min(backoffMs.most, backoffMs.first * 2 ** failures)
    return Math.max(asked, most * (0.5 + this.#world.random() / 2))
  }

  #tellFindings(): void {
    const now = this.findings
    if (isDeepStrictEqual(now, this.#told)) return
    this.#told = now
    this.#onFindings(now)
  }
}

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
