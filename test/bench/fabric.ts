/**
 * `npm run bench:fabric [-- SIZE...] [--runs 1] [--write] [--profile FOLDER]`: two route reflectors and 1 to 1,000 simulated nodes, each with a session to both and
 * routes of both families that all others want. How long until every node has them, how long one change takes, what the reflectors need for it, and how all
 * that grows. `--write` keeps table and picture in docs/performance.md; `--profile` keeps the first reflector's processor profile. Needs root.
 */

import { parseArgs } from 'node:util'
import { table } from '../../daemon/render/table.ts'
import { install } from '../support/packages.ts'
import { exponentOf, keepPicture, keepTable, type Points, picture, shown } from './curve.ts'
import { play, type Seen } from './fabric/play.ts'
import { machine } from './report.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})
const sizes = positionals.length > 0 ? positionals.map(Number) : [1, 3, 10, 30, 100, 300, 1000]
const wrong = sizes.find((size) => !Number.isInteger(size) || size < 1 || size > 10_000)
if (wrong !== undefined) quit(`a fabric has 1 to 10,000 nodes, not ${wrong}`)
if (process.getuid?.() !== 0) quit('the fabric needs a network namespace, and that needs root')
const missing = install(['iproute2', 'procps'])
if (missing !== undefined) quit(missing)

interface Quantity {
  readonly of: string
  readonly unit: string
  /** Undefined where a fabric of this size has none. */
  readonly value: (seen: Seen) => number | undefined
  /** Drawn under this name. */
  readonly drawn?: string
}

const at = (part: number, { changesMs }: Seen) =>
  changesMs[Math.min(changesMs.length - 1, Math.floor(changesMs.length * part))]

const quantities: readonly Quantity[] = [
  {
    of: 'start until all have all',
    unit: 'ms',
    value: ({ convergedMs }) => convergedMs,
    drawn: 'start until all have all',
  },
  {
    of: 'that, for each route that a session is sent',
    unit: 'µs',
    value: ({ convergedMs, delivered }) => (delivered > 0 ? (convergedMs * 1000) / delivered : undefined),
  },
  { of: 'processor time of both reflectors for it', unit: 'ms', value: ({ cpuMs }) => cpuMs },
  { of: 'one change until all have it, p50', unit: 'ms', value: (seen) => at(0.5, seen), drawn: 'one change, p50' },
  { of: 'the same, p99', unit: 'ms', value: (seen) => at(0.99, seen) },
  {
    of: 'processor time of both reflectors for one change',
    unit: 'ms',
    value: ({ changesMs, changeCpuMs }) => (changesMs.length > 0 ? changeCpuMs : undefined),
  },
  { of: 'memory of a reflector at its peak', unit: 'MB', value: ({ peakMb }) => peakMb },
  { of: 'event loop late while all start, p99.9', unit: 'ms', value: ({ delayStarting }) => delayStarting.p999 },
  { of: 'the same, at most', unit: 'ms', value: ({ delayStarting }) => delayStarting.most },
  {
    of: 'event loop late while routes change, p99.9',
    unit: 'ms',
    value: ({ changesMs, delayChanging }) => (changesMs.length > 0 ? delayChanging.p999 : undefined),
  },
]

process.stdout.write(`${new Date().toISOString().slice(0, 10)}, ${machine()}\n`)
const seen: Seen[] = []
for (const size of sizes) {
  for (let run = 0; run < Number(values.runs); run++) {
    const one = await play(size, values.profile)
    seen.push(one)
    process.stdout.write(
      `${size} nodes: ${(one.convergedMs / 1000).toFixed(2)} s, a change ${at(0.5, one)?.toFixed(1) ?? '-'} ms\n`,
    )
  }
}

/** Small fabrics are dominated by what a session costs once, and by code that is not compiled yet. */
const largeFrom = 30
const exponent = (points: Points) => (points.length > 1 ? exponentOf(points).toFixed(2) : '-')

const rows = quantities.map(({ value, ...quantity }) => {
  // The least of all runs, as in the other curves.
  const points = sizes.flatMap((size): Points => {
    const found = seen.flatMap((one) => (one.nodes === size ? (value(one) ?? []) : []))
    return found.length > 0 ? [[size, Math.min(...found)]] : []
  })
  return { ...quantity, points, all: exponent(points), large: exponent(points.filter(([size]) => size >= largeFrom)) }
})
const headings = ['of a fabric of so many nodes', 'in', 'measured', 'exponent', `from ${largeFrom} on`]
const cells = rows.map(({ of, unit, points, all, large }) => [of, unit, shown(points), all, large])
process.stdout.write(
  `${table(
    headings.map((one) => one.toUpperCase()),
    cells,
    220,
  )}\n`,
)
if (values.write) {
  const lines = [headings, headings.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`)
  keepTable('fabric', `npm run bench:fabric -- ${process.argv.slice(2).join(' ')}`.trim(), lines)
  const drawn = rows.flatMap(({ drawn: name, points }) => (name ? [{ name, points }] : []))
  keepPicture('fabric', picture('nodes', 'ms', drawn))
}
process.exit(0)

function quit(why: string): never {
  process.stdout.write(`${why}\n`)
  process.exit(1)
}
