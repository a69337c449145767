import {
  decodeMessage,
  describeNotification,
  encodeMessage,
  fault,
  hex,
  notification,
  printable,
  type Reason,
  shutdownCommunication,
} from 'bgp-ts'
import { expect } from 'chai'

describe('NOTIFICATION', () => {
  const ceases: [reason: Reason, subcode: number][] = [
    ['cease', 0],
    ['maximum number of prefixes reached', 1],
    ['administrative shutdown', 2],
    ['peer de-configured', 3],
    ['administrative reset', 4],
    ['connection rejected', 5],
    ['other configuration change', 6],
    ['connection collision resolution', 7],
    ['out of resources', 8],
    ['hard reset', 9],
    ['BFD down', 10],
  ]
  for (const [reason, subcode] of ceases) {
    it(`D10 says ${reason} with 6/${subcode}, and reads it back`, () => {
      const bytes = encodeMessage(notification(reason, Uint8Array.of(7)))
      expect(hex(bytes, 16)).to.equal(`001603060${subcode.toString(16)}07`)
      expect(decodeMessage(3, bytes, 19, bytes.length)).to.deep.equal(notification(reason, Uint8Array.of(7)))
      expect(describeNotification(6, subcode)).to.equal(`${reason} (6/${subcode})`)
    })
  }

  it('C28 carries the data of a fault', () => {
    const { data } = fault('attribute flags error', 'text for the log alone', Uint8Array.of(0xc0, 1, 1, 0))
    expect(hex(encodeMessage(notification('attribute flags error', data)), 16)).to.equal('0019030304c0010100')
  })

  for (const subcode of [2, 4]) {
    it(`D11 has words in 6/${subcode}, up to 255 octets of them, and nowhere else`, () => {
      const said = (data: readonly number[], of = subcode) =>
        shutdownCommunication({ kind: 'notification', code: 6, subcode: of, data: Uint8Array.from(data) })
      expect(said([2, 0x6f, 0x6b])).to.equal('ok')
      expect(said([255, ...Array<number>(255).fill(0x78)])).to.equal('x'.repeat(255))
      for (const data of [[], [0], [3, 0x6f, 0x6b], [255]])
        expect(said(data), hex(Uint8Array.from(data))).to.equal(undefined)
      expect(said([2, 0x6f, 0x6b], 3)).to.equal(undefined)
    })
  }

  it('J10 B15 shows text of a peer without control characters, line ends of any kind included, cut at 255', () => {
    expect(printable('a\u0000\u001b[2J\u007f\u0085\u2028\u2029b')).to.equal(
      'a\\u0000\\u001b[2J\\u007f\\u0085\\u2028\\u2029b',
    )
    expect(printable('x'.repeat(300))).to.have.lengthOf(255)
    expect(printable('router-1.fabric äö')).to.equal('router-1.fabric äö')
  })
})
