/**
 * The routes of one family in the kernel: what changes is marked, marks become batches in slices, one batch at a time is on its way.
 * The kernel is the truth: it is read at the start, whenever somebody else was at our routes, when links change, and now and then.
 *
 * After a start nothing that is there is touched before the peers have said all they have; so a restart moves no route that is right.
 */

import type { Family, Prefix } from 'bgp-ts'
import type { Jobs } from '../jobs.ts'
import { Deadlines } from '../peer/deadlines.ts'
import type { FamilyRib } from '../rib/rib.ts'
import type { Clock, Log } from '../world.ts'
import { decide, land, type Sent, type Terms, wreck } from './batch.ts'
import type { Choice } from './choice.ts'
import { type HopSets, noSet } from './hop-sets.ts'
import {
  batchSize,
  isOurs,
  type Kernel,
  type KernelChange,
  type KernelEvent,
  type KernelFault,
  type KernelRoute,
  mainTable,
} from './kernel.ts'
import { KernelTable, status } from './kernel-table.ts'
import { contested, look, type Seen } from './look.ts'
import type { NextHops } from './next-hops.ts'

/** What the lanes of both families share. */
export interface KernelWork {
  readonly kernel: Kernel
  readonly clock: Clock
  readonly log: Log
  readonly jobs: Jobs
  readonly hops: NextHops
  readonly sets: HopSets
  readonly choice: Choice
  /** Links changed so that routes of either family may be other ones. */
  onLinks(): void
}

/** `reading`: what is there is not known yet; `settling`: what was there stays; `synced`: what is there is what the peers want. */
export type Phase = 'reading' | 'settling' | 'synced'

type Deadline = 'flush' | 'resume' | 'retry' | 'link' | 'suspicion' | 'peace' | 'routine'

/** Changes that come together share a batch. */
const gatherMs = 5
/** By then a difference that only our own late echo made is gone. */
const shortestSuspicionMs = 250
const longestSuspicionMs = 30_000
const peaceMs = 60_000
/** A link that changes says so more than once. */
const linkMs = 500
const shortestRetryMs = 1000
const longestRetryMs = 300_000
const deniedMs = 60_000
/** A quarter of an hour between looks that nothing calls for. */
const routineMs = 900_000

export class FamilyRoutes {
  readonly family: Family
  readonly table: KernelTable
  readonly rib: FamilyRib
  readonly #work: KernelWork
  readonly #deadlines: Deadlines<Deadline>
  #leftovers: KernelChange[] = []
  /** Prefixes whose last echo was not what we left there. */
  readonly #suspects = new Set<string>()
  /** What keeps everything out: in reading, or in writing. */
  readonly #troubles = new Map<'read' | 'write', string>()
  #phase: Phase = 'reading'
  #busy = false
  #lookDue = false
  #stopped = false
  #repaired = 0
  #suspicionMs = shortestSuspicionMs
  #retryMs = shortestRetryMs
  #flight: Promise<void> = Promise.resolve()
  #unwatch: (() => void) | undefined

  constructor(work: KernelWork, rib: FamilyRib, seed: number) {
    this.#work = work
    this.rib = rib
    this.family = rib.family
    this.table = new KernelTable(rib.family, seed, work.sets)
    this.#deadlines = new Deadlines(work.clock, (name) => this.#due(name))
  }

  get phase(): Phase {
    return this.#phase
  }

  /** What keeps all routes of the family out of the kernel. */
  get trouble(): string | undefined {
    return this.#troubles.get('read') ?? this.#troubles.get('write')
  }

  /** Routes that others took away or changed, and that were put back. */
  get repaired(): number {
    return this.#repaired
  }

  start(): void {
    // Before the first look: what changes during it must not be missed.
    this.#unwatch = this.#work.kernel.watch(this.family, (event) => this.#event(event))
    this.#look()
  }

  /** Leaves all routes as they are. Resolves when nothing is on its way any more. */
  stop(): Promise<void> {
    this.#stopped = true
    this.#unwatch?.()
    this.#deadlines.clear()
    return this.#flight
  }

  /** A path of a row of the RIB came, went or changed. */
  touch(row: number): void {
    if (this.#stopped) return
    const { prefixes } = this.rib
    const [w0, w1, w2, w3] = [prefixes.word0(row), prefixes.word1(row), prefixes.word2(row), prefixes.word3(row)]
    const own = this.table.add(w0, w1, w2, w3, prefixes.length(row))
    // Other paths may do where the last ones did not.
    if (this.table.status(own) >= status.occupied) this.table.setStatus(own, status.none)
    this.table.mark(own)
    this.#schedule()
  }

  /** Looks at a prefix again, if it is known here. */
  reconsider(prefix: Prefix): void {
    const row = this.table.find(prefix)
    if (row < 0) return
    this.table.mark(row)
    this.#schedule()
  }

  reconsiderAll(): void {
    this.#retryMs = shortestRetryMs
    this.#unrefuse()
    this.table.markAll()
    this.#schedule()
  }

  /** The peers have said all they have: what was there before and is not wanted goes. */
  settle(): void {
    if (this.#phase !== 'settling') return
    this.#phase = 'synced'
    for (const row of this.table.staleRows()) this.table.mark(row)
    // What a daemon that was killed had on its way may have landed after the first look.
    this.#look()
  }

  #due(name: Deadline): void {
    if (name === 'flush') this.#work.jobs.add(this.#slice)
    else if (name === 'resume') this.#next()
    else if (name === 'retry') this.#retry()
    else if (name === 'peace') this.#suspicionMs = shortestSuspicionMs
    else if (name !== 'suspicion' || this.#suspects.size > 0) this.#look()
  }

  get #isIdle(): boolean {
    return !this.#busy && !this.#stopped && !this.#deadlines.isArmed('resume')
  }

  #schedule(): void {
    if (this.#isIdle && this.#phase !== 'reading' && !this.#deadlines.isArmed('flush')) {
      this.#deadlines.arm('flush', gatherMs)
    }
  }

  /** One slice: a batch, or as many rows as there was time for. True when nothing is left, or something has to land first. */
  readonly #slice = (overdue: () => boolean): boolean => {
    if (!this.#isIdle || this.#phase === 'reading') return true
    const terms = this.#terms()
    const batch: Sent[] = []
    for (let row = this.table.take(); row >= 0; row = this.table.take()) {
      const sent = decide(terms, row)
      if (sent) batch.push(sent)
      if (batch.length === batchSize || overdue()) break
    }
    if (this.#phase === 'synced' && this.table.pending === 0) {
      const some = this.#leftovers.splice(0, batchSize - batch.length)
      batch.push(...some.map((change) => ({ change, row: -1, before: noSet })))
    }
    if (batch.length === 0) return this.table.pending === 0
    this.#send(batch)
    return true
  }

  #terms(): Terms {
    const { kernel, choice, hops, sets } = this.#work
    const { rib, table } = this
    const { metric } = kernel.place
    return { rib, table, choice, hops, sets, metric, isSettling: this.#phase === 'settling' }
  }

  #send(batch: readonly Sent[]): void {
    this.#busy = true
    const { kernel, sets } = this.#work
    const changes = batch.map(({ change }) => change)
    this.#flight = kernel.apply(this.family, changes).then(
      (faults) => {
        land(this.table, sets, batch, faults)
        this.#landed(faults)
      },
      (error: unknown) => {
        wreck(this.table, sets, batch)
        this.#lookDue = true
        this.#troubled('write', error, this.#nextRetryMs())
        this.#freed()
      },
    )
  }

  #landed(faults: readonly KernelFault[]): void {
    const denied = faults.find(({ kind }) => kind === 'denied')
    if (denied) this.#troubled('write', `${denied.text}: the capability NET_ADMIN is missing`, deniedMs)
    else this.#wellAgain('write')
    if (faults.length === 0) this.#retryMs = shortestRetryMs
    const isToRetry = faults.some(({ kind }) => kind === 'exists' || kind === 'unreachable' || kind === 'refused')
    if (isToRetry && !this.#stopped && !this.#deadlines.isArmed('retry')) {
      this.#deadlines.arm('retry', this.#nextRetryMs())
    }
    this.#freed()
  }

  /** Nothing is on its way any more. */
  #freed(): void {
    this.#busy = false
    if (this.#isIdle) this.#next()
  }

  #next(): void {
    if (this.#lookDue) this.#look()
    else if (this.table.pending + this.#leftovers.length > 0) this.#work.jobs.add(this.#slice)
  }

  #troubled(of: 'read' | 'write', error: unknown, pauseMs: number): void {
    const trouble = error instanceof Error ? error.message : String(error)
    if (this.#troubles.get(of) !== trouble) {
      this.#work.log.error({ family: this.family, problem: trouble }, 'kernel routes: nothing can be done about them')
    }
    this.#troubles.set(of, trouble)
    if (!this.#stopped) this.#deadlines.arm('resume', pauseMs)
  }

  #wellAgain(of: 'read' | 'write'): void {
    if (this.#troubles.delete(of)) this.#work.log.info({ family: this.family }, 'kernel routes: the trouble is over')
  }

  #nextRetryMs(): number {
    const delay = this.#retryMs
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2)
    return delay
  }

  #retry(): void {
    this.#unrefuse()
    // Somebody is where a route of ours should be, and it has to be seen who.
    if (this.table.unexplainedRows().length > 0) this.#look()
    this.#schedule()
  }

  /** What the kernel refused is tried again. */
  #unrefuse(): void {
    const { table } = this
    if (table.count(status.refused) === 0) return
    for (const row of table.refusedRows()) {
      table.setStatus(row, status.none)
      table.mark(row)
    }
  }

  /** Reads what the kernel has. What is not as it was left is put right by the next batch. */
  #look(): void {
    this.#lookDue = !this.#isIdle
    if (!this.#isIdle) return
    this.#busy = true
    this.#suspects.clear()
    this.#deadlines.arm('routine', routineMs)
    const { kernel, sets } = this.#work
    this.#flight = look(kernel, this.family, this.table, sets, this.#phase === 'reading').then(
      (seen) => {
        this.#wellAgain('read')
        this.#seen(seen)
        this.#freed()
      },
      (error: unknown) => {
        this.#lookDue = true
        this.#troubled('read', error, this.#nextRetryMs())
        this.#freed()
      },
    )
  }

  #seen({ foreign, leftovers, links, missing, changed }: Seen): void {
    const { log, hops } = this.#work
    const { family } = this
    this.#leftovers = leftovers
    this.table.setAllForeign(foreign)
    if (hops.setLinks(family, links)) this.#work.onLinks()
    if (this.#phase === 'reading') {
      this.#phase = 'settling'
      log.info({ family, found: this.table.installedCount }, 'kernel routes: what an earlier run left was read')
    } else if (missing + changed > 0) {
      this.#repaired += missing + changed
      log.warn({ family, missing, changed }, 'kernel routes: others removed or changed routes of ours')
      // Two who fight over a route must not spend all their time on it.
      this.#suspicionMs = Math.min(longestSuspicionMs, this.#suspicionMs * 2)
      if (!this.#stopped) this.#deadlines.arm('peace', peaceMs)
    }
  }

  #event(event: KernelEvent): void {
    if (this.#stopped) return
    if (event.kind === 'route') {
      const { table } = event.route
      if (table === mainTable || table === this.#work.kernel.place.table) this.#routeEvent(event.route, event.gone)
    } else if (event.kind === 'link') {
      // Before all is in, it is not known whose next hops matter.
      const matters = this.#phase !== 'synced' || this.#work.hops.usesDevice(event.device)
      if (matters && !this.#deadlines.isArmed('link')) this.#deadlines.arm('link', linkMs)
    } else {
      this.#work.log.warn({ family: this.family, why: event.why }, 'kernel routes: changes were missed, reading all')
      if (!this.#deadlines.isArmed('link')) this.#deadlines.arm('link', linkMs)
    }
  }

  #routeEvent(route: KernelRoute, gone: boolean): void {
    const { kernel, hops } = this.#work
    if (isOurs(kernel.place, route)) {
      this.#echo(route, gone)
      return
    }
    if (route.onLink !== undefined && hops.changeLink(route, gone)) this.#work.onLinks()
    const row = contested(kernel, this.table, route)
    if (row < 0) return
    this.table.setForeign(row, gone ? undefined : route.protocol)
    this.#schedule()
  }

  /** Our own changes come back as we made them. What does not was done by somebody else, or is older than our last change. */
  #echo({ prefix, metric, hops }: KernelRoute, gone: boolean): void {
    if (metric !== this.#work.kernel.place.metric) return
    const row = this.table.find(prefix)
    const installed = row < 0 ? noSet : this.table.installed(row)
    const agrees = gone ? installed === noSet : this.#work.sets.is(installed, hops)
    if (agrees) {
      if (this.#suspects.size > 0) this.#suspects.delete(String(prefix))
      return
    }
    this.#suspects.add(String(prefix))
    if (!this.#deadlines.isArmed('suspicion')) this.#deadlines.arm('suspicion', this.#suspicionMs)
  }
}
