/** Times on the command line: `90s`, `10m`, `2h`, `1d`. */

import { ConfigError } from '../config/flag.ts'

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds; throws `ConfigError` that names the flag. */
export function durationMs(flag: string, text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? []
  if (count === undefined || unit === undefined)
    throw new ConfigError(flag, text, 'is no time such as 90s, 10m, 2h or 1d')
  return Number(count) * unitMs[unit]!
}
