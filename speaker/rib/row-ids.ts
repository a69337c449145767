/**
 * Ids of rows that come and go, with a generation each that tells a reused id from its forerunner. Id 0 is never given out: it means none.
 * Generations are a word of the rows themselves, since whoever asks for one is about to read the row.
 */

import { freeBelow } from './columns.ts'
import type { Records } from './records.ts'

export class RowIds {
  readonly #records: Records
  readonly #word: number
  #free: number[] = []
  /** Ids given out so far are below this. */
  #end = 1
  /** Generation of ids that have not been given out since the rows were this many. */
  #oldest = 0

  /** Generations stand in this word of the records. */
  constructor(records: Records, word: number) {
    this.#records = records
    this.#word = word
  }

  take(): number {
    const id = this.#free.pop()
    if (id !== undefined) return id
    const next = this.#end++
    this.#records.reach(next)
    this.#records.set(next, this.#word, this.#oldest)
    return next
  }

  giveBack(id: number): void {
    this.#records.set(id, this.#word, this.generation(id) + 1)
    this.#free.push(id)
  }

  generation(id: number): number {
    return this.#records.get(id, this.#word)
  }

  /** Cuts off what is above the last of the ids in use, but for `least` rows; returns the end. Those given out again have generations that nobody has seen. */
  shrink(ids: readonly number[], least: number): number {
    const used = new Uint8Array(this.#end)
    used[0] = 1
    for (const id of ids) used[id] = 1
    const end = used.lastIndexOf(1) + 1
    for (let id = 1; id < this.#end; id++) this.#oldest = Math.max(this.#oldest, this.generation(id) + 1)
    this.#records.shrink(end, least)
    this.#end = end
    this.#free = freeBelow(end, used)
    return end
  }
}
