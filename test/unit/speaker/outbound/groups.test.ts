/** The groups of peers as a whole: when all of it has been sent, and which group a peer is in. */

import { families } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll } from '../../../../policy/index.ts'
import { address, route } from '../../../support/fabric.ts'
import { bareRouting, joined } from '../../../support/routing.ts'
import { VirtualClock } from '../../../support/virtual-clock.ts'

const samples = { 'ipv4-unicast': '192.0.2.1/32', 'ipv6-unicast': '2001:db8::1/128' }
const others = { 'ipv4-unicast': '192.0.2.2/32', 'ipv6-unicast': '2001:db8::2/128' }
const addresses = { 'ipv4-unicast': address('10.0.0.2'), 'ipv6-unicast': address('fd00::2') }
const peers = ['10.0.0.11', '10.0.0.12', '10.0.0.13']

for (const family of families) {
  describe(`all groups together, ${family}`, () => {
    const set = () => {
      const clock = new VirtualClock()
      const settledAt: number[] = []
      const hooks = { onSettled: () => void settledAt.push(clock.now()) }
      const routing = bareRouting({ addresses }, clock, hooks)
      const { outbound } = routing
      // Learned routes may go out, so each peer is a group of its own.
      const links = peers.map((name) => joined(routing, name, 65001, { exportPolicy: acceptAll }))
      clock.pass(1000)
      settledAt.length = 0
      return { clock, routing, outbound, links, settledAt }
    }

    it('are settled until a route changes, and again once each of them has sent it', () => {
      const { clock, routing, outbound, links, settledAt } = set()
      expect(outbound.groups).to.equal(peers.length)
      for (const routes of [[route(samples[family])], []]) {
        expect(outbound.settled).to.equal(true)
        routing.origination.setRoutes(routes)
        expect(outbound.settled).to.equal(false)
        clock.pass(1000)
        expect(outbound.settled).to.equal(true)
        for (const link of links) {
          expect(outbound.advertised(routing.routed(link)!, family)).to.equal(routes.length)
        }
      }
      expect(settledAt, 'told once a change').to.have.lengthOf(2)
      routing.stop()
    })

    it('do not wait for a group that is gone', () => {
      const { clock, routing, outbound, links } = set()
      routing.origination.setRoutes([route(samples[family])])
      // This one has not begun.
      links.push(joined(routing, '10.0.0.14', 65001, { exportPolicy: acceptAll }))
      for (const link of links) routing.removePeer(link)
      expect(outbound.groups).to.equal(0)
      expect(outbound.settled).to.equal(true)
      clock.pass(1000)
      routing.stop()
    })

    for (const then of ['nothing else', 'another prefix'] as const) {
      it(`withdraw from the only peer what was taken back before its policy changed, with ${then} announced`, () => {
        const clock = new VirtualClock()
        const alone = bareRouting({ addresses }, clock)
        const link = joined(alone, peers[0]!, 65001)
        const peer = alone.routed(link)!
        const { prefixes } = alone.rib.families[family]
        const routes = then === 'another prefix' ? [route(others[family])] : []
        alone.origination.setRoutes([route(samples[family])])
        clock.pass(1000)
        alone.origination.setRoutes([])
        link.declaration = { ...link.declaration, exportPolicy: acceptAll }
        alone.redeclare(link)
        expect(prefixes.size, 'the prefix is there until it is withdrawn').to.equal(1)
        alone.origination.setRoutes(routes)
        const before = peer.updatesSent
        clock.pass(1000)
        expect(peer.updatesSent - before).to.equal(1 + routes.length)
        expect(alone.outbound.advertised(peer, family)).to.equal(routes.length)
        expect(prefixes.size).to.equal(routes.length)
        alone.stop()
      })
    }

    it('keep a peer in the group of those that are sent the same, through a policy and back', () => {
      const clock = new VirtualClock()
      const together = bareRouting({ addresses }, clock)
      const [one, other] = peers.slice(1).map((name) => joined(together, name, 65001))
      clock.pass(1000)
      expect(together.outbound.groups).to.equal(1)
      one!.declaration = { ...one!.declaration, exportPolicy: acceptAll }
      together.redeclare(one!)
      clock.pass(1000)
      expect(together.outbound.groups).to.equal(2)
      one!.declaration = { ...one!.declaration, exportPolicy: other!.declaration.exportPolicy }
      together.redeclare(one!)
      together.origination.setRoutes([route(samples[family])])
      clock.pass(1000)
      expect(together.outbound.groups).to.equal(1)
      for (const link of [one!, other!]) {
        expect(together.outbound.advertised(together.routed(link)!, family), link.name).to.equal(1)
      }
      for (const link of [one!, other!]) together.removePeer(link)
      expect(together.outbound.groups).to.equal(0)
      together.stop()
    })
  })
}
