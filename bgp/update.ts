/**
 * UPDATE (RFC 4271 section 4.3) read by offset: where its parts lie, found by walking headers only.
 * The hot path of a full table: one reused `UpdateParts`, no object per message, attribute or prefix.
 */

import type { Address } from './address.ts'
import { flags } from './attributes/codec.ts'
import {
  mpReachType,
  mpUnreachType,
  multiprotocolAttribute,
  reachHeader,
  unreachHeader,
} from './attributes/multiprotocol.ts'
import { type Attributes, encodeAttributes } from './attributes/registry.ts'
import { u16, Writer } from './bytes.ts'
import { type Family, familyOf } from './family.ts'
import { headerLength, messageTypes } from './framer.ts'
import { prefixesBytes } from './nlri.ts'
import { type Fault, fault } from './notification.ts'
import type { Prefix } from './prefix.ts'

/** Offsets into the buffer of the message. A part that is not there has equal ends. */
export interface UpdateParts {
  withdrawnAt: number
  withdrawnEnd: number
  attributesAt: number
  attributesEnd: number
  nlriAt: number
  nlriEnd: number
  /** The value of MP_REACH_NLRI, and from where to where the whole attribute goes; 0 where there is none. */
  reachAt: number
  reachEnd: number
  reachFrom: number
  /** The same of MP_UNREACH_NLRI. */
  unreachAt: number
  unreachEnd: number
  unreachFrom: number
  /** The attribute list ends inside an attribute: treat-as-withdraw, and what lies behind is not known (RFC 7606 section 4). */
  cutShort: boolean
}

export function newUpdateParts(): UpdateParts {
  return {
    withdrawnAt: 0,
    withdrawnEnd: 0,
    attributesAt: 0,
    attributesEnd: 0,
    nlriAt: 0,
    nlriEnd: 0,
    reachAt: 0,
    reachEnd: 0,
    reachFrom: 0,
    unreachAt: 0,
    unreachEnd: 0,
    unreachFrom: 0,
    cutShort: false,
  }
}

/** Fills `parts` from the body of an UPDATE. Faults are those that leave the prefixes unknowable (RFC 7606 section 3). */
export function scanUpdate(bytes: Uint8Array, at: number, end: number, parts: UpdateParts): Fault | undefined {
  parts.withdrawnAt = at + 2
  parts.withdrawnEnd = parts.withdrawnAt + u16(bytes, at)
  if (parts.withdrawnEnd + 2 > end) return fault('malformed attribute list', 'withdrawn routes overrun, RFC 7606 3b')
  parts.attributesAt = parts.withdrawnEnd + 2
  parts.attributesEnd = parts.attributesAt + u16(bytes, parts.withdrawnEnd)
  if (parts.attributesEnd > end) return fault('malformed attribute list', 'attributes overrun, RFC 7606 3b')
  parts.nlriAt = parts.attributesEnd
  parts.nlriEnd = end
  parts.reachAt = parts.reachEnd = parts.reachFrom = 0
  parts.unreachAt = parts.unreachEnd = parts.unreachFrom = 0
  parts.cutShort = false
  return findMultiprotocol(bytes, parts)
}

function findMultiprotocol(bytes: Uint8Array, parts: UpdateParts): Fault | undefined {
  const end = parts.attributesEnd
  for (let at = parts.attributesAt; at < end; ) {
    const attributeFlags = bytes[at]!
    const extended = (attributeFlags & flags.extendedLength) !== 0
    const valueAt = at + (extended ? 4 : 3)
    const next = valueAt > end ? end + 1 : valueAt + (extended ? u16(bytes, at + 2) : bytes[at + 2]!)
    const type = bytes[at + 1]!
    const carriesRoutes = type === mpReachType || type === mpUnreachType
    if (next > end) {
      parts.cutShort = true
      // Routes that cannot be told apart cannot be withdrawn either (RFC 7606 section 3j); two octets of a header name no attribute.
      if (!carriesRoutes || valueAt > end) return undefined
      return fault('optional attribute error', `attribute ${type} cut short, RFC 7606 5.3`, bytes.slice(at, end))
    }
    if (carriesRoutes) {
      const repeated = type === mpReachType ? parts.reachAt : parts.unreachAt
      if (repeated) return fault('malformed attribute list', `attribute ${type} twice, RFC 7606 3g`)
      if ((attributeFlags & (flags.optional | flags.transitive)) !== flags.optional) {
        const text = `flags 0x${attributeFlags.toString(16)} of attribute ${type}, RFC 7606 7.11`
        return fault('attribute flags error', text, bytes.slice(at, next))
      }
      if (type === mpReachType) {
        parts.reachFrom = at
        parts.reachAt = valueAt
        parts.reachEnd = next
      } else {
        parts.unreachFrom = at
        parts.unreachAt = valueAt
        parts.unreachEnd = next
      }
    }
    at = next
  }
  return undefined
}

/** The family whose End-of-RIB this UPDATE is, in either form (RFC 4724 section 2). */
export function endOfRibFamily(bytes: Uint8Array, parts: UpdateParts): Family | undefined {
  if (parts.withdrawnAt < parts.withdrawnEnd || parts.nlriAt < parts.nlriEnd) return undefined
  if (parts.attributesAt === parts.attributesEnd) return 'ipv4-unicast'
  const alone = parts.unreachFrom === parts.attributesAt && parts.unreachEnd === parts.attributesEnd
  if (!alone || parts.unreachEnd - parts.unreachAt !== 3) return undefined
  return familyOf(u16(bytes, parts.unreachAt), bytes[parts.unreachAt + 2]!)
}

/** Writes the 19 octets before a body of `bodyLength`. */
export function writeHeader(into: Uint8Array, at: number, type: number, bodyLength: number): void {
  const length = headerLength + bodyLength
  into.fill(0xff, at, at + 16)
  into[at + 16] = length >>> 8
  into[at + 17] = length
  into[at + 18] = type
}

/** What to say in one UPDATE. `unreach` and `reach` go as multiprotocol attributes, the other two as the fields of RFC 4271. */
export interface UpdateContent {
  readonly withdrawn?: readonly Prefix[]
  readonly attributes?: Attributes
  readonly nlri?: readonly Prefix[]
  readonly reach?: { family: Family; nextHop: Address; linkLocal?: Address; prefixes: readonly Prefix[] }
  readonly unreach?: { family: Family; prefixes: readonly Prefix[] }
}

/** A whole message, for tests and tools. The multiprotocol attributes come first (RFC 7606 section 5.1). */
export function encodeUpdate(content: UpdateContent, context = { fourOctetAsn: true }): Uint8Array {
  const { withdrawn = [], attributes = {}, nlri = [], reach, unreach } = content
  const body = new Writer()
  body.counted16(() => body.bytes(prefixesBytes(withdrawn)))
  body.counted16(() => {
    if (unreach) {
      const header = unreachHeader(unreach.family)
      body.bytes(multiprotocolAttribute(mpUnreachType, header, prefixesBytes(unreach.prefixes)))
    }
    if (reach) {
      const header = reachHeader(reach.family, reach.nextHop, reach.linkLocal)
      body.bytes(multiprotocolAttribute(mpReachType, header, prefixesBytes(reach.prefixes)))
    }
    body.bytes(encodeAttributes(attributes, context))
  })
  body.bytes(prefixesBytes(nlri))
  return withHeader(messageTypes.update, body.done())
}

/** A body with the header before it. */
export function withHeader(type: number, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(headerLength + body.length)
  writeHeader(message, 0, type, body.length)
  message.set(body, headerLength)
  return message
}

/** The End-of-RIB marker as a whole message (RFC 4724 section 2). */
export function endOfRib(family: Family): Uint8Array {
  return family === 'ipv4-unicast' ? encodeUpdate({}) : encodeUpdate({ unreach: { family, prefixes: [] } })
}
