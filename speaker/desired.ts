/**
 * What can be declared to a speaker: the whole desired state, as plain values.
 * `Speaker.apply` finds the difference to what is; nothing here says how to get there.
 */

import type { Address, Family, Prefix } from 'bgp-ts'
import type { Policy } from '../policy/index.ts'

export interface Desired {
  readonly local: LocalDeclaration
  readonly peers: readonly PeerDeclaration[]
  readonly routes: readonly OriginatedRoute[]
}

/** What is not as it was. `local` and `peers` that are the same objects as before cost nothing. */
export interface DesiredChange {
  readonly local: LocalDeclaration
  readonly peers: readonly PeerDeclaration[]
  /** Routes that are new, or are other than they were. */
  readonly set: readonly OriginatedRoute[]
  readonly withdrawn: readonly Prefix[]
}

export interface LocalDeclaration {
  readonly asn: number
  /** BGP identifier as an unsigned 32-bit number, not 0 (RFC 6286). */
  readonly routerId: number
  /** Where to accept connections; empty for none. */
  readonly listen: readonly ListenDeclaration[]
  /** Next hop of originated routes that name none, by family of the route; without one such a route is not sent. */
  readonly addresses: { readonly [family in Family]?: Address }
}

export interface ListenDeclaration {
  readonly address: Address
  readonly port: number
}

export interface PeerDeclaration {
  /** Unique name for people, the admin API and `--peer`: the address, or what the operator calls it. */
  readonly name: string
  readonly address: Address
  /** Interface of a link-local address. */
  readonly zone?: string
  readonly port: number
  readonly asn: number
  /** Our own ASN towards this peer, if not `local.asn`. */
  readonly localAsn?: number
  readonly localAddress?: Address
  readonly families: readonly Family[]
  /** Never dials. */
  readonly passive: boolean
  /** Offered hold time in seconds: 0, or 3 to 65535. */
  readonly holdTime: number
  /** Pause before the first retry in seconds; doubles after each failure, up to 60. */
  readonly connectRetry: number
  /** Next hop of every route sent to this peer: our session address of the route's family instead of the route's own. */
  readonly nextHopSelf: boolean
  readonly importPolicy: Policy
  readonly exportPolicy: Policy
  /** Routes that this peer is sent at most, by family; what is more is held back. */
  readonly maximumOut?: { readonly [family in Family]?: number }
  /** Whether routes with GRACEFUL_SHUTDOWN from this external peer get a local preference of 0 (RFC 8326). By default, yes. */
  readonly obeysGracefulShutdown?: boolean
  /** Whether the path of an external peer's route has to begin with its ASN (RFC 4271 section 6.3). By default, yes. */
  readonly checksFirstAsn?: boolean
  /** Whether paths with AS_SETs are taken (RFC 9774). By default, no. */
  readonly takesAsSets?: boolean
  /** Stays down with this reason, e.g. a setting that this build can't honour. Never connected to without it. */
  readonly blocked?: string
}

export interface OriginatedRoute {
  readonly prefix: Prefix
  /** Without one, the speaker's own address of the family is used (`local.addresses`), or the session's. */
  readonly nextHop?: Address
  readonly attributes: OriginatedAttributes
  readonly origin: Provenance
}

/** Attributes that the originator sets; export policy may add to them. */
export interface OriginatedAttributes {
  readonly origin?: 'igp' | 'egp' | 'incomplete'
  readonly med?: number
  readonly localPref?: number
  /** ASNs put before the path, our own not among them unless repeated on purpose. */
  readonly asPath?: readonly number[]
  readonly communities?: readonly number[]
  readonly largeCommunities?: readonly (readonly [number, number, number])[]
}

/** Why a route exists: which object, which field, which rule. */
export interface Provenance {
  /** What policies can match on, e.g. `pod-cidr`, `cluster-ip`, `external-ip`, `load-balancer-ip`, `static`. */
  readonly kind: string
  /** e.g. `service/default/web` or `config routes[3]`. */
  readonly object: string
  /** e.g. `spec.clusterIPs[1]`. */
  readonly field: string
  /** The rule, in words. */
  readonly rule: string
}
