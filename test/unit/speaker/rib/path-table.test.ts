import { expect } from 'chai'
import fc from 'fast-check'
import { none, PathTable } from '../../../../speaker/rib/path-table.ts'

/** Peers of a row, best first. Rows stand for prefixes of either family: a path does not know which. */
function peersOf(table: PathTable, row: number): number[] {
  const peers: number[] = []
  for (let path = table.best(row); path !== none; path = table.next(path)) peers.push(table.peer(path))
  return peers
}

describe('a table of paths', () => {
  let table: PathTable

  beforeEach(() => {
    table = new PathTable()
  })

  it('has no path to a row that it never saw', () => {
    for (const row of [0, 5, 1023, 1024, 1_000_000]) {
      expect(table.best(row)).to.equal(none)
      expect(table.of(row, 1)).to.equal(none)
    }
  })

  it('keeps the paths of a row in the order in which they came', () => {
    for (const peer of [3, 1, 2]) table.add(7, peer, peer * 10)
    expect(peersOf(table, 7)).to.deep.equal([3, 1, 2])
    expect(table.attributes(table.of(7, 2))).to.equal(20)
    expect(peersOf(table, 8)).to.deep.equal([])
  })

  it('promotes a path to the first place, and leaves the others as they are', () => {
    const paths = [1, 2, 3].map((peer) => table.add(7, peer, 0))
    table.promote(paths[2]!)
    expect(peersOf(table, 7)).to.deep.equal([3, 1, 2])
    table.promote(paths[1]!)
    expect(peersOf(table, 7)).to.deep.equal([2, 3, 1])
    table.promote(paths[1]!)
    expect(peersOf(table, 7)).to.deep.equal([2, 3, 1])
  })

  for (const [place, gone, left] of [
    ['first', 1, [2, 3]],
    ['middle', 2, [1, 3]],
    ['last', 3, [1, 2]],
  ] as const) {
    it(`removes the ${place} of three`, () => {
      for (const peer of [1, 2, 3]) table.add(7, peer, 0)
      table.remove(table.of(7, gone))
      expect(peersOf(table, 7)).to.deep.equal(left)
      expect(table.of(7, gone)).to.equal(none)
      expect(table.size).to.equal(2)
    })
  }

  it('marks a path that is free, for those who walk over all of them', () => {
    const path = table.add(7, 1, 0)
    table.add(8, 1, 0)
    table.remove(path)
    const rows = Array.from({ length: table.end }, (_, index) => table.row(index))
    expect(rows).to.deep.equal([none, 8])
  })

  it('uses a path number again', () => {
    for (let round = 0; round < 3000; round++) table.remove(table.add(round, 1, 0))
    expect([table.size, table.end]).to.deep.equal([0, 1])
  })

  it('grows in paths and in rows', () => {
    for (let row = 0; row < 5000; row++) for (const peer of [1, 2]) table.add(row * 3, peer, row)
    expect(table.size).to.equal(10_000)
    for (const row of [0, 1023, 1024, 4999]) {
      expect(peersOf(table, row * 3)).to.deep.equal([1, 2])
      expect(table.attributes(table.of(row * 3, 2))).to.equal(row)
      expect(peersOf(table, row * 3 + 1)).to.deep.equal([])
    }
  })

  it('agrees with a Map of lists, whatever is added, changed, promoted and removed', () => {
    const operation = fc.record({
      kind: fc.constantFrom('set', 'set', 'promote', 'remove'),
      row: fc.constantFrom(0, 1, 2, 1023, 1024, 5000),
      peer: fc.integer({ min: 0, max: 4 }),
      attributes: fc.integer({ min: 1, max: 99 }),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const subject = new PathTable()
        const model = new Map<number, { peer: number; attributes: number }[]>()
        for (const { kind, row, peer, attributes } of operations) {
          const list = model.get(row) ?? []
          model.set(row, list)
          const known = list.find((one) => one.peer === peer)
          const path = subject.of(row, peer)
          expect(path !== none).to.equal(known !== undefined)
          if (kind === 'set' && known) {
            known.attributes = attributes
            subject.setAttributes(path, attributes)
          } else if (kind === 'set') {
            list.push({ peer, attributes })
            subject.add(row, peer, attributes)
          } else if (known && kind === 'promote') {
            model.set(row, [known, ...list.filter((one) => one !== known)])
            subject.promote(path)
          } else if (known) {
            model.set(
              row,
              list.filter((one) => one !== known),
            )
            subject.remove(path)
          }
        }
        for (const [row, list] of model) {
          expect(peersOf(subject, row)).to.deep.equal(list.map(({ peer }) => peer))
          for (const { peer, attributes } of list) {
            const path = subject.of(row, peer)
            expect([subject.attributes(path), subject.row(path)]).to.deep.equal([attributes, row])
          }
        }
        expect(subject.size).to.equal([...model.values()].reduce((sum, list) => sum + list.length, 0))
      }),
      { numRuns: 200 },
    )
  })
})
