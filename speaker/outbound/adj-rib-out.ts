/**
 * What a group of peers was sent, and which rows have to be looked at again: one integer and one octet a row.
 * What is pending is a set of rows, so it is always the latest state and never longer than the table; beside it, a walk through all of them.
 */

import { grown, grownBytes } from '../rib/columns.ts'
import { none } from '../rib/path-table.ts'
import type { FamilyRib } from '../rib/rib.ts'
import { Guard } from './guard.ts'
import type { OutTable } from './out-table.ts'
import { noRow, RowQueue } from './row-queue.ts'
import { RowWalk } from './row-walk.ts'

export class AdjRibOut {
  readonly rib: FamilyRib
  readonly #table: OutTable
  #sent = new Int32Array(0)
  #marks = new Uint8Array(0)
  readonly #queue: RowQueue
  #walk: RowWalk | undefined
  #nextWalk: Pick<RowWalk, 'again' | 'learned'> | undefined
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

  /** Rows that changed and wait. */
  get marked(): number {
    return this.#queue.size
  }

  get isSettled(): boolean {
    return this.marked === 0 && this.#walk === undefined
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
    return row < this.#marks.length && this.#marks[row] !== 0
  }

  /** True where there was nothing to do before. */
  mark(row: number): boolean {
    if (row >= this.#marks.length) this.#grow(row)
    if (this.#marks[row] !== 0) return false
    const wasSettled = this.isSettled
    this.#marks[row] = 1
    this.#queue.push(row)
    return wasSettled
  }

  /**
   * Every row that was sent or could be has to be looked at; `again`: what was sent is sent again even if nothing changed. Asked for in the middle of it, it
   * is done once more, however often: nobody is kept waiting by one who asks all the time.
   */
  lookAtAll(again: boolean, learned: boolean): void {
    if (!this.#walk) this.#walk = new RowWalk(this.rib, again, learned)
    else {
      const { again: wasAgain = false, learned: wasLearned = false } = this.#nextWalk ?? {}
      this.#nextWalk = { again: again || wasAgain, learned: learned || wasLearned }
    }
  }

  /** The next marked row, or `noRow`. */
  takeMarked(): number {
    this.again = false
    const row = this.#queue.take()
    if (row !== noRow) this.#marks[row] = 0
    return row
  }

  /** The next of all rows, or `noRow`; `again` says of it whether it has to be sent even unchanged. */
  takeNext(): number {
    for (let row = this.#walk?.next() ?? noRow; row !== noRow; row = this.#walk!.next()) {
      const wasSent = this.sent(row) !== 0
      this.again = wasSent && this.#walk!.again
      // What has no path and was not sent may be no row any more.
      if (wasSent || this.rib.paths.best(row) !== none) return row
    }
    const next = this.#nextWalk
    this.#walk = next && new RowWalk(this.rib, next.again, next.learned)
    this.#nextWalk = undefined
    return noRow
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
    copy.#walk = this.#walk?.clone()
    copy.#nextWalk = this.#nextWalk
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

  /** Lets go of what it holds from this row on, until time is up; `orphan` hears of each row that nobody announces any more. Returns where to go on. */
  release(from: number, overdue: () => boolean, orphan: (row: number) => void): number {
    let row = from
    for (; row < this.#sent.length; row++) {
      if (row % 1024 === 1023 && overdue()) break
      const id = this.#sent[row]!
      if (id === 0 && this.#marks[row] === 0) continue
      this.#table.release(id)
      this.#sent[row] = 0
      this.#marks[row] = 0
      if (this.rib.paths.best(row) === none) orphan(row)
    }
    return row
  }

  /** Rows that it may have something of are below this. */
  get end(): number {
    return this.#sent.length
  }

  #grow(row: number): void {
    const length = Math.max(this.rib.prefixes.capacity, row + 1)
    this.#sent = grown(this.#sent, length)
    this.#marks = grownBytes(this.#marks, length)
  }
}
