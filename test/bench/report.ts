/** What a run of the benchmark says: a table a scenario, and how Tandem stands to each target. */

import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { table } from '../../daemon/render/table.ts'
import type { Delay } from './delay-probe.ts'
import type { Result, Scenario, Target } from './scenario.ts'

export type Results = ReadonlyMap<string, readonly Result[]>

const names: Readonly<Record<Target['figure'], string>> = {
  value: 'time',
  p99: 'p99',
  memoryMb: 'memory',
  updates: 'UPDATEs',
  cpuPercent: 'idle CPU',
}
const units: Readonly<Record<Target['figure'], string>> = {
  value: '',
  p99: ' ms',
  memoryMb: ' MB',
  updates: '',
  cpuPercent: ' %',
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
const figureOf = (results: readonly Result[], key: Target['figure']) => median(results.map((one) => one[key] ?? 0))
const digits = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(3))

export function scenarioTable({ name, unit, memory = 'peak' }: Scenario, results: Results): string {
  const birdTime = figureOf(results.get('bird') ?? [], 'value')
  const rows = [...results].map(([router, runs]) => {
    const times = runs.map(({ value }) => value)
    const time = median(times)
    const p99 = runs.some((one) => one.p99 !== undefined) ? digits(figureOf(runs, 'p99')) : '-'
    const cpu = runs.some((one) => one.cpuPercent !== undefined) ? digits(figureOf(runs, 'cpuPercent')) : '-'
    return [
      router,
      digits(time),
      `${digits(Math.min(...times))} - ${digits(Math.max(...times))}`,
      birdTime > 0 ? (time / birdTime).toFixed(2) : '-',
      p99,
      digits(figureOf(runs, 'memoryMb')),
      String(figureOf(runs, 'updates') || '-'),
      cpu,
      String(runs.length),
    ]
  })
  const headings = [
    name,
    `MEDIAN ${unit}`,
    'RANGE',
    'x BIRD',
    'P99 ms',
    `MB ${memory}`,
    'UPDATES',
    'IDLE CPU %',
    'RUNS',
  ]
  return table(headings, rows, 140)
}

/** A line for each target that can be judged by these results. */
export function verdicts({ targets }: Scenario, results: Results): string[] {
  const own = results.get('tandem')
  if (!own) return []
  return targets.flatMap(({ figure, most, of }) => {
    const mine = figureOf(own, figure)
    if (of === undefined) return [verdict(names[figure], mine, most, units[figure])]
    const others = results.get(of)
    return others ? [verdict(`${names[figure]} / ${of}`, mine / figureOf(others, figure), most, ' x')] : []
  })
}

function verdict(what: string, is: number, most: number, unit: string): string {
  const state = is <= most ? 'met' : `missed by ${((is / most - 1) * 100).toFixed(0)} %`
  return `${what}: ${digits(is)}${unit}, target ${digits(most)}${unit}: ${state}`
}

/** No scenario may hold the event loop longer than this, at p99.9. */
const longestDelayMs = 10

export const delayLine = ({ p50, p99, p999, most }: Delay) =>
  `event loop late by (ms): p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, p99.9 ${p999.toFixed(1)}, most ${most.toFixed(1)}; target ${longestDelayMs} at p99.9: ${p999 <= longestDelayMs ? 'met' : 'missed'}`

/** The machine, in a line. */
export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ')[0]
  return `${cpus().length} x ${model}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}, Node ${process.version}; load before: ${load}`
}
