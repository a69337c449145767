/**
 * Sets of a configuration file, and lists in its statements, which may name sets: text in, the sets of `policy/` out.
 * An item is read as what it looks like; what looks like nothing else is the name of a set.
 */

import { familyNumbers } from 'bgp-ts'
import {
  type AsPathEntry,
  type AsPathFacts,
  AsPathPattern,
  type CommunityPattern,
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
import { didYouMean } from './nearest.ts'
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
  readonly noun: string
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
  /** What else an item may name, e.g. peers. */
  readonly #others: ReadonlySet<string>

  constructor(document: ConfigDocument, kind: Kind<Item, Entry>, others: readonly string[] = []) {
    this.#document = document
    this.#kind = kind
    this.#others = new Set(others)
  }

  define(sets: Readonly<Record<string, readonly Item[]>>, path: Path): void {
    for (const [name, list] of Object.entries(sets)) {
      const taken = this.#others.has(name) || this.#kind.read(name as Item, [...path, name]) !== undefined
      if (taken)
        throw new ConfigError(
          this.#document.place([...path, name]),
          name,
          `means something else: ${this.#kind.noun} needs another name`,
        )
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
    const { noun, expected } = this.#kind
    if (typeof item !== 'string' || !/^[A-Za-z][\w.-]*$/.test(item)) throw new ConfigError(place, item, expected)
    throw new ConfigError(place, item, `is not ${noun}${didYouMean(item, [...this.#sets.keys(), ...this.#others])}`)
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
      noun: 'a set of prefixes',
      read: (item, path) => this.#prefix(item, path),
      expected: 'is not a prefix such as 10.0.0.0/8 or 2001:db8::/32 ge 40 le 48',
    })
    const isPeer = new Set(peers)
    this.neighbours = new Named(
      document,
      {
        noun: 'a peer, nor a set of neighbours',
        read: (item) => {
          const entry = parseNeighbour(String(item))
          return entry.by === 'name' && !isPeer.has(entry.name) ? undefined : entry
        },
        expected: 'is not a peer, an address, a prefix, an ASN, external or internal',
      },
      peers,
    )
    this.asPaths = new Named(document, {
      noun: 'a set of AS paths',
      read: (item, path) => this.#asPath(item, path),
      expected: 'is not a pattern such as ^65001_ or _65010$',
    })
    this.communities = new Named(document, {
      noun: 'a set of communities, nor a well-known one',
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
      list === undefined ? undefined : new NumberSet([list].flat().map((one) => this.#asns(one, [...path, key])))
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
