/**
 * Paths of one family: which peer announced which prefix with which attributes. Four integers a path; those of one prefix form a list
 * with the best one first. This is adj-rib-in and loc-rib in one: a peer's routes are the paths that bear its index.
 * A peer with several paths a prefix tells them apart by identifiers (RFC 7911), which take another integer once there is one.
 */

import { freeBelow, grown, grownBytes, isFarTooLong, shorterLength } from './columns.ts'

const initialPaths = 1024
export const none = -1

export class PathTable {
  #rows = new Int32Array(initialPaths)
  #peers = new Int32Array(initialPaths)
  #attributes = new Int32Array(initialPaths)
  #next = new Int32Array(initialPaths)
  #stale = new Uint8Array(initialPaths)
  /** Empty while all identifiers are 0. */
  #pathIds = new Int32Array(0)
  /** By prefix row: the best path. */
  #heads = new Int32Array(initialPaths).fill(none)
  #free: number[] = []
  #end = 0
  #count = 0

  get size(): number {
    return this.#count
  }

  /** Path numbers are below this; those that are free have the row -1. */
  get end(): number {
    return this.#end
  }

  /** The best path of a prefix row, or -1. */
  best(row: number): number {
    return row < this.#heads.length ? this.#heads[row]! : none
  }

  row(path: number): number {
    return this.#rows[path]!
  }

  peer(path: number): number {
    return this.#peers[path]!
  }

  attributes(path: number): number {
    return this.#attributes[path]!
  }

  /** The following path of the same prefix, or -1. */
  next(path: number): number {
    return this.#next[path]!
  }

  setAttributes(path: number, attributes: number): void {
    this.#attributes[path] = attributes
  }

  /** Whether the peer has yet to say again that the path still stands. */
  isStale(path: number): boolean {
    return this.#stale[path] !== 0
  }

  /** When it was marked so; 0 for a path that stands. */
  staleEpoch(path: number): number {
    return this.#stale[path]!
  }

  setStale(path: number, epoch: number): void {
    this.#stale[path] = epoch
  }

  /** The identifier that the peer gave it; 0 where it gives none. Signed. */
  pathId(path: number): number {
    return this.#pathIds.length > 0 ? this.#pathIds[path]! : 0
  }

  /** The path of this peer with this identifier to this prefix, or -1. */
  of(row: number, peer: number, pathId = 0): number {
    let path = this.best(row)
    while (path !== none && (this.#peers[path] !== peer || this.pathId(path) !== pathId)) path = this.#next[path]!
    return path
  }

  /** Paths of this peer to this prefix. */
  countOf(row: number, peer: number): number {
    let count = 0
    for (let path = this.best(row); path !== none; path = this.#next[path]!) if (this.#peers[path] === peer) count++
    return count
  }

  /** Puts a new path last in the list of its prefix. */
  add(row: number, peer: number, attributes: number, pathId = 0): number {
    const path = this.#free.pop() ?? this.#newPath()
    this.#rows[path] = row
    this.#peers[path] = peer
    this.#attributes[path] = attributes
    this.#next[path] = none
    this.#stale[path] = 0
    if (pathId !== 0 && this.#pathIds.length === 0) this.#pathIds = new Int32Array(this.#rows.length)
    if (this.#pathIds.length > 0) this.#pathIds[path] = pathId
    this.#count++
    if (row >= this.#heads.length) {
      this.#heads = grown(this.#heads, Math.max(this.#heads.length * 2, row + 1), none)
    }
    let last = this.#heads[row]!
    if (last === none) {
      this.#heads[row] = path
      return path
    }
    while (this.#next[last] !== none) last = this.#next[last]!
    this.#next[last] = path
    return path
  }

  remove(path: number): void {
    const row = this.#rows[path]!
    if (this.#heads[row] === path) {
      this.#heads[row] = this.#next[path]!
    } else {
      this.#next[this.#before(row, path)] = this.#next[path]!
    }
    this.#rows[path] = none
    this.#free.push(path)
    this.#count--
  }

  /** Makes a path the first of its prefix. */
  promote(path: number): void {
    const row = this.#rows[path]!
    const head = this.#heads[row]!
    if (head === path) return
    this.#next[this.#before(row, path)] = this.#next[path]!
    this.#next[path] = head
    this.#heads[row] = path
  }

  /** Octets of the columns. */
  get bytes(): number {
    return this.#rows.length * 17 + this.#pathIds.length * 4 + this.#heads.length * 4
  }

  /** Gives back what a table that was far larger has left above the last path in use, and above the rows that there are. Paths keep their numbers. */
  trim(rows: number): void {
    if (this.#heads.length > rows) this.#heads = this.#heads.slice(0, Math.max(rows, initialPaths))
    if (!isFarTooLong(this.#rows.length, this.#count)) return
    let end = this.#end
    while (end > 0 && this.#rows[end - 1] === none) end--
    const used = Uint8Array.from(this.#rows.subarray(0, end), (row) => Number(row !== none))
    const length = shorterLength(end, initialPaths)
    this.#rows = this.#rows.slice(0, length)
    this.#peers = this.#peers.slice(0, length)
    this.#attributes = this.#attributes.slice(0, length)
    this.#next = this.#next.slice(0, length)
    this.#stale = this.#stale.slice(0, length)
    this.#pathIds = this.#pathIds.slice(0, length)
    this.#end = end
    this.#free = freeBelow(end, used)
  }

  #before(row: number, path: number): number {
    let before = this.#heads[row]!
    while (this.#next[before] !== path) before = this.#next[before]!
    return before
  }

  #newPath(): number {
    const path = this.#end++
    if (path >= this.#rows.length) {
      const length = this.#rows.length * 2
      this.#rows = grown(this.#rows, length)
      this.#peers = grown(this.#peers, length)
      this.#attributes = grown(this.#attributes, length)
      this.#next = grown(this.#next, length)
      this.#stale = grownBytes(this.#stale, length)
      if (this.#pathIds.length > 0) this.#pathIds = grown(this.#pathIds, length)
    }
    return path
  }
}
