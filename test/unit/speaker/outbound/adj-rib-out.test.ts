/** The look at all rows: what it comes by, in what order, and what happens where more is asked for in the middle of it. */

import { families } from 'bgp-ts'
import { expect } from 'chai'
import { AdjRibOut } from '../../../../speaker/outbound/adj-rib-out.ts'
import { noRow } from '../../../../speaker/outbound/row-queue.ts'
import { address, prefix, route } from '../../../support/fabric.ts'
import { bareRouting } from '../../../support/routing.ts'

const samples = {
  'ipv4-unicast': Array.from({ length: 6 }, (_, index) => `192.0.2.${index}/32`),
  'ipv6-unicast': Array.from({ length: 6 }, (_, index) => `2001:db8::${index}/128`),
}
const learnedFrom = 7

for (const family of families) {
  describe(`what a group was sent, ${family}`, () => {
    /** Rows 0 to 2 are learned, and 3 to 5 this speaker's own; the peers were sent the routes of 1 and 4. */
    const set = () => {
      const routing = bareRouting()
      const rib = routing.rib.families[family]
      routing.origination.setRoutes([route(samples[family][5]!)])
      const attributes = rib.paths.attributes(rib.paths.best(0))
      routing.origination.setRoutes([])
      for (const text of samples[family].slice(0, 3)) announce(text, attributes)
      routing.origination.setRoutes(samples[family].slice(3).map((text) => route(text)))
      const { table } = routing.outbound
      const out = new AdjRibOut(rib, table)
      const id = table.intern(family, Uint8Array.of(0x40, 1, 1, 0), address('fd00::2'))
      for (const row of [1, 4]) out.set(row, id)
      return { routing, rib, out, id }

      function announce(text: string, list: number): void {
        const { w0, w1, w2, w3, length } = prefix(text)
        routing.rib.announce(rib, learnedFrom, w0, w1, w2, w3, length, list)
      }
    }

    const next = (out: AdjRibOut, most = Number.POSITIVE_INFINITY) => {
      const rows: number[] = []
      const again: number[] = []
      while (rows.length < most) {
        const row = out.takeNext()
        if (row === noRow) break
        rows.push(row)
        if (out.again) again.push(row)
      }
      return { rows, again }
    }

    it('looks at its own routes first, then at the learned ones, each once, and is settled', () => {
      const { out } = set()
      expect(out.isSettled).to.equal(true)
      out.lookAtAll(false, true)
      expect(out.isSettled).to.equal(false)
      expect(next(out)).to.deep.equal({ rows: [3, 4, 5, 0, 1, 2], again: [] })
      expect(out.isSettled).to.equal(true)
      expect(out.takeNext()).to.equal(noRow)
    })

    it('leaves learned routes out where they could not be sent', () => {
      const { out } = set()
      out.lookAtAll(false, false)
      expect(next(out).rows).to.deep.equal([3, 4, 5])
    })

    it('sends again what was sent, and nothing else', () => {
      const { out } = set()
      out.lookAtAll(true, true)
      expect(next(out)).to.deep.equal({ rows: [3, 4, 5, 0, 1, 2], again: [4, 1] })
    })

    it('is asked again and again in the middle of it, and does it once more', () => {
      const { out } = set()
      out.lookAtAll(false, false)
      expect(next(out, 2).rows).to.deep.equal([3, 4])
      out.lookAtAll(true, false)
      out.lookAtAll(false, true)
      out.lookAtAll(false, false)
      expect(next(out).rows).to.deep.equal([5])
      expect(out.isSettled).to.equal(false)
      expect(next(out)).to.deep.equal({ rows: [3, 4, 5, 0, 1, 2], again: [4, 1] })
      expect(out.isSettled).to.equal(true)
    })

    it('passes over what went meanwhile, but not what has to be withdrawn', () => {
      const { out, routing } = set()
      out.lookAtAll(false, true)
      const rows = next(out, 1).rows
      routing.origination.setRoutes([])
      expect([...rows, ...next(out).rows], 'the mark of row 4 withdraws it').to.deep.equal([3, 0, 1, 2])
      const { out: other, routing: all } = set()
      other.lookAtAll(false, true)
      const copy = other.clone()
      all.origination.setRoutes([])
      expect(next(copy).rows, 'it was sent row 4').to.deep.equal([4, 0, 1, 2])
    })

    for (const at of [0, 1, 3, 4, 6])
      it(`goes on from the same place as a copy, after ${at} rows`, () => {
        const { out } = set()
        out.lookAtAll(true, true)
        const before = next(out, at)
        const copy = out.clone()
        const [one, other] = [next(out), next(copy)]
        expect(other).to.deep.equal(one)
        expect([...before.rows, ...one.rows]).to.deep.equal([3, 4, 5, 0, 1, 2])
        expect([...before.again, ...one.again]).to.deep.equal([4, 1])
      })

    it('says of a mark whether there was nothing to do before', () => {
      const { out } = set()
      expect([out.mark(0), out.mark(0), out.mark(2)]).to.deep.equal([true, false, false])
      expect([out.takeMarked(), out.takeMarked(), out.takeMarked()]).to.deep.equal([0, 2, noRow])
      out.lookAtAll(false, true)
      expect(out.mark(0), 'all rows are looked at').to.equal(false)
    })

    it('lets go of what it has while there is time, and says which rows nobody announces', () => {
      const { out, routing, id } = set()
      const { table } = routing.outbound
      out.mark(5)
      routing.origination.setRoutes([])
      const orphans: number[] = []
      const at = out.release(
        0,
        () => true,
        (row) => orphans.push(row),
      )
      expect(
        out.release(
          at,
          () => false,
          (row) => orphans.push(row),
        ),
      ).to.equal(out.end)
      expect(orphans).to.deep.equal([4, 5])
      expect([1, 4].map((row) => out.sent(row))).to.deep.equal([0, 0])
      expect(out.isMarked(5)).to.equal(false)
      expect(table.size, 'nothing refers to it').to.equal(0)
      expect(id).to.be.above(0)
    })
  })
}
