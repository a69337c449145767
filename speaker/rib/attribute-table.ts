/**
 * Attribute lists, interned by their octets: routes that share a list share one entry. The octets of an UPDATE are hashed once and
 * looked up; only a list that has not been seen is judged and summarised, and it is decoded only when somebody asks.
 *
 * An entry is a row of words and a block in one arena. Its key is the octets as they came, the sender's context (which changes their meaning),
 * and the next hop of MP_REACH_NLRI, which is not among them. Entries are counted and freed; a generation tells a reused id from its forerunner.
 */

import { Address, type AttributeSummary, type Attributes, decodeAttributes } from 'bgp-ts'
import { Arena } from './arena.ts'
import {
  bits,
  costOf,
  type EntryTerms,
  entryWords,
  flagsOf,
  type NextHopWords,
  noTerms,
  type Share,
} from './attribute-entry.ts'
import { isFarTooLong } from './columns.ts'
import { KeyedHash } from './keyed-hash.ts'
import { Records } from './records.ts'
import { RowIds } from './row-ids.ts'
import { SlotIndex } from './slot-index.ts'

const initialEntries = 256
const four = { fourOctetAsn: true }

/** Words of an entry. */
const keyAt = 0
const keyLength = 1
const listAt = 2
const listLength = 3
const references = 4
const context = 5
const generation = 6
const hop0 = 7
const hop1 = 8
const hop2 = 9
const hop3 = 10
/** What the list says by its mere presence, in eight bits; above them the origin, the version of the next hop, and whether there is a LOCAL_PREF. */
const marks = 11
const pathLength = 12
const neighbour = 13
const med = 14
const localPref = 15
const originator = 16
const clusterLength = 17
/** The entry that an import policy made this one of, held by it; 0 for one that is as it came. */
const plain = 18

const originShift = 8
const versionShift = 10
const localPrefBit = 1 << 13

export class AttributeTable {
  readonly #hash: KeyedHash
  #arena = new Arena()
  readonly #records = new Records(entryWords, initialEntries)
  readonly #ids = new RowIds(this.#records, generation)
  readonly #index = new SlotIndex(initialEntries)
  /** At whose expense each entry is there. */
  readonly #shares: (Share | undefined)[] = []

  constructor(seed: number) {
    this.#hash = new KeyedHash(seed)
  }

  /** Distinct lists in the table. */
  get size(): number {
    return this.#index.size
  }

  /** How many slots a search may have to look at. */
  get longestRun(): number {
    return this.#index.longestRun
  }

  /** Octets of the arena, the rows, and what they are found by. */
  get bytes(): number {
    return this.#arena.bytes + this.#records.bytes + this.#index.bytes
  }

  /** Whether the lists take far more than their octets. */
  get isWasteful(): boolean {
    return this.#arena.isWasteful
  }

  /** The id of these octets from this context, or 0. */
  find(bytes: Uint8Array, at: number, end: number, from: number, hop: Readonly<NextHopWords>): number {
    const hash = this.#hashOf(bytes, at, end, from, hop)
    for (let id = this.#index.first(hash); id !== 0; id = this.#index.next(hash)) {
      if (this.#is(id, bytes, at, end, from, hop)) return id
    }
    return 0
  }

  /**
   * Enters octets that `find` did not find. The entry has no reference yet.
   */
  add(
    bytes: Uint8Array,
    at: number,
    end: number,
    from: number,
    hop: Readonly<NextHopWords>,
    summary: AttributeSummary,
    { list, plain: madeOf = 0, share }: EntryTerms = noTerms,
  ): number {
    if (madeOf !== 0) this.retain(madeOf)
    const id = this.#ids.take()
    this.#shares[id] = share
    if (share) share.octets += costOf(end - at, list?.length)
    const records = this.#records
    const key = this.#arena.put(bytes, at, end)
    records.set(id, keyAt, key)
    records.set(id, keyLength, end - at)
    records.set(id, listAt, list ? this.#arena.put(list, 0, list.length) : key)
    records.set(id, listLength, list ? list.length : end - at)
    records.set(id, references, 0)
    records.set(id, context, from)
    records.set(id, plain, madeOf)
    this.#setNextHop(id, hop, summary)
    this.#setSummary(id, summary)
    this.#index.add(id, this.#hashOf(bytes, at, end, from, hop))
    return id
  }

  retain(id: number): void {
    this.#records.set(id, references, this.#records.get(id, references) + 1)
  }

  /** Lets go of one reference; the last one frees the entry. */
  release(id: number): void {
    const left = this.#records.get(id, references) - 1
    this.#records.set(id, references, left)
    if (left <= 0) this.#discard(id)
  }

  /** Frees an entry that got no reference. */
  discardUnused(id: number): void {
    if (this.#records.get(id, references) === 0) this.#discard(id)
  }

  #discard(id: number): void {
    const records = this.#records
    const [key, list] = [records.get(id, keyAt), records.get(id, listAt)]
    const [keyOctets, listOctets] = [records.get(id, keyLength), records.get(id, listLength)]
    this.#index.remove(id)
    if (list !== key) this.#arena.drop(list, listOctets)
    this.#arena.drop(key, keyOctets)
    const share = this.#shares[id]
    if (share) share.octets -= costOf(keyOctets, list === key ? 0 : listOctets)
    this.#shares[id] = undefined
    this.#ids.giveBack(id)
    const madeOf = records.get(id, plain)
    if (madeOf !== 0) this.release(madeOf)
  }

  /** The attributes as they came, before an import policy changed them. */
  plain(id: number): number {
    for (let madeOf = this.#records.get(id, plain); madeOf !== 0; madeOf = this.#records.get(id, plain)) id = madeOf
    return id
  }

  /** Changes whenever the id is given to another list. */
  generation(id: number): number {
    return this.#ids.generation(id)
  }

  attributes(id: number): Attributes {
    const at = this.listPlace(id)
    return decodeAttributes(this.listChunk(id), at, at + this.listLength(id), four)
  }

  /** The octets that the list lies in, from `listPlace` on. Not to be kept: the chunk may be replaced by the next entry. */
  listChunk(id: number): Uint8Array {
    return this.#arena.chunkOf(this.#records.get(id, listAt))
  }

  listPlace(id: number): number {
    return this.#arena.placeOf(this.#records.get(id, listAt))
  }

  listLength(id: number): number {
    return this.#records.get(id, listLength)
  }

  /** The next hop, of MP_REACH_NLRI or of the list; undefined where neither names one. */
  nextHop(id: number): Address | undefined {
    const version = this.nextHopVersion(id)
    if (version === 0) return undefined
    const records = this.#records
    const [a, b, c, d] = [records.get(id, hop0), records.get(id, hop1), records.get(id, hop2), records.get(id, hop3)]
    return new Address(version, a, b, c, d)
  }

  /** Whether this is the next hop. Asked with each message: no object is made. */
  hasNextHop(id: number, { version, w0, w1, w2, w3 }: Address): boolean {
    const records = this.#records
    return (
      this.nextHopVersion(id) === version &&
      records.get(id, hop0) === w0 &&
      records.get(id, hop1) === w1 &&
      records.get(id, hop2) === w2 &&
      records.get(id, hop3) === w3
    )
  }

  nextHopVersion(id: number): 0 | 4 | 6 {
    return ((this.#records.get(id, marks) >>> versionShift) & 7) as 0 | 4 | 6
  }

  /** The first word of the next hop. */
  nextHopWord(id: number): number {
    return this.#records.get(id, hop0)
  }

  looped(id: number): boolean {
    return (this.#records.get(id, marks) & bits.looped) !== 0
  }

  noExport(id: number): boolean {
    return (this.#records.get(id, marks) & bits.noExport) !== 0
  }

  /** Community LLGR_STALE: a route of last resort (RFC 9494 section 4.2). */
  longLivedStale(id: number): boolean {
    return (this.#records.get(id, marks) & bits.longLivedStale) !== 0
  }

  /** Community NO_LLGR. */
  noLongLived(id: number): boolean {
    return (this.#records.get(id, marks) & bits.noLongLived) !== 0
  }

  noAdvertise(id: number): boolean {
    return (this.#records.get(id, marks) & bits.noAdvertise) !== 0
  }

  gracefulShutdown(id: number): boolean {
    return (this.#records.get(id, marks) & bits.gracefulShutdown) !== 0
  }

  blackhole(id: number): boolean {
    return (this.#records.get(id, marks) & bits.blackhole) !== 0
  }

  asSet(id: number): boolean {
    return (this.#records.get(id, marks) & bits.asSet) !== 0
  }

  origin(id: number): number {
    return (this.#records.get(id, marks) >>> originShift) & 3
  }

  pathLength(id: number): number {
    return this.#records.get(id, pathLength)
  }

  neighbourAsn(id: number): number {
    return this.#records.get(id, neighbour)
  }

  med(id: number): number {
    return this.#records.get(id, med) >>> 0
  }

  /** -1 where the list has none. */
  localPref(id: number): number {
    return (this.#records.get(id, marks) & localPrefBit) === 0 ? -1 : this.#records.get(id, localPref) >>> 0
  }

  originatorId(id: number): number {
    return this.#records.get(id, originator) >>> 0
  }

  /** Whether CLUSTER_LIST names this cluster. Decodes: asked by reflectors alone, once a message. */
  hasCluster(id: number, cluster: number): boolean {
    return this.clusterListLength(id) > 0 && (this.attributes(id).clusterList?.includes(cluster) ?? false)
  }

  clusterListLength(id: number): number {
    return this.#records.get(id, clusterLength)
  }

  #setNextHop(id: number, hop: Readonly<NextHopWords>, summary: AttributeSummary): void {
    const own = hop.version === 0 && summary.hasNextHop
    const records = this.#records
    records.set(id, marks, (own ? 4 : hop.version) << versionShift)
    records.set(id, hop0, own ? summary.nextHop : hop.w0)
    records.set(id, hop1, hop.w1)
    records.set(id, hop2, hop.w2)
    records.set(id, hop3, hop.w3)
  }

  #setSummary(id: number, summary: AttributeSummary): void {
    const records = this.#records
    const present = summary.localPref < 0 ? 0 : localPrefBit
    const known = records.get(id, marks) | flagsOf(summary) | (summary.origin << originShift)
    records.set(id, marks, known | present)
    records.set(id, pathLength, summary.asPathLength)
    records.set(id, neighbour, summary.neighbourAsn | 0)
    records.set(id, med, summary.med | 0)
    records.set(id, localPref, summary.localPref | 0)
    records.set(id, originator, summary.originatorId | 0)
    records.set(id, clusterLength, summary.clusterListLength)
  }

  #is(id: number, bytes: Uint8Array, at: number, end: number, from: number, hop: Readonly<NextHopWords>): boolean {
    const length = end - at
    const records = this.#records
    if (records.get(id, keyLength) !== length || records.get(id, context) !== from) return false
    const version = this.nextHopVersion(id)
    if (hop.version !== 0 || version === 6) {
      const same =
        version === hop.version &&
        records.get(id, hop0) === hop.w0 &&
        records.get(id, hop1) === hop.w1 &&
        records.get(id, hop2) === hop.w2 &&
        records.get(id, hop3) === hop.w3
      if (!same) return false
    }
    const key = this.#arena.placeOf(records.get(id, keyAt))
    const octets = this.#arena.chunkOf(records.get(id, keyAt))
    for (let index = 0; index < length; index++) {
      if (octets[key + index] !== bytes[at + index]) return false
    }
    return true
  }

  #hashOf(bytes: Uint8Array, at: number, end: number, from: number, hop: Readonly<NextHopWords>): number {
    const { w0, w1, w2, w3 } = hop
    return this.#hash.ofOctets(bytes, at, end, from, w0, w1, w2, w3)
  }

  /**
   * Gives back what a table that was far larger has left: rows above the last id in use, slots, and the arena, whose blocks are put together
   * anew. Ids stay; those that are given out again later have generations that nobody has seen.
   */
  trim(): void {
    const records = this.#records
    if (!isFarTooLong(records.rows, this.size) && !this.isWasteful) return
    const ids = [...this.#index.numbers()]
    const end = this.#ids.shrink(ids, initialEntries)
    this.#index.shrink(initialEntries, end)
    this.#shares.length = Math.min(this.#shares.length, end)
    const before = this.#arena
    this.#arena = new Arena()
    for (const id of ids) {
      const isShared = records.get(id, listAt) === records.get(id, keyAt)
      const key = this.#arena.move(before, records.get(id, keyAt), records.get(id, keyLength))
      const list = isShared ? key : this.#arena.move(before, records.get(id, listAt), records.get(id, listLength))
      records.set(id, keyAt, key)
      records.set(id, listAt, list)
    }
  }
}
