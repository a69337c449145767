/**
 * The annotations that say with which BGP attributes routes go out, and to whom: on a Service for its VIPs, on a Node as the default of
 * everything that the node advertises. The Service's clauses come after the Node's, so that they win where they fit.
 */

import type { ExtendedCommunity, LargeCommunity } from 'bgp-ts'
import { type Clauses, readClauses, readPeerWords } from './clauses.ts'
import { type Keep, readOnce } from './keep.ts'
import {
  type Read,
  readCommunity,
  readCount,
  readExtendedCommunity,
  readLargeCommunity,
  readList,
  readUint32,
} from './values.ts'

export interface AttributeSettings {
  readonly communities?: Clauses<readonly number[]>
  readonly largeCommunities?: Clauses<readonly LargeCommunity[]>
  readonly extendedCommunities?: Clauses<readonly ExtendedCommunity[]>
  readonly med?: Clauses<number>
  readonly localPref?: Clauses<number>
  /** Times that our own ASN is put before the path once more. */
  readonly prepend?: Clauses<number>
  /** The peers that VIPs are for. */
  readonly to?: Clauses<readonly string[]>
}

export const attributeAnnotations = {
  communities: 'tandem.io/bgp.communities',
  largeCommunities: 'tandem.io/bgp.large-communities',
  extendedCommunities: 'tandem.io/bgp.extended-communities',
  med: 'tandem.io/bgp.med',
  localPref: 'tandem.io/bgp.local-pref',
  prepend: 'tandem.io/bgp.prepend',
  to: 'tandem.io/bgp.advertise-to',
} as const satisfies { readonly [Name in keyof AttributeSettings]-?: string }

type Name = keyof typeof attributeAnnotations
const names = Object.keys(attributeAnnotations) as Name[]

const readers: { readonly [One in Name]: (text: string) => Read<unknown> } = {
  communities: (text) => readClauses(text, (value) => readList(value, readCommunity)),
  largeCommunities: (text) => readClauses(text, (value) => readList(value, readLargeCommunity)),
  extendedCommunities: (text) => readClauses(text, (value) => readList(value, readExtendedCommunity)),
  med: (text) => readClauses(text, readUint32),
  localPref: (text) => readClauses(text, readUint32),
  prepend: (text) => readClauses(text, readCount),
  to: readSelection,
}

/** The peers that routes are for, by family. */
export function readSelection(text: string): Read<Clauses<readonly string[]>> {
  return readClauses(text, readPeerWords, false)
}

const nothing: AttributeSettings = {}

export function readAttributes(
  annotations: Readonly<Record<string, string>>,
  keep: Keep,
  lastGood: AttributeSettings | undefined,
): AttributeSettings {
  let settings: Record<string, unknown> | undefined
  for (const name of names) {
    const key = attributeAnnotations[name]
    const text = annotations[key]
    if (text === undefined) continue
    const value = keep<unknown>(key, readOnce(key, text, readers[name]), lastGood?.[name], undefined)
    if (value === undefined) continue
    settings ??= {}
    settings[name] = value
  }
  return settings ?? nothing
}

/** The annotations that say something about attributes, for the rule of a route. */
export function attributeKeys(settings: AttributeSettings): string[] {
  return names.filter((name) => settings[name] !== undefined).map((name) => attributeAnnotations[name])
}
