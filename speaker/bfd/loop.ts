/**
 * What the thread of BFD does while there are sessions: wait for packets or the next deadline, read all that came, do all that is due. It does
 * not go back to Node's event loop in between, so that nothing else ever runs there, and no object is made for a packet.
 *
 * The time is read before the packets are: after a stall, what had come by then counts before any detection time is found to be over.
 */

import { Address } from 'bgp-ts'
import type { BfdTarget, Random } from '../world.ts'
import { Engine, farewellMs, type Watched } from './engine.ts'
import type { Command, Report } from './messages.ts'
import { type Path, Sockets } from './sockets.ts'
import { readStatus, writeStatus } from './status.ts'
import type { Udp } from './udp.ts'

/** How late a word of the main thread may be heard, and how long the end of the process may have to wait for this thread. */
const longestWaitMs = 50

export interface LoopWorld {
  readonly udp: Udp
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  /** Discriminators and source ports are better not guessed (RFC 5880 section 6.8.1). */
  readonly random: Random
  /** A command that has come, if one has. */
  readonly next: () => Command | undefined
  readonly report: (report: Report) => void
}

interface Entry {
  readonly id: number
  readonly row: Float64Array
  problem: string | undefined
}

export class Loop {
  readonly #world: LoopWorld
  readonly #sockets: Sockets
  readonly #engine: Engine<Path>
  readonly #watched = new Map<number, Watched<Path>>()
  readonly #entries = new Map<Path, Entry>()
  readonly #take: (bytes: Uint8Array, length: number, from: Watched<Path>['from']) => void
  #now: number
  /** When all sessions end, once they shall. */
  #endAt = Number.POSITIVE_INFINITY

  constructor(world: LoopWorld) {
    this.#world = world
    this.#now = world.now()
    this.#sockets = new Sockets(world.udp, world.random)
    this.#engine = new Engine(world.random, {
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

  get closed(): boolean {
    return Number.isFinite(this.#endAt)
  }

  /** Takes a command, and runs until there is no session any more. */
  run(first: Command): void {
    this.#now = this.#world.now()
    this.#handle(first)
    let deadline = 0
    while (this.#engine.watched.length > 0) {
      this.#sockets.wait(Math.min(longestWaitMs, Math.max(0, Math.ceil(deadline - this.#world.now()))))
      this.#now = this.#world.now()
      this.#sockets.drain(this.#take)
      for (let command = this.#world.next(); command; command = this.#world.next()) this.#handle(command)
      if (this.#now >= this.#endAt) this.#engine.end(this.#now)
      deadline = Math.min(this.#endAt, this.#engine.run(this.#now))
      for (const watched of this.#engine.watched) this.#publish(watched)
    }
    if (this.closed) this.#sockets.close()
  }

  #handle(command: Command): void {
    if (command.do === 'watch') this.#watch(command)
    else if (command.do === 'close') this.#endAt = this.#now + farewellMs
    else this.#change(command)
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
    this.#world.report({ kind: 'status', id: entry.id, status: readStatus(entry.row, entry.problem) })
  }

  #publish(watched: Watched<Path>): void {
    const entry = this.#entries.get(watched.path)
    if (entry) writeStatus(watched, entry.row)
  }
}

/** An address leaves its methods behind on the way from another thread. */
function revived({ remote, local, ...rest }: BfdTarget): BfdTarget {
  const again = ({ version, w0, w1, w2, w3 }: Address) => new Address(version, w0, w1, w2, w3)
  return { ...rest, remote: again(remote), ...(local && { local: again(local) }) }
}
