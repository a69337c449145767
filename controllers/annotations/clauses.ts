/**
 * One value for all, and others for some: `100; ipv6 = 50; border 65001 = 20`. Clauses stand between semicolons; the words before `=`
 * say for which family and which peers a clause is. Of those that fit, the last counts, so that what is special is written last.
 */

import { type Family, formatAddress } from 'bgp-ts'
import { parseAddress } from '../../policy/index.ts'
import { bad, good, type Read, readUint32, splitList } from './values.ts'

export interface Clause<Value> {
  /** Undefined for both. */
  readonly family?: Family
  /** Peers that bear any of these words; undefined for all. */
  readonly peers?: readonly string[]
  /** Undefined for `none`. */
  readonly value: Value | undefined
}

export type Clauses<Value> = readonly Clause<Value>[]

const familyWords: Readonly<Record<string, Family>> = { ipv4: 'ipv4-unicast', ipv6: 'ipv6-unicast' }
const noValue = 'none'

/** `forPeers` is false where a clause can be for a family only. */
export function readClauses<Value>(
  text: string,
  readValue: (text: string) => Read<Value>,
  forPeers = true,
): Read<Clauses<Value>> {
  const clauses: Clause<Value>[] = []
  for (const part of text.replace(/;\s*$/, '').split(';')) {
    const at = part.lastIndexOf('=')
    const scope = readScope(at < 0 ? undefined : part.slice(0, at), forPeers)
    if (!scope.ok) return scope
    const said = part.slice(at + 1).trim()
    if (said === '') return bad(part.trim(), `is a clause without a value; "${noValue}" says that there is none`)
    const value = said === noValue ? good(undefined) : readValue(said)
    if (!value.ok) return value
    clauses.push({ ...scope.value, value: value.value })
  }
  return good(clauses)
}

function readScope(text: string | undefined, forPeers: boolean): Read<Pick<Clause<never>, 'family' | 'peers'>> {
  if (text === undefined) return good({})
  const words = text.split(/[\s,]+/).filter(Boolean)
  const families = words.flatMap((word) => familyWords[word.toLowerCase()] ?? [])
  const others = words.filter((word) => familyWords[word.toLowerCase()] === undefined)
  if (words.length === 0) return bad('=', 'has nobody before it: ipv4, ipv6 or peers are expected')
  if (others.length > 0 && !forPeers)
    return bad(others[0]!, 'is neither ipv4 nor ipv6: this value is for families only')
  const peers: string[] = []
  for (const word of others) {
    const read = readPeerWord(word)
    if (!read.ok) return read
    peers.push(read.value)
  }
  const [family] = families
  const isOne = family !== undefined && families.every((one) => one === family)
  return good({ ...(isOne && { family }), ...(peers.length > 0 && { peers }) })
}

/** What names peers: `external`, `internal`, an address, an ASN with or without AS before it, or a label. In canonical form. */
export function readPeerWord(text: string): Read<string> {
  const [host = '', zone] = text.split('%')
  const address = parseAddress(host)
  if (address) return good(formatAddress(address) + (zone ? `%${zone}` : ''))
  const asn = readUint32(/^AS(\d+)$/i.exec(text)?.[1] ?? text)
  if (asn.ok) return good(String(asn.value))
  if (text === 'external' || text === 'internal') return good(text)
  return readLabel(text)
}

const reserved = ['external', 'internal', noValue, ...Object.keys(familyWords)]

/** A label of a peer: letters, digits, and `-`, `_` or `.` between them; no word that means something else. */
export function readLabel(text: string): Read<string> {
  const isLabel = /^[A-Za-z]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text) && !/^AS\d+$/i.test(text)
  if (isLabel && !reserved.includes(text.toLowerCase())) return good(text)
  return bad(text, 'names no peers: external, internal, an address, an ASN or a label such as border-1 is expected')
}

/** A list of them. */
export function readPeerWords(text: string): Read<readonly string[]> {
  const words: string[] = []
  for (const item of splitList(text)) {
    const word = readPeerWord(item)
    if (!word.ok) return word
    words.push(word.value)
  }
  return good([...new Set(words)])
}

/** What counts for a family: the value for all peers, and what comes after it for some. */
export interface Resolved<Value> {
  readonly value: Value | undefined
  readonly forSome: readonly { readonly peers: readonly string[]; readonly value: Value | undefined }[]
}

export function resolve<Value>(clauses: Clauses<Value>, family: Family): Resolved<Value> {
  const fitting = clauses.filter((clause) => clause.family === undefined || clause.family === family)
  const last = fitting.findLastIndex(({ peers }) => peers === undefined)
  return {
    value: fitting[last]?.value,
    forSome: fitting.slice(last + 1).map(({ peers = [], value }) => ({ peers, value })),
  }
}
