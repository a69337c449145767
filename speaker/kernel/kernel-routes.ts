/**
 * Kernel routes: the best learned paths, and those as good, put into one table of the kernel under a protocol number of our own.
 * Both families, each in a lane of its own (`family-routes.ts`); here is what they share, and when a start is over.
 */

import { type Family, families, type Prefix } from 'bgp-ts'
import type { Jobs } from '../jobs.ts'
import { newSeed } from '../rib/keyed-hash.ts'
import type { FamilyRib, Rib } from '../rib/rib.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import type { Timer, World } from '../world.ts'
import { Choice } from './choice.ts'
import { FamilyRoutes, type KernelWork } from './family-routes.ts'
import { HopSets } from './hop-sets.ts'
import { cleanRoutes, type Kernel } from './kernel.ts'
import { NextHops } from './next-hops.ts'

export interface KernelOptions {
  /** Next hops of one route at most. */
  readonly maximumPaths: number
  /** How long routes of an earlier run wait for every peer's End-of-RIB before those that nobody announced go. */
  readonly waitMs: number
  readonly onExit: 'keep' | 'remove'
}

const defaults: KernelOptions = { maximumPaths: 16, waitMs: 120_000, onExit: 'keep' }
const checkMs = 500

export class KernelRoutes {
  readonly options: KernelOptions
  readonly lanes: Readonly<Record<Family, FamilyRoutes>>
  readonly kernel: Kernel
  readonly hops: NextHops
  readonly sets: HopSets
  readonly choice: Choice
  readonly #world: World
  readonly #peers: () => readonly RoutedPeer[]
  #since: number | undefined
  #check: Timer | undefined

  constructor(
    world: World,
    kernel: Kernel,
    options: Partial<KernelOptions> | undefined,
    jobs: Jobs,
    rib: Rib,
    peers: () => readonly RoutedPeer[],
    zoneOf: (peer: number) => string | undefined,
  ) {
    this.options = { ...defaults, ...options }
    this.kernel = kernel
    this.#world = world
    this.#peers = peers
    const seed = () => newSeed(world.random)
    this.hops = new NextHops(seed(), (prefix) => this.lanes[prefix.family].reconsider(prefix))
    this.sets = new HopSets((hop, isWanted) => this.hops.want(hop, isWanted))
    this.choice = new Choice(rib, zoneOf, this.hops, this.sets, this.options.maximumPaths)
    const { clock, log } = world
    const { hops, sets, choice } = this
    const onLinks = () => {
      for (const family of families) this.lanes[family].reconsiderAll()
    }
    const work: KernelWork = { kernel, clock, log, jobs, hops, sets, choice, onLinks }
    const [v4, v6] = families.map((family) => new FamilyRoutes(work, rib.families[family], seed()))
    this.lanes = { 'ipv4-unicast': v4!, 'ipv6-unicast': v6! }
    for (const family of families) this.lanes[family].start()
  }

  /** A path of a row came, went or changed. */
  touch(rib: FamilyRib, row: number): void {
    this.lanes[rib.family].touch(row)
  }

  /** Peers are declared: from now on it is waited for what they say. */
  declared(): void {
    if (this.#since !== undefined) return
    this.#since = this.#world.clock.now()
    this.#checkSync()
  }

  reconsider(prefix: Prefix): void {
    this.lanes[prefix.family].reconsider(prefix)
  }

  /** What is on its way lands, and nothing more is begun. Removes our routes where that was asked for. */
  async stop(): Promise<void> {
    this.#check?.cancel()
    await Promise.all(families.map((family) => this.lanes[family].stop()))
    if (this.options.onExit === 'keep') return
    for (const family of families) {
      try {
        const { removed } = await cleanRoutes(this.kernel, family)
        this.#world.log.info({ family, removed }, 'kernel routes removed')
      } catch (error) {
        this.#world.log.error({ family, err: error }, 'kernel routes could not be removed')
      }
    }
  }

  #checkSync(): void {
    const waited = this.#world.clock.now() - (this.#since ?? 0)
    const missing = families.filter((family) => this.lanes[family].phase !== 'synced')
    for (const family of missing) {
      if (waited >= this.options.waitMs || this.#allIn(family)) this.lanes[family].settle()
    }
    // A lane that is still reading settles later.
    if (missing.length > 0) this.#check = this.#world.clock.after(checkMs, () => this.#checkSync())
  }

  /** Whether every peer has said all it has of a family (RFC 4724 section 4.1). */
  #allIn(family: Family): boolean {
    const awaited = this.#peers().filter(({ link: { declaration } }) => declaration.blocked === undefined)
    if (awaited.length === 0) return false
    return awaited.every(({ negotiated, counters }) => {
      if (!negotiated) return false
      return !negotiated.families.includes(family) || counters[family].endOfRibReceived
    })
  }
}
