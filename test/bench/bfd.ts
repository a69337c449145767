/**
 * `npm run bench:bfd -- [--minutes N] [--scale F] [--interval MS] [--stall]`: BFD against FRR's bfdd at 3 x 100 ms over both families, while the
 * main thread imports a full table over and over (with --stall it is blocked for 400 of every 450 ms beside that). FRR has real-time
 * priority where the machine gives it, so that what is measured is this end. Nothing fails: each
 * session that goes down is a false down, and the status is 1.
 */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ask } from '../../daemon/admin/client.ts'
import { table } from '../../daemon/render/table.ts'
import type { PeerSnapshot, SpeakerSnapshot } from '../../speaker/index.ts'
import { promptly } from '../interop/bfd-routers.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    scale: { type: 'string', default: '1' },
    interval: { type: 'string', default: '100' },
    stall: { type: 'boolean', default: false },
  },
})
const interval = Number(values.interval)
const here = import.meta.dirname
const pairs = [
  ['10.0.0.2', '10.0.0.1'],
  ['fd00::2', 'fd00::1'],
] as const

const topology = await Topology.layOut(join(here, 'bench.clab.yml'))
try {
  process.exitCode = (await measure()) === 0 ? 0 : 1
} finally {
  await topology.tearDown()
}

/** The number of false downs. */
async function measure(): Promise<number> {
  await startFrr()
  const socket = join(topology.work, 'tandem.sock')
  const tandem = startTandem(socket)
  const { pid } = tandem
  const peers = () => ask<SpeakerSnapshot>(socket, '/v1/peers').then((snapshot) => snapshot.peers)
  await eventually('BFD is up over both families', 20_000, async () =>
    (await peers()).every(({ bfd }) => bfd?.state === 'Up'),
  )
  if (values.stall) process.kill(pid, 'SIGUSR2')
  const program = [process.execPath, join(here, 'peer.ts'), 'refeed', '10.0.0.2', '10.0.0.1', '65001', values.scale]
  const feeder = topology.start('peers', program)
  const cpuBefore = cpuOf(pid)
  const began = performance.now()
  let most = 0
  while (performance.now() - began < Number(values.minutes) * 60_000) {
    await new Promise((done) => setTimeout(done, 1000))
    const { routes } = await ask<SpeakerSnapshot>(socket, '/v1/peers')
    most = Math.max(most, routes['ipv4-unicast'].paths + routes['ipv6-unicast'].paths)
  }
  const seconds = (performance.now() - began) / 1000
  if (values.stall) process.kill(pid, 'SIGUSR2')
  const busy = Math.round(((cpuOf(pid) - cpuBefore) / seconds) * 100)
  const imports = feeder.log().split('"event":"sent"').length - 1
  const all = await peers()
  const downs = all.reduce((sum, { bfd }) => sum + (bfd?.flaps ?? 0), 0)
  const downsAtFrr = await frrDowns()
  process.stdout.write(
    `\n3 x ${interval} ms for ${values.minutes} min: ${imports} imports, ${most} routes at most${values.stall ? ', main thread blocked 400 ms at a time' : ''}; ` +
      `the daemon used ${busy} % of a processor\n` +
      `false downs: ${downs} here, ${downsAtFrr} at FRR\n${latenessTable(all)}\n${reasons(tandem.log())}`,
  )
  return downs + downsAtFrr
}

/** Which end found each false down: an expired detection time is ours, the other is FRR's. */
function reasons(log: string): string {
  const lines = log.split('\n').filter((line) => line.includes('"msg":"BFD down"'))
  return lines.map((line) => `${line}\n`).join('')
}

function latenessTable(peers: readonly PeerSnapshot[]): string {
  const names = ['<1', '<2', '<5', '<10', '<20', '<50', '<100', '>=100']
  const rows = peers.map(({ name, bfd }) => [
    name,
    String(bfd?.packets.in ?? 0),
    String(bfd?.packets.out ?? 0),
    ...names.map((bucket) => String(bfd?.lateness[bucket] ?? 0)),
    String(bfd?.worstLateness ?? 0),
  ])
  return table(['PEER', 'IN', 'OUT', ...names.map((name) => `LATE ${name} ms`), 'WORST'], rows, 200)
}

function startTandem(socket: string): Program {
  const file = join(topology.work, 'tandem.json')
  const peers = pairs.map(([local, address]) => ({
    address,
    asn: 65001,
    'local-address': local,
    import: 'accept-all',
    export: 'originated-only',
    passive: true,
    'hold-time': 180,
    'max-prefixes': 0,
    bfd: { 'min-tx': interval, 'min-rx': interval, multiplier: 3 },
  }))
  const addresses = { ipv4: '10.0.0.2', ipv6: 'fd00::2' }
  writeFileSync(file, JSON.stringify({ asn: 64512, 'router-id': '10.0.0.2', addresses, peers }))
  const main = ['--import', join(here, '../interop/stall.ts'), join(here, '../../daemon/main.ts')]
  const words = ['run', '--source', 'none', '--config', file, '--admin-socket', socket]
  return topology.start('router', [process.execPath, ...main, ...words])
}

async function startFrr(): Promise<void> {
  const folder = join(topology.work, 'frr')
  mkdirSync(folder)
  chmodSync(folder, 0o777)
  chmodSync(topology.work, 0o755)
  const sessions = pairs.map(
    ([peer, local]) =>
      ` peer ${peer} local-address ${local} interface eth1\n  detect-multiplier 3\n  receive-interval ${interval}\n  transmit-interval ${interval}\n exit\n`,
  )
  writeFileSync(join(folder, 'bfdd.conf'), `bfd\n${sessions.join('')}`)
  const shared = ['-z', join(folder, 'zserv.api'), '--vty_socket', folder, '-P', '0', '--log', 'stdout']
  const start = (name: string, ...more: readonly string[]) =>
    topology.start('peers', [
      ...promptly,
      `/usr/lib/frr/${name}`,
      ...shared,
      '-i',
      join(folder, `${name}.pid`),
      ...more,
    ])
  start('zebra', '-f', '/dev/null')
  await new Promise((done) => setTimeout(done, 1000))
  start('bfdd', '--bfdctl', join(folder, 'bfdd.sock'), '-f', join(folder, 'bfdd.conf'))
}

async function frrDowns(): Promise<number> {
  const command = ['vtysh', '--vty_socket', join(topology.work, 'frr'), '-d', 'bfdd', '-c', 'show bfd peers counters']
  const text = await topology.run('peers', command)
  return [...text.matchAll(/Session down events: (\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0)
}

/** Seconds of processor time that a process has used. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
