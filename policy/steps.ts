/**
 * A policy as a flat list of steps, its defaults among them, each with where a route goes on from there.
 * What can be said of a policy without a route is said here: what it asks of routes, and what can never pass.
 */

import { wellKnownCommunities } from 'bgp-ts'
import { asSet } from './actions.ts'
import { type AttributeTest, attributeTest, RouteTest } from './conditions.ts'
import type { Actions, Conditions, Match, Policy, Statement, StatementOrigin } from './policy.ts'

/** A statement, or the default of a policy. */
export interface Rule {
  /** Name of the statement, or `default`. */
  readonly name: string
  readonly action: 'accept' | 'reject' | 'next'
  readonly origin: StatementOrigin
}

/** In place of the index of a step. */
export const accepted = -1
export const rejected = -2

export interface Step {
  readonly rule: Rule
  readonly match: Match
  /** Undefined where every route will do. */
  readonly route: RouteTest | undefined
  /** Index of the test of attributes, or -1. */
  readonly attribute: number
  readonly not: { readonly route: RouteTest | undefined; readonly attribute: number } | undefined
  readonly onMatch: number
  /** Where a route goes that an earlier policy accepted: such a one only passes the defaults. */
  readonly onMatchOnceAccepted: number
  readonly isDefault: boolean
  /** What matches here is accepted, unless a later policy rejects it. */
  readonly accepts: boolean
  readonly set: Actions | undefined
  readonly wantsBlackhole: boolean
}

export interface Steps {
  readonly steps: readonly Step[]
  /** Tests of attributes, by the indexes that steps have. */
  readonly tests: readonly AttributeTest[]
}

export function stepsOf(policy: Policy): Steps {
  const steps: Step[] = []
  const tests: AttributeTest[] = []
  for (let part: Policy | undefined = policy; part; part = part.lastWord) addSteps(part, steps, tests)
  return { steps, tests }
}

function addSteps(policy: Policy, steps: Step[], tests: AttributeTest[]): void {
  const following = policy.lastWord ? steps.length + policy.statements.length + 1 : undefined
  for (const statement of policy.statements)
    steps.push(statementStep(policy, statement, steps.length, following, tests))
  const way = policy.default === 'accept' ? accepted : policy.default === 'reject' ? rejected : (following ?? rejected)
  const accepts = policy.default === 'accept' && following !== undefined
  steps.push({
    rule: {
      name: 'default',
      action: policy.default,
      origin: { policy: policy.name, statement: 'default', ...(policy.place !== undefined && { place: policy.place }) },
    },
    match: {},
    route: undefined,
    attribute: -1,
    not: undefined,
    onMatch: accepts ? following : way,
    onMatchOnceAccepted: following ?? accepted,
    isDefault: true,
    accepts,
    set: undefined,
    wantsBlackhole: false,
  })
}

function statementStep(
  policy: Policy,
  { name, match, action, set, origin }: Statement,
  index: number,
  following: number | undefined,
  tests: AttributeTest[],
): Step {
  const { not, ...conditions } = match
  const addTest = (of: Conditions) => {
    const test = attributeTest(of)
    return test ? tests.push(test) - 1 : -1
  }
  const way = { accept: following ?? accepted, reject: rejected, next: index + 1 }[action]
  return {
    rule: { name, action, origin: origin ?? { policy: policy.name, statement: name } },
    match,
    route: asksOfRoute(conditions) ? new RouteTest(conditions) : undefined,
    attribute: addTest(conditions),
    not: not && { route: asksOfRoute(not) ? new RouteTest(not) : undefined, attribute: addTest(not) },
    onMatch: way,
    onMatchOnceAccepted: way,
    isDefault: false,
    accepts: action === 'accept' && following !== undefined,
    set,
    wantsBlackhole: wantsBlackhole(conditions),
  }
}

function asksOfRoute({ families, source, learnedFrom, peerType, kinds, neighbours, prefixes }: Conditions): boolean {
  return [families, source, learnedFrom, peerType, kinds, neighbours, prefixes].some((one) => one !== undefined)
}

/** The operator has BLACKHOLE in mind, and not every community there is. */
function wantsBlackhole({ communities, allCommunities }: Conditions): boolean {
  return [communities, allCommunities].some(
    (set) => set !== undefined && asSet(set).names(wellKnownCommunities.blackhole),
  )
}

/** Whether any statement has such a condition, also under `not`. */
export function uses(steps: readonly Step[], condition: (conditions: Conditions) => boolean): boolean {
  return steps.some(({ match }) => condition(match) || (match.not !== undefined && condition(match.not)))
}

/** Whether a learned route of which nothing else is known, but the kind of peer it goes to, may come out accepted. */
export function canAcceptLearned(steps: readonly Step[], towards: 'external' | 'internal'): boolean {
  const seen = new Set<string>()
  const waiting = [{ index: 0, onceAccepted: false }]
  for (let place = waiting.pop(); place; place = waiting.pop()) {
    const { index, onceAccepted } = place
    if (index === accepted) return true
    if (index === rejected || seen.has(`${index} ${onceAccepted}`)) continue
    seen.add(`${index} ${onceAccepted}`)
    const step = steps[index]!
    const { source, kinds, peerType, ...others } = step.match
    const matches = source !== 'originated' && kinds === undefined && (peerType ?? towards) === towards
    const takesAll = matches && Object.values(others).every((value) => value === undefined)
    if (!takesAll) waiting.push({ index: index + 1, onceAccepted })
    const next = onceAccepted ? step.onMatchOnceAccepted : step.onMatch
    if (matches) waiting.push({ index: next, onceAccepted: onceAccepted || step.accepts })
  }
  return false
}
