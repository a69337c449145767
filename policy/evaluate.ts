/**
 * One route against one policy. A policy is compiled once into steps; what a route met on its way through them is a place in a tree that
 * grows as routes take new ways. So a way that was taken before costs no allocation, and ends in the same verdict object.
 */

import { Address } from 'bgp-ts'
import { applyActions, nextHopOf } from './actions.ts'
import type { AttributeTest, AttributeView, Subject } from './conditions.ts'
import type { Actions, Policy } from './policy.ts'
import { accepted, canAcceptLearned, type Rule, type Step, stepsOf, uses } from './steps.ts'

export interface Verdict {
  readonly accept: boolean
  /** Name of the statement that decided, or `default`. */
  readonly statement: string
  readonly actions: readonly Actions[]
  /** Index of the statement that decided, in `CompiledPolicy.rules`. */
  readonly rule: number
  /** Whether a statement on the way named the community BLACKHOLE (RFC 7999). */
  readonly wantsBlackhole: boolean
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
  /** The same, towards peers of one kind. */
  readonly acceptsLearnedTowards: { readonly external: boolean; readonly internal: boolean }
  /** Whether it takes everything as it is. */
  readonly isOpen: boolean
  /** Whether an action makes our own address the next hop. */
  readonly setsNextHopSelf: boolean
  /** Statements and defaults, in the order in which they are asked. */
  readonly rules: readonly Rule[]
  /** `hits` counts, by index of the rule, the routes that each matched. */
  evaluate(subject: Subject, hits?: Float64Array): Verdict
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
  const { steps, tests } = stepsOf(policy)
  const run = new Run(steps, tests)
  const acceptsLearnedTowards = {
    external: canAcceptLearned(steps, 'external'),
    internal: canAcceptLearned(steps, 'internal'),
  }
  return {
    policy,
    key: policyKey(policy),
    usesAttributes: tests.length > 0,
    usesPrefix: uses(steps, ({ prefixes }) => prefixes !== undefined),
    usesNeighbour: uses(steps, ({ neighbours }) => neighbours !== undefined),
    acceptsLearned: acceptsLearnedTowards.external || acceptsLearnedTowards.internal,
    acceptsLearnedTowards,
    isOpen: steps.length === 1 && steps[0]!.onMatch === accepted,
    setsNextHopSelf: steps.some(({ set }) => set?.nextHop === 'self'),
    rules: steps.map(({ rule }) => rule),
    evaluate: (subject, hits) => run.evaluate(subject, hits),
  }
}

/** Names of policies and the lines they stand on make no difference to a route. */
function policyKey({ statements, default: otherwise, lastWord }: Policy): string {
  const written = statements.map(({ origin: _origin, ...statement }) => statement)
  return JSON.stringify([otherwise, written, lastWord && compile(lastWord).key], (_name, value: unknown) =>
    value !== null && typeof value === 'object' && 'key' in value ? value.key : value,
  )
}

/** Ways that are remembered; a peer chooses its routes' communities, and must not choose how much is kept. */
const mostWays = 4096
/** Attributes whose answers are remembered: for routes as they came, and as a `next` changed them. */
const rootSlots = 1024
const otherSlots = 64

/** What a route has collected: actions, and whether a policy accepted it already. */
class Way {
  readonly actions: readonly Actions[]
  /** Index of the step that accepted, for as long as no later policy rejects; -1 for none. */
  readonly acceptedBy: number
  readonly wantsBlackhole: boolean
  /** By step that was matched, or decided. */
  readonly next: (Way | undefined)[] = []
  readonly verdicts: (Verdict | undefined)[] = []
  readonly memo: AttributeMemo

  constructor(actions: readonly Actions[], acceptedBy: number, wantsBlackhole: boolean, memo: AttributeMemo) {
    this.actions = actions
    this.acceptedBy = acceptedBy
    this.wantsBlackhole = wantsBlackhole
    this.memo = memo
  }
}

class Run {
  readonly #steps: readonly Step[]
  readonly #tests: readonly AttributeTest[]
  readonly #root: Way
  #ways = 1
  /** The attributes of the route in question, decoded once, and as the way last asked about left them. */
  #came: AttributeView | undefined
  #view: AttributeView | undefined
  #viewedOn: Way | undefined

  constructor(steps: readonly Step[], tests: readonly AttributeTest[]) {
    this.#steps = steps
    this.#tests = tests
    this.#root = new Way([], -1, false, new AttributeMemo(tests.length, rootSlots))
  }

  evaluate(subject: Subject, hits: Float64Array | undefined): Verdict {
    const steps = this.#steps
    let way = this.#root
    this.#came = undefined
    this.#viewedOn = undefined
    for (let index = 0; ; ) {
      const step = steps[index]!
      if (!this.#takes(step, subject, way)) {
        index++
        continue
      }
      const onceAccepted = way.acceptedBy >= 0
      if (hits !== undefined && !(onceAccepted && step.isDefault)) hits[index]!++
      const next = onceAccepted ? step.onMatchOnceAccepted : step.onMatch
      if (next < 0) return way.verdicts[index] ?? this.#decide(way, index, next)
      if (step.set !== undefined || step.accepts || step.wantsBlackhole) way = way.next[index] ?? this.#go(way, index)
      index = next
    }
  }

  #takes(step: Step, subject: Subject, way: Way): boolean {
    if (step.route !== undefined && !step.route.takes(subject)) return false
    if (step.attribute >= 0 && !this.#holds(step.attribute, subject, way)) return false
    const { not } = step
    if (not === undefined) return true
    const taken =
      (not.route === undefined || not.route.takes(subject)) &&
      (not.attribute < 0 || this.#holds(not.attribute, subject, way))
    return !taken
  }

  /** Asks a test of attributes, unless it was asked about these before. */
  #holds(test: number, subject: Subject, way: Way): boolean {
    const { stored } = subject
    if (stored === undefined || stored.id === 0) return this.#tests[test]!(this.#viewOf(subject, way))
    const { memo } = way
    const at = memo.at(stored, subject.localAsn ?? 0) + test
    const known = memo.answers[at]!
    if (known !== unknown) return known === yes
    const holds = this.#tests[test]!(this.#viewOf(subject, way))
    memo.answers[at] = holds ? yes : no
    return holds
  }

  #viewOf(subject: Subject, way: Way): AttributeView {
    if (this.#viewedOn === way && this.#view) return this.#view
    this.#came ??= { attributes: subject.attributes(), nextHop: subject.nextHop?.() }
    this.#viewedOn = way
    this.#view = way.actions.length === 0 ? this.#came : changedView(this.#came, way.actions, subject)
    return this.#view
  }

  #go(way: Way, index: number): Way {
    const { set, accepts, wantsBlackhole } = this.#steps[index]!
    const memo = set ? new AttributeMemo(this.#tests.length, otherSlots) : way.memo
    const next = new Way(
      set ? [...way.actions, set] : way.actions,
      accepts ? index : way.acceptedBy,
      way.wantsBlackhole || wantsBlackhole,
      memo,
    )
    if (this.#ways >= mostWays) return next
    this.#ways++
    way.next[index] = next
    return next
  }

  #decide(way: Way, index: number, end: number): Verdict {
    const { set, isDefault, wantsBlackhole } = this.#steps[index]!
    const accept = end === accepted
    // What only passed the default of a later policy was decided by who accepted it before.
    const rule = isDefault && accept && way.acceptedBy >= 0 ? way.acceptedBy : index
    const verdict: Verdict = {
      accept,
      statement: this.#steps[rule]!.rule.name,
      actions: accept ? (set ? [...way.actions, set] : way.actions) : [],
      rule,
      wantsBlackhole: way.wantsBlackhole || wantsBlackhole,
    }
    way.verdicts[index] = verdict
    return verdict
  }
}

function changedView(came: AttributeView, actions: readonly Actions[], subject: Subject): AttributeView {
  const hop = nextHopOf(actions, subject.family)
  return {
    attributes: applyActions(actions, came.attributes, subject.localAsn),
    nextHop: hop instanceof Address ? hop : came.nextHop,
  }
}

const unknown = 0
const no = 1
const yes = 2

/** Answers about attributes, by where they are stored. A slot is that of the last attributes that fell on it. */
class AttributeMemo {
  readonly answers: Uint8Array
  readonly #tests: number
  readonly #slots: number
  readonly #ids: Int32Array
  readonly #generations: Int32Array
  #table: object | undefined
  #localAsn = 0

  constructor(tests: number, slots: number) {
    this.#tests = tests
    this.#slots = tests === 0 ? 0 : slots
    this.answers = new Uint8Array(tests * this.#slots)
    this.#ids = new Int32Array(this.#slots)
    this.#generations = new Int32Array(this.#slots)
  }

  /** Where the answers about these attributes begin. Ids of another table are other attributes, and `self` in an action may be another ASN. */
  at({ table, id, generation }: NonNullable<Subject['stored']>, localAsn: number): number {
    if (table !== this.#table || localAsn !== this.#localAsn) {
      this.#table = table
      this.#localAsn = localAsn
      this.#ids.fill(0)
    }
    const slot = id & (this.#slots - 1)
    const at = slot * this.#tests
    if (this.#ids[slot] !== id || this.#generations[slot] !== generation) {
      this.#ids[slot] = id
      this.#generations[slot] = generation
      this.answers.fill(unknown, at, at + this.#tests)
    }
    return at
  }
}
