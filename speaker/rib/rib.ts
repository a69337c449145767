/**
 * The routing table of both families: every accepted path, the best first. It tells one listener which prefix has another best path;
 * who is to hear of it, and in what form, is the business of `outbound/`.
 */

import { type Family, families } from 'bgp-ts'
import type { OriginatedRoute } from '../desired.ts'
import { AttributeTable } from './attribute-table.ts'
import { bestOf, type Candidate, compareCandidates, equallyGood, type PeerRank, whyLost } from './best-path.ts'
import { newSeed } from './keyed-hash.ts'
import { none, PathTable } from './path-table.ts'
import { PrefixTable } from './prefix-table.ts'

/** Index of the speaker itself among the peers of paths. */
export const ownIndex = 0

export class FamilyRib {
  readonly family: Family
  readonly prefixes: PrefixTable
  readonly paths = new PathTable()
  /** By row: what this speaker originates, with its provenance. */
  readonly originated = new Map<number, OriginatedRoute>()

  constructor(family: Family, seed: number) {
    this.family = family
    this.prefixes = new PrefixTable(family, seed)
  }
}

/** A row whose best path changed: another path, other attributes, or none any more. */
export type BestListener = (rib: FamilyRib, row: number) => void
/** A row of which a path came, went or changed: that of this peer with this identifier. Called before the row can be given back. */
export type PathsListener = (rib: FamilyRib, row: number, peer: number, pathId: number) => void

export class Rib {
  readonly attributes: AttributeTable
  readonly families: Readonly<Record<Family, FamilyRib>>
  readonly #ranks: PeerRank[] = []
  readonly #onBest: BestListener
  #onPaths: PathsListener | undefined

  constructor(random: () => number, onBest: BestListener) {
    const seed = () => newSeed(random)
    this.attributes = new AttributeTable(seed())
    const [v4, v6] = families.map((family) => new FamilyRib(family, seed()))
    this.families = { 'ipv4-unicast': v4!, 'ipv6-unicast': v6! }
    this.#onBest = onBest
  }

  /** Tells `listener` of paths, in place of whoever was told before; undefined for nobody. */
  watchPaths(listener: PathsListener | undefined): void {
    this.#onPaths = listener
  }

  setRank(peer: number, rank: PeerRank): void {
    this.#ranks[peer] = rank
  }

  rank(peer: number): PeerRank | undefined {
    return this.#ranks[peer]
  }

  /** Enters or replaces the path of a peer. True if the peer had no path to this prefix. */
  announce(
    rib: FamilyRib,
    peer: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    attributes: number,
    pathId = 0,
  ): boolean {
    const row = rib.prefixes.add(w0, w1, w2, w3, length)
    const { paths } = rib
    const best = paths.best(row)
    const path = best === none ? none : paths.of(row, peer, pathId)
    if (path !== none) {
      paths.setStale(path, 0)
      this.rewrite(rib, path, attributes)
      return false
    }
    this.attributes.retain(attributes)
    const added = paths.add(row, peer, attributes, pathId)
    this.#onPaths?.(rib, row, peer, pathId)
    if (best === none) this.#onBest(rib, row)
    else if (!this.#losesTo(rib, best, added)) this.#reselect(rib, row)
    return true
  }

  /** Gives a path other attributes. */
  rewrite(rib: FamilyRib, path: number, attributes: number): void {
    const { paths } = rib
    const before = paths.attributes(path)
    if (before === attributes) return
    const row = paths.row(path)
    this.attributes.retain(attributes)
    paths.setAttributes(path, attributes)
    this.attributes.release(before)
    this.#onPaths?.(rib, row, paths.peer(path), paths.pathId(path))
    if (!this.#reselect(rib, row) && paths.best(row) === path) this.#onBest(rib, row)
  }

  /** Removes the path of a peer. False if it had none. */
  withdraw(
    rib: FamilyRib,
    peer: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    pathId = 0,
  ): boolean {
    const row = rib.prefixes.find(w0, w1, w2, w3, length)
    if (row < 0) return false
    const path = rib.paths.of(row, peer, pathId)
    if (path === none) return false
    this.removePath(rib, path)
    return true
  }

  removePath(rib: FamilyRib, path: number): void {
    const { paths } = rib
    const row = paths.row(path)
    const best = paths.best(row)
    const wasBest = best === path
    const lost = !wasBest && this.#losesTo(rib, best, path)
    this.attributes.release(paths.attributes(path))
    const [peer, pathId] = this.#onPaths ? [paths.peer(path), paths.pathId(path)] : [none, 0]
    paths.remove(path)
    this.#onPaths?.(rib, row, peer, pathId)
    // Also when another than the best one goes: with MED it may have been what kept a third one back.
    const told = !lost && paths.best(row) !== none && this.#reselect(rib, row)
    if (wasBest && !told) this.#onBest(rib, row)
  }

  /** The paths of a row, best first, each with the tie-break that it lost to the best one by. */
  ranked(
    rib: FamilyRib,
    row: number,
  ): { path: number; peer: number; attributes: number; lostBy: string | undefined }[] {
    const paths = this.#pathsOf(rib, row)
    const candidates = paths.map((path) => this.#candidate(rib, path))
    return paths.map((path, index) => ({
      path,
      peer: rib.paths.peer(path),
      attributes: rib.paths.attributes(path),
      lostBy: index === 0 ? undefined : whyLost(candidates[index]!, candidates, this.attributes),
    }))
  }

  /** The paths of a row that has any which are as good as the best one, which is the first. */
  equalPaths(rib: FamilyRib, row: number): number[] {
    const paths = this.#pathsOf(rib, row)
    if (paths.length === 1) return paths
    const candidates = paths.map((path) => this.#candidate(rib, path))
    return equallyGood(candidates, this.attributes).map((index) => paths[index]!)
  }

  /**
   * Whether a path loses to the best one inside their neighbouring AS: then no other choice depends on it, and a VIP that a thousand nodes
   * announce is not weighed a thousand times a thousand times.
   */
  #losesTo(rib: FamilyRib, best: number, path: number): boolean {
    const [winner, loser] = [this.#candidate(rib, best), this.#candidate(rib, path)]
    const sameNeighbour =
      this.attributes.neighbourAsn(winner.attributes) === this.attributes.neighbourAsn(loser.attributes)
    return sameNeighbour && compareCandidates(winner, loser, this.attributes).order < 0
  }

  /** Puts the best path first. True if that is another one than before; the listener has then been told. */
  #reselect(rib: FamilyRib, row: number): boolean {
    const head = rib.paths.best(row)
    if (rib.paths.next(head) === none) return false
    const paths = this.#pathsOf(rib, row)
    const candidates = paths.map((path) => this.#candidate(rib, path))
    const best = paths[bestOf(candidates, this.attributes)]!
    if (best === head) return false
    rib.paths.promote(best)
    this.#onBest(rib, row)
    return true
  }

  #candidate(rib: FamilyRib, path: number): Candidate {
    const { paths } = rib
    return { attributes: paths.attributes(path), peer: this.#ranks[paths.peer(path)]!, pathId: paths.pathId(path) }
  }

  #pathsOf(rib: FamilyRib, row: number): number[] {
    const paths: number[] = []
    for (let path = rib.paths.best(row); path !== none; path = rib.paths.next(path)) paths.push(path)
    return paths
  }
}
