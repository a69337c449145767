/**
 * OPEN (RFC 4271 section 4.2), with its optional parameters in the ordinary and in the extended form of RFC 9072.
 * The only parameter there is carries capabilities; anything else is refused.
 */

import { u16, u32, Writer } from './bytes.ts'
import { type Capability, decodeCapability, encodeCapability } from './capability.ts'
import { messageTypes } from './framer.ts'
import { type Fault, fault, isFault } from './notification.ts'
import { withHeader } from './update.ts'

export interface Open {
  readonly kind: 'open'
  /** The two-octet field; 23456 for an ASN that does not fit. The real one is in the four-octet-asn capability. */
  readonly asn: number
  /** Seconds. */
  readonly holdTime: number
  /** Unsigned. */
  readonly routerId: number
  readonly capabilities: readonly Capability[]
}

export const bgpVersion = 4
export const capabilitiesParameter = 2
export const extendedParameters = 255

/** Reads the body of an OPEN: at least 10 octets, as the framer has checked. */
export function decodeOpen(bytes: Uint8Array, at: number, end: number): Open | Fault {
  const version = bytes[at]!
  if (version !== bgpVersion) {
    return fault('unsupported version number', `version ${version}, RFC 4271 6.2`, Uint8Array.of(0, bgpVersion))
  }
  const capabilities = decodeParameters(bytes, at + 9, end)
  if (isFault(capabilities)) return capabilities
  return {
    kind: 'open',
    asn: u16(bytes, at + 1),
    holdTime: u16(bytes, at + 3),
    routerId: u32(bytes, at + 5),
    capabilities,
  }
}

/** `at` is the octet of the parameters' length. */
function decodeParameters(bytes: Uint8Array, at: number, end: number): Capability[] | Fault {
  const length = bytes[at]!
  // RFC 9072 section 2: a first type of 255 means the extended form, whatever the length octet says.
  const extended = length !== 0 && end - at >= 4 && bytes[at + 1] === extendedParameters
  const from = at + (extended ? 4 : 1)
  const claimed = extended ? u16(bytes, at + 2) : length
  if (from + claimed !== end) {
    return fault('malformed OPEN', `${claimed} octets of parameters in ${end - from}, RFC 4271 6.2`)
  }
  const capabilities: Capability[] = []
  const headerSize = extended ? 3 : 2
  for (let parameter = from; parameter < end; ) {
    const valueAt = parameter + headerSize
    if (valueAt > end) return fault('malformed OPEN', 'parameter header cut short, RFC 4271 6.2')
    const next = valueAt + (extended ? u16(bytes, parameter + 1) : bytes[parameter + 1]!)
    if (next > end) return fault('malformed OPEN', 'parameter cut short, RFC 4271 6.2')
    const type = bytes[parameter]!
    if (type !== capabilitiesParameter) {
      const data = bytes.slice(parameter, next)
      return fault('unsupported optional parameter', `parameter type ${type}, RFC 4271 6.2`, data)
    }
    const wrong = readCapabilities(bytes, valueAt, next, capabilities)
    if (wrong) return wrong
    parameter = next
  }
  return capabilities
}

function readCapabilities(bytes: Uint8Array, at: number, end: number, into: Capability[]): Fault | undefined {
  while (at < end) {
    const valueAt = at + 2
    const next = valueAt + (bytes[at + 1] ?? 0)
    if (valueAt > end || next > end) return fault('malformed OPEN', 'capability cut short, RFC 5492 4')
    into.push(decodeCapability(bytes[at]!, bytes.subarray(valueAt, next)))
    at = next
  }
  return undefined
}

/** A whole message: one capabilities parameter, extended only when more than 254 octets are needed (RFC 9072 section 2). */
export function encodeOpen(open: Open): Uint8Array {
  const capabilities = new Writer()
  for (const capability of open.capabilities) capabilities.bytes(encodeCapability(capability))
  const body = new Writer().u8(bgpVersion).u16(open.asn).u16(open.holdTime).u32(open.routerId)
  const size = capabilities.length
  if (size === 0) body.u8(0)
  else if (size + 2 <= 254)
    body
      .u8(size + 2)
      .u8(capabilitiesParameter)
      .u8(size)
  else
    body
      .u8(255)
      .u8(extendedParameters)
      .u16(size + 3)
      .u8(capabilitiesParameter)
      .u16(size)
  return withHeader(messageTypes.open, body.bytes(capabilities.done()).done())
}
