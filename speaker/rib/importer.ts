/**
 * UPDATEs into the table: scan by offset, intern the attributes, ask the import policy per prefix, store what is accepted.
 * The hot path of a full table. Per message: no object while the attributes are known. Per prefix: words and integers.
 */

import {
  type Address,
  type AttributeSummary,
  type Attributes,
  checkNlri,
  encodeAttributes,
  endOfRibFamily,
  type Family,
  type Fault,
  familyNumbers,
  fault,
  formatPrefix,
  hex,
  isFault,
  isNoUnicast,
  judgeAttributes,
  newUpdateParts,
  Prefix,
  type PrefixVisitor,
  type Reach,
  readReach,
  readUnreach,
  scanUpdate,
  summarize,
  walkNlri,
} from 'bgp-ts'
import {
  type Actions,
  applyActions,
  type CompiledPolicy,
  nextHopOf,
  parsePrefix,
  type Subject,
  type Verdict,
} from '../../policy/index.ts'
import { lastResortActions, type Retention } from '../retention.ts'
import { type RoutedPeer, sampleSize } from '../routed-peer.ts'
import type { World } from '../world.ts'
import { type NextHopWords, noNextHop } from './attribute-table.ts'
import { ContextIds } from './context-ids.ts'
import type { FamilyRib, Rib } from './rib.ts'
import { clusterLoop, type Identity, loopProblem, nextHopProblem } from './usable.ts'
import { blackholeRefused, refusedBy, type WellKnownRule, wellKnownRules } from './well-known.ts'

const unusable = 0
/** Code of the NOTIFICATION for a malformed UPDATE. */
const updateError = 3
export const beyondLimit = 'maximum number of prefixes'
/** The paths to one prefix are a list that is walked and compared at each change: identifiers are a peer's to choose, so their number is not. */
export const pathsOfOnePrefix = 64
const tooManyPaths = 'maximum number of paths to one prefix'

export class Importer {
  readonly #world: World
  readonly #rib: Rib
  readonly #own: Identity
  readonly #retention: Pick<Retention, 'endOfRib' | 'ownerOf'>
  readonly #contexts = new ContextIds()
  readonly #parts = newUpdateParts()
  /** The attribute list of a message, where MP attributes have to be cut out of it. */
  readonly #scratch = new Uint8Array(65536)
  readonly #hop: NextHopWords = { ...noNextHop }

  // What the visitors below work on: set before each walk, so that no closure is made per message.
  #peer!: RoutedPeer
  #table!: FamilyRib
  /** As they came; what a policy makes of them is another entry of the table. */
  #attributes = 0
  #rules: readonly WellKnownRule[] = []
  /** What the verdicts of this walk make of the attributes. */
  readonly #changes = new Map<Verdict, number>()
  readonly #stored = { table: {} as object, id: 0, generation: 0 }
  /** Prefixes of the family that the peer may announce, beside those that its last session left. */
  #limit = Number.POSITIVE_INFINITY
  readonly #subject: Subject = {
    family: 'ipv4-unicast',
    w0: 0,
    w1: 0,
    w2: 0,
    w3: 0,
    length: 0,
    source: 'learned',
    kind: '',
    neighbour: '',
    neighbourAsn: undefined,
    neighbourAddress: undefined,
    external: true,
    fromExternal: true,
    localAsn: 0,
    attributes: () => this.#rib.attributes.attributes(this.#attributes),
    nextHop: () => this.#rib.attributes.nextHop(this.#attributes),
    stored: this.#stored,
  }

  constructor(world: World, rib: Rib, own: Identity, retention: Pick<Retention, 'endOfRib' | 'ownerOf'>) {
    this.#world = world
    this.#rib = rib
    this.#own = own
    this.#stored.table = rib.attributes
    this.#retention = retention
  }

  /** Takes the body of an UPDATE. A fault ends the session; anything milder is dealt with here (RFC 7606). */
  update(peer: RoutedPeer, bytes: Uint8Array, at: number, end: number): Fault | undefined {
    this.#peer = peer
    const wrong = this.#read(peer, bytes, at, end)
    // A limit that is reached ends the session too, but nothing was malformed.
    if (wrong?.code === updateError) this.#note('session-reset', wrong.text, bytes, end)
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
    if (!reachable && others) return this.#attributesAlone(bytes)
    return reach?.family && this.#announce(bytes, reach.nlriAt, reach.nlriEnd, reach.family, reach, end)
  }

  /** Re-reads what is stored of a peer, as it came, after its import policy changed: what is rejected now goes, the rest becomes what it is now. */
  reconsider(peer: RoutedPeer): void {
    for (const rib of Object.values(this.#rib.families)) {
      const { paths, prefixes } = rib
      this.#prepare(peer, rib, unusable)
      for (let path = 0; path < paths.end; path++) {
        const row = paths.row(path)
        if (row < 0 || this.#retention.ownerOf(paths.peer(path)) !== peer) continue
        const stored = paths.attributes(path)
        const plain = this.#rib.attributes.plain(stored)
        if (plain !== this.#attributes) this.#prepare(peer, rib, plain)
        const [w0, w1, w2, w3] = [prefixes.word0(row), prefixes.word1(row), prefixes.word2(row), prefixes.word3(row)]
        const length = prefixes.length(row)
        const verdict = this.#judge(w0, w1, w2, w3, length, peer.importHits)
        const refused = this.#refusal(verdict)
        if (refused === undefined) {
          this.#rib.rewrite(rib, path, this.#asStored(stored, this.#become(verdict)))
          continue
        }
        this.#drop(rib, path, refused)
      }
    }
    this.#forgetChanges()
  }

  /** A stored path that is taken no more. Unless it is stale the peer still announces it, and its limit counts it. */
  #drop(rib: FamilyRib, path: number, rule: string): void {
    const { link, counters } = this.#peer
    const { w0, w1, w2, w3, length } = rib.prefixes.prefix(rib.paths.row(path))
    const { refused } = counters[rib.family]
    const limit = link.declaration.maxPrefixes?.limit[rib.family]
    const isCounted = limit !== undefined && !rib.paths.isStale(path)
    const pathId = rib.paths.pathId(path)
    counters[rib.family].accepted--
    this.#noteRefused(rule, w0, w1, w2, w3, length)
    if (isCounted && refused.size <= limit) refused.add(w0, w1, w2, w3, length ^ (pathId << 8))
    this.#rib.removePath(rib, path)
  }

  /** A route of last resort stays one, whatever the policy makes of it (RFC 9494). */
  #asStored(stored: number, attributes: number): number {
    const table = this.#rib.attributes
    const isLast = table.longLivedStale(stored) && !table.longLivedStale(this.#attributes)
    return isLast ? this.rewritten(attributes, lastResortActions) : attributes
  }

  /** By which statement a path of a peer came in, as the policy is now, and what well-known communities made of it. */
  explain(peer: RoutedPeer, rib: FamilyRib, row: number, attributes: number): { verdict: Verdict; rules: string[] } {
    const { prefixes } = rib
    this.#prepare(peer, rib, this.#rib.attributes.plain(attributes))
    const [w0, w1, w2, w3] = [prefixes.word0(row), prefixes.word1(row), prefixes.word2(row), prefixes.word3(row)]
    const verdict = this.#judge(w0, w1, w2, w3, prefixes.length(row))
    return { verdict, rules: this.#rules.map(({ name }) => name) }
  }

  /** Re-reads what is stored of a peer after our cluster id changed: what came through that cluster goes. Says in which families the last id refused routes. */
  reconsiderCluster(peer: RoutedPeer): Family[] {
    const refused = (peer.negotiated?.families ?? []).filter((family) =>
      peer.counters[family].rejectedBy.has(clusterLoop),
    )
    this.#peer = peer
    for (const rib of Object.values(this.#rib.families)) {
      const { paths } = rib
      this.#table = rib
      for (let path = 0; path < paths.end; path++) {
        const row = paths.row(path)
        if (row < 0 || this.#retention.ownerOf(paths.peer(path)) !== peer) continue
        if (loopProblem(this.#rib.attributes, paths.attributes(path), this.#own) !== clusterLoop) continue
        this.#drop(rib, path, clusterLoop)
      }
    }
    return refused
  }

  /**
   * Families of which routes that were refused by `before` may be accepted now: the peer has to be asked for them again, because refused
   * routes are not stored. Cheap on purpose: a VIP that comes or goes must not make every router send its table.
   */
  neededAgain(peer: RoutedPeer, before: CompiledPolicy): Family[] {
    const now = peer.importPolicy
    const names = new Set([blackholeRefused, ...before.rules.map(({ name }) => name)])
    return (peer.negotiated?.families ?? []).filter((family) => {
      const { rejectedBy, rejectedSample } = peer.counters[family]
      const byPolicy = [...rejectedBy.keys()].some((rule) => names.has(rule))
      if (!byPolicy) return false
      if (now.usesAttributes || rejectedSample.size >= sampleSize) return true
      this.#prepare(peer, this.#rib.families[family], unusable)
      return [...rejectedSample].some(([text, rule]) => {
        const prefix = names.has(rule) ? parsePrefix(text) : undefined
        return prefix && this.#judge(prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length).accept
      })
    })
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
    const attributes = this.#intern(bytes, reach, messageEnd)
    if (typeof attributes !== 'number') return attributes
    this.#attributes = attributes
    if (attributes === unusable) {
      this.#walk(bytes, at, end, family, this.#withdrawOne)
      return undefined
    }
    const table = this.#rib.attributes
    // Held meanwhile: a prefix of the message may be refused now, and its old path with the same list be the last that has it.
    table.retain(attributes)
    const rule =
      loopProblem(table, attributes, this.#own) ?? nextHopProblem(table, attributes, family, this.#own, this.#peer)
    if (rule) {
      this.#ineligibleBy = rule
      this.#walk(bytes, at, end, family, this.#ineligibleOne)
    } else {
      this.#prepare(this.#peer, this.#table, attributes)
      const open = this.#peer.importPolicy.isOpen && this.#rules.length === 0
      const before = this.#peer.counters[family].received
      this.#walk(bytes, at, end, family, open ? this.#storeOne : this.#importOne)
      if (open) this.#peer.importHits[0]! += this.#peer.counters[family].received - before
    }
    this.#forgetChanges()
    table.release(attributes)
    return this.#overLimit(family)
  }

  #ineligibleBy = ''

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
    const verdict = this.#judge(w0, w1, w2, w3, length, this.#peer.importHits)
    const refused = this.#refusal(verdict)
    if (refused !== undefined) {
      this.#refuse(refused, w0, w1, w2, w3, length, pathId)
      return
    }
    const plain = this.#attributes
    this.#attributes = this.#become(verdict)
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

  /** Sets what the routes in question have in common: whose they are, of which family, and their attributes as they came. */
  #prepare(peer: RoutedPeer, rib: FamilyRib, attributes: number): void {
    const subject = this.#subject
    const { asn, address } = peer.link.declaration
    this.#peer = peer
    this.#table = rib
    this.#attributes = attributes
    this.#stored.id = attributes
    this.#forgetChanges()
    this.#rules = []
    subject.family = rib.family
    subject.neighbour = peer.name
    subject.neighbourAsn = asn
    subject.neighbourAddress = address
    subject.external = peer.external
    subject.fromExternal = peer.external
    subject.localAsn = peer.sender.localAsn
    if (attributes === unusable) return
    this.#stored.generation = this.#rib.attributes.generation(attributes)
    this.#rules = wellKnownRules(this.#rib.attributes, attributes, peer)
  }

  /** Lets go of what verdicts made: nobody else has it where the prefixes were refused after all. */
  #forgetChanges(): void {
    for (const made of this.#changes.values()) this.#rib.attributes.release(made)
    this.#changes.clear()
  }

  /** Why a route is not taken: the statement that rejects it, or what a well-known community asks for. */
  #refusal(verdict: Verdict): string | undefined {
    if (!verdict.accept) return verdict.statement
    return this.#rules.length === 0 ? undefined : refusedBy(this.#rules, verdict)
  }

  /** The entry that the attributes become by this verdict: the same one, where nothing changes them. */
  #become(verdict: Verdict): number {
    if (verdict.actions.length === 0 && this.#rules.length === 0) return this.#attributes
    const known = this.#changes.get(verdict)
    if (known !== undefined) return known
    const made = this.rewritten(this.#attributes, [...verdict.actions, ...this.#rules.map(({ actions }) => actions)])
    this.#rib.attributes.retain(made)
    this.#changes.set(verdict, made)
    return made
  }

  #judge(w0: number, w1: number, w2: number, w3: number, length: number, hits?: Float64Array) {
    const subject = this.#subject
    subject.w0 = w0
    subject.w1 = w1
    subject.w2 = w2
    subject.w3 = w3
    subject.length = length
    return this.#peer.importPolicy.evaluate(subject, hits)
  }

  /** Counts an announcement that is not taken; a route that the peer had to the prefix is gone. */
  #refuse(rule: string, w0: number, w1: number, w2: number, w3: number, length: number, pathId: number): void {
    const counters = this.#peer.counters[this.#table.family]
    counters.received++
    this.#noteRefused(rule, w0, w1, w2, w3, length)
    if (this.#rib.withdraw(this.#table, this.#peer.index, w0, w1, w2, w3, length, pathId)) counters.accepted--
    if (counters.refused.size <= this.#limit && this.#limit < Number.POSITIVE_INFINITY)
      counters.refused.add(w0, w1, w2, w3, length ^ (pathId << 8))
  }

  #noteRefused(rule: string, w0: number, w1: number, w2: number, w3: number, length: number): void {
    const { family } = this.#table
    this.#peer.refused(family, rule, () => formatPrefix(new Prefix(family, length, w0, w1, w2, w3)))
  }

  /** The id of the message's attributes; 0 for treat-as-withdraw. */
  #intern(bytes: Uint8Array, reach: Reach | undefined, messageEnd: number): number | Fault {
    const { attributesAt, attributesEnd, reachAt, unreachAt } = this.#parts
    const hop = this.#hop
    const nextHop = reach && hopOf(reach)
    hop.version = nextHop?.version ?? 0
    hop.w0 = nextHop?.w0 ?? 0
    hop.w1 = nextHop?.w1 ?? 0
    hop.w2 = nextHop?.w2 ?? 0
    hop.w3 = nextHop?.w3 ?? 0
    const context = this.#contexts.of(this.#peer.sender, hop.version)
    const cut = reachAt > 0 || unreachAt > 0
    const key = cut ? this.#scratch : bytes
    const keyAt = cut ? 0 : attributesAt
    const keyEnd = cut ? this.#withoutMultiprotocol(bytes) : attributesEnd
    const table = this.#rib.attributes
    const known = table.find(key, keyAt, keyEnd, context, hop)
    if (known) return known
    const judgement = judgeAttributes(bytes, attributesAt, attributesEnd, this.#peer.sender)
    const missingHop = reach === undefined && !judgement.summary.hasNextHop
    const said = judgement.findings.map(({ attribute, text }) => `${attribute}: ${text}`).join('; ')
    if (judgement.fault) return judgement.fault
    if (judgement.reaction !== 'none') this.#note(judgement.reaction, said, bytes, messageEnd)
    if (judgement.reaction === 'treat-as-withdraw') return unusable
    if (missingHop) {
      this.#note('treat-as-withdraw', 'NEXT_HOP: missing, RFC 7606 3d', bytes, messageEnd)
      return unusable
    }
    return table.add(key, keyAt, keyEnd, context, hop, judgement.summary, judgement.canonical)
  }

  /** Copies the attribute list without MP_REACH and MP_UNREACH into the scratch; returns its length. */
  #withoutMultiprotocol(bytes: Uint8Array): number {
    const { attributesAt, attributesEnd, reachFrom, reachEnd, unreachFrom, unreachEnd } = this.#parts
    const reachFirst = reachFrom < unreachFrom
    const cuts = [reachFirst ? reachFrom : unreachFrom, reachFirst ? reachEnd : unreachEnd]
    const later = [reachFirst ? unreachFrom : reachFrom, reachFirst ? unreachEnd : reachEnd]
    let length = 0
    let from = attributesAt
    for (const [cutAt, cutEnd] of [cuts, later] as [number, number][]) {
      if (cutEnd === 0) continue
      this.#scratch.set(bytes.subarray(from, cutAt), length)
      length += cutAt - from
      from = cutEnd
    }
    this.#scratch.set(bytes.subarray(from, attributesEnd), length)
    return length + attributesEnd - from
  }

  /** RFC 7606 section 5.2: attributes that are wrong, and no announcement to withdraw for it. */
  #attributesAlone(bytes: Uint8Array): Fault | undefined {
    const { attributesAt, attributesEnd } = this.#parts
    const judgement = judgeAttributes(bytes, attributesAt, attributesEnd, this.#peer.sender)
    if (judgement.fault) return judgement.fault
    const wrong = judgement.findings.find(({ reaction }) => reaction === 'treat-as-withdraw')
    // A list without routes may lack what only routes need.
    if (!wrong || wrong.text.startsWith('missing')) return undefined
    return fault('malformed attribute list', `${wrong.attribute} ${wrong.text}, and no route, RFC 7606 5.2`)
  }

  /** The entry with these actions applied. Interned too, so it is stored once; it holds the entry that it was made of. */
  rewritten(id: number, actions: readonly Actions[]): number {
    const table = this.#rib.attributes
    const after = applyActions(actions, table.attributes(id), this.#peer.sender.localAsn)
    const asked = this.#nextHop(actions)
    const list = encodeAttributes(asked ? withNextHop(after, asked) : after, { fourOctetAsn: true })
    const hop = this.#hop
    Object.assign(hop, asked ?? table.nextHop(id) ?? noNextHop)
    const context = this.#contexts.changedFrom(id, hop.version)
    const summary: AttributeSummary = summarize(list, 0, list.length, this.#peer.sender.localAsn)
    const known = table.find(list, 0, list.length, context, hop)
    return known || table.add(list, 0, list.length, context, hop, summary, undefined, id)
  }

  /** The next hop that the policy gives the route, if it is one for its family: an IPv6 route has none of IPv4. */
  #nextHop(actions: readonly Actions[]): Address | undefined {
    if (actions.every(({ nextHop }) => nextHop === undefined)) return undefined
    const { family } = this.#table
    const asked = nextHopOf(actions, family)
    const address = asked === 'self' ? this.#ownAddress(family) : asked === 'unchanged' ? undefined : asked
    return family === 'ipv6-unicast' && address?.version === 4 ? undefined : address
  }

  #ownAddress(family: Family): Address | undefined {
    const version = family === 'ipv4-unicast' ? 4 : 6
    const session = this.#peer.link.localAddress
    return session?.version === version ? session : this.#own.addresses.find((one) => one.version === version)
  }

  #note(
    reaction: 'none' | 'attribute-discard' | 'treat-as-withdraw' | 'session-reset',
    text: string,
    bytes: Uint8Array,
    end: number,
  ): void {
    const peer = this.#peer
    const count = (peer.malformed[reaction] ?? 0) + 1
    peer.malformed[reaction] = count
    const from = this.#parts.withdrawnAt - 2
    // The first, then ever more rarely: a flood must not fill the log (RFC 7606 section 6 wants the message in it).
    if ((count & (count - 1)) !== 0) return
    const octets = hex(bytes, from, Math.min(end, from + 4096))
    peer.lastMalformed = { at: this.#world.clock.now(), text, octets }
    this.#world.log.warn({ peer: peer.name, reaction, count, octets }, `malformed UPDATE: ${text}`)
  }
}

/** On a link without global addresses some routers leave the first half of the next hop empty (RFC 2545 section 3). */
function hopOf({ nextHop, linkLocal }: Reach): Address | undefined {
  const isEmpty = nextHop !== undefined && (nextHop.w0 | nextHop.w1 | nextHop.w2 | nextHop.w3) === 0
  return isEmpty && linkLocal ? linkLocal : nextHop
}

/** NEXT_HOP stands in the list for IPv4 alone; any other is kept beside it. */
function withNextHop({ nextHop: _came, ...attributes }: Attributes, nextHop: Address): Attributes {
  return nextHop.version === 4 ? { ...attributes, nextHop } : attributes
}
