/** The policies of a configuration file, each statement with the line it stands on, and the lists that peers take of them. */

import { families } from 'bgp-ts'
import { didYouMean } from '../../controllers/index.ts'
import {
  type Actions,
  AsPathSet,
  acceptAll,
  CommunitySet,
  type Conditions,
  chain,
  communitiesOf,
  familyOfAddress,
  NeighbourSet,
  originatedOnly,
  type Policy,
  PrefixSet,
  rejectAll,
  type Statement,
} from '../../policy/index.ts'
import type { ConfigDocument } from './document.ts'
import { ConfigError } from './flag.ts'
import type { MatchPart, PoliciesPart, PolicyPart, StatementPart } from './policy-schema.ts'
import { type Path, SetBook } from './policy-sets.ts'
import { familyNames } from './values.ts'

const builtIn: readonly Policy[] = [acceptAll, rejectAll, originatedOnly]

/** What a file says of policies. `peers` are the names that statements may call peers by. */
export function readPolicies(document: ConfigDocument, part: PoliciesPart, peers: readonly string[]): Policies {
  return new Policies(document, part, peers)
}

export class Policies {
  readonly sets: SetBook
  readonly #document: ConfigDocument
  readonly #byName = new Map<string, Policy>(builtIn.map((policy) => [policy.name, policy]))
  /** Policies that leave their default to be `reject`. */
  readonly #silent = new Set<string>()
  readonly #lists = new Map<string, Policy>()

  constructor(document: ConfigDocument, { sets, policies }: PoliciesPart, peers: readonly string[]) {
    this.#document = document
    this.sets = new SetBook(document, sets, peers)
    for (const [index, policy] of policies.entries()) this.#define(policy, ['policies', index])
  }

  /**
   * The policies of these names, as one that is asked in their order. All peers that name the same list get the same object.
   * `isFollowed`: whether something has the last word after them.
   */
  list(names: string | readonly string[], path: Path, isFollowed: boolean): Policy {
    const list = [names].flat()
    const twice = list.findIndex((name, index) => list.indexOf(name) !== index)
    if (twice >= 0) throw new ConfigError(this.#document.place([...path, twice]), list[twice], 'is twice in the list')
    const found = list.map((name, index) => this.#named(name, typeof names === 'string' ? path : [...path, index]))
    found.forEach(({ name }, index) => {
      if (!this.#silent.has(name) || (index === found.length - 1 && !isFollowed)) return
      const follows = list[index + 1] ?? 'the built-in policy'
      const expected = `is followed by ${follows}, so its default has to be written down: accept, reject or next`
      throw new ConfigError(this.#document.place(typeof names === 'string' ? path : [...path, index]), name, expected)
    })
    const key = list.join('\n')
    const made = this.#lists.get(key) ?? chain(found)
    this.#lists.set(key, made)
    return made
  }

  #named(name: string, path: Path): Policy {
    const policy = this.#byName.get(name)
    if (policy) return policy
    throw new ConfigError(this.#document.place(path), name, `is no policy${didYouMean(name, this.#byName.keys())}`)
  }

  #define(policy: PolicyPart, path: Path): void {
    const { name } = policy
    if (this.#byName.has(name)) throw this.#twice([...path, 'name'], name, 'policies')
    const names = new Set<string>()
    const statements = policy.statements.map((statement, index) => {
      const at = [...path, 'statements', index]
      if (names.has(statement.name)) throw this.#twice([...at, 'name'], statement.name, `statements of ${name}`)
      names.add(statement.name)
      return this.#statement(name, statement, at)
    })
    if (policy.default === undefined) this.#silent.add(name)
    const place = this.#document.line([...path, policy.default === undefined ? 'name' : 'default'])
    this.#byName.set(name, { name, statements, default: policy.default ?? 'reject', place })
  }

  #twice(path: Path, name: string, what: string): ConfigError {
    return new ConfigError(this.#document.place(path), name, `is the name of two ${what}`)
  }

  #statement(policy: string, { name, match, action, set }: StatementPart, path: Path): Statement {
    const { not, ...conditions } = match
    return {
      name,
      action,
      match: {
        ...this.#conditions(conditions, [...path, 'match']),
        ...(not && { not: this.#conditions(not, [...path, 'match', 'not']) }),
      },
      ...(set && { set: this.#actions(set, [...path, 'set']) }),
      origin: { policy, statement: name, place: this.#document.line(path) },
    }
  }

  #conditions(match: Omit<MatchPart, 'not'>, path: Path): Conditions {
    const { prefixes, neighbours, communities, asPaths } = this.sets
    const number = (key: 'path-length' | 'med' | 'local-pref') =>
      given(match[key], (part) => this.sets.number(part, [...path, key]))
    const prefixSet = (key: 'prefixes' | 'next-hop') =>
      given(match[key], (list) => new PrefixSet(prefixes.entries(list, [...path, key])))
    const communitySet = (key: 'communities' | 'all-communities') =>
      given(match[key], (list) => new CommunitySet(communities.entries(list, [...path, key])))
    return defined({
      prefixes: prefixSet('prefixes'),
      families: given(match.families, (list) => [list].flat().map((name) => familyNames[name])),
      source: match.source,
      learnedFrom: match['learned-from'],
      kinds: given(match.kinds, (list) => [list].flat()),
      neighbours: given(
        match.neighbours,
        (list) => new NeighbourSet(neighbours.entries(list, [...path, 'neighbours'])),
      ),
      peerType: match['peer-type'],
      communities: communitySet('communities'),
      allCommunities: communitySet('all-communities'),
      asns: given(match.asns, (list) => [list].flat()),
      asPath: given(match['as-path'], (list) => new AsPathSet(asPaths.entries(list, [...path, 'as-path']))),
      pathLength: number('path-length'),
      med: number('med'),
      localPref: number('local-pref'),
      origins: given(match.origins, (list) => [list].flat()),
      nextHop: prefixSet('next-hop'),
    })
  }

  #actions(set: NonNullable<StatementPart['set']>, path: Path): Actions {
    const replaced = set['replace-communities']
    const removed = set['remove-communities']
    if (replaced !== undefined && (removed !== undefined || set['add-communities'] !== undefined)) {
      const expected = 'stands alone: nothing is left to remove, and what is to be added can stand in it'
      throw new ConfigError(this.#document.place([...path, 'replace-communities']), replaced, expected)
    }
    const { standard, large, extended } = this.#added(set, path)
    return defined({
      removeAllCommunities: replaced === undefined ? undefined : true,
      removeCommunities: given(
        removed,
        (list) => new CommunitySet(this.sets.communities.entries(list, [...path, 'remove-communities'])),
      ),
      addCommunities: standard.length > 0 ? standard : undefined,
      addLargeCommunities: large.length > 0 ? large : undefined,
      addExtendedCommunities: extended.length > 0 ? extended : undefined,
      med: set.med,
      addMed: set['add-med'],
      localPref: set['local-pref'],
      origin: set.origin,
      prepend: set.prepend,
      nextHop: this.#nextHop(set['next-hop'], [...path, 'next-hop']),
    })
  }

  /** Standard, large and extended communities that are put onto a route: each has to be one, and no pattern. */
  #added(set: NonNullable<StatementPart['set']>, path: Path) {
    const patterns = (['add-communities', 'add-large-communities', 'replace-communities'] as const).flatMap((key) =>
      [set[key] ?? []].flat().flatMap((item, index) => {
        const at = Array.isArray(set[key]) ? [...path, key, index] : [...path, key]
        const entries = this.sets.communities.entries(item, at)
        if ('standard' in communitiesOf(entries)) return entries
        throw new ConfigError(this.#document.place(at), item, 'is a pattern: only a community as such can be added')
      }),
    )
    const made = communitiesOf(patterns)
    return 'standard' in made ? made : { standard: [], large: [], extended: [] }
  }

  #nextHop(choice: NonNullable<StatementPart['set']>['next-hop'], path: Path): Actions['nextHop'] {
    if (!Array.isArray(choice)) return choice
    const byFamily = Object.fromEntries(choice.map((one) => [familyOfAddress(one), one]))
    if (Object.keys(byFamily).length === choice.length) return byFamily
    throw new ConfigError(
      this.#document.place(path),
      choice,
      `has two addresses of a family: one of each of ${families.join(', ')} is possible`,
    )
  }
}

function given<Part, Value>(part: Part | undefined, read: (part: Part) => Value): Value | undefined {
  return part === undefined ? undefined : read(part)
}

/** Without the keys whose value is undefined. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
