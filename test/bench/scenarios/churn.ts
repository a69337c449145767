/**
 * S4: among 10,000 routes one comes or goes, again and again: from the call that asks for it until the last of eight peers has the UPDATE.
 * Tandem is asked as in a cluster: an EndpointSlice changes at an API server.
 */

import { execFileSync } from 'node:child_process'
import { createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually, type Topology } from '../../topology/runner.ts'
import { followCluster, startCluster } from '../api.ts'
import {
  addressesOf,
  type BenchPeers,
  hostRoutes,
  limitMs,
  nowMs,
  type Play,
  type Result,
  routerAddress,
  type Scenario,
  sinks,
  startPeers,
} from '../scenario.ts'
import { routerNode, usageOf } from '../subject.ts'
import { birdc } from '../subjects/bird.ts'
import { setNetwork } from '../subjects/openbgpd.ts'

const count = 5000
const turns = 200

/** Makes the one route come (or go). */
type Toggle = (there: boolean) => Promise<void> | void

async function measured(peers: BenchPeers, toggle: Toggle): Promise<number[]> {
  const times: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    const before = peers.all('update').length
    const began = nowMs()
    await toggle(turn % 2 === 0)
    const told = await eventually('all peers hear of it', 10_000, async () => {
      const updates = peers.all('update').slice(before)
      return new Set(updates.map(({ local }) => local)).size === sinks.length && updates
    })
    times.push(Math.max(...told.map(({ at }) => at)) - began)
    // The second family may be a moment behind; and nothing is measured against the tail of the last turn.
    await pause(15)
  }
  return times.sort((a, b) => a - b)
}

async function churn({ subject, topology, started }: Play): Promise<Result> {
  const routes = hostRoutes(count)
  const toggle = await toggles[subject.name]!(topology, subject, routes)
  const peers = startPeers(topology, 'watch', routerAddress, addressesOf(sinks), '65001', String(routes.length))
  await eventually('all peers have all routes', limitMs, async () => peers.all('complete').length === sinks.length)
  await pause(1000)
  await started()
  const times = await measured(peers, toggle.toggle)
  const at = (part: number) => times[Math.floor(times.length * part)]!
  const { peakMb: memoryMb } = await usageOf(topology)
  await toggle.stop()
  return { value: at(0.5), p99: at(0.99), memoryMb }
}

interface Control {
  readonly toggle: Toggle
  stop(): Promise<void>
}

type Begin = (topology: Topology, subject: Play['subject'], routes: readonly string[]) => Promise<Control>

/** Services with one VIP in each family, as many as there are routes; one of them has its endpoint come and go. */
const tandem: Begin = async (topology, subject) => {
  const cluster = await startCluster(topology, count)
  followCluster(topology, cluster, subject, sinks)
  return { toggle: (there) => cluster.setReady(!there), stop: () => cluster.stop() }
}

const bird: Begin = async (topology, subject, routes) => {
  subject.start(topology, { peers: sinks, routes })
  await eventually('BIRD has its routes', 60_000, async () => (await subject.count(topology)) >= routes.length)
  return {
    toggle: async (there) => void (await birdc(topology, there ? 'enable' : 'disable', 'churn4')),
    stop: async () => {},
  }
}

const openbgpd: Begin = async (topology, subject, routes) => {
  subject.start(topology, { peers: sinks, routes })
  await eventually('OpenBGPD has its routes', 60_000, async () => (await subject.count(topology)) >= routes.length)
  return {
    toggle: async (there) => void (await setNetwork(topology, '100.127.0.1/32', there)),
    stop: async () => {},
  }
}

/** Its control is a pipe that it reads commands from. */
const exabgp: Begin = async (topology, _subject, routes) => {
  const pipe = join(topology.work, 'commands')
  execFileSync('mkfifo', [pipe])
  const script = join(topology.work, 'commands.sh')
  writeFileSync(script, `#!/bin/sh\nexec cat ${pipe}\n`, { mode: 0o755 })
  const statics = routes.map((route) => `route ${route} next-hop ${route.includes(':') ? 'fd00::2' : routerAddress};`)
  const neighbours = sinks.map(
    ({ address, asn }) =>
      `neighbor ${address} { router-id 10.0.0.2; local-address ${routerAddress}; local-as 64512; peer-as ${asn}; hold-time 180; passive true; listen 179; family { ipv4 unicast; ipv6 unicast; } api { processes [ control ]; } static { ${statics.join(' ')} } }`,
  )
  const file = join(topology.work, 'exabgp.conf')
  writeFileSync(file, `process control { run ${script}; encoder text; }\n${neighbours.join('\n')}\n`)
  topology.start(routerNode, ['exabgp', file], {
    'exabgp.daemon.user': 'root',
    'exabgp.daemon.drop': 'false',
    'exabgp.api.cli': 'false',
    'exabgp.api.ack': 'false',
    'exabgp.log.level': 'ERR',
    'exabgp.tcp.bind': routerAddress,
  })
  const commands = createWriteStream(pipe)
  return {
    toggle: (there) =>
      void commands.write(`${there ? 'announce' : 'withdraw'} route 100.127.0.1/32 next-hop ${routerAddress}\n`),
    stop: async () => void commands.destroy(),
  }
}

const toggles: Readonly<Record<string, Begin>> = { tandem, bird, openbgpd, exabgp }

export const s4: Scenario = {
  name: 'S4',
  what: 'one change among 10,000 routes, until all of 8 peers have it',
  unit: 'ms',
  routers: ['bird', 'tandem', 'openbgpd', 'exabgp'],
  targets: [
    { figure: 'value', most: 2 },
    { figure: 'p99', most: 5 },
    { figure: 'value', most: 0.8, of: 'exabgp' },
  ],
  play: churn,
}
