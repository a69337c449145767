import { expect } from 'chai'
import { sessionLines } from '../../../daemon/explain-session.ts'
import { peersTable } from '../../../daemon/render/peers-table.ts'
import { Secret } from '../../../speaker/index.ts'
import { Fabric, peerTo, route } from '../../support/fabric.ts'

const restarts = { gracefulRestart: { time: 120, longLived: 600 } }

describe('what people are told of a session', () => {
  for (const [over, node, tor, range] of [
    ['IPv4', '10.0.0.2', '10.0.0.1', ['10.1.0.0', 24]],
    ['IPv6', 'fd00::2', 'fd00::1', ['fd01::', 64]],
  ] as const) {
    it(`names protection, restarts, and what is left of a peer that is away, over ${over}`, async () => {
      const fabric = new Fabric()
      const keyed = { ...restarts, password: new Secret('sesame') }
      const limits = { limit: { 'ipv4-unicast': 1 }, warnAt: 75, beyond: 'discard' } as const
      const a = fabric.machine(
        64512,
        [node, '172.16.0.2', 'fd77::2'],
        [peerTo(tor, 65001, { ...keyed, ttlSecurity: 1, maxPrefixes: limits })],
      )
      const b = fabric.machine(65001, [tor, '172.16.0.1', 'fd77::1'], [peerTo(node, 64512, keyed)])
      b.apply({ routes: [route('192.0.2.0/24'), route('2001:db8::/48')] })
      await fabric.pass(10_000)
      expect(sessionLines(a.peer())).to.deep.equal([
        '  protected: signed with TCP MD5, from at most 1 hop away (TTL security)',
        '  graceful restart: its routes of ipv4-unicast and ipv6-unicast stay 120 s while it restarts, also after a NOTIFICATION, ipv4-unicast 600 s more as a last resort, ipv6-unicast 600 s more as a last resort',
        '  ipv4-unicast: 1 prefixes of at most 1',
      ])
      await b.speaker.stop({ toReturn: true })
      await fabric.pass(1000)
      expect(sessionLines(a.peer())).to.include(
        '  stale routes of ipv4-unicast and ipv6-unicast for 119 s: the peer is expected back',
      )
      expect(peersTable(a.speaker.snapshot(), { width: 200 })).to.contain('its routes stay for 119 s')
      await fabric.stop()
    })

    it(`counts the neighbours of a prefix, over ${over}`, async () => {
      const fabric = new Fabric()
      const [base, length] = range
      const rack = peerTo(base, 65001, { name: 'rack', passive: true, dynamic: { length, limit: 3 } })
      const a = fabric.machine(64512, [node], [rack])
      expect(peersTable(a.speaker.snapshot())).to.equal(
        `no peers\nneighbours of ${base}/${length} (rack): 0 of at most 3`,
      )
      await fabric.stop()
    })
  }
})
