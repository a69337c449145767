/** Whether a next hop can be one at all (RFC 4271 section 6.3, RFC 2545): a route with another is not used. */

import type { Address, Family } from 'bgp-ts'
import { pathTooLong, type RoutedPeer, usualPathLength } from '../routed-peer.ts'
import type { AttributeTable } from './attribute-table.ts'

/** By what this speaker recognises itself in the routes of others. */
export interface Identity {
  /** Its addresses that are next hops elsewhere. */
  readonly addresses: readonly Address[]
  readonly routerId: number
  /** Undefined while it is no route reflector. */
  readonly clusterId: number | undefined
}

/** Why routes with these attributes are not eligible: they came by here before (RFC 4271 section 9.1.2, RFC 4456 section 8). */
export function loopProblem(table: AttributeTable, id: number, own: Identity): string | undefined {
  if (table.looped(id)) return 'own AS in the path'
  const originator = table.originatorId(id)
  if (originator !== 0 && originator === own.routerId) return 'own router id in ORIGINATOR_ID'
  return own.clusterId !== undefined && table.hasCluster(id, own.clusterId) ? clusterLoop : undefined
}

export const clusterLoop = 'own cluster id in CLUSTER_LIST'

/** Why a path of this length is not taken: nobody needs one so long, and every comparison and every copy pays for it. */
export function lengthProblem(table: AttributeTable, id: number, peer: RoutedPeer): string | undefined {
  const { maxPathLength = usualPathLength } = peer.link.declaration
  return table.pathLength(id) > maxPathLength ? pathTooLong : undefined
}

/** Why routes with these attributes are not used, or undefined. */
export function nextHopProblem(
  table: AttributeTable,
  id: number,
  family: Family,
  own: Identity,
  peer: RoutedPeer,
): string | undefined {
  const version = table.nextHopVersion(id)
  if (version === 0) return 'no next hop'
  if (version === 6 && family === 'ipv4-unicast' && !peer.negotiated?.extendedNextHop)
    return 'IPv6 next hop of an IPv4 route, RFC 8950 not negotiated'
  const onLink = peer.link.declaration.zone !== undefined
  if (version === 4 ? isMartian4(table.nextHopWord(id)) : isMartian6(table.nextHop(id)!, onLink))
    return 'next hop is no host address'
  const local = peer.link.localAddress
  const isOwn = hasNextHopOf(table, id, own.addresses) || (local && table.hasNextHop(id, local))
  return isOwn ? 'next hop is our own address' : undefined
}

/** Asked with each message: no closure is made. */
function hasNextHopOf(table: AttributeTable, id: number, addresses: readonly Address[]): boolean {
  for (const address of addresses) if (table.hasNextHop(id, address)) return true
  return false
}

/** 0/8, 127/8, 224/4 and 240/4. */
function isMartian4(word: number): boolean {
  const first = word >>> 24
  return first === 0 || first === 127 || first >= 224
}

/** Unspecified, loopback, mapped or compatible IPv4, multicast, and link-local alone unless the session is bound to a link. */
function isMartian6(address: Address, onLink: boolean): boolean {
  const { w0, w1, w2 } = address
  if (w0 === 0 && w1 === 0 && (w2 === 0 || w2 === 0xffff)) return true
  return w0 >>> 24 === 0xff || (isLinkLocal(address) && !onLink)
}

/** fe80::/10 */
export function isLinkLocal({ version, w0 }: Address): boolean {
  return version === 6 && w0 >>> 22 === 0x3fa
}
