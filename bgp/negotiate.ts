/**
 * What two OPENs settle: one pure function, one immutable result.
 * A family is used only if both sides offered it; without any capability a session is IPv4 with two-octet ASNs.
 */

import { asTrans } from './attributes/as-path.ts'
import type { Capability, FamilyNumbers } from './capability.ts'
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
  readonly gracefulRestart?: OfferedRestart
  /** Families of which several paths a prefix are taken (RFC 7911). */
  readonly addPath?: readonly Family[]
  /** IPv4 routes may have IPv6 next hops, both ways (RFC 8950). */
  readonly extendedNextHop?: boolean
  /** Answers to refreshes have a beginning and an end, both ways (RFC 7313). */
  readonly enhancedRefresh?: boolean
}

/** What we say of our own restarts (RFC 4724 section 3, RFC 9494 section 3.1). */
export interface OfferedRestart {
  /** We have just restarted. */
  readonly restarting: boolean
  /** Seconds that a peer should keep our routes while we are away, at most 4095. */
  readonly restartTime: number
  /** Packets were forwarded all the time. */
  readonly forwarding: boolean
  /** Seconds after that, as routes of last resort; 0 for not at all. */
  readonly longLived: number
}

/** What we are to do when the peer restarts, for the families that it named. */
export interface PeerRestart {
  /** It has just restarted itself, and does not wait for our End-of-RIB. */
  readonly restarting: boolean
  /** A NOTIFICATION, too, leaves routes in place, unless it is a hard reset (RFC 8538). */
  readonly notification: boolean
  /** Seconds. */
  readonly restartTime: number
  readonly families: readonly { readonly family: Family; readonly forwarding: boolean }[]
  /** Seconds after the restart time for which routes stay as a last resort. */
  readonly longLived: { readonly [family in Family]?: number }
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
  /** Answers to refreshes are framed by a beginning and an end (RFC 7313). */
  readonly enhancedRefresh: boolean
  /** There if both sides offered it. */
  readonly gracefulRestart?: PeerRestart
  /** Families of which the peer sends several paths a prefix, each with an identifier. */
  readonly addPath: readonly Family[]
  readonly extendedNextHop: boolean
  readonly peerCapabilities: readonly Capability[]
}

/** The OPEN that offers what `local` says. */
export function openMessage(local: LocalOpen): Open {
  const offered: Capability[] = [
    ...local.families.map((family): Capability => ({ kind: 'multiprotocol', ...numbers(family) })),
    { kind: 'route-refresh' },
    ...(local.extendedNextHop && local.families.includes('ipv4-unicast') ? [extendedNextHop] : []),
    { kind: 'extended-message' },
    ...restartCapabilities(local),
    { kind: 'four-octet-asn', asn: local.asn },
    ...addPathCapability(local),
    ...(local.enhancedRefresh ? [enhancedRefresh] : []),
  ]
  return {
    kind: 'open',
    asn: local.asn > 0xffff ? asTrans : local.asn,
    holdTime: local.holdTime,
    routerId: local.routerId,
    capabilities: local.capabilities ? offered : [],
  }
}

const enhancedRefresh: Capability = { kind: 'enhanced-route-refresh' }

const extendedNextHop: Capability = {
  kind: 'extended-next-hop',
  tuples: [{ ...numbers('ipv4-unicast'), nextHopAfi: familyNumbers['ipv6-unicast'].afi }],
}

function restartCapabilities({ gracefulRestart: offered, families: ours }: LocalOpen): Capability[] {
  if (!offered) return []
  const { restarting, restartTime, forwarding, longLived } = offered
  const each = ours.map((family) => ({ ...numbers(family), forwarding }))
  const graceful: Capability = {
    kind: 'graceful-restart',
    restarting,
    notification: true,
    restartTime,
    families: each,
  }
  if (longLived === 0) return [graceful]
  const staleTime = longLived
  return [graceful, { kind: 'long-lived-graceful-restart', families: each.map((one) => ({ ...one, staleTime })) }]
}

function addPathCapability({ addPath = [] }: LocalOpen): Capability[] {
  if (addPath.length === 0) return []
  const tuples = addPath.map((family) => ({ ...numbers(family), send: false, receive: true }))
  return [{ kind: 'add-path', families: tuples }]
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
  const common = commonFamilies(local, open)
  const gracefulRestart = local.capabilities && local.gracefulRestart ? peerRestart(open, common) : undefined
  return {
    localAsn: local.asn,
    peerAsn,
    peerRouterId: open.routerId,
    external,
    holdTime: Math.min(local.holdTime, open.holdTime),
    families: common,
    fourOctetAsn: local.capabilities && peerFourOctets !== undefined,
    extendedMessages: offers('extended-message'),
    routeRefresh: offers('route-refresh'),
    enhancedRefresh: local.enhancedRefresh === true && offers('route-refresh') && offers('enhanced-route-refresh'),
    ...(gracefulRestart && { gracefulRestart }),
    addPath: local.capabilities ? addPathFamilies(local, open, common) : [],
    extendedNextHop: local.capabilities && local.extendedNextHop === true && offersExtendedNextHop(open),
    peerCapabilities: open.capabilities,
  }
}

function peerRestart({ capabilities }: Open, common: readonly Family[]): PeerRestart | undefined {
  const graceful = lastOf(capabilities, 'graceful-restart')
  if (!graceful) return undefined
  const { restarting, notification, restartTime } = graceful
  const ofFamily = (family: Family) => (one: FamilyNumbers) =>
    one.afi === familyNumbers[family].afi && one.safi === familyNumbers[family].safi
  const longLived = common.flatMap((family) => {
    const said = lastOf(capabilities, 'long-lived-graceful-restart')?.families.find(ofFamily(family))
    return said && said.staleTime > 0 ? [[family, said.staleTime]] : []
  })
  return {
    restarting,
    notification,
    restartTime,
    families: common.flatMap((family) => {
      const said = graceful.families.find(ofFamily(family))
      return said ? [{ family, forwarding: said.forwarding }] : []
    }),
    longLived: Object.fromEntries(longLived),
  }
}

function addPathFamilies({ addPath = [] }: LocalOpen, { capabilities }: Open, common: readonly Family[]): Family[] {
  const said = capabilities.flatMap((one) => (one.kind === 'add-path' ? one.families : []))
  return common.filter((family) => {
    const { afi, safi } = familyNumbers[family]
    const theirs = said.findLast((one) => one.afi === afi && one.safi === safi)
    return addPath.includes(family) && theirs?.send === true
  })
}

function offersExtendedNextHop({ capabilities }: Open): boolean {
  const { afi, safi } = familyNumbers['ipv4-unicast']
  const tuples = capabilities.flatMap((one) => (one.kind === 'extended-next-hop' ? one.tuples : []))
  return tuples.some(
    (one) => one.afi === afi && one.safi === safi && one.nextHopAfi === familyNumbers['ipv6-unicast'].afi,
  )
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
