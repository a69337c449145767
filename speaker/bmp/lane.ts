/**
 * One direction of one family of one peer, on its way to one collector: rows that it has to hear of, and whether it has heard of all that was
 * there when it began. A row is looked up when it is sent, so what waits is always the latest state.
 */

import { encodeAttributes } from 'bgp-ts'
import type { AdjRibOut } from '../outbound/adj-rib-out.ts'
import type { OutTable } from '../outbound/out-table.ts'
import { none } from '../rib/path-table.ts'
import type { FamilyRib, Rib } from '../rib/rib.ts'
import { type MonitoredPeer, routeHeader } from './monitored-peer.ts'
import { newBatch, type RouteAttributes, type RouteBatch, type RouteWriter, reachOf } from './route-writer.ts'
import { RowSet } from './row-set.ts'

/** Rows that are looked up before any of them is written: those that share attributes share messages. */
const rowsAtOnce = 512
const four = { fourOctetAsn: true }

export abstract class Lane {
  readonly peer: MonitoredPeer
  readonly rib: FamilyRib
  readonly dirty = new RowSet()
  abstract readonly direction: 'in' | 'out'
  /** The walk over what was there at the beginning goes on here; undefined once it is over. */
  #walkAt: number | undefined
  #complete = false
  #ended = false

  /** `isEmpty`: there is nothing that the collector could have missed. */
  constructor(peer: MonitoredPeer, rib: FamilyRib, isEmpty: boolean) {
    this.peer = peer
    this.rib = rib
    this.#walkAt = isEmpty ? undefined : 0
  }

  /** Whether there is something to do now. */
  get pending(): boolean {
    if (this.#walkAt !== undefined || this.dirty.size > 0) return true
    return !this.#ended && (!this.#complete || this.isWhole)
  }

  /** Before each step. */
  protected begin(): void {}
  /** Whether all that belongs to the first state is known, so that End-of-RIB may follow it. */
  protected abstract get isWhole(): boolean
  /** Below this the walk goes. */
  protected abstract get walkEnd(): number
  /** The row of a number of the walk that the peer has a route to, or -1. */
  protected abstract rowAt(index: number): number
  /** Sorts a row by what has to be said of it. */
  protected abstract look(row: number, announced: Map<number, RouteBatch>, withdrawn: RouteBatch): void
  protected abstract attributes(id: number): RouteAttributes
  protected abstract get addPath(): boolean

  /** One step of what is to do; `now` in milliseconds since 1970. Gives the rows that it has done with. */
  step(writer: RouteWriter, now: number, overdue: () => boolean): readonly number[] {
    this.begin()
    if (this.#walkAt !== undefined) {
      this.#walk(this.#walkAt, overdue)
      return []
    }
    // What the collector missed is of a time that nobody knows.
    const header = routeHeader(this.peer, this.#ended ? now : 0, this.direction)
    const announced = new Map<number, RouteBatch>()
    const withdrawn = newBatch()
    const done: number[] = []
    while (done.length < rowsAtOnce) {
      const row = this.dirty.take()
      if (row === none) {
        this.#complete = true
        break
      }
      done.push(row)
      this.look(row, announced, withdrawn)
    }
    const { prefixes } = this.rib
    if (withdrawn.rows.length > 0) writer.withdraw(header, prefixes, withdrawn, this.addPath)
    for (const [id, batch] of announced) writer.announce(header, prefixes, batch, this.attributes(id), this.addPath)
    if (this.#complete && !this.#ended && this.isWhole) {
      writer.end(header, this.rib.family)
      this.#ended = true
    }
    return done
  }

  #walk(from: number, overdue: () => boolean): void {
    let at = from
    for (; at < this.walkEnd; at++) {
      const row = this.rowAt(at)
      if (row !== none) this.dirty.add(row)
      if (at % 1024 === 1023 && overdue()) break
    }
    this.#walkAt = at < this.walkEnd ? at + 1 : undefined
  }
}

/** What the peer sends, after its import policy: the paths of the table that bear its index. */
export class LaneIn extends Lane {
  readonly direction = 'in'
  readonly #table: Rib
  /** By row: identifiers of paths that went or changed. As text: V8 hashes the numbers that a peer chooses without a seed. */
  readonly #ids = new Map<number, Set<string>>()
  /** All that `ids` holds. */
  ids = 0

  constructor(peer: MonitoredPeer, table: Rib, rib: FamilyRib) {
    super(peer, rib, peer.routed.counters[rib.family].accepted === 0)
    this.#table = table
  }

  touch(row: number, pathId: number): void {
    this.dirty.add(row)
    if (!this.addPath) return
    const known = this.#ids.get(row) ?? new Set<string>()
    this.#ids.set(row, known)
    const before = known.size
    known.add(String(pathId))
    this.ids += known.size - before
  }

  /** A peer that knows End-of-RIB says when its first state is whole (RFC 4724 section 2). */
  protected get isWhole(): boolean {
    const { negotiated, counters } = this.peer.routed
    const says = negotiated?.peerCapabilities.some(({ kind }) => kind === 'graceful-restart') ?? false
    return !says || counters[this.rib.family].endOfRibReceived
  }

  protected get walkEnd(): number {
    return this.rib.paths.end
  }

  protected get addPath(): boolean {
    return this.peer.addPath.includes(this.rib.family)
  }

  protected rowAt(path: number): number {
    const { paths } = this.rib
    const row = paths.row(path)
    return row !== none && paths.peer(path) === this.peer.routed.index ? row : none
  }

  protected look(row: number, announced: Map<number, RouteBatch>, withdrawn: RouteBatch): void {
    const { paths } = this.rib
    const { index } = this.peer.routed
    const gone = this.#ids.get(row)
    this.#ids.delete(row)
    this.ids -= gone?.size ?? 0
    let held = false
    for (let path = paths.best(row); path !== none; path = paths.next(path)) {
      if (paths.peer(path) !== index) continue
      held = true
      const pathId = paths.pathId(path)
      gone?.delete(String(pathId))
      add(announced, paths.attributes(path), row, pathId)
    }
    if (gone) for (const id of gone) put(withdrawn, row, Number(id))
    else if (!held) put(withdrawn, row, 0)
  }

  protected attributes(id: number): RouteAttributes {
    const { attributes: table } = this.#table
    const { nextHop: _own, ...attributes } = table.attributes(id)
    // A route without a next hop is not accepted.
    const nextHop = table.nextHop(id)!
    const reach = reachOf(this.rib.family, nextHop)
    return { list: encodeAttributes(reach ? attributes : { ...attributes, nextHop }, four), reach }
  }
}

/** What the peer is sent: its group's adj-rib-out, with the octets that went to it. */
export class LaneOut extends Lane {
  readonly direction = 'out'
  readonly #table: OutTable
  readonly #find: () => AdjRibOut | undefined
  #out: AdjRibOut | undefined
  protected readonly addPath = false

  /** `find` gives the peer's adj-rib-out as it is now: peers change groups. */
  constructor(peer: MonitoredPeer, rib: FamilyRib, table: OutTable, find: () => AdjRibOut | undefined) {
    super(peer, rib, (find()?.count ?? 0) === 0)
    this.#table = table
    this.#find = find
  }

  protected override begin(): void {
    this.#out = this.#find()
  }

  protected get isWhole(): boolean {
    return this.peer.routed.counters[this.rib.family].endOfRibSent
  }

  protected get walkEnd(): number {
    return this.rib.prefixes.rows
  }

  protected rowAt(row: number): number {
    return (this.#out?.sent(row) ?? 0) === 0 ? none : row
  }

  protected look(row: number, announced: Map<number, RouteBatch>, withdrawn: RouteBatch): void {
    const id = this.#out?.sent(row) ?? 0
    if (id === 0) put(withdrawn, row, 0)
    else add(announced, id, row, 0)
  }

  protected attributes(id: number): RouteAttributes {
    return { list: this.#table.list(id), reach: this.#table.reach(id)?.slice() }
  }
}

function add(announced: Map<number, RouteBatch>, id: number, row: number, pathId: number): void {
  const batch = announced.get(id) ?? newBatch()
  announced.set(id, batch)
  put(batch, row, pathId)
}

function put({ rows, ids }: RouteBatch, row: number, pathId: number): void {
  rows.push(row)
  ids.push(pathId)
}
