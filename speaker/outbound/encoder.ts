/**
 * What the attributes of a route become for a group of peers, encoded and interned. Made once for each list and way through the policy; lists that
 * nearly all routes have are copied across the border of the AS without being decoded.
 */

import {
  type Address,
  type Attributes,
  acrossBorder,
  copyAcrossBorder,
  encodeAttributes,
  type Family,
  families,
} from 'bgp-ts'
import { applyActions, type CompiledPolicy, type Verdict } from '../../policy/index.ts'
import type { PeerAttributes } from '../desired.ts'
import type { AttributeTable } from '../rib/attribute-table.ts'
import { defaultLocalPref } from '../rib/best-path.ts'
import { EncodedCache } from './encoded-cache.ts'
import type { ExportTerms } from './export-terms.ts'
import type { OutTable } from './out-table.ts'
import { Packer } from './packer.ts'
import { attributesFor } from './peer-words.ts'

/** A route that is exported. Its holder reuses it. */
export interface ExportedRoute {
  family: Family
  /** Its entry in the attribute table. */
  attributes: number
  originated: boolean
  /** What it says of single peers. */
  towards: readonly PeerAttributes[]
  /** Router id of the internal peer that it is reflected from; undefined for a route that is not reflected. */
  originator: number | undefined
}

export const forAll: readonly PeerAttributes[] = []
/** Lists that do not fit a message need not fit here. */
const scratch = new Uint8Array(8192)

type Terms = Pick<ExportTerms, 'policy' | 'external' | 'localAsn' | 'fourOctetAsn' | 'clusterId' | 'self' | 'words'>

export class Encoder {
  readonly #attributes: AttributeTable
  readonly #table: OutTable
  /** By policy and, in it, by all else of the terms that makes a difference to the octets. */
  #caches = new WeakMap<CompiledPolicy, Map<string, EncodedCache>>()
  #cacheOfTerms = new WeakMap<Terms, EncodedCache>()
  /** The same of routes that say something of single peers. */
  #cachesOfSelected = new WeakMap<Terms, WeakMap<readonly PeerAttributes[], EncodedCache>>()

  constructor(attributes: AttributeTable, table: OutTable) {
    this.#attributes = attributes
    this.#table = table
  }

  /** Out id of the route's attributes for peers of these terms; 0 where they are too long for a message. */
  encoded(terms: Terms, route: Readonly<ExportedRoute>, verdict: Verdict, nextHop: Address): number {
    const cache = this.#cacheOf(terms, route.towards)
    const known = cache.find(route, this.#attributes.generation(route.attributes), verdict, nextHop)
    if (known !== 0 && this.#table.generation(known) === cache.generation) return known
    const id = this.#encode(terms, route, verdict, nextHop)
    if (id !== 0)
      cache.put(route, this.#attributes.generation(route.attributes), verdict, nextHop, id, this.#table.generation(id))
    return id
  }

  /** Forgets what it has made: where it was a lot, most of it is of no more use. */
  forget(): void {
    this.#caches = new WeakMap()
    this.#cacheOfTerms = new WeakMap()
    this.#cachesOfSelected = new WeakMap()
  }

  #encode(terms: Terms, route: Readonly<ExportedRoute>, verdict: Verdict, nextHop: Address): number {
    const length = isPlain(terms, route, verdict) ? this.#copy(terms, route.attributes, nextHop) : -1
    const list = length < 0 ? this.#made(terms, route, verdict, nextHop) : scratch
    const octets = length < 0 ? list.length : length
    return Packer.fits(octets, nextHop) ? this.#table.intern(route.family, list, nextHop, octets) : 0
  }

  #copy(terms: Terms, id: number, nextHop: Address): number {
    const at = this.#attributes.listPlace(id)
    const end = at + this.#attributes.listLength(id)
    return copyAcrossBorder(this.#attributes.listChunk(id), at, end, terms.localAsn, nextHop, scratch)
  }

  #made(terms: Terms, route: Readonly<ExportedRoute>, { actions }: Verdict, nextHop: Address): Uint8Array {
    const before = attributesFor(terms, route.towards, this.#attributes.attributes(route.attributes))
    const own = withoutForeignMed(terms, before, route.originated)
    const after = towards(terms, applyActions(actions, own, terms.localAsn), route.originator)
    const withHop: Attributes = nextHop.version === 4 ? { ...after, nextHop } : after
    return encodeAttributes(withHop, terms)
  }

  #cacheOf(terms: Terms, selected: readonly PeerAttributes[]): EncodedCache {
    if (selected === forAll) return this.#cacheOfTerms.get(terms) ?? this.#sharedCacheOf(terms)
    const caches = this.#cachesOfSelected.get(terms) ?? new WeakMap<readonly PeerAttributes[], EncodedCache>()
    this.#cachesOfSelected.set(terms, caches)
    const cache = caches.get(selected) ?? new EncodedCache()
    caches.set(selected, cache)
    return cache
  }

  /** Shared by groups that make the same octets: a reflector has a group for each client, and as many copies would fill its memory. */
  #sharedCacheOf(terms: Terms): EncodedCache {
    const caches = this.#caches.get(terms.policy) ?? new Map<string, EncodedCache>()
    this.#caches.set(terms.policy, caches)
    const key = octetsKey(terms)
    const cache = caches.get(key) ?? new EncodedCache()
    caches.set(key, cache)
    this.#cacheOfTerms.set(terms, cache)
    return cache
  }
}

/** Whether nothing but the border of the AS changes the attributes. */
function isPlain({ external, fourOctetAsn }: Terms, route: Readonly<ExportedRoute>, { actions }: Verdict): boolean {
  return external && fourOctetAsn && !route.originated && route.towards === forAll && actions.length === 0
}

function octetsKey({ external, localAsn, fourOctetAsn, clusterId, self }: Terms): string {
  return [external, localAsn, fourOctetAsn, clusterId, ...families.map((family) => self[family] ?? '')].join(' ')
}

/** RFC 4271 section 5.1.4: the MED of one neighbouring AS is not passed on to another. */
function withoutForeignMed({ external }: Terms, attributes: Attributes, originated: boolean): Attributes {
  if (originated || !external) return attributes
  const { med: _med, ...rest } = attributes
  return rest
}

/** What crossing, or not crossing, the border of the AS does to attributes. NEXT_HOP is set by the caller; `originator` is there for a reflected route. */
function towards(
  terms: Terms,
  { nextHop: _nextHop, ...attributes }: Attributes,
  originator: number | undefined,
): Attributes {
  if (terms.external) return acrossBorder(attributes, terms.localAsn)
  const inside = { ...attributes, localPref: attributes.localPref ?? defaultLocalPref }
  return originator === undefined ? inside : reflected(terms, inside, originator)
}

/** RFC 4456 section 8: who brought the route into the AS stays as the first reflector said; each reflector puts its cluster before the others. */
function reflected({ clusterId }: Terms, attributes: Attributes, originator: number): Attributes {
  const { originatorId = originator, clusterList = [] } = attributes
  return { ...attributes, originatorId, clusterList: [...(clusterId === undefined ? [] : [clusterId]), ...clusterList] }
}
