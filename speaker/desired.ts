/**
 * What can be declared to a speaker: the whole desired state, as plain values.
 * `Speaker.apply` finds the difference to what is; nothing here says how to get there.
 */

import type { Address, ExtendedCommunity, Family, LargeCommunity, Prefix } from 'bgp-ts'
import type { Policy } from '../policy/index.ts'
import type { Secret } from './secret.ts'

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
  /**
   * Cluster that this speaker is a route reflector of (RFC 4456), an unsigned 32-bit number other than 0. Left out, the router id, once a peer is
   * a client. Only with clients are routes reflected; given, it also refuses routes that went through the cluster already.
   */
  readonly clusterId?: number
  /** Where to accept connections; empty for none. */
  readonly listen: readonly ListenDeclaration[]
  /** By default this is no restart. */
  readonly restart?: RestartCircumstances
  /** Who is told by BMP what peers send and are sent. */
  readonly collectors?: readonly CollectorDeclaration[]
  /** Next hop of originated routes that name none, by family of the route; without one such a route is not sent. */
  readonly addresses: { readonly [family in Family]?: Address }
}

/** What the process knows of the moment it started in (RFC 4724 section 4.1). */
export interface RestartCircumstances {
  /** There was one before, whose routes peers may still hold. */
  readonly restarting: boolean
  /** Packets were forwarded meanwhile. */
  readonly forwarding: boolean
  /** Seconds that peers are waited for, at most, before End-of-RIB is sent for learned routes. */
  readonly deferral: number
}

/** A collector of the BGP Monitoring Protocol (RFC 7854), which is connected to. */
export interface CollectorDeclaration {
  readonly address: Address
  /** Interface of a link-local address. */
  readonly zone?: string
  readonly port: number
  /** Routes of peers after import policy. */
  readonly adjRibIn: boolean
  /** Routes that peers are sent (RFC 8671). */
  readonly adjRibOut: boolean
  /** Seconds between two reports of statistics; 0 for none. */
  readonly statisticsInterval: number
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
  /** Port that connections to the peer are opened from; without one the kernel chooses. */
  readonly localPort?: number
  /** Key of TCP MD5 (RFC 2385). */
  readonly password?: Secret
  /** Hops that what we send may take; without one the kernel's default. */
  readonly ttl?: number
  /** The peer is at most so many hops away, and what comes from further is dropped (RFC 5082). In place of `ttl`. */
  readonly ttlSecurity?: number
  /** Interface that the session is bound to. */
  readonly device?: string
  /** Seconds that sent octets may stay unacknowledged before the connection ends. */
  readonly userTimeout?: number
  /** Further words by which routes can name it, beside its name, address, ASN and type. */
  readonly labels?: readonly string[]
  readonly families: readonly Family[]
  /** Takes the sessions of all addresses of this prefix length around `address`, at most so many; such a peer never dials. */
  readonly dynamic?: { readonly length: number; readonly limit: number }
  /** Never dials. */
  readonly passive: boolean
  /** Offered hold time in seconds: 0, or 3 to 65535. */
  readonly holdTime: number
  /** Pause before the first retry in seconds; doubles after each failure, up to 60. */
  readonly connectRetry: number
  /** Seconds that the peer may read nothing (RFC 9687); by default eight minutes, or twice the hold time. */
  readonly sendHold?: number
  readonly gracefulRestart?: RestartDeclaration
  readonly maxPrefixes?: PrefixLimit
  /** Families of which several paths a prefix are taken (RFC 7911). */
  readonly addPath?: readonly Family[]
  /** Whether refreshes with a beginning and an end are offered (RFC 7313). */
  readonly enhancedRefresh?: boolean
  /** Whether IPv4 routes with IPv6 next hops are offered (RFC 8950). */
  readonly extendedNextHop?: boolean
  /** Next hop of every route sent to this peer but reflected ones: our session address of the route's family instead of the route's own. */
  readonly nextHopSelf: boolean
  /** An internal peer that routes of other internal peers are reflected to, and whose routes are reflected to all of them (RFC 4456). */
  readonly reflectorClient?: boolean
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
  /** ASNs that a path may have; routes with a longer one are refused. By default 500. */
  readonly maxPathLength?: number
  /** Octets that the attributes of its routes may take; routes whose attributes would be beyond are refused. By default 64 MiB. */
  readonly attributeOctets?: number
  /** Watch the path to the peer. */
  readonly bfd?: BfdDeclaration
  /** Stays down with this reason, e.g. a setting that this build can't honour. Never connected to without it. */
  readonly blocked?: string
}

/** Routes stay while a session is away for a restart, ours or the peer's (RFC 4724). */
export interface RestartDeclaration {
  /** Seconds that the peer is asked to keep our routes, at most 4095. */
  readonly time: number
  /** Seconds that it is asked to keep them after that as a last resort (RFC 9494); 0 for none. */
  readonly longLived: number
}

/** How many different prefixes of a family a peer may announce, refused ones among them. */
export interface PrefixLimit {
  /** By family; one that is not there has no limit. */
  readonly limit: { readonly [family in Family]?: number }
  /** Percent of the limit from which on a warning stands. */
  readonly warnAt: number
  /** What happens to what is beyond: it is refused, or the session ends. */
  readonly beyond: 'discard' | 'reset'
  /** Seconds after which a session that ended so is tried again; without it, only another declaration does. */
  readonly restartAfter?: number
}

/** A BFD session beside the BGP session (RFC 5882). Intervals in milliseconds, at least 1; the multiplier from 1 to 255. */
export interface BfdDeclaration {
  readonly minTx: number
  readonly minRx: number
  readonly multiplier: number
  /** More than one hop away (RFC 5883); the default is one. */
  readonly multihop?: boolean
  /** No BGP session before the path is up. */
  readonly strict?: boolean
  /** UDP port of both ends, if it is not 3784, or 4784 for multihop. */
  readonly port?: number
}

export interface OriginatedRoute {
  readonly prefix: Prefix
  /** Without one, the speaker's own address of the family is used (`local.addresses`), or the session's. */
  readonly nextHop?: Address
  readonly attributes: OriginatedAttributes
  /** The peers that it is for; without it, all that the export policy lets it go to. */
  readonly to?: PeerSelection
  /** What some peers are sent in place of `attributes`: for each attribute the last entry that a peer fits counts. */
  readonly towards?: readonly PeerAttributes[]
  readonly origin: Provenance
}

/** Peers that bear any of these words: `external`, `internal`, an ASN, an address, a name or a label. */
export interface PeerSelection {
  readonly peers: readonly string[]
  /** Why the others are not sent the route, in words. */
  readonly rule: string
}

export interface PeerAttributes {
  readonly peers: readonly string[]
  readonly attributes: SelectedAttributes
}

/** An attribute that is there as undefined is taken away. */
export type SelectedAttributes = {
  readonly [Name in 'med' | 'localPref' | 'communities' | 'largeCommunities' | 'extendedCommunities']?:
    | OriginatedAttributes[Name]
    | undefined
} & {
  /** Times that our own ASN is put before the path once more, towards external peers. */
  readonly prepend?: number | undefined
}

/** Attributes that the originator sets; export policy may add to them. */
export interface OriginatedAttributes {
  readonly origin?: 'igp' | 'egp' | 'incomplete'
  readonly med?: number
  readonly localPref?: number
  /** ASNs put before the path, our own not among them unless repeated on purpose. */
  readonly asPath?: readonly number[]
  readonly communities?: readonly number[]
  readonly largeCommunities?: readonly LargeCommunity[]
  readonly extendedCommunities?: readonly ExtendedCommunity[]
}

/** Why a route exists: which object, which field, which rule. */
export interface Provenance {
  /** What policies can match on, e.g. `pod-cidr`, `cluster-ip`, `external-ip`, `load-balancer-ip`, `aggregate`, `static`. */
  readonly kind: string
  /** e.g. `service/default/web` or `config routes[3]`. */
  readonly object: string
  /** e.g. `spec.clusterIPs[1]`. */
  readonly field: string
  /** The rule, in words. */
  readonly rule: string
}
