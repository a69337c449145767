/**
 * The routing half of the speaker: what peers announce and what this speaker originates come in, the best of it goes out by policy.
 * Sessions tell it what happens through `SessionListener`; it sends through `PeerLink`. It knows no sockets and no Kubernetes.
 */

import {
  type Address,
  type Attributes,
  compareAddresses,
  encodeAttributes,
  type Family,
  type Fault,
  families,
  formatAddress,
  type Negotiated,
  type Prefix,
  type SenderContext,
  summarize,
} from 'bgp-ts'
import { Deferral } from './deferral.ts'
import type { LocalDeclaration, OriginatedRoute } from './desired.ts'
import { Jobs } from './jobs.ts'
import { type KernelOptions, KernelRoutes } from './kernel/kernel-routes.ts'
import { type HeldBack, Outbound } from './outbound/outbound.ts'
import { sameForPeers, wordsIn } from './outbound/peer-words.ts'
import type { PeerLink, SessionListener } from './peer-link.ts'
import { lastResortActions, Retention } from './retention.ts'
import { ContextIds } from './rib/context-ids.ts'
import { Importer } from './rib/importer.ts'
import { type FamilyRib, ownIndex, Rib } from './rib/rib.ts'
import { RoutedPeer } from './routed-peer.ts'
import type { World } from './world.ts'

export interface RoutesReport {
  readonly added: number
  readonly withdrawn: number
  readonly changed: number
}

/** Attribute ids of routes that were made from the same objects, within one call. */
type Interned = Map<OriginatedRoute['attributes'], Map<Address | undefined, number>>

export class Routing implements SessionListener {
  readonly rib: Rib
  readonly outbound: Outbound
  /** Where routes are installed too. */
  readonly kernel: KernelRoutes | undefined
  readonly #jobs: Jobs
  readonly #importer: Importer
  readonly #contexts = new ContextIds()
  /** By index among paths; 0 is this speaker, a hole is a session that is gone. */
  readonly #peers: (RoutedPeer | undefined)[] = [undefined]
  readonly #retention: Retention
  readonly #byLink = new Map<PeerLink, RoutedPeer>()
  readonly #own = { addresses: [] as Address[], routerId: 0, clusterId: undefined as number | undefined }
  #local: LocalDeclaration | undefined
  #deferral: Deferral | undefined
  readonly #clock: World['clock']
  readonly #log: World['log']
  readonly #random: World['random']

  constructor(
    world: World,
    options: {
      readonly endOfRibHeld: boolean
      readonly kernel?: Partial<KernelOptions>
      readonly onHeldBack?: (news: HeldBack) => void
    },
  ) {
    this.#clock = world.clock
    this.#log = world.log
    this.#random = world.random
    this.#jobs = new Jobs(world.clock)
    const { kernel } = world
    this.rib = new Rib(
      world.random,
      (rib, row) => this.outbound.touch(rib, row),
      kernel && ((rib, row) => this.kernel?.touch(rib, row)),
    )
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
      options.onHeldBack ?? (() => {}),
    )
    this.#retention = new Retention({
      clock: world.clock,
      jobs: this.#jobs,
      rib: this.rib,
      peers: this.#peers,
      lastResort: (attributes) => this.#importer.rewritten(attributes, lastResortActions),
      changed: () => this.#rank(),
    })
    this.#importer = new Importer(world, this.rib, this.#own, this.#retention)
    const peers = () => this.peers
    const zoneOf = (peer: number) => this.#peers[peer]?.link.declaration.zone
    this.kernel = kernel && new KernelRoutes(world, kernel, options.kernel, this.#jobs, this.rib, peers, zoneOf)
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
    this.#own.addresses = families.flatMap((family) => local.addresses[family] ?? [])
    this.#own.routerId = local.routerId
    for (const peer of this.#byLink.values()) if (peer.negotiated) this.outbound.reconsider(peer)
  }

  /** Takes all routes to originate, and finds what changed. The first one of a prefix counts. */
  setRoutes(routes: readonly OriginatedRoute[]): RoutesReport {
    const report = { added: 0, withdrawn: 0, changed: 0 }
    this.#noteStated(routes)
    const stale = new Map(families.map((family) => [family, new Set(this.rib.families[family].originated.keys())]))
    const seen = new Map(families.map((family) => [family, new Set<number>()]))
    const interned: Interned = new Map()
    for (const route of routes) {
      const { family, w0, w1, w2, w3, length } = route.prefix
      const known = this.rib.families[family].prefixes.find(w0, w1, w2, w3, length)
      if (known >= 0 && seen.get(family)!.has(known)) continue
      const row = this.#originate(route, interned, report)
      seen.get(family)!.add(row)
      stale.get(family)!.delete(row)
    }
    for (const family of families) {
      const rib = this.rib.families[family]
      for (const row of stale.get(family)!) {
        report.withdrawn++
        rib.originated.delete(row)
        this.rib.removePath(rib, rib.paths.of(row, ownIndex))
      }
    }
    return report
  }

  /** Takes the routes that are new or other than they were, and those that are no more. */
  changeRoutes(set: readonly OriginatedRoute[], withdrawn: readonly Prefix[]): RoutesReport {
    const report = { added: 0, withdrawn: 0, changed: 0 }
    const interned: Interned = new Map()
    this.#noteStated(set, this.outbound.statedNextHops, this.outbound.statedWords)
    for (const { family, w0, w1, w2, w3, length } of withdrawn) {
      const rib = this.rib.families[family]
      const row = rib.prefixes.find(w0, w1, w2, w3, length)
      if (row < 0 || !rib.originated.has(row)) continue
      report.withdrawn++
      rib.originated.delete(row)
      this.rib.removePath(rib, rib.paths.of(row, ownIndex))
    }
    for (const route of set) this.#originate(route, interned, report)
    return report
  }

  #originate(route: OriginatedRoute, interned: Interned, report: { added: number; changed: number }): number {
    const { family, w0, w1, w2, w3, length } = route.prefix
    const rib = this.rib.families[family]
    const known = rib.prefixes.find(w0, w1, w2, w3, length)
    const attributes = this.#originatedAttributes(route, interned)
    const before = known < 0 ? undefined : rib.originated.get(known)
    const path = known < 0 ? -1 : rib.paths.of(known, ownIndex)
    // What is no attribute on the wire, but decides who is sent the route, and with what.
    const judgedAnew =
      before !== undefined && (before.origin.kind !== route.origin.kind || !sameForPeers(before, route))
    if (path < 0) report.added++
    else if (rib.paths.attributes(path) !== attributes || judgedAnew) report.changed++
    const row = this.#enter(rib, route, attributes)
    if (judgedAnew) this.outbound.touch(rib, row)
    return row
  }

  #noteStated(
    routes: readonly OriginatedRoute[],
    knownHops: ReadonlySet<string> = new Set(),
    knownWords: ReadonlySet<string> = new Set(),
  ): void {
    const distinct = new Set(routes.map(({ nextHop }) => nextHop))
    const hops = new Set([...knownHops, ...[...distinct].flatMap((hop) => (hop ? [formatAddress(hop)] : []))])
    if (!this.outbound.setStated(hops, wordsIn(routes, knownWords))) return
    for (const peer of this.#byLink.values()) if (peer.negotiated) this.outbound.reconsider(peer)
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
    peer.redeclare()
    if (peer.isClient !== wasClient) this.#offerAgain(peer)
    const decidesAnew = peer.importPolicy.key !== before.key
    // What a peer that is away has left is judged too.
    if (decidesAnew || obeyed !== peer.obeysGracefulShutdown) this.#importer.reconsider(peer)
    if (!peer.negotiated) return { needsRefresh: [] }
    this.outbound.reconsider(peer)
    const sender = senderOf(link, peer.negotiated)
    const judgedAnew = sender.firstAsn !== peer.sender.firstAsn || sender.asSets !== peer.sender.asSets
    peer.sender = sender
    // Which paths are well-formed was judged when they came: only the peer can say them again.
    if (judgedAnew) return { needsRefresh: peer.negotiated.families }
    return { needsRefresh: decidesAnew ? this.#importer.neededAgain(peer, before) : [] }
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
      .map((peer) => ({ link: peer.link, needsRefresh: this.#importer.reconsiderCluster(peer) }))
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
    if (this.#deferral?.isActive) this.#deferral.look()
    return wrong
  }

  /** How a path of a peer came in: the rule of its import policy, as it is now, and what well-known communities made of it. */
  imported(peer: RoutedPeer, rib: FamilyRib, row: number, attributes: number): ReturnType<Importer['explain']> {
    return this.#importer.explain(peer, rib, row, attributes)
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

  #enter(rib: FamilyRib, route: OriginatedRoute, attributes: number): number {
    const { w0, w1, w2, w3, length } = route.prefix
    // The provenance first: what the change sets off reads it.
    const row = rib.prefixes.add(w0, w1, w2, w3, length)
    rib.originated.set(row, route)
    this.rib.announce(rib, ownIndex, w0, w1, w2, w3, length, attributes)
    this.rib.attributes.discardUnused(attributes)
    return row
  }

  /** The interned id of a route's attributes; routes made from the same objects are looked up once. */
  #originatedAttributes(route: OriginatedRoute, interned: Interned): number {
    const table = this.rib.attributes
    const byHop = interned.get(route.attributes) ?? new Map<Address | undefined, number>()
    interned.set(route.attributes, byHop)
    const known = byHop.get(route.nextHop)
    if (known !== undefined) return known
    const list = encodeAttributes(toAttributes(route), { fourOctetAsn: true })
    const { nextHop } = route
    const hop = nextHop ?? { version: 0 as const, w0: 0, w1: 0, w2: 0, w3: 0 }
    const context = this.#contexts.derived(hop.version)
    const summary = summarize(list, 0, list.length, 0)
    const id = table.find(list, 0, list.length, context, hop) || table.add(list, 0, list.length, context, hop, summary)
    byHop.set(nextHop, id)
    return id
  }

  /** Who wins the last tie-breaks; made anew with each session, because addresses order all peers. */
  #rank(): void {
    const live = this.#peers.filter((peer) => peer !== undefined)
    const ordered = live.sort((a, b) => compareAddresses(a.link.declaration.address, b.link.declaration.address))
    ordered.forEach(({ external, routerId, index }, place) => {
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

function toAttributes({ attributes }: OriginatedRoute): Attributes {
  const { origin = 'igp', asPath = [], ...rest } = attributes
  return { ...rest, origin, asPath: asPath.length > 0 ? [{ type: 'sequence', asns: asPath }] : [] }
}
