/** S1, S2 and S5: a peer sends a full table, which is taken, passed on, or refused. */

import { eventually } from '../../topology/runner.ts'
import {
  feeder,
  limitMs,
  nowMs,
  type Play,
  type Result,
  routerAddress,
  type Scenario,
  startPeers,
} from '../scenario.ts'
import { fullTable, lastPrefixes } from '../stream.ts'
import { usageOf } from '../subject.ts'

const monitor = { address: '10.0.0.11', asn: 65011 }
const sizeAt = (scale: number) => Math.round(fullTable.ipv4 * scale) + Math.round(fullTable.ipv6 * scale)
const feed = ({ topology, scale }: Play) =>
  startPeers(topology, 'feed', routerAddress, feeder.address, String(feeder.asn), String(scale))

async function answers({ subject, topology }: Play): Promise<void> {
  await eventually(`${subject.name} answers`, 20_000, async () => (await subject.count(topology)) === 0)
}

/** Until the router's own count says that all is in. */
async function ingest(play: Play): Promise<Result> {
  const { subject, topology, scale, started } = play
  subject.start(topology, { peers: [feeder] })
  await answers(play)
  await started()
  const peer = feed(play)
  // Counting costs the router: not before everything is on its way.
  await eventually('the stream is sent', limitMs, async () => peer.first('sent'))
  const wanted = sizeAt(scale)
  await eventually(`${subject.name} has all routes`, limitMs, async () => (await subject.count(topology)) >= wanted)
  const value = (nowMs() - peer.first('first-byte')!.at) / 1000
  return { value, memoryMb: (await usageOf(topology)).peakMb }
}

/** Until a second peer has all of it. */
async function transit(play: Play): Promise<Result> {
  const { subject, topology, scale, started } = play
  subject.start(topology, { peers: [feeder, monitor], exports: 'all' })
  await answers(play)
  const sink = startPeers(topology, 'sink', routerAddress, monitor.address, String(monitor.asn), String(sizeAt(scale)))
  await eventually('the monitor is up', 60_000, async () => sink.first('established'))
  await started()
  const peer = feed(play)
  const { at, updates = 0 } = await eventually('the monitor has all', limitMs, async () => sink.first('complete'))
  return { value: (at - peer.first('first-byte')!.at) / 1000, memoryMb: (await usageOf(topology)).peakMb, updates }
}

/** All but the last ten prefixes are refused: once those are in, all has been judged. Memory is what came on top of the idle router. */
async function reject(play: Play): Promise<Result> {
  const { subject, topology, scale, started } = play
  const accepts = lastPrefixes(scale, 5)
  subject.start(topology, { peers: [feeder], accepts })
  await answers(play)
  const idle = await usageOf(topology)
  await started()
  const peer = feed(play)
  await eventually('the stream is sent', limitMs, async () => peer.first('sent'))
  await eventually('the last ten are in', limitMs, async () => (await subject.count(topology)) === accepts.length)
  const value = (nowMs() - peer.first('first-byte')!.at) / 1000
  const { peakMb } = await usageOf(topology)
  return { value, memoryMb: peakMb - idle.rssMb }
}

export const s1: Scenario = {
  name: 'S1',
  what: 'take in a full table, until the router counts 1.2 million routes',
  unit: 's',
  routers: ['bird', 'tandem', 'frr', 'openbgpd', 'gobgp'],
  once: ['frr', 'openbgpd', 'gobgp'],
  targets: [
    { figure: 'value', most: 0.8, of: 'bird' },
    { figure: 'value', most: 1 / 20, of: 'gobgp' },
    { figure: 'memoryMb', most: 260 },
  ],
  play: ingest,
}

export const s1small: Scenario = {
  ...s1,
  name: 'S1s',
  what: 'take in 83,000 + 17,000 routes, with cold code',
  scale: 0.0833,
  routers: ['bird', 'tandem', 'frr', 'openbgpd'],
  once: [],
  targets: [{ figure: 'value', most: 2, of: 'bird' }],
}

export const s2: Scenario = {
  name: 'S2',
  what: 'pass a full table on to another peer',
  unit: 's',
  routers: ['bird', 'tandem', 'frr', 'openbgpd'],
  once: ['frr', 'openbgpd'],
  targets: [
    { figure: 'value', most: 1, of: 'bird' },
    { figure: 'memoryMb', most: 420 },
    // As many as the stream has: routes that came together go on together.
    { figure: 'updates', most: 211_051 },
  ],
  play: transit,
}

export const s5: Scenario = {
  name: 'S5',
  what: 'refuse all of a full table but ten routes',
  unit: 's',
  routers: ['bird', 'tandem', 'openbgpd', 'gobgp'],
  once: ['openbgpd', 'gobgp'],
  memory: 'above idle',
  targets: [
    { figure: 'value', most: 0.6, of: 'bird' },
    { figure: 'memoryMb', most: 20 },
  ],
  play: reject,
}
