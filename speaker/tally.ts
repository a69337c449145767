/** How often each rule refused something. A table's worth of refusals mostly has one reason: the last one is counted without being looked up. */

interface Count {
  readonly rule: string
  times: number
}

export class Tally implements Iterable<[rule: string, times: number]> {
  readonly #counts = new Map<string, Count>()
  #last: Count = { rule: '', times: 0 }

  add(rule: string): void {
    if (rule !== this.#last.rule || this.#counts.size === 0) this.#last = this.#of(rule)
    this.#last.times++
  }

  get size(): number {
    return this.#counts.size
  }

  has(rule: string): boolean {
    return this.#counts.has(rule)
  }

  get(rule: string): number {
    return this.#counts.get(rule)?.times ?? 0
  }

  keys(): IterableIterator<string> {
    return this.#counts.keys()
  }

  *[Symbol.iterator](): IterableIterator<[rule: string, times: number]> {
    for (const { rule, times } of this.#counts.values()) yield [rule, times]
  }

  #of(rule: string): Count {
    const known = this.#counts.get(rule)
    if (known) return known
    const count = { rule, times: 0 }
    this.#counts.set(rule, count)
    return count
  }
}
