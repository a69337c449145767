/** Metrics over HTTP, for Prometheus: read-only, and off unless a port is given. */

import type { Address } from 'bgp-ts'
import { Registry } from 'prom-client'
import { nodeClock } from '../../speaker/index.ts'
import type { Backend } from '../backend.ts'
import { createProbeServer, type Listening, listenAt } from '../probe-server.ts'
import { LoopDelay } from './loop-delay.ts'
import { enterMetrics } from './registry.ts'
import { Timings } from './timings.ts'

export interface MetricsOptions {
  readonly address: Address
  readonly port: number
  readonly path: string
  /** kube-router's names too. */
  readonly compat: boolean
}

export interface MetricsServer extends Listening {
  readonly timings: Timings
}

const openMetrics = Registry.OPENMETRICS_CONTENT_TYPE
const plainText = Registry.PROMETHEUS_CONTENT_TYPE
type Form = typeof openMetrics | typeof plainText

/** Throws `ConfigError` where the port cannot be listened on. */
export async function serveMetrics(backend: Backend, options: MetricsOptions): Promise<MetricsServer> {
  const timings = new Timings(nodeClock)
  const loop = new LoopDelay()
  // A registry for each form: one that has written OpenMetrics has lost `_total` from the names of its counters.
  const registries = new Map<Form, ReturnType<typeof newRegistry>>()
  const newRegistry = (form: Form) => {
    const registry: Registry<Form> = new Registry()
    registry.setContentType(form)
    timings.enter(registry as Registry)
    return { registry, begin: enterMetrics(registry as Registry, backend, loop, options.compat) }
  }
  const scrape = (form: Form): Promise<string> => {
    const { registry, begin } = registries.get(form) ?? newRegistry(form)
    registries.set(form, { registry, begin })
    begin()
    return registry.metrics()
  }
  const server = createProbeServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0]
    if (path !== options.path) {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' })
      response.end(`${options.path}\n`)
      return
    }
    const contentType = request.headers.accept?.includes('application/openmetrics-text') ? openMetrics : plainText
    scrape(contentType).then(
      (text) => {
        response.writeHead(200, { 'content-type': contentType })
        response.end(text)
      },
      (error: unknown) => {
        response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' })
        response.end(`${error instanceof Error ? error.message : error}\n`)
      },
    )
  })
  const listening = await listenAt(server, '--metrics-port', options.address, options.port)
  loop.start()
  const close = async () => {
    loop.stop()
    await listening.close()
  }
  return { ...listening, close, timings }
}
