/**
 * Long work in slices: no step holds the event loop for longer than a few milliseconds,
 * so that keepalives, the admin socket and other peers' octets get their turn (see GoBGP 3238 for what happens otherwise).
 */

import type { Clock, Timer } from './world.ts'

const sliceMs = 3

/** Works until `overdue()` says that its time is up; true when there is nothing left to do. */
export type Job = (overdue: () => boolean) => boolean

export class Jobs {
  readonly #clock: Clock
  readonly #queue = new Set<Job>()
  readonly #delayed = new Set<Timer>()
  #timer: Timer | undefined
  #stopped = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Queues a job, `delayMs` from now; one that is queued already is not queued twice. */
  add(job: Job, delayMs = 0): void {
    if (this.#stopped) return
    if (delayMs > 0) {
      const timer = this.#clock.after(delayMs, () => {
        this.#delayed.delete(timer)
        this.add(job)
      })
      this.#delayed.add(timer)
      return
    }
    this.#queue.add(job)
    this.#timer ??= this.#clock.after(0, () => this.#run())
  }

  stop(): void {
    this.#stopped = true
    this.#queue.clear()
    for (const timer of this.#delayed) timer.cancel()
    this.#delayed.clear()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #run(): void {
    this.#timer = undefined
    const end = this.#clock.now() + sliceMs
    const overdue = () => this.#clock.now() >= end
    for (const job of Array.from(this.#queue)) {
      this.#queue.delete(job)
      if (!job(overdue)) this.#queue.add(job)
      if (overdue()) break
    }
    if (this.#queue.size > 0) this.#timer ??= this.#clock.after(0, () => this.#run())
  }
}
