/**
 * Reading in turns of the event loop: what sockets bring is taken for a few milliseconds, and the rest in the turns after, one connection after the other.
 * So timers, keepalives of others and the admin socket have theirs while tables come in, on however many sessions, and while code is cold.
 */

import type { Clock } from '../world.ts'

/** How long all reading of a turn may take. */
const turnMs = 3
/** Octets between two looks at the clock: few while code is cold, of which the first thousand take as long as the next hundred thousand. */
const pieceOctets = { least: 512, most: 8 * 1024 }
/** A piece that took less is followed by one of twice its length, and one that took more by one of half. Milliseconds. */
const pieceMs = { least: 0.25, most: 1 }

export interface Reader {
  /** Octets that follow those before, valid during the call. False when no more is wanted. */
  take(piece: Uint8Array): boolean
  /** All that waited has been taken: read on. */
  taken(): void
}

interface Waiting {
  readonly reader: Reader
  readonly chunk: Uint8Array
  at: number
}

export class ReadingTurns {
  readonly #clock: Clock
  readonly #waiting: Waiting[] = []
  /** Milliseconds that this turn may still read. */
  #left = turnMs
  #isTurnOpen = false
  #piece = pieceOctets.least

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * What was just read. False where its reader is to stop reading: what is left is taken in the turns that follow, then `taken` is called. `isShared`: others
   * are read into the same memory, so it is copied where it has to wait.
   */
  read(reader: Reader, chunk: Uint8Array, isShared: boolean): boolean {
    this.#open()
    const isNext = this.#waiting.length === 0 || chunk.length <= this.#piece
    const at = isNext && this.#left > 0 ? this.#take(reader, chunk, 0) : 0
    if (at === chunk.length) return true
    this.#waiting.push({ reader, chunk: isShared ? chunk.slice(at) : chunk.subarray(at), at: 0 })
    return false
  }

  #open(): void {
    if (this.#isTurnOpen) return
    this.#isTurnOpen = true
    this.#clock.after(0, () => this.#close())
  }

  /** What is left of the turn is for those who wait: one piece in any case. */
  #close(): void {
    for (let one = this.#waiting.shift(); one; one = this.#left > 0 ? this.#waiting.shift() : undefined) {
      one.at = this.#take(one.reader, one.chunk, one.at)
      if (one.at < one.chunk.length) this.#waiting.push(one)
      else one.reader.taken()
    }
    this.#left = turnMs
    this.#isTurnOpen = false
    if (this.#waiting.length > 0) this.#open()
  }

  /** A piece, and more while the turn lasts. Returns where to go on: at the end also when the reader wants no more. */
  #take(reader: Reader, chunk: Uint8Array, from: number): number {
    let at = from
    do {
      const begun = this.#clock.now()
      const piece = chunk.subarray(at, at + this.#piece)
      at = reader.take(piece) ? at + piece.length : chunk.length
      const took = this.#clock.now() - begun
      this.#left -= took
      this.#adapt(piece.length, took)
    } while (at < chunk.length && this.#left > 0)
    return at
  }

  #adapt(octets: number, took: number): void {
    if (took < pieceMs.least && octets === this.#piece) this.#piece = Math.min(octets * 2, pieceOctets.most)
    else if (took > pieceMs.most) this.#piece = Math.max(this.#piece / 2, pieceOctets.least)
  }
}
