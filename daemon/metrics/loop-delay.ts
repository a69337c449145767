/** How late the event loop was: what a keepalive, a peer's octets or a question had to wait for other work. */

import { monitorEventLoopDelay } from 'node:perf_hooks'

/** A look every so many milliseconds. */
const resolutionMs = 10
const percentiles = [50, 99, 99.9, 100]

/** Seconds, by percentile; 100 is the most. */
export type LoopDelays = readonly { readonly percentile: number; readonly seconds: number }[]

export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs })

  start(): void {
    this.#histogram.enable()
  }

  /** Of the time since it was asked before; empty where there was no time for a look. */
  take(): LoopDelays {
    const histogram = this.#histogram
    if (histogram.count === 0) return []
    // The interval of the looks is no delay.
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000)
    const delays = percentiles.map((percentile) => ({ percentile, seconds: late(histogram.percentile(percentile)) }))
    histogram.reset()
    return delays
  }

  stop(): void {
    this.#histogram.disable()
  }
}
