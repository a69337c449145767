/**
 * Lays a containerlab file out in network namespaces of this machine: a namespace a node, a veth pair a link, the file's `exec` lines
 * for addresses. The same file runs under containerlab with Docker; here the caller starts the programs, in the node's namespace.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'

const exec = promisify(execFile)

interface ClabFile {
  readonly name: string
  readonly topology: {
    readonly nodes: Readonly<Record<string, { readonly exec?: readonly string[]; readonly binds?: readonly string[] }>>
    readonly links?: readonly { readonly endpoints: readonly [string, string] }[]
  }
}

let laidOut = 0

export class Topology {
  readonly #file: ClabFile
  readonly #folder: string
  readonly #prefix: string
  readonly #children = new Set<ChildProcess>()
  #started = 0
  /** For sockets, logs and generated files; removed at the end. */
  readonly work = mkdtempSync(join(tmpdir(), 'tandem-topology-'))

  private constructor(path: string) {
    this.#file = parse(readFileSync(path, 'utf8')) as ClabFile
    this.#folder = dirname(resolve(path))
    this.#prefix = `tnd${process.pid % 10000}${laidOut++}`
  }

  static async layOut(path: string): Promise<Topology> {
    const topology = new Topology(path)
    try {
      await topology.#layOut()
    } catch (error) {
      await topology.tearDown()
      throw error
    }
    return topology
  }

  /** The file on this machine that the topology binds to a path in the container. */
  bound(node: string, containerPath: string): string {
    const bind = this.#file.topology.nodes[node]?.binds?.find((one) => one.split(':')[1] === containerPath)
    if (!bind) throw new Error(`${node} has no bind of ${containerPath}`)
    return join(this.#folder, bind.split(':')[0]!)
  }

  namespace(node: string): string {
    return `${this.#prefix}-${node}`
  }

  /** Runs a command in a node to its end; its standard output. */
  async run(node: string, command: readonly string[]): Promise<string> {
    const { stdout } = await exec('ip', ['netns', 'exec', this.namespace(node), ...command], {
      maxBuffer: 256 * 1024 * 1024,
    })
    return stdout
  }

  /** Starts a program in a node; its output goes to a log in `work`. It ends with the topology at the latest. */
  start(node: string, command: readonly string[], environment: Readonly<Record<string, string>> = {}): Program {
    const log = join(this.work, `${node}-${this.#started++}.log`)
    const child = spawn('ip', ['netns', 'exec', this.namespace(node), ...command], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = createWriteStream(log)
    child.stdout.pipe(output, { end: false })
    child.stderr.pipe(output, { end: false })
    this.#children.add(child)
    const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)))
    void ended.then(() => this.#children.delete(child))
    return {
      pid: child.pid ?? 0,
      ended,
      log: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
      stop: async (signal = 'SIGTERM') => {
        child.kill(signal)
        await Promise.race([ended, new Promise((done) => setTimeout(done, 3000))])
        if (child.exitCode === null) child.kill('SIGKILL')
        await ended
      },
    }
  }

  /** Ends every program and removes every namespace, whatever went wrong before. */
  async tearDown(): Promise<void> {
    await this.endAll()
    for (const node of Object.keys(this.#file.topology.nodes)) {
      // Routers that put themselves into the background are still in the namespace.
      const { stdout } = await exec('ip', ['netns', 'pids', this.namespace(node)]).catch(() => ({ stdout: '' }))
      for (const pid of stdout.split('\n').filter(Boolean)) await exec('kill', ['-KILL', pid]).catch(() => {})
      await exec('ip', ['netns', 'del', this.namespace(node)]).catch(() => {})
    }
    rmSync(this.work, { recursive: true, force: true })
  }

  /** Ends every program that was started. */
  async endAll(): Promise<void> {
    for (const child of this.#children) child.kill('SIGTERM')
    const patience = Date.now() + 3000
    while (this.#children.size > 0 && Date.now() < patience) await new Promise((done) => setTimeout(done, 20))
    for (const child of this.#children) child.kill('SIGKILL')
  }

  async #layOut(): Promise<void> {
    const { nodes, links = [] } = this.#file.topology
    for (const node of Object.keys(nodes)) {
      await exec('ip', ['netns', 'add', this.namespace(node)])
      await this.run(node, ['ip', 'link', 'set', 'lo', 'up'])
      // Duplicate address detection would hold the addresses back for seconds.
      await this.run(node, ['sysctl', '-qw', 'net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0'])
    }
    for (const { endpoints } of links) {
      const [[a, ifA], [b, ifB]] = endpoints.map((one) => one.split(':')) as [[string, string], [string, string]]
      const peer = ['type', 'veth', 'peer', 'name', ifB, 'netns', this.namespace(b)]
      await exec('ip', ['link', 'add', ifA, 'netns', this.namespace(a), ...peer])
      for (const [node, name] of [
        [a, ifA],
        [b, ifB],
      ] as const) {
        await this.run(node, ['sysctl', '-qw', `net.ipv6.conf.${name}.accept_dad=0`])
        await this.run(node, ['ip', 'link', 'set', name, 'up'])
      }
    }
    for (const [node, { exec: lines = [] }] of Object.entries(nodes)) {
      for (const line of lines) await this.run(node, line.split(' '))
    }
  }
}

export interface Program {
  readonly pid: number
  readonly ended: Promise<number | null>
  log(): string
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Waits until `look` gives something, for at most this long; the last thing it said is in the error. */
export async function eventually<Value>(
  what: string,
  limitMs: number,
  look: () => Promise<Value | undefined | false>,
): Promise<Value> {
  const deadline = Date.now() + limitMs
  let last = ''
  for (;;) {
    try {
      const value = await look()
      if (value !== undefined && value !== false) return value
    } catch (error) {
      last = error instanceof Error ? error.message : String(error)
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms${last ? ` (${last})` : ''}`)
    await new Promise((done) => setTimeout(done, 10))
  }
}
