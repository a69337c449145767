/** A clock that jumps: time passes only when a test says so, and everything that is due happens in order. */

import type { Clock, Timer } from '../../speaker/index.ts'

interface Entry {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

export class VirtualClock implements Clock {
  #now = 0
  #order = 0
  readonly #entries = new Set<Entry>()

  now(): number {
    return this.#now
  }

  /** Timers that are still to come: a stopped speaker must leave none. */
  get pending(): number {
    return this.#entries.size
  }

  after(delayMs: number, run: () => void): Timer {
    const entry = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run }
    this.#entries.add(entry)
    return { cancel: () => void this.#entries.delete(entry) }
  }

  /** Lets this much time pass. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#entries.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.run()
    }
    this.#now = end
  }

  #next(end: number): Entry | undefined {
    let first: Entry | undefined
    for (const entry of this.#entries) {
      if (entry.at > end) continue
      if (!first || entry.at < first.at || (entry.at === first.at && entry.order < first.order)) first = entry
    }
    return first
  }
}
