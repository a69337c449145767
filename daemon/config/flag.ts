/** What a flag is: its name, how its text is read, its default and its help. The same text may come from the environment or a file. */

import type { Prefix } from 'bgp-ts'
import { readBool } from '../../controllers/index.ts'
import { parseAddress, parsePrefix } from '../../policy/index.ts'

/** Names the place, the value, and what would be right. The daemon does not start with one. */
export class ConfigError extends Error {
  readonly place: string
  readonly value: string
  readonly expected: string

  constructor(place: string, value: unknown, expected: string) {
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
    super(`${place}: "${text}" ${expected}`)
    this.place = place
    this.value = text
    this.expected = expected
  }
}

export interface FlagType<Value> {
  /** Shown in the help, e.g. `IP,...`. Empty for a switch. */
  readonly placeholder: string
  /** The value, or undefined when the text is none; `expected` then says what would be. */
  read(text: string): Value | undefined
  readonly expected: string
}

export interface Flag<Value> {
  readonly type: FlagType<Value>
  readonly default: Value
  readonly help: string
  /** The default in the help, where the value's own text would not do. */
  readonly defaultText?: string
}

export const flag = <Value>(type: FlagType<Value>, value: Value, help: string, defaultText?: string): Flag<Value> => ({
  type,
  default: value,
  help,
  ...(defaultText !== undefined && { defaultText }),
})

export const bool: FlagType<boolean> = { placeholder: '', read: readBool, expected: 'is neither true nor false' }

/** True, false, or left out. */
export const maybeBool: FlagType<boolean | undefined> = { ...bool }

export const text: FlagType<string> = { placeholder: 'TEXT', read: (value) => value, expected: '' }

export const named = (placeholder: string): FlagType<string> => ({ ...text, placeholder })

export function oneOf<const Words extends readonly string[]>(...words: Words): FlagType<Words[number]> {
  const expected = `is not one of ${words.join(', ')}`
  return { placeholder: words.join('|'), read: (value) => words.find((word) => word === value), expected }
}

export function integer(minimum: number, maximum: number): FlagType<number> {
  return {
    placeholder: 'N',
    read: (value) => {
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
      return number >= minimum && number <= maximum ? number : undefined
    },
    expected: `is not a number from ${minimum} to ${maximum}`,
  }
}

/** Seconds, from `90`, `90s`, `1m30s`, `1h`. */
export function duration(minimum: number, maximum: number): FlagType<number> {
  return {
    placeholder: 'DURATION',
    read: (value) => {
      const match = /^(?=.)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?$/.exec(value)
      if (!match) return undefined
      const seconds = Number(match[1] ?? 0) * 3600 + Number(match[2] ?? 0) * 60 + Number(match[3] ?? 0)
      return seconds >= minimum && seconds <= maximum ? seconds : undefined
    },
    expected: `is not a duration from ${minimum}s to ${maximum}s such as 90s or 1m30s`,
  }
}

export function list<Value>(item: FlagType<Value>): FlagType<readonly Value[]> {
  return {
    placeholder: `${item.placeholder},...`,
    read: (value) => {
      if (value.trim() === '') return []
      const values = value.split(',').map((part) => item.read(part.trim()))
      return values.every((one) => one !== undefined) ? values : undefined
    },
    expected: item.expected.replace(/^is/, 'has an item that is'),
  }
}

export const cidr: FlagType<Prefix> = {
  placeholder: 'CIDR',
  read: parsePrefix,
  expected: 'is not a CIDR such as 10.96.0.0/12 or fd00:10:96::/112',
}

export const ip = {
  placeholder: 'IP',
  read: parseAddress,
  expected: 'is not an IP address',
} satisfies FlagType<unknown>
