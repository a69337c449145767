/**
 * Paths of one family: which peer announced which prefix with which attributes. Four words a path; those of one prefix form a list
 * with the best one first. This is adj-rib-in and loc-rib in one: a peer's routes are the paths that bear its index.
 * A peer with several paths a prefix tells them apart by identifiers (RFC 7911), which take another word once there is one.
 */

import { freeBelow, isFarTooLong } from './columns.ts'
import { Records } from './records.ts'

const initialPaths = 1024
export const none = -1

/** Words of a path. */
const rowWord = 0
const attributesWord = 1
const nextWord = 2
/** The index of the peer, and above it the epoch in which the path was marked stale. */
const peerWord = 3
const peerBits = 24
const peerMask = (1 << peerBits) - 1

export class PathTable {
  readonly #records = new Records(4, initialPaths)
  /** Only there once an identifier is not 0. */
  #pathIds: Records | undefined
  /** By prefix row: the best path. */
  readonly #heads = new Records(1, initialPaths, none)
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
    return row < this.#heads.rows ? this.#heads.get(row, 0) : none
  }

  row(path: number): number {
    return this.#records.get(path, rowWord)
  }

  peer(path: number): number {
    return this.#records.get(path, peerWord) & peerMask
  }

  attributes(path: number): number {
    return this.#records.get(path, attributesWord)
  }

  /** The following path of the same prefix, or -1. */
  next(path: number): number {
    return this.#records.get(path, nextWord)
  }

  setAttributes(path: number, attributes: number): void {
    this.#records.set(path, attributesWord, attributes)
  }

  /** Whether the peer has yet to say again that the path still stands. */
  isStale(path: number): boolean {
    return this.staleEpoch(path) !== 0
  }

  /** When it was marked so; 0 for a path that stands. */
  staleEpoch(path: number): number {
    return this.#records.get(path, peerWord) >>> peerBits
  }

  setStale(path: number, epoch: number): void {
    this.#records.set(path, peerWord, this.peer(path) | (epoch << peerBits))
  }

  /** The identifier that the peer gave it; 0 where it gives none. Signed. */
  pathId(path: number): number {
    return this.#pathIds === undefined ? 0 : this.#pathIds.get(path, 0)
  }

  /** The path of this peer with this identifier to this prefix, or -1. */
  of(row: number, peer: number, pathId = 0): number {
    let path = this.best(row)
    while (path !== none && (this.peer(path) !== peer || this.pathId(path) !== pathId)) path = this.next(path)
    return path
  }

  /** Paths of this peer to this prefix. */
  countOf(row: number, peer: number): number {
    let count = 0
    for (let path = this.best(row); path !== none; path = this.next(path)) if (this.peer(path) === peer) count++
    return count
  }

  /** Puts a new path last in the list of its prefix. */
  add(row: number, peer: number, attributes: number, pathId = 0): number {
    const path = this.#free.pop() ?? this.#newPath()
    const records = this.#records
    records.set(path, rowWord, row)
    records.set(path, peerWord, peer)
    records.set(path, attributesWord, attributes)
    records.set(path, nextWord, none)
    this.#setPathId(path, pathId)
    this.#count++
    this.#heads.reach(row)
    let last = this.#heads.get(row, 0)
    if (last === none) {
      this.#heads.set(row, 0, path)
      return path
    }
    for (let next = this.next(last); next !== none; next = this.next(last)) last = next
    records.set(last, nextWord, path)
    return path
  }

  remove(path: number): void {
    const row = this.row(path)
    this.#unlink(row, path)
    this.#records.set(path, rowWord, none)
    this.#free.push(path)
    this.#count--
  }

  /** Makes a path the first of its prefix. */
  promote(path: number): void {
    const row = this.row(path)
    const head = this.best(row)
    if (head === path) return
    this.#unlink(row, path)
    this.#records.set(path, nextWord, head)
    this.#heads.set(row, 0, path)
  }

  /** Octets of the paths, and of the way to them from the prefixes. */
  get bytes(): number {
    return this.#records.bytes + (this.#pathIds?.bytes ?? 0) + this.#heads.bytes
  }

  /** Gives back what a table that was far larger has left above the last path in use, and above the rows that there are. Paths keep their numbers. */
  trim(rows: number): void {
    this.#heads.shrink(rows, initialPaths)
    if (!isFarTooLong(this.#records.rows, this.#count)) return
    let end = this.#end
    while (end > 0 && this.row(end - 1) === none) end--
    const used = Uint8Array.from({ length: end }, (_, path) => Number(this.row(path) !== none))
    this.#records.shrink(end, initialPaths)
    this.#pathIds?.shrink(end, initialPaths)
    this.#end = end
    this.#free = freeBelow(end, used)
  }

  #unlink(row: number, path: number): void {
    const next = this.next(path)
    let before = this.best(row)
    if (before === path) {
      this.#heads.set(row, 0, next)
      return
    }
    while (this.next(before) !== path) before = this.next(before)
    this.#records.set(before, nextWord, next)
  }

  #setPathId(path: number, pathId: number): void {
    if (pathId === 0 && this.#pathIds === undefined) return
    this.#pathIds ??= new Records(1, initialPaths)
    this.#pathIds.reach(this.#records.rows - 1)
    this.#pathIds.set(path, 0, pathId)
  }

  #newPath(): number {
    this.#records.reach(this.#end)
    return this.#end++
  }
}
