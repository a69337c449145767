/**
 * Who is sent what, and when. Changes mark rows in the groups concerned; groups flush in slices while their members' sockets take data.
 * A member that does not take data leaves its group with a copy of its state and harms nobody; peers whose state is equal again are put together again.
 */

import { type Address, type Family, families } from 'bgp-ts'
import type { LocalDeclaration } from '../desired.ts'
import type { Jobs } from '../jobs.ts'
import { none } from '../rib/path-table.ts'
import { type FamilyRib, ownIndex, type Rib } from '../rib/rib.ts'
import type { Identity } from '../rib/usable.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import { AdjRibOut } from './adj-rib-out.ts'
import { type ExportTerms, termsOf } from './export-terms.ts'
import { type ExportDecision, Exporter } from './exporter.ts'
import { keyOf } from './group-key.ts'
import type { OutTable } from './out-table.ts'
import { clogged, type Member, refreshMarker, type SendWatcher, UpdateGroup, type Watch } from './update-group.ts'

/** That routes of a family are held back from a peer, or, with none held, no more are. */
export interface HeldBack {
  readonly peer: string
  readonly family: Family
  readonly held: number
  readonly limit: number
}

/** Sessions that come up together share one initial dump. */
const gatherMs = 20

export interface OutboundHooks {
  /** Routes begin to be held back from a peer, or that is over. */
  readonly onHeldBack?: (news: HeldBack) => void
  /** All that was pending has been written to the peers' connections. */
  readonly onSettled?: () => void
}

export class Outbound {
  readonly #rib: Rib
  readonly #jobs: Jobs
  readonly #exporter: Exporter
  readonly #local: () => LocalDeclaration | undefined
  readonly #own: Identity
  readonly #isLearning: () => boolean
  readonly #groups = new Set<UpdateGroup>()
  // A reflector has a group for each client: none of these may be looked for among all of them.
  readonly #byKey = new Map<string, Set<UpdateGroup>>()
  readonly #byPeer = new Map<RoutedPeer, UpdateGroup>()
  /** All that have anything to send, and some that had. */
  readonly #unsettled = new Set<UpdateGroup>()
  /** Of groups that are no more. */
  readonly #released = new Set<AdjRibOut>()
  readonly #flushes = new Map<UpdateGroup, (overdue: () => boolean) => boolean>()
  #endOfRibHeld: boolean
  #statedNextHops: ReadonlySet<string> = new Set()
  /** Families in which a peer is told to have routes held back. */
  readonly #held = new WeakMap<RoutedPeer, Set<Family>>()
  readonly #hooks: OutboundHooks
  #statedWords: ReadonlySet<string> = new Set()
  readonly #watch: Watch = { by: undefined }

  constructor(
    rib: Rib,
    jobs: Jobs,
    peers: readonly (RoutedPeer | undefined)[],
    local: () => LocalDeclaration | undefined,
    own: Identity,
    endOfRibHeld: boolean,
    isLearning: () => boolean,
    hooks: OutboundHooks,
    seed: number,
  ) {
    this.#rib = rib
    this.#jobs = jobs
    this.#exporter = new Exporter(rib, peers, seed)
    this.#local = local
    this.#own = own
    this.#endOfRibHeld = endOfRibHeld
    this.#isLearning = isLearning
    this.#hooks = hooks
  }

  /** A session came up: everything is sent, then End-of-RIB. */
  join(peer: RoutedPeer): void {
    const terms = this.#termsOf(peer)
    const key = keyOf(terms, peer)
    const member: Member = { peer, awaiting: new Set(peer.negotiated?.families), refreshing: new Set() }
    const waiting = [...this.#withKey(key)].find((group) => !group.started)
    if (waiting) {
      waiting.members.add(member)
      this.#byPeer.set(peer, waiting)
      return
    }
    const negotiated = peer.negotiated?.families ?? []
    const out = negotiated.map((family) => new AdjRibOut(this.#rib.families[family], this.#exporter.table))
    for (const one of out) one.setLimit(terms.maximumOut[one.rib.family])
    const group = this.#addGroup(key, terms, out, member)
    for (const one of out) one.lookAtAll(false, terms.learned)
    this.#schedule(group, gatherMs)
  }

  leave(peer: RoutedPeer): void {
    const group = this.#groupOf(peer)
    this.#held.delete(peer)
    if (group) this.#removeMember(group, peer)
  }

  /** The peer's terms may have changed: it is sent the difference to what it has. */
  reconsider(peer: RoutedPeer): void {
    const group = this.#groupOf(peer)
    if (!group) return
    const terms = this.#termsOf(peer)
    const key = keyOf(terms, peer)
    if (key === group.key) return
    const own = this.#detach(group, peer, key, terms)
    for (const out of own.out) out.lookAtAll(false, terms.learned || group.terms.learned)
    this.#schedule(own)
  }

  get statedNextHops(): ReadonlySet<string> {
    return this.#statedNextHops
  }

  get statedWords(): ReadonlySet<string> {
    return this.#statedWords
  }

  /** Takes the next hops that originated routes name, and the words by which they name peers; true when that may change who can share a group. */
  setStated(hops: ReadonlySet<string>, words: ReadonlySet<string>): boolean {
    const changed = differ(hops, this.#statedNextHops) || differ(words, this.#statedWords)
    this.#statedNextHops = hops
    this.#statedWords = words
    return changed
  }

  /** Sends all of a family to one peer again (RFC 2918). Asked again before it is done, it costs nothing more. */
  refresh(peer: RoutedPeer, family: Family): void {
    const group = this.#groupOf(peer)
    if (!group) return
    const own = group.members.size > 1 ? this.#detach(group, peer, group.key, group.terms) : group
    own.of(this.#rib.families[family])?.lookAtAll(true, own.terms.learned)
    const member = [...own.members].find((one) => one.peer === peer)
    if (peer.negotiated?.enhancedRefresh && member && !member.awaiting.has(family) && !member.refreshing.has(family)) {
      member.refreshing.add(family)
      peer.link.send(refreshMarker(family, 'begin'))
    }
    this.#schedule(own)
  }

  /** The best path of a row changed. Costs next to nothing where no group can be sent it. */
  touch(rib: FamilyRib, row: number): void {
    const best = rib.paths.best(row)
    const originated = best !== none && rib.paths.peer(best) === ownIndex
    for (const group of this.#groups) {
      const out = group.of(rib)
      if (!out) continue
      const known = out.sent(row) !== 0 || out.guard?.holds(row) === true
      if (!originated && !group.terms.learned && !known) continue
      if (out.mark(row)) this.#schedule(group)
    }
    if (best === none) this.free(rib, row)
  }

  /** Sends the End-of-RIB markers that nothing holds back any more. */
  endDeferred(): void {
    if (this.#endOfRibHeld) return
    for (const group of this.#groups) {
      if (group.settled && group.started && !this.#defers(group)) group.endInitialDump()
    }
  }

  /** What was learned is not complete yet, and these peers are sent of it (RFC 4724 section 4.1). */
  #defers({ terms }: UpdateGroup): boolean {
    return terms.learned && this.#isLearning()
  }

  drained(peer: RoutedPeer): void {
    const group = this.#groupOf(peer)
    if (group && !group.settled) this.#schedule(group)
  }

  releaseEndOfRib(): void {
    this.#endOfRibHeld = false
    this.endDeferred()
  }

  /** What the peer has been sent for a row, and what the rules say of it now. */
  decision(peer: RoutedPeer, rib: FamilyRib, row: number): ExportDecision | undefined {
    const group = this.#groupOf(peer)
    const guard = group?.of(rib)?.guard
    if (!group?.of(rib)) return undefined
    const { id, reason, rule } = this.#exporter.decide(group.terms, rib, row)
    this.#exporter.table.discardUnused(id)
    if (!guard?.holds(row)) return { id, reason, rule }
    return { id: 0, reason: `held back: ${guard.limit} routes of ${rib.family} are the most for this peer`, rule: -1 }
  }

  /** Routes of a family that are held back from a peer, which is sent as many as it may be. */
  heldBack(peer: RoutedPeer, family: Family): number {
    return this.#groupOf(peer)?.heldBack(family) ?? 0
  }

  /** How often each rule of a peer's export policy matched, by its index; counted for all peers that are sent the same. */
  exportHits(peer: RoutedPeer): Float64Array | undefined {
    return this.#groupOf(peer)?.terms.hits
  }

  /** Tells `watcher` what peers are sent, in place of whoever was told before; undefined for nobody. */
  watch(watcher: SendWatcher | undefined): void {
    this.#watch.by = watcher
  }

  /** What a peer was sent of a family, while it has a session. It is another object when the peer changes its group. */
  adjRibOut(peer: RoutedPeer, rib: FamilyRib): AdjRibOut | undefined {
    return this.#groupOf(peer)?.of(rib)
  }

  /** What the ids in an adj-rib-out stand for. */
  get table(): OutTable {
    return this.#exporter.table
  }

  /** The attribute list and next hop that the peer was sent for a row. */
  sent(peer: RoutedPeer, rib: FamilyRib, row: number): { list: Uint8Array; nextHop: Address } | undefined {
    const id = this.#groupOf(peer)?.of(rib)?.sent(row) ?? 0
    const { table } = this.#exporter
    return id === 0 ? undefined : { list: table.list(id), nextHop: table.nextHop(id) }
  }

  advertised(peer: RoutedPeer, family: Family): number {
    return this.#groupOf(peer)?.of(this.#rib.families[family])?.count ?? 0
  }

  /** Whether anything waits to be sent. */
  get settled(): boolean {
    for (const group of this.#unsettled) {
      if (!group.settled || !group.started) return false
      this.#unsettled.delete(group)
    }
    return true
  }

  get groups(): number {
    return this.#groups.size
  }

  #termsOf(peer: RoutedPeer): ExportTerms {
    const stated = { nextHops: this.#statedNextHops, words: this.#statedWords }
    return termsOf(peer, this.#local(), this.#own.clusterId, stated)
  }

  #groupOf(peer: RoutedPeer): UpdateGroup | undefined {
    return this.#byPeer.get(peer)
  }

  #withKey(key: string): ReadonlySet<UpdateGroup> {
    return this.#byKey.get(key) ?? noGroups
  }

  #addGroup(key: string, terms: ExportTerms, out: readonly AdjRibOut[], member: Member): UpdateGroup {
    const group = new UpdateGroup(key, terms, this.#exporter, out, this.#watch)
    group.members.add(member)
    this.#byPeer.set(member.peer, group)
    this.#groups.add(group)
    const others = this.#byKey.get(key)
    if (others) others.add(group)
    else this.#byKey.set(key, new Set([group]))
    this.#unsettled.add(group)
    this.#flushes.set(group, (overdue) => this.#flush(group, overdue))
    return group
  }

  #removeMember(group: UpdateGroup, peer: RoutedPeer): void {
    const member = [...group.members].find((one) => one.peer === peer)
    if (member) group.members.delete(member)
    this.#byPeer.delete(peer)
    if (group.members.size === 0) this.#dropGroup(group)
  }

  #dropGroup(group: UpdateGroup): void {
    this.#forgetGroup(group)
    for (const out of group.out) this.#release(out)
  }

  #forgetGroup(group: UpdateGroup): void {
    this.#groups.delete(group)
    const others = this.#byKey.get(group.key)
    others?.delete(group)
    if (others?.size === 0) this.#byKey.delete(group.key)
    this.#unsettled.delete(group)
    this.#flushes.delete(group)
  }

  /** Lets go, in slices, of what nobody has any more. Until then it holds its rows. */
  #release(out: AdjRibOut): void {
    this.#released.add(out)
    let row = 0
    this.#jobs.add((overdue) => {
      row = out.release(row, overdue, (orphan) => this.free(out.rib, orphan))
      if (row < out.end) return false
      this.#released.delete(out)
      return true
    })
  }

  /** Makes a peer a group of its own, with what its old group sent: a copy of that while others are in it. */
  #detach(group: UpdateGroup, peer: RoutedPeer, key: string, terms: ExportTerms): UpdateGroup {
    const isAlone = group.members.size === 1
    const out = isAlone ? group.out : group.out.map((one) => one.clone())
    for (const one of out) one.setLimit(terms.maximumOut[one.rib.family])
    const member = [...group.members].find((one) => one.peer === peer) ?? {
      peer,
      awaiting: new Set<Family>(),
      refreshing: new Set<Family>(),
    }
    group.members.delete(member)
    const own = this.#addGroup(key, terms, out, member)
    own.started = true
    if (isAlone) this.#forgetGroup(group)
    return own
  }

  #schedule(group: UpdateGroup, delayMs = 0): void {
    this.#unsettled.add(group)
    const flush = this.#flushes.get(group)
    if (flush && (group.started || delayMs > 0)) this.#jobs.add(flush, delayMs)
  }

  /** One slice of a group's pending changes; true when there is no more to do for now. */
  #flush(group: UpdateGroup, overdue: () => boolean): boolean {
    if (!this.#groups.has(group)) return true
    this.#letGoOfSlowMembers(group)
    const waiting = [...group.members].some(({ peer }) => peer.link.queuedBytes > clogged)
    group.flush(overdue, (rib, row) => this.free(rib, row))
    // A clogged member wakes the group when its socket drains.
    this.#tellHeldBack(group)
    if (!group.settled) return waiting && [...group.members].every(({ peer }) => peer.link.queuedBytes > clogged)
    group.endRefreshes()
    if (!this.#endOfRibHeld && !this.#defers(group)) group.endInitialDump()
    this.#merge(group)
    if (this.settled) this.#hooks.onSettled?.()
    return true
  }

  /** Says when routes begin to be held back from a peer, and when that is over. */
  #tellHeldBack(group: UpdateGroup): void {
    for (const { rib, guard } of group.out) {
      for (const { peer } of group.members) {
        const told = this.#held.get(peer) ?? new Set<Family>()
        const held = guard?.held ?? 0
        if (told.has(rib.family) === held > 0) continue
        if (held > 0) told.add(rib.family)
        else told.delete(rib.family)
        this.#held.set(peer, told)
        this.#hooks.onHeldBack?.({ peer: peer.name, family: rib.family, held, limit: guard?.limit ?? 0 })
      }
    }
  }

  #letGoOfSlowMembers(group: UpdateGroup): void {
    const slow = [...group.members].filter(({ peer }) => peer.link.queuedBytes > clogged)
    if (slow.length === 0 || slow.length === group.members.size) return
    for (const { peer } of slow) this.#detach(group, peer, group.key, group.terms)
  }

  /** Two settled groups of one key have been sent the same: they become one. Not so where something is held back: each may have let other routes through. */
  #merge(group: UpdateGroup): void {
    const isWhole = (one: UpdateGroup) =>
      one.started && one.settled && families.every((family) => one.heldBack(family) === 0)
    const other = [...this.#withKey(group.key)].find((one) => one !== group && isWhole(one))
    if (!other || !isWhole(group)) return
    for (const member of group.members) {
      other.members.add(member)
      this.#byPeer.set(member.peer, other)
    }
    group.members.clear()
    this.#dropGroup(group)
  }

  /** Gives back what is above the rows that there are. */
  trim(): void {
    for (const group of this.#groups) for (const family of families) group.of(this.#rib.families[family])?.trim()
    this.#exporter.trim()
  }

  /** Gives a row back once it has no path, and nobody has been or is to be sent anything of it. */
  free(rib: FamilyRib, row: number): void {
    if (rib.paths.best(row) !== none) return
    const holds = (out: AdjRibOut) => out.sent(row) !== 0 || out.isMarked(row)
    for (const group of this.#groups) {
      const out = group.of(rib)
      if (out && holds(out)) return
    }
    for (const out of this.#released) if (out.rib === rib && holds(out)) return
    if (this.#watch.by?.holds(rib, row)) return
    rib.prefixes.remove(row)
  }
}

const noGroups: ReadonlySet<UpdateGroup> = new Set()

function differ(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size !== other.size || [...one].some((item) => !other.has(item))
}
