/**
 * The attribute lists that nearly all routes have: nothing wrong, nothing rare, nothing to change. They are recognised and summed up in one walk
 * that makes no object, at a fifth of what judging costs. Anything else is left to `judgeAttributes`, which says the same of these, only slower.
 */

import { asPath } from './attributes/as-path.ts'
import { aggregator, atomicAggregate, localPref, med, nextHop, origin, origins } from './attributes/basic.ts'
import { flags, type SenderContext } from './attributes/codec.ts'
import { communities, extendedCommunities, largeCommunities } from './attributes/communities.ts'
import { mpReachType, mpUnreachType } from './attributes/multiprotocol.ts'
import { clusterList, originatorId } from './attributes/reflection.ts'
import { u32, word } from './bytes.ts'
import { type AttributeSummary, summarizeCommunity } from './summary.ts'

const kind = flags.optional | flags.transitive
const wellKnown = flags.transitive
const optionalTransitive = flags.optional | flags.transitive
const optionalOnly = flags.optional
const sequence = 2
/** As many types as a bit each has room for; beyond it no type is plain. */
const mostTypes = 32
const isRequired = (1 << (origin.type & 31)) | (1 << (asPath.type & 31))

/** Fills a new summary; false where the list has to be judged. Multiprotocol attributes are left aside. */
export function readPlainList(
  bytes: Uint8Array,
  at: number,
  end: number,
  sender: SenderContext,
  into: AttributeSummary,
): boolean {
  if (!sender.fourOctetAsn) return false
  let seen = 0
  while (at < end) {
    const own = bytes[at]!
    const type = bytes[at + 1]!
    const extended = (own & flags.extendedLength) !== 0
    const from = at + (extended ? 4 : 3)
    if (from > end) return false
    const next = from + (extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!)
    if (next > end) return false
    at = next
    if (type === mpReachType || type === mpUnreachType) continue
    const bit = 1 << (type & 31)
    if (type > mostTypes || (seen & bit) !== 0) return false
    seen |= bit
    if ((own & kind) !== kindOf(type, sender.external)) return false
    if (!readPlain(type, bytes, from, next, sender, into)) return false
  }
  return (seen & isRequired) === isRequired
}

/** The flags of a type that can be plain; -1 for any other. */
function kindOf(type: number, external: boolean): number {
  switch (type) {
    case origin.type:
    case asPath.type:
    case nextHop.type:
    case atomicAggregate.type:
      return wellKnown
    case med.type:
      return optionalOnly
    case aggregator.type:
    case communities.type:
    case extendedCommunities.type:
    case largeCommunities.type:
      return optionalTransitive
    case localPref.type:
      return external ? -1 : wellKnown
    case originatorId.type:
    case clusterList.type:
      return external ? -1 : optionalOnly
    default:
      return -1
  }
}

function readPlain(
  type: number,
  bytes: Uint8Array,
  at: number,
  end: number,
  sender: SenderContext,
  into: AttributeSummary,
): boolean {
  const length = end - at
  switch (type) {
    case origin.type:
      into.origin = bytes[at]!
      return length === 1 && into.origin < origins.length
    case asPath.type:
      return readPlainPath(bytes, at, end, sender, into)
    case nextHop.type:
      into.hasNextHop = true
      into.nextHop = word(bytes, at)
      return length === 4
    case med.type:
      into.med = u32(bytes, at)
      return length === 4
    case localPref.type:
      into.localPref = u32(bytes, at)
      return length === 4
    case atomicAggregate.type:
      return length === 0
    case aggregator.type:
      return length === 8 && u32(bytes, at) !== 0
    case communities.type:
      for (let value = at; value + 4 <= end; value += 4) summarizeCommunity(u32(bytes, value), into)
      return length > 0 && length % 4 === 0
    case extendedCommunities.type:
      return length > 0 && length % 8 === 0
    case largeCommunities.type:
      return length > 0 && length % 12 === 0
    case originatorId.type:
      into.originatorId = u32(bytes, at)
      return length === 4
    default:
      into.clusterListLength = length / 4
      return length > 0 && length % 4 === 0
  }
}

/** Sequences of ASNs alone, and none of them 0. */
function readPlainPath(
  bytes: Uint8Array,
  at: number,
  end: number,
  { firstAsn, localAsn }: SenderContext,
  into: AttributeSummary,
): boolean {
  if (at === end) return firstAsn === 0
  const first = at + 6 <= end ? u32(bytes, at + 2) : 0
  if (firstAsn !== 0 && first !== firstAsn) return false
  into.neighbourAsn = first
  while (at < end) {
    const count = bytes[at + 1]!
    if (end - at < 2 || bytes[at] !== sequence || count === 0) return false
    const next = at + 2 + count * 4
    if (next > end) return false
    into.asPathLength += count
    for (at += 2; at < next; at += 4) {
      const asn = u32(bytes, at)
      if (asn === 0) return false
      if (asn === localAsn) into.looped = true
    }
  }
  return true
}
