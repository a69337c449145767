/**
 * Rows to be announced, gathered by what they are announced with, in the order in which each of those was first met. Its columns are used again
 * for every slice of work: a full table would make a hundred thousand lists otherwise.
 */

import { grown } from '../rib/columns.ts'

const none = -1
const usualLength = 256

export class Batch {
  /** Place in the columns of ids, by out id. */
  readonly #places = new Map<number, number>()
  #ids = new Int32Array(usualLength)
  /** First and last link of each id. */
  #first = new Int32Array(usualLength)
  #last = new Int32Array(usualLength)
  #idCount = 0
  /** Row of each link, and the link after it. */
  #rows = new Int32Array(usualLength)
  #next = new Int32Array(usualLength)
  #rowCount = 0

  add(id: number, row: number): void {
    const link = this.#newLink(row)
    // Rows that came in one message mostly stand one after the other.
    const place = this.#idCount > 0 && this.#ids[this.#idCount - 1] === id ? this.#idCount - 1 : this.#places.get(id)
    if (place === undefined) {
      this.#newId(id, link)
      return
    }
    this.#next[this.#last[place]!] = link
    this.#last[place] = link
  }

  /** Hands out the rows of each id, as the first `count` of a list that is valid until the visit returns, and begins anew. */
  drain(visit: (id: number, rows: Int32Array, count: number) => void): void {
    const gathered = new Int32Array(this.#rowCount)
    for (let place = 0; place < this.#idCount; place++) {
      let count = 0
      for (let link = this.#first[place]!; link !== none; link = this.#next[link]!) {
        gathered[count++] = this.#rows[link]!
      }
      visit(this.#ids[place]!, gathered, count)
    }
    this.clear()
  }

  clear(): void {
    this.#places.clear()
    this.#idCount = 0
    this.#rowCount = 0
  }

  #newLink(row: number): number {
    const link = this.#rowCount++
    if (link === this.#rows.length) {
      this.#rows = grown(this.#rows, link * 2)
      this.#next = grown(this.#next, link * 2)
    }
    this.#rows[link] = row
    this.#next[link] = none
    return link
  }

  #newId(id: number, link: number): void {
    const place = this.#idCount++
    if (place === this.#ids.length) {
      this.#ids = grown(this.#ids, place * 2)
      this.#first = grown(this.#first, place * 2)
      this.#last = grown(this.#last, place * 2)
    }
    this.#ids[place] = id
    this.#first[place] = link
    this.#last[place] = link
    this.#places.set(id, place)
  }
}
