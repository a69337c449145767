/** What an accepted route is changed to. Actions are applied in order, and a later one wins over an earlier one. */

import { Address, type Attributes, type Family, prependAsPath } from 'bgp-ts'
import { CommunitySet } from './community-set.ts'
import type { Actions, NextHopChoice } from './policy.ts'
import { uint32 } from './range.ts'

/** Attributes with the actions applied. The next hop is decided elsewhere: see `nextHopOf`. `localAsn` is what `self` prepends. */
export function applyActions(actions: readonly Actions[], attributes: Attributes, localAsn = 0): Attributes {
  let result = attributes
  for (const action of actions) result = applyOne(action, result, localAsn)
  return result
}

function applyOne(action: Actions, before: Attributes, localAsn: number): Attributes {
  const { addMed, localPref, prepend, origin } = action
  const med = addMed === undefined ? action.med : bounded((action.med ?? before.med ?? 0) + addMed)
  return {
    ...before,
    ...(changesCommunities(action) && withCommunities(action, before)),
    ...(med !== undefined && { med }),
    ...(localPref !== undefined && { localPref }),
    ...(origin !== undefined && { origin }),
    ...(prepend && {
      asPath: prependAsPath(before.asPath ?? [], prepend.asn === 'self' ? localAsn : prepend.asn, prepend.count),
    }),
  }
}

const bounded = (metric: number) => Math.min(Math.max(metric, 0), uint32)

function changesCommunities(action: Actions): boolean {
  const { removeCommunities, removeAllCommunities, addCommunities, addLargeCommunities, addExtendedCommunities } =
    action
  return Boolean(
    removeCommunities ?? removeAllCommunities ?? addCommunities ?? addLargeCommunities ?? addExtendedCommunities,
  )
}

/** An attribute that neither was there nor gets a value stays away. */
function withCommunities(action: Actions, before: Attributes): Attributes {
  const removed = action.removeCommunities && asSet(action.removeCommunities)
  const keep = <One>(values: readonly One[] | undefined, isRemoved: (set: CommunitySet, value: One) => boolean) =>
    action.removeAllCommunities ? [] : (values ?? []).filter((value) => !removed || !isRemoved(removed, value))
  const standard = keep(before.communities, (set, value) => set.has(value))
  const large = keep(before.largeCommunities, (set, value) => set.hasLarge(value))
  const extended = keep(before.extendedCommunities, (set, value) => set.hasExtended(value))
  const communities = [...standard, ...(action.addCommunities ?? [])]
  const largeCommunities = [...large, ...(action.addLargeCommunities ?? [])]
  const extendedCommunities = [...extended, ...(action.addExtendedCommunities ?? [])]
  return {
    ...((before.communities || communities.length > 0) && { communities }),
    ...((before.largeCommunities || largeCommunities.length > 0) && { largeCommunities }),
    ...((before.extendedCommunities || extendedCommunities.length > 0) && { extendedCommunities }),
  }
}

/** Sets made of bare numbers, once each: actions are applied to one route after the other. */
const sets = new WeakMap<readonly number[], CommunitySet>()

export function asSet(communities: CommunitySet | readonly number[]): CommunitySet {
  if (communities instanceof CommunitySet) return communities
  const made = sets.get(communities) ?? CommunitySet.of(communities)
  sets.set(communities, made)
  return made
}

/** The next hop that the actions ask for a route of this family; the last one wins. */
export function nextHopOf(actions: readonly Actions[], family: Family): Address | 'self' | 'unchanged' | undefined {
  for (let index = actions.length - 1; index >= 0; index--) {
    const choice = actions[index]!.nextHop
    const chosen = isByFamily(choice) ? choice[family] : choice
    if (chosen !== undefined) return chosen
  }
  return undefined
}

function isByFamily(
  choice: NextHopChoice | undefined,
): choice is Exclude<NextHopChoice, Address | 'self' | 'unchanged'> {
  return typeof choice === 'object' && !(choice instanceof Address)
}
