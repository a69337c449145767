/**
 * How long a peer's routes live. They go with the session, unless the peer is known to restart (RFC 4724, 8538): then they stay, stale,
 * until it has sent them again or its time is up, and after that perhaps as routes of last resort (RFC 9494).
 * A route refresh with a beginning and an end (RFC 7313) uses the same marks.
 *
 * Each session has an index among paths; a restart keeps it.
 */

import { type Family, families, type Negotiated, type PeerRestart, wellKnownCommunities } from 'bgp-ts'
import type { Jobs } from './jobs.ts'
import { none } from './rib/path-table.ts'
import type { FamilyRib, Rib } from './rib/rib.ts'
import type { RoutedPeer } from './routed-peer.ts'
import type { Clock, Timer } from './world.ts'

/** How long a peer that is back, or that began a refresh, may take to send everything again. */
const resendMs = 360_000
/** Marks of staleness, so many that none is used again while a sweep for it is on its way. */
const epochs = 255

export interface RetentionWorld {
  readonly clock: Clock
  readonly jobs: Jobs
  readonly rib: Rib
  /** By index among paths; a hole is free, or still being swept. */
  readonly peers: (RoutedPeer | undefined)[]
  /** The attributes with LLGR_STALE among their communities. */
  /** Many paths may have gone at once. */
  readonly shrunk: () => void
  readonly lastResort: (peer: RoutedPeer, family: Family, attributes: number) => number
  /** Indexes came or went: ranks have to be made anew. */
  readonly changed: () => void
}

/** What is kept of a peer that is away, or that sends everything again. */
export interface Kept {
  /** `restarting`: away; `long-lived`: away for longer than its restart time; `resending`: back. */
  phase: 'restarting' | 'long-lived' | 'resending'
  readonly families: Set<Family>
  /** When those that are stale then go, on the clock. */
  until: number
  readonly timers: Timer[]
}

export class Retention {
  readonly #world: RetentionWorld
  readonly #freeIndexes: number[] = []
  #epoch = 0
  /** Marks of which a sweep is on its way. */
  readonly #sweeping = new Set<number>()
  readonly #refreshing = new Map<RoutedPeer, Map<Family, Timer>>()

  constructor(world: RetentionWorld) {
    this.#world = world
  }

  /** A session came up: the peer's routes begin, or are taken up where they were left. */
  open(peer: RoutedPeer, negotiated: Negotiated): void {
    const { kept } = peer
    if (!kept) {
      peer.index = this.#newIndex(peer)
      this.#world.changed()
      return
    }
    this.#cancel(kept)
    for (const family of families) peer.left[family] = peer.counters[family].accepted
    const again = negotiated.gracefulRestart?.families ?? []
    const resent = families.filter(
      (family) => kept.families.has(family) && again.some((one) => one.family === family && one.forwarding),
    )
    // RFC 4724 section 4.2: what the peer no longer vouches for goes at once.
    for (const family of families) if (!resent.includes(family)) this.#sweepStale(peer, family)
    peer.kept = undefined
    if (resent.length > 0) this.#expectAgain(peer, new Set(resent))
    this.#world.changed()
  }

  /** A session ended. */
  close(peer: RoutedPeer, terms: PeerRestart | undefined): void {
    this.#endRefreshes(peer)
    if (peer.kept) this.#cancel(peer.kept)
    if (!terms) {
      peer.kept = undefined
      this.#release(peer)
      return
    }
    // Stale since an earlier restart: one that ends before it is complete keeps nothing alive twice.
    if (peer.kept) for (const family of peer.kept.families) this.#dropStale(peer, family)
    const named = new Set(terms.families.map(({ family }) => family))
    for (const family of families) this.#mark(peer, family)
    for (const family of families) if (!named.has(family)) this.#sweepStale(peer, family)
    const kept: Kept = {
      phase: 'restarting',
      families: named,
      until: this.#world.clock.now() + terms.restartTime * 1000,
      timers: [],
    }
    peer.kept = kept
    kept.timers.push(this.#world.clock.after(terms.restartTime * 1000, () => this.#restartTimeOver(peer, kept, terms)))
  }

  /** Forgets all timers. */
  stop(peers: readonly RoutedPeer[]): void {
    for (const peer of peers) {
      this.#endRefreshes(peer)
      if (peer.kept) this.#cancel(peer.kept)
    }
  }

  /** Ends what is kept of a peer that is no more. */
  forget(peer: RoutedPeer): void {
    if (peer.index < 0) return
    this.close(peer, undefined)
  }

  /** The peer has sent all of a family. */
  endOfRib(peer: RoutedPeer, family: Family): void {
    const { kept } = peer
    if (kept?.phase !== 'resending' || !kept.families.delete(family)) return
    this.#sweepStale(peer, family)
    if (kept.families.size > 0) return
    this.#cancel(kept)
    peer.kept = undefined
  }

  /** The peer begins to send all of a family again (RFC 7313 section 4). */
  refreshBegins(peer: RoutedPeer, family: Family): void {
    const { clock } = this.#world
    this.#endRefresh(peer, family)
    this.#mark(peer, family)
    const timers = this.#refreshing.get(peer) ?? new Map<Family, Timer>()
    this.#refreshing.set(peer, timers)
    timers.set(
      family,
      clock.after(resendMs, () => this.refreshEnds(peer, family)),
    )
  }

  refreshEnds(peer: RoutedPeer, family: Family): void {
    if (this.#endRefresh(peer, family)) this.#sweepStale(peer, family)
  }

  ownerOf(index: number): RoutedPeer | undefined {
    return this.#world.peers[index]
  }

  #newIndex(peer: RoutedPeer): number {
    const { peers } = this.#world
    const index = this.#freeIndexes.pop() ?? peers.length
    peers[index] = peer
    return index
  }

  #expectAgain(peer: RoutedPeer, expected: Set<Family>): void {
    const { clock } = this.#world
    const kept: Kept = { phase: 'resending', families: expected, until: clock.now() + resendMs, timers: [] }
    peer.kept = kept
    const over = () => {
      for (const family of expected) this.endOfRib(peer, family)
    }
    kept.timers.push(clock.after(resendMs, over))
  }

  #restartTimeOver(peer: RoutedPeer, kept: Kept, terms: PeerRestart): void {
    const { clock } = this.#world
    kept.phase = 'long-lived'
    for (const family of kept.families) {
      const seconds = terms.longLived[family]
      if (seconds === undefined) {
        this.#familyOver(peer, kept, family)
        continue
      }
      this.#toLastResort(peer, family)
      kept.until = Math.max(kept.until, clock.now() + seconds * 1000)
      kept.timers.push(clock.after(seconds * 1000, () => this.#familyOver(peer, kept, family)))
    }
  }

  #familyOver(peer: RoutedPeer, kept: Kept, family: Family): void {
    kept.families.delete(family)
    if (kept.families.size > 0) {
      this.#sweepStale(peer, family)
      return
    }
    peer.kept = undefined
    this.#release(peer)
  }

  /** RFC 9494 section 4.2: marked as long-lived stale, or gone where they ask for it. */
  #toLastResort(peer: RoutedPeer, family: Family): void {
    const { rib } = this.#world
    const table = rib.families[family]
    const epoch = peer.staleEpochs[family]
    this.#work(table, (path) => {
      if (table.paths.staleEpoch(path) !== epoch || !this.#owns(peer, table, path)) return
      const attributes = table.paths.attributes(path)
      if (rib.attributes.noLongLived(attributes)) this.#remove(peer, table, path)
      else rib.rewrite(table, path, this.#world.lastResort(peer, family, attributes))
    })
  }

  /** All paths of the peer go, in slices: its index is not given out again before the last of them is gone. */
  #release(peer: RoutedPeer): void {
    const { peers, jobs } = this.#world
    const { index } = peer
    if (index < 0) return
    peer.index = -1
    for (const family of families) {
      peer.counters[family].accepted = 0
      peer.left[family] = 0
    }
    peers[index] = undefined
    this.#world.changed()
    const works = families.map((family) => {
      const table = this.#world.rib.families[family]
      return this.#slices(table, (path) => {
        if (table.paths.peer(path) === index) this.#world.rib.removePath(table, path)
      })
    })
    jobs.add((overdue) => {
      while (works[0]) {
        if (!works[0](overdue)) return false
        works.shift()
      }
      this.#freeIndexes.push(index)
      this.#world.shrunk()
      return true
    })
  }

  #sweepStale(peer: RoutedPeer, family: Family): void {
    const table = this.#world.rib.families[family]
    const epoch = peer.staleEpochs[family]
    const sweep = this.#slices(table, (path) => {
      if (table.paths.staleEpoch(path) === epoch && this.#owns(peer, table, path)) this.#remove(peer, table, path)
    })
    this.#sweeping.add(epoch)
    this.#world.jobs.add((overdue) => {
      if (!sweep(overdue)) return false
      this.#sweeping.delete(epoch)
      peer.left[family] = 0
      this.#world.shrunk()
      return true
    })
  }

  /** The same at once: what is marked next must not be taken for what is marked now. */
  #dropStale(peer: RoutedPeer, family: Family): void {
    const table = this.#world.rib.families[family]
    for (let path = 0; path < table.paths.end; path++) {
      if (table.paths.row(path) === none || !table.paths.isStale(path)) continue
      if (this.#owns(peer, table, path)) this.#remove(peer, table, path)
    }
  }

  /** At once, so that nothing that comes in between is marked. A sweep takes one epoch: what is marked later is not its business. */
  #mark(peer: RoutedPeer, family: Family): void {
    const { peers, rib } = this.#world
    const table = rib.families[family]
    const { paths } = table
    this.#epoch = (this.#epoch % epochs) + 1
    peer.staleEpochs[family] = this.#epoch
    for (let path = 0; path < paths.end; path++) {
      if (paths.row(path) === none || peers[paths.peer(path)] !== peer) continue
      // With another mark its sweep would pass it by.
      if (this.#sweeping.has(paths.staleEpoch(path))) this.#remove(peer, table, path)
      else paths.setStale(path, this.#epoch)
    }
  }

  #owns(peer: RoutedPeer, { paths }: FamilyRib, path: number): boolean {
    return this.#world.peers[paths.peer(path)] === peer
  }

  #remove(peer: RoutedPeer, table: FamilyRib, path: number): void {
    peer.counters[table.family].accepted--
    this.#world.rib.removePath(table, path)
  }

  #work(table: FamilyRib, visit: (path: number) => void): void {
    this.#world.jobs.add(this.#slices(table, visit))
  }

  /** A walk over all paths of a family that stops when its time is up and goes on where it was. */
  #slices({ paths }: FamilyRib, visit: (path: number) => void): (overdue: () => boolean) => boolean {
    let at = 0
    return (overdue) => {
      for (; at < paths.end; at++) {
        if (paths.row(at) !== none) visit(at)
        if (at % 1024 === 1023 && overdue()) {
          at++
          return false
        }
      }
      return true
    }
  }

  #endRefresh(peer: RoutedPeer, family: Family): boolean {
    const timer = this.#refreshing.get(peer)?.get(family)
    timer?.cancel()
    return this.#refreshing.get(peer)?.delete(family) ?? false
  }

  #endRefreshes(peer: RoutedPeer): void {
    for (const family of families) this.#endRefresh(peer, family)
    this.#refreshing.delete(peer)
  }

  #cancel(kept: Kept): void {
    for (const timer of kept.timers) timer.cancel()
    kept.timers.length = 0
  }
}

/** What `Retention` adds to routes of last resort. */
export const lastResortActions = [{ addCommunities: [wellKnownCommunities['llgr-stale']] }] as const
