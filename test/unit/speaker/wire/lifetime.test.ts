/** How a session lives and ends: timers on a virtual clock, collisions, farewells, and what is left of a connection that breaks. */

import { encodeMessage, families, type Notification } from 'bgp-ts'
import { expect } from 'chai'
import { message, octets } from '../../../support/bytes.ts'
import { Fabric, type Machine, peerTo, route } from '../../../support/fabric.ts'
import {
  addresses,
  keepalive,
  type Meeting,
  meet,
  openOf,
  ownAsn,
  part,
  prefixesOf,
  WirePeer,
  wireRoutes,
} from '../../../support/wire-peer.ts'

const routes = families.map((family) => wireRoutes[family][0])
const notification = (code: number, subcode: number, data: readonly number[] = []) =>
  message(3, Uint8Array.of(code, subcode, ...data))
const notificationsTo = (peer: WirePeer) =>
  peer.heard.flatMap((one) => (one.kind === 'notification' ? [one satisfies Notification] : []))

for (const over of ['IPv4', 'IPv6'] as const) {
  const { node: to, router: at } = addresses[over]
  const terms = { at, to, asn: 65001, peerAsn: ownAsn }

  describe(`a session over ${over}`, () => {
    let meeting: Meeting

    beforeEach(async () => {
      meeting = await meet({ over, said: { holdTime: 30 }, witness: 65003 })
      for (const one of routes) meeting.router.update(one.announced())
      await meeting.fabric.pass(0)
      expect(prefixesOf(meeting.node)).to.have.lengthOf(2)
      expect(meeting.witness!.routes.size).to.equal(2)
    })

    afterEach(() => part(meeting))

    /** The router is gone for the speaker and for the witness, whose own session goes on. */
    const expectGone = () => {
      expect(prefixesOf(meeting.node)).to.deep.equal([])
      expect(meeting.witness!.routes.size).to.equal(0)
      expect(meeting.witness!.farewell).to.equal(undefined)
    }

    it('D3 ends with 4/0 within a second of the hold time', async () => {
      await meeting.fabric.pass(29_900)
      expect(meeting.router.farewell).to.equal(undefined)
      await meeting.fabric.pass(1000)
      expect(meeting.router.farewell).to.equal('4/0')
      expectGone()
    })

    it('D3 ends all the same while parts of a message come', async () => {
      const update = message(2, octets('0000 0000 18c63364'))
      for (let second = 0; second < 25; second++) {
        meeting.router.send(update.slice(second, second + 1))
        await meeting.fabric.pass(1200)
      }
      await meeting.fabric.pass(1000)
      expect(meeting.router.farewell).to.equal('4/0')
      expectGone()
    })

    it('D3 is kept up by a KEEPALIVE just in time', async () => {
      for (let turn = 0; turn < 10; turn++) {
        await meeting.fabric.pass(29_900)
        meeting.router.send(keepalive)
        await meeting.fabric.pass(0)
      }
      expect(meeting.router.farewell).to.equal(undefined)
    })

    it('D6 sends its KEEPALIVEs after 75 to 100 percent of the time, and not in step', async () => {
      const gaps = new Set<number>()
      let last = -1
      for (let tick = 0; tick < 6000; tick++) {
        const before = meeting.router.count('keepalive')
        if (tick % 200 === 0) meeting.router.send(keepalive)
        await meeting.fabric.pass(100)
        if (meeting.router.count('keepalive') === before) continue
        if (last >= 0) gaps.add(tick - last)
        last = tick
      }
      // A third of 30 s, in tenths of a second.
      expect(Math.min(...gaps)).to.be.at.least(75 - 1)
      expect(Math.max(...gaps)).to.be.at.most(100 + 1)
      expect(gaps.size).to.be.above(5)
    })

    for (const [code, subcode] of [
      [6, 4],
      [3, 1],
      [4, 0],
      [99, 255],
    ] as const) {
      it(`D8 answers NOTIFICATION ${code}/${subcode} with nothing but the end`, async () => {
        meeting.router.heard.length = 0
        meeting.router.send(notification(code, subcode))
        await meeting.fabric.pass(0)
        expect([meeting.router.heard, meeting.router.closed]).to.deep.equal([[], 'closed by the peer'])
        expect(meeting.node.peer(at).lastNotificationReceived).to.include({ code, subcode })
        expectGone()
      })
    }

    for (const [title, data, shown] of [
      ['none', [], undefined],
      ['one that is shorter than it says', [9, 0x6f, 0x6b], undefined],
      ['one of no octets', [0], undefined],
      ['one with control characters', [5, 0x1b, 0x5b, 0x41, 0x0a, 0x62], '\\u001b[A\\u000ab'],
      ['one that is no UTF-8', [2, 0xc3, 0x28], '\ufffd('],
      ['one of 255 octets', [255, ...Array<number>(255).fill(0x78)], 'x'.repeat(255)],
      ['one with octets behind it', [2, 0x6f, 0x6b, 0xff, 0xff], 'ok'],
    ] as const) {
      it(`D11 J10 takes a farewell with ${title} for a reason`, async () => {
        meeting.router.send(notification(6, 2, data))
        await meeting.fabric.pass(0)
        const text = `administrative shutdown (6/2)${shown === undefined ? '' : `, "${shown}"`}`
        expect(meeting.node.peer(at).lastNotificationReceived?.text).to.equal(text)
        expect(meeting.node.peer(at).lastDown?.why).to.equal(`peer sent ${text}`)
        expectGone()
      })
    }

    it('D11 D18 says why it is stopped, cut between characters at 255 octets, on every session at once', async () => {
      await meeting.node.speaker.stop({ reason: 'é'.repeat(200) })
      await meeting.fabric.pass(0)
      for (const peer of [meeting.router, meeting.witness!]) {
        expect(peer.farewell).to.equal(`6/2 fe${'c3a9'.repeat(127)}`)
        expect(peer.closed).to.equal('closed by the peer')
      }
    })

    it('D15 loses everywhere what came by a connection that broke in the middle of a message', async () => {
      meeting.router.send(message(2, octets('0000 0000')).slice(0, 20))
      await meeting.fabric.pass(0)
      expect(meeting.witness!.routes.size).to.equal(2)
      meeting.router.break()
      await meeting.fabric.pass(0)
      expectGone()
      const again = await WirePeer.up(meeting.fabric, terms)
      again.update(routes[0]!.announced())
      await meeting.fabric.pass(0)
      expect(prefixesOf(meeting.node)).to.deep.equal([routes[0]!.text])
    })

    it('D16 passes an announcement and a withdrawal on at once', async () => {
      const { fabric, router, witness } = meeting
      for (const one of routes) router.update(one.withdrawn())
      await fabric.pass(0)
      expect(witness!.routes.size).to.equal(0)
      for (let turn = 0; turn < 5; turn++) {
        for (const one of routes) router.update(one.announced())
        await fabric.pass(0)
        expect(witness!.routes.size, `turn ${turn}`).to.equal(2)
        for (const one of routes) router.update(one.withdrawn())
        await fabric.pass(0)
        expect(witness!.routes.size, `turn ${turn}`).to.equal(0)
      }
    })

    it('D5 is not disturbed by another connection of its peer', async () => {
      const second = WirePeer.dial(meeting.fabric, terms)
      await meeting.fabric.pass(0)
      second.send(encodeMessage(openOf(terms)), keepalive)
      await meeting.fabric.pass(1000)
      expect(second.closed).to.not.equal(undefined)
      expect(meeting.router.farewell).to.equal(undefined)
      expect(prefixesOf(meeting.node)).to.have.lengthOf(2)
    })

    const changes: [title: string, change: (node: Machine) => unknown, farewell: string][] = [
      ['6/3 when its peer is declared no more', (node) => node.apply({ peers: [] }), '6/3'],
      [
        '6/6 for a change that the session cannot take',
        (node) => node.apply({ peers: node.desired.peers.map((peer) => ({ ...peer, holdTime: 60 })) }),
        '6/6',
      ],
      ['6/2 when it is stopped', (node) => node.speaker.stop({ reason: '' }), '6/2 00'],
    ]
    for (const [title, change, farewell] of changes) {
      it(`D10 ends with ${title}`, async () => {
        await change(meeting.node)
        await meeting.fabric.pass(0)
        expect(meeting.router.farewell).to.equal(farewell)
      })
    }
  })

  describe(`two connections to one peer over ${over}`, () => {
    let fabric: Fabric
    let node: Machine
    /** What the speaker opened, and what the router did, after both said their OPENs. */
    let ours: WirePeer
    let theirs: WirePeer

    const collide = async (identifier: number) => {
      fabric = new Fabric()
      ours = await WirePeer.listen(fabric, at)
      node = fabric.machine(ownAsn, [to], [peerTo(at, 65001)])
      await fabric.pass(0)
      theirs = WirePeer.dial(fabric, terms)
      await fabric.pass(0)
      const open = encodeMessage({ ...openOf(terms), routerId: identifier })
      expect([ours.count('open'), theirs.count('open')]).to.deep.equal([1, 1])
      ours.send(open)
      theirs.send(open)
      await fabric.pass(0)
    }

    const comesUp = async (winner: WirePeer, loser: WirePeer) => {
      expect(loser.farewell).to.equal('6/7')
      expect(loser.closed).to.equal('closed by the peer')
      winner.send(keepalive)
      await fabric.pass(100)
      expect(winner.farewell).to.equal(undefined)
      expect(node.peer()).to.include({ state: 'Established', flaps: 0 })
    }

    afterEach(async () => {
      await fabric.stop()
      expect(fabric.errors).to.deep.equal([])
    })

    it('D5 the one that we opened stays where our identifier is higher, 6/7 for the other', async () => {
      await collide(1)
      await comesUp(ours, theirs)
    })

    it('D5 the one that the peer opened stays where its identifier is higher, 6/7 for the other', async () => {
      await collide(0xfffffffe)
      await comesUp(theirs, ours)
    })

    it('D5 the one of the higher ASN stays where the identifiers are equal', async () => {
      await collide(over === 'IPv4' ? 0x0a000002 : 2)
      await comesUp(theirs, ours)
    })

    it('D5 the second one is closed with 6/7 while the first is Established', async () => {
      fabric = new Fabric()
      ours = await WirePeer.listen(fabric, at)
      node = fabric.machine(ownAsn, [to], [peerTo(at, 65001)])
      await fabric.pass(0)
      ours.send(encodeMessage(openOf(terms)), keepalive)
      await fabric.pass(100)
      theirs = WirePeer.dial(fabric, terms)
      await fabric.pass(0)
      theirs.send(encodeMessage({ ...openOf(terms), routerId: 0xfffffffe }))
      await fabric.pass(100)
      expect(theirs.farewell).to.equal('6/7')
      expect(notificationsTo(ours)).to.deep.equal([])
      expect(node.peer()).to.include({ state: 'Established', flaps: 0 })
    })
  })
}

describe('a speaker with twenty sessions', () => {
  it('D18 says Cease/2 on each of them within a second, whoever reads', async () => {
    const fabric = new Fabric()
    const indexes = Array.from({ length: 20 }, (_, index) => index + 10)
    const node = fabric.machine(
      ownAsn,
      ['10.0.0.2', 'fd00::2'],
      indexes.map((index) =>
        peerTo(index % 2 ? `10.0.0.${index}` : `fd00::${index}`, 65000 + index, { passive: true }),
      ),
    )
    await fabric.pass(1000)
    const routers: WirePeer[] = []
    for (const index of indexes) {
      const [at, to] = index % 2 ? [`10.0.0.${index}`, '10.0.0.2'] : [`fd00::${index}`, 'fd00::2']
      routers.push(await WirePeer.up(fabric, { at, to, asn: 65000 + index, peerAsn: ownAsn }))
    }
    node.apply({ routes: [route('203.0.113.1/32'), route('2001:db8:113::1/128')] })
    await fabric.pass(1000)
    await node.speaker.stop({ reason: 'done' })
    await fabric.pass(999)
    expect(routers.map(({ farewell }) => farewell)).to.deep.equal(indexes.map(() => '6/2 04646f6e65'))
    await fabric.stop()
    expect(fabric.clock.pending).to.equal(0)
  })
})
