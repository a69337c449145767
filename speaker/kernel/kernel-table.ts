/**
 * What we know of our routes of one family in the kernel, by prefix: what is there, what the table of routes wants there, and why
 * the two may differ. Columns beside a prefix table of its own, because the kernel may have what no peer announces (any more).
 * What is pending is a set of rows, so it is always the latest state of each prefix, however slow the kernel is.
 */

import type { Family, Prefix } from 'bgp-ts'
import { grown, grownBytes } from '../rib/columns.ts'
import { none } from '../rib/path-table.ts'
import { PrefixTable } from '../rib/prefix-table.ts'
import { type HopSets, noSet } from './hop-sets.ts'

/** Why a wanted route is not in the kernel; from `refused` on, the number of the kernel's words. */
export const status = { none: 0, unreachable: 1, covers: 2, link: 3, occupied: 4, refused: 5 } as const

const bits = {
  /** Has to be looked at. */
  dirty: 1,
  /** Was in the kernel before us, and is not to be touched before the peers have said all they have. */
  stale: 2,
  /** Was in the dump that is being read. */
  seen: 4,
  /** A change of it is on its way. */
  sent: 8,
} as const

/** Distinct words of the kernel that are kept apart. */
const mostTexts = 250

export class KernelTable {
  readonly prefixes: PrefixTable
  readonly #sets: HopSets
  #wanted = new Int32Array(0)
  #installed = new Int32Array(0)
  #flags = new Uint8Array(0)
  #status = new Uint8Array(0)
  #queue: number[] = []
  #taken = 0
  /** Rows from here on are to be looked at, all of them; -1 for none. */
  #sweep = none
  /** By row, the protocol of the route of somebody else that has our prefix and metric. */
  readonly #foreign = new Map<number, number>()
  readonly #texts: string[] = []
  /** Rows by status. */
  readonly #counts: number[] = []
  installedCount = 0
  staleCount = 0

  constructor(family: Family, seed: number, sets: HopSets) {
    this.prefixes = new PrefixTable(family, seed)
    this.#sets = sets
  }

  /** At most this many rows are to be looked at. */
  get pending(): number {
    return this.#queue.length - this.#taken + (this.#sweep === none ? 0 : this.prefixes.rows - this.#sweep)
  }

  find({ w0, w1, w2, w3, length }: Prefix): number {
    return this.prefixes.find(w0, w1, w2, w3, length)
  }

  add(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const row = this.prefixes.add(w0, w1, w2, w3, length)
    if (row >= this.#flags.length) this.#grow(row)
    return row
  }

  prefix(row: number): Prefix {
    return this.prefixes.prefix(row)
  }

  mark(row: number): void {
    if (this.#has(row, bits.dirty)) return
    this.#set(row, bits.dirty, true)
    this.#queue.push(row)
  }

  /** Marks every row, at no cost now. */
  markAll(): void {
    this.#sweep = 0
  }

  /** The next marked row, or -1. */
  take(): number {
    if (this.#taken === this.#queue.length) {
      this.#queue = []
      this.#taken = 0
      return this.#nextOfSweep()
    }
    const row = this.#queue[this.#taken++]!
    if (this.#taken > 4096 && this.#taken * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#taken)
      this.#taken = 0
    }
    this.#set(row, bits.dirty, false)
    return row
  }

  installed(row: number): number {
    return this.#installed[row]!
  }

  setInstalled(row: number, set: number): void {
    const before = this.#installed[row]!
    if (before === set) return
    this.#sets.retain(set)
    this.#sets.release(before)
    this.#installed[row] = set
    this.installedCount += Number(set !== noSet) - Number(before !== noSet)
  }

  wanted(row: number): number {
    return this.#wanted[row]!
  }

  setWanted(row: number, set: number): void {
    const before = this.#wanted[row]!
    if (before === set) return
    this.#wanted[row] = set
    this.#sets.want(set, before)
  }

  isStale(row: number): boolean {
    return this.#has(row, bits.stale)
  }

  setStale(row: number, isStale: boolean): void {
    if (this.isStale(row) === isStale) return
    this.#set(row, bits.stale, isStale)
    this.staleCount += isStale ? 1 : -1
  }

  setSeen(row: number): void {
    this.#set(row, bits.seen, true)
  }

  setSent(row: number, isSent: boolean): void {
    this.#set(row, bits.sent, isSent)
  }

  status(row: number): number {
    return this.#status[row]!
  }

  setStatus(row: number, now: number): void {
    const before = this.#status[row]!
    if (before === now) return
    this.#status[row] = now
    this.#counts[before] = (this.#counts[before] ?? 0) - 1
    this.#counts[now] = (this.#counts[now] ?? 0) + 1
  }

  foreign(row: number): number | undefined {
    return this.#foreign.get(row)
  }

  /** Takes whose route is in the place of a row: what that changes is looked at again. */
  setForeign(row: number, protocol: number | undefined): void {
    if (this.#foreign.get(row) === protocol) return
    if (protocol === undefined) this.#foreign.delete(row)
    else this.#foreign.set(row, protocol)
    if (this.status(row) === status.occupied) this.setStatus(row, status.none)
    this.mark(row)
  }

  /** Takes all rows that somebody else is in the place of. */
  setAllForeign(protocols: ReadonlyMap<number, number>): void {
    for (const row of this.#foreign.keys()) if (!protocols.has(row)) this.setForeign(row, undefined)
    for (const [row, protocol] of protocols) this.setForeign(row, protocol)
    // Whoever was there is gone, or it is one of ours.
    for (const row of this.unexplainedRows()) {
      this.setStatus(row, status.none)
      this.mark(row)
    }
  }

  setRefused(row: number, text: string): void {
    let at = this.#texts.indexOf(text)
    if (at < 0 && this.#texts.length < mostTexts) at = this.#texts.push(text) - 1
    this.setStatus(row, status.refused + Math.max(0, at))
  }

  /** What the kernel said to a row that it refused. */
  refusal(row: number): string {
    return this.#texts[this.status(row) - status.refused] ?? ''
  }

  /** How many rows are in a status; `refused` counts all that the kernel refused. */
  count(of: number): number {
    if (of !== status.refused) return this.#counts[of] ?? 0
    return this.#counts.slice(of).reduce((sum, count) => sum + (count ?? 0), 0)
  }

  /** The first row in a status, or -1. */
  example(of: number): number {
    if (this.count(of) === 0) return none
    return of === status.refused ? this.#status.findIndex((one) => one >= of) : this.#status.indexOf(of)
  }

  refusedRows(): number[] {
    return this.#where((row) => this.#status[row]! >= status.refused)
  }

  staleRows(): number[] {
    return this.#where((row) => this.#has(row, bits.stale))
  }

  /** Rows that are installed, as far as we know, and were not in the dump. */
  unseenRows(): number[] {
    return this.#where((row) => this.#installed[row] !== noSet && !this.#has(row, bits.seen))
  }

  /** Rows in whose place something is, and it is not known whose. */
  unexplainedRows(): number[] {
    if (this.count(status.occupied) === 0) return []
    return this.#where((row) => this.#status[row] === status.occupied && !this.#foreign.has(row))
  }

  clearSeen(): void {
    for (let row = 0; row < this.prefixes.rows; row++) this.#flags[row]! &= ~bits.seen
  }

  /** Gives a row back that says nothing any more. */
  free(row: number): void {
    if (this.#says(row) || this.#has(row, bits.dirty | bits.sent)) return
    this.setStale(row, false)
    this.#flags[row] = 0
    this.#foreign.delete(row)
    this.prefixes.remove(row)
  }

  #nextOfSweep(): number {
    if (this.#sweep === none) return none
    while (this.#sweep < this.prefixes.rows) {
      const row = this.#sweep++
      if (this.#says(row)) return row
    }
    this.#sweep = none
    return none
  }

  #where(test: (row: number) => boolean): number[] {
    const found: number[] = []
    for (let row = 0; row < this.prefixes.rows; row++) if (test(row)) found.push(row)
    return found
  }

  /** Whether a row is of any use. One that was given back is not. */
  #says(row: number): boolean {
    return this.#installed[row] !== noSet || this.#wanted[row] !== noSet || this.#status[row] !== status.none
  }

  #has(row: number, bit: number): boolean {
    return (this.#flags[row]! & bit) !== 0
  }

  #set(row: number, bit: number, isSet: boolean): void {
    this.#flags[row] = isSet ? this.#flags[row]! | bit : this.#flags[row]! & ~bit
  }

  #grow(row: number): void {
    const length = Math.max(this.prefixes.capacity, row + 1)
    this.#wanted = grown(this.#wanted, length)
    this.#installed = grown(this.#installed, length)
    this.#flags = grownBytes(this.#flags, length)
    this.#status = grownBytes(this.#status, length)
  }
}
