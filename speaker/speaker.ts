/**
 * The speaker: told the whole desired state, it finds the difference to what is. Only a change that BGP cannot make on a live
 * session resets that session; routes, policies and all else are applied live.
 */

import { type Address, encodeMessage, type Family, familyNumbers, formatAddress, type Prefix } from 'bgp-ts'
import type { Desired, DesiredChange, ListenDeclaration, LocalDeclaration, PeerDeclaration } from './desired.ts'
import { peerChange } from './diff.ts'
import type { HeldBack } from './outbound/outbound.ts'
import { Peer, type PeerEvent } from './peer/peer.ts'
import { type RoutesReport, Routing } from './routing.ts'
import { type SpeakerSnapshot, takeSnapshot } from './snapshot.ts'
import { listRoutes, type PrefixStory, type RouteFilter, type RouteRow, type RouteView, tellPrefix } from './story.ts'
import type { IncomingConnection, Listener, Timer, World } from './world.ts'

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
}

const noPeers: ApplyReport['peers'] = { added: [], removed: [], reset: [], changed: [] }

/** A listening address and, when it could not be taken, why. */
interface Listening {
  readonly declaration: ListenDeclaration
  listener?: Listener
  problem?: string
  retry?: Timer
}

/** A port may be freed, an address may appear (IPv6 addresses are tentative for a moment): it is tried again. */
const listenRetryMs = 2000

export class Speaker {
  readonly #world: World
  readonly #routing: Routing
  readonly #peers = new Map<string, Peer>()
  readonly #listening = new Map<string, Listening>()
  readonly #listeners = new Set<(event: PeerEvent) => void>()
  readonly #heldBackListeners = new Set<(news: HeldBack) => void>()
  #local: LocalDeclaration | undefined
  #declared: readonly PeerDeclaration[] | undefined
  #stopped = false

  constructor(world: World, options: SpeakerOptions = {}) {
    this.#world = world
    this.#routing = new Routing(world, {
      endOfRibHeld: options.endOfRibHeld ?? false,
      onHeldBack: (news) => this.#heldBack(news),
    })
  }

  /** Makes `desired` so. Returns what it changed; sessions and routes follow in their own time. */
  apply(desired: Desired): ApplyReport {
    return this.#apply(desired, () => this.#routing.setRoutes(desired.routes))
  }

  /** Makes a change so that costs what changed, whatever else there is. Ends where `apply` with the whole would. */
  change(change: DesiredChange): ApplyReport {
    return this.#apply(change, () => this.#routing.changeRoutes(change.set, change.withdrawn))
  }

  #apply(desired: Pick<Desired, 'local' | 'peers'>, setRoutes: () => RoutesReport): ApplyReport {
    if (this.#stopped) throw new Error('the speaker is stopped')
    const before = this.#local
    const sameLocal = before === desired.local
    this.#local = desired.local
    if (!sameLocal) this.#routing.setLocal(desired.local)
    const routes = setRoutes()
    const peers = sameLocal && this.#declared === desired.peers ? noPeers : this.#applyPeers(before, desired)
    this.#declared = desired.peers
    if (!sameLocal) this.#applyListeners(desired.local.listen)
    return { peers, routes }
  }

  releaseEndOfRib(): void {
    this.#routing.outbound.releaseEndOfRib()
  }

  snapshot(): SpeakerSnapshot {
    const listening = [...this.#listening.values()].map(({ declaration, listener, problem }) => ({
      address: formatAddress(declaration.address),
      port: listener?.endpoint.port ?? declaration.port,
      ...(problem !== undefined && { problem }),
    }))
    return takeSnapshot(this.#world.clock.now(), this.#local, [...this.#peers.values()], this.#routing, listening)
  }

  routes(view: RouteView, filter: RouteFilter = {}): RouteRow[] {
    return listRoutes(this.#routing, view, filter)
  }

  explain(prefix: Prefix): PrefixStory {
    return tellPrefix(this.#routing, prefix)
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

  /** Ends every session with Cease/2 and a reason (RFC 9003), and leaves nothing behind. */
  async stop(reason = 'tandem is stopping'): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    const text = wholeCharacters(reason, 255)
    for (const peer of this.#peers.values()) {
      peer.stop('administrative shutdown', reason, Uint8Array.of(text.length, ...text))
    }
    this.#routing.stop()
    const closing = [...this.#listening.values()].map(({ listener, retry }) => {
      retry?.cancel()
      return listener?.close() ?? Promise.resolve()
    })
    this.#listening.clear()
    await Promise.all(closing)
  }

  #applyPeers(before: LocalDeclaration | undefined, desired: Pick<Desired, 'local' | 'peers'>): ApplyReport['peers'] {
    const wanted = new Map(desired.peers.map((peer) => [peer.name, peer]))
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
    const peer = new Peer(this.#world, this.#routing, local, declaration, (event) => this.#tell(event))
    this.#peers.set(declaration.name, peer)
    this.#routing.addPeer(peer)
    peer.start()
  }

  #remove(name: string, reason: 'peer de-configured' | 'other configuration change', why: string): void {
    const peer = this.#peers.get(name)
    if (!peer) return
    peer.stop(reason, why)
    this.#routing.removePeer(peer)
    this.#peers.delete(name)
  }

  /** An import policy that takes more than before needs the routes that were refused, which are not stored (RFC 2918). */
  #askAgain(peer: Peer, needed: readonly Family[]): void {
    if (needed.length === 0 || !peer.negotiated) return
    if (!peer.negotiated.routeRefresh) {
      const message = 'the import policy changed, but the peer has no route refresh: routes it sent before stay refused'
      this.#world.log.warn({ peer: peer.name }, message)
      return
    }
    for (const family of needed) {
      const { afi, safi } = familyNumbers[family]
      peer.messages.out['route-refresh']++
      peer.send(encodeMessage({ kind: 'route-refresh', afi, safi, subtype: 0 }))
    }
  }

  #applyListeners(wanted: readonly ListenDeclaration[]): void {
    const keyOf = ({ address, port }: ListenDeclaration) => `${formatAddress(address)} ${port}`
    const keys = new Set(wanted.map(keyOf))
    for (const [key, listening] of this.#listening) {
      if (keys.has(key)) continue
      this.#listening.delete(key)
      listening.retry?.cancel()
      void listening.listener?.close()
    }
    for (const declaration of wanted) {
      const key = keyOf(declaration)
      if (this.#listening.has(key)) continue
      const listening: Listening = { declaration }
      this.#listening.set(key, listening)
      void this.#listen(key, listening)
    }
  }

  /** A port that is taken is a finding: sessions that we open still come up. */
  async #listen(key: string, listening: Listening): Promise<void> {
    try {
      const listener = await this.#world.transport.listen(listening.declaration, (incoming) => this.#incoming(incoming))
      delete listening.problem
      if (this.#listening.get(key) === listening) listening.listener = listener
      else await listener.close()
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      const news = listening.problem !== problem
      listening.problem = problem
      if (news) this.#world.log.error({ listen: key, problem }, 'cannot listen: only sessions opened from here')
      if (this.#listening.get(key) !== listening) return
      listening.retry = this.#world.clock.after(listenRetryMs, () => void this.#listen(key, listening))
    }
  }

  /** A connection from an address that is no peer is closed, and nothing is kept of it. */
  #incoming(incoming: IncomingConnection): void {
    if (this.#stopped) return
    const { address, zone } = incoming.remote
    const peer = this.#peerFrom(address, zone)
    if (peer) peer.accept(incoming)
    else this.#world.log.debug({ remote: formatAddress(address) }, 'connection from an address that is no peer')
  }

  #peerFrom(address: Address, zone: string | undefined): Peer | undefined {
    const text = formatAddress(address)
    return [...this.#peers.values()].find(
      ({ declaration }) =>
        formatAddress(declaration.address) === text && (!declaration.zone || declaration.zone === zone),
    )
  }

  #heldBack(news: HeldBack): void {
    const { peer, family, held, limit } = news
    const message =
      held > 0 ? `held back: this peer is sent ${limit} routes of the family at most` : 'none is held back any more'
    this.#world.log.warn({ peer, family, held, limit }, message)
    for (const listener of this.#heldBackListeners) listener(news)
  }

  #tell(event: PeerEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#world.log.error({ err: error }, 'a listener to session events failed')
      }
    }
  }
}

/** UTF-8 of a text, cut between characters. */
function wholeCharacters(text: string, octets: number): Uint8Array {
  const bytes = new Uint8Array(octets)
  const { written } = new TextEncoder().encodeInto(text, bytes)
  return bytes.subarray(0, written)
}
