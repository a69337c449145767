/**
 * `npm run fuzz -- --minutes 10 --seed 7 --target codec`: looks for octets that break something, for so long.
 * What it finds is printed with its seed and its octets and written into the corpus, which every `npm test` reads.
 */

import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hex } from 'bgp-ts'
import { octets } from '../support/bytes.ts'
import { checkCodec } from './codec.ts'
import { asLine, type CodecReport, fuzzCodec } from './codec-run.ts'
import { corpus } from './corpus.ts'
import { checkFile } from './files.ts'
import { fuzzFiles } from './files-run.ts'
import { playSession } from './session.ts'
import { Watchdog } from './watchdog.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() & 0x7fffffff) },
    target: { type: 'string', default: 'all' },
    /** Inputs that are chosen by what they reach. */
    guided: { type: 'string', default: '20000' },
    /** Writes inputs that reached something new into the corpus. */
    keep: { type: 'boolean', default: false },
    /** One game of the sessions, in place of a run. */
    turn: { type: 'string' },
    /** One input in hex, of the codec or, with `--target files`, a whole file, in place of a run. */
    replay: { type: 'string' },
  },
})

const folder = join(import.meta.dirname, 'corpus')
const seed = Number(values.seed)
const print = (line: string) => process.stdout.write(`${line}\n`)

async function codec(minutes: number): Promise<number> {
  const watchdog = new Watchdog()
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1000
  const line = ({ inputs, octets: size, findings, kept, blocks, worstAllocation }: CodecReport) =>
    `codec: ${inputs} inputs, ${Math.round(inputs / seconds())} a second, ${Math.round(size / inputs)} octets each, ${blocks} blocks, ` +
    `${kept.length} kept, at most ${worstAllocation.toFixed(1)} octets of heap an octet, ${findings.length} findings`
  const report = fuzzCodec({
    seed,
    guided: Number(values.guided),
    goesOn: () => seconds() < minutes * 60,
    beginning: (input) => watchdog.note(input),
    progress: (so) => print(line(so)),
  })
  await watchdog.stop()
  print(line(report))
  for (const finding of report.findings) {
    print(asLine(finding, seed))
    if (finding.input.length > 0) appendFileSync(join(folder, 'found.hex'), `${asLine(finding, seed)}\n`)
  }
  if (values.keep) for (const input of report.kept) appendFileSync(join(folder, 'kept.hex'), `${hex(input)}\n`)
  return report.findings.length
}

async function files(minutes: number): Promise<number> {
  const watchdog = new Watchdog()
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1000
  const {
    inputs,
    octets: size,
    findings,
  } = await fuzzFiles({
    seed,
    goesOn: () => seconds() < minutes * 60,
    beginning: (input) => watchdog.note(input),
  })
  await watchdog.stop()
  print(
    `files: ${inputs} inputs, ${Math.round(inputs / seconds())} a second, ${Math.round(size / inputs)} octets each, ${findings.length} findings`,
  )
  for (const finding of findings) {
    print(asLine(finding, seed))
    appendFileSync(join(folder, 'files/found.hex'), `${asLine(finding, seed)}\n`)
  }
  return findings.length
}

/** Plays games with a whole speaker. One is played again with `--seed` and `--turn`. */
async function sessions(minutes: number): Promise<number> {
  const began = performance.now()
  const pool = corpus()
  const seen = new Set<string>()
  const seconds = () => (performance.now() - began) / 1000
  const first = Number(values.turn ?? 0)
  let turn = first
  for (; seconds() < minutes * 60 && (values.turn === undefined || turn === first); turn++) {
    try {
      await playSession(seed, turn, pool)
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
      const kind = (what.split('\n')[0] ?? '').replace(/\d+/g, 'N')
      if (!seen.has(kind)) print(`session: seed ${seed}, turn ${turn}: ${what}`)
      seen.add(kind)
    }
  }
  print(`session: ${turn - first} games, ${((turn - first) / seconds()).toFixed(1)} a second, ${seen.size} findings`)
  return seen.size
}

if (values.replay === undefined) {
  print(`seed ${seed}`)
  const targets = values.target === 'all' ? ['codec', 'session', 'files'] : [values.target]
  const minutes = Number(values.minutes) / targets.length
  let found = 0
  if (targets.includes('codec')) found += await codec(minutes)
  if (targets.includes('session')) found += await sessions(minutes)
  if (targets.includes('files')) found += await files(minutes)
  process.exitCode = found > 0 ? 1 : 0
} else {
  for (let turn = 0; turn < 64; turn++) {
    if (values.target === 'files') await checkFile(octets(values.replay), turn)
    else checkCodec(octets(values.replay), turn)
  }
  print('nothing wrong with it')
}
