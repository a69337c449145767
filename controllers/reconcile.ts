/**
 * The only loop: view -> plan -> speaker. Each change is planned at the cost of what changed and given to the speaker as a difference;
 * now and then the whole plan is made anew and compared, and must be the same. What is wrong is told when it appears and when it is
 * mended, not each time.
 */

import { isDeepStrictEqual } from 'node:util'
import { formatPrefix, type Prefix } from 'bgp-ts'
import type { ApplyReport, Clock, Desired, Log, Speaker, Timer } from '../speaker/index.ts'
import type { Passwords } from './annotations/passwords.ts'
import { toDesired } from './desired.ts'
import { type Finding, formatFinding } from './findings.ts'
import { LivePlan } from './live-plan.ts'
import { NodeLife } from './node-life.ts'
import type { Plan } from './plan/model.ts'
import type { Circumstances } from './plan/node-life.ts'
import type { PlanOptions } from './plan/options.ts'
import { type NodePlan, plan } from './plan/plan.ts'
import { viewChange } from './source/store.ts'
import type { View, ViewChange } from './view.ts'

export interface ReconcilerWorld {
  readonly log: Log
  readonly clock: Clock
  readonly speaker: Speaker
  /** What the sessions of a plan become: where its addresses are played by others, as in the lab, or where peers have policies of their own. */
  readonly place?: (desired: Desired) => Desired
  readonly probeProxy?: () => Promise<string | undefined>
  readonly passwords?: Passwords
}

/** What others hear after each plan. */
export interface Planned {
  readonly view: View
  readonly change: ViewChange
  readonly node: NodePlan | undefined
  readonly circumstances: Circumstances | undefined
  /** Findings that are new, and the texts of those that are mended. */
  readonly news: readonly Finding[]
  readonly mended: readonly Finding[]
}

/** A plan that the speaker was given. Milliseconds of the clock. */
export interface Applied {
  /** When what changed came in. */
  readonly beganAt: number
  readonly plannedAt: number
  readonly report: ApplyReport
  /** Prefixes that came or changed, and that went; empty where the whole plan was given anew. */
  readonly set: readonly Prefix[]
  readonly withdrawn: readonly Prefix[]
}

/** A quarter of an hour between looks; what they cost is what a start costs. */
const selfCheckMs = 900_000
const nothing: ViewChange = { nodes: new Set(), services: new Set(), endpointSlices: new Set() }

export class Reconciler {
  readonly #world: ReconcilerWorld
  readonly #options: PlanOptions
  #live: LivePlan
  /** The next plan is applied whole: what the speaker has is not known to be what the last one said. */
  #isWhole = true
  /** The live plan knows nothing yet: every object is new to it. */
  #isFresh = true
  readonly #life: NodeLife
  readonly #known = new Map<string, Finding>()
  readonly #listeners = new Set<(planned: Planned) => void>()
  readonly #appliedListeners = new Set<(applied: Applied) => void>()
  #view: View | undefined
  #circumstances: Circumstances | undefined
  #sourceFindings: readonly Finding[] = []
  readonly #otherFindings = new Map<string, readonly Finding[]>()
  #desired: Pick<Desired, 'local' | 'peers'> | undefined
  #selfCheck: Timer | undefined
  #repairs = 0
  #stopped = false

  constructor(world: ReconcilerWorld, options: PlanOptions) {
    this.#world = world
    this.#options = options
    this.#live = new LivePlan(options)
    this.#life = new NodeLife(world, options, () => {
      const view = this.#view
      if (view && !this.#stopped) this.#guarded(() => this.#plan(view, nothing))
    })
    world.passwords?.onChange(() => this.#takePasswords())
  }

  get plan(): Plan | undefined {
    return this.#live.plan
  }

  get view(): View | undefined {
    return this.#view
  }

  get findings(): readonly Finding[] {
    return [...this.#sourceFindings, ...this.#live.findings, ...[...this.#otherFindings.values()].flat()]
  }

  /** Takes what another controller finds wrong, in place of what it found before. */
  noteFindings(controller: string, findings: readonly Finding[]): void {
    this.#otherFindings.set(controller, findings)
    if (this.#view && !this.#stopped) this.#tell(this.#view, nothing)
  }

  /** What `place` makes of the sessions is other than it was: they are declared anew. Undefined while nothing is said to anybody. */
  declareAgain(): ApplyReport | undefined {
    if (this.#stopped || !this.#desired || !this.#live.node?.local) return undefined
    const desired = this.#newDesired()
    if (!desired) return undefined
    this.#desired = desired
    const report = this.#world.speaker.change({ ...desired, set: [], withdrawn: [] })
    this.#tellChanges(report)
    return report
  }

  /** Times that the periodic look found another plan than the one in force: has to stay 0. */
  get repairs(): number {
    return this.#repairs
  }

  onPlanned(listener: (planned: Planned) => void): void {
    this.#listeners.add(listener)
  }

  /** Calls `listener` after each plan that the speaker took. */
  onApplied(listener: (applied: Applied) => void): void {
    this.#appliedListeners.add(listener)
  }

  /** Takes a view, of which `change` changed since the last one, and makes it so. */
  take(view: View, change: ViewChange | undefined, sourceFindings: readonly Finding[]): void {
    if (this.#stopped) return
    const before = this.#view
    this.#view = view
    this.#sourceFindings = sourceFindings
    this.#guarded(() => this.#plan(view, change ?? viewChange(before, view)))
    if (!before) this.#checkLater()
  }

  /** A mistake of ours must not take sessions down: the state in force stays, and the next change is planned from scratch. */
  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#world.log.error(
        { err: error },
        'planning failed: what is in force stays, the next change is planned from scratch',
      )
      this.#live = new LivePlan(this.#options, this.#live.memory)
      this.#isFresh = true
      this.#isWhole = true
    }
  }

  stop(): void {
    this.#stopped = true
    this.#life.stop()
    this.#selfCheck?.cancel()
  }

  #plan(view: View, seen: ViewChange): void {
    const beganAt = this.#world.clock.now()
    const change = this.#isFresh ? viewChange(undefined, view) : seen
    const { sessions, set, withdrawn } = this.#live.take(view, change, (node) => {
      this.#circumstances = this.#life.at(node)
      return this.#circumstances
    })
    this.#isFresh = false
    const { node } = this.#live
    this.#tell(view, change)
    if (!node?.local) {
      // Nothing is said now, so what changes meanwhile is not said one by one later.
      this.#isWhole = true
      return
    }
    const isFirst = this.#desired === undefined
    if (sessions || isFirst || this.#isWhole) this.#desired = this.#newDesired()
    const { speaker } = this.#world
    const desired = this.#desired
    const routes = this.#isWhole ? this.#live.plan?.routes : undefined
    if (!desired) return
    const plannedAt = this.#world.clock.now()
    const report = routes ? speaker.apply({ ...desired, routes }) : speaker.change({ ...desired, set, withdrawn })
    this.#tellChanges(report)
    const prefixes = routes ? { set: [], withdrawn: [] } : { set: set.map(({ prefix }) => prefix), withdrawn }
    for (const listener of this.#appliedListeners) listener({ beganAt, plannedAt, report, ...prefixes })
    this.#isWhole = false
    // The first whole view is in: routers may now drop what is not in it.
    if (isFirst) speaker.releaseEndOfRib()
  }

  /** The sessions as they should be; `local` stays the same object while it is the same. */
  #newDesired(): Pick<Desired, 'local' | 'peers'> | undefined {
    const { node } = this.#live
    if (!node) return undefined
    const { place = (same) => same } = this.#world
    const desired = toDesired(node, this.#options, this.#world.passwords)
    if (!desired) return undefined
    const { local, peers } = place({ ...desired, routes: [] })
    const before = this.#desired?.local
    return { peers, local: before && isDeepStrictEqual(before, local) ? before : local }
  }

  /** Keys are no part of the plan: only the sessions are declared anew. */
  #takePasswords(): void {
    if (this.#stopped || !this.#desired) return
    this.#guarded(() => {
      this.#desired = this.#newDesired() ?? this.#desired
      if (this.#desired) this.#tellChanges(this.#world.speaker.change({ ...this.#desired, set: [], withdrawn: [] }))
    })
  }

  #checkLater(): void {
    this.#selfCheck = this.#world.clock.after(selfCheckMs, () => {
      this.#guarded(() => this.#check())
      this.#checkLater()
    })
  }

  /** Makes the whole plan anew, and puts right what is other than it. */
  #check(): void {
    const view = this.#view
    const live = this.#live.plan
    if (!view || !live?.local || !this.#desired) return
    const fresh = plan(view, this.#options, this.#live.memory, this.#circumstances)
    const routesOf = (one: Plan) => one.routes.map(({ prefix, nextHop }) => `${formatPrefix(prefix)} ${nextHop}`).sort()
    const report = this.#world.speaker.apply({ ...this.#desired, routes: fresh.routes })
    const differs = report.routes.added + report.routes.withdrawn + report.routes.changed > 0
    if (!differs && isDeepStrictEqual(routesOf(fresh), routesOf(live))) return
    this.#repairs++
    this.#world.log.error({ ...report.routes }, 'the plan in force was not the plan of the objects: mended')
  }

  #tellChanges({ peers, routes }: ApplyReport): void {
    const { log } = this.#world
    for (const { name, why } of peers.reset) log.warn({ peer: name, why }, 'session reset by a change of configuration')
    const total = routes.added + routes.withdrawn + routes.changed + peers.added.length + peers.removed.length
    if (total > 0) log.info({ ...routes, peersAdded: peers.added, peersRemoved: peers.removed }, 'plan applied')
  }

  #tell(view: View, change: ViewChange): void {
    const { log } = this.#world
    const now = new Map(this.findings.map((one) => [formatFinding(one), one]))
    const news = [...now].flatMap(([text, one]) => (this.#known.has(text) ? [] : [one]))
    const mended = [...this.#known].flatMap(([text, one]) => (now.has(text) ? [] : [one]))
    for (const one of news) log[one.severity === 'error' ? 'error' : 'warn'](one, formatFinding(one))
    for (const one of mended) log.info({ mended: formatFinding(one) }, 'a finding is gone')
    this.#known.clear()
    for (const [text, one] of now) this.#known.set(text, one)
    for (const listener of this.#listeners) {
      try {
        listener({ view, change, node: this.#live.node, circumstances: this.#circumstances, news, mended })
      } catch (error) {
        log.error({ err: error }, 'a listener to plans failed')
      }
    }
  }
}
