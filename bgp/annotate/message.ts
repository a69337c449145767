/**
 * Messages as trees of fields, with the place of each: for a page that shows octets beside their meaning. Unlike the decoder it goes on
 * behind what is wrong, as far as lengths still hold.
 */

import { hex, u16 } from '../bytes.ts'
import { familyOf } from '../family.ts'
import { checkHeader, extendedMaximumLength, headerLength, messageTypes } from '../framer.ts'
import { describeNotification, printable } from '../notification.ts'
import { type AnnotateContext, type Field, field, group, rest } from './field.ts'
import { openFields } from './open.ts'
import { updateFields } from './update.ts'

const names: Readonly<Record<number, string>> = {
  [messageTypes.open]: 'OPEN',
  [messageTypes.update]: 'UPDATE',
  [messageTypes.notification]: 'NOTIFICATION',
  [messageTypes.keepalive]: 'KEEPALIVE',
  [messageTypes.routeRefresh]: 'ROUTE-REFRESH',
}

/** A field for each message; octets behind a wrong header are one field more. */
export function annotate(
  octets: Uint8Array,
  context: AnnotateContext = { fourOctetAsn: true, addPath: [] },
): readonly Field[] {
  const fields: Field[] = []
  let at = 0
  while (at < octets.length) {
    const there = octets.length - at
    if (there < headerLength) {
      return [
        ...fields,
        ...rest(octets, at, octets.length, `${there} octets are no header of ${headerLength}, RFC 4271 4.1`),
      ]
    }
    const wrong = checkHeader(octets, at, extendedMaximumLength)
    const length = u16(octets, at + 16)
    if (wrong || length > there) {
      const text = wrong?.text ?? `${there} octets are there, RFC 4271 4.1`
      const inside = [...header(octets, at), ...rest(octets, at + headerLength, octets.length)]
      return [...fields, group(names[octets[at + 18]!] ?? 'message', at, octets.length, inside, text)]
    }
    const end = at + length
    const type = octets[at + 18]!
    const inside = [...header(octets, at), ...body(octets, type, at + headerLength, end, context)]
    fields.push(group(names[type] ?? 'message', at, end, inside))
    at = end
  }
  return fields
}

function header(bytes: Uint8Array, at: number): Field[] {
  const type = bytes[at + 18]!
  const marker = bytes.subarray(at, at + 16).every((octet) => octet === 0xff) ? 'all ones' : hex(bytes, at, at + 16)
  return [
    field('marker', at, at + 16, marker),
    field('length', at + 16, at + 18, u16(bytes, at + 16)),
    field('type', at + 18, at + 19, names[type] ? `${type}, ${names[type]}` : type),
  ]
}

function body(bytes: Uint8Array, type: number, at: number, end: number, context: AnnotateContext): readonly Field[] {
  switch (type) {
    case messageTypes.open:
      return openFields(bytes, at, end)
    case messageTypes.update:
      return updateFields(bytes, at, end, context)
    case messageTypes.notification:
      return notificationFields(bytes, at, end)
    case messageTypes.routeRefresh:
      return refreshFields(bytes, at, end)
    default:
      return []
  }
}

function notificationFields(bytes: Uint8Array, at: number, end: number): Field[] {
  const [code, subcode] = [bytes[at]!, bytes[at + 1]!]
  const dataAt = at + 2
  const fields = [
    field('code', at, at + 1, code),
    field('subcode', at + 1, dataAt, `${subcode}: ${describeNotification(code, subcode)}`),
  ]
  const length = bytes[dataAt] ?? 0
  // RFC 9003 section 2: what was said with a shutdown or a reset.
  const speaks = code === 6 && (subcode === 2 || subcode === 4) && length > 0
  if (!speaks || dataAt + 1 + length > end) return [...fields, ...rest(bytes, dataAt, end)]
  const textEnd = dataAt + 1 + length
  const text = printable(new TextDecoder().decode(bytes.subarray(dataAt + 1, textEnd)))
  return [
    ...fields,
    field('length of text', dataAt, dataAt + 1, length),
    field('text', dataAt + 1, textEnd, text),
    ...rest(bytes, textEnd, end),
  ]
}

function refreshFields(bytes: Uint8Array, at: number, end: number): Field[] {
  const [afi, subtype, safi] = [u16(bytes, at), bytes[at + 2]!, bytes[at + 3]!]
  const isMarker = subtype === 1 || subtype === 2
  const wrong = isMarker && end - at !== 4 ? `${end - at} octets, RFC 7313 5` : undefined
  const meaning = ['request', 'begin', 'end'][subtype]
  return [
    field('AFI', at, at + 2, afi),
    field('subtype', at + 2, at + 3, meaning ? `${subtype}, ${meaning}` : subtype),
    field('SAFI', at + 3, at + 4, `${safi}${familyOf(afi, safi) ? `, ${familyOf(afi, safi)}` : ''}`),
    ...rest(bytes, at + 4, end, wrong),
  ]
}
