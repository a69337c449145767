/** Four-octet AS numbers (RFC 6793) between a speaker, a router that knows of them, and one that does not. */

import { families } from 'bgp-ts'
import { expect } from 'chai'
import { route } from '../../../support/fabric.ts'
import {
  attribute,
  attributesIn,
  type Meeting,
  type MeetingTerms,
  meet,
  multiprotocol,
  origin,
  ownAsn,
  part,
  prefixesOf,
  WirePeer,
  wireRoutes,
} from '../../../support/wire-peer.ts'

/** Both families, and no ASN of four octets. */
const old = { said: { capabilities: families.map(multiprotocol) } }
const path = (digits: string) => attribute('40', 2, digits)
const as4Path = (digits: string) => attribute('c0', 17, digits)
const aggregator = (digits: string) => attribute('c0', 7, digits)
const as4Aggregator = (digits: string) => attribute('c0', 18, digits)

let meeting: Meeting

const begin = async (terms: MeetingTerms) => {
  meeting = await meet({ witness: ownAsn, ...terms })
}
/** What the witness, an internal peer with four octets, is told of a route that the router announces with these attributes. */
const passedOn = async (text: string): Promise<string[] | undefined> => {
  await meeting.fabric.pass(100)
  const held = meeting.witness!.routes.get(text)
  return held && attributesIn(held.attributes)
}
const ofTypes = (list: string[] | undefined, ...types: string[]) =>
  list?.filter((one) => types.includes(one.slice(2, 4)))

for (const family of families) {
  const [one, other] = wireRoutes[family]

  describe(`four-octet ASNs on routes of ${family}`, () => {
    afterEach(() => part(meeting))

    const merged: [title: string, sent: readonly string[], asPath: string, aggregator?: string][] = [
      [
        'F3 the end of the path comes from AS4_PATH',
        [path('0202 fde9 5ba0'), as4Path('0201 fa56ea01')],
        '0202 0000fde9 fa56ea01',
      ],
      [
        'F3 all of the path comes from AS4_PATH',
        [path('0202 fde9 5ba0'), as4Path('0202 0000fde9 fa56ea01')],
        '0202 0000fde9 fa56ea01',
      ],
      [
        'F3 an AS4_PATH that is longer is ignored',
        [path('0201 fde9'), as4Path('0202 fa56ea01 fa56ea02')],
        '0201 0000fde9',
      ],
      ['F3 a path without AS4_PATH is widened', [path('0202 fde9 fc01')], '0202 0000fde9 0000fc01'],
      [
        'F3 confederation segments of AS4_PATH are left out',
        [path('0202 fde9 5ba0'), as4Path('0301 0000fde8 0201 fa56ea01')],
        '0202 0000fde9 fa56ea01',
      ],
      [
        'F3 AS4_AGGREGATOR stands for AS_TRANS in AGGREGATOR',
        [
          path('0202 fde9 5ba0'),
          aggregator('5ba0 0a000009'),
          as4Path('0201 fa56ea01'),
          as4Aggregator('fa56ea01 0a000009'),
        ],
        '0202 0000fde9 fa56ea01',
        'fa56ea01 0a000009',
      ],
      [
        'F4 both AS4 attributes are ignored where AGGREGATOR is another than AS_TRANS',
        [
          path('0202 fde9 5ba0'),
          aggregator('fc05 0a000009'),
          as4Path('0201 fa56ea01'),
          as4Aggregator('fa56ea01 0a000009'),
        ],
        '0202 0000fde9 00005ba0',
        '0000fc05 0a000009',
      ],
      [
        'F4 AS4_PATH counts where AGGREGATOR is another than AS_TRANS and AS4_AGGREGATOR is not there',
        [path('0202 fde9 5ba0'), aggregator('fc05 0a000009'), as4Path('0201 fa56ea01')],
        '0202 0000fde9 fa56ea01',
        '0000fc05 0a000009',
      ],
      [
        'F5 a malformed AS4_PATH is left out',
        [path('0202 fde9 5ba0'), as4Path('0202 fa56ea01')],
        '0202 0000fde9 00005ba0',
      ],
      [
        'F5 a malformed AS4_AGGREGATOR is left out',
        [path('0201 fde9'), aggregator('5ba0 0a000009'), as4Aggregator('fa56ea01')],
        '0201 0000fde9',
        '00005ba0 0a000009',
      ],
      [
        'F6 segments of AS_PATH and AS4_PATH are cut elsewhere',
        [path('0201 fde9 0202 5ba0 5ba0'), as4Path('0202 fa56ea01 fa56ea02')],
        '0203 0000fde9 fa56ea01 fa56ea02',
      ],
    ]
    for (const [title, sent, asPath, aggregated] of merged) {
      it(title, async () => {
        await begin(old)
        meeting.router.update(one.announced(`${origin}${sent.join('')}`))
        const list = await passedOn(one.text)
        expect(ofTypes(list, '02', '07', '11', '12')).to.deep.equal([
          path(asPath),
          ...(aggregated ? [aggregator(aggregated)] : []),
        ])
        expect(meeting.router.farewell).to.equal(undefined)
      })
    }

    for (const [title, asPath] of [
      ['empty', path('')],
      ['absent', ''],
      ['odd', path('0202 fde9')],
    ] as const) {
      it(`F6 an AS4_PATH beside an AS_PATH that is ${title} makes no route of it, and no harm`, async () => {
        await begin(old)
        meeting.router.update(one.announced())
        meeting.router.update(one.announced(`${origin}${asPath}${as4Path('0202 fa56ea01 fa56ea02')}`))
        meeting.router.update(other.announced(`${origin}${path('0201 fde9')}`))
        await meeting.fabric.pass(100)
        expect(prefixesOf(meeting.node)).to.deep.equal([other.text])
        expect(meeting.router.farewell).to.equal(undefined)
      })
    }

    it('F6 an empty AS_PATH of an internal peer stays empty beside AS4_PATH', async () => {
      await begin({ ...old, asn: ownAsn, witness: 65003 })
      meeting.router.update(one.announced(`${origin}${path('')}${as4Path('0201 fa56ea01')}`))
      expect(ofTypes(await passedOn(one.text), '02', '11')).to.deep.equal([path('0201 0000fc00')])
    })

    it('C19 F3 our own large ASN behind AS_TRANS is found in AS4_PATH', async () => {
      await begin({ ...old, witness: 65003, declared: { localAsn: 4200000001 } })
      meeting.router.update(one.announced(`${origin}${path('0202 fde9 5ba0')}${as4Path('0202 0000fde9 fa56ea01')}`))
      await meeting.fabric.pass(100)
      expect(prefixesOf(meeting.node)).to.deep.equal([])
      expect(meeting.router.farewell).to.equal(undefined)
    })

    it('F1 AS4 attributes of a four-octet peer are thrown away, and none are sent to one', async () => {
      await begin({})
      const list = `${origin}${path('0202 0000fde9 fa56ea01')}${aggregator('fa56ea01 0a000009')}`
      meeting.router.update(one.announced(`${list}${as4Path('0201 0000fde9')}${as4Aggregator('0000fde9 0a000009')}`))
      expect(ofTypes(await passedOn(one.text), '02', '07', '11', '12')).to.deep.equal([
        path('0202 0000fde9 fa56ea01'),
        aggregator('fa56ea01 0a000009'),
      ])
    })

    it('F2 a two-octet peer is sent AS_TRANS for what does not fit, and the whole beside it', async () => {
      await begin({ witness: 65003 })
      const at = '10.0.0.3'
      meeting.witness!.break()
      await meeting.fabric.pass(1000)
      const witness = await WirePeer.up(meeting.fabric, {
        at,
        to: '10.0.0.2',
        asn: 65003,
        peerAsn: ownAsn,
        ...old.said,
      })
      const sent = `${origin}${path('0202 0000fde9 fa56ea01')}${aggregator('fa56ea01 0a000009')}`
      meeting.router.update(one.announced(sent))
      meeting.router.update(other.announced(`${origin}${path('0201 0000fde9')}${aggregator('0000fde9 0a000009')}`))
      await meeting.fabric.pass(100)
      const held = (text: string) => ofTypes(attributesIn(witness.routes.get(text)!.attributes), '02', '07', '11', '12')
      expect(held(one.text)).to.deep.equal([
        path('0203 fc00 fde9 5ba0'),
        aggregator('5ba0 0a000009'),
        as4Path('0203 0000fc00 0000fde9 fa56ea01'),
        as4Aggregator('fa56ea01 0a000009'),
      ])
      expect(held(other.text)).to.deep.equal([path('0202 fc00 fde9'), aggregator('fde9 0a000009')])
    })
  })
}

describe('a path that is originated', () => {
  it('C22 is a sequence', async () => {
    meeting = await meet()
    const attributes = { asPath: [65010, 65011] }
    meeting.node.apply({ routes: ['203.0.113.1/32', '2001:db8:113::1/128'].map((text) => route(text, { attributes })) })
    await meeting.fabric.pass(1000)
    for (const { attributes: list } of meeting.router.routes.values()) {
      expect(ofTypes(attributesIn(list), '02')).to.deep.equal([path('0203 0000fc00 0000fdf2 0000fdf3')])
    }
    expect(meeting.router.routes.size).to.equal(2)
    await part(meeting)
  })

  it('C26 is cut into segments of 255 ASNs where it is longer', async () => {
    meeting = await meet()
    const attributes = { asPath: Array<number>(300).fill(65010) }
    meeting.node.apply({ routes: ['203.0.113.1/32', '2001:db8:113::1/128'].map((text) => route(text, { attributes })) })
    await meeting.fabric.pass(1000)
    const wanted = `0201 0000fc00 02ff ${'0000fdf2'.repeat(255)} 022d ${'0000fdf2'.repeat(45)}`
    for (const { attributes: list } of meeting.router.routes.values()) {
      expect(ofTypes(attributesIn(list), '02')).to.deep.equal([attribute('50', 2, wanted)])
    }
    expect(meeting.router.routes.size).to.equal(2)
    await part(meeting)
  })
})
