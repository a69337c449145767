/** The fields of UPDATE. What RFC 7606 finds stands at the attribute that it is about, or at the list where there is none. */

import { Address, formatAddress } from '../address.ts'
import { flags } from '../attributes/codec.ts'
import { mpReachType, mpUnreachType, readReach, readUnreach } from '../attributes/multiprotocol.ts'
import { attributeName, codecOf } from '../attributes/registry.ts'
import { hex, u16, u32 } from '../bytes.ts'
import { type Family, familyNumbers, familyOf } from '../family.ts'
import { type Finding, judgeAttributes } from '../judge.ts'
import { type Fault, isFault } from '../notification.ts'
import { mask } from '../prefix.ts'
import { newUpdateParts, scanUpdate } from '../update.ts'
import { type AnnotateContext, type Field, field, group, rest } from './field.ts'

/** The body of an UPDATE: at least 4 octets. */
export function updateFields(bytes: Uint8Array, at: number, end: number, context: AnnotateContext): Field[] {
  const withdrawnAt = at + 2
  const withdrawnEnd = withdrawnAt + u16(bytes, at)
  const wrong = (length: number, there: number, rfc: string) =>
    length > there ? `${there} octets are there, RFC ${rfc}` : undefined
  const tooMany = wrong(withdrawnEnd - withdrawnAt, end - withdrawnAt - 2, '7606 3b')
  const first = field('length of withdrawn routes', at, withdrawnAt, withdrawnEnd - withdrawnAt, tooMany)
  if (tooMany) return [first, ...rest(bytes, withdrawnAt, end)]
  const listAt = withdrawnEnd + 2
  const listEnd = listAt + u16(bytes, withdrawnEnd)
  const tooLong = wrong(listEnd - listAt, end - listAt, '7606 3b')
  const withdrawn = prefixFields('withdrawn', bytes, withdrawnAt, withdrawnEnd, 'ipv4-unicast', context)
  const second = field('length of attributes', withdrawnEnd, listAt, listEnd - listAt, tooLong)
  const fields = [first, ...withdrawn, second]
  if (tooLong) return [...fields, ...rest(bytes, listAt, end)]
  return [
    ...fields,
    ...attributeFields(bytes, listAt, listEnd, listEnd < end, scanUpdate(bytes, at, end, newUpdateParts()), context),
    ...prefixFields('reachable', bytes, listEnd, end, 'ipv4-unicast', context),
  ]
}

interface Place {
  readonly at: number
  readonly valueAt: number
  readonly end: number
}

function attributeFields(
  bytes: Uint8Array,
  at: number,
  end: number,
  hasRoutes: boolean,
  fault: Fault | undefined,
  context: AnnotateContext,
): Field[] {
  const { places, cutAt } = placesOf(bytes, at, end)
  const reaches = hasRoutes || places.some((place) => bytes[place.at + 1] === mpReachType)
  // Without routes to describe, nothing is required of a list.
  const findings = reaches ? findingsOf(bytes, at, end, context) : []
  const list = places.map((place) => {
    const mine = findings.filter((finding) => finding.offset + at === place.valueAt)
    return attribute(bytes, place, mine, context)
  })
  const cut = cutAt < end ? rest(bytes, cutAt, end, 'ends inside an attribute, RFC 7606 4') : []
  // A value never begins at 0: these are about the list as a whole.
  const missing = findings.filter(({ offset }) => offset === 0).map(said)
  const wrong = [...(fault ? [fault.text] : []), ...missing].join('; ') || undefined
  if (list.length + cut.length === 0 && wrong === undefined) return []
  return [group('path attributes', at, end, [...list, ...cut], wrong)]
}

function findingsOf(bytes: Uint8Array, at: number, end: number, { fourOctetAsn }: AnnotateContext): readonly Finding[] {
  const sender = { external: false, fourOctetAsn, localAsn: 0, firstAsn: 0 }
  return judgeAttributes(bytes, at, end, sender).findings
}

const said = ({ attribute: name, text, reaction }: Finding) => `${name}: ${text} (${reaction})`

/** The whole attributes of a list, and where it is cut; its end where it is not. */
function placesOf(bytes: Uint8Array, at: number, end: number): { places: Place[]; cutAt: number } {
  const places: Place[] = []
  while (at < end) {
    const extended = (bytes[at]! & flags.extendedLength) !== 0
    const valueAt = at + (extended ? 4 : 3)
    const next = valueAt > end ? valueAt : valueAt + (extended ? u16(bytes, at + 2) : bytes[at + 2]!)
    if (next > end) break
    places.push({ at, valueAt, end: next })
    at = next
  }
  return { places, cutAt: at }
}

function attribute(bytes: Uint8Array, place: Place, findings: readonly Finding[], context: AnnotateContext): Field {
  const { at, valueAt, end } = place
  const type = bytes[at + 1]!
  const head = [
    field('flags', at, at + 1, flagNames(bytes[at]!)),
    field('type', at + 1, at + 2, type),
    field('length', at + 2, valueAt, end - valueAt),
  ]
  const wrong =
    findings.length > 0 ? findings.map(({ text, reaction }) => `${text} (${reaction})`).join('; ') : undefined
  return group(attributeName(type), at, end, [...head, ...valueFields(bytes, type, valueAt, end, context)], wrong)
}

function flagNames(octet: number): string {
  const names = [
    octet & flags.optional ? 'optional' : 'well-known',
    octet & flags.transitive ? 'transitive' : 'non-transitive',
    ...(octet & flags.partial ? ['partial'] : []),
    ...(octet & flags.extendedLength ? ['extended length'] : []),
  ]
  return names.join(', ')
}

function valueFields(bytes: Uint8Array, type: number, at: number, end: number, context: AnnotateContext): Field[] {
  if (type === mpReachType) return reachFields(bytes, at, end, context)
  if (type === mpUnreachType) return unreachFields(bytes, at, end, context)
  const codec = codecOf(type)
  const { fourOctetAsn } = context
  // Sets are shown, whatever is thought of them.
  const sender = { external: false, fourOctetAsn, localAsn: 0, firstAsn: 0, asSets: true }
  if (!codec || codec.check(bytes, at, end, sender) !== undefined) return rest(bytes, at, end)
  return at === end ? [] : [field('value', at, end, codec.format(codec.decode(bytes, at, end, { fourOctetAsn })))]
}

function reachFields(bytes: Uint8Array, at: number, end: number, context: AnnotateContext): Field[] {
  const reach = readReach(bytes, at, end)
  if (isFault(reach)) return rest(bytes, at, end, reach.text)
  const hopAt = at + 4
  const hopEnd = reach.nlriAt - 1
  const hop = [reach.nextHop, reach.linkLocal].filter((one) => one !== undefined).map(formatAddress)
  return [
    ...familyFields(bytes, at),
    field('length of next hop', at + 3, hopAt, hopEnd - hopAt),
    field('next hop', hopAt, hopEnd, hop.join(' and ') || hex(bytes, hopAt, hopEnd)),
    field('reserved', hopEnd, reach.nlriAt, bytes[hopEnd]!),
    ...prefixFields('reachable', bytes, reach.nlriAt, end, reach.family, context),
  ]
}

function unreachFields(bytes: Uint8Array, at: number, end: number, context: AnnotateContext): Field[] {
  const unreach = readUnreach(bytes, at, end)
  if (isFault(unreach)) return rest(bytes, at, end, unreach.text)
  return [...familyFields(bytes, at), ...prefixFields('withdrawn', bytes, at + 3, end, unreach.family, context)]
}

function familyFields(bytes: Uint8Array, at: number): Field[] {
  const [afi, safi] = [u16(bytes, at), bytes[at + 2]!]
  return [field('family', at, at + 3, familyOf(afi, safi) ?? `${afi}/${safi}, which is not read`)]
}

/** Each prefix is a field. Those of a family that is not read are octets. */
function prefixFields(
  name: string,
  bytes: Uint8Array,
  at: number,
  end: number,
  family: Family | undefined,
  { addPath }: AnnotateContext,
): Field[] {
  if (!family) return rest(bytes, at, end)
  const fields: Field[] = []
  const identified = addPath.includes(family)
  const [bits, version] = [familyNumbers[family].bits, family === 'ipv4-unicast' ? 4 : 6] as const
  while (at < end) {
    const lengthAt = identified ? at + 4 : at
    if (lengthAt >= end) return [...fields, ...rest(bytes, at, end, 'path identifier cut short, RFC 7911 3')]
    const length = bytes[lengthAt]!
    const next = lengthAt + 1 + ((length + 7) >> 3)
    if (length > bits) return [...fields, ...rest(bytes, at, end, `prefix of ${length} bits, RFC 7606 5.3`)]
    if (next > end) return [...fields, ...rest(bytes, at, end, 'prefix cut short, RFC 7606 5.3')]
    const path = identified ? ` (path ${u32(bytes, at)})` : ''
    fields.push(field(name, at, next, `${prefixText(bytes, lengthAt + 1, next, version, length)}${path}`))
    at = next
  }
  return fields
}

function prefixText(bytes: Uint8Array, at: number, end: number, version: 4 | 6, length: number): string {
  const octets = new Uint8Array(16)
  octets.set(bytes.subarray(at, end))
  const word = (index: number) => u32(octets, index * 4) & mask(length - index * 32)
  return `${new Address(version, word(0), word(1), word(2), word(3))}/${length}`
}
