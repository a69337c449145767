/**
 * Peers choose the keys of these tables. Whoever knew the key of the hash could make every search walk through all that he sent;
 * without it he cannot, not even with keys that differ in ways which a weaker hash cancels out under any seed.
 */

import { encodeAttributes, type Family, families, summarize } from 'bgp-ts'
import { expect } from 'chai'
import { noNextHop } from '../../../../speaker/rib/attribute-entry.ts'
import { AttributeTable } from '../../../../speaker/rib/attribute-table.ts'
import { Fingerprints } from '../../../../speaker/rib/fingerprints.ts'
import { KeyedHash, newSeed } from '../../../../speaker/rib/keyed-hash.ts'
import { PrefixTable } from '../../../../speaker/rib/prefix-table.ts'
import { Dice } from '../../../fuzz/dice.ts'

type Words = readonly [w0: number, w1: number, w2: number, w3: number, length: number]

const known = 0x1234_5678_9abc
const others = [1, 99, 0x1fff_ffff_ffff_ff]
const flood = 600
/** Slots that the keys are made for: more than a table of so many entries has. */
const slotMask = 0x7ff
/** Far more than chance gives in a table that is at most seven tenths full, and far less than the flood. */
const ordinary = 90

/** Prefixes that all begin their search at one slot, under the seed that is known. */
function colliding(family: Family): Words[] {
  const hash = new KeyedHash(known)
  const found: Words[] = []
  for (let host = 0; found.length < flood; host++) {
    const words: Words =
      family === 'ipv4-unicast' ? [0x0a000000 + host, 0, 0, 0, 32] : [0x20010db8, host, 0, host << 7, 128]
    if ((hash.ofWords(...words) & slotMask) === 0) found.push(words)
  }
  return found
}

function prefixRun(family: Family, seed: number, keys: readonly Words[]): number {
  const table = new PrefixTable(family, seed)
  for (const key of keys) table.add(...key)
  expect(table.size).to.equal(keys.length)
  return table.longestRun
}

function fingerprintRun(seed: number, keys: readonly Words[]): number {
  const set = new Fingerprints(seed)
  for (const key of keys) set.add(...key)
  return set.longestRun
}

function attributeRun(seed: number, lists: readonly Uint8Array[]): number {
  const table = new AttributeTable(seed)
  for (const list of lists) {
    if (table.find(list, 0, list.length, 8, noNextHop) !== 0) continue
    table.add(list, 0, list.length, 8, noNextHop, summarize(list, 0, 0, 0))
  }
  expect(table.size).to.equal(lists.length)
  return table.longestRun
}

/** An unknown attribute of 20 octets, of which some are given as words. */
function listOf(...words: number[]): Uint8Array {
  const value = words.flatMap((word) => [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24])
  return Uint8Array.from([0xc0, 99, value.length, 0, ...value])
}

function collidingLists(): Uint8Array[] {
  const hash = new KeyedHash(known)
  const found: Uint8Array[] = []
  const list = listOf(0, 1, 2)
  const view = new DataView(list.buffer)
  for (let value = 0; found.length < flood; value++) {
    view.setUint32(4, value)
    if ((hash.ofOctets(list, 0, list.length, 8, 0, 0, 0, 0) & slotMask) === 0) found.push(list.slice())
  }
  return found
}

describe('hash flooding', () => {
  for (const family of families) {
    const keys = colliding(family)

    it(`${family}: prefixes made for one seed fill one run of slots under it, and lie scattered under any other`, () => {
      expect(prefixRun(family, known, keys)).to.be.at.least(flood)
      for (const seed of others) expect(prefixRun(family, seed, keys), `seed ${seed}`).to.be.below(ordinary)
    })

    it(`${family}: so with the fingerprints of refused prefixes`, () => {
      // Two of them may have one fingerprint.
      expect(fingerprintRun(known, keys)).to.be.at.least(flood - 2)
      for (const seed of others) expect(fingerprintRun(seed, keys), `seed ${seed}`).to.be.below(ordinary)
    })
  }

  it('attribute lists made for one seed fill one run of slots under it, and lie scattered under any other', () => {
    const lists = collidingLists()
    expect(attributeRun(known, lists)).to.be.at.least(flood)
    for (const seed of others) expect(attributeRun(seed, lists), `seed ${seed}`).to.be.below(ordinary)
  }).timeout(20_000)

  it('IPv6 prefixes in which one word makes up for the one before are scattered under every seed', () => {
    // The top octet of a product depends on the top octet alone, and a shift of 15 brings it into the next word.
    const keys = Array.from({ length: 1024 }, (_, index): Words => {
      const [one, two] = [index >>> 5, index & 31]
      return [0x20010db8, one << 27, (two << 27) ^ (two << 12), 0, 128]
    })
    for (const seed of others) expect(prefixRun('ipv6-unicast', seed, keys), `seed ${seed}`).to.be.below(ordinary)
  })

  it('attribute lists in which one word makes up for the one before are scattered under every seed', () => {
    const lists = Array.from({ length: 512 }, (_, index) => {
      const pairs = Array.from({ length: 9 }, (_none, bit) => ((index >>> bit) & 1 ? [0x80000000, 0x80010000] : [0, 0]))
      return listOf(...pairs.flat())
    })
    for (const seed of others) expect(attributeRun(seed, lists), `seed ${seed}`).to.be.below(ordinary)
  })

  it('communities that collide in any Set of numbers are written as fast as others', () => {
    // The hash of small integers in V8, which has no seed.
    const bucket = (value: number) => {
      let hash = (~value + (value << 15)) | 0
      hash ^= hash >>> 12
      hash = (hash + (hash << 2)) | 0
      hash ^= hash >>> 4
      hash = Math.imul(hash, 2057)
      return (hash ^ (hash >>> 16)) & 0xfff
    }
    const made: number[] = []
    for (let value = 0; made.length < 4000; value++) if (bucket(value) === 0) made.push(value)
    const fastest = (communities: readonly number[]) => {
      const times = Array.from({ length: 5 }, () => {
        const began = performance.now()
        encodeAttributes({ communities }, { fourOctetAsn: true })
        return performance.now() - began
      })
      return Math.min(...times)
    }
    const ordinaryOnes = Array.from(made, (_value, index) => index * 7919)
    expect(fastest(made)).to.be.below(fastest(ordinaryOnes) * 10)
  }).timeout(20_000)

  it('the hash tells every octet, its place, the length and every word', () => {
    const hash = new KeyedHash(known)
    const plain = new Uint8Array(40)
    const seen = new Set<number>()
    for (let length = 0; length <= 40; length++) seen.add(hash.ofOctets(plain, 0, length, 0, 0, 0, 0, 0))
    for (let at = 0; at < 40; at++) seen.add(hash.ofOctets(plain.with(at, 1), 0, 40, 0, 0, 0, 0, 0))
    for (let at = 0; at < 5; at++) {
      const [a, b, c, d, e] = [0, 0, 0, 0, 0].with(at, 1) as [number, number, number, number, number]
      seen.add(hash.ofOctets(plain, 0, 40, a, b, c, d, e))
    }
    expect(seen.size).to.equal(41 + 40 + 5)
  })

  it('seeds are drawn from what the world gives, whole', () => {
    const dice = new Dice(3)
    const seeds = Array.from({ length: 100 }, () => newSeed(() => dice.word() / 0x100000000 + 2 ** -53))
    expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).to.equal(true)
    const hashes = seeds.map((seed) => new KeyedHash(seed).ofWords(1, 2, 3, 4, 5))
    expect(new Set(hashes).size).to.equal(100)
  })
})
