/** BMP towards collectors that take octets only while they like: what waits is bounded, what comes in the end is the latest state, and BGP goes on. */

import { families, formatPrefix, hex } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { Bench, prefixOf } from '../../../support/bmp-bench.ts'
import { updateBody } from '../../../support/bytes.ts'
import { route } from '../../../support/fabric.ts'
import { wireRoute } from '../../../support/wire-peer.ts'

for (const family of families) {
  describe(`a slow BMP collector, ${family}`, () => {
    let bench: Bench

    beforeEach(() => {
      bench = new Bench()
    })

    it('has nothing queued but what was on its way, whatever changes meanwhile, and then the latest state', () => {
      const [first] = bench.links
      bench.pipe.takes = false
      for (let turn = 0; turn < 50; turn++) {
        for (let index = 0; index < 200; index++) {
          if ((turn + index) % 3 === 0) bench.withdraw(first!, prefixOf(family, index))
          else bench.announce(first!, prefixOf(family, index), turn)
        }
        bench.clock.pass(100)
      }
      expect(bench.pipe.most).to.be.within(1, 64 * 1024)
      expect(bench.routing.monitor.snapshot()[0]!.waiting).to.be.within(200, 1000)
      bench.pipe.drain()
      bench.clock.pass(1000)
      bench.agrees()
      expect(bench.collector.prefixes(first!.name, 'in').length).to.be.above(100)
      bench.stop()
    })

    it('hears that a prefix is gone although another took its place in the table', () => {
      const [first] = bench.links
      bench.announce(first!, prefixOf(family, 1))
      bench.clock.pass(1000)
      bench.pipe.takes = false
      bench.announce(first!, prefixOf(family, 1), 7)
      bench.clock.pass(1000)
      bench.withdraw(first!, prefixOf(family, 1))
      bench.clock.pass(1000)
      bench.announce(first!, prefixOf(family, 2))
      bench.clock.pass(1000)
      bench.pipe.drain()
      bench.clock.pass(1000)
      bench.agrees()
      expect(bench.collector.prefixes(first!.name, 'in')).to.deep.equal([formatPrefix(prefixOf(family, 2))])
      expect(bench.routing.rib.families[family].prefixes.size, 'the row of the other is given back').to.equal(1)
      bench.stop()
    })

    it('hears of a session that ended and began anew in that order, and of none that came and went meanwhile', () => {
      const [first, second] = bench.links
      bench.pipe.takes = false
      bench.announce(second!, prefixOf(family, 1))
      bench.clock.pass(1000)
      const before = bench.collector.messages.length
      for (let turn = 0; turn < 20; turn++) {
        bench.down(first!)
        bench.up(first!)
        bench.clock.pass(1000)
      }
      bench.pipe.drain()
      bench.clock.pass(1000)
      const since = bench.collector.messages.slice(before).map(({ kind }) => kind)
      expect(since.filter((kind) => kind.startsWith('peer-'))).to.deep.equal(['peer-down', 'peer-up'])
      bench.agrees()
      bench.stop()
    })

    it('is let go when it has read nothing for a minute, and begins anew half a minute later', () => {
      const [first] = bench.links
      const slow = bench.pipe
      slow.takes = false
      bench.announce(first!, prefixOf(family, 1))
      bench.clock.pass(59_000)
      expect(slow.aborted).to.equal(false)
      bench.clock.pass(2000)
      expect(slow.aborted).to.equal(true)
      const shown = bench.routing.monitor.snapshot()[0]!
      expect(shown).to.include({ state: 'waiting', lastError: 'it has read nothing for a minute' })
      bench.clock.pass(31_000)
      expect(bench.pipes).to.have.lengthOf(2)
      bench.agrees()
      expect(bench.collector.prefixes(first!.name, 'in')).to.have.lengthOf(1)
      bench.stop()
    })

    it('is let go when prefixes that are gone would fill the memory, and gives them back', () => {
      const [first] = bench.links
      const slow = bench.pipe
      slow.takes = false
      const { prefixes } = bench.routing.rib.families[family]
      let most = 0
      for (let index = 0; index < 70_000 && !slow.aborted; index++) {
        bench.announce(first!, prefixOf(family, index))
        bench.withdraw(first!, prefixOf(family, index))
        if (index % 1000 === 0) bench.clock.pass(1)
        most = Math.max(most, prefixes.size)
      }
      expect(slow.aborted).to.equal(true)
      expect(bench.routing.monitor.snapshot()[0]).to.include({ lastError: 'it is too far behind' })
      expect(most).to.be.within(60_000, 67_000)
      bench.clock.pass(1000)
      expect([prefixes.size, bench.routing.monitor.held]).to.deep.equal([0, 0])
      bench.stop()
    }).timeout(20_000)

    it('costs BGP no message: what peers are sent does not wait for it', () => {
      const [first, second] = bench.links
      bench.pipe.takes = false
      bench.announce(first!, prefixOf(family, 1))
      bench.announce(first!, prefixOf(family, 2))
      bench.clock.pass(100)
      expect(bench.held(second!, 'out')).to.have.lengthOf(2)
      bench.stop()
    })

    it('hears of several paths a prefix by their identifiers, and of each that is gone', () => {
      bench.stop()
      bench = new Bench(1, { addPath: [family] })
      const [first] = bench.links
      const prefix = family === 'ipv4-unicast' ? '18c00002' : '2020010db8'
      const written = (...ids: number[]) => ids.map((id) => `0000000${id}${prefix}`).join('')
      const announced = (...ids: number[]) => wireRoute(family, '', written(...ids)).announced()
      const withdrawn = (...ids: number[]) => wireRoute(family, '', written(...ids)).withdrawn()
      const say = (fields: Parameters<typeof updateBody>[0]) => {
        const body = updateBody(fields)
        expect(bench.routing.update(first!, body, 0, body.length)).to.equal(undefined)
      }
      const updates = () => bench.collector.of('route-monitoring').filter(({ peer }) => !peer.adjRibOut)
      const last = () => hex(updates().at(-1)!.update)
      const before = updates().length
      say(announced(1, 2))
      bench.clock.pass(1000)
      expect(updates().length - before, 'one announcement, and no withdrawal').to.equal(1)
      expect(last()).to.include(written(1)).and.include(written(2))
      say(withdrawn(1))
      bench.clock.pass(1000)
      const [withdrawal, rest] = updates()
        .slice(-2)
        .map(({ update }) => hex(update))
      expect(withdrawal).to.include(written(1)).and.not.include(written(2))
      expect(rest).to.include(written(2)).and.not.include(written(1))
      say(withdrawn(2))
      bench.clock.pass(1000)
      expect(last()).to.include(written(2)).and.not.include(written(1))
      bench.stop()
    })
  })
}

describe('a BMP collector, whatever happens', () => {
  it('holds in the end what the tables hold, of every peer, in both directions and families', () => {
    const place = { family: fc.constantFrom(...families), index: fc.nat(6), peer: fc.nat(1) }
    const action = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('announce' as const), med: fc.nat(3), ...place }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('withdraw' as const), ...place }) },
      fc.record({ do: fc.constant('originate' as const), index: fc.nat(3) }),
      fc.record({ do: fc.constant('clog' as const) }),
      fc.record({ do: fc.constant('drain' as const) }),
      fc.record({ do: fc.constant('flap' as const), peer: fc.nat(1) }),
      { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 10, 60, 500) }) },
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const bench = new Bench()
        for (const one of actions) {
          if (one.do === 'announce') bench.announce(bench.links[one.peer]!, prefixOf(one.family, one.index), one.med)
          else if (one.do === 'withdraw') bench.withdraw(bench.links[one.peer]!, prefixOf(one.family, one.index))
          else if (one.do === 'originate') {
            const texts = [`192.0.2.${one.index}/32`, `2001:db8:ffff::${one.index}/128`]
            bench.routing.origination.setRoutes(one.index === 0 ? [] : texts.map((text) => route(text)))
          } else if (one.do === 'clog') bench.pipe.takes = false
          else if (one.do === 'drain') bench.pipe.drain()
          else if (one.do === 'pass') bench.clock.pass(one.ms)
          else {
            bench.down(bench.links[one.peer]!)
            if (one.peer === 0) bench.clock.pass(100)
            bench.up(bench.links[one.peer]!)
          }
        }
        bench.pipe.drain()
        bench.clock.pass(2000)
        bench.agrees()
        expect(bench.routing.monitor.held).to.equal(0)
        for (const family of families) {
          const { prefixes, paths } = bench.routing.rib.families[family]
          const used = Array.from({ length: prefixes.rows }, (_, row) => row).filter((row) => paths.best(row) >= 0)
          expect(prefixes.size, 'rows that nobody needs are given back').to.equal(used.length)
        }
        bench.stop()
      }),
      { numRuns: 300 },
    )
  }).timeout(30_000)
})
