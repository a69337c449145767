/** How late the event loop was: what a keepalive, a peer's octets or a question had to wait for other work. */

import { monitorEventLoopDelay } from 'node:perf_hooks'

/** A look every so many milliseconds. */
const resolutionMs = 10
const quantiles = [0.5, 0.99, 0.999, 1]

/** Seconds, by quantile; 1 is the most. */
export type LoopDelays = readonly { readonly quantile: number; readonly seconds: number }[]

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
    const delays = quantiles.map((quantile) => ({ quantile, seconds: late(histogram.percentile(quantile * 100)) }))
    histogram.reset()
    return delays
  }

  stop(): void {
    this.#histogram.disable()
  }
}
