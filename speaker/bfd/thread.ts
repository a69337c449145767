/**
 * BFD in a thread of its own, so that no work of the main thread, however long, keeps a packet waiting. Started with the first session.
 * Status is read from memory that both threads share; only changes of state come as messages.
 */

import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Bfd, BfdStatus, BfdTarget, BfdTimers, BfdWatch, Clock, Log, Timer } from '../world.ts'
import type { Command, Report } from './messages.ts'
import { emptyRow, readStatus, statusBytes } from './status.ts'

/** Beside this file, as source or as the bundle has it. */
const program = join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'worker.ts' : 'tandem-bfd.cjs')

/** A thread that ended by a fault of ours is started again after this long. */
const restartMs = 5000
/** How long the last packets may take to leave. */
const closeMs = 300

interface Entry {
  readonly target: BfdTarget
  readonly onChange: (status: BfdStatus) => void
  readonly row: Float64Array
  timers: BfdTimers
  isAdminDown: boolean
  problem: string | undefined
}

/** What of a `Worker` is used. */
export interface Thread {
  postMessage(command: Command): void
  on(event: 'message', listener: (report: Report) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'exit', listener: () => void): unknown
  terminate(): Promise<unknown>
}

export class ThreadedBfd implements Bfd {
  readonly #log: Log
  readonly #clock: Clock
  readonly #spawn: () => Thread
  readonly #entries = new Map<number, Entry>()
  #lastId = 0
  #worker: Thread | undefined
  #restart: Timer | undefined
  /** Why there will never be BFD in this process. */
  #unavailable: string | undefined
  #closing = false

  constructor(log: Log, clock: Clock, spawn: () => Thread = spawnWorker) {
    this.#log = log
    this.#clock = clock
    this.#spawn = spawn
  }

  watch(target: BfdTarget, onChange: (status: BfdStatus) => void): BfdWatch {
    const id = ++this.#lastId
    const row = emptyRow(new SharedArrayBuffer(statusBytes))
    const { minTx, minRx, multiplier } = target
    const timers = { minTx, minRx, multiplier }
    const entry: Entry = { target, onChange, row, timers, isAdminDown: false, problem: this.#unavailable }
    this.#entries.set(id, entry)
    if (this.#unavailable !== undefined) queueMicrotask(() => this.#entries.get(id)?.onChange(statusOf(entry)))
    else if (this.#worker) this.#begin(id, entry)
    else if (!this.#restart) this.#start()
    return {
      get status() {
        return statusOf(entry)
      },
      update: (wanted) => {
        entry.timers = wanted
        this.#say({ do: 'update', id, timers: wanted })
      },
      adminDown: () => {
        entry.isAdminDown = true
        this.#say({ do: 'admin-down', id })
      },
      stop: () => {
        this.#entries.delete(id)
        this.#say({ do: 'stop', id })
      },
    }
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#restart?.cancel()
    const worker = this.#worker
    if (!worker) return
    const ended = new Promise<void>((done) => worker.on('exit', done))
    this.#say({ do: 'close' })
    const patience = this.#clock.after(closeMs, () => void worker.terminate())
    await ended
    patience.cancel()
  }

  #start(): void {
    this.#restart = undefined
    const worker = this.#spawn()
    this.#worker = worker
    worker.on('message', (report) => this.#heard(report))
    worker.on('error', (error) => this.#log.error({ err: error }, 'the thread of BFD failed'))
    worker.on('exit', () => this.#ended())
    for (const [id, entry] of this.#entries) this.#begin(id, entry)
  }

  #begin(id: number, entry: Entry): void {
    const { target, timers, row, isAdminDown } = entry
    this.#say({ do: 'watch', id, target: { ...target, ...timers }, row })
    if (isAdminDown) this.#say({ do: 'admin-down', id })
    if (entry.problem === undefined) return
    entry.problem = undefined
    entry.onChange(statusOf(entry))
  }

  #say(command: Command): void {
    this.#worker?.postMessage(command)
  }

  #heard(report: Report): void {
    if (report.kind === 'unavailable') {
      this.#unavailable = report.why
      this.#log.error({}, `no BFD: ${report.why}`)
      return
    }
    if (report.kind === 'started') {
      this.#log.info({ priority: report.priority }, 'the thread of BFD runs')
      return
    }
    const entry = this.#entries.get(report.id)
    if (!entry) return
    entry.problem = report.status.problem
    entry.onChange(report.status)
  }

  /** No path has failed: sessions are switched off at this end until the thread is back, which is no reason to end anything that rests on them. */
  #ended(): void {
    this.#worker = undefined
    if (this.#closing) return
    const problem = this.#unavailable ?? 'the thread of BFD ended; it is started again'
    for (const entry of this.#entries.values()) {
      entry.problem = problem
      emptyRow(entry.row.buffer)
      entry.onChange({ ...statusOf(entry), state: this.#unavailable === undefined ? 'AdminDown' : 'Down' })
    }
    if (this.#unavailable === undefined) this.#restart = this.#clock.after(restartMs, () => this.#start())
  }
}

function spawnWorker(): Thread {
  return new Worker(program, {
    name: 'bfd',
    // What the main thread was started with, such as modules to load first, is not for this one.
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 },
  })
}

function statusOf({ row, problem }: Entry): BfdStatus {
  return readStatus(row, problem)
}
