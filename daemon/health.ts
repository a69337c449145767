/**
 * Health over HTTP. `/healthz` answers while the event loop turns: only a restart would help a daemon that does not. `/readyz` says whether
 * this node's routes are what they should be, and why not; no part of it ever makes a liveness probe fail.
 */

import { createServer, type Server } from 'node:http'
import { type Address, formatAddress } from 'bgp-ts'
import type { PeerSnapshot } from '../speaker/index.ts'
import type { Backend } from './backend.ts'
import { ConfigError } from './config/flag.ts'

export interface HealthOptions {
  readonly address: Address
  readonly port: number
  readonly readySessions: 'none' | 'any' | 'all'
}

export interface Readiness {
  readonly ready: boolean
  /** A line each, with what is well and what is not. */
  readonly lines: readonly string[]
}

export interface HealthServer {
  readonly port: number
  close(): Promise<void>
}

export function readiness(backend: Backend, readySessions: HealthOptions['readySessions']): Readiness {
  const { synced, problems } = backend.sync
  const { peers } = backend.speaker.snapshot()
  const up = peers.filter(({ state }) => state === 'Established')
  const enough = { none: true, any: peers.length === 0 || up.length > 0, all: up.length === peers.length }[
    readySessions
  ]
  const source = synced
    ? 'the first whole view of the objects is in'
    : `waiting for the first whole view of ${backend.source}; routers keep what they have, no End-of-RIB is sent`
  return {
    ready: synced && enough,
    lines: [
      `${mark(synced)} source: ${source}`,
      ...problems.map((problem) => `    ${problem}`),
      `${mark(enough)} sessions: ${up.length} of ${peers.length} up, asked for: ${readySessions}`,
      ...peers.filter(({ state }) => state !== 'Established').map((peer) => `    ${downLine(peer)}`),
    ],
  }
}

const mark = (well: boolean) => (well ? '[+]' : '[-]')

function downLine({ name, state, blocked, lastDown }: PeerSnapshot): string {
  const why = blocked ?? lastDown?.why
  return `${name} is ${state}${why ? `: ${why}` : ''}`
}

export async function serveHealth(backend: Backend, options: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0]
    const answer = (status: number, lines: readonly string[]) => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
      response.end(`${lines.join('\n')}\n`)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, ['only GET'])
    if (path === '/healthz') return answer(200, ['OK'])
    if (path !== '/readyz') return answer(404, ['/healthz or /readyz'])
    const { ready, lines } = readiness(backend, options.readySessions)
    answer(ready ? 200 : 503, lines)
  })
  server.maxConnections = 200
  // A probe says all it has to say at once.
  server.headersTimeout = 5000
  server.requestTimeout = 10_000
  await listening(server, options)
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

function listening(server: Server, { address, port }: HealthOptions): Promise<void> {
  const host = formatAddress(address)
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new ConfigError('--health-port', String(port), `cannot be listened on at ${host}: ${error.message}`)),
    )
    server.listen(port, host, () => resolve())
  })
}
