/**
 * One route against one policy. A policy is compiled once into verdicts that are made beforehand,
 * so that evaluating a route allocates nothing unless a `next` statement collected actions.
 */

import { type Attributes, type Family, prependAsPath } from 'bgp-ts'
import type { Actions, Match, Policy, Statement } from './policy.ts'

/** The route in question. Mutable, and reused by the caller from route to route. */
export interface Subject {
  family: Family
  w0: number
  w1: number
  w2: number
  w3: number
  length: number
  source: 'originated' | 'learned'
  /** Kind of an originated route; empty for a learned one. */
  kind: string
  /** The peer it comes from or goes to. */
  neighbour: string
  external: boolean
  /** Decoded only when a statement asks. */
  attributes: () => Attributes
}

export interface Verdict {
  readonly accept: boolean
  /** Name of the statement that decided, or `default`. */
  readonly statement: string
  readonly actions: readonly Actions[]
}

export interface CompiledPolicy {
  readonly policy: Policy
  /** Equal keys mean equal behaviour. */
  readonly key: string
  readonly usesAttributes: boolean
  readonly usesPrefix: boolean
  readonly usesNeighbour: boolean
  /** Whether a learned route could ever be accepted: if not, learned routes need not be offered at all. */
  readonly acceptsLearned: boolean
  evaluate(subject: Subject): Verdict
}

const compiled = new WeakMap<Policy, CompiledPolicy>()

/** Compiling the same object again costs nothing: a fleet of peers shares one policy. */
export function compile(policy: Policy): CompiledPolicy {
  const known = compiled.get(policy)
  if (known) return known
  const made = compileAnew(policy)
  compiled.set(policy, made)
  return made
}

function compileAnew(policy: Policy): CompiledPolicy {
  const any = (uses: (match: Match) => boolean) => policy.statements.some(({ match }) => uses(match))
  const verdicts = policy.statements.map(verdictOf)
  const fallback: Verdict = { accept: policy.default === 'accept', statement: 'default', actions: [] }
  return {
    policy,
    key: policyKey(policy),
    usesAttributes: any(({ communities, asns }) => communities !== undefined || asns !== undefined),
    usesPrefix: any(({ prefixes }) => prefixes !== undefined),
    usesNeighbour: any(({ neighbours }) => neighbours !== undefined),
    acceptsLearned: canAcceptLearned(policy),
    evaluate: (subject) => {
      let collected: Actions[] | undefined
      for (let index = 0; index < policy.statements.length; index++) {
        const statement = policy.statements[index]!
        if (!matches(statement.match, subject)) continue
        if (statement.action !== 'next') return collect(verdicts[index]!, collected)
        if (statement.set) collected = [...(collected ?? []), statement.set]
      }
      return collect(fallback, collected)
    },
  }
}

function verdictOf(statement: Statement): Verdict {
  const actions = statement.set ? [statement.set] : []
  return { accept: statement.action === 'accept', statement: statement.name, actions }
}

function collect(verdict: Verdict, collected: readonly Actions[] | undefined): Verdict {
  if (!collected || !verdict.accept) return verdict
  return { ...verdict, actions: [...collected, ...verdict.actions] }
}

function matches(match: Match, subject: Subject): boolean {
  if (match.source !== undefined && match.source !== subject.source) return false
  if (match.kinds !== undefined && !match.kinds.includes(subject.kind)) return false
  if (match.families !== undefined && !match.families.includes(subject.family)) return false
  if (match.peerType !== undefined && (match.peerType === 'external') !== subject.external) return false
  if (match.neighbours !== undefined && !match.neighbours.includes(subject.neighbour)) return false
  const { family, w0, w1, w2, w3, length } = subject
  if (match.prefixes !== undefined && !match.prefixes.matches(family, w0, w1, w2, w3, length)) return false
  return matchesAttributes(match, subject)
}

function matchesAttributes({ communities, asns }: Match, subject: Subject): boolean {
  if (communities === undefined && asns === undefined) return true
  const attributes = subject.attributes()
  if (communities && !attributes.communities?.some((value) => communities.includes(value))) return false
  if (asns && !attributes.asPath?.some((segment) => segment.asns.some((asn) => asns.includes(asn)))) return false
  return true
}

/** Walks the statements for a learned route of which nothing else is known. */
function canAcceptLearned(policy: Policy): boolean {
  for (const { match, action } of policy.statements) {
    if (match.source === 'originated' || match.kinds !== undefined) continue
    if (action === 'accept') return true
    const takesAll = Object.entries(match).every(([name, value]) => value === undefined || name === 'source')
    if (action === 'reject' && takesAll) return false
  }
  return policy.default === 'accept'
}

function policyKey(policy: Policy): string {
  return JSON.stringify([policy.default, policy.statements], (_name, value: unknown) =>
    value !== null && typeof value === 'object' && 'entries' in value && 'key' in value ? value.key : value,
  )
}

/** Attributes with the actions applied in order. The next hop is decided elsewhere: see `nextHopOf`. */
export function applyActions(actions: readonly Actions[], attributes: Attributes): Attributes {
  let result = attributes
  for (const action of actions) result = applyOne(action, result)
  return result
}

function applyOne(action: Actions, before: Attributes): Attributes {
  const { addCommunities, removeCommunities, addLargeCommunities, med, localPref, prepend } = action
  const communities = [...(before.communities ?? []), ...(addCommunities ?? [])].filter(
    (value) => !removeCommunities?.includes(value),
  )
  const large = [...(before.largeCommunities ?? []), ...(addLargeCommunities ?? [])]
  return {
    ...before,
    ...((before.communities || communities.length > 0) && { communities }),
    ...(large.length > 0 && { largeCommunities: large }),
    ...(med !== undefined && { med }),
    ...(localPref !== undefined && { localPref }),
    ...(prepend && { asPath: prependAsPath(before.asPath ?? [], prepend.asn, prepend.count) }),
  }
}

/** The next hop that the actions ask for; the last one wins. */
export function nextHopOf(actions: readonly Actions[]): Actions['nextHop'] {
  return actions.findLast(({ nextHop }) => nextHop !== undefined)?.nextHop
}
