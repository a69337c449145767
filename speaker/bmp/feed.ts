/**
 * What one connected collector hears: each peer with its Peer Up, the state of its tables, and then what changes. All of it waits as marks until the
 * connection takes octets, so what waits is bounded by the tables and by the number of peers, however slow the collector.
 */

import type { Family } from 'bgp-ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { FamilyRib, Rib } from '../rib/rib.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import { type Lane, LaneIn, LaneOut } from './lane.ts'
import type { MonitoredPeer } from './monitored-peer.ts'
import { RouteWriter } from './route-writer.ts'

export interface Tables {
  readonly rib: Rib
  readonly outbound: Outbound
}

export interface FeedWorld extends Tables {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Takes whole messages; false: no more for now. */
  readonly write: (bytes: Uint8Array, messages: number) => boolean
  /** Rows that nothing here waits for any more. */
  readonly released: (rib: FamilyRib, row: number) => void
}

interface PeerLanes {
  readonly peer: MonitoredPeer
  readonly in: { readonly [family in Family]?: LaneIn }
  readonly out: { readonly [family in Family]?: LaneOut }
  readonly all: readonly Lane[]
}

type News =
  | { readonly kind: 'up'; readonly peer: MonitoredPeer }
  | { readonly kind: 'down'; readonly bytes: Uint8Array }

export class Feed {
  readonly #world: FeedWorld
  readonly #directions: { readonly in: boolean; readonly out: boolean }
  readonly #writer: RouteWriter
  #takes = true
  /** Sessions that came up or went down, of which the collector has not heard. */
  #news: News[] = []
  readonly #peers = new Map<RoutedPeer, PeerLanes>()
  /** The lanes of paths, by the index of their peer. */
  readonly #byIndex: (PeerLanes | undefined)[] = []
  /** Lanes in the order in which they have their turn. */
  #turns: Lane[] = []

  constructor(world: FeedWorld, directions: { readonly in: boolean; readonly out: boolean }) {
    this.#world = world
    this.#directions = directions
    this.#writer = new RouteWriter((bytes, messages) => this.#write(bytes, messages))
  }

  /** Whether there is something to write now. */
  get pending(): boolean {
    return this.#news.length > 0 || this.#turns.some((lane) => lane.pending)
  }

  /** Rows that wait to be written. */
  get waiting(): number {
    return this.#turns.reduce((sum, { dirty }) => sum + dirty.size, 0)
  }

  /** Identifiers of paths that are held for withdrawals. */
  get ids(): number {
    return this.#turns.reduce((sum, lane) => sum + (lane instanceof LaneIn ? lane.ids : 0), 0)
  }

  /** Marks what the peer has already, too. */
  peerUp(peer: MonitoredPeer): void {
    const { rib, outbound } = this.#world
    this.#news.push({ kind: 'up', peer })
    const lanesIn = this.#directions.in
      ? peer.families.map((family) => [family, new LaneIn(peer, rib, rib.families[family])] as const)
      : []
    const lanesOut = this.#directions.out
      ? peer.families.map((family) => {
          const table = rib.families[family]
          const find = () => outbound.adjRibOut(peer.routed, table)
          return [family, new LaneOut(peer, table, outbound.table, find)] as const
        })
      : []
    const all = [...lanesIn, ...lanesOut].map(([, lane]) => lane)
    const lanes = { peer, in: Object.fromEntries(lanesIn), out: Object.fromEntries(lanesOut), all }
    this.#peers.set(peer.routed, lanes)
    this.#byIndex[peer.routed.index] = lanes
    this.#turns.push(...all)
  }

  /** `bytes`: the Peer Down. A collector that has not heard of the session hears nothing. */
  peerDown(peer: MonitoredPeer, bytes: Uint8Array): void {
    const lanes = this.#peers.get(peer.routed)
    if (!lanes) return
    this.#peers.delete(peer.routed)
    const index = this.#byIndex.indexOf(lanes)
    if (index >= 0) this.#byIndex[index] = undefined
    this.#turns = this.#turns.filter((lane) => lane.peer !== peer)
    const isNews = this.#news.some((one) => one.kind === 'up' && one.peer === peer)
    if (isNews) this.#news = this.#news.filter((one) => one.kind === 'down' || one.peer !== peer)
    else this.#news.push({ kind: 'down', bytes })
  }

  /** A path of the peer with this index came, went or changed. */
  touch(rib: FamilyRib, row: number, index: number, pathId: number): boolean {
    const lane = this.#byIndex[index]?.in[rib.family]
    lane?.touch(row, pathId)
    return lane !== undefined
  }

  /** A peer is sent another route to a prefix, or none any more. */
  sent(peer: RoutedPeer, rib: FamilyRib, row: number): boolean {
    const lane = this.#peers.get(peer)?.out[rib.family]
    lane?.dirty.add(row)
    return lane !== undefined
  }

  holds(rib: FamilyRib, row: number): boolean {
    return this.#turns.some((lane) => lane.rib === rib && lane.dirty.has(row))
  }

  /** The connection takes octets again. */
  drained(): void {
    this.#takes = true
  }

  /** What the collector has to hear of sessions, at once. */
  tell(): void {
    const news = this.#news
    this.#news = []
    for (const one of news) this.#write(one.kind === 'up' ? one.peer.up : one.bytes, 1)
  }

  /** Writes until time is up, the connection takes no more, or nothing is left: true. */
  work(overdue: () => boolean): boolean {
    while (this.#takes && this.#news.length > 0) {
      const [one] = this.#news.splice(0, 1)
      if (one) this.#write(one.kind === 'up' ? one.peer.up : one.bytes, 1)
      if (overdue()) return false
    }
    while (this.#takes && !overdue()) {
      const lane = this.#nextLane()
      if (!lane) return true
      const done = lane.step(this.#writer, this.#world.now(), overdue)
      this.#writer.flush()
      for (const row of done) this.#world.released(lane.rib, row)
    }
    return !this.#takes || !this.pending
  }

  /** Statistics of all peers that the collector knows, where the connection takes them. */
  report(statistics: (peer: MonitoredPeer) => Uint8Array): void {
    const unknown = new Set(this.#news.map((one) => (one.kind === 'up' ? one.peer : undefined)))
    for (const { peer } of this.#peers.values()) {
      if (this.#takes && !unknown.has(peer)) this.#write(statistics(peer), 1)
    }
  }

  /** One that has something to do; it goes to the end of the line. */
  #nextLane(): Lane | undefined {
    const index = this.#turns.findIndex((lane) => lane.pending)
    if (index < 0) return undefined
    const [lane] = this.#turns.splice(index, 1)
    if (lane) this.#turns.push(lane)
    return lane
  }

  #write(bytes: Uint8Array, messages: number): void {
    if (!this.#world.write(bytes, messages)) this.#takes = false
  }
}
