/**
 * One direction of a TCP connection put together from its segments, in whatever order the capture has them (RFC 9293 section 3.4).
 * Segments that came too early are held, so much and no more; then the octets between are given up as lost.
 */

/** What all directions of a capture hold together, in octets. */
export interface HeldOctets {
  held: number
  readonly limit: number
}

/**
 * `gap`: undefined where these octets continue the stream, how many are missing before them where they do not, and 0 where
 * nobody knows: the capture began in the middle. The octets are valid during the call.
 */
export type OctetsVisitor = (octets: Uint8Array, gap: number | undefined) => void

/** Further ahead or back than any window: another connection with the same ports, of which the beginning is not in the capture. */
const farAway = 64 * 1024 * 1024
const maximumSegments = 1024

interface Segment {
  readonly sequence: number
  readonly octets: Uint8Array
}

/** How far `a` is ahead of `b`; sequence numbers wrap at 2^32. */
const ahead = (a: number, b: number) => (a - b) | 0

export class TcpDirection {
  readonly #shared: HeldOctets
  /** In ascending order, all ahead of `#next`. */
  #early: Segment[] = []
  #next: number | undefined
  /** Of the SYN. */
  #begin: number | undefined
  /** Before the next octets. */
  #gap: number | undefined = 0

  constructor(shared: HeldOctets) {
    this.#shared = shared
  }

  /** A SYN: the stream begins after it, and what was held of an older one is dropped. */
  begin(sequence: number): void {
    this.#drop()
    this.#begin = sequence
    this.#next = (sequence + 1) | 0
    this.#gap = undefined
  }

  /** Whether a SYN with this sequence number is the one that began the stream, sent again. */
  isBegunBy(sequence: number): boolean {
    return this.#begin === sequence
  }

  /** Takes a segment that is not empty; visits what is in order now. */
  push(sequence: number, octets: Uint8Array, visit: OctetsVisitor): void {
    if (this.#next === undefined || Math.abs(ahead(sequence, this.#next)) > farAway) {
      this.finish(visit)
      this.#next = sequence | 0
      this.#gap = 0
    }
    if (ahead(sequence, this.#next) > 0) {
      this.#hold(sequence, octets)
      while (this.#early.length > maximumSegments || this.#shared.held > this.#shared.limit) {
        if (this.#early.length === 0) return
        this.#giveUp(visit)
      }
      return
    }
    this.#deliver(sequence, octets, visit)
    this.#catchUp(visit)
  }

  /** Nothing more comes: visits what is held, with its gaps. */
  finish(visit: OctetsVisitor): void {
    while (this.#early.length > 0) this.#giveUp(visit)
  }

  #hold(sequence: number, octets: Uint8Array): void {
    let at = this.#early.length
    while (at > 0 && ahead(this.#early[at - 1]!.sequence, sequence) > 0) at--
    // A copy: a view would keep the whole chunk of the file.
    this.#early.splice(at, 0, { sequence, octets: octets.slice() })
    this.#shared.held += octets.length
  }

  /** The octets before the earliest held segment will not come. */
  #giveUp(visit: OctetsVisitor): void {
    const { sequence } = this.#early[0]!
    this.#gap = ahead(sequence, this.#next!)
    this.#next = sequence | 0
    this.#catchUp(visit)
  }

  #catchUp(visit: OctetsVisitor): void {
    let taken = 0
    for (const { sequence, octets } of this.#early) {
      if (ahead(sequence, this.#next!) > 0) break
      taken++
      this.#shared.held -= octets.length
      this.#deliver(sequence, octets, visit)
    }
    if (taken > 0) this.#early = this.#early.slice(taken)
  }

  /** What was sent again is there already: the first copy counts. */
  #deliver(sequence: number, octets: Uint8Array, visit: OctetsVisitor): void {
    const known = ahead(this.#next!, sequence)
    if (known >= octets.length) return
    const fresh = octets.subarray(known)
    this.#next = (this.#next! + fresh.length) | 0
    const gap = this.#gap
    this.#gap = undefined
    visit(fresh, gap)
  }

  #drop(): void {
    for (const { octets } of this.#early) this.#shared.held -= octets.length
    this.#early = []
  }
}
