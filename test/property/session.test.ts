/** Sessions under octets that somebody has damaged: what goes wrong is this peer's affair alone, whatever it is. */

import { type Capability, encodeMessage, families } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { message, updateBody } from '../support/bytes.ts'
import {
  asPath,
  attribute,
  meet,
  multiprotocol,
  nextHop,
  openOf,
  origin,
  ownAsn,
  part,
  WirePeer,
  wireRoutes,
} from '../support/wire-peer.ts'

const routes = families.flatMap((family) => wireRoutes[family])
const rich = [
  attribute('80', 4, '00000007'),
  attribute('40', 5, '00000064'),
  attribute('40', 6, ''),
  attribute('c0', 7, '0000fde9 0a000009'),
  attribute('c0', 8, 'fde90001 fde90002'),
  attribute('80', 9, '0a000009'),
  attribute('80', 10, '0a000009'),
  attribute('c0', 16, '0002fde9 00000001'),
  attribute('c0', 17, '0201 fa56ea01'),
  attribute('c0', 18, 'fa56ea01 0a000009'),
  attribute('c0', 23, '000501020304ff'),
  attribute('80', 26, '01000b 0000000000000001'),
  attribute('c0', 32, '0000fde9 00000001 00000002'),
  attribute('d0', 99, '5a'.repeat(300)),
]

const update = fc.oneof(
  fc
    .tuple(fc.constantFrom(...routes), fc.subarray(rich))
    .map(([one, list]) => one.announced(`${origin}${asPath}${list.join('')}`)),
  fc.constantFrom(...routes).map((one) => one.withdrawn()),
  fc.constantFrom(...routes).map((one) => ({
    withdrawn: '18c00002',
    attributes: `${attribute('80', 15, `${one.afi}${one.prefix}`)}${attribute('80', 14, `${one.afi}${one.hop}00${one.prefix}`)}${origin}${asPath}${nextHop}`,
    nlri: '18c63364',
  })),
)

/** Octets of a body that are changed, taken out or put in, by their place in it. */
const damage = fc.array(
  fc.record({
    place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    how: fc.constantFrom('change', 'remove', 'insert'),
    octet: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 255, 0x40, 0x80, 0xc0, 14, 15)),
  }),
  { maxLength: 3 },
)

type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never

function damaged(body: Uint8Array, changes: Damage): Uint8Array {
  const octets = [...body]
  for (const { place, how, octet } of changes) {
    const at = Math.floor(place * octets.length)
    octets.splice(at, how === 'insert' ? 0 : 1, ...(how === 'remove' ? [] : [octet]))
  }
  return Uint8Array.from(octets)
}

const addPath: Capability = {
  kind: 'add-path',
  families: families.map((family) => {
    const one = multiprotocol(family) as { afi: number; safi: number }
    return { afi: one.afi, safi: one.safi, send: true, receive: false }
  }),
}

describe('a session', () => {
  for (const [title, terms] of [
    ['of an external peer', {}],
    ['of an internal peer', { asn: ownAsn }],
    ['of a two-octet peer', { said: { capabilities: families.map(multiprotocol) } }],
    [
      'with path identifiers',
      { declared: { addPath: families }, said: { capabilities: [...families.map(multiprotocol), addPath] } },
    ],
  ] as const) {
    it(`C29 ${title} takes damaged UPDATEs or ends, and the one beside it goes on`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(update, damage), { minLength: 1, maxLength: 8 }), async (updates) => {
          const meeting = await meet({ ...terms, witness: 65003 })
          const { fabric, node, router, witness } = meeting
          for (const [fields, changes] of updates) {
            router.send(message(2, damaged(updateBody(fields), changes)))
            await fabric.pass(50)
          }
          expect(fabric.errors).to.deep.equal([])
          expect(node.peer('10.0.0.3')).to.include({ state: 'Established', flaps: 0 })
          expect(witness!.farewell).to.equal(undefined)
          // It ended with a reason, or is as it was.
          if (router.closed === undefined) expect(node.peer('10.0.0.1')).to.include({ state: 'Established', flaps: 0 })
          else expect(router.farewell).to.match(/^(1\/2|3\/)/)
          const held = [...witness!.routes.keys()].sort()
          const best = node.speaker.routes('best').filter(({ source }) => source === '10.0.0.1')
          expect(held).to.deep.equal(best.map(({ prefix }) => prefix).sort())
          await part(meeting)
        }),
        { numRuns: 300 },
      )
    }).timeout(60_000)
  }

  it('C29 opens or not, whatever the OPEN says, and the one beside it goes on', async () => {
    const terms = { at: '10.0.0.1', to: '10.0.0.2', asn: 65001, peerAsn: ownAsn }
    const open = encodeMessage(openOf(terms)).slice(19)
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const meeting = await meet({ witness: 65003 })
        const { fabric, node, router, witness } = meeting
        router.break()
        await fabric.pass(1000)
        const again = WirePeer.dial(fabric, terms)
        await fabric.pass(0)
        again.send(message(1, damaged(open, changes)))
        await fabric.pass(1000)
        expect(fabric.errors).to.deep.equal([])
        expect(node.peer('10.0.0.3')).to.include({ state: 'Established', flaps: 0 })
        expect(witness!.farewell).to.equal(undefined)
        if (again.closed === undefined) expect(node.peer('10.0.0.1').state).to.equal('OpenConfirm')
        else expect(again.farewell).to.match(/^(1\/2|2\/)/)
        await part(meeting)
      }),
      { numRuns: 300 },
    )
  }).timeout(60_000)
})
