/** Loaded into the daemon before the daemon, in a run of its own: says on a Unix socket how late the event loop was, and begins anew. */

import { createServer } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Milliseconds. */
export interface Delay {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly most: number
}

const resolution = 1
const histogram = monitorEventLoopDelay({ resolution })
histogram.enable()

createServer((connection) => {
  // The interval of the measurement itself is no delay.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution)
  const delay: Delay = {
    p50: late(histogram.percentile(50)),
    p99: late(histogram.percentile(99)),
    p999: late(histogram.percentile(99.9)),
    most: late(histogram.max),
  }
  histogram.reset()
  connection.on('error', () => {})
  connection.end(JSON.stringify(delay))
}).listen(process.env['DELAY_PROBE'])
