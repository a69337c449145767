/** Ranges of whole numbers, both ends in them: of ASNs, of halves of communities, of metrics. */

export interface NumberRange {
  readonly min: number
  readonly max: number
}

export const uint16 = 0xffff
export const uint32 = 0xffffffff

export function within({ min, max }: NumberRange, value: number): boolean {
  return value >= min && value <= max
}

/** `*`, a number, or `from-to`, up to `largest`. Undefined for anything else. */
export function parseRange(text: string, largest: number): NumberRange | undefined {
  if (text === '*') return { min: 0, max: largest }
  const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(text)
  if (!match) return undefined
  const min = Number(match[1])
  const max = Number(match[2] ?? match[1])
  return min <= max && max <= largest ? { min, max } : undefined
}

export function formatRange({ min, max }: NumberRange): string {
  return min === max ? String(min) : `${min}-${max}`
}

/** Several ranges: single numbers by hash, the rest one by one. */
export class NumberSet {
  readonly ranges: readonly NumberRange[]
  /** Equal for sets that were made of the same ranges. */
  readonly key: string
  readonly #single: ReadonlySet<number>
  readonly #wide: readonly NumberRange[]

  constructor(ranges: readonly NumberRange[]) {
    this.ranges = ranges
    this.key = ranges.map(formatRange).sort().join(' ')
    this.#single = new Set(ranges.flatMap(({ min, max }) => (min === max ? [min] : [])))
    this.#wide = ranges.filter(({ min, max }) => min !== max)
  }

  has(value: number): boolean {
    return this.#single.has(value) || this.#wide.some((range) => within(range, value))
  }
}
