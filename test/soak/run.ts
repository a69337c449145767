/**
 * `npm run soak -- [--minutes 30] [--seed 1] [--every 30]`: hours of a cluster's life in minutes. Every so many seconds all comes to rest, the
 * tables of both routers have to be what is planned, and heap, memory, file descriptors and timers are written down; they have to be flat.
 */

import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { table } from '../../daemon/render/table.ts'
import { ClusterModel } from '../chaos/cluster-model.ts'
import { Stage } from '../chaos/stage.ts'
import { Dice } from '../fuzz/dice.ts'
import { laidOutImage } from '../support/image.ts'
import { install } from '../support/packages.ts'
import { eventually } from '../topology/runner.ts'
import { Churn } from './churn.ts'
import type { Look } from './probe.ts'
import { type Sample, trendOf } from './trend.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    /** Seconds of churn between two checks. */
    every: { type: 'string', default: '30' },
  },
})
const mebi = 1024 * 1024

/** What is written down at each check, with what is no growth anyhow. */
const figures = {
  'heap MB': { slack: 1, digits: 2 },
  'buffers MB': { slack: 1, digits: 2 },
  'RSS MB': { slack: 6, digits: 1 },
  descriptors: { slack: 1, digits: 0 },
  timers: { slack: 2, digits: 0 },
} as const
type Figure = keyof typeof figures
const names = Object.keys(figures) as Figure[]

if (process.getuid?.() !== 0) quit('a soak needs network namespaces, and those need root')
const missing = install(['iproute2', 'procps', 'util-linux', 'curl', 'bird2', 'frr'])
if (missing !== undefined) quit(missing)

const dice = new Dice(Number(values.seed))
const model = new ClusterModel(dice, { steady: 100, restless: 100 })
const { folder } = laidOutImage()
const probe = join(folder, 'probe.ts')
copyFileSync(join(import.meta.dirname, 'probe.ts'), probe)
const stage = await Stage.set(
  {
    source: 'api',
    graceful: false,
    peers: 'annotations',
    flags: [`--config=${Churn.writeConfig(folder)}`],
    nodeOptions: ['--expose-gc', '--import', probe],
  },
  ({ work }) => ({ SOAK_PROBE: join(work, 'own', 'probe.sock') }),
)
const churn = new Churn(stage, model, dice)
const samples = new Map<Figure, Sample[]>(names.map((name) => [name, []]))
const troubles: string[] = []
const began = performance.now()
const minute = () => (performance.now() - began) / 60_000

try {
  for (const object of model.objects()) stage.store.apply(object)
  churn.peer([])
  stage.startDaemon()
  await eventually('the daemon answers', 20_000, async () => (await stage.snapshot()).asn === 64512)
  print(['  minute', ...names, 'changes', 'peers', 'policies', 'resets'].join('  '))
  do {
    await churn.goOn(Number(values.every) * 1000)
    await check()
  } while (minute() < Number(values.minutes))
  for (const [name, of] of samples) {
    if (!trendOf(of, figures[name].slack).isFlat) troubles.push(`${name} is not flat`)
  }
} catch (error) {
  troubles.push(error instanceof Error ? error.message : String(error), stage.lastLog)
} finally {
  await stage.clear()
}
report()

/** All has come to rest: the tables, and what the process holds. */
async function check(): Promise<void> {
  await stage.sessionsUp()
  await stage.routersHave(() => model.planned())
  await eventually('the guest is forgotten', 30_000, async () => (await stage.snapshot()).peers.length === 4)
  if (stage.fallen) throw new Error('the daemon ended')
  const figuresNow = await look()
  const at = minute()
  for (const name of names) samples.get(name)?.push({ minute: at, value: figuresNow[name] })
  const { changes, peers, policies, sessions } = churn.done
  const shown = names.map((name) => figuresNow[name].toFixed(figures[name].digits).padStart(name.length))
  print([`  ${at.toFixed(1).padStart(6)}`, ...shown, changes, peers, policies, sessions].join('  '))
}

async function look(): Promise<Record<Figure, number>> {
  const chunks: Buffer[] = []
  for await (const chunk of connect(join(stage.own, 'probe.sock')) as AsyncIterable<Buffer>) chunks.push(chunk)
  const { heap, external, timers } = JSON.parse(Buffer.concat(chunks).toString()) as Look
  const { pid } = stage.daemon
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  const descriptors = readdirSync(`/proc/${pid}/fd`).length
  return { 'heap MB': heap / mebi, 'buffers MB': external / mebi, 'RSS MB': rss, descriptors, timers }
}

function report(): void {
  const rows = [...samples].flatMap(([name, of]) => {
    if (of.length < 5) return []
    const { mean, slope, error, growth, allowed, isFlat } = trendOf(of, figures[name].slack)
    const figure = (value: number) => value.toFixed(2)
    return [
      [
        name,
        figure(mean),
        `${slope.toFixed(4)} +- ${error.toFixed(4)}`,
        figure(growth),
        figure(allowed),
        isFlat ? 'flat' : 'GROWS',
      ],
    ]
  })
  const headings = ['WHAT', 'MEAN', 'SLOPE A MINUTE', 'GREW BY', 'MAY', 'VERDICT']
  const checks = samples.get('timers')?.length ?? 0
  print(`\n${table(headings, rows, 120)}`)
  for (const trouble of troubles) print(trouble)
  print(
    `\nsoak: seed ${values.seed}, ${minute().toFixed(1)} minutes, ${checks} checks of the tables, ${JSON.stringify(churn.done)}`,
  )
  print(`${checks} passed, ${troubles.length > 0 ? 1 : 0} failed`)
  process.exit(troubles.length > 0 ? 1 : 0)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function quit(why: string): never {
  print(`${why}\n0 passed, 1 failed`)
  process.exit(1)
}
