/**
 * A file as it comes, in chunks of any size, read in pieces of known size. It holds one piece and the rest of a chunk, never more.
 * What is wrong with a file is a fault with its offset: like what a peer sends, it is never an exception.
 */

import type { Fault } from '../notification.ts'

/** A fault of a file. There is nobody to notify: code and subcode are 0. */
export interface FileFault extends Fault {
  /** Octets from the beginning of the file, after decompression. */
  readonly offset: number
}

export function fileFault(offset: number, text: string): FileFault {
  return { kind: 'fault', code: 0, subcode: 0, data: new Uint8Array(0), text, offset }
}

/** When something was seen: seconds since 1970 in UTC, and nanoseconds within the second as far as the file knows them. */
export interface Timestamp {
  readonly seconds: number
  readonly nanoseconds: number
}

/** RFC 3339 with as many digits as the time has: none, 3, 6 or 9. */
export function formatTimestamp({ seconds, nanoseconds }: Timestamp): string {
  const date = new Date(seconds * 1000)
  // Times that no calendar has come only from a broken file.
  if (Number.isNaN(date.getTime())) return `${seconds} s`
  const digits = String(nanoseconds)
    .padStart(9, '0')
    .replace(/(000)+$/, '')
  return `${date.toISOString().slice(0, -5)}${digits ? `.${digits}` : ''}Z`
}

export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

export class ByteStream {
  /** Octets before the next one that `take` gives. */
  offset = 0
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #ended = false

  constructor(chunks: Chunks) {
    this.#chunks = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
  }

  /** Octets that can be taken at once. */
  get ready(): number {
    return this.#bytes.length - this.#at
  }

  /** Reads until `count` octets are ready, or the file ends: false. */
  async fill(count: number): Promise<boolean> {
    const parts = [this.#bytes.subarray(this.#at)]
    let length = this.ready
    while (length < count && !this.#ended) {
      const { done, value } = await this.#chunks.next()
      if (done === true) this.#ended = true
      else {
        parts.push(value)
        length += value.length
      }
    }
    if (parts.length > 1) {
      this.#bytes = joined(parts, length)
      this.#at = 0
    }
    return length >= count
  }

  /** The next octets, a view; they are ready. */
  take(count: number): Uint8Array {
    const view = this.#bytes.subarray(this.#at, this.#at + count)
    this.#at += count
    this.offset += count
    return view
  }

  /** The octets that `take` would give, which stay. */
  peek(count: number): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#at + count)
  }

  /** Passes over octets without holding them; false when the file ends before. */
  async skip(count: number): Promise<boolean> {
    for (;;) {
      const now = Math.min(count, this.ready)
      this.take(now)
      count -= now
      if (count === 0) return true
      if (!(await this.fill(1))) return false
    }
  }

  /** Lets go of the source, as a `for await` that is left does. */
  async close(): Promise<void> {
    this.#ended = true
    await this.#chunks.return?.()
  }
}

/** Most pieces lie in one chunk, whose octets are then not copied. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const filled = parts.filter((part) => part.length > 0)
  if (filled.length === 1) return filled[0]!
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of filled) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
