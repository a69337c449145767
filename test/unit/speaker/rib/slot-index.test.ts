/** Numbers by hash, while the slots grow step by step. */

import { expect } from 'chai'
import fc from 'fast-check'
import { SlotIndex } from '../../../../speaker/rib/slot-index.ts'

const found = (index: SlotIndex, hash: number) => {
  const numbers: number[] = []
  for (let number = index.first(hash); number !== 0; number = index.next(hash)) numbers.push(number)
  return numbers
}
/** Few slots, so that chains are long and meet; many tags. */
const spread = (value: number) => Math.imul(value, 0x9e3779b1) & ~0xff0 & -1

describe('slots', () => {
  it('find all that was entered and nothing that was taken out, whenever they are asked while they grow', () => {
    const operation = fc.record({ removes: fc.nat(9), value: fc.nat(0xffff) })
    fc.assert(
      fc.property(fc.array(operation, { minLength: 200, maxLength: 2000 }), (operations) => {
        const index = new SlotIndex(16)
        const hashes = new Map<number, number>()
        const byHash = new Map<number, Set<number>>()
        let next = 1
        for (const { removes, value } of operations) {
          const hash = spread(value)
          const victim = removes < 3 ? [...(byHash.get(hash) ?? hashes.keys())][0] : undefined
          if (victim !== undefined && hashes.has(victim)) {
            index.remove(victim)
            byHash.get(hashes.get(victim)!)!.delete(victim)
            hashes.delete(victim)
          } else {
            index.add(next, hash)
            hashes.set(next, hash)
            if (!byHash.has(hash)) byHash.set(hash, new Set())
            byHash.get(hash)!.add(next++)
          }
          expect(found(index, hash)).to.have.members([...(byHash.get(hash) ?? [])])
        }
        for (const [hash, numbers] of byHash) expect(found(index, hash)).to.have.members([...numbers])
        expect([...index.numbers()]).to.have.members([...hashes.keys()])
        expect(index.size).to.equal(hashes.size)
      }),
      { numRuns: 60 },
    )
  })

  it('have the old slots beside the new ones for a while, and give them up before they grow again', () => {
    const index = new SlotIndex(16)
    let before = index.bytes
    let grew = 0
    let gaveUp = 0
    for (let number = 1; number < 50_000; number++) {
      index.add(number, Math.imul(number, 0x9e3779b1))
      if (index.bytes >= before + number * 8) {
        expect(gaveUp).to.equal(grew)
        grew++
      }
      if (index.bytes < before) gaveUp++
      before = index.bytes
      if (number % 997 === 0) expect(found(index, Math.imul(number, 0x9e3779b1))).to.deep.equal([number])
    }
    expect([grew, gaveUp]).to.deep.equal([12, 11])
  })

  it('give back what they have beyond what is there, and still find it', () => {
    const index = new SlotIndex(16)
    for (let number = 1; number <= 40_000; number++) index.add(number, Math.imul(number, 0x9e3779b1))
    const full = index.bytes
    for (let number = 11; number <= 40_000; number++) index.remove(number)
    index.shrink(16, 10)
    expect(index.bytes).to.be.below(full / 100)
    for (let number = 1; number <= 10; number++) {
      expect(found(index, Math.imul(number, 0x9e3779b1))).to.deep.equal([number])
    }
  })

  it('say so when what is to be taken out is not there, and look for it no longer', () => {
    const index = new SlotIndex(16)
    for (let number = 1; number <= 10; number++) index.add(number, spread(number))
    index.remove(7)
    expect(() => index.remove(7)).to.throw(RangeError, '7 is not among the entries')
    expect(index.size).to.equal(9)
    for (let number = 1; number <= 10; number++) {
      expect(found(index, spread(number)).includes(number)).to.equal(number !== 7)
    }
  })
})
