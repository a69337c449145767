/** S6: from exec to the first session, with peers that listen; and what an idle router takes. */

import { setTimeout as pause } from 'node:timers/promises'
import { eventually, type Topology } from '../../topology/runner.ts'
import { followCluster, startCluster } from '../api.ts'
import {
  addressesOf,
  hostRoutes,
  nowMs,
  type Play,
  type Result,
  type Scenario,
  sinks,
  startPeers,
} from '../scenario.ts'
import { usageOf } from '../subject.ts'

const two = sinks.slice(0, 2)
/** Of each family one route. */
const services = 50
const settleMs = 5000
const idleMs = 10_000

async function start({ subject, topology, started }: Play): Promise<Result> {
  return begun(topology, started, () =>
    subject.start(topology, { peers: two, routes: subject.originates ? hostRoutes(services) : [], dials: true }),
  )
}

/** As in a cluster: the routes are VIPs of services that it reads from an API server, and follows. */
async function startInCluster({ subject, topology, started }: Play): Promise<Result> {
  const cluster = await startCluster(topology, services)
  const result = await begun(topology, started, () => followCluster(topology, cluster, subject, two))
  await cluster.stop()
  return result
}

/** The router begins by `start`. */
async function begun(topology: Topology, started: () => Promise<void>, start: () => void): Promise<Result> {
  const peers = startPeers(topology, 'listen', '', addressesOf(two), '65001', '0')
  await eventually('the peers listen', 10_000, async () => peers.all('listening').length === two.length)
  await started()
  const began = nowMs()
  start()
  const { at } = await eventually('a session is up', 60_000, async () => peers.first('established'))
  await eventually('both are', 60_000, async () => peers.all('established').length === two.length)
  await pause(settleMs)
  const before = await usageOf(topology)
  await pause(idleMs)
  const after = await usageOf(topology)
  const cpuPercent = ((after.cpuSeconds - before.cpuSeconds) / idleMs) * 1000 * 100
  return { value: (at - began) / 1000, memoryMb: after.rssMb, cpuPercent }
}

export const s6: Scenario = {
  name: 'S6',
  what: 'from exec to Established; then 2 peers and 100 routes, idle',
  unit: 's',
  memory: 'idle RSS',
  routers: ['bird', 'tandem', 'frr', 'openbgpd', 'gobgp'],
  targets: [
    { figure: 'value', most: 0.3 },
    { figure: 'memoryMb', most: 60 },
    { figure: 'cpuPercent', most: 0.1 },
  ],
  play: start,
}

export const s6api: Scenario = {
  ...s6,
  name: 'S6a',
  what: 'the same with the routes as VIPs from an API server',
  routers: ['tandem'],
  targets: [
    { figure: 'memoryMb', most: 85 },
    { figure: 'cpuPercent', most: 0.1 },
  ],
  play: startInCluster,
}
