/**
 * How cost grows, in one process and without sockets: `npm run bench:curves [--write]`. Each curve is a quantity over powers of ten, with the exponent that
 * fits it best: 1 is linear, 0 is constant. `--write` keeps the pictures and the table in docs/performance.md.
 */

import { Framer } from 'bgp-ts'
import { LivePlan } from '../../controllers/live-plan.ts'
import { settled } from '../../controllers/plan/node-life.ts'
import { endpoint, node, options, service, slice, view } from '../support/cluster.ts'
import { address, route } from '../support/fabric.ts'
import { bareRouting, joined } from '../support/routing.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { exponentOf, keepPicture, keepTable, type Points, picture, shown } from './curve.ts'
import { makeStream } from './stream.ts'

interface Curve {
  readonly name: string
  readonly of: string
  readonly unit: string
  readonly at: readonly number[]
  readonly measure: (size: number) => number
}

const rounds = 3
const addresses = { 'ipv4-unicast': address('10.0.0.2'), 'ipv6-unicast': address('fd00::2') }
const peerName = (index: number) => `10.1.${index >>> 8}.${index & 255}`

/** Milliseconds. */
function timed(work: () => void): number {
  const from = performance.now()
  work()
  return performance.now() - from
}

function ingest(routes: number): { ms: number; bytes: number } {
  const size = {
    ipv4: Math.round(routes * 0.83),
    ipv6: Math.round(routes * 0.17),
    attributeSets: Math.ceil(routes / 12),
  }
  const { bytes } = makeStream(size, [10, 0, 0, 1], [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
  const routing = bareRouting()
  const link = joined(routing, peerName(0), 65001)
  const framer = new Framer()
  const ms = timed(() => {
    for (let at = 0; at < bytes.length; at += 65536)
      framer.push(bytes.subarray(at, at + 65536), (_type, chunk, from, end) => {
        routing.update(link, chunk, from, end)
        return true
      })
  })
  const tables = Object.values(routing.rib.families).map(({ prefixes, paths }) => prefixes.bytes + paths.bytes)
  const total = tables.reduce((sum, one) => sum + one, routing.rib.attributes.bytes)
  routing.stop()
  return { ms, bytes: total }
}

/** Ten thousand routes of our own to so many peers of one policy. */
function fanOut(peers: number): number {
  const clock = new VirtualClock()
  const routing = bareRouting({ addresses }, clock)
  for (let index = 0; index < peers; index++) joined(routing, peerName(index), 65001)
  clock.pass(1000)
  const routes = Array.from({ length: 5000 }, (_, index) => [
    route(`100.64.${index >>> 8}.${index & 255}/32`),
    route(`2001:db8::${index.toString(16)}/128`),
  ]).flat()
  const ms = timed(() => {
    routing.origination.setRoutes(routes)
    clock.pass(1000)
  })
  routing.stop()
  return ms
}

/** The plan after one endpoint of one service changed, in microseconds. */
function oneChange(count: number): number {
  const made = Array.from({ length: count }, (_, index) => {
    const spec = {
      clusterIps: [`10.${96 + (index >>> 16)}.${(index >>> 8) & 255}.${index & 255}`, `fd00:96::${index.toString(16)}`],
      externalTrafficPolicy: 'Local',
    }
    return [service(`s${index}`, spec), slice(`s${index}`, 'IPv4', endpoint('n1'))] as const
  })
  const services = new Map(made.map(([one]) => [`${one.namespace}/${one.name}`, one]))
  const endpointSlices = new Map(made.map(([, one]) => [`${one.namespace}/${one.name}`, one]))
  const whole = { ...view(node('n1', { ips: ['10.0.0.2', 'fd00::2'] })), services, endpointSlices }
  const live = new LivePlan(options)
  const all = {
    nodes: new Set(whole.nodes.keys()),
    services: new Set(services.keys()),
    endpointSlices: new Set(endpointSlices.keys()),
  }
  live.take(whole, all, () => settled)
  const one = {
    nodes: new Set<string>(),
    services: new Set([`${made[0]![0].namespace}/s0`]),
    endpointSlices: new Set<string>(),
  }
  const turns = 200
  const ms = timed(() => {
    for (let turn = 0; turn < turns; turn++) live.take(whole, one, () => settled)
  })
  return (ms * 1000) / turns
}

const powers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index))
const doublings = [1, 2, 4, 8, 16, 32, 64]

const curves: readonly Curve[] = [
  { name: 'ingest', of: 'routes taken in', unit: 'ms', at: powers(3, 6), measure: (size) => ingest(size).ms },
  {
    name: 'memory',
    of: 'routes held',
    unit: 'KB of tables',
    at: powers(3, 6),
    measure: (size) => ingest(size).bytes / 1024,
  },
  { name: 'fan-out', of: 'peers sent 10,000 routes', unit: 'ms', at: doublings, measure: fanOut },
  {
    name: 'one-change',
    of: 'services, of which one changes',
    unit: 'µs of planning',
    at: powers(2, 5),
    measure: oneChange,
  },
]

const rows: string[] = []
const writes = process.argv.includes('--write')
for (const { name, of, unit, at, measure } of curves) {
  const points: Points = at.map((size) => {
    const values = Array.from({ length: rounds }, () => measure(size))
    return [size, Math.min(...values)]
  })
  const exponent = exponentOf(points).toFixed(2)
  rows.push(`| ${of} | ${unit} | ${shown(points)} | ${exponent} |`)
  console.log(`${of}: ${shown(points)} ${unit}; exponent ${exponent}`)
  if (writes) keepPicture(name, picture(of, unit, [{ points }]))
}
if (writes) {
  const head = ['| over | in | measured | exponent |', '| --- | --- | --- | --- |']
  keepTable('curves', 'npm run bench:curves -- --write', [...head, ...rows])
}
