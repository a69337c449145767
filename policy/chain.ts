/**
 * Lists of policies: a route goes through them in order until one decides. A list is made one policy, whose statements know where they
 * come from, so nothing else has to know of lists.
 */

import type { Policy, Statement, StatementOrigin } from './policy.ts'

/** The policies of a list as one. A route that none of them decided is rejected, unless the last says `next` and something follows the list. */
export function chain(list: readonly Policy[]): Policy {
  const [first, ...rest] = list
  if (first && rest.length === 0 && first.place === undefined) return first
  const statements: Statement[] = []
  for (const policy of list) {
    statements.push(...policy.statements.map((statement) => labelled(policy, statement)))
    if (policy.default === 'next') continue
    const name = 'default'
    statements.push(labelled(policy, { name, match: {}, action: policy.default }))
    // What stands behind a policy that decides everything is never asked.
    break
  }
  return { name: list.map(({ name }) => name).join(', '), statements, default: 'next' }
}

/** A pair is made once: all peers that have it share what is compiled of it. */
const pairs = new WeakMap<Policy, WeakMap<Policy, Policy>>()

/** A policy before another one, which has the last word. */
export function inFront(front: Policy, lastWord: Policy): Policy {
  const withFront = pairs.get(front) ?? new WeakMap<Policy, Policy>()
  pairs.set(front, withFront)
  const made: Policy = withFront.get(lastWord) ?? { ...front, lastWord }
  withFront.set(lastWord, made)
  return made
}

function labelled(policy: Policy, statement: Statement): Statement {
  const place = statement.origin?.place ?? policy.place
  const origin = { policy: policy.name, statement: statement.name, ...(place !== undefined && { place }) }
  return { ...statement, name: `${policy.name}: ${statement.name}`, origin }
}

/** `bogons, policy "from-spine" (tandem.yaml:12:7)`. */
export function formatOrigin({ policy, statement, place }: StatementOrigin): string {
  return `${statement}, policy "${policy}"${place === undefined ? '' : ` (${place})`}`
}
