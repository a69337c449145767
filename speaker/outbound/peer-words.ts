/**
 * The words by which originated routes name peers, and what that means for one of them: whether it is sent a route, and with which attributes.
 * Peers are kept apart only by words that some route uses, so that a fleet of equal peers stays one update group.
 */

import { type Attributes, formatAddress, prependAsPath } from 'bgp-ts'
import type { OriginatedRoute, PeerAttributes, PeerDeclaration } from '../desired.ts'

/** Every word that a peer bears. */
export function wordsOf({ name, address, asn, labels = [] }: PeerDeclaration, external: boolean): string[] {
  return [external ? 'external' : 'internal', name, formatAddress(address), String(asn), ...labels]
}

/** The words that these routes use, beside those that are known. */
export function wordsIn(routes: readonly OriginatedRoute[], known: ReadonlySet<string>): ReadonlySet<string> {
  let words: Set<string> | undefined
  for (const { to, towards } of routes) {
    if (!to && !towards) continue
    words ??= new Set(known)
    for (const word of to?.peers ?? []) words.add(word)
    for (const { peers } of towards ?? []) for (const word of peers) words.add(word)
  }
  return words ?? known
}

/** Whether a peer that bears `words` is among those that a route names. */
export function isNamed(words: ReadonlySet<string>, peers: readonly string[]): boolean {
  return peers.some((word) => words.has(word))
}

/** The attributes of a route with what it says of these peers in their place. */
export function attributesFor(
  terms: { readonly words: ReadonlySet<string>; readonly external: boolean; readonly localAsn: number },
  towards: readonly PeerAttributes[],
  attributes: Attributes,
): Attributes {
  if (towards.length === 0) return attributes
  let selected: PeerAttributes['attributes'] = {}
  for (const { peers, attributes: more } of towards) {
    if (isNamed(terms.words, peers)) selected = { ...selected, ...more }
  }
  const { prepend = 0, ...rest } = selected
  const result: Record<string, unknown> = { ...attributes, ...rest }
  for (const [name, value] of Object.entries(rest)) if (value === undefined) delete result[name]
  // Our own ASN in its path would make a peer of our own AS take the route for a loop.
  const asPath = attributes.asPath ?? []
  const repeated = terms.external && prepend > 0 ? prependAsPath(asPath, terms.localAsn, prepend) : asPath
  return { ...(result as Attributes), asPath: repeated }
}

/** Whether two routes go to the same peers, and with the same differences between them. */
export function sameForPeers(one: OriginatedRoute, other: OriginatedRoute): boolean {
  if (one.to === other.to && one.towards === other.towards) return true
  // An attribute that is taken away is there as undefined, which JSON would pass over.
  const text = ({ to, towards }: OriginatedRoute) => JSON.stringify([to, towards], (_key, value) => value ?? null)
  return text(one) === text(other)
}
