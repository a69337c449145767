/**
 * `npm run test:hostile [-- --target tandem|bird|frr|gobgp|openbgpd] [WORDS]`: plays every case against a daemon and counts.
 * Tandem has to be right in all; of a real router the figures are printed.
 */

import { install } from '../support/packages.ts'
import { ownAsn } from '../support/wire-peer.ts'
import { addressOf, isRight, type Run, runsOf, titleOf } from './case.ts'
import { groups } from './cases/index.ts'
import { Scene } from './scene.ts'
import { Stage } from './stage.ts'
import { targets } from './targets.ts'

/** What Tandem may hold at the end beyond what it held at first. */
const growthMegabytes = 256

/** Cases that take their time and are played beside one another. */
const lanes = 12

const words = process.argv.slice(2)
const at = words.indexOf('--target')
const [, name = 'tandem'] = at < 0 ? [] : words.splice(at, 2)
const target = targets.find((one) => one.name === name)
if (!target) quit(`no target ${name}: ${targets.map((one) => one.name).join(', ')}`)
if (process.getuid?.() !== 0) quit('the hostile peers need network namespaces, and those need root')
const missing = install(['iproute2', 'procps', ...target.packages])
if (missing !== undefined) quit(missing)
const exact = name === 'tandem'
const runs = runsOf(groups, words.join(' '))
const stage = await Stage.set(
  target,
  runs.map(({ over, index, what: { neighbour = {} } }) => ({
    ...neighbour,
    address: addressOf(over, index),
    asn: neighbour.internal ? ownAsn : 65001,
  })),
)
const counts = { passed: 0, failed: 0, crashes: 0, moved: 0 }
const begun = performance.now()
try {
  // A daemon that connects in vain does so ever more seldom.
  const dialled = ({ what }: Run) => what.neighbour?.dialled === true
  const quick = runs.filter(({ what }) => !what.patient)
  for (const run of [...quick.filter(dialled), ...quick.filter((one) => !dialled(one))]) await judge(run)
  const rest = runs.filter(({ what }) => what.patient)
  await Promise.all(Array.from({ length: lanes }, () => lane(rest)))
  const growth = Math.round(((await stage.memory()) - stage.memoryAtFirst) / 2 ** 20)
  process.stdout.write(
    `\n${name}: ${runs.length} runs of ${new Set(runs.map(({ group, what }) => `${group}: ${what.name}`)).size} cases in ${Math.round((performance.now() - begun) / 1000)} s: ` +
      `${counts.passed} right, ${counts.crashes} crashes, ${counts.moved} times others were hit; memory grew by ${growth} MB\n`,
  )
  if (exact && growth > growthMegabytes) {
    counts.failed++
    process.stdout.write(`memory grew by more than ${growthMegabytes} MB\n`)
  }
} finally {
  await stage.strike()
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`)
process.exit(exact && counts.failed > 0 ? 1 : 0)

function quit(why: string): never {
  process.stdout.write(`${why}\n0 passed, 1 failed\n`)
  process.exit(1)
}

async function lane(rest: Run[]): Promise<void> {
  for (let run = rest.shift(); run; run = rest.shift()) await judge(run)
}

/** Plays one, and looks at all who were not part of it. */
async function judge(run: Run): Promise<void> {
  const { right } = run.what
  const scene = new Scene(run, { witnesses: stage.witnesses, patienceMs: stage.target.patienceMs })
  const fits = (seen: string) => isRight(seen, run.what, exact)
  let seen: string
  try {
    const said = await run.what.play(scene)
    seen = typeof said === 'string' ? said : await scene.reaction(fits)
  } catch (error) {
    seen = error instanceof Error ? error.message : String(error)
  }
  const gone = await scene.leave()
  const troubles = await stage.troubles()
  if (stage.crashed) counts.crashes++
  else if (troubles.length > 0) counts.moved++
  if (fits(seen) && gone && troubles.length === 0) {
    counts.passed++
    if (process.env['SHOW']) process.stdout.write(`  ok ${titleOf(run)}: ${seen}\n`)
  } else {
    counts.failed++
    process.stdout.write(
      `  NOT ${titleOf(run)}: ${[`${seen}, right is ${right.join(' or ')}`, ...(gone ? [] : ['its routes stay when it is gone']), ...troubles].join('; ')}\n`,
    )
  }
  if (troubles.length > 0) await stage.again()
}
