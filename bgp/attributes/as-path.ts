/**
 * AS_PATH (type 2, RFC 4271 section 5.1.2) and AS4_PATH (type 17, RFC 6793): the autonomous systems that a route crossed.
 * Kept with four octets an ASN; towards and from a two-octet peer the pair of attributes is split and merged here.
 */

import { u16, u32, type Writer } from '../bytes.ts'
import type { AttributeCodec, SenderContext } from './codec.ts'

export interface AsPathSegment {
  readonly type: 'sequence' | 'set' | 'confed-sequence' | 'confed-set'
  readonly asns: readonly number[]
}
export type AsPath = readonly AsPathSegment[]

/** Stands for an ASN that does not fit two octets (RFC 6793). */
export const asTrans = 23456

const segmentTypes = ['set', 'sequence', 'confed-sequence', 'confed-set'] as const
const longestSegment = 255

const asnWidth = (fourOctetAsn: boolean): 2 | 4 => (fourOctetAsn ? 4 : 2)
const isConfederation = (segment: Pick<AsPathSegment, 'type'>) => segment.type.startsWith('confed')

export const asPath: AttributeCodec<AsPath> = {
  type: 2,
  name: 'AS_PATH',
  optional: false,
  transitive: true,
  malformed: 'treat-as-withdraw',
  check: (bytes, at, end, sender) => {
    const width = asnWidth(sender.fourOctetAsn)
    return (
      checkSegments(bytes, at, end, width) ??
      checkSegmentTypes(bytes, at, end, width, sender) ??
      checkFirst(bytes, at, end, width, sender.firstAsn)
    )
  },
  decode: (bytes, at, end, context) => readSegments(bytes, at, end, asnWidth(context.fourOctetAsn)),
  encode: (path, into, context) => writeSegments(path, into, asnWidth(context.fourOctetAsn)),
  format: formatAsPath,
}

export const as4Path: AttributeCodec<AsPath> = {
  type: 17,
  name: 'AS4_PATH',
  optional: true,
  transitive: true,
  malformed: 'attribute-discard',
  check: (bytes, at, end) => (end > at ? checkSegments(bytes, at, end, 4) : 'empty'),
  refuse: (bytes, at, end, sender) => checkSegmentTypes(bytes, at, end, 4, { ...sender, external: false }),
  decode: (bytes, at, end) => readSegments(bytes, at, end, 4),
  encode: (path, into) => writeSegments(path, into, 4),
  format: formatAsPath,
}

/** Sets in braces, confederation segments in parentheses, as routers print them. */
export function formatAsPath(path: AsPath): string {
  const brackets = {
    sequence: ['', ''],
    set: ['{', '}'],
    'confed-sequence': ['(', ')'],
    'confed-set': ['[', ']'],
  } as const
  return path.map(({ type, asns }) => `${brackets[type][0]}${asns.join(' ')}${brackets[type][1]}`).join(' ')
}

/** Hops that count in the decision process: a set is one, confederation segments none (RFC 4271 9.1.2.2, RFC 5065 5.3). */
export function asPathLength(path: AsPath): number {
  return path.reduce((length, segment) => {
    if (isConfederation(segment)) return length
    return length + (segment.type === 'set' ? 1 : segment.asns.length)
  }, 0)
}

/** Puts `asn` before the path, in a new segment where the first is full or no sequence (RFC 4271 section 5.1.2). */
export function prependAsPath(path: AsPath, asn: number, count = 1): AsPath {
  let result = path
  for (let done = 0; done < count; done++) {
    const [first, ...rest] = result
    result =
      first?.type === 'sequence' && first.asns.length < longestSegment
        ? [{ type: 'sequence', asns: [asn, ...first.asns] }, ...rest]
        : [{ type: 'sequence', asns: [asn] }, ...result]
  }
  return result
}

/** The path of a route from a two-octet peer, from both attributes (RFC 6793 section 4.2.3). */
export function mergeAs4Path(path: AsPath, as4: AsPath): AsPath {
  const real = withoutConfederation(as4)
  const surplus = asPathLength(path) - asPathLength(real)
  if (surplus < 0) return path
  return joinSequences([...leadingHops(path, surplus), ...real])
}

/** Whether an ASN has to be hidden behind AS_TRANS from a two-octet peer. */
export function needsAs4Path(path: AsPath): boolean {
  return path.some((segment) => segment.asns.some((asn) => asn > 0xffff))
}

/** The path without confederation segments, as it leaves a confederation, and as AS4_PATH (RFC 5065 section 4.1, RFC 6793 section 4.2.2). */
export function withoutConfederation(path: AsPath): AsPath {
  return path.filter((segment) => !isConfederation(segment))
}

function leadingHops(path: AsPath, hops: number): AsPathSegment[] {
  const taken: AsPathSegment[] = []
  for (const segment of path) {
    if (isConfederation(segment)) {
      taken.push(segment)
    } else if (hops > 0) {
      const asns = segment.type === 'set' ? segment.asns : segment.asns.slice(0, hops)
      taken.push({ type: segment.type, asns })
      hops -= segment.type === 'set' ? 1 : asns.length
    }
  }
  return taken
}

/** A path may have thousands of segments: each is looked at once. */
function joinSequences(path: AsPath): AsPath {
  const joined: AsPathSegment[] = []
  for (const segment of path) {
    const last = joined.at(-1)
    const both = last?.type === 'sequence' && segment.type === 'sequence' ? [...last.asns, ...segment.asns] : undefined
    if (both && both.length <= longestSegment) joined[joined.length - 1] = { type: 'sequence', asns: both }
    else joined.push(segment)
  }
  return joined
}

/** RFC 7606 section 7.2, and AS 0 by RFC 7607 section 2. */
function checkSegments(bytes: Uint8Array, at: number, end: number, width: 2 | 4): string | undefined {
  while (at < end) {
    if (end - at < 2) return 'segment header cut short'
    const type = bytes[at]!
    const count = bytes[at + 1]!
    if (type < 1 || type > segmentTypes.length) return `segment type ${type}`
    if (count === 0) return 'segment without an ASN'
    const next = at + 2 + count * width
    if (next > end) return `segment of ${count} ASNs cut short`
    for (let asn = at + 2; asn < next; asn += width) {
      if ((width === 2 ? u16(bytes, asn) : u32(bytes, asn)) === 0) return 'AS 0, RFC 7607 2'
    }
    at = next
  }
  return undefined
}

/** Confederation segments from outside are malformed (RFC 5065 section 5); sets are deprecated (RFC 9774). */
function checkSegmentTypes(
  bytes: Uint8Array,
  at: number,
  end: number,
  width: 2 | 4,
  { external, asSets = false }: SenderContext,
): string | undefined {
  for (; at < end; at += 2 + bytes[at + 1]! * width) {
    const type = segmentTypes[bytes[at]! - 1]!
    if (!asSets && (type === 'set' || type === 'confed-set')) return 'AS_SET, RFC 9774 3'
    if (external && isConfederation({ type })) return 'confederation segment from an external peer, RFC 5065 5'
  }
  return undefined
}

function checkFirst(bytes: Uint8Array, at: number, end: number, width: 2 | 4, firstAsn: number): string | undefined {
  if (firstAsn === 0) return undefined
  if (at === end) return 'empty path from an external peer, RFC 4271 6.3'
  const first = width === 2 ? u16(bytes, at + 2) : u32(bytes, at + 2)
  const expected = width === 2 && firstAsn > 0xffff ? asTrans : firstAsn
  return first === expected ? undefined : `first ASN ${first} is not the peer's ${firstAsn}, RFC 4271 6.3`
}

function readSegments(bytes: Uint8Array, at: number, end: number, width: 2 | 4): AsPath {
  const path: AsPathSegment[] = []
  while (at < end) {
    const type = segmentTypes[bytes[at]! - 1]!
    const next = at + 2 + bytes[at + 1]! * width
    const asns: number[] = []
    for (at += 2; at < next; at += width) asns.push(width === 2 ? u16(bytes, at) : u32(bytes, at))
    path.push({ type, asns })
  }
  return path
}

/** A segment counts its ASNs in one octet: a longer one becomes several. */
function writeSegments(path: AsPath, into: Writer, width: 2 | 4): void {
  for (const { type, asns } of path) {
    for (let from = 0; from < asns.length; from += longestSegment) {
      const part = asns.slice(from, from + longestSegment)
      into.u8(segmentTypes.indexOf(type) + 1).u8(part.length)
      for (const asn of part) {
        if (width === 4) into.u32(asn)
        else into.u16(asn > 0xffff ? asTrans : asn)
      }
    }
  }
}
