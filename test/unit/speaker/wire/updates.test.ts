/** UPDATEs of a router, octet by octet, and what a speaker makes of them: what is faulty first, then what is only odd. */

import { families, hex, isFault, newUpdateParts, scanUpdate } from 'bgp-ts'
import { expect } from 'chai'
import { message, octets, updateBody } from '../../../support/bytes.ts'
import {
  asPath,
  attribute,
  attributesIn,
  type Meeting,
  meet,
  nextHop,
  origin,
  part,
  prefixesOf,
  type WirePeer,
  wireRoutes,
} from '../../../support/wire-peer.ts'

const base = `${origin}${asPath}`
const badOrigin = attribute('40', 1, '09')
const badAtomic = attribute('40', 6, '00')

let meeting: Meeting

/** Says it, and lets it work. */
async function say(...updates: Parameters<typeof updateBody>[0][]): Promise<void> {
  for (const one of updates) meeting.router.update(one)
  await meeting.fabric.pass(100)
}

const stands = () => meeting.node.peer(meeting.node.peer().name)
const expectUp = () => {
  expect(meeting.router.farewell).to.equal(undefined)
  expect(stands()).to.include({ state: 'Established', flaps: 0 })
}
const expectEnded = (farewell: string) => {
  expect(meeting.router.farewell).to.equal(farewell)
  expect(prefixesOf(meeting.node)).to.deep.equal([])
}

for (const over of ['IPv4', 'IPv6'] as const) {
  describe(`a faulty UPDATE over ${over}`, () => {
    beforeEach(async () => {
      meeting = await meet({ over })
    })
    afterEach(() => part(meeting))

    for (const [title, body] of [
      ['withdrawn routes that lead beyond the message', '0005 00 0000'],
      ['attributes that lead beyond the message', '0000 0040 40010100'],
      ['a withdrawn length that leaves no room for the other one', '0002 0000'],
    ] as const) {
      it(`C1 ends the session with 3/1: ${title}`, async () => {
        meeting.router.send(message(2, octets(body)))
        await meeting.fabric.pass(100)
        expectEnded('3/1')
      })
    }

    for (const family of families) {
      const [one, other] = wireRoutes[family]

      describe(`with routes of ${family}`, () => {
        beforeEach(() => say(one.announced(), other.announced()))

        for (const [title, tail] of [
          ['a value that overruns the list', attribute('c0', 8, 'fde90001').slice(0, -2)],
          ['an extended length that overruns the list', 'd008 0104 fde90001'],
          ['one octet left', 'c0'],
          ['two octets left', 'c008'],
          ['two octets left that look like routes', '800e'],
          ['three octets left of four', 'd00800'],
        ] as const) {
          it(`C2 withdraws the routes of a list with ${title}`, async () => {
            await say(one.announced(base, tail))
            expect(prefixesOf(meeting.node)).to.deep.equal([other.text])
            expectUp()
          })
        }

        it('C2 C6 finds the routes behind an ORIGIN of wrong length by the length of the list', async () => {
          await say(one.announced(`${attribute('40', 1, '0000')}${asPath}`))
          expect(prefixesOf(meeting.node)).to.deep.equal([other.text])
          expectUp()
        })

        for (const [title, list] of [
          ['ORIGIN', asPath],
          ['AS_PATH', origin],
          ['both', ''],
          ['all but what nobody knows', attribute('c0', 99, '01')],
        ] as const) {
          it(`C6 C29 withdraws a route without ${title}`, async () => {
            await say(one.announced(list))
            expect(prefixesOf(meeting.node)).to.deep.equal([other.text])
            expect(stands().malformed).to.deep.equal({ 'treat-as-withdraw': 1 })
            expectUp()
          })
        }

        it('C7 keeps the first of a repeated attribute, though the second one is malformed', async () => {
          const med = attribute('80', 4, '00000005')
          await say(one.announced(`${base}${med}${attribute('80', 4, '07')}${attribute('c0', 4, '00000009')}`))
          const row = meeting.node.speaker.routes('best').find(({ prefix }) => prefix === one.text)
          expect(row?.attributes).to.include('MULTI_EXIT_DISC 5')
          expectUp()
        })

        it('C7 withdraws for a malformed attribute, though a good one of its type follows', async () => {
          await say(one.announced(`${base}${attribute('80', 4, '07')}${attribute('80', 4, '00000005')}`))
          expect(prefixesOf(meeting.node)).to.deep.equal([other.text])
        })

        it('C8 withdraws where another attribute would only be discarded', async () => {
          await say(one.announced(`${origin}${asPath}${badAtomic}${attribute('c0', 8, '')}`))
          expect(prefixesOf(meeting.node)).to.deep.equal([other.text])
          expectUp()
        })

        it('C8 ends the session where another attribute would only withdraw', async () => {
          await say(one.announced(`${badOrigin}${asPath}${attribute('40', 99, '00')}`))
          expectEnded('3/2 40630100')
        })

        for (const [title, update] of [
          ['withdraws alone', () => one.withdrawn(badOrigin)],
          ['has no route at all', () => ({ attributes: `${badOrigin}${asPath}` })],
          ['ends inside an attribute, and withdraws alone', () => one.withdrawn('c0080400')],
          [
            'announces no prefix',
            () => ({ attributes: `${attribute('80', 14, `${one.afi}${one.hop}00`)}${badOrigin}${asPath}` }),
          ],
        ] as const) {
          it(`C4 ends the session for a malformed attribute of a message that ${title}`, async () => {
            await say(update())
            expectEnded('3/1')
          })
        }

        for (const [title, update] of [
          ['withdraws alone', () => one.withdrawn(badAtomic)],
          ['has no route at all', () => ({ attributes: `${base}${badAtomic}` })],
        ] as const) {
          it(`C4 lives on where a message that ${title} has an attribute to discard`, async () => {
            await say(update())
            expectUp()
            await say(one.withdrawn())
            expect(prefixesOf(meeting.node)).to.deep.equal([other.text])
          })
        }

        it('C10 lets the faulty message count for the hold time, as any other', async () => {
          await part(meeting)
          meeting = await meet({ over, said: { holdTime: 30 } })
          await say(other.announced())
          for (let turn = 0; turn < 20; turn++) {
            await say(one.announced(`${badOrigin}${asPath}`))
            await meeting.fabric.pass(20_000)
          }
          expectUp()
          expect(prefixesOf(meeting.node)).to.deep.equal([other.text])
          expect(stands().malformed).to.deep.equal({ 'treat-as-withdraw': 20 })
          expect(meeting.router.count('keepalive')).to.be.within(40, 60)
        })

        it('C12 counts faulty messages by reaction', async () => {
          await say(one.announced(`${badOrigin}${asPath}`), other.announced(`${badOrigin}${asPath}`))
          await say(one.announced(`${base}${badAtomic}`))
          expect(stands().malformed).to.deep.equal({ 'treat-as-withdraw': 2, 'attribute-discard': 1 })
        })

        it('C11 logs the peer, the attribute, the reaction and the octets', async () => {
          const update = one.announced(`${badOrigin}${asPath}`)
          await say(update)
          const found = meeting.fabric.logs.filter(({ level }) => level === 'warn')
          expect(found).to.have.lengthOf(1)
          expect(found[0]!.message).to.equal('malformed message: ORIGIN: value 9')
          expect(found[0]!.fields).to.include({
            peer: meeting.node.peer().name,
            kind: 'treat-as-withdraw',
            octets: hex(updateBody(update)),
          })
          expect(stands().lastMalformed).to.include({ octets: hex(updateBody(update)) })
        })

        it('C11 logs a flood of them ever more seldom', async () => {
          const flood = Array.from({ length: 1000 }, () => one.announced(`${badOrigin}${asPath}`))
          await say(...flood)
          expect(stands().malformed).to.deep.equal({ 'treat-as-withdraw': 1000 })
          expect(meeting.fabric.logs.filter(({ level }) => level === 'warn')).to.have.lengthOf(10)
        })

        const ends: [title: string, attributes: string, said: RegExp][] = [
          [
            'an unknown well-known attribute',
            `${base}${attribute('40', 99, '00')}`,
            /unrecognized well-known attribute/,
          ],
          ['routes that come twice', attribute('80', 14, `${one.afi}${one.hop}00`).repeat(2), /twice/],
          ['a next hop cut short', attribute('80', 14, `${one.afi}ff`), /MP_REACH_NLRI of 4 octets/],
          ['a prefix cut short', attribute('80', 15, `${one.afi}${one.prefix.slice(0, -2)}`), /prefix cut short/],
          ['an attribute that is wrong without a route', badOrigin, /ORIGIN/],
        ]
        for (const [title, attributes, text] of ends) {
          it(`C11 C12 logs and counts ${title}, which ends the session, once`, async () => {
            const update = title.startsWith('an unknown') ? one.announced(attributes) : { attributes }
            await say(update)
            const found = meeting.fabric.logs.filter(({ level }) => level === 'warn')
            expect(found).to.have.lengthOf(1)
            expect(found[0]!.message).to.match(text)
            expect(found[0]!.fields).to.include({ kind: 'session-reset', octets: hex(updateBody(update)) })
            expect(stands().malformed).to.deep.equal({ 'session-reset': 1 })
          })
        }

        const long = family === 'ipv4-unicast' ? '21c633640000' : `81${'20'.repeat(17)}`
        const places: [place: string, update: (field: string) => Parameters<typeof updateBody>[0]][] = [
          [
            'MP_REACH_NLRI',
            (field) => ({ attributes: `${attribute('80', 14, `${one.afi}${one.hop}00${field}`)}${base}` }),
          ],
          ['MP_UNREACH_NLRI', (field) => ({ attributes: attribute('80', 15, `${one.afi}${field}`) })],
          ...(family === 'ipv4-unicast'
            ? ([
                ['the withdrawn routes', (field) => ({ withdrawn: field })],
                ['the NLRI', (field) => ({ attributes: `${base}${nextHop}`, nlri: field })],
              ] as typeof places)
            : []),
        ]
        for (const [place, update] of places) {
          const cell = place === 'MP_REACH_NLRI' ? 'C/14 value ' : place === 'MP_UNREACH_NLRI' ? 'C/15 value ' : ''
          for (const [title, field] of [
            ['a prefix that is too long', long],
            ['a prefix that is cut short', one.prefix.slice(0, -2)],
            ['a length alone behind a good prefix', `${one.prefix}08`],
          ] as const) {
            it(`C5 ${cell.replace(' value ', ' ')}${cell ? 'value: ' : ''}ends the session for ${title} in ${place}`, async () => {
              await say(update(field))
              expectEnded('3/10')
            })
          }
        }

        for (const [type, title, value] of [
          [14, 'MP_REACH_NLRI', `${one.afi}${one.hop}00${one.prefix}`],
          [15, 'MP_UNREACH_NLRI', `${one.afi}${one.prefix}`],
        ] as const) {
          for (const flags of ['c0', '40', '00', 'd0']) {
            const wrong = attribute(flags, type, value)
            it(`C/${type} C28 flags 0x${flags} of ${title} end the session with 3/4 and the attribute`, async () => {
              await say({ attributes: `${wrong}${base}` })
              expectEnded(`3/4 ${wrong}`)
            })
          }
          it(`C7 ends the session with 3/1 where ${title} comes twice`, async () => {
            const twice = attribute('80', type, value).repeat(2)
            await say({ attributes: `${twice}${base}` })
            expectEnded('3/1')
          })
        }

        const shortHop = one.hop.slice(2, -2)
        for (const [title, type, value] of [
          ['an MP_REACH_NLRI of no octets', 14, ''],
          ['an MP_REACH_NLRI of 4 octets', 14, `${one.afi}00`],
          ['a next hop that overruns MP_REACH_NLRI', 14, `${one.afi}ff${one.hop.slice(2)}00`],
          ['a next hop of no octets', 14, `${one.afi}0000${one.prefix}`],
          ['a next hop an octet too short', 14, `${one.afi}${size(shortHop)}${shortHop}00${one.prefix}`],
          ['an MP_UNREACH_NLRI of no octets', 15, ''],
          ['an MP_UNREACH_NLRI of 2 octets', 15, one.afi.slice(0, 4)],
        ] as const) {
          for (const flags of ['80', '90']) {
            const wrong = attribute(flags, type, value)
            it(`C/${type} C28 length: ends the session with 3/9 and the attribute for ${title}, flags 0x${flags}`, async () => {
              await say({ attributes: `${wrong}${base}` })
              expectEnded(`3/9 ${wrong}`)
            })
          }
        }

        it('C/14 C28 length: ends the session for an MP_REACH_NLRI that its list cuts short, whatever else there is', async () => {
          const cut = attribute('80', 14, `${one.afi}${one.hop}00${one.prefix}`).slice(0, -2)
          await say({ attributes: `${base}${nextHop}${cut}`, nlri: '18cb0071' })
          expectEnded(`3/9 ${cut}`)
        })

        const ownHop = family === 'ipv4-unicast' ? '0a000002' : 'fd000000000000000000000000000002'
        const hops =
          family === 'ipv4-unicast'
            ? ['00000000', '7f000001', 'e0000001', 'ffffffff', ownHop]
            : [
                '00'.repeat(16),
                `${'00'.repeat(15)}01`,
                `ff02${'00'.repeat(13)}01`,
                `${'00'.repeat(10)}ffff0a000001`,
                ownHop,
              ]
        for (const hop of hops) {
          it(`C/14 E11 value: does not use a route by the next hop ${hop}, and forgets the one it had`, async () => {
            const reach = attribute('80', 14, `${one.afi}${size(hop)}${hop}00${one.prefix}`)
            await say({ attributes: `${reach}${base}` })
            expect(prefixesOf(meeting.node)).to.deep.equal([other.text])
            expect(stands().malformed).to.deep.equal({})
            expectUp()
          })
        }
      })
    }

    it('C6 withdraws IPv4 routes without NEXT_HOP', async () => {
      const [one, other] = wireRoutes['ipv4-unicast']
      await say(one.announced(), other.announced(), { attributes: base, nlri: one.prefix })
      expect(prefixesOf(meeting.node)).to.deep.equal([other.text])
      expectUp()
    })
  })
}

/** The length of octets in hex, in hex. */
function size(digits: string): string {
  return (digits.length / 2).toString(16).padStart(2, '0')
}

describe('an UPDATE that is only odd', () => {
  beforeEach(async () => {
    meeting = await meet({ witness: 65003 })
  })
  afterEach(() => part(meeting))

  const [v4, v4other] = wireRoutes['ipv4-unicast']
  const [v6, v6other] = wireRoutes['ipv6-unicast']
  const reachOf = ({ afi, hop, prefix }: typeof v6) => attribute('80', 14, `${afi}${hop}00${prefix}`)
  const unreachOf = ({ afi, prefix }: typeof v6) => attribute('80', 15, `${afi}${prefix}`)
  const pair = [
    ['first', (reach: string, unreach: string) => `${reach}${base}${nextHop}${unreach}`],
    ['last', (reach: string, unreach: string) => `${unreach}${base}${nextHop}${reach}`],
  ] as const

  for (const [place, list] of pair) {
    it(`C9 says all four things at once, the announcement of IPv6 ${place}`, async () => {
      await say(v4.announced(), v6.announced())
      await say({ withdrawn: v4.prefix, attributes: list(reachOf(v6other), unreachOf(v6)), nlri: v4other.prefix })
      expect(prefixesOf(meeting.node)).to.deep.equal([v4other.text, v6other.text])
      expectUp()
    })
  }

  it('C9 C13 announces what it withdraws too', async () => {
    await say({
      withdrawn: v4.prefix,
      attributes: `${unreachOf(v6)}${reachOf(v6)}${base}${nextHop}`,
      nlri: v4.prefix,
    })
    expect(prefixesOf(meeting.node)).to.deep.equal([v4.text, v6.text])
    await say({
      withdrawn: v4.prefix,
      attributes: `${reachOf(v6)}${unreachOf(v6)}${base}${nextHop}`,
      nlri: v4.prefix,
    })
    expect(prefixesOf(meeting.node)).to.deep.equal([v4.text, v6.text])
  })

  it('C14 writes prefixes with bits beyond their length, which are cleared here and for the next', async () => {
    const reach = attribute('80', 14, `${v6.afi}${v6.hop}00 2f20010db8ffff`)
    await say({ attributes: `${reach}${base}${nextHop}`, nlri: '17c63365' })
    expect(prefixesOf(meeting.node)).to.deep.equal(['198.51.100.0/23', '2001:db8:fffe::/47'])
    expect([...meeting.witness!.routes.keys()].sort()).to.deep.equal(['198.51.100.0/23', '2001:db8:fffe::/47'])
  })

  it('C15 has prefixes of no unicast route among others: those are ignored, and counted', async () => {
    const no4 = ['04e0', '20e0000001', '087f', '207f000001', '0800', '2000000000']
    const no6 = ['08ff', `80ff02${'00'.repeat(13)}01`, '0afe80', `80fe80${'00'.repeat(13)}01`, `80${'00'.repeat(15)}01`]
    const good4 = ['00', '0100', '0180', '04f0', v4.prefix]
    const good6 = ['00', '0180', '03e0', '07fc', v6.prefix]
    const reach = attribute('80', 14, `${v6.afi}${v6.hop}00${[...no6, ...good6].join('')}`)
    await say({ attributes: `${reach}${base}${nextHop}`, nlri: [...good4, ...no4].join('') })
    expect(prefixesOf(meeting.node)).to.have.members(
      ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '240.0.0.0/4', v4.text].concat([
        '::/0',
        '8000::/1',
        'e000::/3',
        'fc00::/7',
        v6.text,
      ]),
    )
    const rule = 'no unicast prefix, RFC 4271 6.3'
    const refused = families.map((family) => stands().routes[family].rejectedBy[rule])
    expect(refused).to.deep.equal([no4.length, no6.length])
    expectUp()
  })

  it('C16 sets unused flag bits, writes short values with long lengths, and orders attributes from last to first', async () => {
    const odd = `${attribute('5f', 3, '0a000001')}${attribute('8f', 4, '00000007')}${attribute('5f', 2, '0201 0000fde9')}${attribute('5f', 1, '00')}`
    const reach = attribute('9f', 14, `${v6.afi}${v6.hop}00${v6.prefix}`)
    await say({ attributes: `${odd}${reach}`, nlri: v4.prefix })
    expect(prefixesOf(meeting.node)).to.deep.equal([v4.text, v6.text])
    expect(stands().malformed).to.deep.equal({})
    // What goes on is written as it should be.
    for (const text of [v4.text, v6.text]) {
      const flags = attributesIn(meeting.witness!.routes.get(text)!.attributes).map((one) => one.slice(0, 2))
      expect(new Set(flags), text).to.deep.equal(new Set(['40']))
    }
  })

  it('C29 has attributes and nothing else', async () => {
    await say({ attributes: base }, { attributes: `${base}${attribute('c0', 99, '00')}` }, v4.announced())
    expect(prefixesOf(meeting.node)).to.deep.equal([v4.text])
    expectUp()
  })

  it('C29 looks like End-of-RIB with an attribute beside it', async () => {
    await say({ attributes: `${attribute('80', 15, '000201')}${attribute('c0', 99, '00')}` }, v6.announced())
    expect(prefixesOf(meeting.node)).to.deep.equal([v6.text])
    expectUp()
  })

  it('C26 has 255 ASNs in its path already: ours comes before them in a segment of its own', async () => {
    const asns = '0000fde9'.repeat(255)
    const list = `${origin}${attribute('50', 2, `02ff${asns}`)}`
    await say(v4.announced(list), v6.announced(list))
    for (const text of [v4.text, v6.text]) {
      const sent = attributesIn(meeting.witness!.routes.get(text)!.attributes)
      expect(sent, text).to.include(attribute('50', 2, `02010000fc00 02ff${asns}`))
    }
  })
})

describe('confederation segments of an internal peer', () => {
  it('C23 C26 go no further than the AS', async () => {
    meeting = await meet({ asn: 64512, witness: 65003 })
    const list = `${origin}${attribute('40', 2, '0301 0000fde8 0201 0000fde9')}${attribute('40', 5, '00000064')}`
    const all = families.map((family) => wireRoutes[family][0])
    await say(...all.map((one) => one.announced(list)))
    for (const { text } of all) {
      const sent = attributesIn(meeting.witness!.routes.get(text)!.attributes)
      expect(sent, text).to.include(attribute('40', 2, '0202 0000fc00 0000fde9'))
    }
    await part(meeting)
  })
})

describe('an exception while an UPDATE is read', () => {
  it('C29 costs the session of that peer with 6/0, and no other', async () => {
    meeting = await meet({ witness: 65003 })
    const [v4] = wireRoutes['ipv4-unicast']
    const { fabric, witness } = meeting
    const { logs } = fabric
    // The log is handed in: one that fails is a mistake of ours in the middle of reading.
    const push = logs.push
    logs.push = (...entries) => {
      if (entries.some(({ message: text }) => text.startsWith('malformed message'))) throw new Error('the log is full')
      return push.apply(logs, entries)
    }
    await say(v4.announced(`${badOrigin}${asPath}`))
    expect(meeting.router.farewell).to.equal('6/0')
    expect(fabric.errors).to.have.lengthOf(1)
    fabric.errors.length = 0
    expect(meeting.node.peer('10.0.0.3')).to.include({ state: 'Established', flaps: 0 })
    await fabric.pass(60_000)
    expect((witness as WirePeer).farewell).to.equal(undefined)
    await part(meeting)
  })
})

describe('what a speaker passes on', () => {
  /** Every attribute that it reads, in ascending order, and three that it does not. */
  const rich = [
    origin,
    asPath,
    attribute('80', 4, '00000007'),
    attribute('40', 6, ''),
    attribute('c0', 7, '0000fde9 0a000009'),
    attribute('c0', 8, 'fde90001 fde90002'),
    attribute('c0', 16, '0002fde9 00000001'),
    attribute('e0', 23, '000501020304ff'),
    attribute('c0', 32, '0000fde9 00000001 00000002'),
    attribute('e0', 40, '01'),
    attribute('f0', 200, '5a'.repeat(1000)),
  ]

  for (const family of families) {
    it(`C30 C17 has the octets that it came with towards an internal peer (${family})`, async () => {
      meeting = await meet({ witness: 64512 })
      const [one] = wireRoutes[family]
      await say(one.announced(rich.join('')))
      const sent = attributesIn(meeting.witness!.routes.get(one.text)!.attributes)
      const own = [attribute('40', 5, '00000064'), ...(family === 'ipv4-unicast' ? [nextHop] : [])]
      expect(sent).to.deep.equal(
        [...rich, ...own].sort((a, b) => Number.parseInt(a.slice(2, 4), 16) - Number.parseInt(b.slice(2, 4), 16)),
      )
      await part(meeting)
    })
  }

  it('C9 has one field of routes a message, and the multiprotocol attribute first', async () => {
    meeting = await meet({ witness: 65003 })
    const all = families.flatMap((family) => wireRoutes[family])
    await say(...all.map((one) => one.announced()))
    await say(...all.map((one) => one.withdrawn()), ...all.slice(0, 2).map((one) => one.announced()))
    await say(...all.slice(0, 2).map((one) => one.withdrawn()))
    const parts = newUpdateParts()
    for (const one of meeting.witness!.heard) {
      if (one.kind !== 'update') continue
      expect(isFault(scanUpdate(one.body, 0, one.body.length, parts))).to.equal(false)
      const fields = [
        parts.withdrawnEnd - parts.withdrawnAt,
        parts.nlriEnd - parts.nlriAt,
        parts.reachAt,
        parts.unreachAt,
      ]
      expect(fields.filter((octetsOf) => octetsOf > 0).length, hex(one.body)).to.be.at.most(1)
      const from = parts.reachFrom || parts.unreachFrom
      if (from > 0) expect(from, hex(one.body)).to.equal(parts.attributesAt)
    }
    expect(meeting.witness!.routes.size).to.equal(0)
    await part(meeting)
  })
})
