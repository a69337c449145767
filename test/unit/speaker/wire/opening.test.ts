/** How a session begins, octet by octet: a router says its OPEN, and a speaker takes it, or says why not. */

import { type Capability, encodeMessage, type Family, families, hex } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll, originatedOnly } from '../../../../policy/index.ts'
import { message, octets } from '../../../support/bytes.ts'
import { Fabric, type Machine, peerTo, route } from '../../../support/fabric.ts'
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

const marker = 'ff'.repeat(16)
const header = (length: string, type: string) => octets(`${marker}${length}${type}`)
const fixed = '04 fde9 005a 0a000001'

/** An OPEN of AS 65001 with these optional parameters, their length not counted. */
const openWith = (parameters: string) => message(1, octets(`${fixed}${parameters}`))
const refresh = (afi: string, safi = '01') => message(5, octets(`${afi}00${safi}`))

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

    const refused: [title: string, octets: Uint8Array, farewell: string][] = [
      ['A1 for a marker with a bit clear', octets(`7f${'ff'.repeat(15)}001304`), '1/1'],
      ['A2 for a length of 18', header('0012', '01'), '1/2 0012'],
      ['A2 for a length of 4097 before its body has come', header('1001', '01'), '1/2 1001'],
      ['A2 for a length of 65535 before its body has come', header('ffff', '02'), '1/2 ffff'],
      ['A3 for an OPEN of 28 octets', header('001c', '01'), '1/2 001c'],
      ['A3 for a KEEPALIVE of 20 octets', header('0014', '04'), '1/2 0014'],
      ['A3 for a ROUTE-REFRESH of 22 octets', header('0016', '05'), '1/2 0016'],
      ['A4 for type 0', header('0013', '00'), '1/3 00'],
      ['A4 for type 6', header('0013', '06'), '1/3 06'],
      ['A4 for type 255', header('0013', 'ff'), '1/3 ff'],
      ['A8 for version 3', message(1, octets('03 fde9 005a 0a000001 00')), '2/1 0004'],
      ['A8 for version 5', message(1, octets('05 fde9 005a 0a000001 00')), '2/1 0004'],
      ['A9 for another AS', message(1, octets('04 fdea 005a 0a000001 00')), '2/2 fdea'],
      ['A9 for another AS in capability 65', openWith('08 02 06 4104 0000fdea'), '2/2 fde9'],
      ['A10 for AS 0', message(1, octets('04 0000 005a 0a000001 00')), '2/2 0000'],
      ['A10 for AS 0 in capability 65', openWith('08 02 06 4104 00000000'), '2/2 fde9'],
      ['A11 for a hold time of 1 s', message(1, octets('04 fde9 0001 0a000001 00')), '2/6 0001'],
      ['A11 for a hold time of 2 s', message(1, octets('04 fde9 0002 0a000001 00')), '2/6 0002'],
      ['A12 for identifier 0', message(1, octets('04 fde9 005a 00000000 00')), '2/3'],
      ['A14 for an unknown parameter', openWith('04 01 02 0000'), '2/4 01020000'],
      ['A14 for a capabilities parameter that ends in a capability', openWith('04 02 02 4104'), '2/0'],
      ['A15 for parameters that lead beyond the message', openWith('09 02 06 4104 0000fde9'), '2/0'],
      ['A15 for octets behind the parameters', openWith('04 02 02 0200 00'), '2/0'],
      ['A15 for a parameter that leads beyond its field', openWith('04 02 03 0200'), '2/0'],
      ['A15 for one octet of a parameter', openWith('01 02'), '2/0'],
      ['A16 for extended parameters that lead beyond the message', openWith('ff ff 0006 02 0002 0200'), '2/0'],
      ['A16 for an extended parameter that leads beyond its field', openWith('ff ff 0005 02 0003 0200'), '2/0'],
      ['A18 for parameter type 255 in second place', openWith('08 02 02 0200 ff 02 0000'), '2/4 ff020000'],
      ['A18 for parameter type 255 inside the extended form', openWith('ff ff 0005 ff 0002 0200'), '2/4 ff00020200'],
      ['B3 for a capability that leads into the next parameter', openWith('0a 02 02 4104 02 04 0000fde9'), '2/0'],
      ['B10 for AS_TRANS without capability 65', message(1, octets('04 5ba0 005a 0a000001 00')), '2/2 5ba0'],
      ['D1 for a KEEPALIVE before the OPEN', keepalive, '5/1 04'],
      ['D1 for an UPDATE before the OPEN', message(2, octets('00000000')), '5/1 02'],
      ['D1 for a ROUTE-REFRESH before the OPEN', refresh('0001'), '5/1 05'],
    ]
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

    const taken: [title: string, open: Uint8Array, family: Family][] = [
      ['A11 a hold time of 3 s', message(1, octets('04 fde9 0003 0a000001 00')), 'ipv4-unicast'],
      ['A12 a multicast identifier', message(1, octets('04 fde9 005a e0000001 00')), 'ipv4-unicast'],
      ['A12 identifier 255.255.255.255', message(1, octets('04 fde9 005a ffffffff 00')), 'ipv4-unicast'],
      [
        'A13 our own identifier',
        message(1, octets(`04 fde9 005a ${over === 'IPv4' ? '0a000002' : '00000002'} 00`)),
        'ipv4-unicast',
      ],
      ['A16 the extended form under a lying length', openWith('03 ff 0009 02 0006 0104 0002 0001'), 'ipv6-unicast'],
      [
        'A17 255 octets of ordinary parameters',
        openWith(`ff 02 fd 0104 00020001 83 f5${'00'.repeat(245)}`),
        'ipv6-unicast',
      ],
      ['B1 a capability that nobody knows', openWith('0b 02 09 c801aa 0104 00020001'), 'ipv6-unicast'],
      ['B2 capabilities in a parameter each', openWith('0c 02 06 0104 00020001 02 02 0200'), 'ipv6-unicast'],
      ['B2 a capability three times', openWith('14 02 12 0104 00020001 0104 00020001 0104 00020001'), 'ipv6-unicast'],
      ['B6 no capability at all', openWith('00'), 'ipv4-unicast'],
      [
        'B8 a multiprotocol capability of 3 octets beside a good one',
        openWith('0d 02 0b 0103 000100 0104 00020001'),
        'ipv6-unicast',
      ],
      [
        'B8 a multiprotocol capability of 5 octets beside a good one',
        openWith('0f 02 0d 0105 0001000100 0104 00020001'),
        'ipv6-unicast',
      ],
      ['B11 an ADD-PATH tuple of mode 7', openWith('0e 02 0c 0104 00020001 4504 00020107'), 'ipv6-unicast'],
      [
        'B12 a graceful restart capability of 5 octets',
        openWith('0f 02 0d 0104 00020001 4005 0078000201'),
        'ipv6-unicast',
      ],
      ['B13 long-lived graceful restart alone', openWith('11 02 0f 0104 00020001 4707 00020180000e10'), 'ipv6-unicast'],
      ['B14 extended next hops of 7 octets', openWith('11 02 0f 0104 00020001 0507 00010001000900'), 'ipv6-unicast'],
      [
        'B15 a host name that is longer than its capability',
        openWith('0c 02 0a 0104 00020001 4902 ff61'),
        'ipv6-unicast',
      ],
    ]
    for (const [title, open, family] of taken) {
      it(`${title} in an OPEN does not keep the session down (${family})`, async () => {
        await say(open, keepalive)
        expect(router.farewell).to.equal(undefined)
        expect(node.peer()).to.deep.include({ state: 'Established', families: [family] })
      })
    }

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
