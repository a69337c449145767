/**
 * UPDATEs into the table: scan by offset, intern the attributes, ask the import policy per prefix, store what is accepted.
 * The hot path of a full table. Per message: no object while the attributes are known. Per prefix: words and integers.
 */

import {
  type Address,
  type AttributeSummary,
  checkNlri,
  encodeAttributes,
  endOfRibFamily,
  type Family,
  type Fault,
  fault,
  formatPrefix,
  hex,
  isFault,
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
import { type RoutedPeer, sampleSize } from '../routed-peer.ts'
import type { World } from '../world.ts'
import { type NextHopWords, noNextHop } from './attribute-table.ts'
import { ContextIds } from './context-ids.ts'
import type { FamilyRib, Rib } from './rib.ts'
import { nextHopProblem, type OwnAddresses } from './usable.ts'
import { blackholeRefused, refusedBy, type WellKnownRule, wellKnownRules } from './well-known.ts'

const unusable = 0

export class Importer {
  readonly #world: World
  readonly #rib: Rib
  readonly #own: OwnAddresses
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

  constructor(world: World, rib: Rib, own: OwnAddresses) {
    this.#world = world
    this.#rib = rib
    this.#own = own
    this.#stored.table = rib.attributes
  }

  /** Takes the body of an UPDATE. A fault ends the session; anything milder is dealt with here (RFC 7606). */
  update(peer: RoutedPeer, bytes: Uint8Array, at: number, end: number): Fault | undefined {
    const parts = this.#parts
    const framing = scanUpdate(bytes, at, end, parts)
    if (framing) return framing
    const ended = endOfRibFamily(bytes, parts)
    if (ended) {
      peer.counters[ended].endOfRibReceived = true
      return undefined
    }
    const unreach = parts.unreachAt ? readUnreach(bytes, parts.unreachAt, parts.unreachEnd) : undefined
    if (isFault(unreach)) return unreach
    const reach = parts.reachAt ? readReach(bytes, parts.reachAt, parts.reachEnd) : undefined
    if (isFault(reach)) return reach
    const wrong =
      checkNlri(bytes, parts.withdrawnAt, parts.withdrawnEnd, 'ipv4-unicast') ??
      checkNlri(bytes, parts.nlriAt, parts.nlriEnd, 'ipv4-unicast') ??
      (unreach?.family && checkNlri(bytes, unreach.nlriAt, unreach.nlriEnd, unreach.family)) ??
      (reach?.family && checkNlri(bytes, reach.nlriAt, reach.nlriEnd, reach.family))
    if (wrong) return wrong
    this.#peer = peer
    // Withdrawals first: a prefix that is in both is announced (RFC 4271 section 4.3).
    this.#withdraw(bytes, parts.withdrawnAt, parts.withdrawnEnd, 'ipv4-unicast')
    if (unreach?.family) this.#withdraw(bytes, unreach.nlriAt, unreach.nlriEnd, unreach.family)
    if (parts.nlriAt < parts.nlriEnd) {
      const verdict = this.#announce(bytes, parts.nlriAt, parts.nlriEnd, 'ipv4-unicast', undefined, end)
      if (verdict) return verdict
    }
    if (reach?.family) return this.#announce(bytes, reach.nlriAt, reach.nlriEnd, reach.family, reach, end)
    const routes = parts.nlriAt < parts.nlriEnd || parts.withdrawnAt < parts.withdrawnEnd || unreach || reach
    return routes ? undefined : this.#attributesAlone(bytes, end)
  }

  /** Re-reads what is stored of a peer, as it came, after its import policy changed: what is rejected now goes, the rest becomes what it is now. */
  reconsider(peer: RoutedPeer): void {
    for (const rib of Object.values(this.#rib.families)) {
      const { paths, prefixes } = rib
      this.#prepare(peer, rib, unusable)
      for (let path = 0; path < paths.end; path++) {
        const row = paths.row(path)
        if (row < 0 || paths.peer(path) !== peer.index) continue
        const plain = this.#rib.attributes.plain(paths.attributes(path))
        if (plain !== this.#attributes) this.#prepare(peer, rib, plain)
        const [w0, w1, w2, w3] = [prefixes.word0(row), prefixes.word1(row), prefixes.word2(row), prefixes.word3(row)]
        const length = prefixes.length(row)
        const verdict = this.#judge(w0, w1, w2, w3, length, peer.importHits)
        const refused = this.#refusal(verdict)
        if (refused === undefined) {
          this.#rib.announce(rib, peer.index, w0, w1, w2, w3, length, this.#become(verdict))
          continue
        }
        peer.counters[rib.family].accepted--
        this.#refuse(refused, w0, w1, w2, w3, length)
        this.#rib.removePath(rib, path)
      }
    }
  }

  /** By which statement a path of a peer came in, as the policy is now, and what well-known communities made of it. */
  explain(peer: RoutedPeer, rib: FamilyRib, row: number, attributes: number): { verdict: Verdict; rules: string[] } {
    const { prefixes } = rib
    this.#prepare(peer, rib, this.#rib.attributes.plain(attributes))
    const [w0, w1, w2, w3] = [prefixes.word0(row), prefixes.word1(row), prefixes.word2(row), prefixes.word3(row)]
    const verdict = this.#judge(w0, w1, w2, w3, prefixes.length(row))
    return { verdict, rules: this.#rules.map(({ name }) => name) }
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

  #withdraw(bytes: Uint8Array, at: number, end: number, family: Family): void {
    if (at === end || !this.#peer.negotiated?.families.includes(family)) return
    this.#table = this.#rib.families[family]
    walkNlri(bytes, at, end, family, false, this.#withdrawOne)
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
    const attributes = this.#intern(bytes, reach, messageEnd)
    if (typeof attributes !== 'number') return attributes
    this.#attributes = attributes
    if (attributes === unusable) {
      walkNlri(bytes, at, end, family, false, this.#withdrawOne)
      return undefined
    }
    const table = this.#rib.attributes
    const rule = table.looped(attributes)
      ? 'own AS in the path'
      : nextHopProblem(table, attributes, family, this.#own, this.#peer)
    if (rule) {
      this.#ineligibleBy = rule
      walkNlri(bytes, at, end, family, false, this.#ineligibleOne)
    } else {
      this.#prepare(this.#peer, this.#table, attributes)
      const open = this.#peer.importPolicy.isOpen && this.#rules.length === 0
      const before = this.#peer.counters[family].received
      walkNlri(bytes, at, end, family, false, open ? this.#storeOne : this.#importOne)
      if (open) this.#peer.importHits[0]! += this.#peer.counters[family].received - before
    }
    table.discardUnused(attributes)
    return undefined
  }

  #ineligibleBy = ''

  readonly #withdrawOne: PrefixVisitor = (w0, w1, w2, w3, length) => {
    const gone = this.#rib.withdraw(this.#table, this.#peer.index, w0, w1, w2, w3, length)
    if (gone) this.#peer.counters[this.#table.family].accepted--
  }

  readonly #storeOne: PrefixVisitor = (w0, w1, w2, w3, length) => {
    const counters = this.#peer.counters[this.#table.family]
    counters.received++
    if (this.#rib.announce(this.#table, this.#peer.index, w0, w1, w2, w3, length, this.#attributes)) counters.accepted++
  }

  readonly #importOne: PrefixVisitor = (w0, w1, w2, w3, length, pathId) => {
    const verdict = this.#judge(w0, w1, w2, w3, length, this.#peer.importHits)
    const refused = this.#refusal(verdict)
    if (refused !== undefined) {
      this.#peer.counters[this.#table.family].received++
      this.#refuse(refused, w0, w1, w2, w3, length)
      this.#withdrawOne(w0, w1, w2, w3, length, pathId)
      return
    }
    const plain = this.#attributes
    this.#attributes = this.#become(verdict)
    this.#storeOne(w0, w1, w2, w3, length, pathId)
    this.#attributes = plain
  }

  readonly #ineligibleOne: PrefixVisitor = (w0, w1, w2, w3, length, pathId) => {
    this.#peer.counters[this.#table.family].received++
    this.#refuse(this.#ineligibleBy, w0, w1, w2, w3, length)
    this.#withdrawOne(w0, w1, w2, w3, length, pathId)
  }

  /** Sets what the routes in question have in common: whose they are, of which family, and their attributes as they came. */
  #prepare(peer: RoutedPeer, rib: FamilyRib, attributes: number): void {
    const subject = this.#subject
    const { asn, address } = peer.link.declaration
    this.#peer = peer
    this.#table = rib
    this.#attributes = attributes
    this.#stored.id = attributes
    this.#changes.clear()
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
    const made = this.#changed(this.#attributes, [...verdict.actions, ...this.#rules.map(({ actions }) => actions)])
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

  #refuse(rule: string, w0: number, w1: number, w2: number, w3: number, length: number): void {
    const { family } = this.#table
    this.#peer.refused(family, rule, () => formatPrefix(new Prefix(family, length, w0, w1, w2, w3)))
  }

  /** The id of the message's attributes; 0 for treat-as-withdraw. */
  #intern(bytes: Uint8Array, reach: Reach | undefined, messageEnd: number): number | Fault {
    const { attributesAt, attributesEnd, reachAt, unreachAt } = this.#parts
    const hop = this.#hop
    const nextHop = reach?.nextHop
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
    for (const { reaction, attribute, text } of judgement.findings)
      this.#note(reaction, `${attribute}: ${text}`, bytes, messageEnd)
    if (judgement.fault) return judgement.fault
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

  /** RFC 7606 section 5.2: attributes that are wrong, and no route to withdraw for it. */
  #attributesAlone(bytes: Uint8Array, messageEnd: number): Fault | undefined {
    const { attributesAt, attributesEnd } = this.#parts
    const judgement = judgeAttributes(bytes, attributesAt, attributesEnd, this.#peer.sender)
    if (judgement.fault) return judgement.fault
    const wrong = judgement.findings.find(({ reaction }) => reaction === 'treat-as-withdraw')
    // A list without routes may lack what only routes need.
    if (!wrong || wrong.text.startsWith('missing')) return undefined
    this.#note('session-reset', `${wrong.attribute}: ${wrong.text}`, bytes, messageEnd)
    return fault('malformed attribute list', `${wrong.attribute} ${wrong.text}, and no route, RFC 7606 5.2`)
  }

  /** The entry with these actions applied. Interned too, so it is stored once; it holds the entry that it was made of. */
  #changed(id: number, actions: readonly Actions[]): number {
    const table = this.#rib.attributes
    const { nextHop: _came, ...after } = applyActions(actions, table.attributes(id), this.#peer.sender.localAsn)
    const address = this.#nextHop(actions) ?? table.nextHop(id)
    const stated =
      this.#table.family === 'ipv4-unicast' && address?.version === 4 ? { ...after, nextHop: address } : after
    const list = encodeAttributes(stated, { fourOctetAsn: true })
    const hop = this.#hop
    Object.assign(hop, address ?? noNextHop)
    const context = this.#contexts.changedFrom(id, hop.version)
    const summary: AttributeSummary = summarize(list, 0, list.length, this.#peer.sender.localAsn)
    const known = table.find(list, 0, list.length, context, hop)
    return known || table.add(list, 0, list.length, context, hop, summary, undefined, id)
  }

  /** The next hop that the policy gives the route, if it is one for its family: an IPv6 route has none of IPv4. */
  #nextHop(actions: readonly Actions[]): Address | undefined {
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
