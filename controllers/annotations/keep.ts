/** What every annotation does that does not parse: its last good value stays, and a finding names object, key and value. */

import { type Finding, finding } from '../findings.ts'
import { Pool } from '../shared.ts'
import type { Read } from './values.ts'

export type Keep = <Value>(
  key: string,
  read: Read<Value> | undefined,
  last: Value | undefined,
  otherwise: Value,
) => Value

/** `read` undefined is an annotation that is not there: `otherwise` counts then, and where there is no last good value. */
export function keeper(object: string, findings: Finding[]): Keep {
  return (key, read, last, otherwise) => {
    if (read === undefined) return otherwise
    if (read.ok) return read.value
    const kind = last === undefined ? 'annotation-unused' : 'annotation-kept'
    findings.push(finding(kind, object, key, read.item, { expected: read.expected }))
    return last ?? otherwise
  }
}

const known = new Pool<Read<unknown>>()

/** What a text under a key says, read once for all objects that have it. */
export function readOnce<Value>(key: string, text: string, read: (text: string) => Read<Value>): Read<Value> {
  return known.get(`${key} ${text}`, () => read(text)) as Read<Value>
}
