/** BMP: whatever is encoded is read back the same, and no octets make an exception. */

import { Address, type BmpMessage, type BmpPeer, BmpStream, decodeBmp, encodeBmp, families, hex } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { message } from '../support/bytes.ts'

const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const octets = (maxLength: number) => fc.uint8Array({ maxLength })
const address4 = u32.map((word) => new Address(4, word))
const address6 = fc.tuple(u32, u32, u32, u32).map(([a, b, c, d]) => new Address(6, a, b, c, d))

const peerOf = (address: fc.Arbitrary<Address>): fc.Arbitrary<BmpPeer> =>
  fc.record({
    type: fc.integer({ min: 0, max: 2 }),
    distinguisher: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    address,
    asn: u32,
    routerId: u32,
    postPolicy: fc.boolean(),
    adjRibOut: fc.boolean(),
    twoOctetAsn: fc.boolean(),
    seconds: u32,
    microseconds: fc.integer({ min: 0, max: 999_999 }),
  })
const peer = fc.oneof(peerOf(address4), peerOf(address6))

const information = fc.array(fc.record({ type: u16, value: octets(40) }), { maxLength: 4 })
const bgp = (type: number) => octets(200).map((body) => message(type, body))
const gauge = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const statistic = fc.oneof(
  fc.record({ type: fc.constantFrom(0, 1, 6, 11, 13), value: u32 }),
  fc.record({ type: fc.constantFrom(7, 8, 14, 15), value: gauge }),
  fc.record({ type: fc.constantFrom(9, 10, 16, 17), value: gauge, family: fc.constantFrom(...families) }),
  fc.record({ type: fc.integer({ min: 18, max: 0xffff }), octets: octets(20) }),
)
const kind = <Kind extends string>(name: Kind) => fc.constant(name)

const peerUp = (address: fc.Arbitrary<Address>) =>
  fc.record({
    kind: kind('peer-up'),
    peer: peerOf(address),
    localAddress: address,
    localPort: u16,
    remotePort: u16,
    sentOpen: bgp(1),
    receivedOpen: bgp(1),
    information,
  })

const anyMessage: fc.Arbitrary<BmpMessage> = fc.oneof(
  fc.record({ kind: kind('initiation'), information }),
  fc.record({ kind: kind('termination'), information }),
  peerUp(address4),
  peerUp(address6),
  fc.record({ kind: kind('peer-down'), peer, reason: fc.integer({ min: 1, max: 255 }), data: octets(60) }),
  fc.record({ kind: kind('route-monitoring'), peer, update: bgp(2) }),
  fc.record({ kind: kind('statistics'), peer, statistics: fc.array(statistic, { maxLength: 5 }) }),
  fc.record({ kind: kind('other'), type: fc.integer({ min: 6, max: 255 }), body: octets(60) }),
)

describe('BMP that is written and read', () => {
  it('is the same, in whatever chunks it comes', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 8 }), fc.integer({ min: 1, max: 200 }), (messages, size) => {
        const bytes = Uint8Array.from(messages.flatMap((one) => [...encodeBmp(one)]))
        const stream = new BmpStream()
        const found: BmpMessage[] = []
        for (let at = 0; at < bytes.length; at += size) {
          expect(stream.push(bytes.subarray(at, at + size), (one) => found.push(one))).to.equal(undefined)
        }
        expect(found).to.deep.equal(messages)
      }),
    )
  })

  it('is a message or a fault, whatever the octets; and a message is written as it was read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), octets(300), (type, body) => {
        const found = decodeBmp(type, body, 0, body.length)
        if (found.kind === 'bmp-fault') return
        const again = encodeBmp(found)
        const reread = decodeBmp(type, again, 6, again.length)
        if (reread.kind === 'bmp-fault') throw new Error(`${reread.text}: ${hex(again)}`)
        expect(reread).to.deep.equal(found)
      }),
    )
  })
})
