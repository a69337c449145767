/**
 * Sets of communities of all three sorts, standard (RFC 1997), large (RFC 8092) and extended (RFC 4360), with wildcards and ranges.
 * How a community is written says of which sort it is: `65000:1`, `65000:1:2`, `rt:65000:1`.
 */

import { type Attributes, type ExtendedCommunity, type LargeCommunity, wellKnownCommunities } from 'bgp-ts'
import { type NumberRange, parseRange, uint16, uint32, within } from './range.ts'
import { parseAddress } from './text.ts'

/** One part of a set: the parts of a community, each as a range. */
export type CommunityPattern =
  | { readonly sort: 'standard'; readonly high: NumberRange; readonly low: NumberRange }
  | { readonly sort: 'large'; readonly parts: readonly [NumberRange, NumberRange, NumberRange] }
  | {
      readonly sort: 'extended'
      /** Sub-type: 2 route target, 3 route origin. */
      readonly subtype: number
      /** Whether the administrator is an IPv4 address, as an unsigned word, and not an ASN. */
      readonly byAddress: boolean
      readonly admin: NumberRange
      readonly value: NumberRange
    }
  | { readonly sort: 'octets'; readonly high: number; readonly low: number }

/** Names of the registry that may stand for their number. */
export const communityNames: Readonly<Record<string, number>> = {
  internet: 0,
  'planned-shut': wellKnownCommunities['graceful-shutdown'],
  'accept-own': 0xffff0001,
  'route-filter-translated-v4': 0xffff0002,
  'route-filter-v4': 0xffff0003,
  'route-filter-translated-v6': 0xffff0004,
  'route-filter-v6': 0xffff0005,
  ...wellKnownCommunities,
}

/** What `parseCommunityPattern` takes, for messages. */
export const communityPatternForm =
  'is not a community such as 65000:1, 65000:*, 65000:100-199, no-export, 65000:1:2, rt:65000:1'

const subtypes: Readonly<Record<string, number>> = { rt: 2, soo: 3 }

/** A community, or a pattern of them, from text; undefined for anything else. */
export function parseCommunityPattern(text: string): CommunityPattern | undefined {
  const known = communityNames[text.toLowerCase()] ?? wholeNumber(text)
  if (known !== undefined) return standard({ min: known >>> 16, max: known >>> 16 }, exactly(known & uint16))
  if (/^0x[0-9a-f]{16}$/i.test(text)) {
    return { sort: 'octets', high: Number.parseInt(text.slice(2, 10), 16), low: Number.parseInt(text.slice(10), 16) }
  }
  const parts = text.split(':')
  const [first, second, third] = parts
  if (first !== undefined && first in subtypes) return extendedPattern(subtypes[first]!, parts.slice(1))
  if (parts.length === 2) {
    const high = parseRange(first!, uint16)
    const low = parseRange(second!, uint16)
    return high && low && standard(high, low)
  }
  if (parts.length !== 3) return undefined
  const ranges = [first!, second!, third!].map((part) => parseRange(part, uint32))
  if (!ranges.every((range) => range !== undefined)) return undefined
  return { sort: 'large', parts: ranges as [NumberRange, NumberRange, NumberRange] }
}

function standard(high: NumberRange, low: NumberRange): CommunityPattern {
  return { sort: 'standard', high, low }
}

const exactly = (value: number): NumberRange => ({ min: value, max: value })

function wholeNumber(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= uint32 ? Number(text) : undefined
}

function extendedPattern(subtype: number, [adminText = '', valueText = '', ...rest]: string[]) {
  const address = adminText.includes('.') ? parseAddress(adminText) : undefined
  const admin = address ? exactly(address.w0 >>> 0) : parseRange(adminText, uint32)
  const value = parseRange(valueText, uint32)
  if (!admin || !value || rest.length > 0) return undefined
  return { sort: 'extended', subtype, byAddress: address !== undefined, admin, value } as const
}

/** Communities that a pattern is, where it leaves nothing open: what an action can add. */
export interface Communities {
  readonly standard: readonly number[]
  readonly large: readonly LargeCommunity[]
  readonly extended: readonly ExtendedCommunity[]
}

/** The communities that these patterns name; a pattern that leaves something open, or does not fit, is returned in their place. */
export function communitiesOf(patterns: readonly CommunityPattern[]): Communities | CommunityPattern {
  const standardOnes: number[] = []
  const large: LargeCommunity[] = []
  const extended: ExtendedCommunity[] = []
  for (const pattern of patterns) {
    if (!rangesOf(pattern).every(({ min, max }) => min === max)) return pattern
    if (pattern.sort === 'standard') standardOnes.push(((pattern.high.min << 16) | pattern.low.min) >>> 0)
    else if (pattern.sort === 'large') large.push(pattern.parts.map(({ min }) => min) as [number, number, number])
    else if (pattern.sort === 'octets') extended.push({ high: pattern.high, low: pattern.low })
    else {
      const one = encodeExtended(pattern.subtype, pattern.byAddress, pattern.admin.min, pattern.value.min)
      if (!one) return pattern
      extended.push(one)
    }
  }
  return { standard: standardOnes, large, extended }
}

function rangesOf(pattern: CommunityPattern): readonly NumberRange[] {
  if (pattern.sort === 'standard') return [pattern.high, pattern.low]
  if (pattern.sort === 'large') return pattern.parts
  return pattern.sort === 'octets' ? [] : [pattern.admin, pattern.value]
}

/** Types 0, 1 and 2: two-octet ASN, IPv4 address, four-octet ASN (RFC 4360 section 3, RFC 5668). */
function encodeExtended(
  subtype: number,
  byAddress: boolean,
  admin: number,
  value: number,
): ExtendedCommunity | undefined {
  if (!byAddress && admin <= uint16) return { high: ((subtype << 16) | admin) >>> 0, low: value }
  if (value > uint16) return undefined
  const type = byAddress ? 1 : 2
  return { high: ((type << 24) | (subtype << 16) | (admin >>> 16)) >>> 0, low: ((admin << 16) | value) >>> 0 }
}

export class CommunitySet {
  readonly patterns: readonly CommunityPattern[]
  /** Equal for sets that were made of the same patterns. */
  readonly key: string
  readonly #exact: ReadonlySet<number>
  readonly #standard: readonly (CommunityPattern & { sort: 'standard' })[]
  readonly #large: readonly (CommunityPattern & { sort: 'large' })[]
  readonly #extended: readonly (CommunityPattern & { sort: 'extended' | 'octets' })[]

  constructor(patterns: readonly CommunityPattern[]) {
    this.patterns = patterns
    this.key = patterns
      .map((pattern) => JSON.stringify(pattern))
      .sort()
      .join(' ')
    const exact = communitiesOf(patterns.filter((one) => one.sort === 'standard' && isExact(one)))
    this.#exact = new Set('standard' in exact ? exact.standard : [])
    this.#standard = patterns.filter((one) => one.sort === 'standard').filter((one) => !isExact(one))
    this.#large = patterns.filter((one) => one.sort === 'large')
    this.#extended = patterns.filter((one) => one.sort === 'extended' || one.sort === 'octets')
  }

  /** Of standard communities alone, as unsigned 32-bit numbers. */
  static of(values: readonly number[]): CommunitySet {
    return new CommunitySet(values.map((value) => standard(exactly(value >>> 16), exactly(value & uint16))))
  }

  /** Whether the route has any community of the set. */
  any({ communities, largeCommunities, extendedCommunities }: Attributes): boolean {
    return (
      communities?.some((value) => this.has(value)) === true ||
      (this.#large.length > 0 && largeCommunities?.some((value) => this.hasLarge(value)) === true) ||
      (this.#extended.length > 0 && extendedCommunities?.some((value) => this.hasExtended(value)) === true)
    )
  }

  /** Whether each pattern of the set finds a community of the route. */
  all(attributes: Attributes): boolean {
    this.#each ??= this.patterns.map((pattern) => new CommunitySet([pattern]))
    return this.#each.every((one) => one.any(attributes))
  }

  #each: readonly CommunitySet[] | undefined

  /** Whether the set names this standard community itself, and not only by a wildcard or a range. */
  names(value: number): boolean {
    return this.#exact.has(value)
  }

  has(value: number): boolean {
    if (this.#exact.has(value)) return true
    return this.#standard.some(({ high, low }) => within(high, value >>> 16) && within(low, value & uint16))
  }

  hasLarge(value: LargeCommunity): boolean {
    return this.#large.some(({ parts }) => parts.every((range, index) => within(range, value[index]!)))
  }

  hasExtended({ high, low }: ExtendedCommunity): boolean {
    const type = (high >>> 24) & 0xbf
    const subtype = (high >>> 16) & 0xff
    // The bit that keeps a community inside the AS (0x40) makes no other community of it.
    const admin = type === 0 ? high & uint16 : (((high & uint16) << 16) | (low >>> 16)) >>> 0
    const value = type === 0 ? low : low & uint16
    return this.#extended.some((pattern) => {
      if (pattern.sort === 'octets') return pattern.high === high && pattern.low === low
      if (type > 2 || pattern.subtype !== subtype || pattern.byAddress !== (type === 1)) return false
      return within(pattern.admin, admin) && within(pattern.value, value)
    })
  }
}

function isExact(pattern: CommunityPattern): boolean {
  return rangesOf(pattern).every(({ min, max }) => min === max)
}
