/**
 * What is stored of a peer, looked at again: after its import policy or our cluster id changed, or because somebody asks how a route came in.
 */

import type { Family } from 'bgp-ts'
import { type CompiledPolicy, parsePrefix, type Verdict } from '../../policy/index.ts'
import { lastResortActions, type Retention } from '../retention.ts'
import { type RoutedPeer, sampleSize } from '../routed-peer.ts'
import { type AttributeReader, unusable } from './attribute-reader.ts'
import type { FamilyRib, Rib } from './rib.ts'
import type { RouteJudge } from './route-judge.ts'
import { clusterLoop, type Identity, loopProblem } from './usable.ts'
import { blackholeRefused } from './well-known.ts'

export class Review {
  readonly #rib: Rib
  readonly #own: Identity
  readonly #retention: Pick<Retention, 'ownerOf'>
  readonly #reader: AttributeReader
  readonly #judge: RouteJudge

  constructor(
    rib: Rib,
    own: Identity,
    retention: Pick<Retention, 'ownerOf'>,
    reader: AttributeReader,
    judge: RouteJudge,
  ) {
    this.#rib = rib
    this.#own = own
    this.#retention = retention
    this.#reader = reader
    this.#judge = judge
  }

  /** Re-reads what is stored of a peer, as it came, after its import policy changed: what is rejected now goes, the rest becomes what it is now. */
  reconsider(peer: RoutedPeer): void {
    const table = this.#rib.attributes
    for (const rib of Object.values(this.#rib.families)) {
      const { paths, prefixes } = rib
      let plain = unusable
      this.#judge.prepare(peer, rib, plain)
      for (let path = 0; path < paths.end; path++) {
        const row = paths.row(path)
        if (row < 0 || this.#retention.ownerOf(paths.peer(path)) !== peer) continue
        const stored = paths.attributes(path)
        if (table.plain(stored) !== plain) {
          plain = table.plain(stored)
          this.#judge.prepare(peer, rib, plain)
        }
        const [w0, w1, w2, w3] = [prefixes.word0(row), prefixes.word1(row), prefixes.word2(row), prefixes.word3(row)]
        const verdict = this.#judge.judge(w0, w1, w2, w3, prefixes.length(row), peer.importHits)
        const refused = this.#judge.refusal(verdict)
        if (refused !== undefined) {
          this.#drop(peer, rib, path, refused)
          continue
        }
        // A route of last resort stays one, whatever the policy makes of it (RFC 9494).
        const isLast = table.longLivedStale(stored) && !table.longLivedStale(plain)
        const becomes = this.#judge.become(verdict)
        this.#rib.rewrite(rib, path, isLast ? this.asLastResort(peer, rib.family, becomes) : becomes)
      }
    }
    this.#judge.forget()
  }

  /** The attributes of a stored route of a peer as those of one of last resort (RFC 9494 section 4.2). */
  asLastResort(peer: RoutedPeer, family: Family, attributes: number): number {
    return this.#reader.rewritten(peer, family, attributes, lastResortActions)
  }

  /** By which statement a path of a peer came in, as the policy is now, and what well-known communities made of it. */
  explain(peer: RoutedPeer, rib: FamilyRib, row: number, attributes: number): { verdict: Verdict; rules: string[] } {
    const { prefixes } = rib
    this.#judge.prepare(peer, rib, this.#rib.attributes.plain(attributes))
    const [w0, w1, w2, w3] = [prefixes.word0(row), prefixes.word1(row), prefixes.word2(row), prefixes.word3(row)]
    const verdict = this.#judge.judge(w0, w1, w2, w3, prefixes.length(row))
    return { verdict, rules: this.#judge.rules.map(({ name }) => name) }
  }

  /** Re-reads what is stored of a peer after our cluster id changed: what came through that cluster goes. Says in which families the last id refused routes. */
  reconsiderCluster(peer: RoutedPeer): Family[] {
    const refused = (peer.negotiated?.families ?? []).filter((family) =>
      peer.counters[family].rejectedBy.has(clusterLoop),
    )
    for (const rib of Object.values(this.#rib.families)) {
      const { paths } = rib
      for (let path = 0; path < paths.end; path++) {
        const row = paths.row(path)
        if (row < 0 || this.#retention.ownerOf(paths.peer(path)) !== peer) continue
        if (loopProblem(this.#rib.attributes, paths.attributes(path), this.#own) !== clusterLoop) continue
        this.#drop(peer, rib, path, clusterLoop)
      }
    }
    return refused
  }

  /**
   * Families of which routes that were refused by `before` may be accepted now: the peer has to be asked for them again, because refused
   * routes are not stored. Cheap on purpose: a VIP that comes or goes must not make every router send its table.
   */
  neededAgain(peer: RoutedPeer, before: CompiledPolicy): Family[] {
    const now = peer.importPolicy
    const names = new Set([blackholeRefused, ...before.rules.map(({ name }) => name)])
    return (peer.negotiated?.families ?? []).filter((family) => {
      const { rejectedBy, rejectedSample } = peer.counters[family]
      const byPolicy = [...rejectedBy.keys()].some((rule) => names.has(rule))
      if (!byPolicy) return false
      if (now.usesAttributes || rejectedSample.size >= sampleSize) return true
      this.#judge.prepare(peer, this.#rib.families[family], unusable)
      return [...rejectedSample].some(([text, rule]) => {
        const prefix = names.has(rule) ? parsePrefix(text) : undefined
        return prefix && this.#judge.judge(prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length).accept
      })
    })
  }

  /** A stored path that is taken no more. Unless it is stale the peer still announces it, and its limit counts it. */
  #drop(peer: RoutedPeer, rib: FamilyRib, path: number, rule: string): void {
    const { link, counters } = peer
    const { w0, w1, w2, w3, length } = rib.prefixes.prefix(rib.paths.row(path))
    const { refused } = counters[rib.family]
    const limit = link.declaration.maxPrefixes?.limit[rib.family]
    const isCounted = limit !== undefined && !rib.paths.isStale(path)
    const pathId = rib.paths.pathId(path)
    counters[rib.family].accepted--
    peer.refused(rib.family, rule, w0, w1, w2, w3, length)
    if (isCounted && refused.size <= limit) refused.add(w0, w1, w2, w3, length ^ (pathId << 8))
    this.#rib.removePath(rib, path)
  }
}
