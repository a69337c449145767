/**
 * What a group of peers was sent, and which rows have to be looked at again: one integer and one octet a row.
 * What is pending is a set of rows, so it is always the latest state and never longer than the table.
 */

import { grown, grownBytes } from '../rib/columns.ts'
import type { FamilyRib } from '../rib/rib.ts'
import { Guard } from './guard.ts'
import type { OutTable } from './out-table.ts'
import { noRow, RowQueue } from './row-queue.ts'

const clean = 0
const dirty = 1
/** Sent again even if nothing changed. */
const forced = 2

export class AdjRibOut {
  readonly rib: FamilyRib
  readonly #table: OutTable
  #sent = new Int32Array(0)
  #marks = new Uint8Array(0)
  readonly #queue: RowQueue
  /** Whether the row that was taken last has to be sent even unchanged. */
  again = false
  /** Routes that the peers have now. */
  count = 0
  /** Where there is a limit to that. */
  guard: Guard | undefined

  constructor(rib: FamilyRib, table: OutTable, queue = new RowQueue()) {
    this.rib = rib
    this.#table = table
    this.#queue = queue
  }

  get pending(): number {
    return this.#queue.size
  }

  /** What was sent for a row, or 0. */
  sent(row: number): number {
    return row < this.#sent.length ? this.#sent[row]! : 0
  }

  /** Takes a limit, or none. What the peers have beyond it goes when its rows are looked at again. */
  setLimit(limit: number | undefined): void {
    if (limit === this.guard?.limit) return
    const before = this.guard?.through ?? this.#sentRows()
    this.guard = limit === undefined ? undefined : new Guard(limit, before)
  }

  *#sentRows(): Generator<number> {
    for (let row = 0; row < this.#sent.length; row++) if (this.#sent[row] !== 0) yield row
  }

  isMarked(row: number): boolean {
    return row < this.#marks.length && this.#marks[row] !== clean
  }

  /** True where nothing was marked before. */
  mark(row: number, again = false): boolean {
    if (row >= this.#marks.length) this.#grow(row)
    const before = this.#marks[row]!
    this.#marks[row] = again || before === forced ? forced : dirty
    if (before !== clean) return false
    this.#queue.push(row)
    return this.pending === 1
  }

  /** Marks every row that was sent or could be. */
  markAll(again: boolean, learned: boolean): void {
    for (let row = 0; row < this.#sent.length; row++) if (this.#sent[row] !== 0) this.mark(row, again)
    for (const row of this.rib.originated.keys()) this.mark(row)
    if (!learned) return
    for (let row = 0; row < this.rib.prefixes.rows; row++) if (this.rib.paths.best(row) >= 0) this.mark(row)
  }

  /** The next marked row, or `noRow`; `again` says of it whether it has to be sent even unchanged. */
  take(): number {
    const row = this.#queue.take()
    if (row === noRow) return noRow
    this.again = this.#marks[row] === forced
    this.#marks[row] = clean
    return row
  }

  set(row: number, id: number): void {
    if (row >= this.#sent.length) this.#grow(row)
    const before = this.#sent[row]!
    if (before === id) return
    this.#table.retain(id)
    this.#table.release(before)
    this.#sent[row] = id
    this.count += Number(id !== 0) - Number(before !== 0)
  }

  /** The same state for a peer that goes its own way. */
  clone(): AdjRibOut {
    const copy = new AdjRibOut(this.rib, this.#table, this.#queue.clone())
    copy.#sent = this.#sent.slice()
    copy.#marks = this.#marks.slice()
    copy.count = this.count
    copy.guard = this.guard?.clone()
    for (const id of copy.#sent) this.#table.retain(id)
    return copy
  }

  /** Gives back what is above the rows that there are. */
  trim(): void {
    const { capacity } = this.rib.prefixes
    if (this.#sent.length <= capacity) return
    this.#sent = this.#sent.slice(0, capacity)
    this.#marks = this.#marks.slice(0, capacity)
  }

  /** Lets go of all it holds. */
  drop(): void {
    for (const id of this.#sent) this.#table.release(id)
    this.#sent = new Int32Array(0)
    this.#marks = new Uint8Array(0)
    this.#queue.clear()
    this.count = 0
  }

  #grow(row: number): void {
    const length = Math.max(this.rib.prefixes.capacity, row + 1)
    this.#sent = grown(this.#sent, length)
    this.#marks = grownBytes(this.#marks, length)
  }
}
