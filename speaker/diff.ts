/** What a new declaration of a peer means for its session: nothing, a live change, or a reset that BGP forces. */

import { families, formatAddress } from 'bgp-ts'
import { compile } from '../policy/index.ts'
import type { LocalDeclaration, PeerDeclaration } from './desired.ts'

export type PeerChange =
  | { readonly kind: 'none' }
  | { readonly kind: 'live' }
  | { readonly kind: 'reset'; readonly why: string }

type Terms = readonly (readonly [what: string, value: string])[]

/** What is said in the OPEN, or decides which connection carries the session: nothing of it can change while one is up. */
function sessionTerms(local: LocalDeclaration, peer: PeerDeclaration): Terms {
  return [
    ['router id', String(local.routerId)],
    ['local ASN', String(peer.localAsn ?? local.asn)],
    ['address', `${formatAddress(peer.address)}%${peer.zone ?? ''}`],
    ['port', String(peer.port)],
    ['ASN', String(peer.asn)],
    ['local address', peer.localAddress ? formatAddress(peer.localAddress) : ''],
    ['local port', String(peer.localPort ?? '')],
    ['interface', peer.device ?? ''],
    ['password', peer.password ? 'there' : 'none'],
    ['families', [...peer.families].sort().join(' ')],
    ['graceful restart', JSON.stringify(peer.gracefulRestart)],
    ['several paths', JSON.stringify([...(peer.addPath ?? [])].sort())],
    ['enhanced refresh', String(peer.enhancedRefresh ?? false)],
    ['extended next hop', String(peer.extendedNextHop ?? false)],
    ['hold time', String(peer.holdTime)],
    ['held down', peer.blocked ?? ''],
  ]
}

function liveTerms(peer: PeerDeclaration): string {
  const { maximumOut, obeysGracefulShutdown, checksFirstAsn, takesAsSets } = peer
  const { importPolicy, exportPolicy, nextHopSelf, passive, connectRetry, password, ttl, ttlSecurity, userTimeout } =
    peer
  return JSON.stringify([
    compile(importPolicy).key,
    compile(exportPolicy).key,
    nextHopSelf,
    passive,
    connectRetry,
    families.map((family) => maximumOut?.[family]),
    [obeysGracefulShutdown, checksFirstAsn, takesAsSets],
    [peer.maxPathLength, peer.attributeOctets],
    password?.mark,
    ttl,
    ttlSecurity,
    userTimeout,
    peer.sendHold,
    peer.maxPrefixes,
    peer.labels,
    peer.reflectorClient ?? false,
    peer.bfd,
  ])
}

export function peerChange(
  before: { readonly local: LocalDeclaration; readonly peer: PeerDeclaration },
  after: { readonly local: LocalDeclaration; readonly peer: PeerDeclaration },
): PeerChange {
  const wanted = sessionTerms(after.local, after.peer)
  const changed = sessionTerms(before.local, before.peer).filter(([, value], index) => wanted[index]![1] !== value)
  if (changed.length > 0) return { kind: 'reset', why: `${changed.map(([what]) => what).join(', ')} changed` }
  return liveTerms(before.peer) === liveTerms(after.peer) ? { kind: 'none' } : { kind: 'live' }
}
