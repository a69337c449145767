/** The daemon as a process of its own, on this machine in a folder of its own: started, asked, and ended. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { laidOutImage } from './image.ts'

export interface Start {
  readonly flags: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Flags of Node itself. */
  readonly node?: readonly string[]
}

/** A command of the daemon's command line from beginning to end, with all that it printed. */
export async function commandLine(
  folder: string,
  words: readonly string[],
): Promise<{ readonly status: number | null; readonly output: string }> {
  const command = new Command(folder, [], words, {})
  await command.ended
  return { status: command.status, output: command.output }
}

class Command {
  readonly #child: ChildProcess
  readonly ended: Promise<unknown>
  /** Of both streams. */
  output = ''

  constructor(
    folder: string,
    nodeFlags: readonly string[],
    words: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    const [node = '', ...program] = laidOutImage().command
    this.#child = spawn(node, [...nodeFlags, ...program, ...words], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
      })
    this.ended = once(this.#child, 'close')
  }

  get pid(): number {
    return this.#child.pid!
  }

  get status(): number | null {
    return this.#child.exitCode
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }
}

export class DaemonProcess {
  readonly #command: Command
  readonly socket: string

  constructor(folder: string, { flags, environment = {}, node = [] }: Start) {
    this.socket = join(folder, 'tandem.sock')
    const own = [`--admin-socket=${this.socket}`, '--log-level=debug', '--health-port=0']
    this.#command = new Command(folder, node, ['run', ...own, ...flags], environment)
  }

  get pid(): number {
    return this.#command.pid
  }

  get output(): string {
    return this.#command.output
  }

  /** Null while it runs, and where a signal ended it. */
  get status(): number | null {
    return this.#command.status
  }

  get hasEnded(): boolean {
    return this.#command.status !== null
  }

  get ended(): Promise<unknown> {
    return this.#command.ended
  }

  signal(name: NodeJS.Signals): void {
    this.#command.signal(name)
  }

  /** The body of an answer as it comes, whatever its status; rejects while nobody answers. */
  asked(path: string, body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const method = body === undefined ? 'GET' : 'POST'
      const asking = request({ socketPath: this.socket, path, method }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve(text))
      })
      asking.on('error', reject)
      asking.end(body)
    })
  }

  async stop(): Promise<void> {
    if (!this.hasEnded) this.signal('SIGTERM')
    await this.ended
  }
}

/** A TCP port of loopback that nobody has a moment before. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
