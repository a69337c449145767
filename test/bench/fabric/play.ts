/** One fabric of so many nodes, from its start to its end, and what was seen of it. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ask } from '../../../daemon/admin/client.ts'
import { imageEnvironment, laidOutImage } from '../../support/image.ts'
import { eventually, type Program, Topology } from '../../topology/runner.ts'
import type { Delay } from '../delay-probe.ts'
import { delayAt, probeIn } from '../subjects/tandem.ts'
import { asn, type Reflector, reflectors, vips } from './addresses.ts'

/** One size. Of two reflectors: the sum of processor time, else the worse of both. */
export interface Seen {
  readonly nodes: number
  /** From the first connection to the last route at the last node. */
  readonly convergedMs: number
  /** Routes that all sessions together were sent. */
  readonly delivered: number
  readonly cpuMs: number
  readonly peakMb: number
  /** For each change, until all nodes have it; none with a single node. */
  readonly changesMs: readonly number[]
  /** Of both reflectors, for each change. */
  readonly changeCpuMs: number
  readonly delayStarting: Delay
  readonly delayChanging: Delay
}

const place = 'fabric'
const main = join(import.meta.dirname, '../../../daemon/main.ts')
const limitMs = 120_000
const turns = 100

interface Event {
  readonly event: string
  readonly ms?: number
  readonly times?: readonly number[]
}

class RunningReflector {
  readonly #program: Program
  readonly #probe: string
  readonly #socket: string

  /** `profiles`: a folder for a profile of its processor time, with the names of the source; it is there once it has stopped. */
  constructor(topology: Topology, reflector: Reflector, other: Reflector, profiles: string | undefined) {
    const inWork = (kind: string) => join(topology.work, `${reflector.name}.${kind}`)
    this.#probe = inWork('probe')
    this.#socket = inWork('sock')
    writeFileSync(inWork('json'), JSON.stringify(configOf(reflector, other)))
    const [node = '', ...rest] =
      profiles === undefined
        ? laidOutImage().command
        : [process.execPath, '--cpu-prof', `--cpu-prof-dir=${profiles}`, '--max-semi-space-size=2', main]
    const words = ['run', '--source=none', `--config=${inWork('json')}`, `--admin-socket=${this.#socket}`]
    const environment = { ...imageEnvironment, DELAY_PROBE: this.#probe }
    this.#program = topology.start(place, [node, '--import', probeIn(topology), ...rest, ...words], environment)
  }

  async established(): Promise<number> {
    const { peers } = await ask<{ peers: readonly { readonly state: string }[] }>(this.#socket, '/v1/peers')
    return peers.filter(({ state }) => state === 'Established').length
  }

  /** Since the last time it was asked. */
  delay(): Promise<Delay> {
    return delayAt(this.#probe)
  }

  get cpuMs(): number {
    const fields = readFileSync(`/proc/${this.#program.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  }

  get peakMb(): number {
    const status = readFileSync(`/proc/${this.#program.pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024
  }

  async stop(): Promise<void> {
    await this.#program.stop()
  }
}

/** Both are of one cluster: what one reflects, the other refuses (RFC 4456 section 8). */
function configOf(reflector: Reflector, other: Reflector): object {
  const policies = { asn, import: 'accept-all', export: 'accept-all', 'max-prefixes': 0, 'hold-time': 180 }
  const first = reflector === reflectors[0]
  return {
    asn,
    'router-id': reflector.own,
    'cluster-id': 1,
    listen: [...new Set([reflector.address, reflector.own])].map((address) => ({ address })),
    addresses: { ipv4: reflector.own },
    peers: [
      { address: reflector.nodes, limit: 10_000, 'reflector-client': true, ...policies },
      { address: other.own, 'local-address': reflector.own, passive: !first, 'connect-retry': 0.2, ...policies },
    ],
  }
}

/** `profiles`: where the profile of the first reflector goes. */
export async function play(nodes: number, profiles?: string): Promise<Seen> {
  const topology = await Topology.layOut(join(import.meta.dirname, '../fabric.clab.yml'))
  try {
    const [one, two] = reflectors
    const running = [
      new RunningReflector(topology, one, two, profiles),
      new RunningReflector(topology, two, one, undefined),
    ]
    await eventually('the reflectors are up', 20_000, async () =>
      (await Promise.all(running.map((each) => each.established()))).every((count) => count === 1),
    )
    // They have nothing to do yet: not their start is measured, but that of the fabric.
    await pause(500)
    const cpuMs = () => running.reduce((sum, each) => sum + each.cpuMs, 0)
    const delay = async () => worse(await Promise.all(running.map((each) => each.delay())))
    await delay()
    const before = cpuMs()
    const simulated = topology.start(place, [
      process.execPath,
      join(import.meta.dirname, 'nodes.ts'),
      String(nodes),
      String(turns),
    ])
    const { ms: convergedMs = 0 } = await said(simulated, 'converged')
    const started = cpuMs()
    const delayStarting = await delay()
    const { times = [] } = await said(simulated, 'changed')
    const seen = {
      nodes,
      convergedMs,
      delivered: nodes > 1 ? 2 * 2 * (nodes - 1) * (nodes + vips) : 0,
      cpuMs: started - before,
      peakMb: Math.max(...running.map(({ peakMb }) => peakMb)),
      changesMs: [...times].sort((a, b) => a - b),
      changeCpuMs: (cpuMs() - started) / Math.max(1, times.length),
      delayStarting,
      delayChanging: await delay(),
    }
    if (profiles !== undefined) await running[0]!.stop()
    return seen
  } finally {
    await topology.tearDown()
  }
}

/** Waits for an event of the nodes; a session that ends meanwhile is an error. */
async function said(program: Program, event: string): Promise<Event> {
  const found = await eventually(`${event} of the nodes`, limitMs, async () => {
    const lines = program.log().split('\n')
    const all = lines.flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as Event] : []))
    return all.find((one) => [event, 'closed', 'notification'].includes(one.event))
  })
  if (found.event !== event) throw new Error(`a session of the fabric ended: ${JSON.stringify(found)}`)
  return found
}

const worse = (delays: readonly Delay[]): Delay => {
  const most = (of: (delay: Delay) => number) => Math.max(...delays.map(of))
  return {
    p50: most(({ p50 }) => p50),
    p99: most(({ p99 }) => p99),
    p999: most(({ p999 }) => p999),
    most: most((one) => one.most),
  }
}
