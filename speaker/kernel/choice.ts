/**
 * Which next hops a prefix should have in the kernel: those of the best learned path and of all that are as good, as far as they can be
 * reached. What this speaker originates is never installed: the machine has it already.
 */

import type { Family } from 'bgp-ts'
import { none } from '../rib/path-table.ts'
import { type FamilyRib, ownIndex, type Rib } from '../rib/rib.ts'
import { type HopSets, hopText, noSet } from './hop-sets.ts'
import type { KernelHop } from './kernel.ts'
import type { NextHops } from './next-hops.ts'

/** A choice that is no set: none of the next hops can be reached. */
export const unreachable = -1

export class Choice {
  readonly #rib: Rib
  readonly #zoneOf: (peer: number) => string | undefined
  readonly #hops: NextHops
  readonly #sets: HopSets
  readonly #maximumPaths: number

  /** `zoneOf` gives the interface that a peer is on, where it has a link-local address. */
  constructor(
    rib: Rib,
    zoneOf: (peer: number) => string | undefined,
    hops: NextHops,
    sets: HopSets,
    maximumPaths: number,
  ) {
    this.#rib = rib
    this.#zoneOf = zoneOf
    this.#hops = hops
    this.#sets = sets
    this.#maximumPaths = maximumPaths
  }

  /** The set of next hops that a row should have: `noSet` for none, `unreachable` where there would be one. */
  of(rib: FamilyRib, row: number): number {
    const paths = this.#paths(rib, row)
    if (paths.length === 0) return noSet
    const hops: KernelHop[] = []
    for (const path of paths) {
      const hop = this.#hop(rib, path)
      if (!hop || this.problem(rib.family, hop) !== undefined) continue
      if (paths.length > 1 && hops.some((one) => hopText(one) === hopText(hop))) continue
      hops.push(hop)
      if (hops.length === this.#maximumPaths) break
    }
    return hops.length === 0 ? unreachable : this.#sets.intern(hops)
  }

  /** Why a row should have no next hop, in words; undefined where it should have some. */
  whyNone(rib: FamilyRib, row: number): string | undefined {
    const best = row < 0 ? none : rib.paths.best(row)
    if (best === none) return 'there is no route'
    if (rib.paths.peer(best) === ownIndex) return 'this speaker originates it'
    const problems = this.#paths(rib, row).map((path) => {
      const hop = this.#hop(rib, path)
      return hop ? this.problem(rib.family, hop) : 'the route has no next hop'
    })
    if (problems.includes(undefined)) return undefined
    return [...new Set(problems)].join('; ')
  }

  /** Why routes of this family cannot go over a next hop. */
  problem(family: Family, hop: KernelHop): string | undefined {
    const { address, zone } = hop
    if (family === 'ipv6-unicast' && address.version === 4)
      return `next hop ${hopText(hop)}: the kernel routes no IPv6 over an IPv4 gateway`
    if (address.version === 6 && address.w0 >>> 22 === 0x3fa && zone === undefined)
      return `next hop ${hopText(hop)} is link-local, and the interface is not known`
    return this.#hops.link(hop)
      ? undefined
      : `next hop ${hopText(hop)} cannot be reached: it is on no link of this machine that is up`
  }

  #paths(rib: FamilyRib, row: number): number[] {
    const best = rib.paths.best(row)
    if (best === none || rib.paths.peer(best) === ownIndex) return []
    return this.#maximumPaths > 1 ? this.#rib.equalPaths(rib, row) : [best]
  }

  #hop(rib: FamilyRib, path: number): KernelHop | undefined {
    const address = this.#rib.attributes.nextHop(rib.paths.attributes(path))
    if (!address) return undefined
    const isLinkLocal = address.version === 6 && address.w0 >>> 22 === 0x3fa
    const zone = isLinkLocal ? this.#zoneOf(rib.paths.peer(path)) : undefined
    return { address, ...(zone !== undefined && { zone }) }
  }
}
