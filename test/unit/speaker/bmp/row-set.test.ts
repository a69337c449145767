import { expect } from 'chai'
import fc from 'fast-check'
import { RowSet } from '../../../../speaker/bmp/row-set.ts'

describe('a set of rows', () => {
  it('gives the rows that are in it in rounds, each of which ends', () => {
    const set = new RowSet()
    for (const row of [70, 3, 31, 32, 3]) set.add(row)
    expect([set.size, set.has(31), set.has(33)]).to.deep.equal([4, true, false])
    expect([set.take(), set.take()]).to.deep.equal([3, 31])
    // Behind the cursor, and so of the next round; before it, and so of this one.
    set.add(5)
    set.add(64)
    expect(Array.from({ length: 6 }, () => set.take())).to.deep.equal([32, 64, 70, -1, 5, -1])
    expect(set.size).to.equal(0)
  })

  it('holds what a Set holds, whatever was done to it', () => {
    const action = fc.tuple(fc.constantFrom('add', 'delete', 'take'), fc.integer({ min: 0, max: 200 }))
    fc.assert(
      fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
        const [set, model] = [new RowSet(), new Set<number>()]
        for (const [what, row] of actions) {
          if (what === 'add') {
            set.add(row)
            model.add(row)
          } else if (what === 'delete') {
            set.delete(row)
            model.delete(row)
          } else {
            const taken = set.take()
            expect(taken === -1 || model.delete(taken)).to.equal(true)
          }
          expect(set.size).to.equal(model.size)
        }
        expect([...set.rows()]).to.deep.equal([...model].sort((a, b) => a - b))
      }),
    )
  })
})
