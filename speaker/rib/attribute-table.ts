/**
 * Attribute lists, interned by their octets: routes that share a list share one entry. The octets of an UPDATE are hashed once and
 * looked up; only a list that has not been seen is judged and summarised, and it is decoded only when somebody asks.
 *
 * An entry is a row of columns and a block in one arena. Its key is the octets as they came, the sender's context (which changes their meaning),
 * and the next hop of MP_REACH_NLRI, which is not among them. Entries are counted and freed; a generation tells a reused id from its forerunner.
 */

import { Address, type AttributeSummary, type Attributes, decodeAttributes } from 'bgp-ts'
import { Arena } from './arena.ts'
import {
  bits,
  columnOctets,
  costOf,
  type EntryTerms,
  flagsOf,
  type NextHopWords,
  noTerms,
  type Share,
} from './attribute-entry.ts'
import { freeBelow, isFarTooLong, resized, resizedBytes, shorterLength } from './columns.ts'
import { KeyedHash, longestRun } from './keyed-hash.ts'

const initialEntries = 256
const four = { fourOctetAsn: true }

export class AttributeTable {
  readonly #hash: KeyedHash
  #arena = new Arena()
  #slots = new Int32Array(initialEntries * 2)
  #mask = initialEntries * 2 - 1
  #free: number[] = []
  /** Id 0 is never given out: it means none. */
  #entries = 1
  #count = 0
  /** Generation of ids that have not been given out since the columns were this long. */
  #oldest = 0
  #capacity = initialEntries

  #keyAt = new Int32Array(initialEntries)
  #keyLength = new Int32Array(initialEntries)
  #listAt = new Int32Array(initialEntries)
  #listLength = new Int32Array(initialEntries)
  #hashes = new Int32Array(initialEntries)
  #references = new Int32Array(initialEntries)
  #contexts = new Int32Array(initialEntries)
  #generations = new Int32Array(initialEntries)
  #hop0 = new Int32Array(initialEntries)
  #hop1 = new Int32Array(initialEntries)
  #hop2 = new Int32Array(initialEntries)
  #hop3 = new Int32Array(initialEntries)
  #hopVersions = new Uint8Array(initialEntries)
  #flags = new Uint8Array(initialEntries)
  #origins = new Uint8Array(initialEntries)
  #pathLengths = new Int32Array(initialEntries)
  #neighbours = new Int32Array(initialEntries)
  #meds = new Int32Array(initialEntries)
  #localPrefs = new Float64Array(initialEntries)
  #originators = new Int32Array(initialEntries)
  #clusterLengths = new Int32Array(initialEntries)
  /** The entry that an import policy made this one of, held by it; 0 for one that is as it came. */
  #plain = new Int32Array(initialEntries)
  /** At whose expense each entry is there. */
  readonly #shares: (Share | undefined)[] = []

  constructor(seed: number) {
    this.#hash = new KeyedHash(seed)
  }

  /** Distinct lists in the table. */
  get size(): number {
    return this.#count
  }

  /** How many slots a search may have to look at. */
  get longestRun(): number {
    return longestRun(this.#slots)
  }

  /** Octets of the arena and the columns. */
  get bytes(): number {
    return this.#arena.bytes + this.#capacity * columnOctets + this.#slots.length * 4
  }

  /** The id of these octets from this context, or 0. */
  find(bytes: Uint8Array, at: number, end: number, context: number, hop: Readonly<NextHopWords>): number {
    const hash = this.#hashOf(bytes, at, end, context, hop)
    let slot = hash & this.#mask
    for (;;) {
      const id = this.#slots[slot]!
      if (id === 0) return 0
      if (this.#hashes[id] === hash && this.#is(id, bytes, at, end, context, hop)) return id
      slot = (slot + 1) & this.#mask
    }
  }

  /**
   * Enters octets that `find` did not find. The entry has no reference yet.
   */
  add(
    bytes: Uint8Array,
    at: number,
    end: number,
    context: number,
    hop: Readonly<NextHopWords>,
    summary: AttributeSummary,
    { list, plain = 0, share }: EntryTerms = noTerms,
  ): number {
    if (plain !== 0) this.retain(plain)
    const id = this.#free.pop() ?? this.#newId()
    this.#shares[id] = share
    if (share) share.octets += costOf(end - at, list?.length)
    const hash = this.#hashOf(bytes, at, end, context, hop)
    this.#keyLength[id] = end - at
    this.#keyAt[id] = this.#arena.put(bytes, at, end)
    this.#listLength[id] = list ? list.length : end - at
    this.#listAt[id] = list ? this.#arena.put(list, 0, list.length) : this.#keyAt[id]!
    this.#hashes[id] = hash
    this.#references[id] = 0
    this.#plain[id] = plain
    this.#contexts[id] = context
    this.#setNextHop(id, hop, summary)
    this.#setSummary(id, summary)
    let slot = hash & this.#mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#slots[slot] = id
    this.#count++
    if (this.#count * 10 > this.#slots.length * 7) this.#grow()
    return id
  }

  retain(id: number): void {
    this.#references[id]!++
  }

  /** Lets go of one reference; the last one frees the entry. */
  release(id: number): void {
    if (--this.#references[id]! > 0) return
    this.#discard(id)
  }

  /** Frees an entry that got no reference. */
  discardUnused(id: number): void {
    if (this.#references[id] === 0) this.#discard(id)
  }

  #discard(id: number): void {
    this.#unlink(id)
    const [keyLength, listLength] = [this.#keyLength[id]!, this.#listLength[id]!]
    const hasList = this.#listAt[id] !== this.#keyAt[id]
    if (hasList) this.#arena.drop(this.#listAt[id]!, listLength)
    this.#arena.drop(this.#keyAt[id]!, keyLength)
    this.#generations[id]!++
    this.#count--
    const share = this.#shares[id]
    if (share) share.octets -= costOf(keyLength, hasList ? listLength : 0)
    this.#shares[id] = undefined
    this.#free.push(id)
    const plain = this.#plain[id]!
    if (plain !== 0) this.release(plain)
  }

  /** The attributes as they came, before an import policy changed them. */
  plain(id: number): number {
    while (this.#plain[id] !== 0) id = this.#plain[id]!
    return id
  }

  /** Changes whenever the id is given to another list. */
  generation(id: number): number {
    return this.#generations[id]!
  }

  attributes(id: number): Attributes {
    const at = this.#listAt[id]!
    return decodeAttributes(this.#arena.octets, at, at + this.#listLength[id]!, four)
  }

  /** The next hop, of MP_REACH_NLRI or of the list; undefined where neither names one. */
  nextHop(id: number): Address | undefined {
    const version = this.#hopVersions[id]
    if (version === 0) return undefined
    return new Address(version as 4 | 6, this.#hop0[id]!, this.#hop1[id]!, this.#hop2[id]!, this.#hop3[id]!)
  }

  nextHopVersion(id: number): number {
    return this.#hopVersions[id]!
  }

  /** The first word of the next hop. */
  nextHopWord(id: number): number {
    return this.#hop0[id]!
  }

  looped(id: number): boolean {
    return (this.#flags[id]! & bits.looped) !== 0
  }

  noExport(id: number): boolean {
    return (this.#flags[id]! & bits.noExport) !== 0
  }

  /** Community LLGR_STALE: a route of last resort (RFC 9494 section 4.2). */
  longLivedStale(id: number): boolean {
    return (this.#flags[id]! & bits.longLivedStale) !== 0
  }

  /** Community NO_LLGR. */
  noLongLived(id: number): boolean {
    return (this.#flags[id]! & bits.noLongLived) !== 0
  }

  noAdvertise(id: number): boolean {
    return (this.#flags[id]! & bits.noAdvertise) !== 0
  }

  gracefulShutdown(id: number): boolean {
    return (this.#flags[id]! & bits.gracefulShutdown) !== 0
  }

  blackhole(id: number): boolean {
    return (this.#flags[id]! & bits.blackhole) !== 0
  }

  asSet(id: number): boolean {
    return (this.#flags[id]! & bits.asSet) !== 0
  }

  origin(id: number): number {
    return this.#origins[id]!
  }

  pathLength(id: number): number {
    return this.#pathLengths[id]!
  }

  neighbourAsn(id: number): number {
    return this.#neighbours[id]!
  }

  med(id: number): number {
    return this.#meds[id]! >>> 0
  }

  /** -1 where the list has none. */
  localPref(id: number): number {
    return this.#localPrefs[id]!
  }

  originatorId(id: number): number {
    return this.#originators[id]! >>> 0
  }

  /** Whether CLUSTER_LIST names this cluster. Decodes: asked by reflectors alone, once a message. */
  hasCluster(id: number, cluster: number): boolean {
    return this.#clusterLengths[id]! > 0 && (this.attributes(id).clusterList?.includes(cluster) ?? false)
  }

  clusterListLength(id: number): number {
    return this.#clusterLengths[id]!
  }

  #setNextHop(id: number, hop: Readonly<NextHopWords>, summary: AttributeSummary): void {
    const own = hop.version === 0 && summary.hasNextHop
    this.#hopVersions[id] = own ? 4 : hop.version
    this.#hop0[id] = own ? summary.nextHop : hop.w0
    this.#hop1[id] = hop.w1
    this.#hop2[id] = hop.w2
    this.#hop3[id] = hop.w3
  }

  #setSummary(id: number, summary: AttributeSummary): void {
    this.#flags[id] = flagsOf(summary)
    this.#origins[id] = summary.origin
    this.#pathLengths[id] = summary.asPathLength
    this.#neighbours[id] = summary.neighbourAsn | 0
    this.#meds[id] = summary.med | 0
    this.#localPrefs[id] = summary.localPref
    this.#originators[id] = summary.originatorId | 0
    this.#clusterLengths[id] = summary.clusterListLength
  }

  #is(id: number, bytes: Uint8Array, at: number, end: number, context: number, hop: Readonly<NextHopWords>): boolean {
    const length = end - at
    if (this.#keyLength[id] !== length || this.#contexts[id] !== context) return false
    if (hop.version !== 0 || this.#hopVersions[id] === 6) {
      const same =
        this.#hopVersions[id] === hop.version &&
        this.#hop0[id] === hop.w0 &&
        this.#hop1[id] === hop.w1 &&
        this.#hop2[id] === hop.w2 &&
        this.#hop3[id] === hop.w3
      if (!same) return false
    }
    const key = this.#keyAt[id]!
    const octets = this.#arena.octets
    for (let index = 0; index < length; index++) {
      if (octets[key + index] !== bytes[at + index]) return false
    }
    return true
  }

  #hashOf(bytes: Uint8Array, at: number, end: number, context: number, hop: Readonly<NextHopWords>): number {
    const { w0, w1, w2, w3 } = hop
    return this.#hash.ofOctets(bytes, at, end, context, w0, w1, w2, w3)
  }

  #unlink(id: number): void {
    let slot = this.#hashes[id]! & this.#mask
    while (this.#slots[slot] !== id) slot = (slot + 1) & this.#mask
    let next = slot
    for (;;) {
      this.#slots[slot] = 0
      for (;;) {
        next = (next + 1) & this.#mask
        const moving = this.#slots[next]!
        if (moving === 0) return
        const home = this.#hashes[moving]! & this.#mask
        const between = slot <= next ? slot < home && home <= next : slot < home || home <= next
        if (!between) break
      }
      this.#slots[slot] = this.#slots[next]!
      slot = next
    }
  }

  #grow(): void {
    this.#rehash(this.#slots, this.#slots.length * 2)
  }

  #rehash(ids: Int32Array, length: number): void {
    this.#slots = new Int32Array(length)
    this.#mask = length - 1
    for (const id of ids) {
      if (id === 0) continue
      let slot = this.#hashes[id]! & this.#mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask
      this.#slots[slot] = id
    }
  }

  /**
   * Gives back what a table that was far larger has left: columns above the last id in use, slots, and the arena, whose blocks are put together
   * anew. Ids stay; those that are given out again later have generations that nobody has seen.
   */
  trim(): void {
    if (!isFarTooLong(this.#capacity, this.#count)) return
    const ids = this.#slots.filter((id) => id !== 0)
    const used = new Uint8Array(this.#entries)
    used[0] = 1
    for (const id of ids) used[id] = 1
    const end = used.lastIndexOf(1) + 1
    for (const generation of this.#generations) this.#oldest = Math.max(this.#oldest, generation + 1)
    this.#resize(shorterLength(end, initialEntries))
    this.#entries = end
    this.#shares.length = Math.min(this.#shares.length, end)
    this.#free = freeBelow(end, used)
    this.#rehash(ids, shorterLength(ids.length, initialEntries) * 2)
    const before = this.#arena
    this.#arena = new Arena()
    for (const id of ids) {
      const isShared = this.#listAt[id] === this.#keyAt[id]
      this.#keyAt[id] = this.#moved(before, this.#keyAt[id]!, this.#keyLength[id]!)
      this.#listAt[id] = isShared ? this.#keyAt[id]! : this.#moved(before, this.#listAt[id]!, this.#listLength[id]!)
    }
  }

  #moved(from: Arena, at: number, length: number): number {
    return this.#arena.put(from.octets, at, at + length)
  }

  #newId(): number {
    const id = this.#entries++
    if (id >= this.#capacity) this.#resize(this.#capacity * 2)
    this.#generations[id] = this.#oldest
    return id
  }

  #resize(capacity: number): void {
    this.#keyAt = resized(this.#keyAt, capacity)
    this.#keyLength = resized(this.#keyLength, capacity)
    this.#listAt = resized(this.#listAt, capacity)
    this.#listLength = resized(this.#listLength, capacity)
    this.#hashes = resized(this.#hashes, capacity)
    this.#references = resized(this.#references, capacity)
    this.#contexts = resized(this.#contexts, capacity)
    this.#generations = resized(this.#generations, capacity)
    this.#hop0 = resized(this.#hop0, capacity)
    this.#hop1 = resized(this.#hop1, capacity)
    this.#hop2 = resized(this.#hop2, capacity)
    this.#hop3 = resized(this.#hop3, capacity)
    this.#hopVersions = resizedBytes(this.#hopVersions, capacity)
    this.#flags = resizedBytes(this.#flags, capacity)
    this.#origins = resizedBytes(this.#origins, capacity)
    this.#pathLengths = resized(this.#pathLengths, capacity)
    this.#neighbours = resized(this.#neighbours, capacity)
    this.#meds = resized(this.#meds, capacity)
    const localPrefs = new Float64Array(capacity)
    localPrefs.set(this.#localPrefs.subarray(0, capacity))
    this.#localPrefs = localPrefs
    this.#originators = resized(this.#originators, capacity)
    this.#clusterLengths = resized(this.#clusterLengths, capacity)
    this.#plain = resized(this.#plain, capacity)
    this.#capacity = capacity
  }
}
