/** The rows as metrics of prom-client, which knows how they are written. */

import { Counter, collectDefaultMetrics, Gauge, type Registry } from 'prom-client'
import type { Backend } from '../backend.ts'
import { bmpMetrics } from './bmp-metrics.ts'
import { compatMetrics } from './compat-metrics.ts'
import { daemonMetrics } from './daemon-metrics.ts'
import type { LoopDelay } from './loop-delay.ts'
import type { Metric, Reading } from './metric.ts'
import { peerMetrics } from './peer-metrics.ts'

export const metrics: readonly Metric[] = [...peerMetrics, ...daemonMetrics, ...bmpMetrics]

const foreignLoopDelays = ['', '_min', '_max', '_mean', '_stddev', '_p50', '_p90', '_p99'].map(
  (which) => `nodejs_eventloop_lag${which}_seconds`,
)

/** Enters all rows. What it returns is called before each scrape, so that all of them read the same state. */
export function enterMetrics(registry: Registry, backend: Backend, loop: LoopDelay, compat: boolean): () => void {
  let reading: Reading | undefined
  for (const row of compat ? [...metrics, ...compatMetrics] : metrics) enter(registry, row, () => reading)
  collectDefaultMetrics({ register: registry })
  // Ours has no interval of the measurement in it, and no nonsense in the first scrape.
  for (const name of foreignLoopDelays) registry.removeSingleMetric(name)
  return () => {
    const { plan, findings, sync } = backend
    reading = { speaker: backend.speaker.snapshot(), plan, findings, sync, loopDelays: loop.take() }
  }
}

function enter(registry: Registry, { name, type, help, labels, read }: Metric, reading: () => Reading | undefined) {
  const terms = { name, help, labelNames: [...labels], registers: [registry] }
  const samples = () => {
    const now = reading()
    return now ? read(now) : []
  }
  if (type === 'gauge') {
    new Gauge({
      ...terms,
      collect() {
        this.reset()
        for (const [value, own] of samples()) this.set(own, value)
      },
    })
    return
  }
  new Counter({
    ...terms,
    collect() {
      this.reset()
      for (const [value, own] of samples()) this.inc(own, value)
    },
  })
}
