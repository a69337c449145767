/** One seed's story: which cluster, which faults in which order, and whether routers and sessions came through as they must. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Dice } from '../fuzz/dice.ts'
import { ClusterModel } from './cluster-model.ts'
import { clockFile, type Fault, type Forces, faults } from './faults.ts'
import { Stage, type StageOptions } from './stage.ts'

export interface Story {
  readonly seed: number
  readonly options: StageOptions
  readonly faults: readonly Fault[]
}

export interface Outcome {
  readonly story: Story
  readonly seconds: number
  /** Changes of objects while the faults went on. */
  readonly changes: number
  /** Empty where all is well. */
  readonly troubles: readonly string[]
  /** The end of the daemon's log, where not all is well. */
  readonly log: string
}

/** Of Debian's package `faketime`: the one honest way to step the clock of one process alone. */
const fakeTime = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`

/** Consecutive seeds begin with consecutive faults, so that no fault is left out by chance; the second one is drawn. */
export function storyOf(seed: number): Story {
  const dice = new Dice(seed)
  const first = faults[seed % faults.length]!
  const source = first.source ?? dice.pick(['api', 'api', 'manifests'] as const)
  const fitting = faults.filter((one) => one !== first && (one.source ?? source) === source)
  return { seed, options: { source, seed, graceful: seed % 2 === 0 }, faults: [first, dice.pick(fitting)] }
}

/** `keep`: a folder for what was written down, where not all is well. */
export async function play(story: Story, keep?: string): Promise<Outcome> {
  const began = performance.now()
  const { seed, options } = story
  const dice = new Dice(seed, 1)
  const model = new ClusterModel(dice, { steady: 20, restless: 20 })
  const stepped = story.faults.some(({ name }) => name === 'clock stepped')
  const stage = await Stage.set(options, (topology) => (stepped ? clockOf(topology) : {}))
  const troubles: string[] = []
  let log = ''
  try {
    for (const object of model.objects()) stage.store.apply(object)
    stage.startDaemon()
    await stage.routersHave(() => model.planned())
    await stage.sessionsUp()
    for (const fault of story.faults) troubles.push(...(await endure({ stage, model, dice }, fault)))
  } catch (error) {
    troubles.push(error instanceof Error ? error.message : String(error))
  } finally {
    if (troubles.length > 0) {
      log = stage.lastLog
      if (keep !== undefined) await stage.keepLogs(join(keep, `seed-${seed}`))
    }
    await stage.clear()
  }
  return { story, seconds: (performance.now() - began) / 1000, changes: model.steps, troubles, log }
}

function clockOf(topology: { readonly work: string }): Record<string, string> {
  writeFileSync(clockFile({ topology }), '+0s', { mode: 0o644 })
  return {
    LD_PRELOAD: fakeTime,
    FAKETIME_TIMESTAMP_FILE: clockFile({ topology }),
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
}

interface Cast {
  readonly stage: Stage
  readonly model: ClusterModel
  readonly dice: Dice
}

/** Plays one fault while objects change, waits until all is well, and says what moved that had no cause to. */
async function endure({ stage, model, dice }: Cast, fault: Fault): Promise<string[]> {
  const since = Date.now()
  const heardBefore = stage.twinHeard().length
  let isOver = false
  const churn = async () => {
    while (!isOver) {
      model.step(stage.store)
      await pause(50 + dice.below(250))
    }
  }
  const churning = churn()
  try {
    await fault.play({ stage, model, dice })
  } finally {
    isOver = true
    await churning
  }
  const at = (what: string) => `${fault.name}: ${what}`
  try {
    await stage.sessionsFlow()
    await stage.routersHave(() => model.planned())
    await stage.sessionsUp()
  } catch (error) {
    return [at(error instanceof Error ? error.message : String(error))]
  }
  const troubles = [
    ...torTroubles(stage, model, fault.forces, since),
    ...twinTroubles(stage, model, fault.forces, heardBefore),
  ]
  if (stage.fallen) troubles.push('the daemon ended by itself')
  else if (!(await stage.isHealthy())) troubles.push('/healthz does not answer')
  return troubles.map(at)
}

const ends: readonly string[] = ['BGP session closed', 'State changed to stop', 'State changed to down']

/** Of what the BIRD wrote down: sessions that ended without a cause, and planned routes that went. */
function torTroubles(stage: Stage, model: ClusterModel, forces: Forces, since: number): string[] {
  const steady = new Set(model.steady())
  const kept = forces === 'nothing' || (forces !== 'sessions' && stage.options.graceful)
  const down = new Set<string>()
  const comebacks = new Map<string, number>()
  const troubles = new Set<string>()
  for (const { session, what, prefix } of stage.torHeard(since)) {
    if (ends.includes(what)) {
      down.add(session)
      if (forces === 'nothing') troubles.add(`BIRD: the session ${session} ended`)
    }
    if (what === 'State changed to up') {
      down.delete(session)
      comebacks.set(session, (comebacks.get(session) ?? 0) + 1)
    }
    // One that came up and fell again before it had sent all anew: what is stale since before then goes.
    const isStaleTwice = forces === 'restarts' && (comebacks.get(session) ?? 0) > 0
    if (what !== 'removed' || !steady.has(prefix) || isStaleTwice) continue
    if (!down.has(session)) troubles.add(`BIRD: ${prefix} was withdrawn over ${session}`)
    else if (kept) troubles.add(`BIRD: ${prefix} went with the session ${session}`)
  }
  return [...troubles]
}

function twinTroubles(stage: Stage, model: ClusterModel, forces: Forces, from: number): string[] {
  const steady = new Set(model.steady())
  const troubles = stage
    .twinHeard()
    .slice(from)
    .flatMap(({ what, of }) => {
      if (what === 'withdrawn' && steady.has(of)) return [`FRR: ${of} was withdrawn`]
      return what === 'down' && forces === 'nothing' ? [`FRR: the session with ${of} ended`] : []
    })
  return [...new Set(troubles)]
}
