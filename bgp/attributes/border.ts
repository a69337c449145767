/**
 * What crossing the border of an AS does to the attributes of a route (RFC 4271 section 5.1): as values, and, for the lists that nearly all
 * routes have, from octets to octets with no value in between, at a fraction of the cost.
 */

import type { Address } from '../address.ts'
import { word } from '../bytes.ts'
import { asPath, prependAsPath, withoutConfederation } from './as-path.ts'
import { aggregator, atomicAggregate, localPref, med, nextHop, origin } from './basic.ts'
import { flags } from './codec.ts'
import { communities, extendedCommunities, isTransitiveExtendedCommunity, largeCommunities } from './communities.ts'
import { clusterList, originatorId } from './reflection.ts'
import { type Attributes, walkAttributes } from './registry.ts'

/**
 * The attributes as an external peer is sent them: `localAsn` before the path, and without what stays inside the AS. NEXT_HOP and MED are left
 * to the caller: the one is the session's, the other may be the speaker's own.
 */
export function acrossBorder(attributes: Attributes, localAsn: number): Attributes {
  const { localPref: _localPref, originatorId: _originator, clusterList: _clusters, ...rest } = attributes
  const extended = rest.extendedCommunities?.filter(isTransitiveExtendedCommunity)
  return {
    ...rest,
    asPath: prependAsPath(withoutConfederation(rest.asPath ?? []), localAsn),
    ...(extended && { extendedCommunities: extended }),
  }
}

const mostTypes = 32
const sequence = 2
const longestSegment = 255
/** More communities than these are not sorted by insertion. */
const mostSorted = 64
/** What a list can grow by: an ASN in a segment of its own, NEXT_HOP, and a longer header. */
const growth = 32
const optionalTransitive = flags.optional | flags.transitive

/** Of the type of an extended community (RFC 4360 section 2). */
const insideOnly = 0x40

/** Where the value of each type that is copied begins, 0 where there is none; and its octets. */
const begins = new Int32Array(mostTypes + 1)
const lengths = new Int32Array(mostTypes + 1)

/**
 * Writes what the encoder would make, for a peer of four-octet ASNs, of `acrossBorder` of a judged list of four-octet ASNs: without MED, and
 * with `hop` as NEXT_HOP where that is an IPv4 address. Returns the octets written; -1, with anything in `into`, where something in the list is
 * rare, or there is too little room.
 */
export function copyAcrossBorder(
  bytes: Uint8Array,
  at: number,
  end: number,
  localAsn: number,
  hop: Address,
  into: Uint8Array,
): number {
  if (end - at + growth > into.length || !locate(bytes, at, end)) return -1
  let to = copied(origin.type, flags.transitive, bytes, into, 0)
  to = pathWith(localAsn, bytes, into, to)
  if (hop.version === 4) to = putWord(hop.w0, into, putHeader(nextHop.type, flags.transitive, 4, into, to))
  to = copied(atomicAggregate.type, flags.transitive, bytes, into, to)
  to = copied(aggregator.type, optionalTransitive, bytes, into, to)
  to = copied(communities.type, optionalTransitive, bytes, into, to)
  if (begins[communities.type] !== 0 && !sortWords(into, to - lengths[communities.type]!, to)) return -1
  to = copied(extendedCommunities.type, optionalTransitive, bytes, into, to)
  return copied(largeCommunities.type, optionalTransitive, bytes, into, to)
}

/** Finds the attributes that are copied; false where one is not to be copied as it is. */
function locate(bytes: Uint8Array, at: number, end: number): boolean {
  begins.fill(0)
  let isPlain = true
  const isWhole = walkAttributes(bytes, at, end, (_flags, type, from, to) => {
    if (isDropped(type)) return
    if (type > mostTypes || begins[type] !== 0 || !isCopied(type, bytes, from, to)) {
      isPlain = false
      return
    }
    begins[type] = from
    lengths[type] = to - from
  })
  return isWhole && isPlain && begins[asPath.type] !== 0
}

function isDropped(type: number): boolean {
  switch (type) {
    case nextHop.type:
    case med.type:
    case localPref.type:
    case originatorId.type:
    case clusterList.type:
      return true
    default:
      return false
  }
}

/** Whether the encoder would make the same octets of this value, but for the order of communities. */
function isCopied(type: number, bytes: Uint8Array, from: number, to: number): boolean {
  switch (type) {
    case origin.type:
    case atomicAggregate.type:
      return true
    case asPath.type:
      return hasSequencesOnly(bytes, from, to)
    case aggregator.type:
      return to - from === 8
    case communities.type:
      return to > from && to - from <= mostSorted * 4
    case extendedCommunities.type:
      return isAscending(bytes, from, to, 8) && isTransitiveAlways(bytes, from, to)
    case largeCommunities.type:
      return isAscending(bytes, from, to, 12)
    default:
      return false
  }
}

function hasSequencesOnly(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 2 + bytes[at + 1]! * 4) if (bytes[at] !== sequence) return false
  return true
}

/** Whether values of so many octets stand in order, none twice, and at least one. */
function isAscending(bytes: Uint8Array, from: number, to: number, size: number): boolean {
  for (let at = from + size; at < to; at += size) if (!isBefore(bytes, at - size, at, size)) return false
  return to > from
}

function isBefore(bytes: Uint8Array, one: number, other: number, size: number): boolean {
  for (let index = 0; index < size; index++) {
    const difference = bytes[one + index]! - bytes[other + index]!
    if (difference !== 0) return difference < 0
  }
  return false
}

function isTransitiveAlways(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 8) if ((bytes[at]! & insideOnly) !== 0) return false
  return true
}

/** AS_PATH with one more ASN at its head. */
function pathWith(asn: number, bytes: Uint8Array, into: Uint8Array, at: number): number {
  const from = begins[asPath.type]!
  const length = lengths[asPath.type]!
  const count = length > 0 ? bytes[from + 1]! : longestSegment
  const joins = count < longestSegment
  let to = putHeader(asPath.type, flags.transitive, length + (joins ? 4 : 6), into, at)
  into[to] = sequence
  into[to + 1] = joins ? count + 1 : 1
  to = putWord(asn, into, to + 2)
  return copyOctets(bytes, joins ? from + 2 : from, from + length, into, to)
}

function copied(type: number, attributeFlags: number, bytes: Uint8Array, into: Uint8Array, at: number): number {
  const from = begins[type]!
  if (from === 0) return at
  const length = lengths[type]!
  return copyOctets(bytes, from, from + length, into, putHeader(type, attributeFlags, length, into, at))
}

function putHeader(type: number, attributeFlags: number, length: number, into: Uint8Array, at: number): number {
  const isLong = length > 255
  into[at++] = isLong ? attributeFlags | flags.extendedLength : attributeFlags
  into[at++] = type
  if (isLong) into[at++] = length >>> 8
  into[at++] = length
  return at
}

function putWord(value: number, into: Uint8Array, at: number): number {
  into[at] = value >>> 24
  into[at + 1] = value >>> 16
  into[at + 2] = value >>> 8
  into[at + 3] = value
  return at + 4
}

/** By hand: values are too short for a call of the platform. */
function copyOctets(bytes: Uint8Array, from: number, end: number, into: Uint8Array, at: number): number {
  for (; from < end; from++) into[at++] = bytes[from]!
  return at
}

/** Sorts unsigned words in place; false where one is there twice. */
function sortWords(bytes: Uint8Array, from: number, end: number): boolean {
  for (let next = from + 4; next < end; next += 4) {
    const moving = word(bytes, next) >>> 0
    let at = next
    for (; at > from; at -= 4) {
      const before = word(bytes, at - 4) >>> 0
      if (before === moving) return false
      if (before < moving) break
      putWord(before, bytes, at)
    }
    if (at !== next) putWord(moving, bytes, at)
  }
  return true
}
