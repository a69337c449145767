/** A look at every row of a family that a group was sent or could be, step by step: a full table at once would hold the event loop. */

import { none } from '../rib/path-table.ts'
import { type FamilyRib, ownIndex } from '../rib/rib.ts'
import { noRow } from './row-queue.ts'

export class RowWalk {
  /** Whether what was sent is sent again even if nothing changed. */
  readonly again: boolean
  /** Whether learned routes are looked at too. */
  readonly learned: boolean
  readonly #rib: FamilyRib
  /** What this speaker originates comes first: it is known of nobody else. */
  #own: Iterator<number>
  #isOwnDone = false
  #at = 0

  constructor(rib: FamilyRib, again: boolean, learned: boolean) {
    this.#rib = rib
    this.again = again
    this.learned = learned
    this.#own = rib.originated.keys()
  }

  /** The next row, or `noRow` at the end. Rows that come or change meanwhile may be left out: they are marked. */
  next(): number {
    if (!this.#isOwnDone) {
      const { value, done } = this.#own.next()
      if (!done) return value
      this.#isOwnDone = true
    }
    return this.learned ? this.#nextLearned() : noRow
  }

  /** One that goes on from the same place. */
  clone(): RowWalk {
    const copy = new RowWalk(this.#rib, this.again, this.learned)
    const rest: number[] = []
    for (let step = this.#own.next(); !step.done; step = this.#own.next()) rest.push(step.value)
    this.#own = rest.values()
    copy.#own = rest.values()
    copy.#isOwnDone = this.#isOwnDone
    copy.#at = this.#at
    return copy
  }

  #nextLearned(): number {
    const { prefixes, paths } = this.#rib
    while (this.#at < prefixes.rows) {
      const row = this.#at++
      const best = paths.best(row)
      if (best !== none && paths.peer(best) !== ownIndex) return row
    }
    return noRow
  }
}
