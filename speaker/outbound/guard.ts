/**
 * Holds back what would be more routes than a peer is to be sent, so that the limit of the peer itself never trips. What was let through
 * first stays; what is held back follows, in its order, as places come free. So the same changes always leave the same routes.
 */

export class Guard {
  readonly limit: number
  readonly #through: Set<number>
  readonly #held = new Set<number>()

  /** `through` are the rows that the peer has, in the order in which they were let through; those beyond the limit have no place. */
  constructor(limit: number, through: Iterable<number>) {
    this.limit = limit
    this.#through = new Set([...through].slice(0, limit))
  }

  /** The rows that were let through, in their order. */
  get through(): Iterable<number> {
    return this.#through
  }

  get held(): number {
    return this.#held.size
  }

  holds(row: number): boolean {
    return this.#held.has(row)
  }

  /** Whether a route may be sent: it has a place, or there is one for it. */
  admit(row: number): boolean {
    if (this.#through.has(row)) return true
    if (this.#through.size >= this.limit) {
      this.#held.add(row)
      return false
    }
    this.#held.delete(row)
    this.#through.add(row)
    return true
  }

  /** A route that is not to be sent, or no more. */
  leave(row: number): void {
    this.#through.delete(row)
    this.#held.delete(row)
  }

  /** Rows that were held back, and for which there are places now. */
  next(): number[] {
    const free = this.limit - this.#through.size
    return free > 0 && this.#held.size > 0 ? [...this.#held].slice(0, free) : []
  }

  clone(): Guard {
    const copy = new Guard(this.limit, this.#through)
    for (const row of this.#held) copy.#held.add(row)
    return copy
  }
}
