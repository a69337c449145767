/** Rows that wait their turn, in one array that is used again and again. Each stands in it once at most, so it is never longer than the table. */

import { grown } from '../rib/columns.ts'

export const noRow = -1

const usualLength = 1024
/** What is longer is given back once it is empty. */
const worthKeeping = 64 * 1024

export class RowQueue {
  #rows = new Int32Array(usualLength)
  #from = 0
  #end = 0

  get size(): number {
    return this.#end - this.#from
  }

  push(row: number): void {
    if (this.#end === this.#rows.length) this.#makeRoom()
    this.#rows[this.#end++] = row
  }

  /** The next row, or `noRow`. */
  take(): number {
    if (this.#from < this.#end) return this.#rows[this.#from++]!
    this.clear()
    return noRow
  }

  clear(): void {
    this.#from = 0
    this.#end = 0
    if (this.#rows.length > worthKeeping) this.#rows = new Int32Array(usualLength)
  }

  clone(): RowQueue {
    const copy = new RowQueue()
    copy.#rows = this.#rows.slice()
    copy.#from = this.#from
    copy.#end = this.#end
    return copy
  }

  /** Room at the end: that of rows which were taken, where it is half of all, so that churn which never lets it run empty costs no memory. */
  #makeRoom(): void {
    if (this.#from * 2 >= this.#rows.length) this.#rows.copyWithin(0, this.#from, this.#end)
    else {
      this.#rows = grown(this.#rows.subarray(this.#from, this.#end), this.#rows.length * 2)
    }
    this.#end -= this.#from
    this.#from = 0
  }
}
