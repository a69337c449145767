/** Any message as lines for people: what `tandem decode` prints. */

import { formatIpv4 } from './address.ts'
import type { SenderContext } from './attributes/codec.ts'
import { readReach, readUnreach } from './attributes/multiprotocol.ts'
import { decodeAttributes, formatAttributes } from './attributes/registry.ts'
import { hex } from './bytes.ts'
import { formatCapability } from './capability.ts'
import { plainSender } from './content.ts'
import { type Family, familyOf } from './family.ts'
import { judgeAttributes } from './judge.ts'
import type { Message, RouteRefresh } from './message.ts'
import { checkNlri, walkNlri } from './nlri.ts'
import { describeNotification, type Fault, isFault, shutdownCommunication } from './notification.ts'
import { Prefix } from './prefix.ts'
import { endOfRibFamily, newUpdateParts, scanUpdate } from './update.ts'

/** One line, or several for an UPDATE with routes. In the families of `addPath` prefixes have path identifiers (RFC 7911). */
export function describeMessage(
  message: Message,
  sender: SenderContext = plainSender,
  addPath: readonly Family[] = [],
): string {
  switch (message.kind) {
    case 'open': {
      const capabilities = message.capabilities.map(formatCapability).join('; ')
      const id = formatIpv4(message.routerId)
      return `OPEN AS ${message.asn}, hold time ${message.holdTime} s, identifier ${id}, capabilities: ${capabilities || 'none'}`
    }
    case 'update':
      return describeUpdate(message.body, sender, addPath)
    case 'notification': {
      const said = shutdownCommunication(message)
      const data = said ? `, "${said}"` : message.data.length > 0 ? `, data ${hex(message.data)}` : ''
      return `NOTIFICATION ${describeNotification(message.code, message.subcode)}${data}`
    }
    case 'keepalive':
      return 'KEEPALIVE'
    case 'route-refresh':
      return describeRefresh(message)
  }
}

function describeRefresh({ afi, safi, subtype }: RouteRefresh): string {
  const what = ['', ' begin', ' end'][subtype] ?? ` subtype ${subtype}`
  return `ROUTE-REFRESH${what} ${familyOf(afi, safi) ?? `${afi}/${safi}`}`
}

function describeUpdate(body: Uint8Array, sender: SenderContext, addPath: readonly Family[]): string {
  const parts = newUpdateParts()
  const wrong = scanUpdate(body, 0, body.length, parts)
  if (wrong) return `UPDATE malformed: ${wrong.text}`
  const end = endOfRibFamily(body, parts)
  if (end) return `UPDATE End-of-RIB ${end}`
  const lines = [
    ...prefixLines(body, 'withdrawn', 'ipv4-unicast', parts.withdrawnAt, parts.withdrawnEnd, addPath),
    ...prefixLines(body, 'reachable', 'ipv4-unicast', parts.nlriAt, parts.nlriEnd, addPath),
  ]
  if (parts.unreachAt) {
    const unreach = readUnreach(body, parts.unreachAt, parts.unreachEnd)
    lines.push(...multiprotocolLines(body, 'withdrawn', unreach, addPath))
  }
  if (parts.reachAt) {
    const reach = readReach(body, parts.reachAt, parts.reachEnd)
    if (!isFault(reach)) lines.push(`next hop ${[reach.nextHop, reach.linkLocal].filter(Boolean).join(' and ')}`)
    lines.push(...multiprotocolLines(body, 'reachable', reach, addPath))
  }
  if (parts.nlriAt < parts.nlriEnd || parts.reachAt)
    lines.push(...attributeLines(body, parts.attributesAt, parts.attributesEnd, sender))
  return ['UPDATE', ...lines].join('\n  ')
}

function multiprotocolLines(
  body: Uint8Array,
  what: string,
  field: Exclude<ReturnType<typeof readUnreach>, undefined>,
  addPath: readonly Family[],
): string[] {
  if (isFault(field)) return [`malformed: ${(field as Fault).text}`]
  if (!field.family) return [`${what}: routes of another family`]
  return prefixLines(body, what, field.family, field.nlriAt, field.nlriEnd, addPath)
}

function prefixLines(
  body: Uint8Array,
  what: string,
  family: Family,
  at: number,
  end: number,
  addPath: readonly Family[],
): string[] {
  if (at === end) return []
  const identified = addPath.includes(family)
  const wrong = checkNlri(body, at, end, family, identified)
  if (wrong) return [`${what} ${family} malformed: ${wrong.text}`]
  const prefixes: string[] = []
  walkNlri(body, at, end, family, identified, (w0, w1, w2, w3, length, pathId) => {
    const prefix = new Prefix(family, length, w0, w1, w2, w3).toString()
    prefixes.push(identified ? `${prefix} (path ${pathId >>> 0})` : prefix)
  })
  return [`${what} ${family}: ${prefixes.join(' ')}`]
}

function attributeLines(body: Uint8Array, at: number, end: number, sender: SenderContext): string[] {
  const { reaction, findings, canonical } = judgeAttributes(body, at, end, sender)
  const faults = findings.map((finding) => `${finding.attribute}: ${finding.text} (${finding.reaction})`)
  if (reaction === 'treat-as-withdraw' || reaction === 'session-reset') return faults
  const list = canonical ?? body.subarray(at, end)
  return [formatAttributes(decodeAttributes(list, 0, list.length, { fourOctetAsn: true })), ...faults]
}
