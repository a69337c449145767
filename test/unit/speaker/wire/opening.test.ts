/** How a session begins, octet by octet: a router says its OPEN, and a speaker takes it, or says why not. */

import { type Capability, encodeMessage, type Family, families, hex } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll, originatedOnly } from '../../../../policy/index.ts'
import { message, octets } from '../../../support/bytes.ts'
import { Fabric, type Machine, peerTo, route } from '../../../support/fabric.ts'
import { fixed, header, refused, taken } from '../../../support/openings.ts'
import {
  addresses,
  attribute,
  attributesIn,
  keepalive,
  meet,
  multiprotocol,
  openOf,
  ownAsn,
  part,
  prefixesOf,
  WirePeer,
  wireRoutes,
} from '../../../support/wire-peer.ts'

for (const over of ['IPv4', 'IPv6'] as const) {
  const { node: to, router: at } = addresses[over]
  const terms = { at, to, asn: 65001, peerAsn: ownAsn }

  describe(`the first octets over ${over}`, () => {
    let fabric: Fabric
    let node: Machine
    let router: WirePeer

    beforeEach(async () => {
      fabric = new Fabric()
      node = fabric.machine(ownAsn, [to], [peerTo(at, 65001, { passive: true })])
      await fabric.pass(1000)
      router = WirePeer.dial(fabric, { at, to })
      await fabric.pass(0)
    })

    afterEach(async () => {
      await fabric.stop()
      expect(fabric.errors).to.deep.equal([])
      expect(fabric.clock.pending, 'timers left behind').to.equal(0)
    })

    const say = async (...chunks: readonly Uint8Array[]) => {
      router.send(...chunks)
      await fabric.pass(100)
    }

    for (const [title, bytes, farewell] of refused) {
      const [id, ...words] = title.split(' ')
      it(`${id} are answered with ${farewell.split(' ')[0]} ${words.join(' ')}`, async () => {
        await say(bytes)
        expect(router.farewell).to.equal(farewell)
        expect(router.closed).to.equal('closed by the peer')
        expect(node.peer().state).not.to.equal('Established')
        expect(node.peer().routes['ipv4-unicast'].received).to.equal(0)
      })
    }

    for (const [title, open, family] of taken(over)) {
      it(`${title} in an OPEN does not keep the session down (${family})`, async () => {
        await say(open, keepalive)
        expect(router.farewell).to.equal(undefined)
        expect(node.peer()).to.deep.include({ state: 'Established', families: [family] })
      })
    }

    it('are counted by kind when they are malformed, and the last ones kept with their octets', async () => {
      await say(new Uint8Array(19))
      expect(node.peer().malformed).to.deep.equal({ header: 1 })
      expect(node.peer().lastMalformed).to.include({ octets: '00'.repeat(19) })
      router = WirePeer.dial(fabric, { at, to })
      await fabric.pass(0)
      await say(message(1, octets('04fde9005a0a00000105')))
      expect(node.peer().malformed).to.deep.equal({ header: 1, open: 1 })
      expect(node.peer().lastMalformed).to.include({ octets: '04fde9005a0a00000105' })
    })

    it('A2 A5 need not come together: a session comes up octet by octet', async () => {
      const stream = Uint8Array.of(...encodeMessage(openOf(terms)), ...keepalive)
      for (const octet of stream) router.send(Uint8Array.of(octet))
      await fabric.pass(100)
      expect(node.peer().state).to.equal('Established')
    })

    it('A5 may bring an OPEN, a KEEPALIVE and forty UPDATEs in one read', async () => {
      const [one] = wireRoutes['ipv4-unicast']
      const list = `${attribute('40', 1, '00')}${attribute('40', 2, '0201 0000fde9')}${attribute('40', 3, '0a000001')}`
      const body = (index: number) =>
        octets(
          `0000 ${(list.length / 2).toString(16).padStart(4, '0')} ${list} 20c63364${index.toString(16).padStart(2, '0')}`,
        )
      const updates = Array.from({ length: 40 }, (_, index) => [...message(2, body(index + 1))])
      await say(Uint8Array.of(...encodeMessage(openOf(terms)), ...keepalive, ...updates.flat()))
      expect(prefixesOf(node)).to.have.lengthOf(40).and.to.include('198.51.100.1/32').and.not.to.include(one.text)
    })

    it('A6 an OPEN and a KEEPALIVE stay short, though both offered more', async () => {
      await say(encodeMessage(openOf(terms)), keepalive)
      await say(header('1001', '01'))
      expect(router.farewell).to.equal('1/2 1001')
    })

    it('A6 an UPDATE above 4096 octets is refused where the peer did not offer them', async () => {
      await say(encodeMessage(openOf({ ...terms, capabilities: [multiprotocol('ipv4-unicast')] })), keepalive)
      await say(header('1001', '02'))
      expect(router.farewell).to.equal('1/2 1001')
    })

    it('A6 an UPDATE of 65535 octets is taken where both offered them', async () => {
      await say(encodeMessage(openOf(terms)), keepalive)
      const list = `${attribute('40', 1, '00')}${attribute('40', 2, '0201 0000fde9')}${attribute('40', 3, '0a000001')}`
      const filler = 65535 - 19 - 4 - list.length / 2 - 4 - 5
      const attributes = `${list}${attribute('d0', 99, '5a'.repeat(filler))}`
      router.update({ attributes, nlri: '20c6336401' })
      await fabric.pass(100)
      expect(router.farewell).to.equal(undefined)
      expect(prefixesOf(node)).to.deep.equal(['198.51.100.1/32'])
    })

    it('D1 an OPEN while one is being confirmed is answered with 5/2, a second one in a session with 5/3', async () => {
      const open = encodeMessage(openOf(terms))
      await say(open, open)
      expect(router.farewell).to.equal('5/2 01')
      const again = WirePeer.dial(fabric, terms)
      await fabric.pass(0)
      again.send(open, keepalive, open)
      await fabric.pass(100)
      expect(again.farewell).to.equal('5/3 01')
    })

    it('D4 that do not come are waited for 240 s, then the connection is let go', async () => {
      await fabric.pass(238_000)
      expect(router.closed).to.equal(undefined)
      await fabric.pass(3000)
      expect([router.farewell, router.closed]).to.deep.equal(['4/0', 'closed by the peer'])
      expect(node.peer().state).to.equal('Active')
    })

    it('D4 that are not whole after 240 s are no message', async () => {
      for (let turn = 0; turn < 18; turn++) {
        router.send(Uint8Array.of(0xff))
        await fabric.pass(13_400)
      }
      expect(router.farewell).to.equal('4/0')
    })

    it('A20 of a stranger are not read, and nothing is sent', async () => {
      const stranger = WirePeer.dial(fabric, { at: over === 'IPv4' ? '10.0.0.66' : 'fd00::66', to })
      await fabric.pass(0)
      stranger.send(encodeMessage(openOf(terms)))
      await fabric.pass(1000)
      expect([stranger.heard, stranger.closed]).to.deep.equal([[], 'connection reset by the peer'])
      expect(fabric.clock.pending).to.be.below(4)
    })
  })

  describe(`an OPEN that a speaker sends over ${over}`, () => {
    const families2: readonly Family[] = families

    it('B9 has its ASN in capability 65, and AS_TRANS in the field where it does not fit', async () => {
      for (const [asn, field] of [
        [64512, 64512],
        [4200000001, 23456],
      ] as const) {
        const meeting = await meet({ over, declared: { localAsn: asn } })
        expect(meeting.router.open).to.include({ asn: field })
        expect(meeting.router.open?.capabilities).to.deep.include({ kind: 'four-octet-asn', asn })
        await part(meeting)
      }
    })

    it('B10 meets one with AS_TRANS and the declared ASN in capability 65', async () => {
      const meeting = await meet({ over, asn: 4200000001 })
      expect(meeting.node.peer()).to.include({ state: 'Established', asn: 4200000001 })
      await part(meeting)
    })

    for (const family of families2) {
      it(`B7 offers ${family} alone where it alone is declared, and ignores the other one in both directions`, async () => {
        const meeting = await meet({ over, declared: { families: [family] } })
        const { fabric, node, router } = meeting
        expect(router.open?.capabilities.filter(({ kind }) => kind === 'multiprotocol')).to.deep.equal([
          multiprotocol(family),
        ])
        const other = family === 'ipv4-unicast' ? 'ipv6-unicast' : 'ipv4-unicast'
        router.update(wireRoutes[family][0].announced())
        router.update(wireRoutes[other][0].announced())
        router.update(wireRoutes[other][1].withdrawn())
        node.apply({ routes: [route('203.0.113.1/32'), route('2001:db8:113::1/128')] })
        await fabric.pass(1000)
        expect(router.farewell).to.equal(undefined)
        const own = family === 'ipv4-unicast' ? '203.0.113.1/32' : '2001:db8:113::1/128'
        expect([...router.routes.keys()]).to.deep.equal([own])
        expect(node.speaker.routes('in').map(({ prefix }) => prefix)).to.include(wireRoutes[family][0].text)
        expect(node.speaker.routes('in').map(({ prefix }) => prefix)).to.not.include(wireRoutes[other][0].text)
        await part(meeting)
      })

      it(`B7 settles on ${family} where the router offers no other`, async () => {
        const meeting = await meet({ over, said: { capabilities: [multiprotocol(family)] } })
        expect(meeting.node.peer().families).to.deep.equal([family])
        await part(meeting)
      })
    }

    it('B6 F2 brings a session of two octets: AS_TRANS in the path, the whole of it in AS4_PATH', async () => {
      const meeting = await meet({
        over,
        declared: { localAsn: 4200000001, exportPolicy: originatedOnly },
        said: { capabilities: [] },
      })
      meeting.node.apply({ routes: [route('203.0.113.1/32', { attributes: { asPath: [65010] } })] })
      await meeting.fabric.pass(1000)
      const sent = attributesIn(meeting.router.routes.get('203.0.113.1/32')!.attributes)
      expect(sent).to.include(attribute('40', 2, '0202 5ba0 fdf2'))
      expect(sent).to.include(attribute('c0', 17, '0202 fa56ea01 0000fdf2'))
      await part(meeting)
    })

    for (const [refusal, subcode] of [
      ['unsupported optional parameter', 4],
      ['unsupported capability', 7],
    ] as const) {
      it(`B5 is said again without capabilities, once and not at once, after 2/${subcode}: ${refusal}`, async () => {
        const fabric = new Fabric()
        let refusals = 0
        const opens: number[] = []
        const router = await WirePeer.listen(fabric, at)
        const node = fabric.machine(ownAsn, [to], [peerTo(at, 65001)])
        // A router that knows no capabilities: it reads the OPEN, and refuses it while there are any.
        for (let second = 0; second < 90; second++) {
          await fabric.pass(1000)
          const open = router.open
          if (!open) continue
          opens.push(open.capabilities.length)
          router.heard.length = 0
          if (open.capabilities.length > 0) {
            refusals++
            router.send(message(3, Uint8Array.of(2, subcode)))
            router.break()
          } else {
            router.send(message(1, octets(`${fixed}00`)), keepalive)
          }
        }
        expect(refusals).to.equal(1)
        expect(opens.slice(0, 2).map((count) => count > 0)).to.deep.equal([true, false])
        expect(node.peer()).to.deep.include({ state: 'Established', families: ['ipv4-unicast'] })
        await fabric.stop()
      })

      it(`B5 is not said in a tight loop where it is always refused with 2/${subcode}`, async () => {
        const fabric = new Fabric()
        let opens = 0
        const router = await WirePeer.listen(fabric, at)
        const node = fabric.machine(ownAsn, [to], [peerTo(at, 65001)])
        for (let second = 0; second < 600; second++) {
          await fabric.pass(1000)
          if (!router.open) continue
          opens++
          router.heard.length = 0
          router.send(message(3, Uint8Array.of(2, subcode)))
          router.break()
        }
        expect(opens).to.be.within(8, 20)
        expect(node.peer().lastNotificationReceived).to.include({ code: 2, subcode })
        await fabric.stop()
      })
    }
  })
}

describe('names that a router says of itself', () => {
  const fqdn = (host: string): Capability => ({
    kind: 'unknown',
    code: 73,
    value: Uint8Array.of(host.length, ...new TextEncoder().encode(host), 0),
  })

  it('B15 J10 are escaped where they are shown', async () => {
    const meeting = await meet({ said: { capabilities: [multiprotocol('ipv4-unicast'), fqdn('a\u001b[31m\nb')] } })
    expect(meeting.node.peer().capabilities).to.include('fqdn a\\u001b[31m\\u000ab')
    await part(meeting)
  })

  it('B15 J10 that are no UTF-8 are shown all the same', async () => {
    const bad: Capability = { kind: 'unknown', code: 73, value: Uint8Array.of(2, 0xff, 0xfe, 0) }
    const meeting = await meet({ said: { capabilities: [multiprotocol('ipv4-unicast'), bad] } })
    expect(meeting.node.peer().capabilities).to.include('fqdn \ufffd\ufffd')
    await part(meeting)
  })

  it('B15 J10 of a kind that is not known are shown as hex', async () => {
    const version: Capability = { kind: 'unknown', code: 75, value: Uint8Array.of(3, 0x1b, 0x5b, 0x41) }
    const meeting = await meet({ said: { capabilities: [multiprotocol('ipv4-unicast'), version] } })
    expect(meeting.node.peer().capabilities).to.include(`capability 75 ${hex(version.value)}`)
    await part(meeting)
  })
})

describe('a route that is too long for a message', () => {
  for (const family of families) {
    it(`A7 is kept, not sent, and withdrawn where it was sent before: ${family}`, async () => {
      const meeting = await meet({ witness: 65003, declared: { importPolicy: acceptAll } })
      const [one] = wireRoutes[family]
      const base = `${attribute('40', 1, '00')}${attribute('40', 2, '0201 0000fde9')}`
      meeting.router.update(one.announced(base))
      await meeting.fabric.pass(1000)
      expect([...meeting.witness!.routes.keys()]).to.deep.equal([one.text])
      meeting.router.update(one.announced(`${base}${attribute('d0', 99, '5a'.repeat(4040))}`))
      await meeting.fabric.pass(1000)
      expect(prefixesOf(meeting.node)).to.deep.equal([one.text])
      expect([...meeting.witness!.routes.keys()]).to.deep.equal([])
      expect(meeting.witness!.farewell).to.equal(undefined)
      await part(meeting)
    })
  }
})
