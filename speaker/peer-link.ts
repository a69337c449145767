/**
 * A peer as the routing half of the speaker sees it: who it is, on what terms its session is up, and where its octets go.
 * The seam between sessions, which know nothing of routes, and routes, which know nothing of sessions.
 */

import type { Address, Family, Fault, Negotiated } from 'bgp-ts'
import type { PeerDeclaration } from './desired.ts'

export interface PeerLink {
  readonly name: string
  readonly declaration: PeerDeclaration
  /** While Established. */
  readonly negotiated: Negotiated | undefined
  /** Our address of the session. */
  readonly localAddress: Address | undefined
  /** Takes whole messages; `bytes` must not change afterwards. False: wait for `drained` before more. */
  send(bytes: Uint8Array): boolean
  /** Octets that the socket has not taken. */
  readonly queuedBytes: number
}

/** What sessions tell the routing half. */
export interface SessionListener {
  sessionUp(peer: PeerLink, negotiated: Negotiated): void
  /** `graceful`: the peer is expected back, and its routes stay (RFC 4724 section 4.2). */
  sessionDown(peer: PeerLink, graceful: boolean): void
  /** The body of an UPDATE; valid during the call. A fault ends the session. */
  update(peer: PeerLink, bytes: Uint8Array, at: number, end: number): Fault | undefined
  /** The peer asked for everything again (RFC 2918). */
  refresh(peer: PeerLink, family: Family): void
  /** The peer sends all of a family again, from now on, and until then (RFC 7313). */
  refreshBegins(peer: PeerLink, family: Family): void
  refreshEnds(peer: PeerLink, family: Family): void
  /** The socket took all that was queued. */
  drained(peer: PeerLink): void
}
