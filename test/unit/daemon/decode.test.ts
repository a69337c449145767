/** `tandem decode` as a process: every kind of file by its content, people's text and programs' JSON, and what is no such file. */

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Address, encodeAttributes, encodeMessage, encodeUpdate, hex, Prefix } from 'bgp-ts'
import { expect } from 'chai'
import { octets } from '../../support/bytes.ts'
import { ipPacket, links, pcapFile, pcapngFile } from '../../support/capture-writer.ts'
import { joined, peerTable, ribRecord, sessionRecord } from '../../support/mrt-writer.ts'

const main = join(import.meta.dirname, '../../../daemon/main.ts')

interface Result {
  readonly status: number
  readonly out: string
  readonly err: string
}

function tandem(words: readonly string[], input: Uint8Array | string = ''): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, 'decode', ...words], (error, out, err) => {
      resolve({ status: typeof error?.code === 'number' ? error.code : 0, out, err })
    })
    child.stdin!.end(input)
  })
}

const hop = new Address(6, 0xfd000000, 0, 0, 1)
const prefixes = { ipv4: new Prefix('ipv4-unicast', 24, 0xcb007100), ipv6: new Prefix('ipv6-unicast', 48, 0x20010db8) }
const attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns: [65001] }] } as const
const update = encodeUpdate({ attributes, reach: { family: 'ipv6-unicast', nextHop: hop, prefixes: [prefixes.ipv6] } })
const keepalive = encodeMessage({ kind: 'keepalive' })
const words = `UPDATE
  next hop fd00::1
  reachable ipv6-unicast: 2001:db8::/48
  ORIGIN igp, AS_PATH 65001`

const from = { address: new Address(6, 0xfd000000, 0, 0, 1), port: 40000 }
const to = { address: new Address(6, 0xfd000000, 0, 0, 2), port: 179 }
const packets = [{ bytes: links.ethernet.wrap(ipPacket(from, to, 7, joined([update, keepalive]))) }]
const heard = '2023-11-14T22:13:20Z [fd00::1]:40000 to [fd00::2]:179: '

const peer = { address: new Address(4, 0x0a000001), asn: 65001, routerId: 0x0a000001 }
const session = { peerAsn: 65001, localAsn: 64512, peer: from.address, local: to.address }
const list = encodeAttributes({ ...attributes, nextHop: peer.address }, { fourOctetAsn: true })
const route = { peerIndex: 0, originatedSeconds: 1_600_000_000, attributes: list }
const archive = joined([
  peerTable(0xc0000201, 'main', [peer]),
  ribRecord(1, prefixes.ipv4, [route]),
  ribRecord(2, prefixes.ipv6, [{ ...route, pathId: 7 }], { addPath: true }),
  sessionRecord(5, session, octets('0005 0006'), { microseconds: 500_000 }),
  sessionRecord(4, session, update),
])
const archived = `2023-11-14T22:13:20Z 1 peers of collector 192.0.2.1, view "main"
  AS65001 10.0.0.1, identifier 10.0.0.1
2023-11-14T22:13:20Z 203.0.113.0/24
  from AS65001 10.0.0.1 since 2020-09-13T12:26:40Z: ORIGIN igp, AS_PATH 65001, NEXT_HOP 10.0.0.1
2023-11-14T22:13:20Z 2001:db8::/48
  from AS65001 10.0.0.1 (path 7) since 2020-09-13T12:26:40Z: ORIGIN igp, AS_PATH 65001, NEXT_HOP 10.0.0.1
2023-11-14T22:13:20.500Z AS65001 fd00::1 at AS64512 fd00::2: OpenConfirm to Established
2023-11-14T22:13:20Z AS65001 fd00::1 to AS64512 fd00::2: ${words}
`

describe('tandem decode', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tandem-decode-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const file = (content: Uint8Array | string): string => {
    const path = join(folder, 'given')
    writeFileSync(path, content)
    return path
  }

  it('takes digits, in one word or several', async () => {
    const text = hex(update)
    expect(await tandem([text])).to.deep.equal({ status: 0, out: `${words}\n`, err: '' })
    expect((await tandem([`${text.slice(0, 30)}:`, text.slice(30)])).out).to.equal(`${words}\n`)
  })

  const plain = `${words}\nKEEPALIVE\n`
  for (const [what, content, out] of [
    ['messages', joined([update, keepalive]), plain],
    ['hexadecimal text', `# what was sent\n${hex(update)}\n\nFF:FF ${hex(keepalive).slice(4)} # and then\n`, plain],
    ['pcap', pcapFile(1, packets), `${heard}${words}\n${heard}KEEPALIVE\n`],
    ['pcapng', pcapngFile(1, packets), `${heard}${words}\n${heard}KEEPALIVE\n`],
    ['MRT', archive, archived],
  ] as const) {
    it(`knows ${what} by its content, compressed as well, in a file and on the standard input`, async () => {
      expect(await tandem([file(content)])).to.deep.equal({ status: 0, out, err: '' })
      expect((await tandem(['-'], gzipSync(content))).out).to.equal(out)
    })
  }

  it('prints a line of JSON for each thing, with addresses and prefixes as text', async () => {
    const { out } = await tandem([file(archive), '-o', 'json'])
    const values = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(values.map(({ kind }) => kind)).to.deep.equal(['peer-table', 'rib', 'rib', 'state-change', 'message'])
    expect(values[2]).to.deep.include({ prefix: '2001:db8::/48', sequence: 2, time: '2023-11-14T22:13:20Z' })
    expect(values[4]).to.deep.include({
      peer: { address: 'fd00::1', asn: 65001 },
      message: {
        kind: 'update',
        withdrawn: [],
        reachable: [{ prefix: '2001:db8::/48', pathId: 0 }],
        nextHop: 'fd00::1',
        attributes,
        findings: [],
      },
    })
  })

  it('prints what comes before a fault, the fault with its place, and ends with status 1', async () => {
    const { status, out } = await tandem([file(joined([keepalive, octets('00')]))])
    expect(out).to.equal('KEEPALIVE\nmalformed at octet 19: ends inside a message, of which 1 octets are there\n')
    expect(status).to.equal(1)
    const wrongDigit = await tandem([file(`${hex(keepalive)}\nzz`)])
    expect(wrongDigit.out).to.equal('KEEPALIVE\nmalformed at octet 39: "z" is no hexadecimal digit\n')
  })

  for (const [what, given, expected, input] of [
    ['neither a file nor digits', ['there-is-none.mrt'], /HEX or FILE: "there-is-none.mrt" is neither a file nor/, ''],
    ['half an octet', ['fff'], /HEX or FILE: "fff" is neither/, ''],
    ['another kind of file', ['-'], /FILE: "-" is none of: BGP messages, .*pcapng/, 'PK\u0003\u0004 and so on'],
    ['an empty file', ['-'], /FILE: "-" is none of/, ''],
    ['what is compressed twice', ['-'], /FILE: "-" is compressed twice/, gzipSync(gzipSync(archive))],
  ] as const) {
    it(`refuses ${what} with status 2`, async () => {
      const { status, out, err } = await tandem(given, input)
      expect(err).to.match(expected)
      expect([status, out]).to.deep.equal([2, ''])
    })
  }

  it('names the file that it cannot read, and the one whose compression is broken', async () => {
    expect((await tandem([folder])).err).to.match(new RegExp(`^tandem: ${folder}: EISDIR`))
    const { status, err } = await tandem(['-'], gzipSync(archive).subarray(0, 60))
    expect(err).to.match(/^tandem: -: unexpected end of file/)
    expect(status).to.equal(1)
  })
}).timeout(30_000)
