/**
 * Answers of the API server cut into objects while they come, so that a list of any length costs the memory of one object:
 * a watch has an object a line, a list has them inside `items`.
 */

const newline = 0x0a
const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** The lines of a stream, without their newlines. What is left after the last newline was cut off on its way: it is not a line. */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  for await (const chunk of chunks) {
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      parts.push(chunk.subarray(from, at))
      yield text(parts)
      parts = []
      from = at + 1
    }
    if (from < chunk.length) parts.push(chunk.subarray(from))
  }
}

/** Cuts a list into the texts of its items; `rest` is the list without them. */
export class ListSplitter {
  #depth = 0
  #inString = false
  #escaped = false
  #inItems = false
  #item: Uint8Array[] = []
  readonly #rest: Uint8Array[] = []

  /** The items that end in this chunk. */
  push(chunk: Uint8Array): string[] {
    const items: string[] = []
    // Where the item or the rest that is being read begins in this chunk; -1 between items.
    let from = this.#inItems && this.#depth === 2 ? -1 : 0
    for (let at = 0; at < chunk.length; at++) {
      const octet = chunk[at]!
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (octet === backslash) this.#escaped = true
        else if (octet === quote) this.#inString = false
        continue
      }
      if (octet === quote) this.#inString = true
      else if (octet === openBrace || octet === openBracket) {
        this.#depth++
        if (octet === openBracket && this.#depth === 2) {
          this.#inItems = true
          this.#rest.push(chunk.subarray(from, at + 1))
          from = -1
        } else if (this.#inItems && this.#depth === 3) from = at
      } else if (octet === closeBrace || octet === closeBracket) {
        this.#depth--
        if (this.#inItems && this.#depth === 2) {
          this.#item.push(chunk.subarray(from, at + 1))
          items.push(text(this.#item))
          this.#item = []
          from = -1
        } else if (this.#inItems && this.#depth === 1) {
          this.#inItems = false
          from = at
        }
      }
    }
    if (from >= 0) (this.#inItems ? this.#item : this.#rest).push(chunk.subarray(from))
    return items
  }

  /** The list with no items in it, once all of it was pushed. Throws when it was cut short. */
  rest(): unknown {
    if (this.#depth !== 0) throw new Error('the list was cut short')
    return JSON.parse(text(this.#rest)) as unknown
  }
}

function text(parts: readonly Uint8Array[]): string {
  const [only] = parts
  const whole = parts.length === 1 && only ? only : Buffer.concat(parts)
  return Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength).toString('utf8')
}
