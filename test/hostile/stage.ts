/**
 * The daemon under attack and those who must not notice: a peer over IPv4 and one over IPv6, with routes of both families both ways.
 * Everything runs on two machines made of network namespaces; this process is in the one of the peers.
 */

import { execFile } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { encodeMessage, families } from 'bgp-ts'
import { systemCall } from '../../speaker/transport/system.ts'
import { message, updateBody } from '../support/bytes.ts'
import { attribute, keepalive, openOf, origin, ownAsn, type WireRoute, wireRoute } from '../support/wire-peer.ts'
import { type Program, Topology } from '../topology/runner.ts'
import { Attacker, pause, until } from './attacker.ts'
import { loudAddress, targetAddress } from './scene.ts'
import type { Declared, Target } from './targets.ts'

const exec = promisify(execFile)

const witnessed = [
  { over: 'IPv4', address: '10.0.0.3', asn: 65003, routes: stable(3) },
  { over: 'IPv6', address: 'fd00::4', asn: 65004, routes: stable(4) },
] as const

export class Stage {
  readonly target: Target
  readonly #topology: Topology
  readonly #peers: readonly Declared[]
  /** The namespace that this process came from. */
  readonly #home = openSync('/proc/self/ns/net', 'r')
  #program!: Program
  #ended = false
  #keepalives: NodeJS.Timeout | undefined
  witnesses: Attacker[] = []
  /** Octets. */
  memoryAtFirst = 0

  private constructor(target: Target, topology: Topology, peers: readonly Declared[]) {
    this.target = target
    this.#topology = topology
    const loud = Object.values(loudAddress).map((address) => ({ address, asn: 65001 }))
    this.#peers = [...witnessed.map(({ address, asn }) => ({ address, asn })), ...loud, ...peers]
  }

  static async set(target: Target, peers: readonly Declared[]): Promise<Stage> {
    const topology = await Topology.layOut(join(import.meta.dirname, '../topology/hostile.clab.yml'))
    const stage = new Stage(target, topology, peers)
    try {
      await stage.#addAddresses()
      enter(`/run/netns/${topology.namespace('peers')}`)
      await stage.start()
      stage.memoryAtFirst = await stage.memory()
    } catch (error) {
      const log = (stage.#program as Program | undefined)?.log().slice(-2000) ?? ''
      await stage.strike()
      throw new Error(`the stage could not be set: ${error instanceof Error ? error.message : error}\n${log}`)
    }
    return stage
  }

  /** Starts the daemon, and those beside; returns when they know all of each other. */
  async start(): Promise<void> {
    this.#ended = false
    this.#program = await this.target.start(this.#topology, this.#peers)
    void this.#program.ended.then(() => {
      this.#ended = true
    })
    this.witnesses = []
    for (const one of witnessed) this.witnesses.push(await this.#witness(one))
    clearInterval(this.#keepalives)
    this.#keepalives = setInterval(() => {
      for (const one of this.witnesses) one.send(keepalive)
    }, 20_000)
    const knowing = () =>
      this.witnesses.every(({ routes }, index) => othersOf(index).every(({ text }) => routes.has(text)))
    if (!(await until(knowing, 30_000))) throw new Error('those beside do not hear of each other')
    await pause(300)
    for (const { moves } of this.witnesses) moves.clear()
  }

  /** What became of those beside, and of the daemon; empty where nothing did. */
  async troubles(): Promise<string[]> {
    if (this.#ended) return ['it crashed']
    const troubles: string[] = []
    this.witnesses.forEach(({ end, routes, moves, malformed }, index) => {
      const name = `the session over ${witnessed[index]!.over}`
      if (end !== undefined) troubles.push(`${name} ended: ${end}`)
      if (malformed !== undefined) troubles.push(`${name} was told something malformed: ${malformed}`)
      const others = othersOf(index).map(({ text }) => text)
      const lost = others.filter((text) => !routes.has(text))
      if (lost.length > 0) troubles.push(`${name} lost ${lost.join(' ')}`)
      const moved = others.filter((text) => moves.has(text))
      if (moved.length > 0) troubles.push(`routes of ${name} moved: ${moved.join(' ')}`)
      moves.clear()
    })
    await this.target.ask?.(this.#topology).catch((error: Error) => troubles.push(`its own socket: ${error.message}`))
    return troubles
  }

  get crashed(): boolean {
    return this.#ended
  }

  /** Octets that all its processes hold. */
  async memory(): Promise<number> {
    const { stdout } = await exec('ip', ['netns', 'pids', this.#topology.namespace('tor')])
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((pid) => /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
      .reduce((sum, kilobytes) => sum + Number(kilobytes ?? 0) * 1024, 0)
  }

  get log(): string {
    return this.#program.log()
  }

  /** Ends the daemon and begins anew, after a crash or where those beside were hit. */
  async again(): Promise<void> {
    for (const one of this.witnesses) one.break()
    await this.#program.stop('SIGKILL')
    await this.#killRest()
    await this.start()
  }

  async strike(): Promise<void> {
    clearInterval(this.#keepalives)
    for (const one of this.witnesses) one.break()
    // What is left in a namespace is killed with it.
    enter(this.#home)
    await this.#topology.tearDown()
  }

  /** Routers that are several processes leave some behind. */
  async #killRest(): Promise<void> {
    const { stdout } = await exec('ip', ['netns', 'pids', this.#topology.namespace('tor')])
    for (const pid of stdout.split('\n').filter(Boolean)) await exec('kill', ['-KILL', pid]).catch(() => {})
    await pause(200)
  }

  async #addAddresses(): Promise<void> {
    const file = join(this.#topology.work, 'addresses')
    const length = (address: string) => (address.includes(':') ? 64 : 16)
    const lines = this.#peers.map(({ address }) => `addr add ${address}/${length(address)} dev eth1`)
    writeFileSync(file, `${lines.join('\n')}\n`)
    await this.#topology.run('peers', ['ip', '-batch', file])
  }

  async #witness({ over, address, asn, routes }: (typeof witnessed)[number]): Promise<Attacker> {
    const to = targetAddress[over]
    const deadline = Date.now() + 40_000
    for (;;) {
      const one = Attacker.dial(address, to)
      await until(() => one.connected || one.closed !== undefined, 2000)
      one.send(encodeMessage(openOf({ at: address, to, asn, peerAsn: ownAsn, holdTime: 180 })), keepalive)
      if (await until(() => one.count('keepalive') > 0 || one.closed !== undefined, 3000)) {
        if (one.count('keepalive') > 0) {
          const path = `${origin}${attribute('40', 2, `0201 0000${asn.toString(16)}`)}`
          one.send(...routes.map((route) => message(2, updateBody(route.announced(path)))))
          return one
        }
      }
      one.break()
      if (this.#ended) throw new Error('the daemon ended')
      if (Date.now() > deadline) throw new Error(`no session over ${over}: ${one.end ?? 'silence'}`)
      await pause(200)
    }
  }
}

/** Ten routes of each family, which must not move. */
function stable(which: number): WireRoute[] {
  const octet = (value: number) => value.toString(16).padStart(2, '0')
  return families.flatMap((family) =>
    Array.from({ length: 10 }, (_, index) =>
      family === 'ipv4-unicast'
        ? wireRoute(family, `172.${16 + which}.${index}.0/24`, `18ac${octet(16 + which)}${octet(index)}`)
        : wireRoute(family, `2001:db8:${which}${index}::/48`, `3020010db800${which}${index}`),
    ),
  )
}

function othersOf(index: number): readonly WireRoute[] {
  return witnessed.flatMap(({ routes }, other) => (other === index ? [] : routes))
}

/** Moves this process into a network namespace: its sockets, and programs that it starts, are there from then on. */
function enter(namespace: string | number): void {
  const setns = systemCall<(fd: number, kind: number) => number>('int setns(int, int)')
  const fd = typeof namespace === 'number' ? namespace : openSync(namespace, 'r')
  if (setns(fd, 0) !== 0) throw new Error(`cannot enter the network namespace ${namespace}`)
  closeSync(fd)
}
