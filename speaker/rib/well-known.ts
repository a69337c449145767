/**
 * What well-known communities of a route from an external peer ask for, whatever the import policy says besides:
 * GRACEFUL_SHUTDOWN makes it the last choice (RFC 8326 section 4), BLACKHOLE needs a policy that asks for it, and never leaves the AS (RFC 7999 section 3).
 */

import { wellKnownCommunities } from 'bgp-ts'
import type { Actions, Verdict } from '../../policy/index.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import type { AttributeTable } from './attribute-table.ts'

export interface WellKnownRule {
  /** What `explain` says of a route that it changed. */
  readonly name: string
  readonly actions: Actions
  /** Refuses what no statement of the import policy asked for. */
  readonly wantsStatement: boolean
}

const gracefulShutdown: WellKnownRule = {
  name: 'community GRACEFUL_SHUTDOWN: local preference 0, RFC 8326',
  actions: { localPref: 0 },
  wantsStatement: false,
}

export const blackholeRefused = 'community BLACKHOLE, and no statement that asks for it, RFC 7999'

const blackhole: WellKnownRule = {
  name: 'community BLACKHOLE: NO_EXPORT added, RFC 7999',
  actions: { addCommunities: [wellKnownCommunities['no-export']] },
  wantsStatement: true,
}

export const noRules: readonly WellKnownRule[] = []
const both = [gracefulShutdown, blackhole] as const

/** The rules for routes with these attributes from this peer. Asked once a message. */
export function wellKnownRules(table: AttributeTable, id: number, peer: RoutedPeer): readonly WellKnownRule[] {
  if (!peer.external) return noRules
  const shuts = table.gracefulShutdown(id) && peer.obeysGracefulShutdown
  if (!shuts && !table.blackhole(id)) return noRules
  return both.filter((rule) => (rule === blackhole ? table.blackhole(id) : shuts))
}

/** Why an accepted route is refused after all, or undefined. */
export function refusedBy(rules: readonly WellKnownRule[], verdict: Verdict): string | undefined {
  const refused = rules.some(({ wantsStatement }) => wantsStatement) && !verdict.wantsBlackhole
  return refused ? blackholeRefused : undefined
}
