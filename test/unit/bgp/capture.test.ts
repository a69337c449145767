/** BGP out of captures: file formats, link layers, both families, and TCP as badly as networks treat it. */

import {
  Address,
  type CapturedMessage,
  type CaptureOptions,
  encodeMessage,
  encodeUpdate,
  endOfRib,
  type FileFault,
  formatEndpoint,
  formatTimestamp,
  hex,
  Prefix,
  readCapture,
  readPackets,
} from 'bgp-ts'
import { expect } from 'chai'
import { octets } from '../../support/bytes.ts'
import { ipPacket, links, pcapFile, pcapngFile, tcpFlags, type WrittenPacket } from '../../support/capture-writer.ts'
import { all, inChunks, joined } from '../../support/mrt-writer.ts'

const ends = {
  IPv4: [
    { address: new Address(4, 0x0a000001), port: 40000 },
    { address: new Address(4, 0x0a000002), port: 179 },
  ],
  IPv6: [
    { address: new Address(6, 0xfd000000, 0, 0, 1), port: 40000 },
    { address: new Address(6, 0xfd000000, 0, 0, 2), port: 179 },
  ],
} as const
type Ends = readonly [(typeof ends)['IPv4'][0], (typeof ends)['IPv4'][1]] | (typeof ends)['IPv6']

const update = (third: number) =>
  encodeUpdate({
    attributes: { origin: 'igp', asPath: [{ type: 'sequence', asns: [65001] }], nextHop: ends.IPv4[0].address },
    nlri: [new Prefix('ipv4-unicast', 24, 0xc6330000 | (third << 8))],
  })
const keepalive = encodeMessage({ kind: 'keepalive' })
const said = [keepalive, update(1), update(2), endOfRib('ipv6-unicast'), update(3), keepalive]
const stream = joined(said)

/** The stream in segments of `size` octets, behind a SYN, from a sequence number that soon wraps. */
const initial = 0xffffffe0
function segments([from, to]: Ends, size: number, whole = stream): Uint8Array[] {
  const list = [ipPacket(from, to, initial, new Uint8Array(0), tcpFlags.syn)]
  for (let at = 0; at < whole.length; at += size) {
    list.push(ipPacket(from, to, (initial + 1 + at) >>> 0, whole.slice(at, at + size)))
  }
  return list
}

const ethernet = (packets: readonly Uint8Array[]): Uint8Array =>
  pcapFile(
    1,
    packets.map((ip) => ({ bytes: links.ethernet.wrap(ip) })),
  )

const read = (file: Uint8Array, options?: CaptureOptions) => all(readCapture([file], options))

async function messages(file: Uint8Array, options?: CaptureOptions): Promise<string[]> {
  const found = await read(file, options)
  return found.map((one) => (one.kind === 'fault' ? one.text : hex(one.message)))
}

const expected = said.map((message) => hex(message))

describe('captures, files', () => {
  const time = { seconds: 1_700_000_000, nanoseconds: 123_456_789 }
  const packet: WrittenPacket = { bytes: links.ethernet.wrap(ipPacket(...ends.IPv6, 1, keepalive)), ...time }
  for (const little of [true, false]) {
    const order = little ? 'little-endian' : 'big-endian'
    for (const [what, file, shown] of [
      ['pcap', pcapFile(1, [packet], { little }), '2023-11-14T22:13:20.123456Z'],
      ['pcap in nanoseconds', pcapFile(1, [packet], { little, nano: true }), '2023-11-14T22:13:20.123456789Z'],
      ['pcapng', pcapngFile(1, [packet], { little }), '2023-11-14T22:13:20.123456Z'],
      ['pcapng in nanoseconds', pcapngFile(1, [packet], { little, resolution: 9 }), '2023-11-14T22:13:20.123456789Z'],
      ['pcapng of the old kind', pcapngFile(1, [packet], { little, block: 'old' }), '2023-11-14T22:13:20.123456Z'],
      ['pcapng without times', pcapngFile(1, [packet], { little, block: 'simple' }), undefined],
    ] as const) {
      it(`reads ${what}, ${order}, in chunks of any size`, async () => {
        for (const size of [1, 5, 24, 65536]) {
          const found = (await all(readCapture(inChunks(file, size)))) as CapturedMessage[]
          expect(found.map(({ message }) => hex(message))).to.deep.equal([hex(keepalive)])
          expect(found[0]!.time && formatTimestamp(found[0]!.time)).to.equal(shown)
          expect(formatEndpoint(found[0]!.from)).to.equal('[fd00::1]:40000')
        }
      })

      it(`says where ${what}, ${order}, is cut short`, async () => {
        for (let length = 1; length < file.length; length++) {
          const found = await all(readPackets([file.slice(0, length)]))
          const faults = found.filter((one): one is FileFault => one.kind === 'fault')
          const { kind: _kind, offset } = faults[0] ?? { kind: 'none', offset: -1 }
          if (faults.length > 0) expect(offset).to.be.within(0, length)
          // The end of a block is an end of the file as well.
          else expect(await all(readPackets([file.slice(length)]))).to.not.deep.equal([])
        }
      })
    }
  }

  for (const [what, file, text, offset] of [
    ['neither', octets('01020304 05060708'), /0x01020304, which is no capture/, 0],
    [
      'a packet of four gigabytes',
      joined([pcapFile(1, []), octets('00000000 00000000 ffffffff ffffffff')]),
      /4294967295 octets, more/,
      24,
    ],
    ['a block that ends with another length', pcapngFile(1, []).with(28 + 31, 9), /ends with another length/, 28],
    [
      'a packet of an interface that is not described',
      joined([pcapngFile(1, []), octets('06000000 20000000 05000000 00000000 00000000 00000000 00000000 20000000')]),
      /interface 5 of 1/,
      92,
    ],
    [
      'a block whose length is no multiple of 4',
      joined([pcapngFile(1, []), octets('05000000 0e000000 0000 0e000000')]),
      /block of 14 octets, not a multiple of 4/,
      84,
    ],
    ['a section in no order', octets('0a0d0d0a 0000001c 12345678'), /order of octets 0x12345678/, 8],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const found = (await read(file)).at(-1) as FileFault
      expect(found).to.have.property('kind', 'fault')
      expect(found.text).to.match(text)
      expect(found.offset).to.equal(offset)
    })
  }

  it('names a link type that it does not read, once', async () => {
    const packets = [packet, packet]
    const found = await messages(pcapFile(105, packets))
    expect(found).to.deep.equal(['packets of link type 105 are not read'])
  })
})

describe('captures, link layers', () => {
  for (const [family, both] of Object.entries(ends)) {
    for (const [name, { type, wrap }] of Object.entries(links)) {
      it(`finds ${family} behind ${name}`, async () => {
        const packets = segments(both, 50).map((ip) => ({ bytes: wrap(ip) }))
        expect(await messages(pcapFile(type, packets))).to.deep.equal(expected)
      })
    }
  }

  it('leaves out what pads a short Ethernet frame', async () => {
    const packets = segments(ends.IPv4, 10).map((ip) => ({
      bytes: joined([links.ethernet.wrap(ip), new Uint8Array(9)]),
    }))
    expect(await messages(pcapFile(1, packets))).to.deep.equal(expected)
  })

  it('passes the extension headers of IPv6', async () => {
    const packets = segments(ends.IPv6, 50).map((ip) => {
      const headers = octets(
        '2b 00 0000 00000000   3c 00 0000 00000000   2c 00 0000 00000000   06 00 0000 00000000'.replaceAll('   ', ' '),
      )
      const length = ip.length - 40 + headers.length
      const head = ip
        .slice(0, 40)
        .with(4, length >>> 8)
        .with(5, length & 255)
        .with(6, 0)
      return { bytes: joined([head, headers, ip.slice(40)]) }
    })
    expect(await messages(pcapFile(101, packets))).to.deep.equal(expected)
  })

  it('takes a length of 0, which the network card was to fill in, as all that was captured', async () => {
    for (const [both, at] of [
      [ends.IPv4, 2],
      [ends.IPv6, 4],
    ] as const) {
      const packets = segments(both, 50).map((ip) => ({ bytes: ip.with(at, 0).with(at + 1, 0) }))
      expect(await messages(pcapFile(101, packets))).to.deep.equal(expected)
    }
  })
})

describe('captures, TCP', () => {
  const [syn, ...data] = segments(ends.IPv6, 31) as [Uint8Array, ...Uint8Array[]]

  it('puts segments in order that come in any', async () => {
    expect(await messages(ethernet([syn, ...data.toReversed()]))).to.deep.equal(expected)
  })

  it('takes no octet twice that is sent twice, whole or cut otherwise', async () => {
    const again = segments(ends.IPv6, 47)
    expect(await messages(ethernet([syn, ...data, ...again]))).to.deep.equal(expected)
    expect(await messages(ethernet([syn, syn, ...data.flatMap((one, at) => [one, again[at] ?? one])]))).to.deep.equal(
      expected,
    )
  })

  it('keeps the directions and the sessions apart', async () => {
    const both = [ends.IPv4, ends.IPv6, [ends.IPv4[1], ends.IPv4[0]], [ends.IPv6[1], ends.IPv6[0]]] as Ends[]
    const mixed = segments(ends.IPv4, 31).flatMap((_, at) => both.map((one) => segments(one, 31)[at]!))
    const found = (await read(ethernet(mixed))) as CapturedMessage[]
    for (const [from] of both) {
      const mine = found.filter((one) => formatEndpoint(one.from) === formatEndpoint(from))
      expect(mine.map(({ message }) => hex(message))).to.deep.equal(expected)
    }
  })

  it('finds the next message where the beginning was not captured', async () => {
    expect(await messages(ethernet(data.slice(1)))).to.deep.equal(expected.slice(2))
  })

  it('says what a lost segment cost, and finds the next message behind it', async () => {
    const lossy = [syn, ...data.filter((_, at) => at !== 3)]
    const found = await messages(ethernet(lossy))
    expect(found[0]).to.equal(expected[0])
    expect(found.filter((text) => text.includes('only'))).to.have.length(1)
    expect(found.slice(-2)).to.deep.equal(expected.slice(-2))
  })

  it('holds early segments up to a limit, for all sessions together', async () => {
    const far = Array.from({ length: 300 }, (_, at) =>
      ipPacket(...ends.IPv6, (initial + 100_000 + at * 1000) >>> 0, new Uint8Array(1000)),
    )
    const roomy = { maximumHeld: 1_000_000 }
    const [missing, ...held] = (await messages(ethernet([syn, ...far, ...data]), roomy)).toReversed()
    expect(held.toReversed()).to.deep.equal(expected)
    expect(missing).to.match(/\d+ octets are not in the capture$/)
    const given = await messages(ethernet([syn, ...far, ...data]), { maximumHeld: 100_000 })
    expect(given).to.deep.equal(['[fd00::1]:40000 to [fd00::2]:179: 99999 octets are not in the capture'])
  })

  it('counts what it holds no longer than it holds it', async () => {
    const pairs = Array.from({ length: data.length >> 1 }, (_, at) => [data[2 * at + 1]!, data[2 * at]!]).flat()
    const rest = data.slice(pairs.length)
    expect(await messages(ethernet([syn, ...pairs, ...rest]), { maximumHeld: 40 })).to.deep.equal(expected)
  })

  it('lets the session go that was silent for longest, and tells what it left unfinished', async () => {
    const cut = [syn, data[0]!]
    const found = await messages(ethernet([...cut, ...segments(ends.IPv4, 50)]), { maximumConnections: 1 })
    expect(found[0]).to.equal(expected[0])
    expect(found[1]).to.match(/^\[fd00::1\]:40000 to \[fd00::2\]:179: a message of which only 12 octets are there/)
    expect(found.slice(2)).to.deep.equal(expected)
  })

  it('begins anew at a second connection between the same ports', async () => {
    const second = [ipPacket(...ends.IPv6, 5, new Uint8Array(0), tcpFlags.syn), ipPacket(...ends.IPv6, 6, stream)]
    expect(await messages(ethernet([syn, ...data, ...second]))).to.deep.equal([...expected, ...expected])
  })

  it('knows BGP on other ports by its messages, and is silent about what is none', async () => {
    const [from, to] = ends.IPv6
    const other = [from, { ...to, port: 8080 }] as unknown as Ends
    const text = new TextEncoder().encode('GET /index.html HTTP/1.1\r\n\r\n')
    expect(await messages(ethernet(segments(other, 40)))).to.deep.equal(expected)
    expect(await messages(ethernet(segments(other, 40)), { ports: [179] })).to.deep.equal([])
    expect(await messages(ethernet(segments(other, 40, text)))).to.deep.equal([])
    expect((await messages(ethernet(segments(ends.IPv6, 40, text))))[0]).to.match(/connection not synchronized/)
  })

  it('reads UPDATEs as the OPENs of both ends have settled it', async () => {
    const open = (fourOctet: boolean, send: boolean) =>
      encodeMessage({
        kind: 'open',
        asn: 65001,
        holdTime: 90,
        routerId: 1,
        capabilities: [
          ...(fourOctet ? [{ kind: 'four-octet-asn', asn: 65001 } as const] : []),
          { kind: 'add-path', families: [{ afi: 2, safi: 1, send, receive: !send }] },
        ],
      })
    const [from, to] = ends.IPv6
    for (const narrow of [true, false]) {
      const file = ethernet([
        ipPacket(from, to, 1, open(true, true)),
        ipPacket(to, from, 1, open(!narrow, false)),
        ipPacket(from, to, 1 + open(true, true).length, update(1)),
        ipPacket(to, from, 1 + open(!narrow, false).length, update(2)),
      ])
      const found = (await read(file)) as CapturedMessage[]
      expect(found.map(({ fourOctetAsn }) => fourOctetAsn).slice(2)).to.deep.equal([!narrow, !narrow])
      expect(found.map(({ addPath }) => addPath).slice(2)).to.deep.equal([['ipv6-unicast'], []])
    }
  })
})
