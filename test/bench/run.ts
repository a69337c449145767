/**
 * `npm run bench -- [S1 S1s S2 S3 S4 S5 S6 S6a] [--runs 5] [--scale 1] [--without NAME] [--write]`: Tandem as its image runs it beside real routers, in
 * one run, the same octets over the same link. Only the ratios carry over to another machine. `--write` keeps the tables in RESULTS.md.
 */

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { install } from '../support/packages.ts'
import { Topology } from '../topology/runner.ts'
import { delayLine, machine, scenarioTable, verdicts } from './report.ts'
import type { Result, Scenario } from './scenario.ts'
import { s4 } from './scenarios/churn.ts'
import { s3 } from './scenarios/originate.ts'
import { s6, s6api } from './scenarios/start.ts'
import { s1, s1small, s2, s5 } from './scenarios/table.ts'
import type { Subject } from './subject.ts'
import { bird } from './subjects/bird.ts'
import { exabgp } from './subjects/exabgp.ts'
import { frr } from './subjects/frr.ts'
import { gobgp } from './subjects/gobgp.ts'
import { openbgpd } from './subjects/openbgpd.ts'
import { delayOf, isProbed, tandemWith } from './subjects/tandem.ts'

const scenarios: readonly Scenario[] = [s1, s1small, s2, s3, s4, s5, s6, s6api]
const subjects: readonly Subject[] = [bird, tandemWith(false), frr, openbgpd, gobgp, exabgp]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    without: { type: 'string', multiple: true, default: [] },
    write: { type: 'boolean', default: false },
  },
})

const unknown = positionals.find((name) => scenarios.every((one) => one.name !== name))
if (unknown) quit(`${unknown} is no scenario; there are ${scenarios.map(({ name }) => name).join(', ')}`)
if (process.getuid?.() !== 0) quit('the benchmark needs network namespaces, and those need root')
const missing = install(['iproute2', 'procps', 'util-linux', ...subjects.flatMap(({ packages }) => packages)])
if (missing !== undefined) quit(missing)

const page: string[] = []
tell(`${new Date().toISOString().slice(0, 10)}, ${machine()}\n${versions().join(', ')}`)
for (const scenario of scenarios) {
  if (positionals.length > 0 && !positionals.includes(scenario.name)) continue
  await measure(scenario)
}
if (values.write) writeFileSync(join(import.meta.dirname, 'RESULTS.md'), results())

async function measure(scenario: Scenario): Promise<void> {
  const results = new Map<string, Result[]>()
  const taking = subjects.filter(({ name }) => scenario.routers.includes(name) && !values.without.includes(name))
  // In turns, so that a busy moment of the machine hits all of them.
  for (let turn = 0; turn < Number(values.runs); turn++) {
    for (const subject of taking) {
      if (turn > 0 && scenario.once?.includes(subject.name)) continue
      results.set(subject.name, [...(results.get(subject.name) ?? []), await playOnce(scenario, subject)])
    }
  }
  const lines = [scenarioTable(scenario, results), ...verdicts(scenario, results), await delayDuring(scenario)]
  tell(`\n${scenario.name}: ${scenario.what}\n${lines.filter(Boolean).join('\n')}`)
}

async function playOnce(
  scenario: Scenario,
  subject: Subject,
  started: (topology: Topology) => Promise<void> = async () => {},
  ended: (topology: Topology) => Promise<void> = async () => {},
): Promise<Result> {
  const topology = await Topology.layOut(join(import.meta.dirname, 'bench.clab.yml'))
  try {
    const scale = Number(values.scale) * (scenario.scale ?? 1)
    const result = await scenario.play({ topology, subject, scale, started: () => started(topology) })
    await ended(topology)
    return result
  } finally {
    await topology.tearDown()
  }
}

/** A run of its own, with the event loop watched from the start of the clock to its end. */
async function delayDuring(scenario: Scenario): Promise<string> {
  if (values.without.includes('tandem')) return ''
  let line = ''
  // Where the clock runs from the start of the program there is nothing to begin anew.
  const reset = async (topology: Topology) => void (isProbed(topology) && (await delayOf(topology)))
  const look = async (topology: Topology) => {
    line = delayLine(await delayOf(topology))
  }
  await playOnce(scenario, tandemWith(true), reset, look)
  return line
}

function versions(): string[] {
  return subjects.flatMap(({ packages }) =>
    packages.map((name) =>
      execFileSync('dpkg-query', ['-W', '-f', '$' + '{Package} $' + '{Version}', name], { encoding: 'utf8' }),
    ),
  )
}

function results(): string {
  const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim()
  return `# Results\n\nOf \`${command}\`. Only ratios within one run mean anything on another machine.\n\n\`\`\`\n${page.join('\n')}\n\`\`\`\n`
}

function tell(text: string): void {
  page.push(text)
  process.stdout.write(`${text}\n`)
}

function quit(why: string): never {
  process.stdout.write(`${why}\n`)
  process.exit(1)
}
