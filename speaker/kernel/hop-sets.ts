/**
 * Sets of next hops, interned: routes over the same routers share one number, and a route of the kernel costs four octets here.
 * A set is counted twice: by rows that have or want it, and by rows that want it, whose next hops have to stay reachable.
 */

import { formatAddress } from 'bgp-ts'
import type { KernelHop } from './kernel.ts'

interface HopSet {
  readonly key: string
  readonly hops: readonly KernelHop[]
  references: number
  wanted: number
}

export function hopText({ address, zone }: KernelHop): string {
  return formatAddress(address) + (zone ? `%${zone}` : '')
}

/** The number of no route at all. A route without a gateway is a set too, an empty one. */
export const noSet = 0

export class HopSets {
  readonly #onWanted: (hop: KernelHop, isWanted: boolean) => void
  readonly #byKey = new Map<string, number>()
  readonly #sets: (HopSet | undefined)[] = [undefined]
  readonly #free: number[] = []

  /** `onWanted` hears of each hop of a set that a first row wants, or that no row wants any more. */
  constructor(onWanted: (hop: KernelHop, isWanted: boolean) => void) {
    this.#onWanted = onWanted
  }

  get size(): number {
    return this.#byKey.size
  }

  /** The number of these hops, in whatever order. Without `retain` it may be another set's soon. */
  intern(hops: readonly KernelHop[]): number {
    if (hops.length === 1) return this.#known(hopText(hops[0]!), hops)
    return this.#known(hops.map(hopText).sort().join(' '), hops)
  }

  /** Whether a set is of these hops. */
  is(set: number, hops: readonly KernelHop[]): boolean {
    const entry = this.#sets[set]
    return entry !== undefined && entry.key === hops.map(hopText).sort().join(' ')
  }

  hops(set: number): readonly KernelHop[] {
    return this.#sets[set]?.hops ?? []
  }

  retain(set: number): void {
    const entry = this.#sets[set]
    if (entry) entry.references++
  }

  release(set: number): void {
    const entry = this.#sets[set]
    if (!entry || --entry.references > 0) return
    this.#byKey.delete(entry.key)
    this.#sets[set] = undefined
    this.#free.push(set)
  }

  /** A row wants this set in the place of another. */
  want(set: number, before: number): void {
    const [now, then] = [this.#sets[set], this.#sets[before]]
    this.retain(set)
    if (now && now.wanted++ === 0) for (const hop of now.hops) this.#onWanted(hop, true)
    if (then && --then.wanted === 0) for (const hop of then.hops) this.#onWanted(hop, false)
    this.release(before)
  }

  #known(key: string, hops: readonly KernelHop[]): number {
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const set = this.#free.pop() ?? this.#sets.length
    this.#sets[set] = { key, hops, references: 0, wanted: 0 }
    this.#byKey.set(key, set)
    return set
  }
}
