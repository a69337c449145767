/**
 * Which blocks of `bgp/` have run, asked of V8 itself. An answer costs some milliseconds, so a batch of inputs is asked about at once, and only
 * one that reached new blocks is halved until the inputs that did are found.
 */

import { Session } from 'node:inspector'

export class Coverage {
  readonly #session = new Session()
  readonly #seen = new Set<string>()

  constructor() {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Blocks that have run so far. */
  get blocks(): number {
    return this.#seen.size
  }

  /** Blocks that ran since the last call, and never before. */
  fresh(): string[] {
    return this.#ran().filter((block) => !this.#seen.has(block))
  }

  note(blocks: readonly string[]): void {
    for (const block of blocks) this.#seen.add(block)
  }

  stop(): void {
    this.#session.post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }

  #ran(): string[] {
    const ran: string[] = []
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error) throw error
      for (const { url, functions } of answer.result) {
        if (!url.includes('/bgp/') || url.includes('/test/')) continue
        for (const { ranges } of functions) {
          for (const { startOffset, endOffset, count } of ranges) {
            if (count > 0) ran.push(`${url.slice(url.lastIndexOf('/bgp/'))} ${startOffset} ${endOffset}`)
          }
        }
      }
    })
    return ran
  }
}

/** Inputs of a batch that reach a new block, found by running halves of it again. */
export function reaching(
  coverage: Coverage,
  batch: readonly Uint8Array[],
  run: (input: Uint8Array) => void,
): Uint8Array[] {
  for (const input of batch) run(input)
  const fresh = coverage.fresh()
  if (fresh.length === 0) return []
  if (batch.length === 1) {
    coverage.note(fresh)
    return [...batch]
  }
  const half = batch.length >> 1
  const first = reaching(coverage, batch.slice(0, half), run)
  const found = [...first, ...reaching(coverage, batch.slice(half), run)]
  // A block that runs once only, like a table that is made on first use, belongs to no input.
  if (found.length === 0) coverage.note(fresh)
  return found
}
