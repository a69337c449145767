/**
 * Policies as values: ordered statements, each a match and an action, and what happens to a route that none decided.
 * The name of a statement is what `explain` and the counters print, so it is words for an operator.
 */

import type { Address, ExtendedCommunity, Family, LargeCommunity, Origin } from 'bgp-ts'
import type { AsPathSet } from './as-path-set.ts'
import type { CommunitySet } from './community-set.ts'
import type { NeighbourSet } from './neighbour-set.ts'
import type { PrefixSet } from './prefix-set.ts'
import type { NumberRange } from './range.ts'

export interface Policy {
  readonly name: string
  readonly statements: readonly Statement[]
  /** What happens to a route that no statement decided. `next` leaves it to `lastWord`, or to the next policy of a list; where neither is, it is rejected. */
  readonly default: 'accept' | 'reject' | 'next'
  /** Where it is written, e.g. `tandem.yaml:12:5`. */
  readonly place?: string
  /**
   * Has the last word on what this policy did not reject: its statements hold for every such route,
   * its default only for those that this policy did not accept.
   */
  readonly lastWord?: Policy
}

export interface Statement {
  /** Unique within the policy. */
  readonly name: string
  readonly match: Match
  /** `next` applies `set` and goes on; later statements see the route as it then is. */
  readonly action: 'accept' | 'reject' | 'next'
  readonly set?: Actions
  readonly origin?: StatementOrigin
}

/** Where the statement of a list of policies comes from. */
export interface StatementOrigin {
  readonly policy: string
  /** Its name there. */
  readonly statement: string
  /** e.g. `tandem.yaml:12:5`. */
  readonly place?: string
}

/** What a route can be judged by. All conditions that are there must hold; within a list, any one. */
export interface Conditions {
  readonly prefixes?: PrefixSet
  readonly families?: readonly Family[]
  readonly source?: 'originated' | 'learned'
  /** Kind of the peer that the route was learned from; never an originated route. */
  readonly learnedFrom?: 'external' | 'internal'
  /** Kinds of originated routes: `pod-cidr`, `cluster-ip`, `external-ip`, `load-balancer-ip`, `aggregate`, `static`. */
  readonly kinds?: readonly string[]
  /** The peer it comes from (import) or goes to (export): a set, or names. */
  readonly neighbours?: NeighbourSet | readonly string[]
  readonly peerType?: 'external' | 'internal'
  /** Any of these communities: a set, or unsigned 32-bit numbers. */
  readonly communities?: CommunitySet | readonly number[]
  /** Each pattern of the set has to find a community. */
  readonly allCommunities?: CommunitySet
  /** Any of these ASNs in the path. */
  readonly asns?: readonly number[]
  readonly asPath?: AsPathSet
  /** Hops as the decision process counts them. */
  readonly pathLength?: NumberRange
  /** A route without one counts as 0, as in the decision process. */
  readonly med?: NumberRange
  /** A route without one counts as 100. */
  readonly localPref?: NumberRange
  readonly origins?: readonly Origin[]
  /** Where the next hop lies. A route that has none yet lies nowhere. */
  readonly nextHop?: PrefixSet
}

/** An empty match takes every route. */
export interface Match extends Conditions {
  /** Takes the route unless all of these hold. */
  readonly not?: Conditions
}

/** Communities are removed before others are added. */
export interface Actions {
  readonly removeCommunities?: CommunitySet | readonly number[]
  /** Removes all communities of all three sorts. */
  readonly removeAllCommunities?: boolean
  readonly addCommunities?: readonly number[]
  readonly addLargeCommunities?: readonly LargeCommunity[]
  readonly addExtendedCommunities?: readonly ExtendedCommunity[]
  readonly med?: number
  /** Added to the MED, which stays within 32 bits; may be negative. */
  readonly addMed?: number
  readonly localPref?: number
  readonly origin?: Origin
  /** `self` is our ASN of the session. */
  readonly prepend?: { readonly asn: number | 'self'; readonly count: number }
  readonly nextHop?: NextHopChoice
}

/** `self` is our session address of the route's family; `unchanged` the one that the route came with. By family, the other one is left alone. */
export type NextHopChoice = 'self' | 'unchanged' | Address | { readonly [family in Family]?: Address }

export const acceptAll: Policy = { name: 'accept-all', statements: [], default: 'accept' }
export const rejectAll: Policy = { name: 'reject-all', statements: [], default: 'reject' }

/** Only what this speaker originates; never transit. */
export const originatedOnly: Policy = {
  name: 'originated-only',
  statements: [{ name: 'originated here', match: { source: 'originated' }, action: 'accept' }],
  default: 'reject',
}

/** In place of a policy that nobody wrote: an external peer gets nothing and gives nothing (RFC 8212 section 2). */
export const noPolicy: Policy = {
  name: 'none',
  statements: [{ name: 'no policy in this direction, RFC 8212', match: {}, action: 'reject' }],
  default: 'reject',
}
