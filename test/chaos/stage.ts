/**
 * One node with the daemon as its image runs it, two routers that write down what they hear, BIRD and FRR, and a Kubernetes API (or a
 * folder of manifests) that a story can break. All sessions carry both families, over IPv4 and over IPv6.
 */

import { execFile } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ask } from '../../daemon/admin/client.ts'
import type { SpeakerSnapshot } from '../../speaker/index.ts'
import { type Heard, Recorder } from '../cluster/recorder.ts'
import { frrOn, type Router } from '../interop/routers.ts'
import { FakeApiServer } from '../support/api-server/api-server.ts'
import { ApiWire } from '../support/api-wire.ts'
import { asInPod, imageEnvironment, imageUser, laidOutImage } from '../support/image.ts'
import type { KubeObject } from '../support/kube-objects.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'
import type { ObjectStore } from './cluster-model.ts'
import type { Impairment } from './wire.ts'

export interface StageOptions {
  readonly source: 'api' | 'manifests'
  /** Graceful restart, at all ends. */
  readonly graceful: boolean
  /** Who the peers are: left out, flags name the routers, and annotations of the node do not count. */
  readonly peers?: 'annotations'
  /** Of what the cable does to single frames. */
  readonly seed?: number
  readonly flags?: readonly string[]
  /** Words of Node before the bundle. */
  readonly nodeOptions?: readonly string[]
}

/** How each router is reached, and its ASN. */
export const routerSessions = [
  { remoteip: '10.0.0.1', remoteasn: 65001 },
  { remoteip: 'fd00::1', remoteasn: 65001 },
  { remoteip: '10.0.0.3', remoteasn: 65002 },
  { remoteip: 'fd00::3', remoteasn: 65002 },
] as const

const routerFlags = [
  `--peer-router-ips=${routerSessions.map(({ remoteip }) => remoteip).join()}`,
  `--peer-router-asns=${routerSessions.map(({ remoteasn }) => remoteasn).join()}`,
]

/** Variables that the daemon is given beyond those of its image. */
type Environment = Readonly<Record<string, string>>

const exec = promisify(execFile)

const apiPort = 6443

export class Stage {
  readonly topology: Topology
  readonly options: StageOptions
  readonly api: FakeApiServer
  /** The BIRD. */
  readonly tor: Recorder
  /** The FRR. */
  readonly twin: Router = frrOn('twin')
  readonly #apiWire: ApiWire
  #twinProgram!: Program
  #daemon: Program | undefined
  /** Set when the daemon ends without having been told to. */
  fallen = false

  readonly #environment: Environment

  private constructor(topology: Topology, options: StageOptions, api: FakeApiServer, environment: Environment) {
    this.topology = topology
    this.#environment = environment
    this.options = options
    this.api = api
    this.tor = new Recorder(topology)
    this.#apiWire = new ApiWire(api, join(topology.work, 'api.sock'))
  }

  /** The namespaces, the routers and the API server; no daemon yet. */
  static async set(
    options: StageOptions,
    environmentIn: (topology: Topology) => Environment = () => ({}),
  ): Promise<Stage> {
    laidOutImage()
    const topology = await Topology.layOut(join(import.meta.dirname, '../topology/chaos.clab.yml'))
    const stage = new Stage(topology, options, await FakeApiServer.start(), environmentIn(topology))
    try {
      chmodSync(topology.work, 0o755)
      mkdirSync(stage.manifests)
      mkdirSync(stage.own)
      // What the daemon writes is on a disk of its own, small enough to be filled.
      await exec('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', stage.own])
      chownSync(stage.own, imageUser, imageUser)
      await stage.#apiWire.open()
      await stage.#layWire()
      stage.tor.start()
      stage.#twinProgram = await stage.twin.start(topology, topology.bound('twin', '/etc/frr/frr.conf'))
    } catch (error) {
      await stage.clear()
      throw error
    }
    return stage
  }

  /** The cable between the node's port of the switch and those of the routers. */
  async #layWire(): Promise<void> {
    const wire = join(import.meta.dirname, 'wire.ts')
    this.topology.start('switch', [process.execPath, wire, this.#cable, String(this.options.seed ?? 0), 'tap0', 'tap1'])
    await eventually('the cable is there', 5000, async () => existsSync(this.#cable))
    for (const [tap, bridge] of [
      ['tap0', 'br0'],
      ['tap1', 'br1'],
    ] as const) {
      await this.topology.run('switch', ['ip', 'link', 'set', tap, 'master', bridge, 'up'])
    }
  }

  get #cable(): string {
    return join(this.topology.work, 'cable.sock')
  }

  /** What the cable of the node does to frames from now on; how many it touched by what it did before. */
  async impair(impairment: Impairment): Promise<number> {
    const told = connect(this.#cable)
    told.write(JSON.stringify(impairment))
    const chunks: Buffer[] = []
    for await (const chunk of told as AsyncIterable<Buffer>) chunks.push(chunk)
    return Number(Buffer.concat(chunks).toString())
  }

  async clear(): Promise<void> {
    await this.topology.endAll()
    await exec('umount', ['-l', this.own]).catch(() => {})
    await this.topology.tearDown()
    this.#apiWire.close()
    await this.api.stop()
  }

  /** Folder of the manifests. */
  get manifests(): string {
    return join(this.topology.work, 'manifests')
  }

  /** Folder that the daemon may write to. */
  get own(): string {
    return join(this.topology.work, 'own')
  }

  /** As the node sees it. */
  readonly apiUrl = `http://127.0.0.1:${apiPort}`

  get socket(): string {
    return join(this.own, 'tandem.sock')
  }

  /** Where objects are put for the daemon to see. */
  get store(): ObjectStore {
    return this.options.source === 'api' ? this.#apiStore : this.#fileStore
  }

  get apiWire(): ApiWire {
    return this.#apiWire
  }

  get daemon(): Program {
    if (!this.#daemon) throw new Error('the daemon was not started')
    return this.#daemon
  }

  /** `api`: the flag that says where the API server is, in place of the usual one; `flags` come last. */
  startDaemon({ api, flags: last = [] }: { readonly api?: string; readonly flags?: readonly string[] } = {}): Program {
    const { source, graceful, peers, flags = [], nodeOptions = [] } = this.options
    const [node = '', ...rest] = laidOutImage().command
    const usual = source === 'api' ? `--master=${this.apiUrl}` : `--manifests=${this.manifests}`
    const words = [
      api ?? usual,
      '--hostname-override=node-1',
      '--enable-ibgp=false',
      '--cluster-asn=64512',
      ...(peers === 'annotations' ? [] : routerFlags),
      '--bgp-holdtime=9s',
      '--connect-retry=1s',
      '--advertise-loadbalancer-ip',
      '--loadbalancer-ip-range=203.0.113.0/24,2001:db8:113::/64',
      `--admin-socket=${this.socket}`,
      ...(graceful ? ['--bgp-graceful-restart', '--bgp-graceful-restart-deferral-time=20s'] : []),
      ...flags,
      ...last,
    ]
    // The relay shares the fate of the node, not that of the daemon.
    const relay = [
      process.execPath,
      join(import.meta.dirname, '../support/relay.ts'),
      String(apiPort),
      this.#apiWire.path,
    ]
    if (!this.#daemon && source === 'api') this.topology.start('node-1', relay)
    // Set behind the change of user: what is loaded before would make memory that the user may not open.
    const environment = Object.entries({ ...imageEnvironment, ...this.#environment }).map(
      ([key, value]) => `${key}=${value}`,
    )
    const command = [...asInPod, 'env', ...environment, node, ...nodeOptions, ...rest, 'run', ...words]
    const program = this.topology.start('node-1', command)
    this.#daemon = program
    void program.ended.then(() => {
      if (this.#daemon === program) this.fallen = true
    })
    return program
  }

  /** As the kernel or an operator ends it. */
  async killDaemon(): Promise<void> {
    const program = this.daemon
    this.#daemon = { ...program }
    await program.stop('SIGKILL')
  }

  /** The end of what the daemon wrote. */
  get lastLog(): string {
    return this.#daemon?.log().split('\n').slice(-25).join('\n') ?? ''
  }

  /** Copies all that was written down. */
  async keepLogs(folder: string): Promise<void> {
    mkdirSync(folder, { recursive: true })
    for (const name of readdirSync(this.topology.work)) {
      if (name.endsWith('.log')) copyFileSync(join(this.topology.work, name), join(folder, name))
    }
  }

  snapshot(): Promise<SpeakerSnapshot> {
    return ask<SpeakerSnapshot>(this.socket, '/v1/peers')
  }

  async isHealthy(): Promise<boolean> {
    const said = await this.topology.run('node-1', ['curl', '-sm', '5', 'http://127.0.0.1:20244/healthz'])
    return said === 'OK\n'
  }

  /** Waits for those with the routers. */
  async sessionsUp(limitMs = 60_000): Promise<void> {
    await eventually('all sessions are up', limitMs, async () => {
      const { peers } = await this.snapshot()
      const isUp = (at: string) => peers.some(({ address, state }) => address === at && state === 'Established')
      return routerSessions.every(({ remoteip }) => isUp(remoteip))
    })
  }

  /**
   * Waits until all that either end has said over a session has reached the other. What was lost is sent again ever more seldom: a hold timer
   * may still run out seconds after the cable is whole, and that would be counted against what comes next.
   */
  async sessionsFlow(limitMs = 60_000): Promise<void> {
    const sessions = ['ss', '-tnH', 'state', 'established', '( sport = :179 or dport = :179 )']
    await eventually('nothing that was said over a session is on its way', limitMs, async () => {
      const ends = await Promise.all(['node-1', 'tor', 'twin'].map((node) => this.topology.run(node, sessions)))
      const waiting = ends.flatMap((said) => said.trim().split('\n')).map((line) => line.trim().split(/\s+/)[1])
      return waiting.every((octets) => octets === '0')
    })
  }

  /** Waits until both routers hold these, and nothing else; what is otherwise is in the error. */
  async routersHave(planned: () => readonly string[], limitMs = 60_000): Promise<void> {
    const tables = [
      { name: 'BIRD', read: () => this.tor.table() },
      { name: 'FRR', read: () => this.twin.table(this.topology) },
    ]
    for (const { name, read } of tables) {
      let has: string[] = []
      await eventually(`${name} has what is planned`, limitMs, async () => {
        has = await read()
        return has.join() === planned().join()
      }).catch((error: unknown) => {
        const wanted = planned()
        const lacks = wanted.filter((row) => !has.includes(row))
        const beyond = has.filter((row) => !wanted.includes(row))
        const why = error instanceof Error ? error.message : String(error)
        throw new Error(`${why}; it lacks [${lacks.join(', ')}] and has beyond [${beyond.join(', ')}]`)
      })
    }
  }

  /** What the FRR wrote down of sessions and withdrawals, in order. */
  twinHeard(): TwinHeard[] {
    return this.#twinProgram.log().split('\n').flatMap(twinHeardIn)
  }

  /** Resets the sessions of the FRR. */
  async clearTwin(): Promise<void> {
    const folder = join(this.topology.work, 'frr')
    await this.topology.run('twin', ['vtysh', '--vty_socket', folder, '-d', 'bgpd', '-c', 'clear bgp *'])
  }

  torHeard(since: number): Heard[] {
    return this.tor.heard(since)
  }

  readonly #apiStore: ObjectStore = {
    apply: (object) => void this.api.apply(object),
    remove: ({ kind, metadata }) => void this.api.remove(kind, metadata.namespace, metadata.name),
  }

  readonly #fileStore: ObjectStore = {
    apply: (object) => writeFileSync(this.fileOf(object), JSON.stringify(object)),
    remove: (object) => unlinkSync(this.fileOf(object)),
  }

  fileOf({ kind, metadata }: KubeObject): string {
    return join(this.manifests, `${kind}-${metadata.name}.json`)
  }
}

export interface TwinHeard {
  /** A prefix that was withdrawn by the node's own word, or a session that went up or down. */
  readonly what: 'withdrawn' | 'up' | 'down'
  readonly of: string
}

function twinHeardIn(line: string): TwinHeard[] {
  const withdrawn = /rcvd UPDATE about (\S+) .*-- withdrawn/.exec(line)?.[1]
  if (withdrawn) return [{ what: 'withdrawn', of: withdrawn }]
  const [, peer, state] = /%ADJCHANGE: neighbor ([0-9a-f.:]+).* (Up|Down)/.exec(line) ?? []
  return peer ? [{ what: state === 'Up' ? 'up' : 'down', of: peer }] : []
}
