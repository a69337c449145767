/** What a router asks for again, and the tags on routes: refreshes, communities, graceful shutdown. */

import { families } from 'bgp-ts'
import { expect } from 'chai'
import type { Policy } from '../../../../policy/index.ts'
import { message, octets } from '../../../support/bytes.ts'
import { route } from '../../../support/fabric.ts'
import {
  addresses,
  asPath,
  attribute,
  attributesIn,
  type Meeting,
  meet,
  multiprotocol,
  origin,
  ownAsn,
  part,
  prefixesOf,
  wireRoutes,
} from '../../../support/wire-peer.ts'

const base = `${origin}${asPath}`
const own = { 'ipv4-unicast': '203.0.113.1/32', 'ipv6-unicast': '2001:db8:113::1/128' } as const
const numbers = { 'ipv4-unicast': '0001', 'ipv6-unicast': '0002' } as const
const refresh = (afi: string, safi = '01', subtype = '00') => message(5, octets(`${afi}${subtype}${safi}`))

let meeting: Meeting

for (const over of ['IPv4', 'IPv6'] as const) {
  describe(`a ROUTE-REFRESH over ${over}`, () => {
    beforeEach(async () => {
      meeting = await meet({ over })
      meeting.node.apply({ routes: Object.values(own).map((text) => route(text)) })
      await meeting.fabric.pass(1000)
      expect([...meeting.router.routes.keys()].sort()).to.deep.equal(Object.values(own).sort())
      meeting.router.routes.clear()
      meeting.router.heard.length = 0
    })
    afterEach(() => part(meeting))

    for (const family of families) {
      it(`H1 of ${family} is answered with all of that family and nothing of the other`, async () => {
        meeting.router.send(refresh(numbers[family]))
        await meeting.fabric.pass(1000)
        expect([...meeting.router.routes.keys()]).to.deep.equal([own[family]])
      })

      it(`H1 of ${family} is answered with what there is by then`, async () => {
        meeting.router.send(refresh(numbers[family]))
        meeting.node.apply({ routes: [] })
        await meeting.fabric.pass(1000)
        expect([...meeting.router.routes.keys()]).to.deep.equal([])
      })

      it(`H6 of ${family}, 200 in one read, is answered a few times`, async () => {
        const one = refresh(numbers[family])
        meeting.router.send(Uint8Array.from(Array.from({ length: 200 }, () => [...one]).flat()))
        await meeting.fabric.pass(1000)
        expect([...meeting.router.routes.keys()]).to.deep.equal([own[family]])
        expect(meeting.router.count('update')).to.be.within(1, 5)
      })
    }

    for (const [title, bytes] of [
      ['a family that nobody knows', refresh('0019', '46')],
      ['IPv4 multicast', refresh('0001', '02')],
    ] as const) {
      it(`H2 of ${title} is not answered, and the session lives`, async () => {
        meeting.router.send(bytes)
        await meeting.fabric.pass(1000)
        expect(meeting.router.count('update')).to.equal(0)
        expect(meeting.router.farewell).to.equal(undefined)
      })
    }
  })

  for (const family of families) {
    it(`H2 a ROUTE-REFRESH of ${family} is not answered where it was not negotiated, over ${over}`, async () => {
      const other = family === 'ipv4-unicast' ? 'ipv6-unicast' : 'ipv4-unicast'
      meeting = await meet({ over, said: { capabilities: [multiprotocol(other), { kind: 'route-refresh' }] } })
      meeting.node.apply({ routes: Object.values(own).map((text) => route(text)) })
      await meeting.fabric.pass(1000)
      const before = meeting.router.count('update')
      meeting.router.send(refresh(numbers[family]))
      await meeting.fabric.pass(1000)
      expect(meeting.router.count('update')).to.equal(before)
      expect(meeting.router.farewell).to.equal(undefined)
      await part(meeting)
    })
  }
}

for (const family of families) {
  const [one] = wireRoutes[family]

  describe(`communities on a route of ${family}`, () => {
    afterEach(() => part(meeting))

    const passedOn = async (witness: number, list: string) => {
      meeting = await meet({ witness })
      meeting.router.update(one.announced(`${base}${list}`))
      await meeting.fabric.pass(100)
      expect(meeting.router.farewell).to.equal(undefined)
      const held = meeting.witness!.routes.get(one.text)
      return held && attributesIn(held.attributes)
    }

    const sets: [title: string, type: number, came: string, goes: string][] = [
      ['communities', 8, 'fde90002 fde90001 fde90002', 'fde90001 fde90002'],
      [
        'extended communities',
        16,
        '0002fde900000002 0002fde900000001 0002fde900000002',
        '0002fde900000001 0002fde900000002',
      ],
      [
        'large communities',
        32,
        '0000fde90000000100000002 0000fde90000000100000001 0000fde90000000100000002',
        '0000fde90000000100000001 0000fde90000000100000002',
      ],
    ]
    for (const [title, type, came, goes] of sets) {
      it(`H12 ${title} come in any order and more than once, and go sorted and once`, async () => {
        expect(await passedOn(65003, attribute('c0', type, came))).to.include(attribute('c0', type, goes))
      })
    }

    it('H13 that are extended and not transitive stay in the AS', async () => {
      const mixed = attribute('c0', 16, '0002fde900000001 4302000000000000')
      expect(await passedOn(65003, mixed)).to.include(attribute('c0', 16, '0002fde900000001'))
      await part(meeting)
      expect(await passedOn(ownAsn, mixed)).to.include(mixed)
    })

    it('H13 that are all extended and not transitive leave no empty attribute behind', async () => {
      const list = await passedOn(65003, attribute('c0', 16, '4302000000000000'))
      expect(list?.filter((text) => text.slice(2, 4) === '10')).to.deep.equal([])
    })

    for (const [title, value, external, internal] of [
      ['NO_EXPORT', 'ffffff01', false, true],
      ['NO_ADVERTISE', 'ffffff02', false, false],
      ['NO_EXPORT_SUBCONFED', 'ffffff03', false, true],
    ] as const) {
      it(`H11 among others: ${title} is obeyed unasked, and the route used`, async () => {
        const list = attribute('c0', 8, `00010001 ${value} fffffffe`)
        expect((await passedOn(65003, list)) !== undefined, 'external').to.equal(external)
        expect(prefixesOf(meeting.node)).to.deep.equal([one.text])
        await part(meeting)
        expect((await passedOn(ownAsn, list)) !== undefined, 'internal').to.equal(internal)
      })
    }

    it('H14 GRACEFUL_SHUTDOWN makes a route the last choice where the policy says so', async () => {
      const importPolicy: Policy = {
        name: 'graceful shutdown',
        statements: [
          { name: 'leaving', match: { communities: [0xffff0000] }, action: 'accept', set: { localPref: 0 } },
        ],
        default: 'accept',
      }
      meeting = await meet({ witness: 65003, declared: { importPolicy } })
      const { fabric, node, router, witness } = meeting
      witness!.update(one.announced(`${origin}${attribute('40', 2, '0203 0000fdeb 0000fdf2 0000fdf3')}`))
      router.update(one.announced())
      await fabric.pass(100)
      const best = () => node.speaker.routes('best').map(({ source }) => source)
      expect(best()).to.deep.equal([addresses.IPv4.router])
      router.update(one.announced(`${base}${attribute('c0', 8, 'ffff0000')}`))
      await fabric.pass(100)
      expect(best()).to.deep.equal([addresses.IPv4.witness])
      router.update(one.announced())
      await fabric.pass(100)
      expect(best()).to.deep.equal([addresses.IPv4.router])
    })
  })
}
