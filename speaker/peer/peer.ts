/**
 * One declared peer: the connection we open, the one it opens, and which of them lives.
 * Routes are not known here; what is received goes to the `SessionListener`, what is to be sent comes through `PeerLink`.
 */

import {
  type Address,
  describeNotification,
  familyOf,
  type Message,
  type Negotiated,
  type Notification,
  type Reason,
  shutdownCommunication,
} from 'bgp-ts'
import type { LocalDeclaration, PeerDeclaration } from '../desired.ts'
import type { PeerLink, SessionListener } from '../peer-link.ts'
import { sameSecret } from '../secret.ts'
import type { IncomingConnection, World } from '../world.ts'
import { loser, type Role } from './collision.ts'
import type { MachineConfig, State, StateName } from './fsm.ts'
import { Session, type SessionOwner } from './session.ts'
import { changedOptions, socketOptions } from './transport-terms.ts'

export interface NotificationRecord {
  readonly at: number
  readonly code: number
  readonly subcode: number
  /** e.g. `administrative shutdown (6/2), "maintenance"`. */
  readonly text: string
}

type Counts = Record<Message['kind'], number>
const noCounts = (): Counts => ({ open: 0, update: 0, notification: 0, keepalive: 0, 'route-refresh': 0 })

export type PeerEvent =
  | { readonly kind: 'up'; readonly peer: string; readonly negotiated: Negotiated }
  | { readonly kind: 'down'; readonly peer: string; readonly why: string; readonly established: boolean }

export class Peer implements PeerLink {
  readonly #world: World
  readonly #routing: SessionListener
  readonly #onEvent: (event: PeerEvent) => void
  readonly #outbound: Session
  #inbound: Session | undefined
  #declaration: PeerDeclaration
  #local: LocalDeclaration
  #negotiated: Negotiated | undefined
  /** False for the attempt after a peer refused our capabilities (RFC 5492 section 3). */
  #withCapabilities = true
  /** Whether the last OPEN of each connection carried them. */
  readonly #offered: Record<Role, boolean> = { outbound: true, inbound: true }
  #stopping = false

  readonly messages = { in: noCounts(), out: noCounts() }
  since: number
  flaps = 0
  lastDown: { readonly at: number; readonly why: string } | undefined
  lastReceived: NotificationRecord | undefined
  lastSent: NotificationRecord | undefined

  constructor(
    world: World,
    routing: SessionListener,
    local: LocalDeclaration,
    declaration: PeerDeclaration,
    onEvent: (event: PeerEvent) => void,
  ) {
    this.#world = world
    this.#routing = routing
    this.#local = local
    this.#declaration = declaration
    this.#onEvent = onEvent
    this.since = world.clock.now()
    this.#outbound = new Session(world, this.#owner('outbound'))
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

  get queuedBytes(): number {
    return this.#live?.connection?.queuedBytes ?? 0
  }

  /** The further of the two connections. */
  get state(): StateName {
    const order: readonly StateName[] = ['Idle', 'Active', 'Connect', 'OpenSent', 'OpenConfirm', 'Established']
    const names = [this.#outbound, this.#inbound].map((session) => session?.state.name ?? 'Idle')
    return order[Math.max(...names.map((name) => order.indexOf(name)))]!
  }

  send(bytes: Uint8Array): boolean {
    return this.#live?.send(bytes) ?? false
  }

  start(): void {
    if (this.#declaration.blocked === undefined) this.#outbound.handle({ kind: 'start' })
  }

  /** What can change on a live session: policies and the like. The caller has checked that nothing else did. */
  redeclare(local: LocalDeclaration, declaration: PeerDeclaration): void {
    const before = this.#declaration
    const mayDial = before.passive && !declaration.passive
    this.#local = local
    this.#declaration = declaration
    this.#tune(before, declaration)
    if (mayDial) this.#outbound.handle({ kind: 'timer', timer: 'connect-retry' })
  }

  /** Ends both connections for good. */
  stop(reason: Reason, why: string, data?: Uint8Array): void {
    this.#stopping = true
    for (const session of [this.#inbound, this.#outbound]) {
      session?.handle({ kind: 'stop', reason, why, ...(data && { data }) })
    }
  }

  /** Ends what is up with `reason` and begins anew. */
  reset(reason: Reason, why: string): void {
    for (const session of [this.#inbound, this.#outbound]) session?.handle({ kind: 'reset', reason, why })
  }

  /** Takes a connection from this peer's address, unless one of that direction is there, or the peer may not come up. */
  accept(incoming: IncomingConnection): void {
    if (this.#declaration.blocked !== undefined || this.#stopping) return
    // One that has said nothing yet must not keep the next one out: the peer may have begun anew.
    if (this.#inbound?.state.name === 'OpenSent') this.#inbound.handle({ kind: 'stop', why: 'another connection came' })
    if (this.#inbound) return
    this.#inbound = new Session(this.#world, this.#owner('inbound'))
    const { password } = this.#declaration
    try {
      this.#inbound.adopt((handlers) => incoming.accept(handlers, socketOptions(this.#declaration), password))
    } catch (error) {
      this.#inbound = undefined
      this.#world.log.error({ peer: this.name, err: error }, 'a connection could not be given its socket options')
    }
  }

  /** New keys and hops for connections that are open: neither needs another session. */
  #tune(before: PeerDeclaration, after: PeerDeclaration): void {
    const options = changedOptions(before, after)
    const password = sameSecret(before.password, after.password) ? undefined : after.password
    if (!options && !password) return
    for (const session of [this.#inbound, this.#outbound]) {
      try {
        session?.connection?.tune(options ?? {}, password)
      } catch (error) {
        this.#world.log.error({ peer: this.name, err: error }, 'the connection could not be changed: it is made anew')
        session?.handle({ kind: 'reset', reason: 'other configuration change', why: 'socket options changed' })
      }
    }
  }

  get #live(): Session | undefined {
    return [this.#outbound, this.#inbound].find((session) => session?.state.name === 'Established')
  }

  #config(role: Role): MachineConfig {
    const { asn, localAsn, holdTime, families, connectRetry, passive } = this.#declaration
    return {
      open: {
        asn: localAsn ?? this.#local.asn,
        routerId: this.#local.routerId,
        holdTime,
        families,
        peerAsn: asn,
        capabilities: this.#withCapabilities,
      },
      connectRetry,
      passive: passive || role === 'inbound',
    }
  }

  #owner(role: Role): SessionOwner {
    return {
      config: () => this.#config(role),
      dial: (handlers) => {
        const { address, zone, port, localAddress, password } = this.#declaration
        const target = {
          remote: { address, port, ...(zone && { zone }) },
          options: socketOptions(this.#declaration),
          ...(localAddress && { localAddress }),
          ...(password && { password }),
        }
        return this.#world.transport.dial(target, handlers)
      },
      moved: (from, to) => this.#moved(role, from, to),
      up: (negotiated) => this.#up(role, negotiated),
      down: (why, established) => this.#down(why, established),
      update: (bytes, at, end) => this.#routing.update(this, bytes, at, end),
      deliver: (message) => this.#deliver(message),
      drained: () => this.#routing.drained(this),
      counted: (direction, kind) => this.messages[direction][kind]++,
      notified: (direction, message) => this.#notified(role, direction, message),
    }
  }

  #moved(role: Role, from: State, to: State): void {
    if (to.name === 'OpenSent') this.#offered[role] = this.#withCapabilities
    if (to.name === 'OpenConfirm' && from.name === 'OpenSent') this.#settleCollision(role, to)
    // An accepted connection that fell is forgotten: waiting and dialling is the other one's part.
    if (role === 'inbound' && (to.name === 'Active' || to.name === 'Idle')) {
      this.#inbound = undefined
      if (!this.#stopping) this.#outbound.handle({ kind: 'start' })
    }
  }

  #settleCollision(arrived: Role, state: State & { negotiated: Negotiated }): void {
    const other = arrived === 'inbound' ? this.#outbound : this.#inbound
    const { localAsn, peerAsn, peerRouterId } = state.negotiated
    const local = { routerId: this.#local.routerId, asn: localAsn }
    const gone = loser(arrived, other?.state.name ?? 'Idle', local, { routerId: peerRouterId, asn: peerAsn })
    if (!gone) return
    const session = gone === 'inbound' ? this.#inbound : this.#outbound
    session?.handle({ kind: 'stop', reason: 'connection collision resolution', why: 'connection collision' })
  }

  #up(role: Role, negotiated: Negotiated): void {
    this.#negotiated = negotiated
    this.#withCapabilities = true
    this.since = this.#world.clock.now()
    // Nothing else is tried while a session is up.
    const other = role === 'inbound' ? this.#outbound : this.#inbound
    other?.handle({ kind: 'stop', reason: 'connection collision resolution', why: 'another connection is up' })
    this.#routing.sessionUp(this, negotiated)
    this.#onEvent({ kind: 'up', peer: this.name, negotiated })
  }

  #down(why: string, established: boolean): void {
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
      this.#routing.sessionDown(this)
    }
    this.#onEvent({ kind: 'down', peer: this.name, why: reason, established })
  }

  #deliver(message: Message): void {
    if (message.kind !== 'route-refresh') return
    const family = familyOf(message.afi, message.safi)
    // RFC 2918 section 4: a family that was not negotiated is ignored; so is a subtype that we do not know (RFC 7313 section 5).
    if (family && message.subtype === 0 && this.#negotiated?.families.includes(family))
      this.#routing.refresh(this, family)
  }

  #notified(role: Role, direction: 'in' | 'out', message: Notification): void {
    const { code, subcode } = message
    const said = shutdownCommunication(message)
    const text = `${describeNotification(code, subcode)}${said ? `, "${said}"` : ''}`
    const record = { at: this.#world.clock.now(), code, subcode, text }
    if (direction === 'out') this.lastSent = record
    else this.lastReceived = record
    const unsupported = code === 2 && (subcode === 4 || subcode === 7)
    if (direction === 'in' && unsupported) this.#withCapabilities = !this.#offered[role]
  }
}
