/** Who wants a prefix advertised: of several, the first by name gives the route. Remembers what changes changed. */

import { isDeepStrictEqual } from 'node:util'
import { formatPrefix, type Prefix } from 'bgp-ts'
import type { OriginatedRoute } from '../speaker/index.ts'

interface Claim {
  readonly owner: string
  readonly route: OriginatedRoute
}

export class RouteOwners {
  /** Sorted by owner, one each; nearly always one, and thousands where as many services share a VIP. */
  readonly #claims = new Map<string, Claim[]>()
  /** The route of each prefix that changed, as it was before. */
  readonly #before = new Map<string, OriginatedRoute | undefined>()

  replace(owner: string, before: readonly OriginatedRoute[], now: readonly OriginatedRoute[]): void {
    if (before.length === 0 && now.length === 0) return
    for (const { prefix } of before) this.#drop(formatPrefix(prefix), owner)
    // Backwards, so that the first of several routes of one owner stays.
    for (const route of now.toReversed()) this.#put(formatPrefix(route.prefix), { owner, route })
  }

  /** What is to be said otherwise than when this was asked last. */
  takeChange(): { readonly set: readonly OriginatedRoute[]; readonly withdrawn: readonly Prefix[] } {
    const set: OriginatedRoute[] = []
    const withdrawn: Prefix[] = []
    for (const [key, before] of this.#before) {
      const now = this.#claims.get(key)?.[0]?.route
      if (now === undefined) {
        if (before) withdrawn.push(before.prefix)
      } else if (!isDeepStrictEqual(now, before)) set.push(now)
    }
    this.#before.clear()
    return { set, withdrawn }
  }

  #put(key: string, claim: Claim): void {
    const claims = this.#remembered(key)
    const place = placeOf(claims, claim.owner)
    claims.splice(place, claims[place]?.owner === claim.owner ? 1 : 0, claim)
    this.#claims.set(key, claims)
  }

  #drop(key: string, owner: string): void {
    const claims = this.#remembered(key)
    const place = placeOf(claims, owner)
    if (claims[place]?.owner === owner) claims.splice(place, 1)
    if (claims.length === 0) this.#claims.delete(key)
  }

  #remembered(key: string): Claim[] {
    const claims = this.#claims.get(key) ?? []
    if (!this.#before.has(key)) this.#before.set(key, claims[0]?.route)
    return claims
  }
}

/** Where the claim of this owner stands, or would. */
function placeOf(claims: readonly Claim[], owner: string): number {
  let from = 0
  let end = claims.length
  while (from < end) {
    const middle = (from + end) >>> 1
    if (claims[middle]!.owner < owner) from = middle + 1
    else end = middle
  }
  return from
}
