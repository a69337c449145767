/**
 * Values that thousands of objects repeat, such as node names, reasons and endpoints of one node, kept once: each copy would cost more
 * than what it says. Only values that nobody changes belong here.
 */

/** Beyond this there is nothing to gain: the values are not the same ones after all. */
const most = 20_000

export class Pool<Value> {
  readonly #known = new Map<string, Value>()

  /** The value of this key, made once. */
  get(key: string, make: () => Value): Value {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#known.size >= most) this.#known.clear()
    const value = make()
    this.#known.set(key, value)
    return value
  }
}

const texts = new Pool<string>()

export function sharedText(text: string): string {
  return texts.get(text, () => text)
}

const none: readonly never[] = []

/** The list itself, or the one empty list that all share. */
export function orNone<Item>(list: readonly Item[] | null | undefined): readonly Item[] {
  return list && list.length > 0 ? list : none
}
