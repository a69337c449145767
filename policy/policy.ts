/**
 * Policies as values: ordered statements, each a match and an action, and what happens to a route that none decided.
 * The name of a statement is what `explain` and the counters print, so it is words for an operator.
 */

import type { Address, Family, LargeCommunity } from 'bgp-ts'
import type { PrefixSet } from './prefix-set.ts'

export interface Policy {
  readonly name: string
  readonly statements: readonly Statement[]
  readonly default: 'accept' | 'reject'
}

export interface Statement {
  readonly name: string
  readonly match: Match
  /** `next` applies `set` and goes on. */
  readonly action: 'accept' | 'reject' | 'next'
  readonly set?: Actions
}

/** All conditions that are there must hold; within a list, any one. An empty match takes every route. */
export interface Match {
  readonly prefixes?: PrefixSet
  readonly families?: readonly Family[]
  readonly source?: 'originated' | 'learned'
  /** Kinds of originated routes: `pod-cidr`, `cluster-ip`, `external-ip`, `load-balancer-ip`, `static`. */
  readonly kinds?: readonly string[]
  /** Names of peers. */
  readonly neighbours?: readonly string[]
  readonly peerType?: 'external' | 'internal'
  /** Any of these communities, unsigned 32-bit. */
  readonly communities?: readonly number[]
  /** Any of these ASNs in the path. */
  readonly asns?: readonly number[]
}

export interface Actions {
  readonly addCommunities?: readonly number[]
  readonly removeCommunities?: readonly number[]
  readonly addLargeCommunities?: readonly LargeCommunity[]
  readonly med?: number
  readonly localPref?: number
  readonly prepend?: { readonly asn: number; readonly count: number }
  /** `self` is our session address of the route's family. */
  readonly nextHop?: Address | 'self'
}

export const acceptAll: Policy = { name: 'accept-all', statements: [], default: 'accept' }
export const rejectAll: Policy = { name: 'reject-all', statements: [], default: 'reject' }

/** Only what this speaker originates; never transit. */
export const originatedOnly: Policy = {
  name: 'originated-only',
  statements: [{ name: 'originated here', match: { source: 'originated' }, action: 'accept' }],
  default: 'reject',
}
