/**
 * The machine that the documents' commands are typed on: a folder with the files that they name, and the environment that they leave to it. The
 * addresses of its node are for documentation (RFC 5737, RFC 3849), so that no session is ever dialled from them.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { ask } from '../../daemon/admin/client.ts'
import { eventually } from '../topology/runner.ts'
import type { Order, Outcome } from './command-runner.ts'
import { root } from './documents.ts'
import { laidOutImage } from './image.ts'

const cluster = {
  TANDEM_HOSTNAME_OVERRIDE: 'node-1',
  TANDEM_CLUSTER_ASN: '64512',
  TANDEM_ENABLE_IBGP: 'false',
}
const startMs = 30_000

export class TypedMachine {
  readonly folder: string
  readonly #running: Started[] = []

  constructor(folder: string) {
    this.folder = folder
  }

  /** The cluster is the lab's, with the names that the guides use. */
  writeFiles(): void {
    const manifests = join(this.folder, 'manifests')
    cpSync(join(root, 'daemon/lab/manifests'), manifests, { recursive: true })
    for (const file of ['services.yaml', 'endpoints.yaml']) {
      const text = readFileSync(join(manifests, file), 'utf8')
      writeFileSync(join(manifests, file), text.replaceAll('web-local', 'web'))
    }
    const peers = Object.entries({ 'tor-a': '127.0.0.1', 'tor-b': '::1' }).map(
      ([name, address]) => `{ name: ${name}, address: "${address}", asn: 65001, passive: true }`,
    )
    const routes = ['192.0.2.0/24', '2001:db8::/32'].map((prefix) => `{ prefix: "${prefix}" }`)
    const file = `asn: 64512\nrouter-id: 192.0.2.1\nlisten: []\npeers: [${peers}]\nroutes: [${routes}]\n`
    writeFileSync(join(this.folder, 'tandem.yaml'), file)
  }

  socketOf(name: string): string {
    return join(this.folder, name, 'tandem.sock')
  }

  /** A daemon with a name of its own, once it has started. */
  async daemon(name: string, words: readonly string[]): Promise<Started> {
    const socket = this.socketOf(name)
    // As the image has it: many daemons start here, and it starts in a quarter of the time.
    const started = this.#start([...laidOutImage().command, ...words], {
      TANDEM_ADMIN_SOCKET: socket,
      TANDEM_HEALTH_PORT: '0',
      TANDEM_BGP_PORT: await freePort(),
      ...(!words.includes('none') && { TANDEM_MANIFESTS: 'manifests' }),
    })
    // The mark of a daemon that has started; then it answers once more, so that it also hears signals.
    await started.until('its start', async () => existsSync(join(this.folder, name, 'started')))
    await ask(socket, '/v1/status')
    return started
  }

  /** Any program of the command line until it has printed this. */
  async shown(words: readonly string[], text: string): Promise<Started> {
    const program = [process.execPath, join(root, 'daemon/main.ts'), ...words]
    const started = this.#start(program, { TANDEM_ADMIN_SOCKET: this.socketOf('asked') })
    await started.until(text, async () => started.output.includes(text))
    return started
  }

  /** In one process, one after the other. */
  async runAll(orders: readonly Order[]): Promise<readonly Outcome[]> {
    const child = spawn(process.execPath, [join(root, 'test/support/command-runner.ts')], {
      cwd: this.folder,
      env: { ...this.#environment(), TANDEM_MANIFESTS: 'manifests' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    child.stdin.end(JSON.stringify(orders))
    await once(child, 'close')
    return JSON.parse(text) as Outcome[]
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((one) => one.end('SIGKILL')))
  }

  #start(program: readonly string[], environment: Readonly<Record<string, string>>): Started {
    const started = new Started(program, this.folder, { ...this.#environment(), ...environment })
    this.#running.push(started)
    return started
  }

  #environment(): Record<string, string> {
    return { PATH: process.env['PATH'] ?? '', HOME: this.folder, TMPDIR: this.folder, ...cluster }
  }
}

/** A program that goes on until it is ended. */
export class Started {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  /** Of both streams. */
  output = ''

  constructor([program = '', ...words]: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
    this.#child = spawn(program, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (text: Buffer) => {
        this.output += text.toString()
      })
    this.#ended = once(this.#child, 'close')
  }

  async until(what: string, test: () => Promise<boolean>): Promise<void> {
    await eventually(what, startMs, async () => this.#child.exitCode !== null || (await test()))
    if (this.#child.exitCode !== null) throw new Error(`it has ended before ${what}: ${this.output}`)
  }

  /** Its exit status. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    await this.#ended
    return this.#child.exitCode
  }
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return String(port)
}
