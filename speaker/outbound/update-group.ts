/**
 * Update groups: peers that would be sent the same octets share one adj-rib-out and one packer. Two peers are in one group while
 * their terms agree; the key is that sentence as a value. A group hands out buffers, and knows nothing of sockets.
 */

import { encodeMessage, endOfRib, type Family, families, familyNumbers } from 'bgp-ts'
import type { FamilyRib } from '../rib/rib.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import type { AdjRibOut } from './adj-rib-out.ts'
import { Batch } from './batch.ts'
import type { ExportTerms } from './export-terms.ts'
import type { Exporter } from './exporter.ts'
import { Packer } from './packer.ts'
import { noRow } from './row-queue.ts'

export interface Member {
  readonly peer: RoutedPeer
  /** Families whose End-of-RIB has not been sent yet. */
  readonly awaiting: Set<Family>
  /** Families of which all is being sent again, with a beginning and an end (RFC 7313). */
  readonly refreshing: Set<Family>
}

/** Who wants to know what peers are sent. */
export interface SendWatcher {
  /** A peer is sent another route to the prefix of a row, or none any more. */
  sent(peer: RoutedPeer, rib: FamilyRib, row: number): void
  /** A peer was sent End-of-RIB. */
  ended(): void
  /** Whether it has yet to look at the row, which then must not be given back. */
  holds(rib: FamilyRib, row: number): boolean
}

/** The one that there is, if any: it comes and goes. */
export interface Watch {
  by: SendWatcher | undefined
}

/** BoRR or EoRR of a family (RFC 7313 section 3.2). */
export function refreshMarker(family: Family, which: 'begin' | 'end'): Uint8Array {
  const { afi, safi } = familyNumbers[family]
  return encodeMessage({ kind: 'route-refresh', afi, safi, subtype: which === 'begin' ? 1 : 2 })
}

/** More than this in a socket's queue, and the group waits for it, or goes on without it. */
export const clogged = 256 * 1024

/** Of all groups: a slice begins and ends with it empty, and a reflector has a thousand of them. */
const batch = new Batch()

export class UpdateGroup {
  readonly key: string
  readonly terms: ExportTerms
  readonly members = new Set<Member>()
  readonly out: readonly AdjRibOut[]
  /** Nobody joins a group that has begun its first dump. */
  started = false
  readonly #exporter: Exporter
  readonly #packer: Packer
  readonly #watch: Readonly<Watch>

  constructor(
    key: string,
    terms: ExportTerms,
    exporter: Exporter,
    out: readonly AdjRibOut[],
    watch: Readonly<Watch> = { by: undefined },
  ) {
    this.key = key
    this.#watch = watch
    this.terms = terms
    this.out = out
    this.#exporter = exporter
    this.#packer = new Packer((bytes) => {
      for (const { peer } of this.members) peer.link.send(bytes)
    })
  }

  /** Routes that are held back, because the peers are sent as many as they may be. */
  heldBack(family: Family): number {
    return this.out.find(({ rib }) => rib.family === family)?.guard?.held ?? 0
  }

  get settled(): boolean {
    return this.out.every((family) => family.isSettled)
  }

  /** Asked for each group at each change: no closure. */
  of(rib: FamilyRib): AdjRibOut | undefined {
    for (const one of this.out) if (one.rib === rib) return one
    return undefined
  }

  /** Sends pending changes until time is up or nothing is left; `unused` hears of each row that is sent no more. */
  flush(overdue: () => boolean, unused: (rib: FamilyRib, row: number) => void): void {
    this.started = true
    for (const out of this.out) {
      while (!out.isSettled && !this.#waits() && !overdue()) this.#slice(out, overdue, unused)
    }
  }

  /** Sends the End-of-RIB markers that members still wait for (RFC 4724 section 2). */
  endInitialDump(): void {
    for (const { peer, awaiting } of this.members) {
      for (const family of families) {
        if (!awaiting.delete(family)) continue
        peer.link.send(endOfRib(family))
        peer.counters[family].endOfRibSent = true
        this.#watch.by?.ended()
      }
    }
  }

  /** Ends the refreshes that members asked for. */
  endRefreshes(): void {
    for (const { peer, refreshing } of this.members) {
      for (const family of refreshing) peer.link.send(refreshMarker(family, 'end'))
      refreshing.clear()
    }
  }

  #waits(): boolean {
    return [...this.members].some(({ peer }) => peer.link.queuedBytes > clogged)
  }

  #slice(out: AdjRibOut, overdue: () => boolean, unused: (rib: FamilyRib, row: number) => void): void {
    const { rib } = out
    const watcher = this.#watch.by
    const withdrawn: number[] = []
    const gone: number[] = []
    const { table } = this.#exporter
    batch.clear()
    // What changed goes first; and apart from the walk, which may come by the same rows: none is to be in one message twice.
    const isOfMarked = out.marked > 0
    for (let count = 1; ; count++) {
      const row = isOfMarked ? out.takeMarked() : out.takeNext()
      if (row === noRow) break
      const decided = this.#exporter.decide(this.terms, rib, row, this.terms.hits).id
      const id = guarded(out, row, decided)
      if (id !== decided) table.discardUnused(decided)
      const before = out.sent(row)
      if (id === 0 && before !== 0) withdrawn.push(row)
      if (id !== 0 && (id !== before || out.again)) batch.add(id, row)
      out.set(row, id)
      if (watcher && id !== before) for (const { peer } of this.members) watcher.sent(peer, rib, row)
      if (id === 0) gone.push(row)
      if (count % 256 === 0 && overdue()) break
    }
    if (withdrawn.length > 0) this.#packer.withdraw(rib.prefixes, withdrawn)
    batch.drain((id, rows, count) => this.#packer.announce(rib.prefixes, rows, table, id, count))
    this.#packer.flush()
    const sent = this.#packer.messages
    this.#packer.messages = 0
    for (const { peer } of this.members) peer.updatesSent += sent
    for (const row of out.guard?.next() ?? []) out.mark(row)
    // Only now: a row that is freed may be another prefix at once.
    for (const row of gone) unused(rib, row)
  }
}

/** What is sent of a row: 0 also for a route that there is no place for. */
function guarded({ guard }: AdjRibOut, row: number, id: number): number {
  if (!guard) return id
  if (id !== 0) return guard.admit(row) ? id : 0
  guard.leave(row)
  return 0
}
