/** Families and their next hops on the wire: what is read of MP_REACH_NLRI and MP_UNREACH_NLRI, and what is written. */

import { encodeMessage, families, newUpdateParts, scanUpdate } from 'bgp-ts'
import { expect } from 'chai'
import { address, Fabric, peerTo, route } from '../../../support/fabric.ts'
import {
  asPath,
  attribute,
  keepalive,
  type Meeting,
  meet,
  nextHop,
  openOf,
  origin,
  ownAsn,
  part,
  prefixesOf,
  WirePeer,
  wireRoutes,
} from '../../../support/wire-peer.ts'

const base = `${origin}${asPath}`
const global = 'fd000000000000000000000000000001'
const linkLocal = 'fe800000000000000000000000000001'

let meeting: Meeting

const say = async (...updates: Parameters<Meeting['router']['update']>[0][]) => {
  for (const one of updates) meeting.router.update(one)
  await meeting.fabric.pass(100)
}
const table = () => meeting.node.speaker.routes('best').map((row) => `${row.prefix} via ${row.nextHop}`)
const expectUp = () => {
  expect(meeting.router.farewell).to.equal(undefined)
  expect(meeting.node.peer().malformed).to.deep.equal({})
}

for (const over of ['IPv4', 'IPv6'] as const) {
  describe(`routes over ${over}`, () => {
    beforeEach(async () => {
      meeting = await meet({ over })
    })
    afterEach(() => part(meeting))

    for (const family of families) {
      const [one] = wireRoutes[family]
      const reach = (hop: string, reserved = '00') => attribute('80', 14, `${one.afi}${hop}${reserved}${one.prefix}`)
      const via = family === 'ipv4-unicast' ? '10.0.0.1' : 'fd00::1'

      it(`E12 of ${family} come and go, in both directions`, async () => {
        await say(one.announced())
        expect(table()).to.deep.equal([`${one.text} via ${via}`])
        const own = family === 'ipv4-unicast' ? '203.0.113.1/32' : '2001:db8:113::1/128'
        meeting.node.apply({ routes: [route(own)] })
        await meeting.fabric.pass(100)
        expect([...meeting.router.routes.keys()]).to.deep.equal([own])
        await say(one.withdrawn())
        expect(table()).to.deep.equal([`${own} via self`])
      })

      it(`E1 ${family} in MP_REACH_NLRI, whatever NEXT_HOP says beside it`, async () => {
        for (const hop of ['0a000009', '00000000', 'e0000001', '0a000002']) {
          await say({ attributes: `${reach(one.hop)}${base}${attribute('40', 3, hop)}` })
          expect(table(), hop).to.deep.equal([`${one.text} via ${via}`])
        }
        expectUp()
      })

      it(`E2 ${family} behind a reserved octet of any value`, async () => {
        for (const reserved of ['01', 'ff']) await say({ attributes: `${reach(one.hop, reserved)}${base}` })
        expect(table()).to.deep.equal([`${one.text} via ${via}`])
        expectUp()
      })

      it(`E4 ${family} that go in MP_UNREACH_NLRI, alone or beside attributes that say nothing`, async () => {
        const unreach = attribute('80', 15, `${one.afi}${one.prefix}`)
        for (const list of [unreach, `${base}${unreach}`, `${unreach}${attribute('80', 4, '00000001')}${nextHop}`]) {
          await say(one.announced())
          expect(table(), list).to.have.lengthOf(1)
          await say({ attributes: list })
          expect(table(), list).to.deep.equal([])
        }
        expectUp()
      })
    }

    it('E3 of IPv4 come in MP_REACH_NLRI with a next hop of 4 octets', async () => {
      const [one] = wireRoutes['ipv4-unicast']
      await say({ attributes: `${attribute('80', 14, `${one.afi}040a00000100${one.prefix}`)}${base}` })
      expect(table()).to.deep.equal([`${one.text} via 10.0.0.1`])
      expectUp()
    })

    const [six] = wireRoutes['ipv6-unicast']
    const six14 = (hop: string) =>
      attribute('80', 14, `${six.afi}${(hop.length / 2).toString(16)}${hop}00${six.prefix}`)

    it('E5 of IPv6 come with a global next hop, alone or before a link-local one: the global one counts', async () => {
      for (const hop of [global, `${global}${linkLocal}`, `${global}${'00'.repeat(16)}`]) {
        await say(six.withdrawn(), { attributes: `${six14(hop)}${base}` })
        expect(table(), hop).to.deep.equal([`${six.text} via fd00::1`])
      }
      expectUp()
    })

    it('E5 of IPv6 go with the global next hop alone', async () => {
      meeting.node.apply({ routes: [route('2001:db8:113::1/128')] })
      await meeting.fabric.pass(100)
      expect(meeting.router.routes.get('2001:db8:113::1/128')).to.include({ nextHop: 'fd00::2', nextHopOctets: 16 })
    })

    it('E6 of IPv6 with a link-local next hop alone are not used where no interface is named', async () => {
      for (const hop of [linkLocal, `${linkLocal}${linkLocal}`]) {
        await say(six.announced(), { attributes: `${six14(hop)}${base}` })
        expect(table(), hop).to.deep.equal([])
      }
      expectUp()
    })

    it('E2 go with a reserved octet of zero', async () => {
      meeting.node.apply({ routes: [route('2001:db8:113::1/128')] })
      await meeting.fabric.pass(100)
      const parts = newUpdateParts()
      const reserved = meeting.router.heard.flatMap((one) => {
        if (one.kind !== 'update') return []
        scanUpdate(one.body, 0, one.body.length, parts)
        return parts.reachAt ? [one.body[parts.reachAt + 4 + one.body[parts.reachAt + 3]!]] : []
      })
      expect(reserved).to.deep.equal([0])
    })

    for (const [title, afi, hop] of [
      ['VPNv4', '000180', `0c${'00'.repeat(12)}`],
      ['IPv4 multicast', '000102', '040a000001'],
      ['EVPN', '001946', '040a000001'],
      ['BGP-LS', '400447', '040a000001'],
      ['a family of nobody', 'fffeff', '00'],
    ] as const) {
      it(`E10 of ${title} are skipped whole, and those beside them are taken`, async () => {
        const [one, other] = wireRoutes['ipv4-unicast']
        const nonsense = 'ff'.repeat(20)
        await say(other.announced())
        await say({
          attributes: `${attribute('80', 14, `${afi}${hop}00${nonsense}`)}${base}${nextHop}`,
          nlri: one.prefix,
        })
        await say({ withdrawn: other.prefix, attributes: attribute('80', 15, `${afi}${nonsense}`) })
        await say({ attributes: attribute('80', 15, afi) }, six.announced())
        expect(prefixesOf(meeting.node)).to.deep.equal([one.text, six.text])
        expectUp()
      })
    }

    for (const family of families) {
      const [one] = wireRoutes[family]
      it(`E11 of ${family} are not used by our own address, nor by that of the session`, async () => {
        for (const own of ['10.0.0.2', 'fd00::2'].map(address)) {
          const hop = own.version === 4 ? '0a000002' : 'fd000000000000000000000000000002'
          const mine = family === 'ipv4-unicast' ? own.version === 4 : own.version === 6
          if (!mine) continue
          const reach = attribute(
            '80',
            14,
            `${one.afi}${(hop.length / 2).toString(16).padStart(2, '0')}${hop}00${one.prefix}`,
          )
          await say(one.announced(), { attributes: `${reach}${base}` })
          expect(table()).to.deep.equal([])
          const [refused] = Object.keys(meeting.node.peer().routes[family].rejectedBy)
          expect(refused).to.equal('next hop is our own address')
        }
        expectUp()
      })
    }
  })
}

describe('a session that names its interface', () => {
  it('E6 uses a link-local next hop alone', async () => {
    const fabric = new Fabric()
    const router = await WirePeer.listen(fabric, 'fe80::1')
    const peers = [peerTo('fe80::1', 65001, { zone: 'eth0' })]
    const node = fabric.machine(ownAsn, ['fe80::2', '10.0.0.2'], peers)
    await fabric.pass(1000)
    router.send(encodeMessage(openOf({ at: 'fe80::1', to: 'fe80::2', asn: 65001, peerAsn: ownAsn })), keepalive)
    await fabric.pass(1000)
    const [six] = wireRoutes['ipv6-unicast']
    router.update({ attributes: `${attribute('80', 14, `${six.afi}10${linkLocal}00${six.prefix}`)}${base}` })
    await fabric.pass(100)
    expect(node.speaker.routes('best').map((row) => `${row.prefix} via ${row.nextHop}`)).to.deep.equal([
      `${six.text} via fe80::1`,
    ])
    await fabric.stop()
    expect(fabric.errors).to.deep.equal([])
  })
})

describe('next hops towards a peer', () => {
  for (const family of families) {
    const [one] = wireRoutes[family]
    const own = family === 'ipv4-unicast' ? '10.0.0.2' : 'fd00::2'
    const learned = family === 'ipv4-unicast' ? '10.0.0.1' : 'fd00::1'
    const sent = (held: { nextHop: string; attributes: string } | undefined) =>
      held?.nextHop === 'NEXT_HOP' ? held.attributes : held?.nextHop

    it(`E8 are our own on what is passed on to an external one (${family})`, async () => {
      meeting = await meet({ witness: 65003 })
      await say(one.announced())
      const held = sent(meeting.witness!.routes.get(one.text))
      expect(held).to.include(family === 'ipv4-unicast' ? attribute('40', 3, '0a000002') : own)
      await part(meeting)
    })

    it(`E9 are left as they are on what is passed on to an internal one (${family})`, async () => {
      meeting = await meet({ witness: ownAsn })
      await say(one.announced())
      const held = sent(meeting.witness!.routes.get(one.text))
      expect(held).to.include(family === 'ipv4-unicast' ? attribute('40', 3, '0a000001') : learned)
      await part(meeting)
    })
  }

  it('E9 are not made up where the speaker has no address of the family', async () => {
    meeting = await meet()
    meeting.node.apply({
      local: { addresses: { 'ipv4-unicast': address('10.0.0.2') } },
      peers: [peerTo('10.0.0.1', 65001, { passive: true })],
      routes: [route('203.0.113.1/32'), route('2001:db8:113::1/128')],
    })
    await meeting.fabric.pass(1000)
    expect([...meeting.router.routes.keys()]).to.deep.equal(['203.0.113.1/32'])
    await part(meeting)
  })
})
