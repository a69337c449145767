/**
 * Rows to be announced, gathered by what they are announced with, in the order in which each of those was first met. Its arrays are used again
 * for every slice of work: a full table would make a hundred thousand lists otherwise.
 */

const none = -1

export class Batch {
  /** Index in `#ids`, by out id. */
  readonly #places = new Map<number, number>()
  readonly #ids: number[] = []
  /** First and last link of each id. */
  readonly #first: number[] = []
  readonly #last: number[] = []
  /** Row of each link, and the link after it. */
  readonly #rows: number[] = []
  readonly #next: number[] = []
  readonly #gathered: number[] = []

  add(id: number, row: number): void {
    const link = this.#rows.length
    this.#rows.push(row)
    this.#next.push(none)
    // Rows of one message mostly share their attributes.
    const place = this.#ids[this.#ids.length - 1] === id ? this.#ids.length - 1 : this.#places.get(id)
    if (place === undefined) {
      this.#places.set(id, this.#ids.length)
      this.#ids.push(id)
      this.#first.push(link)
      this.#last.push(link)
    } else {
      this.#next[this.#last[place]!] = link
      this.#last[place] = link
    }
  }

  /** Hands out the rows of each id, in a list that is valid until the visit returns, and begins anew. */
  drain(visit: (id: number, rows: readonly number[]) => void): void {
    for (let place = 0; place < this.#ids.length; place++) {
      this.#gathered.length = 0
      for (let link = this.#first[place]!; link !== none; link = this.#next[link]!)
        this.#gathered.push(this.#rows[link]!)
      visit(this.#ids[place]!, this.#gathered)
    }
    this.#places.clear()
    for (const list of [this.#ids, this.#first, this.#last, this.#rows, this.#next]) list.length = 0
  }
}
