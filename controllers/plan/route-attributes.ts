/**
 * What a route of this node is sent with and to whom, from the annotations of its Node and its Service. The family is known here, the peer is
 * not: what differs between peers stays a list, which the speaker resolves for each of them.
 */

import { type Family, wellKnownCommunities } from 'bgp-ts'
import type { OriginatedAttributes, OriginatedRoute, PeerAttributes, PeerSelection } from '../../speaker/index.ts'
import type { AttributeSettings } from '../annotations/attributes.ts'
import { type Clauses, type Resolved, resolve } from '../annotations/clauses.ts'
import { Pool } from '../shared.ts'

/** The part of a route that annotations decide. Equal ones are one value: routes that share it are interned with one look-up. */
export type RouteAttributes = Pick<OriginatedRoute, 'attributes' | 'to' | 'towards'>

const values = ['communities', 'largeCommunities', 'extendedCommunities', 'med', 'localPref'] as const
const gracefulShutdown = wellKnownCommunities['graceful-shutdown']
const shared = new Pool<RouteAttributes>()
const selections = new Pool<PeerSelection>()

/** `layers` from the general to the special. `leaving` is a route that is about to be withdrawn (RFC 8326). */
export function routeAttributes(
  layers: readonly AttributeSettings[],
  family: Family,
  leaving: boolean,
  to: PeerSelection | undefined,
): RouteAttributes {
  const attributes: Record<string, unknown> = {}
  const towards: PeerAttributes[] = []
  for (const name of values) {
    const { value, forSome } = resolved<unknown>(layers, family, name)
    if (value !== undefined) attributes[name] = value
    for (const { peers, value: own } of forSome) towards.push({ peers, attributes: { [name]: own } })
  }
  const { value: prepend, forSome } = resolved<number>(layers, family, 'prepend')
  if (prepend !== undefined) towards.push({ peers: ['external'], attributes: { prepend } })
  for (const { peers, value: own } of forSome) towards.push({ peers, attributes: { prepend: own } })
  const made = {
    attributes: leaving ? left(attributes) : attributes,
    ...(towards.length > 0 && { towards: leaving ? towards.map(leftOf) : towards }),
    ...(to && { to }),
  }
  // An attribute that is taken away is there as undefined, which JSON would pass over.
  const key = JSON.stringify(made, (_key, value: unknown) => (value === undefined ? null : value))
  return shared.get(key, () => made)
}

function resolved<Value>(layers: readonly AttributeSettings[], family: Family, name: keyof AttributeSettings) {
  const clauses = layers.flatMap((layer) => (layer[name] ?? []) as Clauses<Value>)
  return resolve(clauses, family) satisfies Resolved<Value>
}

/** RFC 8326 section 4: the community for other ASes, and the lowest preference inside our own. */
function left(attributes: OriginatedAttributes): OriginatedAttributes {
  return { ...attributes, communities: [...(attributes.communities ?? []), gracefulShutdown], localPref: 0 }
}

function leftOf({ peers, attributes }: PeerAttributes): PeerAttributes {
  const { communities = [] } = attributes
  return {
    peers,
    attributes: {
      ...attributes,
      ...('communities' in attributes && { communities: [...communities, gracefulShutdown] }),
      ...('localPref' in attributes && { localPref: 0 }),
    },
  }
}

/** The peers that the clauses under an annotation name for a family; undefined for all. */
export function selectionOf(
  key: string,
  clauses: Clauses<readonly string[]>,
  family: Family,
): PeerSelection | undefined {
  if (clauses.length === 0 || !clauses.some((one) => one.family === undefined || one.family === family))
    return undefined
  const { value: peers = [] } = resolve(clauses, family)
  const rule = peers.length > 0 ? `${key} names ${peers.join(', ')} alone` : `${key} names no peer`
  return selections.get(rule, () => ({ peers, rule }))
}
