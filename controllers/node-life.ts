/**
 * The time in a node's life: how long a drain has lasted, and whether the gate has opened. The rules are in `plan/node-life.ts`;
 * here is only what a pure function cannot know.
 */

import type { Clock, Timer } from '../speaker/index.ts'
import { type Circumstances, type Drain, gateObstacle } from './plan/node-life.ts'
import type { PlanOptions } from './plan/options.ts'
import type { NodePlan } from './plan/plan.ts'

export interface NodeLifeWorld {
  readonly clock: Clock
  /** Asks the proxy's health port; undefined when it is well, otherwise why not. */
  readonly probeProxy?: () => Promise<string | undefined>
}

const probeEveryMs = 1000

export class NodeLife {
  readonly #world: NodeLifeWorld
  readonly #options: PlanOptions
  readonly #onChange: () => void
  #isFirst = true
  #drained: 'no' | 'announced' | 'withdrawn' = 'no'
  #drainTimer: Timer | undefined
  /** Once open it stays open: a node that forwards must not lose its VIPs over a late heartbeat. */
  #gateOpen: boolean
  #proxy: { problem: string | undefined } | undefined
  #probing = false
  #probeTimer: Timer | undefined
  #stopped = false

  /** `onChange` is called when time alone changed something. */
  constructor(world: NodeLifeWorld, options: PlanOptions, onChange: () => void) {
    this.#world = world
    this.#options = options
    this.#onChange = onChange
    this.#gateOpen = options.gate.length === 0
  }

  /** How things stand for this node now. */
  at({ drain, nodeView }: NodePlan): Circumstances {
    this.#follow(drain)
    const gate = this.#gateOpen || !nodeView ? undefined : this.#gateObstacle(nodeView)
    if (nodeView && gate === undefined) this.#gateOpen = true
    if (nodeView) this.#isFirst = false
    return { drain: this.#drained === 'announced' ? 'announced' : 'withdrawn', gate }
  }

  stop(): void {
    this.#stopped = true
    this.#drainTimer?.cancel()
    this.#probeTimer?.cancel()
  }

  #follow(drain: Drain | undefined): void {
    if (!drain) {
      this.#drainTimer?.cancel()
      this.#drained = 'no'
      return
    }
    if (this.#drained !== 'no') return
    // A daemon that starts on a drained node never brings its VIPs back for a moment.
    this.#drained = this.#isFirst || this.#options.drainWait === 0 ? 'withdrawn' : 'announced'
    if (this.#drained === 'withdrawn') return
    this.#drainTimer = this.#world.clock.after(this.#options.drainWait * 1000, () => {
      this.#drained = 'withdrawn'
      this.#onChange()
    })
  }

  #gateObstacle(node: NonNullable<NodePlan['nodeView']>): string | undefined {
    const obstacle = gateObstacle(node, this.#options.gate)
    if (obstacle !== undefined || !this.#options.gate.includes('proxy-health')) return obstacle
    if (!this.#proxy) this.#probe()
    const { problem } = this.#proxy ?? { problem: 'it was not asked yet' }
    return problem === undefined ? undefined : `the health port of the proxy says no: ${problem}`
  }

  #probe(): void {
    const { clock, probeProxy } = this.#world
    if (this.#probing || !probeProxy) return
    this.#probing = true
    void probeProxy().then((problem) => {
      this.#probing = false
      if (this.#stopped) return
      this.#proxy = { problem }
      if (problem !== undefined) this.#probeTimer = clock.after(probeEveryMs, () => this.#probe())
      this.#onChange()
    })
  }
}
