/** Real routers with BFD: how each is started in a node of the topology, and what it says of its sessions. */

import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Program, Topology } from '../topology/runner.ts'

/** A session as the router sees it, its times in milliseconds. */
export interface RouterSession {
  readonly peer: string
  readonly up: boolean
  /** Between two packets to us. */
  readonly interval: number
  /** After which silence of ours it takes the path to have failed. */
  readonly timeout: number
  /** Ours, of a router that tells discriminators. */
  readonly discriminator?: number
  /** What we said last of why. */
  readonly remoteDiagnostic?: string
}

export interface BfdRouter {
  readonly name: string
  /** What speaks BGP; its log tells why sessions ended. */
  start(topology: Topology): Promise<Program>
  sessions(topology: Topology): Promise<RouterSession[]>
  readonly tellsDiscriminators: boolean
  /** How often any session went down. */
  downs(topology: Topology): Promise<number>
  /** BGP sessions that are Established. */
  established(topology: Topology): Promise<number>
  /** In its log: that we ended a session with a reason. */
  readonly heardShutdown: RegExp
  /** Watches a peer over many hops too (RFC 5883), and says whether it is up; absent where that takes another configuration. */
  readonly multihop?: (topology: Topology, peer: string, local: string) => Promise<boolean>
  /** Switches BFD off on purpose for a peer, and on again; absent where the router goes silent instead. */
  setShutdown?(topology: Topology, peer: string, local: string, shutdown: boolean): Promise<void>
}

const node = 'tor'

/**
 * Before a command: real-time priority, where the machine gives it. A router that waits for a processor for longer than the detection time
 * says that the path has failed, or makes us say so.
 */
export const promptly: readonly string[] =
  spawnSync('chrt', ['--rr', '1', 'true']).status === 0 ? ['chrt', '--rr', '1'] : []

interface FrrSession {
  readonly peer: string
  readonly multihop: boolean
  readonly status: string
  readonly 'remote-id': number
  readonly 'remote-diagnostic': string
  readonly 'receive-interval': number
  readonly 'transmit-interval': number
  readonly 'remote-receive-interval': number
  readonly 'remote-transmit-interval': number
  readonly 'remote-detect-multiplier': number
}

function vtysh(topology: Topology, daemon: string, ...commands: readonly string[]): Promise<string> {
  const words = commands.flatMap((command) => ['-c', command])
  return topology.run(node, ['vtysh', '--vty_socket', join(topology.work, 'frr'), '-d', daemon, ...words])
}

const frr: BfdRouter = {
  name: 'frr',
  start: async (topology) => {
    const folder = join(topology.work, 'frr')
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    chmodSync(topology.work, 0o755)
    const shared = ['-z', join(folder, 'zserv.api'), '--vty_socket', folder, '-P', '0', '--log', 'stdout']
    const start = (name: string, ...more: readonly string[]) =>
      topology.start(node, [...promptly, `/usr/lib/frr/${name}`, ...shared, '-i', join(folder, `${name}.pid`), ...more])
    // They give up root first, and a checkout may be in a folder that nobody else may enter.
    const readable = (name: string) => {
      const copy = join(folder, name)
      copyFileSync(topology.bound(node, `/etc/frr/${name}`), copy)
      chmodSync(copy, 0o644)
      return copy
    }
    start('zebra', '-f', '/dev/null')
    // The others ask it for interfaces as soon as they are there.
    await new Promise((done) => setTimeout(done, 1000))
    start('bfdd', '--bfdctl', join(folder, 'bfdd.sock'), '-f', readable('bfdd.conf'))
    return start('bgpd', '-n', '-f', readable('bgpd.conf'))
  },
  tellsDiscriminators: true,
  sessions: async (topology) => {
    const all = JSON.parse(await vtysh(topology, 'bfdd', 'show bfd peers json')) as FrrSession[]
    return all.map((one) => ({
      peer: one.peer,
      up: one.status === 'up',
      interval: Math.max(one['transmit-interval'], one['remote-receive-interval']),
      timeout: one['remote-detect-multiplier'] * Math.max(one['receive-interval'], one['remote-transmit-interval']),
      discriminator: one['remote-id'],
      remoteDiagnostic: one['remote-diagnostic'],
    }))
  },
  downs: async (topology) => {
    const text = await vtysh(topology, 'bfdd', 'show bfd peers counters')
    return [...text.matchAll(/Session down events: (\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0)
  },
  established: async (topology) => {
    const text = await vtysh(topology, 'bgpd', 'show bgp neighbors')
    return [...text.matchAll(/BGP state = Established/g)].length
  },
  heardShutdown: /NOTIFICATION: received .*Administrative Shutdown/g,
  multihop: async (topology, peer, local) => {
    const session = `peer ${peer} multihop local-address ${local}`
    await vtysh(topology, 'bfdd', 'configure terminal', 'bfd', session, 'receive-interval 100', 'transmit-interval 100')
    const all = JSON.parse(await vtysh(topology, 'bfdd', 'show bfd peers json')) as FrrSession[]
    return all.some((one) => one.multihop && one.peer === peer && one.status === 'up')
  },
  setShutdown: async (topology, peer, local, shutdown) => {
    const session = `peer ${peer} local-address ${local} interface eth1`
    await vtysh(topology, 'bfdd', 'configure terminal', 'bfd', session, shutdown ? 'shutdown' : 'no shutdown')
  },
}

const bird: BfdRouter = {
  name: 'bird',
  start: async (topology) => {
    const files = ['-s', join(topology.work, 'bird.ctl'), '-P', join(topology.work, 'bird.pid')]
    return topology.start(node, [
      ...promptly,
      'bird',
      '-f',
      '-c',
      topology.bound(node, '/etc/bird/bird.conf'),
      ...files,
    ])
  },
  tellsDiscriminators: false,
  sessions: async (topology) => {
    const text = await birdc(topology, 'show', 'bfd', 'sessions')
    const rows = text.matchAll(/^(\S+)\s+eth1\s+(\w+)\s+\S+(?: \S+)?\s+([\d.]+)\s+([\d.]+)$/gm)
    return [...rows].map(([, peer, state, interval, timeout]) => ({
      peer: peer!,
      up: state === 'Up',
      interval: Math.round(Number(interval) * 1000),
      timeout: Math.round(Number(timeout) * 1000),
    }))
  },
  downs: async (topology) => {
    // It counts nothing, but it says since when.
    const sessions = await bird.sessions(topology)
    return sessions.filter(({ up }) => !up).length
  },
  established: async (topology) => {
    const text = await birdc(topology, 'show', 'protocols')
    return [...text.matchAll(/^over\d.*Established/gm)].length
  },
  heardShutdown: /over\d: Received: Administrative shutdown/g,
}

function birdc(topology: Topology, ...words: readonly string[]): Promise<string> {
  return topology.run(node, ['birdc', '-s', join(topology.work, 'bird.ctl'), ...words])
}

export const bfdRouters: readonly BfdRouter[] = [frr, bird]
