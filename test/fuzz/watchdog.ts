/** A thread that ends the process when one input keeps it busy for too long, and says which. */

import { writeSync } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { hex } from 'bgp-ts'

const longest = 65536
const header = 16

/** Seconds for one input. */
const patience = 10

export class Watchdog {
  readonly #shared = new SharedArrayBuffer(header + longest)
  readonly #words = new Int32Array(this.#shared, 0, 2)
  readonly #octets = new Uint8Array(this.#shared, header)
  readonly #worker = new Worker(new URL(import.meta.url), { workerData: this.#shared })

  /** An input begins. */
  note(input: Uint8Array): void {
    this.#words[1] = Math.min(input.length, longest)
    this.#octets.set(input.subarray(0, longest))
    Atomics.add(this.#words, 0, 1)
  }

  async stop(): Promise<void> {
    this.#worker.postMessage('stop')
    await this.#worker.terminate()
  }
}

function watch(shared: SharedArrayBuffer): void {
  const words = new Int32Array(shared, 0, 2)
  let before = -1
  const timer = setInterval(() => {
    const now = Atomics.load(words, 0)
    if (now === before && now > 0) {
      // Past the main thread, which will not come back to write it.
      writeSync(2, `an input takes more than ${patience} s:\n${hex(new Uint8Array(shared, header, words[1]))}\n`)
      process.kill(process.pid, 'SIGKILL')
    }
    before = now
  }, patience * 1000)
  parentPort?.once('message', () => clearInterval(timer))
}

if (!isMainThread && workerData instanceof SharedArrayBuffer) watch(workerData)
