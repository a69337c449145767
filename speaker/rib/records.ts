/**
 * Rows of 32-bit words by number: what is asked for together lies together. In chunks, so that a table that grows copies nothing of what
 * it has, and takes no more than it needs; only the first chunk starts small.
 */

import { nextPower } from './columns.ts'

const chunkBits = 14
const chunkRows = 1 << chunkBits

export class Records {
  readonly #stride: number
  readonly #fill: number
  readonly #chunks: Int32Array<ArrayBuffer>[]
  #rows: number

  /** `words` to a row; new ones hold `fill`. There is room for `rows` at first. */
  constructor(words: number, rows: number, fill = 0) {
    this.#stride = words
    this.#fill = fill
    this.#rows = Math.min(rows, chunkRows)
    this.#chunks = [this.#chunk(this.#rows)]
  }

  /** Row numbers for which there is room are below this. */
  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return this.#rows * this.#stride * 4
  }

  get(row: number, word: number): number {
    return this.#chunks[row >>> chunkBits]![(row & (chunkRows - 1)) * this.#stride + word]!
  }

  set(row: number, word: number, value: number): void {
    this.#chunks[row >>> chunkBits]![(row & (chunkRows - 1)) * this.#stride + word] = value
  }

  /** Makes room for this row. */
  reach(row: number): void {
    while (row >= this.#rows) {
      if (this.#rows < chunkRows) {
        const [first] = this.#chunks
        this.#rows *= 2
        this.#chunks[0] = this.#chunk(this.#rows)
        this.#chunks[0].set(first!)
      } else {
        this.#chunks.push(this.#chunk(chunkRows))
        this.#rows += chunkRows
      }
    }
  }

  /** Gives back what lies above this many rows, and is not needed for `least`. */
  shrink(rows: number, least: number): void {
    const wanted = Math.max(nextPower(rows), least)
    const whole = Math.max(1, Math.ceil(rows / chunkRows))
    this.#chunks.length = Math.min(whole, this.#chunks.length)
    this.#rows = Math.min(this.#rows, whole * chunkRows)
    if (wanted >= this.#rows || this.#chunks.length > 1) return
    this.#chunks[0] = this.#chunks[0]!.slice(0, wanted * this.#stride)
    this.#rows = wanted
  }

  #chunk(rows: number): Int32Array<ArrayBuffer> {
    const chunk = new Int32Array(rows * this.#stride)
    return this.#fill === 0 ? chunk : chunk.fill(this.#fill)
  }
}
