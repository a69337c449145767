/** The answer where a subject is nothing that is there, with the names that may have been meant. */

import type { Backend } from './backend.ts'
import type { Explanation } from './explain.ts'

export function unknown(subject: string, ...lines: readonly string[]): Explanation {
  return { subject, kind: 'unknown', lines, data: {} }
}

/** Services of that name in any namespace: the namespace is what is forgotten. */
export function namesakes({ view }: Backend, subject: string): string[] {
  const name = subject.slice(subject.lastIndexOf('/') + 1)
  const keys = [...(view?.services.values() ?? [])]
    .filter((one) => one.name === name)
    .map(({ namespace }) => `${namespace}/${name}`)
  return keys.length > 0 ? [`There is ${someOf(keys)}.`] : []
}

/** So many names are a hint; a thousand would be none. */
const shownNames = 8

export function someOf(names: readonly string[]): string {
  const more = names.length - shownNames
  return names.slice(0, shownNames).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
