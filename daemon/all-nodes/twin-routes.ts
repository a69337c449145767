/** Which routes a node sends to one router and not to its twin: what stands behind counts that differ. */

import type { RouteRow } from '../../speaker/index.ts'
import {
  type Difference,
  isUp,
  list,
  type NodePeers,
  names,
  routersOf,
  type Subject,
  sentences,
  twinGroups,
} from './twins.ts'

export interface NodeRoutes extends NodePeers {
  /** Of the view `out`. */
  readonly routes: readonly Pick<RouteRow, 'prefix' | 'family' | 'peer'>[]
}

const mostPrefixes = 4

export function unevenRoutes(all: readonly NodeRoutes[], nodeAddresses: ReadonlySet<string>): Difference[] {
  const sightings = all.flatMap((one) => {
    const receivers = new Map<string, Set<string>>()
    const familyOf = new Map<string, RouteRow['family']>()
    for (const { prefix, family, peer } of one.routes) {
      if (peer === undefined) continue
      receivers.set(prefix, (receivers.get(prefix) ?? new Set()).add(peer))
      familyOf.set(prefix, family)
    }
    return twinGroups(routersOf(one, nodeAddresses)).flatMap(({ peers }) => {
      const splits = [...receivers].flatMap(([prefix, to]) => {
        // One that does not carry the family is a difference of its own, and `peers` says it.
        const able = peers.filter((peer) => isUp(peer) && peer.families.includes(familyOf.get(prefix)!))
        const has = list(names(able.filter(({ name }) => to.has(name))))
        const lacks = list(names(able.filter(({ name }) => !to.has(name))))
        return has === '' || lacks === '' ? [] : [{ prefix, has, lacks }]
      })
      return [...Map.groupBy(splits, ({ has, lacks }) => `${has} ${lacks}`).values()].map((same) => {
        const { has, lacks } = same[0]!
        const prefixes = same.map(({ prefix }) => prefix)
        const more = prefixes.length - mostPrefixes
        const what = more > 0 ? `${prefixes.slice(0, mostPrefixes).join(', ')} and ${more} more` : list(prefixes)
        return {
          key: `${has} ${lacks} ${prefixes.join()}`,
          node: one.node,
          say: ({ text, many }: Subject) => `${text} ${many ? 'send' : 'sends'} ${what} to ${has} but not to ${lacks}`,
        }
      })
    })
  })
  return sentences(sightings, all.length)
}
