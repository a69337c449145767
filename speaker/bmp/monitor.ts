/**
 * The BGP Monitoring Protocol (RFC 7854): what peers send after import policy, and what they are sent (RFC 8671), to collectors. It listens to the
 * tables while a collector is connected, and to nothing otherwise. Rows that collectors have yet to hear of are held until they have.
 */

import { type Family, families, formatAddress, type Negotiated } from 'bgp-ts'
import type { CollectorDeclaration } from '../desired.ts'
import type { Jobs } from '../jobs.ts'
import type { SendWatcher } from '../outbound/update-group.ts'
import type { Conversation, SessionEnding } from '../peer/session.ts'
import type { FamilyRib } from '../rib/rib.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import type { World } from '../world.ts'
import { Collector, type CollectorSnapshot, type SystemNames } from './collector.ts'
import type { Feed, Tables } from './feed.ts'
import { type MonitoredPeer, monitoredPeer, peerDown, statisticsReport } from './monitored-peer.ts'
import { RowSet } from './row-set.ts'

/** Prefixes without a route, and identifiers of paths, that are held for collectors: with more, those that take nothing are let go. */
const heldAtMost = 65_536
/** With so many times more, all of them. */
const farTooMany = 8
/** After so many changes of paths with identifiers it is counted how many are held. */
const looksAtIds = 1024

export interface MonitorWorld extends Tables {
  readonly world: World
  readonly jobs: Jobs
  readonly system: SystemNames | undefined
  /** Collectors listen to the tables from now on, or none does any more. */
  readonly listen: (monitor: Monitor | undefined) => void
}

export class Monitor implements SendWatcher {
  readonly #world: MonitorWorld
  readonly #collectors = new Map<string, Collector>()
  readonly #peers = new Map<RoutedPeer, MonitoredPeer>()
  /** Of connected collectors. */
  #feeds: readonly Feed[] = []
  /** Rows that would have been given back, had a collector not to hear of them. */
  readonly #held: Readonly<Record<Family, RowSet>> = { 'ipv4-unicast': new RowSet(), 'ipv6-unicast': new RowSet() }

  #withIds = 0

  constructor(world: MonitorWorld) {
    this.#world = world
  }

  /** Makes these the collectors. Those that are as they were keep their connections. */
  declare(collectors: readonly CollectorDeclaration[]): void {
    const wanted = new Map(collectors.map((one) => [keyOf(one), one]))
    for (const [key, collector] of this.#collectors) {
      if (wanted.has(key)) continue
      collector.stop()
      this.#collectors.delete(key)
    }
    for (const [key, declaration] of wanted) {
      if (this.#collectors.has(key)) continue
      const collector = this.#newCollector(declaration)
      this.#collectors.set(key, collector)
      collector.start()
    }
  }

  snapshot(): CollectorSnapshot[] {
    return [...this.#collectors.values()].map((collector) => collector.snapshot())
  }

  /** Prefixes and identifiers of paths that are gone, and that a collector has yet to hear of. */
  get held(): number {
    const rows = families.reduce((sum, family) => sum + this.#held[family].size, 0)
    return this.#feeds.reduce((sum, feed) => sum + feed.ids, rows)
  }

  peerUp(routed: RoutedPeer, negotiated: Negotiated, conversation: Conversation): void {
    const peer = monitoredPeer(routed, negotiated, conversation, this.#now())
    this.#peers.set(routed, peer)
    this.#each((feed) => feed.peerUp(peer))
  }

  peerDown(routed: RoutedPeer, ending: SessionEnding): void {
    const peer = this.#peers.get(routed)
    if (!peer) return
    this.#peers.delete(routed)
    const bytes = peerDown(peer, ending, this.#now())
    this.#each((feed) => feed.peerDown(peer, bytes))
    this.#release()
  }

  /** A path of the peer with this index came, went or changed. */
  touch(rib: FamilyRib, row: number, index: number, pathId: number): void {
    for (const collector of this.#collectors.values()) {
      if (collector.feed?.touch(rib, row, index, pathId)) collector.wake()
    }
    if (pathId !== 0 && ++this.#withIds % looksAtIds === 0 && this.held > heldAtMost) this.#world.jobs.add(this.#shed)
  }

  sent(peer: RoutedPeer, rib: FamilyRib, row: number): void {
    for (const collector of this.#collectors.values()) if (collector.feed?.sent(peer, rib, row)) collector.wake()
  }

  /** A peer has sent, or was sent, End-of-RIB. */
  ended(): void {
    for (const collector of this.#collectors.values()) collector.wake()
  }

  holds(rib: FamilyRib, row: number): boolean {
    if (!this.#waitsFor(rib, row)) return false
    this.#held[rib.family].add(row)
    if (this.held > heldAtMost) this.#world.jobs.add(this.#shed)
    return true
  }

  stop(): void {
    for (const collector of this.#collectors.values()) collector.stop()
    this.#collectors.clear()
  }

  #newCollector(declaration: CollectorDeclaration): Collector {
    const { world, jobs, rib, outbound, system } = this.#world
    return new Collector(
      {
        world,
        jobs,
        rib,
        outbound,
        system: system ?? { name: 'tandem', description: 'tandem' },
        now: () => this.#now(),
        peers: () => this.#peers.values(),
        statistics: (peer) => statisticsReport(peer, this.#now(), (family) => outbound.advertised(peer.routed, family)),
        released: (table, row) => this.#done(table, row),
        changed: () => this.#feedsChanged(),
      },
      declaration,
    )
  }

  #each(run: (feed: Feed) => void): void {
    for (const collector of this.#collectors.values()) {
      if (!collector.feed) continue
      run(collector.feed)
      collector.wake()
    }
  }

  #feedsChanged(): void {
    this.#feeds = [...this.#collectors.values()].flatMap(({ feed }) => (feed ? [feed] : []))
    this.#world.listen(this.#feeds.length > 0 ? this : undefined)
    this.#release()
  }

  #waitsFor(rib: FamilyRib, row: number): boolean {
    return this.#feeds.some((feed) => feed.holds(rib, row))
  }

  #done(rib: FamilyRib, row: number): void {
    const held = this.#held[rib.family]
    if (!held.has(row) || this.#waitsFor(rib, row)) return
    held.delete(row)
    this.#world.outbound.free(rib, row)
  }

  /** Gives back all rows that nobody waits for any more. */
  #release(): void {
    for (const family of families) {
      const rib = this.#world.rib.families[family]
      for (const row of this.#held[family].rows()) this.#done(rib, row)
    }
  }

  /** What collectors are behind with must not fill the memory. They begin anew. */
  readonly #shed = (): boolean => {
    const count = this.held
    if (count <= heldAtMost) return true
    for (const collector of this.#collectors.values()) {
      if (collector.feed && (collector.isSlow || count > heldAtMost * farTooMany))
        collector.drop('it is too far behind')
    }
    return true
  }

  #now(): number {
    return this.#world.world.wallClock?.() ?? 0
  }
}

/** All that is declared: one that is other in anything is another collector. */
function keyOf(declaration: CollectorDeclaration): string {
  const { address, zone, port, adjRibIn, adjRibOut, statisticsInterval } = declaration
  return [formatAddress(address), zone, port, adjRibIn, adjRibOut, statisticsInterval].join(' ')
}
