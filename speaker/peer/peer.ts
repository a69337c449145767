/**
 * One declared peer: the connection we open, the one it opens, and which of them lives.
 * Routes are not known here; what is received goes to the `SessionListener`, what is to be sent comes through `PeerLink`.
 */

import {
  type Address,
  type Fault,
  familyOf,
  formatNotification,
  type Message,
  type Negotiated,
  type Notification,
  type OfferedRestart,
  type Reason,
} from 'bgp-ts'
import type { LocalDeclaration, PeerDeclaration, RestartDeclaration } from '../desired.ts'
import { Malformed } from '../malformed.ts'
import type { PeerLink, SessionListener } from '../peer-link.ts'
import { sameSecret } from '../secret.ts'
import type { IncomingConnection, Timer, World } from '../world.ts'
import { loser, type Role } from './collision.ts'
import { furthest, type MachineConfig, type State, type StateName, usualSendHold } from './fsm.ts'
import { Liveness } from './liveness.ts'
import { type NotificationRecord, noCounts, type PeerEvent } from './peer-news.ts'
import { type Conversation, Session, type SessionEnding, type SessionOwner } from './session.ts'
import { changedOptions, socketOptions } from './transport-terms.ts'

/** Two connections that were opened at once have both arrived by then. */
const collisionMs = 1000

export class Peer implements PeerLink {
  readonly #world: World
  readonly #routing: SessionListener
  readonly #onEvent: (event: PeerEvent) => void
  readonly #outbound: Session
  #inbound: Session | undefined
  /** An accepted session that is up, while another one is tried that may show that the peer has restarted. */
  #elder: Session | undefined
  #declaration: PeerDeclaration
  #local: LocalDeclaration
  #negotiated: Negotiated | undefined
  /** False for the attempt after a peer refused our capabilities (RFC 5492 section 3). */
  #withCapabilities = true
  /** Whether the last OPEN of each connection carried them. */
  readonly #offered: Record<Role, boolean> = { outbound: true, inbound: true }
  #stopping = false
  /** When the last connection was accepted. */
  #adoptedAt = 0
  /** There was a session with this peer since the process started, under this declaration or another. */
  #wasUp: boolean
  /** Why nothing is tried for now. */
  #heldDown: string | undefined
  #release: Timer | undefined

  readonly bfd: Liveness
  readonly malformed = new Malformed()
  readonly messages = { in: noCounts(), out: noCounts() }
  since: number
  flaps = 0
  /** How the last session that was up ended. */
  lastEnding: SessionEnding | undefined
  lastDown: { readonly at: number; readonly why: string } | undefined
  lastReceived: NotificationRecord | undefined
  lastSent: NotificationRecord | undefined

  constructor(
    world: World,
    routing: SessionListener,
    local: LocalDeclaration,
    declaration: PeerDeclaration,
    onEvent: (event: PeerEvent) => void,
    wasUp: boolean,
  ) {
    this.#world = world
    this.#routing = routing
    this.#local = local
    this.#declaration = declaration
    this.#onEvent = onEvent
    this.#wasUp = wasUp
    this.since = world.clock.now()
    this.#outbound = new Session(
      world,
      this.#owner('outbound', () => this.#outbound),
    )
    this.bfd = new Liveness(world, {
      failed: (why) => this.#pathFailed(why),
      ready: () => this.#pathReady(),
    })
  }

  get name(): string {
    return this.#declaration.name
  }

  get declaration(): PeerDeclaration {
    return this.#declaration
  }

  get negotiated(): Negotiated | undefined {
    return this.#negotiated
  }

  get localAddress(): Address | undefined {
    return this.#live?.connection?.local.address
  }

  /** Of the session that is up. */
  get conversation(): Conversation | undefined {
    return this.#live?.conversation
  }

  get queuedBytes(): number {
    return this.#live?.connection?.queuedBytes ?? 0
  }

  /** The further of the two connections. */
  get state(): StateName {
    return furthest(this.#sessions.map((session) => session.state.name))
  }

  send(bytes: Uint8Array): boolean {
    return this.#live?.send(bytes) ?? false
  }

  start(): void {
    if (this.#stopping) return
    this.bfd.follow(this.#declaration)
    if (this.#mayComeUp) this.#outbound.handle({ kind: 'start' })
  }

  /** What can change on a live session: policies and the like. The caller has checked that nothing else did. */
  redeclare(local: LocalDeclaration, declaration: PeerDeclaration): void {
    const before = this.#declaration
    const mayDial = before.passive && !declaration.passive
    this.#local = local
    this.#declaration = declaration
    this.#tune(before, declaration)
    if (JSON.stringify(before.maxPrefixes) !== JSON.stringify(declaration.maxPrefixes)) this.#letUp()
    if (mayDial) this.#outbound.handle({ kind: 'timer', timer: 'connect-retry' })
    this.bfd.follow(declaration)
    if (this.state === 'Idle') this.start()
  }

  /** Ends both connections for good. */
  stop(reason: Reason | undefined, why: string, data?: Uint8Array): void {
    this.#stopping = true
    this.#release?.cancel()
    for (const session of this.#sessions) {
      session.handle({ kind: 'stop', why, ...(reason && { reason }), ...(data && { data }) })
    }
    this.bfd.stop()
  }

  get heldDown(): string | undefined {
    return this.#heldDown
  }

  /** Whether the peer keeps our routes when the session ends in silence. */
  get awaitsOurReturn(): boolean {
    return this.#negotiated?.gracefulRestart !== undefined
  }

  /** Ends what is up with `reason` and begins anew. */
  reset(reason: Reason, why: string): void {
    for (const session of this.#sessions) session.handle({ kind: 'reset', reason, why })
  }

  /** Takes a connection from this peer's address, unless one of that direction is there, or the peer may not come up. */
  accept(incoming: IncomingConnection): void {
    if (!this.#mayComeUp) return
    // One that has said nothing yet must not keep the next one out: the peer may have begun anew.
    if (this.#inbound?.state.name === 'OpenSent') this.#inbound.handle({ kind: 'stop', why: 'another connection came' })
    this.#adoptedAt = this.#world.clock.now()
    if (this.#inbound && (this.#elder || !this.#hasRestarted(this.#inbound))) return
    this.#elder = this.#inbound
    const inbound: Session = new Session(
      this.#world,
      this.#owner('inbound', () => inbound),
    )
    this.#inbound = inbound
    const { password } = this.#declaration
    try {
      inbound.adopt((handlers) => incoming.accept(handlers, socketOptions(this.#declaration), password))
    } catch (error) {
      this.#forget(inbound)
      this.#world.log.error({ peer: this.name, err: error }, 'a connection could not be given its socket options')
    }
  }

  /** New keys and hops for connections that are open: neither needs another session. */
  #tune(before: PeerDeclaration, after: PeerDeclaration): void {
    const options = changedOptions(before, after)
    const password = sameSecret(before.password, after.password) ? undefined : after.password
    if (!options && !password) return
    for (const session of this.#sessions) {
      try {
        session.connection?.tune(options ?? {}, password)
      } catch (error) {
        this.#world.log.error({ peer: this.name, err: error }, 'the connection could not be changed: it is made anew')
        session.handle({ kind: 'reset', reason: 'other configuration change', why: 'socket options changed' })
      }
    }
  }

  get #mayComeUp(): boolean {
    const held = this.#declaration.blocked ?? this.#heldDown ?? this.bfd.holdsSession
    return held === undefined && !this.#stopping
  }

  get #sessions(): Session[] {
    return [this.#elder, this.#inbound, this.#outbound].filter((session) => session !== undefined)
  }

  /** An accepted connection that fell is not tried again. */
  #forget(session: Session): void {
    if (this.#elder === session) this.#elder = undefined
    if (this.#inbound !== session) return
    this.#inbound = this.#elder
    this.#elder = undefined
  }

  get #live(): Session | undefined {
    return this.#sessions.find((session) => session?.state.name === 'Established')
  }

  #config(role: Role): MachineConfig {
    const { asn, localAsn, holdTime, families, connectRetry, passive, sendHold } = this.#declaration
    const { gracefulRestart, addPath, extendedNextHop, enhancedRefresh } = this.#declaration
    return {
      open: {
        asn: localAsn ?? this.#local.asn,
        routerId: this.#local.routerId,
        holdTime,
        families,
        peerAsn: asn,
        capabilities: this.#withCapabilities,
        ...(gracefulRestart && { gracefulRestart: this.#offeredRestart(gracefulRestart) }),
        ...(addPath && { addPath }),
        ...(extendedNextHop !== undefined && { extendedNextHop }),
        ...(enhancedRefresh !== undefined && { enhancedRefresh }),
      },
      connectRetry,
      passive: passive || role === 'inbound',
      sendHold: (negotiated) => sendHold ?? usualSendHold(negotiated),
    }
  }

  /** A session that falls while we live is no restart of ours, and forwarding went on. */
  #offeredRestart({ time, longLived }: RestartDeclaration): OfferedRestart {
    const { restart } = this.#local
    return {
      restarting: !this.#wasUp && (restart?.restarting ?? false),
      forwarding: this.#wasUp || (restart?.forwarding ?? false),
      restartTime: time,
      longLived,
    }
  }

  #owner(role: Role, self: () => Session): SessionOwner {
    return {
      config: () => this.#config(role),
      dial: (handlers) => {
        const { address, zone, port, localAddress, localPort, password } = this.#declaration
        const target = {
          remote: { address, port, ...(zone && { zone }) },
          options: socketOptions(this.#declaration),
          ...(localAddress && { localAddress }),
          ...(localPort !== undefined && { localPort }),
          ...(password && { password }),
        }
        return this.#world.transport.dial(target, handlers)
      },
      moved: (from, to) => this.#moved(role, self(), from, to),
      up: (negotiated) => this.#up(role, negotiated),
      down: (why, established, graceful) => {
        if (established) this.lastEnding = self().ending
        this.#down(why, established, graceful)
      },
      update: (bytes, at, end) => this.#update(bytes, at, end),
      deliver: (message) => this.#deliver(message),
      drained: () => this.#routing.drained(this),
      counted: (direction, kind) => this.messages[direction][kind]++,
      notified: (direction, message) => this.#notified(role, direction, message),
      malformed: (kind, text, octets) => this.malformed.note(this.#world, this.name, kind, text, octets),
    }
  }

  #moved(role: Role, session: Session, from: State, to: State): void {
    if (to.name === 'OpenSent') this.#offered[role] = this.#withCapabilities
    if (to.name === 'OpenConfirm' && from.name === 'OpenSent') this.#settleCollision(role, to)
    // An accepted connection that fell is forgotten: waiting and dialling is the other one's part.
    if (role === 'inbound' && (to.name === 'Active' || to.name === 'Idle')) {
      this.#forget(session)
      if (!this.#inbound && this.#mayComeUp) this.#outbound.handle({ kind: 'start' })
    }
  }

  /**
   * A new connection beside a session that is up: where the peer is known to restart, it has (RFC 4724 section 5).
   * Not so one that was on its way while the session came up: that is a collision.
   */
  #hasRestarted({ state }: Session): boolean {
    if (state.name !== 'Established' || this.#adoptedAt - this.since < collisionMs) return false
    return (state.negotiated.gracefulRestart?.families.length ?? 0) > 0
  }

  #settleCollision(arrived: Role, state: State & { negotiated: Negotiated }): void {
    const other = arrived === 'inbound' ? (this.#elder ?? this.#outbound) : this.#inbound
    if (other && arrived === 'inbound' && this.#hasRestarted(other)) {
      // RFC 4724 section 5: the peer has restarted before we noticed. In silence: it knows nothing of the old one.
      other.handle({ kind: 'stop', why: 'the peer has restarted' })
      return
    }
    const { localAsn, peerAsn, peerRouterId } = state.negotiated
    const local = { routerId: this.#local.routerId, asn: localAsn }
    const gone = loser(arrived, other?.state.name ?? 'Idle', local, { routerId: peerRouterId, asn: peerAsn })
    if (!gone) return
    const session = gone === 'inbound' ? this.#inbound : this.#outbound
    session?.handle({ kind: 'stop', reason: 'connection collision resolution', why: 'connection collision' })
  }

  #up(role: Role, negotiated: Negotiated): void {
    this.#negotiated = negotiated
    this.#wasUp = true
    this.#withCapabilities = true
    this.since = this.#world.clock.now()
    // Nothing else is tried while a session is up.
    const other = role === 'inbound' ? this.#outbound : this.#inbound
    other?.handle({ kind: 'stop', reason: 'connection collision resolution', why: 'another connection is up' })
    this.#routing.sessionUp(this, negotiated)
    this.#onEvent({ kind: 'up', peer: this.name, negotiated })
  }

  #update(bytes: Uint8Array, at: number, end: number): Fault | undefined {
    const wrong = this.#routing.update(this, bytes, at, end)
    if (wrong && wrong.code === 6 && wrong.subcode === 1) this.#holdDown(wrong.text)
    return wrong
  }

  /** A peer that sent more than it may is left alone for the time that was set, or until it is declared anew (RFC 4486 section 4). */
  #holdDown(why: string): void {
    const { restartAfter } = this.#declaration.maxPrefixes ?? {}
    this.#heldDown = why
    // After this message: the fault still ends the session with its NOTIFICATION.
    this.#world.clock.after(0, () => {
      if (this.#heldDown !== undefined) for (const session of this.#sessions) session.handle({ kind: 'stop', why })
    })
    if (restartAfter === undefined) return
    this.#release = this.#world.clock.after(restartAfter * 1000, () => this.#letUp())
  }

  #letUp(): void {
    if (this.#heldDown === undefined) return
    this.#release?.cancel()
    this.#heldDown = undefined
    this.start()
  }

  #down(why: string, established: boolean, graceful: boolean): void {
    // The end of a second connection is no news while the first one is up.
    if (!established && this.#live) return
    const received = this.lastReceived
    const now = this.#world.clock.now()
    const reason = why === 'NOTIFICATION received' && received ? `peer sent ${received.text}` : why
    this.lastDown = { at: now, why: reason }
    if (established) {
      this.#negotiated = undefined
      this.since = now
      this.flaps++
      this.#routing.sessionDown(this, graceful && !this.#stopping)
    }
    this.#onEvent({ kind: 'down', peer: this.name, why: reason, established, graceful })
  }

  /** RFC 5882 section 4.1 and 9384: at once, whatever the hold timer has left. */
  #pathFailed(why: string): void {
    if (this.bfd.isStrict) {
      for (const session of this.#sessions) session.handle({ kind: 'stop', reason: 'BFD down', why })
    } else if (!['Idle', 'Connect', 'Active'].includes(this.state)) this.reset('BFD down', why)
  }

  /** What waits for a retry, or for an answer from before the failure, need not wait any longer. */
  #pathReady(): void {
    if (this.state === 'Idle') this.start()
    if (this.state === 'Connect' && this.bfd.hasFailed) this.#outbound.handle({ kind: 'timer', timer: 'connect-retry' })
    if (this.state === 'Active') this.#outbound.handle({ kind: 'timer', timer: 'connect-retry' })
  }

  #deliver(message: Message): void {
    if (message.kind !== 'route-refresh') return
    const family = familyOf(message.afi, message.safi)
    // RFC 2918 section 4: a family that was not negotiated is ignored; so is a subtype that we do not know (RFC 7313 section 5).
    if (!family || !this.#negotiated?.families.includes(family)) return
    if (message.subtype === 0) this.#routing.refresh(this, family)
    else if (!this.#negotiated.enhancedRefresh) return
    else if (message.subtype === 1) this.#routing.refreshBegins(this, family)
    else if (message.subtype === 2) this.#routing.refreshEnds(this, family)
  }

  #notified(role: Role, direction: 'in' | 'out', message: Notification): void {
    const { code, subcode } = message
    const record = { at: this.#world.clock.now(), code, subcode, text: formatNotification(message) }
    if (direction === 'out') this.lastSent = record
    else this.lastReceived = record
    const unsupported = code === 2 && (subcode === 4 || subcode === 7)
    if (direction === 'in' && unsupported) this.#withCapabilities = !this.#offered[role]
  }
}
