import { type Family, families, familyNumbers, formatPrefix, Prefix } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { PrefixTable } from '../../../../speaker/rib/prefix-table.ts'
import { prefix } from '../../../support/fabric.ts'

const add = (table: PrefixTable, one: Prefix) => table.add(one.w0, one.w1, one.w2, one.w3, one.length)
const find = (table: PrefixTable, one: Prefix) => table.find(one.w0, one.w1, one.w2, one.w3, one.length)

const samples: Record<Family, string[]> = {
  'ipv4-unicast': ['0.0.0.0/0', '0.0.0.0/32', '10.0.0.0/8', '10.0.0.0/9', '255.255.255.255/32'],
  'ipv6-unicast': ['::/0', '::/128', 'fd00::/8', 'fd00::/9', 'fd00::1/128', 'fd00:0:0:1::/128', 'ffff::ffff/128'],
}

/** The nth of many distinct prefixes, that differ in their low words for IPv6. */
function nth(family: Family, index: number): Prefix {
  const { bits } = familyNumbers[family]
  return bits === 32
    ? new Prefix(family, 32, 0x0a000000 + index)
    : new Prefix(family, 128, 0x20010db8, index & 7, index >>> 3, index)
}

for (const family of families) {
  describe(`a table of ${family} prefixes`, () => {
    let table: PrefixTable

    beforeEach(() => {
      table = new PrefixTable(family, 0x1234567)
    })

    it('tells prefixes apart by address and by length', () => {
      const rows = samples[family].map((text) => add(table, prefix(text)))
      expect(new Set(rows).size).to.equal(rows.length)
      expect(rows.map((row) => formatPrefix(table.prefix(row)))).to.deep.equal(samples[family])
    })

    it('gives a prefix the same row again', () => {
      for (const text of samples[family]) expect(add(table, prefix(text))).to.equal(add(table, prefix(text)))
      expect(table.size).to.equal(samples[family].length)
    })

    it('does not find what is not there', () => {
      for (const text of samples[family]) expect(find(table, prefix(text)), text).to.equal(-1)
    })

    it('gives the words of a row', () => {
      for (const one of samples[family].map(prefix)) {
        const row = add(table, one)
        const words = [table.word0(row), table.word1(row), table.word2(row), table.word3(row), table.length(row)]
        expect(words).to.deep.equal([one.w0, one.w1, one.w2, one.w3, one.length])
      }
    })

    it('uses a row again that was given back', () => {
      const rows = samples[family].map((text) => add(table, prefix(text)))
      for (const row of rows) table.remove(row)
      expect(table.size).to.equal(0)
      const again = samples[family].toReversed().map((text) => add(table, prefix(text)))
      expect(again).to.have.members(rows)
      expect(table.rows).to.equal(rows.length)
    })

    it('keeps each row its own while it grows', () => {
      const many = 5000
      const rows = Array.from({ length: many }, (_, index) => add(table, nth(family, index)))
      expect(new Set(rows).size).to.equal(many)
      for (const [index, row] of rows.entries()) {
        if (find(table, nth(family, index)) !== row) expect.fail(`lost ${formatPrefix(nth(family, index))}`)
      }
      expect(table.capacity).to.be.at.least(many)
    })

    it('needs no more room for prefixes that come and go', () => {
      for (let round = 0; round < 20; round++) {
        const rows = Array.from({ length: 500 }, (_, index) => add(table, nth(family, round * 500 + index)))
        for (const row of rows) table.remove(row)
      }
      expect([table.size, table.rows]).to.deep.equal([0, 500])
    })

    it('agrees with a Map, whatever is added and removed in whatever order', () => {
      const word = fc.integer({ min: 0, max: 15 })
      const operation = fc.record({
        remove: fc.boolean(),
        high: word,
        low: word,
        length: fc.constantFrom(0, 8, 31, 32),
      })
      fc.assert(
        fc.property(fc.integer(), fc.array(operation, { maxLength: 400 }), (seed, operations) => {
          const subject = new PrefixTable(family, seed)
          const model = new Map<string, number>()
          for (const { remove, high, low, length } of operations) {
            const one =
              family === 'ipv4-unicast'
                ? new Prefix(family, length, (high << 28) | low)
                : new Prefix(family, length * 4, high << 28, 0, low << 28, low)
            const key = formatPrefix(one)
            const known = model.get(key)
            if (!remove) {
              const row = add(subject, one)
              if (known !== undefined) expect(row).to.equal(known)
              else expect([...model.values()]).not.to.include(row)
              model.set(key, row)
            } else if (known !== undefined) {
              subject.remove(known)
              model.delete(key)
              expect(find(subject, one)).to.equal(-1)
            }
          }
          expect(subject.size).to.equal(model.size)
          for (const [key, row] of model) {
            expect(formatPrefix(subject.prefix(row))).to.equal(key)
            expect(find(subject, prefix(key))).to.equal(row)
          }
        }),
        { numRuns: 200 },
      )
    })

    it('agrees with a Map over thousands of prefixes that are removed in another order', () => {
      const order = fc.shuffledSubarray(
        Array.from({ length: 3000 }, (_, index) => index),
        { minLength: 1500, maxLength: 3000 },
      )
      fc.assert(
        fc.property(fc.integer(), order, (seed, removed) => {
          const subject = new PrefixTable(family, seed)
          const rows = Array.from({ length: 3000 }, (_, index) => add(subject, nth(family, index)))
          for (const index of removed) subject.remove(rows[index]!)
          const gone = new Set(removed)
          for (const [index, row] of rows.entries()) {
            const expected = gone.has(index) ? -1 : row
            if (find(subject, nth(family, index)) !== expected) expect.fail(`${index} is not in row ${expected}`)
          }
          expect(subject.size).to.equal(3000 - removed.length)
        }),
        { numRuns: 5 },
      )
    })
  })
}
