/**
 * UPDATEs into the table: scan by offset, intern the attributes, ask the import policy per prefix, store what is accepted.
 * The hot path of a full table. Per message: no object while the attributes are known. Per prefix: words and integers.
 */

import {
  checkNlri,
  endOfRibFamily,
  type Family,
  type Fault,
  familyNumbers,
  fault,
  isFault,
  isNoUnicast,
  newUpdateParts,
  type PrefixVisitor,
  type Reach,
  readReach,
  readUnreach,
  scanUpdate,
  walkNlri,
} from 'bgp-ts'
import type { Verdict } from '../../policy/index.ts'
import type { Retention } from '../retention.ts'
import { beyondLimit, type RoutedPeer, tooMuchMemory } from '../routed-peer.ts'
import type { World } from '../world.ts'
import { type AttributeReader, beyondMemory, unusable } from './attribute-reader.ts'
import type { FamilyRib, Rib } from './rib.ts'
import type { RouteJudge } from './route-judge.ts'
import { type Identity, lengthProblem, loopProblem, nextHopProblem } from './usable.ts'

/** Code of the NOTIFICATION for a malformed UPDATE. */
const updateError = 3
/** The paths to one prefix are a list that is walked and compared at each change: identifiers are a peer's to choose, so their number is not. */
export const pathsOfOnePrefix = 64
const tooManyPaths = 'maximum number of paths to one prefix'

export class Importer {
  readonly #world: Pick<World, 'log'>
  readonly #rib: Rib
  readonly #own: Identity
  readonly #retention: Pick<Retention, 'endOfRib'>
  readonly #reader: AttributeReader
  readonly #judge: RouteJudge
  readonly #parts = newUpdateParts()

  // What the visitors below work on: set before each walk, so that no closure is made per message.
  #peer!: RoutedPeer
  #table!: FamilyRib
  /** As they came; what a policy makes of them is another entry of the table. */
  #attributes = unusable
  /** Why no prefix of the message is taken; empty where they are. */
  #ineligibleBy = ''
  #bytes!: Uint8Array
  #reach: Reach | undefined
  /** Prefixes of the family that the peer may announce, beside those that its last session left. */
  #limit = Number.POSITIVE_INFINITY
  constructor(
    world: Pick<World, 'log'>,
    rib: Rib,
    own: Identity,
    retention: Pick<Retention, 'endOfRib'>,
    reader: AttributeReader,
    judge: RouteJudge,
  ) {
    this.#world = world
    this.#rib = rib
    this.#own = own
    this.#retention = retention
    this.#reader = reader
    this.#judge = judge
  }

  /** Takes the body of an UPDATE. A fault ends the session; anything milder is dealt with here (RFC 7606). */
  update(peer: RoutedPeer, bytes: Uint8Array, at: number, end: number): Fault | undefined {
    this.#peer = peer
    const wrong = this.#read(peer, bytes, at, end)
    // A limit that is reached ends the session too, but nothing was malformed.
    if (wrong?.code === updateError) this.#reader.note(peer, 'session-reset', wrong.text, bytes, this.#parts, end)
    return wrong
  }

  #read(peer: RoutedPeer, bytes: Uint8Array, at: number, end: number): Fault | undefined {
    const parts = this.#parts
    const framing = scanUpdate(bytes, at, end, parts)
    if (framing) return framing
    const ended = endOfRibFamily(bytes, parts)
    if (ended) {
      peer.counters[ended].endOfRibReceived = true
      this.#retention.endOfRib(peer, ended)
      return undefined
    }
    const unreach = parts.unreachAt
      ? readUnreach(bytes, parts.unreachAt, parts.unreachEnd, parts.unreachFrom)
      : undefined
    if (isFault(unreach)) return unreach
    const reach = parts.reachAt ? readReach(bytes, parts.reachAt, parts.reachEnd, parts.reachFrom) : undefined
    if (isFault(reach)) return reach
    const wrong =
      this.#check(bytes, parts.withdrawnAt, parts.withdrawnEnd, 'ipv4-unicast') ??
      this.#check(bytes, parts.nlriAt, parts.nlriEnd, 'ipv4-unicast') ??
      (unreach?.family && this.#check(bytes, unreach.nlriAt, unreach.nlriEnd, unreach.family)) ??
      (reach?.family && this.#check(bytes, reach.nlriAt, reach.nlriEnd, reach.family))
    if (wrong) return wrong
    // Withdrawals first: a prefix that is in both is announced (RFC 4271 section 4.3).
    this.#withdraw(bytes, parts.withdrawnAt, parts.withdrawnEnd, 'ipv4-unicast')
    if (unreach?.family) this.#withdraw(bytes, unreach.nlriAt, unreach.nlriEnd, unreach.family)
    if (parts.nlriAt < parts.nlriEnd) {
      const verdict = this.#announce(bytes, parts.nlriAt, parts.nlriEnd, 'ipv4-unicast', undefined, end)
      if (verdict) return verdict
    }
    const reachable = parts.nlriAt < parts.nlriEnd || (reach && reach.nlriAt < reach.nlriEnd)
    const others = parts.attributesEnd - parts.attributesAt > parts.unreachEnd - parts.unreachFrom
    if (!reachable && others) return this.#reader.judgeAlone(peer, bytes, parts)
    return reach?.family && this.#announce(bytes, reach.nlriAt, reach.nlriEnd, reach.family, reach, end)
  }

  #check(bytes: Uint8Array, at: number, end: number, family: Family): Fault | undefined {
    return checkNlri(bytes, at, end, family, this.#addPath(family))
  }

  /** Whether prefixes come with an identifier before each (RFC 7911 section 3). */
  #addPath(family: Family): boolean {
    return this.#peer.negotiated?.addPath.includes(family) ?? false
  }

  #withdraw(bytes: Uint8Array, at: number, end: number, family: Family): void {
    if (at === end || !this.#peer.negotiated?.families.includes(family)) return
    this.#table = this.#rib.families[family]
    this.#walk(bytes, at, end, family, this.#withdrawOne)
  }

  #walk(bytes: Uint8Array, at: number, end: number, family: Family, visit: PrefixVisitor): void {
    walkNlri(bytes, at, end, family, this.#addPath(family), visit)
  }

  #announce(
    bytes: Uint8Array,
    at: number,
    end: number,
    family: Family,
    reach: Reach | undefined,
    messageEnd: number,
  ): Fault | undefined {
    // RFC 4760 section 8: routes of a family that was not negotiated are ignored.
    if (at === end || !this.#peer.negotiated?.families.includes(family)) return undefined
    this.#table = this.#rib.families[family]
    const limit = this.#peer.link.declaration.maxPrefixes?.limit[family] ?? Number.POSITIVE_INFINITY
    this.#limit = limit + this.#peer.left[family]
    if (this.#judge.decidesByPrefix(this.#peer) && this.#reader.isSound(this.#peer, bytes, this.#parts, reach)) {
      this.#importByPrefix(bytes, at, end, family, reach)
      return this.#overLimit(family)
    }
    const attributes = this.#reader.intern(this.#peer, bytes, this.#parts, reach, messageEnd)
    if (typeof attributes !== 'number') return attributes
    if (attributes === unusable) {
      this.#walk(bytes, at, end, family, this.#withdrawOne)
      return undefined
    }
    if (attributes === beyondMemory) {
      this.#refuseAll(tooMuchMemory, bytes, at, end, family)
      return this.#overLimit(family)
    }
    this.#attributes = attributes
    const table = this.#rib.attributes
    // Held meanwhile: a prefix of the message may be refused now, and its old path with the same list be the last that has it.
    table.retain(attributes)
    const rule = this.#problem(attributes, family)
    if (rule) {
      this.#refuseAll(rule, bytes, at, end, family)
    } else {
      this.#judge.prepare(this.#peer, this.#table, attributes)
      const open = this.#judge.isOpen
      const before = this.#peer.counters[family].received
      this.#walk(bytes, at, end, family, open ? this.#storeOne : this.#importOne)
      if (open) this.#peer.importHits[0]! += this.#peer.counters[family].received - before
    }
    this.#judge.forget()
    table.release(attributes)
    return this.#overLimit(family)
  }

  /** Why routes with these attributes are not eligible, whatever a policy says. */
  #problem(attributes: number, family: Family): string | undefined {
    const table = this.#rib.attributes
    return (
      loopProblem(table, attributes, this.#own) ??
      lengthProblem(table, attributes, this.#peer) ??
      nextHopProblem(table, attributes, family, this.#own, this.#peer)
    )
  }

  /** Asks the policy first: attributes that no prefix of the message needs are not entered. They were found sound. */
  #importByPrefix(bytes: Uint8Array, at: number, end: number, family: Family, reach: Reach | undefined): void {
    this.#judge.prepare(this.#peer, this.#table, unusable)
    this.#attributes = unusable
    this.#ineligibleBy = ''
    this.#bytes = bytes
    this.#reach = reach
    this.#walk(bytes, at, end, family, this.#importWanted)
    this.#judge.forget()
    if (this.#attributes > unusable) this.#rib.attributes.release(this.#attributes)
  }

  readonly #importWanted: PrefixVisitor = (w0, w1, w2, w3, length, pathId) => {
    const verdict = this.#judge.judge(w0, w1, w2, w3, length, this.#peer.importHits)
    if (!verdict.accept) {
      this.#refuse(verdict.statement, w0, w1, w2, w3, length, pathId)
      return
    }
    if (this.#attributes === unusable) this.#enter()
    if (this.#ineligibleBy === '') this.#importBy(verdict, w0, w1, w2, w3, length, pathId)
    else this.#refuse(this.#ineligibleBy, w0, w1, w2, w3, length, pathId)
  }

  /** Enters the attributes of the message, which are held until its end, and judges what goes for all of its prefixes. */
  #enter(): void {
    this.#attributes = this.#reader.internSound(this.#peer, this.#bytes, this.#parts, this.#reach)
    if (this.#attributes === beyondMemory) {
      this.#ineligibleBy = tooMuchMemory
      return
    }
    this.#rib.attributes.retain(this.#attributes)
    this.#ineligibleBy = this.#problem(this.#attributes, this.#table.family) ?? ''
    this.#judge.prepare(this.#peer, this.#table, this.#attributes)
  }

  #refuseAll(rule: string, bytes: Uint8Array, at: number, end: number, family: Family): void {
    this.#ineligibleBy = rule
    this.#walk(bytes, at, end, family, this.#ineligibleOne)
  }

  readonly #withdrawOne: PrefixVisitor = (w0, w1, w2, w3, length, pathId) => {
    const counters = this.#peer.counters[this.#table.family]
    if (this.#rib.withdraw(this.#table, this.#peer.index, w0, w1, w2, w3, length, pathId)) counters.accepted--
    else if (counters.refused.size > 0) counters.refused.delete(w0, w1, w2, w3, length ^ (pathId << 8))
  }

  readonly #storeOne: PrefixVisitor = (w0, w1, w2, w3, length, pathId) => {
    if (isNoUnicast(this.#table.family, w0, w1, w2, w3, length)) {
      this.#refuse('no unicast prefix, RFC 4271 6.3', w0, w1, w2, w3, length, pathId)
      return
    }
    const counters = this.#peer.counters[this.#table.family]
    if (counters.refused.size > 0) counters.refused.delete(w0, w1, w2, w3, length ^ (pathId << 8))
    const { accepted, refused } = counters
    if (accepted + refused.size >= this.#limit && this.#isBeyond(w0, w1, w2, w3, length, pathId)) {
      this.#refuse(beyondLimit, w0, w1, w2, w3, length, pathId)
      return
    }
    if (pathId !== 0 && this.#isCrowded(w0, w1, w2, w3, length, pathId)) {
      this.#refuse(tooManyPaths, w0, w1, w2, w3, length, pathId)
      return
    }
    counters.received++
    const { index } = this.#peer
    if (this.#rib.announce(this.#table, index, w0, w1, w2, w3, length, this.#attributes, pathId)) counters.accepted++
  }

  readonly #importOne: PrefixVisitor = (w0, w1, w2, w3, length, pathId) => {
    const verdict = this.#judge.judge(w0, w1, w2, w3, length, this.#peer.importHits)
    this.#importBy(verdict, w0, w1, w2, w3, length, pathId)
  }

  #importBy(verdict: Verdict, w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): void {
    const refused = this.#judge.refusal(verdict)
    if (refused !== undefined) {
      this.#refuse(refused, w0, w1, w2, w3, length, pathId)
      return
    }
    const plain = this.#attributes
    this.#attributes = this.#judge.become(verdict)
    this.#storeOne(w0, w1, w2, w3, length, pathId)
    this.#attributes = plain
  }

  readonly #ineligibleOne: PrefixVisitor = (w0, w1, w2, w3, length, pathId) => {
    this.#refuse(this.#ineligibleBy, w0, w1, w2, w3, length, pathId)
  }

  /** A prefix that the peer has no route to yet, beyond the limit that refuses. */
  #isBeyond(w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): boolean {
    if (this.#peer.link.declaration.maxPrefixes?.beyond !== 'discard') return false
    const row = this.#table.prefixes.find(w0, w1, w2, w3, length)
    return row < 0 || this.#table.paths.of(row, this.#peer.index, pathId) < 0
  }

  /** One more path to a prefix of which the peer has sent as many as are compared. */
  #isCrowded(w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): boolean {
    const row = this.#table.prefixes.find(w0, w1, w2, w3, length)
    if (row < 0) return false
    const { paths } = this.#table
    const { index } = this.#peer
    return paths.countOf(row, index) >= pathsOfOnePrefix && paths.of(row, index, pathId) < 0
  }

  /** What the limits of the peer say after a message: a warning, once, or the end of the session. */
  #overLimit(family: Family): Fault | undefined {
    const { maxPrefixes } = this.#peer.link.declaration
    const limit = maxPrefixes?.limit[family]
    if (limit === undefined) return undefined
    const counters = this.#peer.counters[family]
    const count = counters.accepted + counters.refused.size - this.#peer.left[family]
    if (!counters.nearLimit && maxPrefixes && count * 100 >= limit * maxPrefixes.warnAt) {
      counters.nearLimit = true
      this.#world.log.warn({ peer: this.#peer.name, family, count, limit }, 'the peer is near its maximum of prefixes')
    }
    if (maxPrefixes?.beyond !== 'reset' || count <= limit) return undefined
    const { afi, safi } = familyNumbers[family]
    // RFC 4486 section 4: family, and the limit.
    const data = Uint8Array.of(afi >>> 8, afi, safi, limit >>> 24, limit >>> 16, limit >>> 8, limit)
    return fault('maximum number of prefixes reached', `${family}: more than ${limit}`, data)
  }

  /** Counts an announcement that is not taken; a route that the peer had to the prefix is gone. */
  #refuse(rule: string, w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): void {
    const counters = this.#peer.counters[this.#table.family]
    counters.received++
    this.#peer.refused(this.#table.family, rule, w0, w1, w2, w3, length)
    if (counters.accepted > 0 && this.#rib.withdraw(this.#table, this.#peer.index, w0, w1, w2, w3, length, pathId))
      counters.accepted--
    if (counters.refused.size <= this.#limit && this.#limit < Number.POSITIVE_INFINITY)
      counters.refused.add(w0, w1, w2, w3, length ^ (pathId << 8))
  }
}
