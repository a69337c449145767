/**
 * From the attributes of a message to an entry of the attribute table: known ones are found by their octets, others are judged (RFC 7606),
 * noted where they are malformed, and entered at the expense of the peer that sent them.
 */

import {
  type Address,
  type AttributeSummary,
  type Attributes,
  encodeAttributes,
  type Family,
  type Fault,
  fault,
  hex,
  type Judgement,
  judgeAttributes,
  type Reach,
  type Reaction,
  summarize,
  type UpdateParts,
} from 'bgp-ts'
import { type Actions, applyActions, nextHopOf } from '../../policy/index.ts'
import { shownOctets } from '../malformed.ts'
import { type RoutedPeer, usualAttributeOctets } from '../routed-peer.ts'
import type { World } from '../world.ts'
import { costOf, type NextHopWords, noNextHop } from './attribute-entry.ts'
import type { AttributeTable } from './attribute-table.ts'
import type { ContextIds } from './context-ids.ts'
import type { Identity } from './usable.ts'

/** No entry: the routes are treated as withdrawn. */
export const unusable = 0
/** No entry, though nothing is wrong with the attributes: those of this peer take all the memory that they may. */
export const beyondMemory = -1

export class AttributeReader {
  readonly #world: Pick<World, 'clock' | 'log'>
  readonly #table: AttributeTable
  readonly #contexts: ContextIds
  readonly #own: Identity
  /** The attribute list of a message, where MP attributes have to be cut out of it. */
  readonly #scratch = new Uint8Array(65536)
  readonly #hop: NextHopWords = { ...noNextHop }
  // What the attributes in question are found by.
  #key: Uint8Array = this.#scratch
  #keyAt = 0
  #keyEnd = 0
  #context = 0
  #sound!: Judgement

  constructor(world: Pick<World, 'clock' | 'log'>, table: AttributeTable, contexts: ContextIds, own: Identity) {
    this.#world = world
    this.#table = table
    this.#contexts = contexts
    this.#own = own
  }

  /** The id of the message's attributes; `unusable` for treat-as-withdraw, or `beyondMemory`. */
  intern(
    peer: RoutedPeer,
    bytes: Uint8Array,
    parts: Readonly<UpdateParts>,
    reach: Reach | undefined,
    end: number,
  ): number | Fault {
    const known = this.#find(peer, bytes, parts, reach)
    if (known) return known
    const judgement = judgeAttributes(bytes, parts.attributesAt, parts.attributesEnd, peer.sender)
    if (judgement.fault) return judgement.fault
    if (judgement.reaction !== 'none') {
      const said = judgement.findings.map(({ attribute, text }) => `${attribute}: ${text}`).join('; ')
      this.note(peer, judgement.reaction, said, bytes, parts, end)
    }
    if (judgement.reaction === 'treat-as-withdraw') return unusable
    if (lacksNextHop(judgement, reach)) {
      this.note(peer, 'treat-as-withdraw', 'NEXT_HOP: missing, RFC 7606 3d', bytes, parts, end)
      return unusable
    }
    return this.#add(peer, judgement)
  }

  /** Whether nothing at all is wrong with the message's attributes. They can be interned by `internSound` until the next message is read. */
  isSound(peer: RoutedPeer, bytes: Uint8Array, parts: Readonly<UpdateParts>, reach: Reach | undefined): boolean {
    const judgement = judgeAttributes(bytes, parts.attributesAt, parts.attributesEnd, peer.sender)
    this.#sound = judgement
    return judgement.reaction === 'none' && !lacksNextHop(judgement, reach)
  }

  /** The id of attributes that `isSound` was asked about, or `beyondMemory`. */
  internSound(peer: RoutedPeer, bytes: Uint8Array, parts: Readonly<UpdateParts>, reach: Reach | undefined): number {
    return this.#find(peer, bytes, parts, reach) || this.#add(peer, this.#sound)
  }

  /** The id of attributes that are known, or 0; leaves the key for `#add`. */
  #find(peer: RoutedPeer, bytes: Uint8Array, parts: Readonly<UpdateParts>, reach: Reach | undefined): number {
    const { attributesAt, attributesEnd, reachAt, unreachAt } = parts
    const hop = this.#hop
    const nextHop = reach && hopOf(reach)
    hop.version = nextHop?.version ?? 0
    hop.w0 = nextHop?.w0 ?? 0
    hop.w1 = nextHop?.w1 ?? 0
    hop.w2 = nextHop?.w2 ?? 0
    hop.w3 = nextHop?.w3 ?? 0
    const cut = reachAt > 0 || unreachAt > 0
    this.#key = cut ? this.#scratch : bytes
    this.#keyAt = cut ? 0 : attributesAt
    this.#keyEnd = cut ? this.#withoutMultiprotocol(bytes, parts) : attributesEnd
    this.#context = this.#contexts.of(peer.sender, hop.version)
    return this.#table.find(this.#key, this.#keyAt, this.#keyEnd, this.#context, hop)
  }

  #add(peer: RoutedPeer, { canonical, summary }: Judgement): number {
    const { share } = peer
    const { attributeOctets = usualAttributeOctets } = peer.link.declaration
    const cost = costOf(this.#keyEnd - this.#keyAt, canonical?.length)
    if (share.octets + cost > attributeOctets) return beyondMemory
    const terms = { share, ...(canonical && { list: canonical }) }
    return this.#table.add(this.#key, this.#keyAt, this.#keyEnd, this.#context, this.#hop, summary, terms)
  }

  /** RFC 7606 section 5.2: attributes that are wrong, and no announcement to withdraw for it. */
  judgeAlone(
    peer: RoutedPeer,
    bytes: Uint8Array,
    { attributesAt, attributesEnd }: Readonly<UpdateParts>,
  ): Fault | undefined {
    const judgement = judgeAttributes(bytes, attributesAt, attributesEnd, peer.sender)
    if (judgement.fault) return judgement.fault
    const wrong = judgement.findings.find(({ reaction }) => reaction === 'treat-as-withdraw')
    // A list without routes may lack what only routes need.
    if (!wrong || wrong.text.startsWith('missing')) return undefined
    return fault('malformed attribute list', `${wrong.attribute} ${wrong.text}, and no route, RFC 7606 5.2`)
  }

  /** The entry with these actions applied, for routes of a family. Interned too, so it is stored once; it holds the entry that it was made of. */
  rewritten(peer: RoutedPeer, family: Family, id: number, actions: readonly Actions[]): number {
    const table = this.#table
    const after = applyActions(actions, table.attributes(id), peer.sender.localAsn)
    const asked = this.#nextHop(peer, family, actions)
    const list = encodeAttributes(asked ? withNextHop(after, asked) : after, { fourOctetAsn: true })
    const hop = this.#hop
    Object.assign(hop, asked ?? table.nextHop(id) ?? noNextHop)
    const context = this.#contexts.changedFrom(id, hop.version)
    const summary: AttributeSummary = summarize(list, 0, list.length, peer.sender.localAsn)
    const known = table.find(list, 0, list.length, context, hop)
    return known || table.add(list, 0, list.length, context, hop, summary, { share: peer.share, plain: id })
  }

  /** Notes a malformed UPDATE by what is done about it. */
  note(
    peer: RoutedPeer,
    reaction: Reaction,
    text: string,
    bytes: Uint8Array,
    { withdrawnAt }: Readonly<UpdateParts>,
    end: number,
  ): void {
    const from = withdrawnAt - 2
    peer.malformed.note(this.#world, peer.name, reaction, text, () =>
      hex(bytes, from, Math.min(end, from + shownOctets)),
    )
  }

  /** Copies the attribute list without MP_REACH and MP_UNREACH into the scratch; returns its length. An attribute that is absent goes from 0 to 0. */
  #withoutMultiprotocol(bytes: Uint8Array, parts: Readonly<UpdateParts>): number {
    const { attributesAt, attributesEnd, reachFrom, reachEnd, unreachFrom, unreachEnd } = parts
    const scratch = this.#scratch
    let length = 0
    for (let at = attributesAt; at < attributesEnd; at++) {
      if (at === reachFrom && reachEnd > 0) at = reachEnd
      if (at === unreachFrom && unreachEnd > 0) at = unreachEnd
      if (at === reachFrom && reachEnd > 0) at = reachEnd
      if (at < attributesEnd) scratch[length++] = bytes[at]!
    }
    return length
  }

  /** The next hop that the policy gives the route, if it is one for its family: an IPv6 route has none of IPv4. */
  #nextHop(peer: RoutedPeer, family: Family, actions: readonly Actions[]): Address | undefined {
    if (actions.every(({ nextHop }) => nextHop === undefined)) return undefined
    const asked = nextHopOf(actions, family)
    const address = asked === 'self' ? this.#ownAddress(peer, family) : asked === 'unchanged' ? undefined : asked
    return family === 'ipv6-unicast' && address?.version === 4 ? undefined : address
  }

  #ownAddress(peer: RoutedPeer, family: Family): Address | undefined {
    const version = family === 'ipv4-unicast' ? 4 : 6
    const session = peer.link.localAddress
    return session?.version === version ? session : this.#own.addresses.find((one) => one.version === version)
  }
}

/** NEXT_HOP is mandatory for routes outside MP_REACH_NLRI (RFC 7606 section 3d). */
function lacksNextHop({ summary }: Judgement, reach: Reach | undefined): boolean {
  return reach === undefined && !summary.hasNextHop
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
