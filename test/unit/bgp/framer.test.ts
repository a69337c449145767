import { type Fault, Framer, hex } from 'bgp-ts'
import { expect } from 'chai'
import { message, octets } from '../../support/bytes.ts'

interface Seen {
  readonly messages: { type: number; body: string }[]
  readonly fault: Fault | undefined
}

/** Pushes chunks through one framer; stops at the first fault. */
function frame(chunks: readonly Uint8Array[], maximumLength = 4096): Seen {
  const framer = new Framer()
  framer.maximumLength = maximumLength
  const messages: Seen['messages'] = []
  for (const chunk of chunks) {
    const fault = framer.push(chunk, (type, bytes, at, end) => {
      messages.push({ type, body: hex(bytes, at, end) })
      return true
    })
    if (fault) return { messages, fault }
  }
  return { messages, fault: undefined }
}

const keepalive = message(4, new Uint8Array(0))
const update = message(2, octets('0000 0000 080a 18c63364'))
const header = (length: string, type: string) => octets(`${'ff'.repeat(16)} ${length} ${type}`)

describe('framer', () => {
  it('A5 finds messages in any segmentation', () => {
    const stream = Uint8Array.of(...keepalive, ...update, ...keepalive)
    const whole = frame([stream])
    expect(whole.messages.map(({ type }) => type)).to.deep.equal([4, 2, 4])
    for (let size = 1; size < stream.length; size++) {
      const chunks: Uint8Array[] = []
      for (let at = 0; at < stream.length; at += size) chunks.push(stream.slice(at, at + size))
      expect(frame(chunks), `chunks of ${size}`).to.deep.equal(whole)
    }
  })

  it('A5 finds forty messages in one chunk', () => {
    const stream = Uint8Array.from(Array.from({ length: 40 }, () => [...update]).flat())
    expect(frame([stream]).messages).to.have.lengthOf(40)
  })

  it('stops when the visitor says that the session is gone', () => {
    let visits = 0
    const fault = new Framer().push(Uint8Array.of(...keepalive, ...keepalive), () => {
      visits++
      return false
    })
    expect([visits, fault]).to.deep.equal([1, undefined])
  })

  const faults: [title: string, octets: Uint8Array, code: string, data: string, maximumLength?: number][] = [
    ['A1 a marker that is not all ones with 1/1', octets(`fe${'ff'.repeat(15)} 0013 04`), '1/1', ''],
    ['A2 a length below 19 with 1/2', header('0012', '04'), '1/2', '0012'],
    ['A2 a length above 4096 with 1/2, before the body', header('1001', '02'), '1/2', '1001'],
    ['A3 an OPEN below 29 with 1/2', header('001c', '01'), '1/2', '001c'],
    ['A3 an UPDATE below 23 with 1/2', header('0016', '02'), '1/2', '0016'],
    ['A3 a NOTIFICATION below 21 with 1/2', header('0014', '03'), '1/2', '0014'],
    ['A3 a KEEPALIVE with a body with 1/2', header('0014', '04'), '1/2', '0014'],
    ['A4 an unknown type with 1/3', header('0013', '09'), '1/3', '09'],
    ['A4 type 0 with 1/3', header('0013', '00'), '1/3', '00'],
    ['A6 an OPEN above 4096 even with extended messages', header('1001', '01'), '1/2', '1001', 65535],
  ]
  for (const [title, bytes, code, data, maximumLength] of faults) {
    it(`${title}, whole and octet by octet`, () => {
      for (const chunks of [[bytes], [...bytes].map((octet) => Uint8Array.of(octet))]) {
        const { fault } = frame(chunks, maximumLength)
        expect(`${fault?.code}/${fault?.subcode}`).to.equal(code)
        expect(hex(fault?.data ?? octets('00'))).to.equal(data)
      }
    })
  }

  it('A6 takes 65535 octets once extended messages are negotiated, in pieces too', () => {
    const long = message(2, new Uint8Array(65535 - 19))
    expect(frame([long], 65535).messages).to.have.lengthOf(1)
    expect(frame([long.slice(0, 5000), long.slice(5000)], 65535).messages).to.have.lengthOf(1)
  })
})
