/**
 * The only loop: view -> plan -> speaker. Each change of the view makes the whole plan anew, so a missed event cannot leave the
 * daemon wrong for ever; the speaker finds the difference. What is wrong is logged when it appears and when it is mended, not each time.
 */

import type { ApplyReport, Desired, Log, Speaker } from '../speaker/index.ts'
import { toDesired } from './desired.ts'
import { type Finding, formatFinding } from './findings.ts'
import type { Plan } from './plan/model.ts'
import type { PlanOptions } from './plan/options.ts'
import { plan } from './plan/plan.ts'
import type { View } from './view.ts'

export interface ReconcilerWorld {
  readonly log: Log
  readonly speaker: Speaker
  /** Where the plan's addresses are played by others, as in the lab: puts them in their place. */
  readonly place?: (desired: Desired) => Desired
}

export class Reconciler {
  readonly #world: ReconcilerWorld
  readonly #options: PlanOptions
  readonly #known = new Map<string, Finding>()
  #plan: Plan | undefined
  #view: View | undefined
  #sourceFindings: readonly Finding[] = []

  constructor(world: ReconcilerWorld, options: PlanOptions) {
    this.#world = world
    this.#options = options
  }

  get plan(): Plan | undefined {
    return this.#plan
  }

  get view(): View | undefined {
    return this.#view
  }

  get findings(): readonly Finding[] {
    return [...this.#sourceFindings, ...(this.#plan?.findings ?? [])]
  }

  /** Takes a whole new view, and makes it so. */
  take(view: View, sourceFindings: readonly Finding[]): void {
    this.#view = view
    this.#sourceFindings = sourceFindings
    const next = plan(view, this.#options, this.#plan?.settings)
    this.#plan = next
    this.#tellFindings()
    const desired = toDesired(next, this.#options)
    if (!desired) return
    const { speaker, place = (same) => same } = this.#world
    this.#tellChanges(speaker.apply(place(desired)))
    // The first whole view is in: routers may now drop what is not in it.
    speaker.releaseEndOfRib()
  }

  #tellChanges({ peers, routes }: ApplyReport): void {
    const { log } = this.#world
    for (const { name, why } of peers.reset) log.warn({ peer: name, why }, 'session reset by a change of configuration')
    const total = routes.added + routes.withdrawn + routes.changed + peers.added.length + peers.removed.length
    if (total > 0) log.info({ ...routes, peersAdded: peers.added, peersRemoved: peers.removed }, 'plan applied')
  }

  #tellFindings(): void {
    const now = new Map(this.findings.map((one) => [formatFinding(one), one]))
    for (const [text, one] of now) {
      if (!this.#known.has(text)) this.#world.log[one.severity === 'error' ? 'error' : 'warn'](one, text)
    }
    for (const text of this.#known.keys()) {
      if (!now.has(text)) this.#world.log.info({ mended: text }, 'a finding is gone')
    }
    this.#known.clear()
    for (const [text, one] of now) this.#known.set(text, one)
  }
}
