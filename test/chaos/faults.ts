/** What can go wrong around the daemon, one by one, and what each may take down with it: nothing else may move. */

import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { Dice } from '../fuzz/dice.ts'
import { eventually } from '../topology/runner.ts'
import type { ClusterModel } from './cluster-model.ts'
import type { Stage } from './stage.ts'
import type { Impairment } from './wire.ts'

/** All that a fault has to play with. */
export interface Scene {
  readonly stage: Stage
  readonly model: ClusterModel
  readonly dice: Dice
}

/**
 * `nothing`: no session may end and no route may go. `sessions`: sessions may end, and the routes of a session with it. `restart`: sessions
 * may end; where graceful restart was agreed, no route may go. `restarts`: the same, but routers drop what is stale since an earlier restart
 * (RFC 4724 section 4.2).
 */
export type Forces = 'nothing' | 'sessions' | 'restart' | 'restarts'

export interface Fault {
  readonly name: string
  readonly forces: Forces
  /** With which source it makes sense; left out, with any. */
  readonly source?: 'api' | 'manifests'
  /** Does it, and undoes it: when it returns, all is as it was, but for what has to recover. */
  play(scene: Scene): Promise<void>
}

const seconds = (count: number) => pause(count * 1000)

/** Of the switch. */
const ports: readonly string[] = ['node1', 'tor', 'twin']

/** Pulls and plugs in the cable at the switch: the node keeps its addresses, as it does with a real one. */
const cable = (stage: Stage, port: string, state: 'up' | 'down') =>
  stage.topology.run('switch', ['ip', 'link', 'set', port, state])

async function flap({ stage }: Scene, port: string, lengthSeconds: number): Promise<void> {
  await cable(stage, port, 'down')
  await seconds(lengthSeconds)
  await cable(stage, port, 'up')
}

async function impair(stage: Stage, impairment: Impairment, lengthSeconds: number): Promise<void> {
  await stage.impair(impairment)
  await seconds(lengthSeconds)
  if ((await stage.impair({})) === 0) throw new Error('the cable touched no frame: the fault was none')
}

async function killAndReturn({ stage, dice }: Scene): Promise<void> {
  await stage.killDaemon()
  await pause(dice.below(1500))
  stage.startDaemon()
}

/** Once, out of a settled state: where graceful restart was agreed, the FRR too has to hold on to what never changes. */
async function killOnce(scene: Scene): Promise<void> {
  const { stage, model } = scene
  await stage.killDaemon()
  await eventually('the FRR sees its sessions end', 15_000, async () => {
    const last = new Map(stage.twinHeard().flatMap(({ what, of }) => (what === 'withdrawn' ? [] : [[of, what]])))
    return last.size === 2 && [...last.values()].every((what) => what === 'down')
  })
  if (stage.options.graceful) {
    const held = new Set((await stage.twin.table(stage.topology)).map((row) => row.split(' ')[0]))
    const gone = model.steady().filter((prefix) => !held.has(prefix))
    if (gone.length > 0) throw new Error(`FRR dropped ${gone.join(' ')} though graceful restart was agreed`)
  }
  await pause(scene.dice.below(1500))
  stage.startDaemon()
}

async function stop(stage: Stage, lengthSeconds: number): Promise<void> {
  const { pid } = stage.daemon
  process.kill(pid, 'SIGSTOP')
  await seconds(lengthSeconds)
  process.kill(pid, 'SIGCONT')
}

/** Refuses what the daemon asks of the API server, once its watches are broken and it has to ask. */
async function refuse({ stage, dice }: Scene, status: number, retryAfterSeconds?: number): Promise<void> {
  const after = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
  const before = stage.api.requests.length
  stage.api.answer(status, { times: 3 + dice.below(6), path: /nodes|services|endpointslices/, ...after })
  stage.api.breakWatches(dice.pick(['close', 'reset']))
  await seconds(3 + dice.below(4))
  const refused = stage.api.requests.slice(before).filter((one) => one.status === status)
  if (refused.length === 0) throw new Error(`nothing was answered with ${status}: the fault was none`)
}

/** Ways to keep a server busy: nothing at all, half a request, no HTTP, and a large body for nobody. */
const nuisances: readonly string[] = [
  '',
  'GET /v1/peers HTTP/1.1\r\nHost: ',
  '\u0000\u0001\u0002 this is no HTTP\r\n\r\n',
  `POST /v1/explain HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n${'x'.repeat(65536)}`,
  `GET /v1/explain?subject=${'a'.repeat(15000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  'GET /v1/routes?view=in HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50),
]

async function floodAdmin({ stage }: Scene): Promise<void> {
  const sockets = Array.from({ length: 300 }, (_, index) => {
    const socket = connect(stage.socket)
    socket.on('error', () => {})
    socket.on('connect', () => socket.write(nuisances[index % nuisances.length]!))
    return socket
  })
  await seconds(4)
  const beganMs = performance.now()
  await stage.snapshot()
  const tookMs = performance.now() - beganMs
  for (const socket of sockets) socket.destroy()
  if (tookMs > 5000) throw new Error(`a question took ${Math.round(tookMs)} ms while the admin socket was flooded`)
}

async function fillDisk(scene: Scene): Promise<void> {
  const { stage } = scene
  const filler = join(stage.own, 'filler')
  const fd = openSync(filler, 'w')
  try {
    for (;;) writeSync(fd, Buffer.alloc(4096))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
  closeSync(fd)
  await killAndReturn(scene)
  await stage.sessionsUp()
  spawnSync('rm', ['-f', filler])
}

/** Writes a file of a service again as block YAML, which can be whole at any line, with a pause in its middle. */
async function halfWritten({ stage, model, dice }: Scene): Promise<void> {
  for (let round = 0; round < 6; round++) {
    const objects = model.objects()
    const object = dice.pick(objects)
    const path = stage.fileOf(object)
    const isYaml = dice.chance(50)
    const text = isYaml ? `${stringify(object)}` : JSON.stringify(object)
    const whole = readFileSync(path, 'utf8')
    if (isYaml) writeFileSync(path, text)
    await pause(100)
    const fd = openSync(path, 'w')
    const half = dice.below(text.length)
    writeSync(fd, text.slice(0, half))
    // JSON that is cut is never whole; of YAML nobody can tell, so its writer may not stop for long.
    await pause(isYaml ? 10 + dice.below(30) : 500 + dice.below(2500))
    writeSync(fd, text.slice(half))
    closeSync(fd)
    await pause(50)
    if (isYaml) writeFileSync(path, whole)
  }
}

async function stepClock({ stage, dice }: Scene): Promise<void> {
  for (const offset of [dice.pick(['+1h', '+90d', '+10y']), dice.pick(['-1h', '-30d']), '+0s']) {
    writeFileSync(clockFile(stage), offset)
    await seconds(4)
  }
}

/** The file that says by how much the daemon's wall clock is off. */
export const clockFile = (stage: { readonly topology: { readonly work: string } }) => join(stage.topology.work, 'clock')

export const faults: readonly Fault[] = [
  { name: 'killed', forces: 'restart', play: killOnce },
  {
    name: 'killed again and again while it starts',
    forces: 'restarts',
    play: async (scene) => {
      for (let round = 0; round < 4; round++) {
        await killAndReturn(scene)
        await pause(scene.dice.below(1200))
      }
    },
  },
  { name: 'stopped for 5 s', forces: 'nothing', play: ({ stage }) => stop(stage, 5) },
  { name: 'stopped for 20 s', forces: 'sessions', play: ({ stage }) => stop(stage, 20) },
  { name: 'clock stepped', forces: 'nothing', play: stepClock },
  { name: 'packets lost', forces: 'nothing', play: ({ stage }) => impair(stage, { loss: 5 }, 12) },
  { name: 'packets delayed', forces: 'nothing', play: ({ stage }) => impair(stage, { delay: 200 }, 12) },
  {
    name: 'packets reordered and doubled',
    forces: 'nothing',
    play: ({ stage }) => impair(stage, { delay: 5, jitter: 40, twice: 10 }, 12),
  },
  { name: 'packets lost, a third of them', forces: 'sessions', play: ({ stage }) => impair(stage, { loss: 33 }, 15) },
  // At the node's end: a router whose own link goes ends its sessions at once.
  { name: 'link away for 2 s', forces: 'nothing', play: (scene) => flap(scene, 'node1', 2) },
  { name: 'link away for 14 s', forces: 'sessions', play: (scene) => flap(scene, scene.dice.pick(ports), 14) },
  {
    name: 'link flapping',
    forces: 'sessions',
    play: async (scene) => {
      for (let round = 0; round < 6; round++) {
        await flap(scene, scene.dice.pick(ports), 0.2 + scene.dice.below(1500) / 1000)
        await pause(scene.dice.below(1500))
      }
    },
  },
  {
    name: 'large packets dropped on the way',
    forces: 'sessions',
    play: ({ stage }) => impair(stage, { largest: 120 }, 14),
  },
  { name: 'disk full, and killed', forces: 'restart', play: fillDisk },
  {
    name: 'API server away',
    source: 'api',
    forces: 'nothing',
    play: async ({ stage, dice }) => {
      await stage.api.pause()
      await seconds(5 + dice.below(10))
      if (dice.chance(50)) stage.api.compact()
      await stage.api.resume()
    },
  },
  {
    name: 'API server restarted, with nothing remembered',
    source: 'api',
    forces: 'nothing',
    play: ({ stage, dice }) => stage.api.restart({ downMs: dice.below(4000) }),
  },
  { name: 'API server says 429', source: 'api', forces: 'nothing', play: (scene) => refuse(scene, 429, 1) },
  { name: 'API server says 500', source: 'api', forces: 'nothing', play: (scene) => refuse(scene, 500) },
  { name: 'API server says 503', source: 'api', forces: 'nothing', play: (scene) => refuse(scene, 503) },
  { name: 'API server says 401', source: 'api', forces: 'nothing', play: (scene) => refuse(scene, 401) },
  { name: 'API server says 403', source: 'api', forces: 'nothing', play: (scene) => refuse(scene, 403) },
  {
    name: 'lists cut in the middle',
    source: 'api',
    forces: 'nothing',
    play: async ({ stage, dice }) => {
      stage.api.compact()
      stage.apiWire.cut(300 + dice.below(6000), 3 + dice.below(5))
      stage.api.breakWatches('reset')
      await seconds(5)
    },
  },
  {
    name: 'watches broken',
    source: 'api',
    forces: 'nothing',
    play: async ({ stage, dice }) => {
      for (let round = 0; round < 5; round++) {
        stage.api.breakWatches(dice.pick(['close', 'reset', 'garbage']))
        if (dice.chance(30)) stage.api.compact()
        await pause(300 + dice.below(1500))
      }
    },
  },
  { name: 'manifests half written', source: 'manifests', forces: 'nothing', play: halfWritten },
  {
    name: 'admin socket flooded',
    forces: 'nothing',
    play: async (scene) => {
      await floodAdmin(scene)
      await eventually('the admin socket answers', 5000, async () => (await scene.stage.snapshot()).asn === 64512)
    },
  },
]
