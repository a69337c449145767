/**
 * `npm run test:chaos [-- --seed N | --seeds A-B] [--lanes N] [--keep DIR]`: thirty stories of faults, each of a seed and played alike every time.
 * After each fault the tables of both routers are what is planned, and no planned route went but with a session that the fault took.
 */

import { parseArgs } from 'node:util'
import { install } from '../support/packages.ts'
import { type Outcome, play, storyOf } from './story.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1-30' },
    /** Stories that are played beside one another: most of their time is waiting. */
    lanes: { type: 'string', default: '5' },
    /** Folder for all logs of the stories that fail. */
    keep: { type: 'string' },
  },
})

if (process.getuid?.() !== 0) quit('the faults need network namespaces, and those need root')
const missing = install(['iproute2', 'procps', 'util-linux', 'curl', 'faketime', 'bird2', 'frr'])
if (missing !== undefined) quit(missing)

const [first = 1, last = first] = (values.seed ?? values.seeds).split('-').map(Number)
const seeds = Array.from({ length: last - first + 1 }, (_, index) => first + index)
const began = performance.now()
const outcomes: Outcome[] = []
await Promise.all(Array.from({ length: Math.min(Number(values.lanes), seeds.length) }, lane))

const failed = outcomes.filter(({ troubles }) => troubles.length > 0)
const changes = outcomes.reduce((sum, one) => sum + one.changes, 0)
const took = Math.round((performance.now() - began) / 1000)
for (const { story, troubles, log } of failed) {
  const lines = troubles.slice(0, 12).map((one) => `    ${one}`)
  print(`\n  seed ${story.seed} again: npm run test:chaos -- --seed ${story.seed}\n${lines.join('\n')}\n${log}`)
}
print(`\nchaos: ${outcomes.length} stories in ${took} s, ${changes} changes of objects during their faults`)
print(`${outcomes.length - failed.length} passed, ${failed.length} failed`)
process.exit(failed.length > 0 ? 1 : 0)

async function lane(): Promise<void> {
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    const outcome = await play(storyOf(seed), values.keep)
    outcomes.push(outcome)
    const { story, troubles } = outcome
    const { source, graceful } = story.options
    const terms = `${source}${graceful ? ', graceful restart' : ''}`
    const verdict = troubles.length === 0 ? ' ok' : 'NOT'
    print(
      `  ${verdict} seed ${seed} (${terms}): ${story.faults.map(({ name }) => name).join('; then ')} - ${Math.round(outcome.seconds)} s`,
    )
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function quit(why: string): never {
  print(`${why}\n0 passed, 1 failed`)
  process.exit(1)
}
