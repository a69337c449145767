/** Each file of annotated octets in `test/golden` is five tests: in words, round trip, every truncation, every octet flipped, any judgement. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeMessage, describeMessage, encodeMessage, Framer, hex, isFault, type Message } from 'bgp-ts'
import { expect } from 'chai'
import { octets } from '../../support/bytes.ts'

const folder = join(import.meta.dirname, '../../golden')
const files = readdirSync(folder).filter((name) => name.endsWith('.hex'))

function load(name: string): { bytes: Uint8Array; words: string } {
  const lines = readFileSync(join(folder, name), 'utf8').split('\n')
  return {
    bytes: octets(lines.filter((line) => !line.startsWith('>')).join('\n')),
    words: lines
      .filter((line) => line.startsWith('> '))
      .map((line) => line.slice(2))
      .join('\n'),
  }
}

/** What the stream gives: messages, and whether it ended in a fault. */
function read(bytes: Uint8Array): { messages: Message[]; faulty: boolean } {
  const messages: Message[] = []
  let faulty = false
  const fault = new Framer().push(bytes, (type, chunk, at, end) => {
    const message = decodeMessage(type, chunk, at, end)
    if (isFault(message)) faulty = true
    else messages.push(message)
    return true
  })
  return { messages, faulty: faulty || fault !== undefined }
}

describe('golden messages', () => {
  it('are there', () => expect(files).to.have.length.greaterThan(5))

  for (const file of files) {
    const { bytes, words } = load(file)

    it(`${file} in words`, () => {
      expect(read(bytes).messages.map((message) => describeMessage(message))).to.deep.equal([words])
    })

    it(`${file} is encoded to the same octets`, () => {
      expect(read(bytes).messages.map((message) => hex(encodeMessage(message)))).to.deep.equal([hex(bytes)])
    })

    it(`${file} cut anywhere gives no message`, () => {
      for (let length = 0; length < bytes.length; length++) {
        expect(read(bytes.slice(0, length)).messages, `${length} octets`).to.deep.equal([])
      }
    })

    it(`${file} with any octet flipped gives a message or a fault`, () => {
      for (let at = 0; at < bytes.length; at++) {
        for (const bits of [0xff, 0x01, 0x80]) {
          const flipped = bytes.slice()
          flipped[at]! ^= bits
          const { messages, faulty } = read(flipped)
          for (const message of messages) describeMessage(message)
          // A flipped length may leave the message waiting for octets that do not come: neither message nor fault.
          const waiting = at === 16 || at === 17
          if (!waiting) expect(messages.length === 1 || faulty, `octet ${at}`).to.equal(true)
        }
      }
    })
  }
})
