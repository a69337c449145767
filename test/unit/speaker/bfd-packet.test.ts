import { expect } from 'chai'
import {
  type ControlPacket,
  describeDiagnostic,
  emptyPacket,
  readPacket,
  sessionStates,
  writePacket,
} from '../../../speaker/bfd/packet.ts'
import { octets } from '../../support/bytes.ts'

/** A valid packet: Up, answering a Poll. */
const valid = `
  23          version 1, diagnostic 3: neighbour signalled session down
  d0          state Up, final
  05          multiplier
  18          length
  0000002a    my discriminator
  80000001    your discriminator
  000186a0    desired min TX: 100 ms
  000493e0    required min RX: 300 ms
  00000000    required min echo RX`

/** The valid packet with some of its octets replaced. */
function changed(changes: Readonly<Record<number, number>>): Uint8Array {
  const bytes = octets(valid)
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value
  return bytes
}

describe('BFD control packets', () => {
  it('are read field by field', () => {
    const packet = emptyPacket()
    expect(readPacket(octets(valid), 24, packet)).to.equal(undefined)
    expect(packet).to.deep.equal({
      diagnostic: 3,
      state: 'Up',
      poll: false,
      final: true,
      demand: false,
      multiplier: 5,
      myDiscriminator: 42,
      yourDiscriminator: 0x80000001,
      desiredMinTx: 100_000,
      requiredMinRx: 300_000,
    } satisfies ControlPacket)
  })

  it('are written as they are read, in every state and with every flag', () => {
    const bytes = new Uint8Array(24)
    const [packet, back] = [emptyPacket(), emptyPacket()]
    readPacket(octets(valid), 24, packet)
    writePacket(packet, bytes)
    expect(bytes).to.deep.equal(octets(valid))
    for (const state of sessionStates) {
      for (const flag of ['poll', 'final', 'demand'] as const) {
        Object.assign(packet, {
          state,
          poll: false,
          final: false,
          demand: false,
          desiredMinTx: 0xfffffff0,
          [flag]: true,
        })
        writePacket(packet, bytes)
        expect(readPacket(bytes, 24, back), `${state} ${flag}`).to.equal(undefined)
        expect(back).to.deep.equal(packet)
      }
    }
  })

  const rows: [why: string, bytes: Uint8Array, length?: number][] = [
    ['short packet', changed({}), 23],
    ['short packet', changed({}), 0],
    ['version is not 1', changed({ 0: 0x03 })],
    ['version is not 1', changed({ 0: 0x43 })],
    ['bad length field', changed({ 3: 23 })],
    ['bad length field', changed({ 3: 25 })],
    ['bad length field', changed({ 1: 0xc4, 3: 25 })],
    ['multiplier is 0', changed({ 2: 0 })],
    ['multipoint bit is set', changed({ 1: 0xc1 })],
    ['discriminator is 0', changed({ 7: 0 })],
    ['no session discriminator in state Init or Up', changed({ 8: 0, 11: 0 })],
    ['no session discriminator in state Init or Up', changed({ 1: 0x80, 8: 0, 11: 0 })],
    ['authentication is not used here', Uint8Array.of(...changed({ 1: 0xc4, 3: 28 }), 1, 4, 1, 0x61)],
  ]
  for (const [why, bytes, length = bytes.length] of rows) {
    it(`I1 are discarded: ${why} (${Buffer.from(bytes.subarray(0, 12)).toString('hex')}, ${length} octets)`, () => {
      expect(readPacket(bytes, length, emptyPacket())).to.equal(why)
    })
  }

  it('I1 without a session discriminator are taken in the states Down and AdminDown', () => {
    for (const flags of [0x00, 0x40]) {
      expect(readPacket(changed({ 1: flags, 8: 0, 11: 0 }), 24, emptyPacket())).to.equal(undefined)
    }
  })

  it('may be longer than they say: what follows is nothing of ours', () => {
    expect(readPacket(Uint8Array.of(...octets(valid), 1, 2, 3), 27, emptyPacket())).to.equal(undefined)
  })

  it('have diagnostics in words', () => {
    expect([1, 7, 31].map(describeDiagnostic)).to.deep.equal([
      'control detection time expired (1)',
      'administratively down (7)',
      'unknown diagnostic (31)',
    ])
  })
})
