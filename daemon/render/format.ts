/** How an answer is written: a table for people, JSON and YAML for programs. */

import { stringify } from 'yaml'

export const formats = ['table', 'json', 'yaml'] as const
/** Of the commands whose tables have more columns than usual. */
export const wideFormats = ['table', 'wide', 'json', 'yaml'] as const
export type Format = (typeof formats)[number]

/** `text` is only asked for where it is shown. */
export function written(format: Format, value: unknown, text: () => string): string {
  if (format === 'table') return text()
  // As it came over the socket, where undefined fields are left out.
  return format === 'json' ? JSON.stringify(value, undefined, 2) : stringify(value).trimEnd()
}
