/** What is wrong with an object or a setting: place, value, and what would be right. Local to one field of one object. */

import { type FindingName, findingKinds } from './finding-kinds.ts'

export interface Finding {
  readonly severity: 'warning' | 'error'
  /** `node/worker-1`, `service/default/web`, or a file with its line. */
  readonly object: string
  /** Path of the field, or key of the annotation. */
  readonly field: string
  readonly value: string
  /** What would be right, and what holds meanwhile. */
  readonly message: string
}

/** The object of findings about the API server itself: there is nobody to write an event to. */
export const apiServer = 'API server'

/** `words` are those that the kind says. */
export function finding<Name extends FindingName>(
  kind: Name,
  object: string,
  field: string,
  value: unknown,
  ...words: Parameters<(typeof findingKinds)[Name]['says']>
): Finding {
  const { severity, says } = findingKinds[kind]
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  const message = (says as (...words: unknown[]) => string)(...words)
  return { severity, object, field, value: text.slice(0, 200), message }
}

export function formatFinding({ object, field, value, message }: Finding): string {
  return `${object} ${field}: "${value}" ${message}`
}
