/**
 * The thread of BFD. While there are sessions it is one loop: wait for packets or the next deadline, read all that came, do all that is due.
 * It does not go back to Node's event loop in between, so that nothing else ever runs here, and nothing is allocated for a packet.
 *
 * The time is read before the packets are: after a stall, what had come by then counts before any detection time is found to be over.
 */

import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { Address } from 'bgp-ts'
import type { BfdTarget } from '../world.ts'
import { Engine, farewellMs, type Watched } from './engine.ts'
import type { Command, Report } from './messages.ts'
import { type Path, Sockets } from './sockets.ts'
import { readStatus, writeStatus } from './status.ts'
import { openUdp, type Udp } from './udp.ts'

/** How late a word of the main thread may be heard, and how long the end of the process may have to wait for this thread. */
const longestWaitMs = 50

interface Entry {
  readonly id: number
  readonly row: Float64Array
  problem: string | undefined
}

class Loop {
  readonly #sockets: Sockets
  readonly #engine: Engine<Path>
  readonly #watched = new Map<number, Watched<Path>>()
  readonly #entries = new Map<Path, Entry>()
  readonly #report: (report: Report) => void
  readonly #take: (bytes: Uint8Array, length: number, from: Watched<Path>['from']) => void
  #now = performance.now()
  /** When all sessions end, once they shall. */
  #endAt = Number.POSITIVE_INFINITY

  constructor(udp: Udp, report: (report: Report) => void) {
    this.#report = report
    this.#sockets = new Sockets(udp, unguessable)
    this.#engine = new Engine(unguessable, {
      send: (watched, bytes) => {
        this.#sockets.send(watched, bytes)
        this.#noteProblem(watched)
      },
      changed: (watched) => this.#tell(watched),
      ended: ({ path }) => {
        this.#sockets.release(path)
        this.#entries.delete(path)
      },
    })
    this.#take = (bytes, length, from) => this.#engine.receive(bytes, length, from, this.#now)
  }

  /** Runs until there is no session any more. `next` gives the commands that are waiting. */
  run(next: () => Command | undefined): void {
    let deadline = 0
    while (this.#engine.watched.length > 0) {
      this.#sockets.wait(Math.min(longestWaitMs, Math.max(0, Math.ceil(deadline - performance.now()))))
      this.#now = performance.now()
      this.#sockets.drain(this.#take)
      for (let command = next(); command; command = next()) this.handle(command)
      if (this.#now >= this.#endAt) this.#engine.end(this.#now)
      deadline = Math.min(this.#endAt, this.#engine.run(this.#now))
      for (const watched of this.#engine.watched) this.#publish(watched)
    }
    if (this.closed) this.#sockets.close()
  }

  handle(command: Command): void {
    this.#now = performance.now()
    if (command.do === 'watch') this.#watch(command)
    else if (command.do === 'close') this.#endAt = this.#now + farewellMs
    else this.#change(command)
  }

  get closed(): boolean {
    return Number.isFinite(this.#endAt)
  }

  #watch({ id, target, row }: Command & { do: 'watch' }): void {
    const { from, path } = this.#sockets.pathTo(revived(target))
    this.#entries.set(path, { id, row, problem: undefined })
    this.#watched.set(id, this.#engine.add(from, path, target, this.#now))
  }

  #change(command: Command & { do: 'update' | 'admin-down' | 'stop' }): void {
    const watched = this.#watched.get(command.id)
    if (!watched) return
    if (command.do === 'update') watched.session.update(command.timers, this.#now)
    else if (command.do === 'admin-down') watched.session.disable(this.#now)
    else this.#engine.remove(watched, this.#now)
    if (command.do === 'stop') this.#watched.delete(command.id)
  }

  #noteProblem({ path }: Watched<Path>): void {
    const entry = this.#entries.get(path)
    if (!entry || entry.problem === path.problem) return
    entry.problem = path.problem
    const watched = this.#watched.get(entry.id)
    if (watched) this.#tell(watched)
  }

  #tell(watched: Watched<Path>): void {
    const entry = this.#entries.get(watched.path)
    if (!entry) return
    this.#publish(watched)
    this.#report({ kind: 'status', id: entry.id, status: readStatus(entry.row, entry.problem) })
  }

  #publish(watched: Watched<Path>): void {
    const entry = this.#entries.get(watched.path)
    if (entry) writeStatus(watched, entry.row)
  }
}

/** An address leaves its methods behind on the way here. */
function revived({ remote, local, ...rest }: BfdTarget): BfdTarget {
  const again = ({ version, w0, w1, w2, w3 }: Address) => new Address(version, w0, w1, w2, w3)
  return { ...rest, remote: again(remote), ...(local && { local: again(local) }) }
}

const words = new Uint32Array(1)

/** Discriminators and source ports are better not guessed (RFC 5880 section 6.8.1). */
function unguessable(): number {
  return crypto.getRandomValues(words)[0]! / 2 ** 32
}

function main(): void {
  const port = parentPort
  if (!port) return
  const report = (one: Report) => port.postMessage(one)
  let loop: Loop
  try {
    loop = new Loop(openUdp(), report)
  } catch (error) {
    report({ kind: 'unavailable', why: error instanceof Error ? error.message : String(error) })
    return
  }
  const next = () => receiveMessageOnPort(port)?.message as Command | undefined
  // Between sessions the thread is at rest in the event loop.
  port.on('message', (command: Command) => {
    loop.handle(command)
    loop.run(next)
    if (loop.closed) port.close()
  })
}

main()
