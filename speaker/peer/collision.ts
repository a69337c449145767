/**
 * Two connections to one peer, of which one may live (RFC 4271 section 6.8): the one that was opened by the side with the
 * higher BGP identifier, or, where those are equal, by the side with the higher ASN (RFC 6286 section 2.3).
 */

import type { StateName } from './fsm.ts'

export type Role = 'outbound' | 'inbound'

export interface Side {
  readonly routerId: number
  readonly asn: number
}

/** Which connection has to go now that the one of `arrived` has its OPEN; undefined while there is no collision yet. */
export function loser(arrived: Role, other: StateName, local: Side, peer: Side): Role | undefined {
  if (other === 'Established') return arrived
  if (other !== 'OpenConfirm') return undefined
  const oursWins = local.routerId > peer.routerId || (local.routerId === peer.routerId && local.asn > peer.asn)
  return oursWins ? 'inbound' : 'outbound'
}
