/** The fields of OPEN: of the ordinary form and of the extended one of RFC 9072. */

import { formatIpv4 } from '../address.ts'
import { u16, u32 } from '../bytes.ts'
import { decodeCapability, formatCapability } from '../capability.ts'
import { bgpVersion, capabilitiesParameter, extendedParameters } from '../open.ts'
import { type Field, field, group, rest } from './field.ts'

/** The body of an OPEN: at least 10 octets. */
export function openFields(bytes: Uint8Array, at: number, end: number): Field[] {
  const version = bytes[at]!
  const wrongVersion = version === bgpVersion ? undefined : `not ${bgpVersion}, RFC 4271 6.2`
  const holdTime = u16(bytes, at + 3)
  const wrongTime = holdTime === 1 || holdTime === 2 ? 'neither 0 nor at least 3, RFC 4271 6.2' : undefined
  const identifier = u32(bytes, at + 5)
  return [
    field('version', at, at + 1, version, wrongVersion),
    field('autonomous system', at + 1, at + 3, u16(bytes, at + 1)),
    field('hold time', at + 3, at + 5, `${holdTime} s`, wrongTime),
    field('identifier', at + 5, at + 9, formatIpv4(identifier), identifier === 0 ? 'zero, RFC 6286 2.2' : undefined),
    ...parameterFields(bytes, at + 9, end),
  ]
}

/** `at` is the octet of the parameters' length. */
function parameterFields(bytes: Uint8Array, at: number, end: number): Field[] {
  const length = bytes[at]!
  const extended = length !== 0 && end - at >= 4 && bytes[at + 1] === extendedParameters
  const from = at + (extended ? 4 : 1)
  const claimed = extended ? u16(bytes, at + 2) : length
  const wrong = from + claimed === end ? undefined : `${end - from} octets are there, RFC 4271 6.2`
  const fields: Field[] = [field('length of parameters', at, from, claimed, wrong)]
  const headerSize = extended ? 3 : 2
  for (let next = from; next < end; ) {
    const valueAt = next + headerSize
    const valueEnd = valueAt > end ? valueAt : valueAt + (extended ? u16(bytes, next + 1) : bytes[next + 1]!)
    if (valueEnd > end) return [...fields, ...rest(bytes, next, end, 'parameter cut short, RFC 4271 6.2')]
    fields.push(parameter(bytes, next, valueAt, valueEnd))
    next = valueEnd
  }
  return fields
}

function parameter(bytes: Uint8Array, at: number, valueAt: number, end: number): Field {
  const type = bytes[at]!
  const head = [field('type', at, at + 1, type), field('length', at + 1, valueAt, end - valueAt)]
  if (type !== capabilitiesParameter) {
    return group('parameter', at, end, [...head, ...rest(bytes, valueAt, end)], `type ${type}, RFC 4271 6.2`)
  }
  return group('capabilities', at, end, [...head, ...capabilityFields(bytes, valueAt, end)])
}

function capabilityFields(bytes: Uint8Array, at: number, end: number): Field[] {
  const fields: Field[] = []
  while (at < end) {
    const next = at + 2 + (bytes[at + 1] ?? 0)
    if (at + 2 > end || next > end) return [...fields, ...rest(bytes, at, end, 'capability cut short, RFC 5492 4')]
    const value = formatCapability(decodeCapability(bytes[at]!, bytes.subarray(at + 2, next)))
    fields.push(field(`capability ${bytes[at]}`, at, next, value))
    at = next
  }
  return fields
}
