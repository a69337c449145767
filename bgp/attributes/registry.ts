/**
 * Every attribute this library understands. A new one is a file beside this one and a line here:
 * the type `Attributes`, the decoder, the encoder and the printer follow from the table.
 */

import { Writer } from '../bytes.ts'
import { as4Path, asPath, needsAs4Path, withoutConfederation } from './as-path.ts'
import { aggregator, as4Aggregator, atomicAggregate, localPref, med, nextHop, origin } from './basic.ts'
import { type AttributeCodec, type AttributeContext, flags } from './codec.ts'
import { communities, extendedCommunities, largeCommunities } from './communities.ts'
import { clusterList, originatorId } from './reflection.ts'

/** In ascending order of type, which is the order in which they are sent. */
export const attributeCodecs = {
  origin,
  asPath,
  nextHop,
  med,
  localPref,
  atomicAggregate,
  aggregator,
  communities,
  originatorId,
  clusterList,
  extendedCommunities,
  as4Path,
  as4Aggregator,
  largeCommunities,
}

type Codecs = typeof attributeCodecs
type ValueOf<Codec> = Codec extends AttributeCodec<infer Value> ? Value : never

/** An attribute that is passed on without being understood. */
export interface UnknownAttribute {
  readonly flags: number
  readonly type: number
  readonly value: Uint8Array
}

/** The attributes of a route, by name; what the route does not have is not there. */
export type Attributes = { readonly [Name in keyof Codecs]?: ValueOf<Codecs[Name]> } & {
  readonly unknown?: readonly UnknownAttribute[]
}

const entries = Object.entries(attributeCodecs) as [keyof Codecs, AttributeCodec<unknown>][]
const byType: ([keyof Codecs, AttributeCodec<unknown>] | undefined)[] = []
for (const entry of entries) byType[entry[1].type] = entry

export function codecOf(type: number): AttributeCodec<unknown> | undefined {
  return byType[type]?.[1]
}

/** The accumulated IGP metric of RFC 7311, which is never switched on here. */
export const aigpType = 26

/** The name of an attribute in RFCs, or its number. */
export function attributeName(type: number): string {
  if (type === 14) return 'MP_REACH_NLRI'
  if (type === 15) return 'MP_UNREACH_NLRI'
  if (type === aigpType) return 'AIGP'
  return codecOf(type)?.name ?? `attribute ${type}`
}

/** Visits each attribute of a list by offset; false when the list is cut short in a header or a value (RFC 7606 section 4). */
export function walkAttributes(
  bytes: Uint8Array,
  at: number,
  end: number,
  visit: (flags: number, type: number, valueAt: number, valueEnd: number) => void,
): boolean {
  while (at < end) {
    const extended = (bytes[at]! & flags.extendedLength) !== 0
    const valueAt = at + (extended ? 4 : 3)
    if (valueAt > end) return false
    const length = extended ? (bytes[at + 2]! << 8) | bytes[at + 3]! : bytes[at + 2]!
    if (valueAt + length > end) return false
    visit(bytes[at]!, bytes[at + 1]!, valueAt, valueAt + length)
    at = valueAt + length
  }
  return true
}

/** The attributes of a judged list as values. Multiprotocol ones are left out: they carry routes, and are read apart. */
export function decodeAttributes(bytes: Uint8Array, at: number, end: number, context: AttributeContext): Attributes {
  const known: Record<string, unknown> = {}
  const unknown: UnknownAttribute[] = []
  walkAttributes(bytes, at, end, (attributeFlags, type, valueAt, valueEnd) => {
    const entry = byType[type]
    if (type === 14 || type === 15) return
    if (entry) known[entry[0]] ??= entry[1].decode(bytes, valueAt, valueEnd, context)
    else unknown.push({ flags: attributeFlags & 0xe0, type, value: bytes.slice(valueAt, valueEnd) })
  })
  return (unknown.length > 0 ? { ...known, unknown } : known) as Attributes
}

/**
 * An attribute list in ascending order of type. Towards a two-octet peer large ASNs become AS_TRANS, with AS4_PATH and
 * AS4_AGGREGATOR beside them; towards a four-octet peer neither of those is ever sent (RFC 6793 section 4).
 */
export function encodeAttributes(attributes: Attributes, context: AttributeContext): Uint8Array {
  const { as4Path: _path, as4Aggregator: _aggregator, unknown = [], ...plain } = attributes
  const shadows = context.fourOctetAsn ? {} : as4Shadows(attributes)
  const values: Record<string, unknown> = { ...plain, ...shadows }
  const list = unknown.map(({ flags: own, type, value }) => ({ flags: own, type, value }))
  for (const [name, codec] of entries) {
    if (values[name] === undefined) continue
    scratch.clear()
    codec.encode(values[name], scratch, context)
    // An empty set is no attribute at all: a zero length would be malformed (RFC 7606 section 4).
    if (scratch.length === 0 && name !== 'asPath' && name !== 'atomicAggregate') continue
    list.push({ flags: flagsOf(codec), type: codec.type, value: scratch.done() })
  }
  scratch.clear()
  for (const one of list.sort((a, b) => a.type - b.type)) writeAttribute(scratch, one.flags, one.type, one.value)
  return scratch.done()
}

/** Of one attribute, then of the list: a table that is passed on is encoded a hundred thousand times. */
const scratch = new Writer()

function as4Shadows({ asPath: path, aggregator: by }: Attributes): Pick<Attributes, 'as4Path' | 'as4Aggregator'> {
  return {
    ...(path && needsAs4Path(path) && { as4Path: withoutConfederation(path) }),
    ...(by && by.asn > 0xffff && { as4Aggregator: by }),
  }
}

function flagsOf(codec: AttributeCodec<unknown>): number {
  return (codec.optional ? flags.optional : 0) | (codec.transitive ? flags.transitive : 0)
}

function writeAttribute(into: Writer, attributeFlags: number, type: number, value: Uint8Array): void {
  if (value.length > 255)
    into
      .u8(attributeFlags | flags.extendedLength)
      .u8(type)
      .u16(value.length)
  else into.u8(attributeFlags).u8(type).u8(value.length)
  into.bytes(value)
}

/** `name value` pairs, for people. */
export function formatAttributes(attributes: Attributes): string {
  const known = entries.flatMap(([name, codec]) => {
    const value = attributes[name]
    return value === undefined ? [] : [`${codec.name} ${codec.format(value)}`.trim()]
  })
  const unknown = (attributes.unknown ?? []).map((one) => `attribute ${one.type} (${one.value.length} octets)`)
  return [...known, ...unknown].join(', ')
}
