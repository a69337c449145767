/**
 * Sets of AS paths. An entry is a pattern over the path's text, or facts about the path that all have to hold;
 * a path is in the set when any entry takes it.
 */

import { type AsPath, asPathLength, formatAsPath } from 'bgp-ts'
import { AsPathPattern } from './as-path-pattern.ts'
import { type NumberRange, type NumberSet, within } from './range.ts'

/** All that are there have to hold. */
export interface AsPathFacts {
  /** Any of these anywhere in the path. */
  readonly contains?: NumberSet
  /** The AS that originated the route: the last one, unless the path ends in a set. */
  readonly origin?: NumberSet
  /** The AS it was learned from: the first one. */
  readonly neighbour?: NumberSet
  /** No other AS in the path, and at least one. */
  readonly only?: NumberSet
  /** Hops as the decision process counts them. */
  readonly length?: NumberRange
  /** A route of our own AS. */
  readonly empty?: boolean
}

export type AsPathEntry = AsPathPattern | AsPathFacts

export class AsPathSet {
  readonly entries: readonly AsPathEntry[]
  /** Equal for sets that were made of the same entries. */
  readonly key: string
  readonly #facts: readonly AsPathFacts[]
  readonly #patterns: readonly AsPathPattern[]

  constructor(entries: readonly AsPathEntry[]) {
    this.entries = entries
    this.#patterns = entries.filter((entry) => entry instanceof AsPathPattern)
    this.#facts = entries.filter((entry): entry is AsPathFacts => !(entry instanceof AsPathPattern))
    this.key = entries.map(formatEntry).sort().join(' ')
  }

  has(path: AsPath): boolean {
    if (this.#facts.some((facts) => hold(facts, path))) return true
    if (this.#patterns.length === 0) return false
    const text = formatAsPath(path)
    return this.#patterns.some((pattern) => pattern.test(text))
  }
}

function hold({ contains, origin, neighbour, only, length, empty }: AsPathFacts, path: AsPath): boolean {
  if (empty !== undefined && empty !== (path.length === 0)) return false
  if (length && !within(length, asPathLength(path))) return false
  if (contains && !path.some(({ asns }) => asns.some((asn) => contains.has(asn)))) return false
  if (only && (path.length === 0 || !path.every(({ asns }) => asns.every((asn) => only.has(asn))))) return false
  const [first, last] = [path[0], path.at(-1)]
  if (neighbour && (first?.type !== 'sequence' || !neighbour.has(first.asns[0]!))) return false
  return !origin || (last?.type === 'sequence' && origin.has(last.asns.at(-1)!))
}

function formatEntry(entry: AsPathEntry): string {
  if (entry instanceof AsPathPattern) return `/${entry.source}/`
  return JSON.stringify(entry, (_name, value: unknown) =>
    value !== null && typeof value === 'object' && 'ranges' in value && 'key' in value ? value.key : value,
  )
}
