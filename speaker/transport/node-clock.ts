/** The machine's clock. */

import type { Clock } from '../world.ts'

export const nodeClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, run) => {
    // Zero delays are for the next turn of the event loop, after sockets were read: a timer of 1 ms would be too slow a step.
    if (delayMs <= 0) {
      const immediate = setImmediate(run)
      return { cancel: () => clearImmediate(immediate) }
    }
    const timer = setTimeout(run, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}
