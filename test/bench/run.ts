/**
 * `npm run bench -- [S1] [S3] [--runs N] [--scale F] [--without NAME]`: Tandem beside real routers in one run, the same octets over the same link.
 *
 * S1: a peer sends a full table; the clock runs from its first octet until the router's own count says that all routes are in.
 * S3: 100,000 + 100,000 host routes to eight peers; the clock runs from the moment all eight sessions are Established until the last
 * peer has every route. BIRD and Tandem originate them from their configuration; GoBGP has learned them from a peer beforehand.
 *
 * Only the ratios carry over to another machine.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { table } from '../../daemon/render/table.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'
import { type Subject, subjects } from './routers.ts'
import { fullTable } from './stream.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    without: { type: 'string', multiple: true, default: [] },
  },
})
const scale = Number(values.scale)
const limitMs = 300_000

interface Result {
  readonly seconds: number
  readonly peakMb: number
  readonly updates: number
}

interface PeerEvent {
  readonly event: string
  readonly at: number
  readonly updates?: number
}

const feeder = { address: '10.0.0.1', asn: 65001 }
/** Where routes cannot be configured, they come from here before the clock runs; another AS, so that they are no loop at the sinks. */
const originator = { address: '10.0.0.1', asn: 65099 }

const peerProgram = join(import.meta.dirname, 'peer.ts')

function startPeer(topology: Topology, ...words: string[]): { program: Program; events: () => PeerEvent[] } {
  const program = topology.start('peers', [process.execPath, peerProgram, ...words])
  const events = () =>
    program
      .log()
      .split('\n')
      .flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as PeerEvent] : []))
  return { program, events }
}

/** Highest resident memory of a process in MB. */
function peakOf({ pid }: Program): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
}

async function ingest(subject: Subject, topology: Topology): Promise<Result> {
  const wanted = Math.round(fullTable.ipv4 * scale) + Math.round(fullTable.ipv6 * scale)
  const router = subject.start(topology, [feeder], [])
  await eventually(`${subject.name} answers`, 10_000, async () => (await subject.count(topology)) === 0)
  const { events } = startPeer(topology, 'feed', '10.0.0.2', '10.0.0.1', '65001', values.scale)
  const event = (name: string) => events().find((one) => one.event === name)
  // Counting costs the router: not before everything is on its way.
  await eventually('the stream is sent', limitMs, async () => event('sent'))
  await eventually(`${subject.name} has all routes`, limitMs, async () => (await subject.count(topology)) >= wanted)
  const seconds = (performance.timeOrigin + performance.now() - event('first-byte')!.at) / 1000
  return { seconds, peakMb: peakOf(router), updates: event('ready')?.updates ?? 0 }
}

async function originate(subject: Subject, topology: Topology): Promise<Result> {
  const half = Math.round(100_000 * scale)
  const routes = Array.from({ length: half }, (_, index) => hostRoutes(index)).flat()
  const sinks = Array.from({ length: 8 }, (_, index) => `10.0.0.${11 + index}`)
  const peers = sinks.map((address) => ({ address, asn: feeder.asn }))
  const router = subject.start(topology, subject.originates ? peers : [...peers, originator], routes)
  if (!subject.originates)
    startPeer(topology, 'hosts', '10.0.0.2', originator.address, String(originator.asn), String(half))
  await eventually(
    `${subject.name} has its routes`,
    60_000,
    async () => (await subject.count(topology)) >= routes.length,
  )
  const { events } = startPeer(topology, 'sink', '10.0.0.2', sinks.join(','), '65001', String(routes.length))
  const all = (name: string) => events().filter((one) => one.event === name)
  await eventually('all peers have all routes', limitMs, async () => all('complete').length === sinks.length)
  const started = Math.max(...all('established').map(({ at }) => at))
  const ended = Math.max(...all('complete').map(({ at }) => at))
  return { seconds: (ended - started) / 1000, peakMb: peakOf(router), updates: all('complete')[0]?.updates ?? 0 }
}

function hostRoutes(index: number): [string, string] {
  const high = index >> 16
  const low = index & 0xffff
  return [`100.${64 + high}.${low >> 8}.${low & 255}/32`, `2001:db8:1::${high.toString(16)}:${low.toString(16)}/128`]
}

const scenarios: Readonly<Record<string, { what: string; run: typeof ingest; routers: readonly string[] }>> = {
  S1: { what: 'ingest a full table', run: ingest, routers: ['bird', 'tandem', 'gobgp'] },
  S3: { what: 'originate host routes to 8 peers', run: originate, routers: ['bird', 'tandem', 'gobgp'] },
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

for (const name of positionals.length > 0 ? positionals : Object.keys(scenarios)) {
  const scenario = scenarios[name]
  if (!scenario) throw new Error(`${name} is no scenario; there are ${Object.keys(scenarios).join(', ')}`)
  const results = new Map<string, Result[]>()
  for (let turn = 0; turn < Number(values.runs); turn++) {
    for (const subject of subjects) {
      if (values.without.includes(subject.name) || !scenario.routers.includes(subject.name)) continue
      const topology = await Topology.layOut(join(import.meta.dirname, 'bench.clab.yml'))
      try {
        results.set(subject.name, [...(results.get(subject.name) ?? []), await scenario.run(subject, topology)])
      } finally {
        await topology.tearDown()
      }
    }
  }
  print(name, scenario.what, results)
}

function print(name: string, what: string, results: ReadonlyMap<string, readonly Result[]>): void {
  const of = (router: string, key: keyof Result) => median((results.get(router) ?? []).map((result) => result[key]))
  const ratio = (seconds: number, other: string) =>
    results.has(other) ? (seconds / of(other, 'seconds')).toFixed(2) : '-'
  const rows = [...results.keys()].map((router) => {
    const seconds = of(router, 'seconds')
    return [
      router,
      seconds.toFixed(3),
      of(router, 'peakMb').toFixed(0),
      String(of(router, 'updates')),
      ratio(seconds, 'bird'),
      ratio(seconds, 'gobgp'),
    ]
  })
  const headings = [name, 'SECONDS', 'PEAK MB', 'UPDATES', 'x BIRD', 'x GOBGP']
  process.stdout.write(`\n${name}: ${what}, scale ${scale}, median of ${values.runs}\n${table(headings, rows, 120)}\n`)
}
