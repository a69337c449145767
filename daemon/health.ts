/**
 * Health over HTTP. `/healthz` answers while the event loop turns: only a restart would help a daemon that does not. `/readyz` says whether
 * this node's routes are what they should be, and why not; no part of it ever makes a liveness probe fail.
 */

import { type Address, type Family, families } from 'bgp-ts'
import type { PeerSnapshot } from '../speaker/index.ts'
import type { Backend } from './backend.ts'
import { createProbeServer, type Listening, listenAt } from './probe-server.ts'

/** Which sessions have to be up; `family`: each family that peers are offered is carried by one at least. */
export type ReadySessions = 'none' | 'any' | 'family' | 'all'

export interface HealthOptions {
  readonly address: Address
  readonly port: number
  readonly readySessions: ReadySessions
}

export interface Readiness {
  readonly ready: boolean
  /** A line each, with what is well and what is not. */
  readonly lines: readonly string[]
}

export function readiness(backend: Backend, readySessions: ReadySessions): Readiness {
  const { synced, problems } = backend.sync
  const { peers } = backend.speaker.snapshot()
  const sessions = sessionsSuffice(peers, readySessions)
  const up = peers.filter(isUp)
  const source = synced
    ? 'the first whole view of the objects is in'
    : `waiting for the first whole view of ${backend.source}; routers keep what they have, no End-of-RIB is sent`
  return {
    ready: synced && sessions.enough,
    lines: [
      `${mark(synced)} source: ${source}`,
      ...problems.map((problem) => `    ${problem}`),
      `${mark(sessions.enough)} sessions: ${up.length} of ${peers.length} up, asked for: ${readySessions}`,
      ...sessions.lacking.map((family) => `    no session carries ${family}`),
      ...peers.filter((peer) => !isUp(peer)).map((peer) => `    ${downLine(peer)}`),
    ],
  }
}

const isUp = ({ state }: PeerSnapshot) => state === 'Established'

/** A node without peers has nobody to wait for. */
function sessionsSuffice(peers: readonly PeerSnapshot[], asked: ReadySessions) {
  const up = peers.filter(isUp)
  const carried = (family: Family) => up.some((peer) => peer.families.includes(family))
  const offered = (family: Family) => peers.some((peer) => peer.offered.byUs.includes(family))
  const lacking = asked === 'family' ? families.filter((family) => offered(family) && !carried(family)) : []
  const enough: Record<ReadySessions, boolean> = {
    none: true,
    any: peers.length === 0 || up.length > 0,
    family: lacking.length === 0,
    all: up.length === peers.length,
  }
  return { enough: enough[asked], lacking }
}

const mark = (well: boolean) => (well ? '[+]' : '[-]')

function downLine({ name, state, blocked, lastDown }: PeerSnapshot): string {
  const why = blocked ?? lastDown?.why
  return `${name} is ${state}${why ? `: ${why}` : ''}`
}

export async function serveHealth(backend: Backend, options: HealthOptions): Promise<Listening> {
  const server = createProbeServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0]
    const answer = (status: number, lines: readonly string[]) => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
      response.end(`${lines.join('\n')}\n`)
    }
    if (path === '/healthz') return answer(200, ['OK'])
    if (path !== '/readyz') return answer(404, ['/healthz or /readyz'])
    const { ready, lines } = readiness(backend, options.readySessions)
    answer(ready ? 200 : 503, lines)
  })
  return listenAt(server, '--health-port', options.address, options.port)
}
