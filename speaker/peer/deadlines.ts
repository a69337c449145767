/**
 * Named deadlines over one clock. Moving a deadline later writes a number and touches no timer,
 * because the hold timer is moved with every message that comes in.
 */

import type { Clock, Timer } from '../world.ts'

export class Deadlines<Name extends string> {
  readonly #clock: Clock
  readonly #due: (name: Name) => void
  readonly #at = new Map<Name, number>()
  #timer: Timer | undefined
  #wakesAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, due: (name: Name) => void) {
    this.#clock = clock
    this.#due = due
  }

  arm(name: Name, delayMs: number): void {
    const at = this.#clock.now() + delayMs
    this.#at.set(name, at)
    if (at < this.#wakesAt) this.#wake(at)
  }

  disarm(name: Name): void {
    this.#at.delete(name)
    if (this.#at.size === 0) this.clear()
  }

  isArmed(name: Name): boolean {
    return this.#at.has(name)
  }

  clear(): void {
    this.#at.clear()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#wakesAt = Number.POSITIVE_INFINITY
  }

  #wake(at: number): void {
    this.#timer?.cancel()
    this.#wakesAt = at
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => this.#fire())
  }

  #fire(): void {
    this.#timer = undefined
    this.#wakesAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    const due = [...this.#at].filter(([, at]) => at <= now)
    for (const [name] of due) {
      // What an earlier one did may have moved or removed this one.
      if ((this.#at.get(name) ?? Number.POSITIVE_INFINITY) > now) continue
      this.#at.delete(name)
      this.#due(name)
    }
    const next = Math.min(...this.#at.values())
    if (Number.isFinite(next) && next < this.#wakesAt) this.#wake(next)
  }
}
