/**
 * All BFD sessions of a speaker: which one a packet belongs to (RFC 5881 section 3, 5883 section 3), and what is due when. It is handed
 * packets and the time, and sends through its link, so that it runs in a thread with sockets as well as on a virtual clock.
 */

import { type ControlPacket, type Discard, emptyPacket, packetLength, readPacket, writePacket } from './packet.ts'
import { Session, type SessionOwner, type SessionTimers } from './session.ts'

/** Where a packet came from, as words: no object is made for one. `scope` is the index of the interface of a link-local address, else 0. */
export interface Source {
  version: 4 | 6
  w0: number
  w1: number
  w2: number
  w3: number
  scope: number
  /** UDP port that it was sent to: tells single hop from multihop, and so whether the hop limit was checked. */
  port: number
}

/** One watched path. `Path` is what the link needs for sending. */
export interface Watched<Path> {
  readonly session: Session
  /** The link may learn the index of the interface later, and anew. */
  readonly from: Source
  readonly path: Path
  /** Packets of this source that were found not to be valid, and what was wrong with the last one. */
  discarded: number
  lastDiscard: Discard | undefined
  /** Once it has been removed: when it begins to say AdminDown, and how long it does. */
  leavesAt: number
  goneAt: number
}

export interface EngineLink<Path> {
  /** `bytes` are only valid during the call. */
  send(watched: Watched<Path>, bytes: Uint8Array): void
  changed(watched: Watched<Path>): void
  /** Nothing will be sent on it any more. */
  ended(watched: Watched<Path>): void
}

const never = Number.POSITIVE_INFINITY

/**
 * Between the end of a session and its AdminDown. What rests on the session ends at the same moment, and says why; routers that take an
 * AdminDown for a failure, as BIRD and FRR do, must have heard that by then, or they stay away for as long as after a failure.
 */
export const farewellMs = 30

export class Engine<Path> {
  readonly #random: () => number
  readonly #link: EngineLink<Path>
  readonly #watched: Watched<Path>[] = []
  readonly #byDiscriminator = new Map<number, Watched<Path>>()
  readonly #incoming: ControlPacket = emptyPacket()
  readonly #outgoing: ControlPacket = emptyPacket()
  readonly #bytes = new Uint8Array(packetLength)

  constructor(random: () => number, link: EngineLink<Path>) {
    this.#random = random
    this.#link = link
  }

  get watched(): readonly Watched<Path>[] {
    return this.#watched
  }

  /** Begins a session, in place of one with the same source. */
  add(from: Source, path: Path, timers: SessionTimers, now: number): Watched<Path> {
    const same = this.#watched.find((one) => isFrom(one, from))
    if (same) {
      same.session.disable(now)
      this.drop(same)
    }
    const owner: SessionOwner = {
      transmit: (session, final) => {
        session.compose(this.#outgoing, final)
        writePacket(this.#outgoing, this.#bytes)
        this.#link.send(watched, this.#bytes)
      },
      changed: () => this.#link.changed(watched),
    }
    const session = new Session(this.#discriminator(), timers, now, this.#random, owner)
    const watched: Watched<Path> = {
      session,
      from,
      path,
      discarded: 0,
      lastDiscard: undefined,
      leavesAt: never,
      goneAt: never,
    }
    this.#watched.push(watched)
    this.#byDiscriminator.set(session.localDiscriminator, watched)
    return watched
  }

  /** Ends a session: it says AdminDown for as long as the other end may take to believe it down (RFC 5880 section 6.8.16). */
  remove(watched: Watched<Path>, now: number): void {
    if (watched.goneAt === never) watched.leavesAt = now + farewellMs
  }

  /** Ends all sessions, for each of which AdminDown is said once: there is no time for more when a process ends. */
  end(now: number): void {
    for (let at = this.#watched.length - 1; at >= 0; at--) {
      const watched = this.#watched[at]!
      watched.session.disable(now)
      this.drop(watched)
    }
  }

  drop(watched: Watched<Path>): void {
    const at = this.#watched.indexOf(watched)
    if (at < 0) return
    this.#watched.splice(at, 1)
    this.#byDiscriminator.delete(watched.session.localDiscriminator)
    this.#link.ended(watched)
  }

  /** Takes the first `length` octets of `bytes` as one packet. What is not valid, or of no session, is discarded without an answer. */
  receive(bytes: Uint8Array, length: number, from: Readonly<Source>, now: number): void {
    const packet = this.#incoming
    const discard = readPacket(bytes, length, packet)
    if (discard !== undefined) {
      this.#discarded(from, discard)
      return
    }
    const watched = packet.yourDiscriminator === 0 ? this.#bySource(from) : this.#bySession(packet, from)
    watched?.session.receive(packet, now)
  }

  /** Does all that is due; the time when there is something to do again. */
  run(now: number): number {
    let next = never
    for (let at = this.#watched.length - 1; at >= 0; at--) {
      const watched = this.#watched[at]!
      if (now >= watched.goneAt) {
        this.drop(watched)
        continue
      }
      const { session } = watched
      if (now >= watched.leavesAt) this.#leave(watched, now)
      session.due(now)
      next = Math.min(next, session.nextDue, watched.leavesAt, watched.goneAt)
    }
    return next
  }

  #leave(watched: Watched<Path>, now: number): void {
    const { session } = watched
    session.disable(now)
    watched.leavesAt = never
    watched.goneAt = now + session.multiplier * session.transmitInterval
  }

  /**
   * RFC 5880 section 6.8.6 asks for the discriminator alone. That the packet came from the watched address, and to its port, is asked
   * beyond that: else a packet that went many hops could end a session of one hop.
   */
  #bySession(packet: ControlPacket, from: Readonly<Source>): Watched<Path> | undefined {
    const watched = this.#byDiscriminator.get(packet.yourDiscriminator)
    return watched && isFrom(watched, from) ? watched : undefined
  }

  #bySource(from: Readonly<Source>): Watched<Path> | undefined {
    for (const watched of this.#watched) if (isFrom(watched, from)) return watched
    return undefined
  }

  #discarded(from: Readonly<Source>, discard: Discard): void {
    const watched = this.#bySource(from)
    if (!watched) return
    watched.discarded++
    watched.lastDiscard = discard
  }

  /** Random, so that nobody guesses it (RFC 5880 section 6.8.1); below 2^30, which V8 keeps without an allocation. */
  #discriminator(): number {
    const most = 2 ** 30 - 1
    let value = 1 + Math.floor(this.#random() * most)
    while (this.#byDiscriminator.has(value)) value = (value % most) + 1
    return value
  }
}

function isFrom({ from }: { readonly from: Readonly<Source> }, other: Readonly<Source>): boolean {
  return (
    from.w3 === other.w3 &&
    from.w0 === other.w0 &&
    from.w1 === other.w1 &&
    from.w2 === other.w2 &&
    from.version === other.version &&
    from.port === other.port &&
    (from.scope === 0 || from.scope === other.scope)
  )
}
