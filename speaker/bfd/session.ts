/**
 * One BFD session (RFC 5880 section 6.8): the state variables under their own names, and what happens to them. It owns no socket, no
 * timer and no clock: it is told the time, says when it wants to be told again, and sends through its owner. Times are in milliseconds.
 *
 * The interval that is said in packets and the one that is in use differ while a Poll Sequence is on its way (section 6.8.3).
 */

import { type ControlPacket, diagnostic, type SessionState } from './packet.ts'

/** What an operator sets: intervals in milliseconds, both at least 1; multiplier from 1 to 255. */
export interface SessionTimers {
  readonly minTx: number
  readonly minRx: number
  readonly multiplier: number
}

export interface SessionOwner {
  /** Sends what `compose` writes, now. */
  transmit(session: Session, final: boolean): void
  /** The state here or at the other end is another one. */
  changed(session: Session): void
}

/** RFC 5880 section 6.8.3: no more often than this until the session is up. */
const slowestStart = 1000
/** Milliseconds. */
export const latenessBounds: readonly number[] = [1, 2, 5, 10, 20, 50, 100]
const never = Number.POSITIVE_INFINITY

export class Session {
  readonly #owner: SessionOwner
  readonly #random: () => number
  readonly localDiscriminator: number
  remoteDiscriminator = 0
  state: SessionState = 'Down'
  remoteState: SessionState = 'Down'
  localDiagnostic: number = diagnostic.none
  remoteDiagnostic: number = diagnostic.none
  #timers: SessionTimers
  /** Said in packets. */
  desiredMinTx: number
  requiredMinRx: number
  /** In use: the same, unless a Poll Sequence has to end first. */
  #activeMinTx: number
  #activeMinRx: number
  remoteMinTx = 0
  /** RFC 5880 section 6.8.1: 1 microsecond until the other end has said something. 0: it wants no periodic packets. */
  remoteMinRx = 0.001
  remoteMultiplier = 0
  #remoteDemand = false
  #polling = false
  /** Whether what is to be agreed on has been said: a Final that comes before speaks of what was said earlier. */
  #pollSaid = false
  #lastTransmit = Number.NEGATIVE_INFINITY
  #lastReceived = 0
  transmitAt: number
  detectAt = never
  packetsIn = 0
  packetsOut = 0
  /** By how many milliseconds the latest periodic packet was late. */
  worstLateness = 0
  /** Periodic packets, by the first of `latenessBounds` that they were not late by. */
  readonly lateness = new Uint32Array(latenessBounds.length + 1)

  constructor(
    localDiscriminator: number,
    timers: SessionTimers,
    now: number,
    random: () => number,
    owner: SessionOwner,
  ) {
    this.localDiscriminator = localDiscriminator
    this.#timers = timers
    this.#random = random
    this.#owner = owner
    this.desiredMinTx = Math.max(slowestStart, timers.minTx)
    this.requiredMinRx = timers.minRx
    this.#activeMinTx = this.desiredMinTx
    this.#activeMinRx = this.requiredMinRx
    this.transmitAt = now
  }

  get polling(): boolean {
    return this.#polling
  }

  get multiplier(): number {
    return this.#timers.multiplier
  }

  /** RFC 5880 section 6.8.2: the slower of what we like to send and the other end is able to take; without jitter. */
  get transmitInterval(): number {
    return Math.max(this.#activeMinTx, this.remoteMinRx)
  }

  /** RFC 5880 section 6.8.4. */
  get detectionTime(): number {
    return this.remoteMultiplier * Math.max(this.#activeMinRx, this.remoteMinTx)
  }

  /** When `due` has something to do. */
  get nextDue(): number {
    return Math.min(this.transmitAt, this.detectAt)
  }

  /** Takes a packet that was found to be valid and to be of this session (RFC 5880 section 6.8.6). */
  receive(packet: ControlPacket, now: number): void {
    const [wasInterval, wasRemoteState] = [this.transmitInterval, this.remoteState]
    const wasSilent = this.transmitAt === never
    this.packetsIn++
    this.remoteDiscriminator = packet.myDiscriminator
    this.remoteState = packet.state
    this.remoteDiagnostic = packet.diagnostic
    this.#remoteDemand = packet.demand
    this.remoteMinRx = packet.requiredMinRx / 1000
    this.remoteMinTx = packet.desiredMinTx / 1000
    this.remoteMultiplier = packet.multiplier
    if (packet.final && this.#polling && this.#pollSaid) this.#pollEnded()
    if (this.state === 'AdminDown') return
    this.#lastReceived = now
    this.detectAt = now + this.detectionTime
    const next = afterPacket(this.state, packet.state)
    const moved = next !== this.state
    if (moved) this.#enter(next, next === 'Down' ? diagnostic.neighbourSignalledDown : diagnostic.none, now)
    // The answer to a Poll says the new state too: another packet would say it twice.
    if (packet.poll) this.#owner.transmit(this, true)
    else if (moved) this.#transmitNow(now)
    if (this.transmitInterval !== wasInterval || wasSilent || this.#isSilent) this.#schedule(now)
    if (moved || this.remoteState !== wasRemoteState) this.#owner.changed(this)
  }

  /** Does what has become due: a periodic packet, the end of the detection time. */
  due(now: number): void {
    if (now >= this.detectAt) this.#expire(now)
    if (now < this.transmitAt) return
    this.#noteLateness(now - this.transmitAt)
    this.#transmitNow(now)
  }

  /** Takes other timers. While the session is up they come into use by a Poll Sequence (RFC 5880 section 6.8.3). */
  update(timers: SessionTimers, now: number): void {
    this.#timers = timers
    this.#sayIntervals()
    this.#detectAnew()
    this.#schedule(now)
  }

  /** RFC 5880 section 6.8.16: says that it is down on purpose, which is no failure. */
  disable(now: number): void {
    if (this.state === 'AdminDown') return
    this.#enter('AdminDown', diagnostic.administrativelyDown, now)
    this.detectAt = never
    this.#transmitNow(now)
    this.#owner.changed(this)
  }

  /** The packet to send next; `final` answers a Poll, and never polls itself. */
  compose(packet: ControlPacket, final: boolean): void {
    packet.diagnostic = this.localDiagnostic
    packet.state = this.state
    packet.poll = this.#polling && !final
    packet.final = final
    packet.demand = false
    packet.multiplier = this.#timers.multiplier
    packet.myDiscriminator = this.localDiscriminator
    packet.yourDiscriminator = this.remoteDiscriminator
    packet.desiredMinTx = Math.round(this.desiredMinTx * 1000)
    packet.requiredMinRx = Math.round(this.requiredMinRx * 1000)
    if (packet.poll) this.#pollSaid = true
    this.packetsOut++
  }

  /** RFC 5880 section 6.8.7: when nothing is sent periodically, by the wish of the other end. */
  get #isSilent(): boolean {
    if (this.remoteMinRx === 0) return true
    return this.#remoteDemand && this.state === 'Up' && this.remoteState === 'Up' && !this.#polling
  }

  #noteLateness(late: number): void {
    this.worstLateness = Math.max(this.worstLateness, late)
    let bucket = 0
    while (bucket < latenessBounds.length && late >= latenessBounds[bucket]!) bucket++
    this.lateness[bucket]!++
  }

  #transmitNow(now: number): void {
    this.#owner.transmit(this, false)
    this.#lastTransmit = now
    this.#schedule(now)
  }

  /** The next periodic packet, counted from the last one: an interval that shrank takes effect at once. */
  #schedule(now: number): void {
    const wait = this.transmitInterval * jitter(this.#timers.multiplier, this.#random())
    this.transmitAt = this.#isSilent ? never : Math.max(now, this.#lastTransmit + wait)
  }

  /** RFC 5880 section 6.8.4; what was known of the other end is not known any more (section 6.8.1). */
  #expire(now: number): void {
    const failed = this.state === 'Init' || this.state === 'Up'
    const wasRemoteState = this.remoteState
    this.detectAt = never
    this.remoteDiscriminator = 0
    this.remoteState = 'Down'
    this.remoteMinTx = 0
    this.remoteMinRx = 0.001
    this.remoteMultiplier = 0
    this.#remoteDemand = false
    if (failed) this.#enter('Down', diagnostic.detectionTimeExpired, now)
    if (failed) this.#transmitNow(now)
    else this.#schedule(now)
    if (failed || wasRemoteState !== this.remoteState) this.#owner.changed(this)
  }

  #enter(state: SessionState, why: number, now: number): void {
    this.state = state
    this.localDiagnostic = why
    this.#sayIntervals()
    this.#detectAnew()
    this.#schedule(now)
  }

  /** Says the intervals that belong to the state and the settings; any change of them is made by a Poll Sequence. */
  #sayIntervals(): void {
    const minTx = this.state === 'Up' ? this.#timers.minTx : Math.max(slowestStart, this.#timers.minTx)
    const { minRx } = this.#timers
    if (minTx !== this.desiredMinTx || minRx !== this.requiredMinRx) {
      this.#polling = true
      this.#pollSaid = false
    }
    this.desiredMinTx = minTx
    this.requiredMinRx = minRx
    // Faster sending and more patience harm nobody; the contrary waits until the other end has heard of it.
    if (this.state !== 'Up' || minTx < this.#activeMinTx) this.#activeMinTx = minTx
    if (this.state !== 'Up' || minRx > this.#activeMinRx) this.#activeMinRx = minRx
  }

  #pollEnded(): void {
    this.#polling = false
    this.#activeMinTx = this.desiredMinTx
    this.#activeMinRx = this.requiredMinRx
  }

  #detectAnew(): void {
    if (this.detectAt !== never) this.detectAt = this.#lastReceived + this.detectionTime
  }
}

/** RFC 5880 section 6.8.6, the state machine of section 6.2: the state after a packet that says `remote`. */
export function afterPacket(local: SessionState, remote: SessionState): SessionState {
  switch (local) {
    case 'AdminDown':
      return 'AdminDown'
    case 'Down':
      if (remote === 'Down') return 'Init'
      return remote === 'Init' ? 'Up' : 'Down'
    case 'Init':
      if (remote === 'AdminDown') return 'Down'
      return remote === 'Down' ? 'Init' : 'Up'
    case 'Up':
      return remote === 'Down' || remote === 'AdminDown' ? 'Down' : 'Up'
  }
}

/** RFC 5880 section 6.8.7: 75 to 100 percent of the interval; at most 90 where one lost packet is the end of the session. */
export function jitter(multiplier: number, random: number): number {
  return (multiplier === 1 ? 0.9 : 1) - (multiplier === 1 ? 0.15 : 0.25) * random
}
