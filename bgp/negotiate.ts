/**
 * What two OPENs settle: one pure function, one immutable result.
 * A family is used only if both sides offered it; without any capability a session is IPv4 with two-octet ASNs.
 */

import { asTrans } from './attributes/as-path.ts'
import type { Capability } from './capability.ts'
import { type Family, families, familyNumbers } from './family.ts'
import { type Fault, fault } from './notification.ts'
import type { Open } from './open.ts'

export interface LocalOpen {
  readonly asn: number
  readonly routerId: number
  /** Seconds, 0 or 3 to 65535. */
  readonly holdTime: number
  readonly families: readonly Family[]
  readonly peerAsn: number
  /** False after a peer refused our capabilities: the session is tried without (RFC 5492 section 3). */
  readonly capabilities: boolean
}

export interface Negotiated {
  readonly localAsn: number
  readonly peerAsn: number
  /** Unsigned. */
  readonly peerRouterId: number
  readonly external: boolean
  /** Seconds; 0 means that neither side sends keepalives. */
  readonly holdTime: number
  readonly families: readonly Family[]
  readonly fourOctetAsn: boolean
  readonly extendedMessages: boolean
  readonly routeRefresh: boolean
  readonly peerCapabilities: readonly Capability[]
}

/** The OPEN that offers what `local` says. */
export function openMessage(local: LocalOpen): Open {
  const offered: Capability[] = [
    ...local.families.map((family): Capability => ({ kind: 'multiprotocol', ...numbers(family) })),
    { kind: 'route-refresh' },
    { kind: 'extended-message' },
    { kind: 'four-octet-asn', asn: local.asn },
  ]
  return {
    kind: 'open',
    asn: local.asn > 0xffff ? asTrans : local.asn,
    holdTime: local.holdTime,
    routerId: local.routerId,
    capabilities: local.capabilities ? offered : [],
  }
}

/** The session's terms, or why there can be none (RFC 4271 section 6.2, RFC 6286, RFC 7607). */
export function negotiate(local: LocalOpen, open: Open): Negotiated | Fault {
  const peerFourOctets = lastOf(open.capabilities, 'four-octet-asn')
  const peerAsn = peerFourOctets?.asn ?? open.asn
  const external = peerAsn !== local.asn
  if (peerAsn === 0 || open.asn === 0) return fault('bad peer AS', 'AS 0, RFC 7607 2', asnData(open.asn))
  if (peerAsn !== local.peerAsn) {
    return fault('bad peer AS', `AS ${peerAsn}, configured is ${local.peerAsn}`, asnData(open.asn))
  }
  if (open.holdTime === 1 || open.holdTime === 2) {
    return fault('unacceptable hold time', `${open.holdTime} s, RFC 4271 6.2`, asnData(open.holdTime))
  }
  if (open.routerId === 0) return fault('bad BGP identifier', '0, RFC 6286 2.1')
  if (!external && open.routerId === local.routerId) {
    return fault('bad BGP identifier', 'an internal peer with our own identifier, RFC 6286 2.2')
  }
  const offers = (kind: Capability['kind']) => local.capabilities && open.capabilities.some((one) => one.kind === kind)
  return {
    localAsn: local.asn,
    peerAsn,
    peerRouterId: open.routerId,
    external,
    holdTime: Math.min(local.holdTime, open.holdTime),
    families: commonFamilies(local, open),
    fourOctetAsn: local.capabilities && peerFourOctets !== undefined,
    extendedMessages: offers('extended-message'),
    routeRefresh: offers('route-refresh'),
    peerCapabilities: open.capabilities,
  }
}

function commonFamilies(local: LocalOpen, open: Open): Family[] {
  const offered = offeredFamilies(open.capabilities)
  const ours: readonly Family[] = local.capabilities ? local.families : ['ipv4-unicast']
  return families.filter(
    (family) => ours.includes(family) && local.families.includes(family) && offered.includes(family),
  )
}

/** The families of a peer's OPEN; IPv4 alone for one that says nothing of families (RFC 4760 section 8). */
export function offeredFamilies(capabilities: readonly Capability[]): Family[] {
  const named = capabilities.filter((capability) => capability.kind === 'multiprotocol')
  if (named.length === 0) return ['ipv4-unicast']
  return families.filter((family) => {
    const { afi, safi } = familyNumbers[family]
    return named.some((capability) => capability.afi === afi && capability.safi === safi)
  })
}

function lastOf<K extends Capability['kind']>(capabilities: readonly Capability[], kind: K) {
  return capabilities.filter((one): one is Extract<Capability, { kind: K }> => one.kind === kind).at(-1)
}

function numbers(family: Family) {
  const { afi, safi } = familyNumbers[family]
  return { afi, safi }
}

function asnData(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value)
}
