/** Which objects a list or a watch is about: its namespace, its label selector and its field selector, as one question to an object. */

import type { KubeObject } from '../kube-objects.ts'
import { badRequest, type KindRule } from './objects.ts'

export type Scope = (object: KubeObject) => boolean

type Labels = Readonly<Record<string, string>>
type Requirement = (labels: Labels) => boolean

/** Throws a `Refusal` for a selector that cannot be read. */
export function scopeOf(rule: KindRule, namespace: string | undefined, query: URLSearchParams): Scope {
  const requirements = labelSelector(query.get('labelSelector') ?? '')
  const fields = fieldSelector(rule, query.get('fieldSelector') ?? '')
  return (object) => {
    const labels = (object.metadata['labels'] ?? {}) as Labels
    return (
      (namespace === undefined || object.metadata.namespace === namespace) &&
      fields(object) &&
      requirements.every((holds) => holds(labels))
    )
  }
}

const key = '[A-Za-z0-9][A-Za-z0-9._/-]*'
const forms = {
  exists: new RegExp(`^(!?)\\s*(${key})$`),
  equal: new RegExp(`^(${key})\\s*(=|==|!=)\\s*([A-Za-z0-9._-]*)$`),
  set: new RegExp(`^(${key})\\s+(in|notin)\\s*\\(([^()]*)\\)$`),
}

function labelSelector(text: string): readonly Requirement[] {
  if (text.trim() === '') return []
  // At the commas that stand outside of a set.
  return text.split(/,(?![^(]*\))/).map((term) => requirement(term.trim()))
}

function requirement(term: string): Requirement {
  const exists = forms.exists.exec(term)
  if (exists) {
    const [, no, name = ''] = exists
    return (labels) => name in labels === (no === '')
  }
  const equal = forms.equal.exec(term)
  if (equal) return oneOf(equal[1]!, equal[2] !== '!=', [equal[3]!])
  const set = forms.set.exec(term)
  if (!set) throw badRequest(`unable to parse requirement: '${term}'`)
  const values = set[3]!.split(',').map((value) => value.trim())
  return oneOf(set[1]!, set[2] === 'in', values)
}

/** An object without the label is not in any set: `!=` and `notin` hold for it. */
function oneOf(name: string, wanted: boolean, values: readonly string[]): Requirement {
  return (labels) => (name in labels && values.includes(labels[name]!)) === wanted
}

function fieldSelector(rule: KindRule, text: string): Scope {
  const known = rule.namespaced ? ['metadata.name', 'metadata.namespace'] : ['metadata.name']
  const terms = text === '' ? [] : text.split(',')
  const questions = terms.map((term): Scope => {
    const [, field, operator, value] = /^([^=!]+)(==|=|!=)(.*)$/.exec(term) ?? []
    if (field === undefined) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`)
    if (!known.includes(field)) throw badRequest(`field label not supported: ${field}`)
    const name = field === 'metadata.name' ? 'name' : 'namespace'
    return ({ metadata }) => (metadata[name] === value) === (operator !== '!=')
  })
  return (object) => questions.every((holds) => holds(object))
}
