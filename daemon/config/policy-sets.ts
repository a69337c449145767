/**
 * Sets of a configuration file, and lists in its statements, which may name sets: text in, the sets of `policy/` out.
 * An item is read as what it looks like; what looks like nothing else is the name of a set.
 */

import { familyNumbers } from 'bgp-ts'
import { didYouMean } from '../../controllers/index.ts'
import {
  type AsPathEntry,
  type AsPathFacts,
  AsPathPattern,
  type CommunityPattern,
  communityNames,
  communityPatternForm,
  entryOf,
  type NeighbourEntry,
  type NumberRange,
  NumberSet,
  PatternError,
  type PrefixEntry,
  parseCommunityPattern,
  parseNeighbour,
  parsePrefix,
  parsePrefixEntry,
  parseRange,
  uint32,
} from '../../policy/index.ts'
import type { ConfigDocument } from './document.ts'
import { ConfigError } from './flag.ts'
import type {
  AsnItem,
  AsPathItem,
  CommunityItem,
  NeighbourItem,
  NumberPart,
  PrefixItem,
  Sets,
} from './policy-schema.ts'

export type Path = readonly PropertyKey[]

/** How the items of one kind of set are read. */
interface Kind<Item, Entry> {
  readonly set: string
  /** What a word could name but does not. */
  readonly missing: string
  /** Names beside those of the sets. */
  readonly names?: readonly string[]
  /** The entry that an item is, undefined where it is none and may be a name; throws where it is neither. */
  read(item: Item, path: Path): Entry | undefined
  /** What would be right, where an item is no name either. */
  readonly expected: string
}

/** The sets of one kind, by name. */
class Named<Item, Entry> {
  readonly #document: ConfigDocument
  readonly #kind: Kind<Item, Entry>
  readonly #sets = new Map<string, readonly Entry[]>()

  constructor(document: ConfigDocument, kind: Kind<Item, Entry>) {
    this.#document = document
    this.#kind = kind
  }

  define(sets: Readonly<Record<string, readonly Item[]>>, path: Path): void {
    for (const [name, list] of Object.entries(sets)) {
      if (this.#kind.read(name as Item, [...path, name]) !== undefined) {
        const expected = `means something else: ${this.#kind.set} needs another name`
        throw new ConfigError(this.#document.keyPlace([...path, name]), name, expected)
      }
      this.#sets.set(name, this.entries(list, [...path, name]))
    }
  }

  /** The entries of a list, or of the one item that stands in its place. */
  entries(list: Item | readonly Item[], path: Path): Entry[] {
    if (!Array.isArray(list)) return [...this.#entriesOf(list as Item, path)]
    return (list as readonly Item[]).flatMap((item, index) => this.#entriesOf(item, [...path, index]))
  }

  #entriesOf(item: Item, path: Path): readonly Entry[] {
    const named = typeof item === 'string' ? this.#sets.get(item) : undefined
    if (named) return named
    const entry = this.#kind.read(item, path)
    if (entry !== undefined) return [entry]
    const place = this.#document.place(path)
    const { missing, names = [], expected } = this.#kind
    if (typeof item !== 'string' || !/^[A-Za-z][\w.-]*$/.test(item)) throw new ConfigError(place, item, expected)
    throw new ConfigError(place, item, `${missing}${didYouMean(item, [...this.#sets.keys(), ...names])}`)
  }
}

/** All sets of a file. `peers` are the names that peers have; undefined where they are not known here. */
export class SetBook {
  readonly prefixes: Named<PrefixItem, PrefixEntry>
  readonly neighbours: Named<NeighbourItem, NeighbourEntry>
  readonly asPaths: Named<AsPathItem, AsPathEntry>
  readonly communities: Named<CommunityItem, CommunityPattern>
  readonly #document: ConfigDocument

  constructor(document: ConfigDocument, sets: Sets, peers: readonly string[]) {
    this.#document = document
    this.prefixes = new Named(document, {
      set: 'a set of prefixes',
      missing: 'is no set of prefixes',
      read: (item, path) => this.#prefix(item, path),
      expected: 'is not a prefix such as 10.0.0.0/8 or 2001:db8::/32 ge 40 le 48',
    })
    const isPeer = new Set(peers)
    this.neighbours = new Named(document, {
      set: 'a set of neighbours',
      missing: 'is neither a peer nor a set of neighbours',
      names: peers,
      read: (item) => {
        const entry = parseNeighbour(String(item))
        return entry.by === 'name' && !isPeer.has(entry.name) ? undefined : entry
      },
      expected: 'is not a peer, an address, a prefix, an ASN, external or internal',
    })
    this.asPaths = new Named(document, {
      set: 'a set of AS paths',
      missing: 'is no set of AS paths',
      read: (item, path) => this.#asPath(item, path),
      expected: 'is not a pattern such as ^65001_ or _65010$',
    })
    this.communities = new Named(document, {
      set: 'a set of communities',
      missing: 'is neither a well-known community nor a set of communities',
      names: Object.keys(communityNames),
      read: (item) => parseCommunityPattern(String(item)),
      expected: communityPatternForm,
    })
    this.prefixes.define(sets.prefixes, ['sets', 'prefixes'])
    this.neighbours.define(sets.neighbours, ['sets', 'neighbours'])
    this.asPaths.define(sets['as-paths'], ['sets', 'as-paths'])
    this.communities.define(sets.communities, ['sets', 'communities'])
  }

  number(part: NumberPart, path: Path): NumberRange {
    if (typeof part === 'number') return { min: part, max: part }
    const { ge = 0, le = uint32 } = part
    if (ge > le) throw new ConfigError(this.#document.place(path), part, 'needs ge <= le')
    return { min: ge, max: le }
  }

  #prefix(item: PrefixItem, path: Path): PrefixEntry | undefined {
    if (typeof item === 'string') {
      const entry = parsePrefixEntry(item)
      const alone = entry ? undefined : parsePrefix(item.split(/\s/)[0]!)
      if (alone) throw this.#lengths(alone, item, path)
      return entry
    }
    const prefix = parsePrefix(item.prefix)
    if (!prefix) throw new ConfigError(this.#document.place([...path, 'prefix']), item.prefix, 'is not a CIDR')
    const entry = entryOf(prefix, item.ge, item.le)
    if (entry) return entry
    throw this.#lengths(prefix, item, path)
  }

  #lengths({ length, family }: PrefixEntry['prefix'], value: unknown, path: Path): ConfigError {
    const expected = `needs ${length} <= ge <= le <= ${familyNumbers[family].bits}`
    return new ConfigError(this.#document.place(path), value, expected)
  }

  #asPath(item: AsPathItem, path: Path): AsPathEntry | undefined {
    if (typeof item === 'string') return /[A-Za-z]/.test(item) ? undefined : this.#pattern(item, path)
    const { contains, origin, neighbour, only, length, empty } = item
    const asns = (list: AsnItem | readonly AsnItem[] | undefined, key: string) =>
      list === undefined ? undefined : this.#asnSet(list, [...path, key])
    const facts = {
      contains: asns(contains, 'contains'),
      origin: asns(origin, 'origin'),
      neighbour: asns(neighbour, 'neighbour'),
      only: asns(only, 'only'),
      length: length === undefined ? undefined : this.number(length, [...path, 'length']),
      empty,
    }
    const known = Object.entries(facts).filter(([, value]) => value !== undefined)
    if (known.length > 0) return Object.fromEntries(known) as AsPathFacts
    throw new ConfigError(this.#document.place(path), item, 'says nothing: one of its keys is needed')
  }

  #asnSet(list: AsnItem | readonly AsnItem[], path: Path): NumberSet {
    if (!Array.isArray(list)) return new NumberSet([this.#asns(list as AsnItem, path)])
    return new NumberSet((list as readonly AsnItem[]).map((item, index) => this.#asns(item, [...path, index])))
  }

  #asns(item: AsnItem, path: Path): NumberRange {
    const range = parseRange(String(item), uint32)
    if (range && item !== '*') return range
    throw new ConfigError(this.#document.place(path), item, 'is not an ASN or a range such as 64512-65534')
  }

  #pattern(source: string, path: Path): AsPathPattern {
    try {
      return new AsPathPattern(source)
    } catch (error) {
      if (!(error instanceof PatternError)) throw error
      throw new ConfigError(this.#document.place(path), source, error.message)
    }
  }
}
