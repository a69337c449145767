/**
 * `node test/bench/kernel.ts [--scale F] [--kill]`: a peer sends 100,000 IPv4 and 20,000 IPv6 routes (times F), which go into the kernel of a
 * namespace. The clock runs from the first octet until the last route is in the RIB, and until the kernel has it. With `--kill` the daemon is
 * killed in the middle and started again. Needs root.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { SpeakerSnapshot } from '../../speaker/index.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'

const { values } = parseArgs({ options: { scale: { type: 'string', default: '1' }, kill: { type: 'boolean' } } })
const scale = Number(values.scale)
const main = join(import.meta.dirname, '../../daemon/main.ts')
const limitMs = 120_000

const topology = await Topology.layOut(join(import.meta.dirname, 'bench.clab.yml'))
const config = join(topology.work, 'tandem.json')
const socket = join(topology.work, 'tandem.sock')
const peers = [{ address: '10.0.0.1', asn: 65001, import: 'accept-all', passive: true, 'hold-time': 180 }]
writeFileSync(config, JSON.stringify({ asn: 64512, 'router-id': '10.0.0.2', addresses: { ipv4: '10.0.0.2' }, peers }))

const command = [process.execPath, main, 'run', '--source=none', `--config=${config}`, `--admin-socket=${socket}`]
const startDaemon = (...flags: string[]) => topology.start('router', [...command, ...flags])
const resident = ({ pid }: Program, what: string) =>
  Math.round(
    Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
  )
const processor = ({ pid }: Program) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Counting costs both, the daemon and the machine: not more often than this. */
const pollMs = 100

async function snapshot(): Promise<SpeakerSnapshot> {
  await new Promise((done) => setTimeout(done, pollMs))
  const curl = ['curl', '-s', '--unix-socket', socket, 'http://tandem/v1/peers']
  return JSON.parse(await topology.run('router', curl)) as SpeakerSnapshot
}

async function inKernel(): Promise<number> {
  await new Promise((done) => setTimeout(done, pollMs))
  const count = async (family: string) => {
    const text = await topology.run('router', ['sh', '-c', `ip ${family} -o route show proto 178 | wc -l`])
    return Number(text)
  }
  return (await count('-4')) + (await count('-6'))
}

function feed(): { events: () => { event: string; at: number }[]; program: Program } {
  const peer = join(import.meta.dirname, 'peer.ts')
  const words = ['feed', '10.0.0.2', '10.0.0.1', '65001', String(scale / 10)]
  const program = topology.start('peers', [process.execPath, peer, ...words])
  const events = () =>
    program
      .log()
      .split('\n')
      .flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as { event: string; at: number }] : []))
  return { events, program }
}

const wanted = 120_000 * scale
const now = () => performance.timeOrigin + performance.now()
const seconds = (from: number) => ((now() - from) / 1000).toFixed(2)

async function run(flags: readonly string[]): Promise<void> {
  const daemon = startDaemon(...flags)
  await eventually('the daemon answers', 10_000, snapshot)
  const idle = resident(daemon, 'VmRSS')
  const before = processor(daemon)
  const { events, program } = feed()
  const first = await eventually('the first octet', limitMs, async () =>
    events().find(({ event }) => event === 'first-byte'),
  )
  const held = async () => {
    const { routes } = await snapshot()
    return routes['ipv4-unicast'].prefixes + routes['ipv6-unicast'].prefixes >= wanted
  }
  await eventually('all in the RIB', limitMs, held)
  const rib = seconds(first.at)
  let kernel = 'off'
  if (flags.length > 0) {
    await eventually('all in the kernel', limitMs, async () => {
      const { families } = (await snapshot()).kernel!
      const all = Object.values(families)
      return all.every(({ pending }) => pending === 0) && all.reduce((sum, one) => sum + one.installed, 0) >= wanted
    })
    kernel = `${seconds(first.at)} s`
    await eventually('the kernel says so', limitMs, async () => (await inKernel()) === wanted)
  }
  const used = (processor(daemon) - before).toFixed(2)
  process.stdout.write(
    `${flags.length > 0 ? 'installed' : 'not installed'}: RIB ${rib} s, kernel ${kernel}, processor ${used} s, ` +
      `memory ${idle} MB idle, ${resident(daemon, 'VmRSS')} MB after, ${resident(daemon, 'VmHWM')} MB at most\n`,
  )
  if (flags.length > 0) {
    const start = now()
    await program.stop('SIGKILL')
    await eventually('all gone', limitMs, async () => (await inKernel()) === 0)
    process.stdout.write(`session lost: all removed after ${seconds(start)} s\n`)
  } else await program.stop('SIGKILL')
  await daemon.stop()
}

/** Killed in the middle of installing; the next one has to end with the whole set, and moves nothing that is right. */
async function killed(): Promise<void> {
  for (const share of [0.1, 0.4, 0.8]) {
    const first = startDaemon('--install-routes')
    await eventually('the daemon answers', 10_000, snapshot)
    const feeding = feed()
    await eventually('some are in the kernel', limitMs, async () => (await inKernel()) > wanted * share)
    await first.stop('SIGKILL')
    await feeding.program.stop('SIGKILL')
    const left = await inKernel()
    const second = startDaemon('--install-routes', '--install-routes-wait=15s')
    await eventually('the daemon answers', 10_000, snapshot)
    const again = feed()
    const start = now()
    await eventually('the whole set', limitMs, async () => (await inKernel()) === wanted)
    const { families } = (await snapshot()).kernel!
    process.stdout.write(`killed with ${left} in the kernel: the whole set ${seconds(start)} s after the restart\n`)
    process.stdout.write(`  repaired ${Object.values(families).map(({ repaired }) => repaired)}\n`)
    await again.program.stop('SIGKILL')
    await second.stop()
    await topology.run('router', [process.execPath, main, 'clean-routes', `--admin-socket=${socket}`])
  }
}

try {
  if (values.kill) await killed()
  else {
    await run([])
    await run(['--install-routes'])
  }
} finally {
  await topology.tearDown()
}
