/**
 * The speaker: told the whole desired state, it finds the difference to what is. Only a change that BGP cannot make on a live
 * session resets that session; routes, policies and all else are applied live.
 */

import { type Address, encodeMessage, type Family, familyNumbers, formatAddress, type Prefix } from 'bgp-ts'
import type { SystemNames } from './bmp/collector.ts'
import type { Desired, DesiredChange, LocalDeclaration, OriginatedRoute, PeerDeclaration } from './desired.ts'
import { peerChange } from './diff.ts'
import { DynamicPeers } from './dynamic-peers.ts'
import type { KernelOptions } from './kernel/kernel-routes.ts'
import { type KernelSnapshot, kernelSnapshot } from './kernel/kernel-story.ts'
import { Listeners } from './listeners.ts'
import type { RoutesReport } from './origination.ts'
import type { HeldBack } from './outbound/outbound.ts'
import { Peer } from './peer/peer.ts'
import type { PeerEvent } from './peer/peer-news.ts'
import { Routing } from './routing.ts'
import { type SpeakerSnapshot, takeSnapshot } from './snapshot.ts'
import { listRoutes, type PrefixStory, type RouteFilter, type RouteRow, type RouteView, tellPrefix } from './story.ts'
import type { Endpoint, IncomingConnection, Timer, World } from './world.ts'

export interface ApplyReport {
  readonly peers: {
    readonly added: readonly string[]
    readonly removed: readonly string[]
    readonly reset: readonly { readonly name: string; readonly why: string }[]
    readonly changed: readonly string[]
  }
  readonly routes: RoutesReport
}

export interface SpeakerOptions {
  /** No End-of-RIB is sent before `releaseEndOfRib`: for sources that take a while to be whole. */
  readonly endOfRibHeld?: boolean
  /** What collectors of BMP know this speaker by. */
  readonly system?: SystemNames
  /** How routes are installed, in a world that has a kernel. */
  readonly kernel?: Partial<KernelOptions>
}

export interface StopOptions {
  /** Told to the peers, up to 255 octets. */
  readonly reason?: string
  /** The process will be started again. */
  readonly toReturn?: boolean
}

const noPeers: ApplyReport['peers'] = { added: [], removed: [], reset: [], changed: [] }

/** How often a neighbour of a prefix that is held down is looked at again. */
const heldDownMs = 60_000

export class Speaker {
  readonly #world: World
  readonly #routing: Routing
  readonly #peers = new Map<string, Peer>()
  /** The same by the text of their addresses, which several share where they are link-local. */
  readonly #byAddress = new Map<string, Set<Peer>>()
  readonly #dynamic = new DynamicPeers()
  /** Peers that have had a session since the process started: to them it is no restart any more. */
  readonly #met = new Set<string>()
  readonly #dismissals = new Map<string, Timer>()
  readonly #accepting: Listeners
  readonly #listeners = new Set<(event: PeerEvent) => void>()
  readonly #heldBackListeners = new Set<(news: HeldBack) => void>()
  readonly #settledListeners = new Set<() => void>()
  #local: LocalDeclaration | undefined
  #declared: readonly PeerDeclaration[] | undefined
  #stopped = false

  constructor(world: World, options: SpeakerOptions = {}) {
    this.#world = world
    this.#routing = new Routing(world, {
      endOfRibHeld: options.endOfRibHeld ?? false,
      onHeldBack: (news) => this.#heldBack(news),
      onSettled: () => {
        for (const listener of this.#settledListeners) listener()
      },
      ...(options.kernel && { kernel: options.kernel }),
      ...(options.system && { system: options.system }),
    })
    this.#accepting = new Listeners(
      world,
      (incoming) => this.#incoming(incoming),
      () => [...[...this.#peers.values()].map(({ declaration }) => declaration), ...this.#dynamic.declarations],
    )
  }

  /** Makes `desired` so. Returns what it changed; sessions and routes follow in their own time. */
  apply(desired: Desired): ApplyReport {
    return this.#apply(desired, () => this.#routing.origination.setRoutes(desired.routes))
  }

  /** Makes a change so that costs what changed, whatever else there is. Ends where `apply` with the whole would. */
  change(change: DesiredChange): ApplyReport {
    return this.#apply(change, () => this.#routing.origination.changeRoutes(change.set, change.withdrawn))
  }

  #apply(desired: Pick<Desired, 'local' | 'peers'>, setRoutes: () => RoutesReport): ApplyReport {
    if (this.#stopped) throw new Error('the speaker is stopped')
    const before = this.#local
    const sameLocal = before === desired.local
    this.#local = desired.local
    if (!sameLocal) this.#routing.setLocal(desired.local)
    const routes = setRoutes()
    const same = sameLocal && this.#declared === desired.peers
    const peers = same ? noPeers : this.#applyPeers(before, desired)
    if (!same) this.#settleCluster(desired)
    this.#declared = desired.peers
    this.#routing.kernel?.declared()
    if (!sameLocal) this.#accepting.declare(desired.local.listen)
    if (peers !== noPeers) this.#accepting.peersChanged()
    return { peers, routes }
  }

  releaseEndOfRib(): void {
    this.#routing.outbound.releaseEndOfRib()
  }

  snapshot(): SpeakerSnapshot {
    return takeSnapshot(
      this.#world.clock.now(),
      this.#local,
      [...this.#peers.values()],
      this.#routing,
      this.#accepting.snapshot(),
      this.#dynamic.snapshot(),
    )
  }

  /** What of the routes is in the kernel; undefined where none are installed. */
  get kernel(): KernelSnapshot | undefined {
    return this.#routing.kernel && kernelSnapshot(this.#routing.kernel)
  }

  routes(view: RouteView, filter: RouteFilter = {}): RouteRow[] {
    return listRoutes(this.#routing, view, filter)
  }

  explain(prefix: Prefix): PrefixStory {
    return tellPrefix(this.#routing, prefix)
  }

  /** What is declared of a peer, and of this side; undefined where there is no peer of this name. */
  declared(name: string): { readonly local: LocalDeclaration; readonly peer: PeerDeclaration } | undefined {
    const peer = this.#peers.get(name)?.declaration
    return peer && this.#local && { local: this.#local, peer }
  }

  /** Routes of a family that this speaker itself announces, in no order. */
  originated(family: Family): Iterable<OriginatedRoute> {
    return this.#routing.rib.families[family].originated.values()
  }

  /** Calls `listener` at each session that comes up or goes down, until the returned function is called. */
  onEvent(listener: (event: PeerEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Calls `listener` when routes begin to be held back from a peer (`maximumOut`), and when that is over. */
  onHeldBack(listener: (news: HeldBack) => void): void {
    this.#heldBackListeners.add(listener)
  }

  /** Calls `listener` whenever all that was to be sent has been written to the peers' connections. */
  onSettled(listener: () => void): void {
    this.#settledListeners.add(listener)
  }

  /**
   * Ends every session with Cease/2 and a reason (RFC 9003), and leaves nothing behind; or, to come back soon, in silence where
   * the peer keeps our routes meanwhile (RFC 4724).
   */
  async stop({ reason = 'tandem is stopping', toReturn = false }: StopOptions = {}): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    // First of all: sessions that end here must not take their routes out of the kernel.
    const kernel = this.#routing.kernel?.stop()
    const text = wholeCharacters(reason, 255)
    for (const peer of this.#peers.values()) {
      if (toReturn && peer.awaitsOurReturn) peer.stop(undefined, reason)
      else peer.stop('administrative shutdown', reason, Uint8Array.of(text.length, ...text))
    }
    for (const timer of this.#dismissals.values()) timer.cancel()
    this.#routing.monitor.stop()
    this.#routing.stop()
    await Promise.all([this.#accepting.close(), this.#world.bfd?.close(), kernel])
  }

  #applyPeers(before: LocalDeclaration | undefined, desired: Pick<Desired, 'local' | 'peers'>): ApplyReport['peers'] {
    const wanted = new Map(this.#dynamic.expand(desired.peers).map((peer) => [peer.name, peer]))
    const removed = [...this.#peers.keys()].filter((name) => !wanted.has(name))
    for (const name of removed) this.#remove(name, 'peer de-configured', 'no longer declared')
    const added: string[] = []
    const reset: { name: string; why: string }[] = []
    const changed: string[] = []
    for (const declaration of wanted.values()) {
      const { name } = declaration
      const peer = this.#peers.get(name)
      if (!peer || !before) {
        this.#add(desired.local, declaration)
        added.push(name)
        continue
      }
      const change = peerChange({ local: before, peer: peer.declaration }, { local: desired.local, peer: declaration })
      if (change.kind === 'reset') {
        this.#remove(name, 'other configuration change', change.why)
        this.#add(desired.local, declaration)
        reset.push({ name, why: change.why })
      } else {
        peer.redeclare(desired.local, declaration)
        if (change.kind === 'live') changed.push(name)
        if (change.kind === 'live') this.#askAgain(peer, this.#routing.redeclare(peer).needsRefresh)
      }
    }
    return { added, removed, reset, changed }
  }

  #add(local: LocalDeclaration, declaration: PeerDeclaration): void {
    const peer = new Peer(
      this.#world,
      this.#routing,
      local,
      declaration,
      (event) => this.#tell(event),
      this.#met.has(declaration.name),
    )
    this.#peers.set(declaration.name, peer)
    const address = formatAddress(declaration.address)
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? new Set()).add(peer))
    this.#routing.addPeer(peer)
    peer.start()
  }

  #remove(name: string, reason: 'peer de-configured' | 'other configuration change', why: string): void {
    const peer = this.#peers.get(name)
    if (!peer) return
    peer.stop(reason, why)
    this.#routing.removePeer(peer)
    this.#peers.delete(name)
    const address = formatAddress(peer.declaration.address)
    const others = this.#byAddress.get(address)
    others?.delete(peer)
    if (others?.size === 0) this.#byAddress.delete(address)
    this.#dismissals.get(name)?.cancel()
    this.#dismissals.delete(name)
  }

  /** An import policy, or a cluster id, that takes more than before needs the routes that were refused, which are not stored (RFC 2918). */
  #askAgain(peer: Peer, needed: readonly Family[]): void {
    if (needed.length === 0 || !peer.negotiated) return
    if (!peer.negotiated.routeRefresh) {
      const message =
        'it would be asked for its routes again, but has no route refresh: those refused before stay refused'
      this.#world.log.warn({ peer: peer.name }, message)
      return
    }
    for (const family of needed) {
      const { afi, safi } = familyNumbers[family]
      peer.messages.out['route-refresh']++
      peer.send(encodeMessage({ kind: 'route-refresh', afi, safi, subtype: 0 }))
    }
  }

  /** One that names no cluster id has its router id for one, once a peer is a client (RFC 4456 section 8). */
  #settleCluster({ local, peers }: Pick<Desired, 'local' | 'peers'>): void {
    const hasClients = peers.some(({ reflectorClient }) => reflectorClient)
    const clusterId = local.clusterId ?? (hasClients ? local.routerId : undefined)
    for (const { link, needsRefresh } of this.#routing.setCluster(clusterId)) {
      const peer = this.#peers.get(link.name)
      if (peer) this.#askAgain(peer, needsRefresh)
    }
  }

  /** A connection from an address that is no peer is closed, and nothing is kept of it. */
  #incoming(incoming: IncomingConnection): void {
    if (this.#stopped) return
    const { address, zone } = incoming.remote
    const peer = this.#peerFrom(address, zone) ?? this.#admit(incoming.remote)
    if (!peer) {
      this.#world.log.debug({ remote: formatAddress(address) }, 'connection from an address that is no peer')
      return
    }
    peer.accept(incoming)
    // Where the connection could not be taken, no end of a session will tell.
    if (this.#dynamic.has(peer.name)) this.#dismissAfter(peer.name, 0)
  }

  /** A neighbour that is declared by a prefix (RFC 4271 leaves room for it in section 8.1.1, as "accept connections from unconfigured peers"). */
  #admit(remote: Endpoint): Peer | undefined {
    const declaration = this.#dynamic.admit(remote)
    if (!declaration || !this.#local) return undefined
    this.#add(this.#local, declaration)
    return this.#peers.get(declaration.name)
  }

  /** One that came by a prefix goes when its session ends, none of its routes are kept, and it may come again. */
  #dismiss(name: string): void {
    const peer = this.#peers.get(name)
    if (!peer || !this.#dynamic.has(name) || hasConnection(peer)) return
    const until = this.#routing.routed(peer)?.kept?.until
    if (until !== undefined) {
      this.#dismissAfter(name, Math.max(1000, until - this.#world.clock.now()))
    } else if (peer.heldDown !== undefined) {
      // Forgotten, it would be another peer at its next connection, which nothing holds down.
      this.#dismissAfter(name, heldDownMs)
    } else {
      this.#dynamic.dismiss(name)
      this.#remove(name, 'peer de-configured', 'its session ended')
    }
  }

  #dismissAfter(name: string, delayMs: number): void {
    this.#dismissals.get(name)?.cancel()
    const timer = this.#world.clock.after(delayMs, () => {
      this.#dismissals.delete(name)
      this.#dismiss(name)
    })
    this.#dismissals.set(name, timer)
  }

  #peerFrom(address: Address, zone: string | undefined): Peer | undefined {
    const there = this.#byAddress.get(formatAddress(address)) ?? []
    return [...there].find(({ declaration }) => !declaration.zone || declaration.zone === zone)
  }

  #monitor(event: PeerEvent): void {
    const peer = this.#peers.get(event.peer)
    const routed = peer && this.#routing.routed(peer)
    if (!routed) return
    const { conversation, lastEnding } = peer
    if (event.kind === 'up' && conversation) this.#routing.monitor.peerUp(routed, event.negotiated, conversation)
    if (event.kind === 'down' && event.established && lastEnding) this.#routing.monitor.peerDown(routed, lastEnding)
  }

  #heldBack(news: HeldBack): void {
    const { peer, family, held, limit } = news
    const message =
      held > 0 ? `held back: this peer is sent ${limit} routes of the family at most` : 'none is held back any more'
    this.#world.log.warn({ peer, family, held, limit }, message)
    for (const listener of this.#heldBackListeners) listener(news)
  }

  #tell(event: PeerEvent): void {
    if (event.kind === 'up') this.#met.add(event.peer)
    this.#monitor(event)
    if (event.kind === 'down' && this.#dynamic.has(event.peer) && !this.#stopped) this.#dismissAfter(event.peer, 0)
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#world.log.error({ err: error }, 'a listener to session events failed')
      }
    }
  }
}

/** Its end will be told. */
const hasConnection = ({ state }: Peer) => state === 'OpenSent' || state === 'OpenConfirm' || state === 'Established'

/** UTF-8 of a text, cut between characters. */
function wholeCharacters(text: string, octets: number): Uint8Array {
  const bytes = new Uint8Array(octets)
  const { written } = new TextEncoder().encodeInto(text, bytes)
  return bytes.subarray(0, written)
}
