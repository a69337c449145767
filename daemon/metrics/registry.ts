/** The rows as metrics of prom-client, which knows how they are written. */

import { Counter, collectDefaultMetrics, Gauge, type Registry } from 'prom-client'
import type { Backend } from '../backend.ts'
import { compatMetrics } from './compat-metrics.ts'
import { daemonMetrics } from './daemon-metrics.ts'
import type { Metric, Reading } from './metric.ts'
import { peerMetrics } from './peer-metrics.ts'

export const metrics: readonly Metric[] = [...peerMetrics, ...daemonMetrics]

/** Enters all rows. What it returns is called before each scrape, so that all of them read the same state. */
export function enterMetrics(registry: Registry, backend: Backend, compat: boolean): () => void {
  let reading: Reading | undefined
  for (const row of compat ? [...metrics, ...compatMetrics] : metrics) enter(registry, row, () => reading)
  collectDefaultMetrics({ register: registry })
  return () => {
    const { plan, findings, sync } = backend
    reading = { speaker: backend.speaker.snapshot(), plan, findings, sync }
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
