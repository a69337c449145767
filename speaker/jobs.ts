/**
 * Long work in slices: no step holds the event loop for longer than a few milliseconds,
 * so that keepalives, the admin socket and other peers' octets get their turn (see GoBGP 3238 for what happens otherwise).
 */

import type { Clock, Timer } from './world.ts'

const sliceMs = 6

/** Works until `overdue()` says that its time is up; true when there is nothing left to do. */
export type Job = (overdue: () => boolean) => boolean

export class Jobs {
  readonly #clock: Clock
  readonly #queue = new Set<Job>()
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Queues a job, `delayMs` from now; one that is queued already is not queued twice. */
  add(job: Job, delayMs = 0): void {
    if (delayMs > 0) {
      this.#clock.after(delayMs, () => this.add(job))
      return
    }
    if (this.#stopped) return
    this.#queue.add(job)
    this.#timer ??= this.#clock.after(0, () => this.#run())
  }

  #stopped = false

  stop(): void {
    this.#stopped = true
    this.#queue.clear()
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
