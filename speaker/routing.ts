/**
 * The routing half of the speaker: what peers announce and what this speaker originates come in, the best of it goes out by policy.
 * Sessions tell it what happens through `SessionListener`; it sends through `PeerLink`. It knows no sockets and no Kubernetes.
 */

import {
  type Address,
  compareAddresses,
  type Family,
  type Fault,
  families,
  type Negotiated,
  type SenderContext,
} from 'bgp-ts'
import type { SystemNames } from './bmp/collector.ts'
import { Monitor } from './bmp/monitor.ts'
import { Deferral } from './deferral.ts'
import type { LocalDeclaration } from './desired.ts'
import { Jobs } from './jobs.ts'
import { type KernelOptions, KernelRoutes } from './kernel/kernel-routes.ts'
import { Origination } from './origination.ts'
import { Outbound, type OutboundHooks } from './outbound/outbound.ts'
import type { PeerLink, SessionListener } from './peer-link.ts'
import { Retention } from './retention.ts'
import { AttributeReader } from './rib/attribute-reader.ts'
import { ContextIds } from './rib/context-ids.ts'
import { Importer } from './rib/importer.ts'
import { newSeed } from './rib/keyed-hash.ts'
import { Review } from './rib/review.ts'
import { type FamilyRib, ownIndex, Rib } from './rib/rib.ts'
import { RouteJudge } from './rib/route-judge.ts'
import { RoutedPeer } from './routed-peer.ts'
import type { World } from './world.ts'

/** Milliseconds after a peer's routes have gone: its own may come back at once, and withdrawals take their time. */
const trimDelayMs = 5000

export class Routing implements SessionListener {
  readonly rib: Rib
  readonly outbound: Outbound
  readonly origination: Origination
  /** Where routes are installed too. */
  readonly kernel: KernelRoutes | undefined
  readonly monitor: Monitor
  readonly #jobs: Jobs
  readonly #importer: Importer
  readonly #review: Review
  /** By index among paths; 0 is this speaker, a hole is a session that is gone. */
  readonly #peers: (RoutedPeer | undefined)[] = [undefined]
  readonly #retention: Retention
  readonly #byLink = new Map<PeerLink, RoutedPeer>()
  /** By address, as of the last time. */
  #ordered: readonly RoutedPeer[] = []
  readonly #own = { addresses: [] as Address[], routerId: 0, clusterId: undefined as number | undefined }
  #local: LocalDeclaration | undefined
  #deferral: Deferral | undefined
  #trimming = this.#trimSteps()
  readonly #clock: World['clock']
  readonly #log: World['log']
  readonly #random: World['random']

  constructor(
    world: World,
    options: {
      readonly endOfRibHeld: boolean
      readonly kernel?: Partial<KernelOptions>
      readonly system?: SystemNames
    } & OutboundHooks,
  ) {
    this.#clock = world.clock
    this.#log = world.log
    this.#random = world.random
    this.#jobs = new Jobs(world.clock)
    const { kernel } = world
    this.rib = new Rib(world.random, (rib, row) => this.outbound.touch(rib, row))
    this.rib.setRank(ownIndex, { originated: true, external: false, routerId: 0, addressOrder: 0 })
    this.outbound = new Outbound(
      this.rib,
      this.#jobs,
      this.#peers,
      () => this.#local,
      this.#own,
      options.endOfRibHeld,
      () => {
        return this.#deferral?.isActive ?? false
      },
      options,
      newSeed(world.random),
    )
    this.origination = new Origination(this.rib, this.outbound, () => this.#byLink.values())
    this.#retention = new Retention({
      clock: world.clock,
      jobs: this.#jobs,
      rib: this.rib,
      peers: this.#peers,
      lastResort: (peer, family, attributes) => this.#review.asLastResort(peer, family, attributes),
      changed: () => this.#rank(),
      shrunk: () => this.#jobs.add(this.#trim, trimDelayMs),
    })
    const reader = new AttributeReader(world, this.rib.attributes, new ContextIds(), this.#own)
    const judge = new RouteJudge(this.rib.attributes, reader)
    const endOfRib = (peer: RoutedPeer, family: Family) => {
      this.#retention.endOfRib(peer, family)
      this.monitor.ended()
    }
    this.#importer = new Importer(world, this.rib, this.#own, { endOfRib }, reader, judge)
    this.#review = new Review(this.rib, this.#own, this.#retention, reader, judge)
    const peers = () => this.peers
    const zoneOf = (peer: number) => this.#peers[peer]?.link.declaration.zone
    this.kernel = kernel && new KernelRoutes(world, kernel, options.kernel, this.#jobs, this.rib, peers, zoneOf)
    this.monitor = new Monitor({
      world,
      jobs: this.#jobs,
      rib: this.rib,
      outbound: this.outbound,
      system: options.system,
      listen: (monitor) => this.#listen(monitor),
    })
    this.#listen(undefined)
  }

  /** While this speaker is a route reflector. */
  get clusterId(): number | undefined {
    return this.#own.clusterId
  }

  get local(): LocalDeclaration | undefined {
    return this.#local
  }

  get peers(): readonly RoutedPeer[] {
    return [...this.#byLink.values()]
  }

  /** The peer that a path came by; undefined for this speaker itself and for a session that is gone. */
  peerAt(index: number): RoutedPeer | undefined {
    return this.#peers[index]
  }

  setLocal(local: LocalDeclaration): void {
    if (!this.#deferral && local.restart?.restarting) {
      const longestMs = local.restart.deferral * 1000
      this.#deferral = new Deferral(
        this.#clock,
        { longestMs },
        () => this.peers,
        () => this.outbound.endDeferred(),
      )
    }
    this.#local = local
    this.monitor.declare(local.collectors ?? [])
    this.#own.addresses = families.flatMap((family) => local.addresses[family] ?? [])
    this.#own.routerId = local.routerId
    for (const peer of this.#byLink.values()) if (peer.negotiated) this.outbound.reconsider(peer)
  }

  /** Paths and sent routes are told to whom they concern; where they concern nobody, changes of them cost nothing. */
  #listen(monitor: Monitor | undefined): void {
    const { kernel } = this
    this.outbound.watch(monitor)
    if (!kernel && !monitor) this.rib.watchPaths(undefined)
    else
      this.rib.watchPaths((rib, row, peer, pathId) => {
        kernel?.touch(rib, row)
        monitor?.touch(rib, row, peer, pathId)
      })
  }

  /** Memory goes back once what is left to withdraw has been withdrawn; a step for each table, because each is walked whole. */
  readonly #trim = (): boolean => {
    const step = this.#trimming.next()
    if (step.done) this.#trimming = this.#trimSteps()
    return step.done ?? false
  };

  *#trimSteps(): Generator<void> {
    for (const family of families) {
      const { prefixes, paths } = this.rib.families[family]
      prefixes.trim()
      yield
      paths.trim(prefixes.capacity)
      yield
    }
    this.outbound.trim()
    this.rib.attributes.trim()
  }

  addPeer(link: PeerLink): void {
    this.#byLink.set(link, new RoutedPeer(link, this.#random))
  }

  removePeer(link: PeerLink): void {
    const peer = this.#byLink.get(link)
    if (!peer) return
    this.sessionDown(link, false)
    this.#retention.forget(peer)
    this.#byLink.delete(link)
  }

  /** Takes a peer's new policies while its session stays up. Says for which families its routes are needed again. */
  redeclare(link: PeerLink): { readonly needsRefresh: readonly Family[] } {
    const peer = this.#byLink.get(link)
    if (!peer) return { needsRefresh: [] }
    const before = peer.importPolicy
    const obeyed = peer.obeysGracefulShutdown
    const wasClient = peer.isClient
    const raised = peer.redeclare()
    if (peer.isClient !== wasClient) this.#offerAgain(peer)
    const decidesAnew = peer.importPolicy.key !== before.key
    // What a peer that is away has left is judged too.
    if (decidesAnew || obeyed !== peer.obeysGracefulShutdown) this.#review.reconsider(peer)
    if (!peer.negotiated) return { needsRefresh: [] }
    this.outbound.reconsider(peer)
    const sender = senderOf(link, peer.negotiated)
    const judgedAnew = sender.firstAsn !== peer.sender.firstAsn || sender.asSets !== peer.sender.asSets
    peer.sender = sender
    // Which paths are well-formed was judged when they came: only the peer can say them again.
    if (judgedAnew) return { needsRefresh: peer.negotiated.families }
    const needed = new Set(decidesAnew ? this.#review.neededAgain(peer, before) : [])
    for (const family of peer.refusedBy(raised)) if (peer.negotiated.families.includes(family)) needed.add(family)
    return { needsRefresh: [...needed] }
  }

  /**
   * Takes of which cluster this speaker is a route reflector, if of any, once all peers are declared.
   * Says which routes are needed again: those that the last cluster id refused are not stored.
   */
  setCluster(clusterId: number | undefined): { readonly link: PeerLink; readonly needsRefresh: readonly Family[] }[] {
    if (clusterId === this.#own.clusterId) return []
    this.#own.clusterId = clusterId
    for (const peer of this.peers) if (peer.negotiated) this.outbound.reconsider(peer)
    return this.peers
      .filter(({ index, external }) => index >= 0 && !external)
      .map((peer) => ({ link: peer.link, needsRefresh: this.#review.reconsiderCluster(peer) }))
  }

  /** Whom the routes of a peer may go to changed. */
  #offerAgain(peer: RoutedPeer): void {
    for (const family of families) {
      const rib = this.rib.families[family]
      for (let path = 0; path < rib.paths.end; path++) {
        const row = rib.paths.row(path)
        const isBest = row >= 0 && rib.paths.best(row) === path
        if (isBest && this.#retention.ownerOf(rib.paths.peer(path)) === peer) this.outbound.touch(rib, row)
      }
    }
  }

  sessionUp(link: PeerLink, negotiated: Negotiated): void {
    const peer = this.#byLink.get(link)
    if (!peer) return
    peer.restart()
    peer.negotiated = negotiated
    peer.sender = senderOf(link, negotiated)
    peer.external = negotiated.external
    peer.routerId = negotiated.peerRouterId
    this.#retention.open(peer, negotiated)
    this.outbound.join(peer)
    this.#deferral?.look()
  }

  sessionDown(link: PeerLink, graceful: boolean): void {
    const peer = this.#byLink.get(link)
    if (!peer?.negotiated) return
    const terms = graceful ? peer.negotiated.gracefulRestart : undefined
    peer.negotiated = undefined
    this.outbound.leave(peer)
    this.#retention.close(peer, terms)
    this.#deferral?.look()
  }

  update(link: PeerLink, bytes: Uint8Array, at: number, end: number): Fault | undefined {
    const peer = this.#byLink.get(link)
    if (!peer) return undefined
    const wrong = this.#importer.update(peer, bytes, at, end)
    // A peer that announces and withdraws lists of ever other sizes would fill the memory without ending its session.
    if (this.rib.attributes.isWasteful || this.outbound.table.isWasteful) this.#jobs.add(this.#trim)
    if (this.#deferral?.isActive) this.#deferral.look()
    return wrong
  }

  /** How a path of a peer came in: the rule of its import policy, as it is now, and what well-known communities made of it. */
  imported(peer: RoutedPeer, rib: FamilyRib, row: number, attributes: number): ReturnType<Review['explain']> {
    return this.#review.explain(peer, rib, row, attributes)
  }

  refresh(link: PeerLink, family: Family): void {
    const peer = this.#byLink.get(link)
    if (peer) this.outbound.refresh(peer, family)
  }

  /** RFC 7313 section 4: from a peer that knows End-of-RIB, not before it has sent one. */
  refreshBegins(link: PeerLink, family: Family): void {
    const peer = this.#byLink.get(link)
    if (!peer) return
    const { negotiated, counters, name } = peer
    const sendsEnd = negotiated?.peerCapabilities.some(({ kind }) => kind === 'graceful-restart') ?? false
    if (!sendsEnd || counters[family].endOfRibReceived) this.#retention.refreshBegins(peer, family)
    else this.#log.warn({ peer: name, family }, 'the peer began a refresh before End-of-RIB: its beginning is ignored')
  }

  refreshEnds(link: PeerLink, family: Family): void {
    const peer = this.#byLink.get(link)
    if (peer) this.#retention.refreshEnds(peer, family)
  }

  drained(link: PeerLink): void {
    const peer = this.#byLink.get(link)
    if (peer) this.outbound.drained(peer)
  }

  routed(link: PeerLink): RoutedPeer | undefined {
    return this.#byLink.get(link)
  }

  stop(): void {
    this.#jobs.stop()
    this.#deferral?.stop()
    this.#retention.stop([...this.#byLink.values()])
  }

  /** Who wins the last tie-breaks; made anew with each session, because addresses order all peers. */
  #rank(): void {
    const live = new Set(this.#peers.filter((peer) => peer !== undefined))
    // All but one are in order already, which makes sorting linear.
    const before = this.#ordered.filter((peer) => live.delete(peer))
    this.#ordered = [...before, ...live].sort((a, b) =>
      compareAddresses(a.link.declaration.address, b.link.declaration.address),
    )
    this.#ordered.forEach(({ external, routerId, index }, place) => {
      if (index >= 0) this.rib.setRank(index, { originated: false, external, routerId, addressOrder: place })
    })
  }
}

/** How the peer's attributes are judged on this session. */
function senderOf({ declaration }: PeerLink, { external, fourOctetAsn, localAsn, peerAsn }: Negotiated): SenderContext {
  const { checksFirstAsn = true, takesAsSets = false } = declaration
  return {
    external,
    fourOctetAsn,
    localAsn,
    firstAsn: external && checksFirstAsn ? peerAsn : 0,
    ...(takesAsSets && { asSets: true }),
  }
}
