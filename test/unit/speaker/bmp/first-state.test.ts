/** BMP: when End-of-RIB follows the first state, and how routes are written that are not of the ordinary. */

import { type Attributes, encodeUpdate, endOfRib, families, formatPrefix, type Negotiated } from 'bgp-ts'
import { expect } from 'chai'
import { Bench, prefixOf } from '../../../support/bmp-bench.ts'
import { address } from '../../../support/fabric.ts'

const returns: Partial<Negotiated> = {
  peerCapabilities: [
    { kind: 'graceful-restart', restarting: false, notification: false, restartTime: 120, families: [] },
  ],
}

for (const family of families) {
  describe(`what a BMP collector hears first, ${family}`, () => {
    it('End-of-RIB follows once a peer that knows it has said it, and not before', () => {
      const bench = new Bench(1, returns)
      const [peer] = bench.links
      bench.announce(peer!, prefixOf(family, 1))
      bench.clock.pass(10_000)
      expect(bench.collector.prefixes(peer!.name, 'in')).to.deep.equal([formatPrefix(prefixOf(family, 1))])
      expect(bench.collector.ended(peer!.name, 'in')).to.deep.equal([])
      const marker = endOfRib(family)
      bench.routing.update(peer!, marker, 19, marker.length)
      bench.clock.pass(1000)
      expect(bench.collector.ended(peer!.name, 'in')).to.deep.equal([family])
      bench.stop()
    })

    it('routes of before have no time, those of after it have', () => {
      const bench = new Bench(1, {}, () => 1_700_000_000_250)
      const [peer] = bench.links
      const times = () =>
        bench.collector
          .of('route-monitoring')
          .filter(({ peer: { adjRibOut } }) => !adjRibOut)
          .map(({ peer: { seconds, microseconds } }) => [seconds, microseconds])
      expect(new Set(times().map(String)), 'the markers').to.deep.equal(new Set(['0,0']))
      bench.announce(peer!, prefixOf(family, 1))
      bench.clock.pass(1000)
      expect(times().at(-1)).to.deep.equal([1_700_000_000, 250_000])
      expect(bench.collector.lastUp()!.peer).to.include({ seconds: 1_700_000_000, microseconds: 250_000 })
      bench.stop()
    })

    it('paths to a peer of two octets are shown as they were sent, with the A flag, and those from it with four', () => {
      const bench = new Bench(2, { fourOctetAsn: false })
      const [first, second] = bench.links
      bench.announce(first!, prefixOf(family, 1))
      bench.clock.pass(1000)
      const routes = bench.collector.of('route-monitoring').filter(({ update }) => update.length > 40)
      const flags = routes.map(({ peer }) => [peer.adjRibOut, peer.twoOctetAsn])
      expect(flags).to.deep.include.members([
        [false, false],
        [true, true],
      ])
      const sent = bench.collector.route(second!.name, 'out', formatPrefix(prefixOf(family, 1)))
      expect(sent?.attributes, 'AS 64512 before AS 65001').to.include('0202fc00fde9')
      const came = bench.collector.route(first!.name, 'in', formatPrefix(prefixOf(family, 1)))
      expect(came?.attributes).to.include('02010000fde9')
      bench.stop()
    })

    it('a list of attributes that fills more than an ordinary message goes in a long one', () => {
      const bench = new Bench(1, { extendedMessages: true })
      const [peer] = bench.links
      const communities = Array.from({ length: 2000 }, (_, index) => 0xfde90000 + index)
      const attributes: Attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns: [65001] }], communities }
      const prefixes = [prefixOf(family, 1), prefixOf(family, 2)]
      const message = encodeUpdate(
        family === 'ipv4-unicast'
          ? { attributes: { ...attributes, nextHop: address('10.0.0.77') }, nlri: prefixes }
          : { attributes, reach: { family, nextHop: address('fd00::77'), prefixes } },
      )
      expect(bench.routing.update(peer!, message, 19, message.length)).to.equal(undefined)
      bench.clock.pass(1000)
      expect(bench.collector.prefixes(peer!.name, 'in')).to.deep.equal(prefixes.map(formatPrefix))
      const update = bench.collector.of('route-monitoring').findLast(({ peer: { adjRibOut } }) => !adjRibOut)!.update
      expect(update.length).to.be.above(8000)
      bench.agrees()
      bench.stop()
    })
  })
}

describe('what a BMP collector hears of next hops', () => {
  it('an IPv4 route with an IPv6 next hop stands in MP_REACH_NLRI, as on the wire', () => {
    const bench = new Bench(1, { extendedNextHop: true })
    const [peer] = bench.links
    const prefix = prefixOf('ipv4-unicast', 1)
    const attributes: Attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns: [65001] }] }
    const reach = { family: 'ipv4-unicast', nextHop: address('fd00::77'), prefixes: [prefix] } as const
    bench.update(peer!, { attributes, reach })
    bench.clock.pass(1000)
    expect(bench.collector.route(peer!.name, 'in', formatPrefix(prefix))).to.include({
      nextHop: 'fd00::77',
      nextHopOctets: 16,
    })
    bench.stop()
  })
})
