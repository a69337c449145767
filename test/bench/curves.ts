/**
 * How cost grows, in one process and without sockets: `npm run bench:curves [--write]`. Each curve is a quantity over powers of ten, with the exponent that
 * fits it best: 1 is linear, 0 is constant. `--write` keeps the pictures and the table in docs/performance.md.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Framer } from 'bgp-ts'
import { LivePlan } from '../../controllers/live-plan.ts'
import { settled } from '../../controllers/plan/node-life.ts'
import { endpoint, node, options, service, slice, view } from '../support/cluster.ts'
import { address, route } from '../support/fabric.ts'
import { bareRouting, joined } from '../support/routing.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { machine } from './report.ts'
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

/** The slope in a picture of logarithms, by least squares. */
function exponentOf(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const mean = (which: 0 | 1) => logs.reduce((sum, one) => sum + one[which], 0) / logs.length
  const [x, y] = [mean(0), mean(1)]
  const over = logs.reduce((sum, one) => sum + (one[0] - x) * (one[1] - y), 0)
  return over / logs.reduce((sum, one) => sum + (one[0] - x) ** 2, 0)
}

const [width, height, margin, right] = [448, 260, 60, 36]

/** Both axes by powers of ten; readable on light and dark ground. */
function picture({ of, unit }: Curve, points: readonly (readonly [number, number])[]): string {
  const ends = (which: 0 | 1) => {
    const logs = points.map((one) => Math.log10(one[which]))
    const [least, greatest] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))]
    return [least, Math.max(greatest, least + 1)] as const
  }
  const [[x0, x1], [y0, y1]] = [ends(0), ends(1)]
  const xOf = (value: number) => margin + ((Math.log10(value) - x0) / (x1 - x0)) * (width - margin - right)
  const yOf = (value: number) => height - margin + 8 - ((Math.log10(value) - y0) / (y1 - y0)) * (height - margin - 16)
  const ticks = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index))
  const text = (x: number, y: number, words: string, anchor = 'middle') =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${words}</text>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" font-family="sans-serif" font-size="11" fill="#7a8694">`,
    ...ticks(x0, x1).map(
      (value) =>
        `<path d="M${xOf(value).toFixed(1)} 24V${height - margin + 8}" stroke="#8894a240"/>${text(xOf(value), height - margin + 24, value.toLocaleString('en'))}`,
    ),
    ...ticks(y0, y1).map(
      (value) =>
        `<path d="M${margin} ${yOf(value).toFixed(1)}H${width - right}" stroke="#8894a240"/>${text(margin - 6, yOf(value) + 4, value.toLocaleString('en'), 'end')}`,
    ),
    `<polyline fill="none" stroke="#2f86eb" stroke-width="2" points="${points.map(([x, y]) => `${xOf(x).toFixed(1)},${yOf(y).toFixed(1)}`).join(' ')}"/>`,
    ...points.map(([x, y]) => `<circle cx="${xOf(x).toFixed(1)}" cy="${yOf(y).toFixed(1)}" r="3.5" fill="#2f86eb"/>`),
    text(margin, 14, unit, 'start'),
    text(width - right, height - 6, of, 'end'),
    '</svg>',
    '',
  ].join('\n')
}

const rows: string[] = []
const folder = join(import.meta.dirname, '../../docs')
const writes = process.argv.includes('--write')
for (const curve of curves) {
  const points = curve.at.map((size) => {
    const values = Array.from({ length: rounds }, () => curve.measure(size))
    return [size, Math.min(...values)] as const
  })
  const exponent = exponentOf(points).toFixed(2)
  const shown = points.map(
    ([size, value]) =>
      `${size.toLocaleString('en')}: ${value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en')}`,
  )
  rows.push(`| ${curve.of} | ${curve.unit} | ${shown.join(', ')} | ${exponent} |`)
  console.log(`${curve.of}: ${shown.join(', ')} ${curve.unit}; exponent ${exponent}`)
  if (!writes) continue
  mkdirSync(join(folder, 'images'), { recursive: true })
  writeFileSync(join(folder, 'images', `curve-${curve.name}.svg`), picture(curve, points))
}
if (writes) {
  const file = join(folder, 'performance.md')
  const page = readFileSync(file, 'utf8')
  const head = `Of \`npm run bench:curves -- --write\`, ${new Date().toISOString().slice(0, 10)}, ${machine()}.`
  const table = [head, '', '| over | in | measured | exponent |', '| --- | --- | --- | --- |', ...rows].join('\n')
  writeFileSync(file, page.replace(/(<!-- curves -->\n)[\s\S]*?(\n<!-- end -->)/, `$1\n${table}\n$2`))
}
