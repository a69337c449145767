/** Finds a connection that only looks alive: one on which nothing is heard for too long. */

import type { Clock, Timer } from '../../speaker/index.ts'

/** Barks once when nothing was heard for `limitMs`. */
export class Watchdog {
  limitMs: number
  readonly #clock: Clock
  readonly #bark: () => void
  #heardAt: number
  #timer: Timer

  constructor(clock: Clock, limitMs: number, bark: () => void) {
    this.limitMs = limitMs
    this.#clock = clock
    this.#bark = bark
    this.#heardAt = clock.now()
    this.#timer = this.#look()
  }

  heard(): void {
    this.#heardAt = this.#clock.now()
  }

  stop(): void {
    this.#timer.cancel()
  }

  // Looking now and then costs less than a timer for each event.
  #look(): Timer {
    return this.#clock.after(5000, () => {
      if (this.#clock.now() - this.#heardAt >= this.limitMs) this.#bark()
      else this.#timer = this.#look()
    })
  }
}
