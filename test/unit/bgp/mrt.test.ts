/** MRT files by subtype, in both families; what is wrong with one, and where. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  Address,
  type Attributes,
  decodeMessage,
  encodeAttributes,
  encodeMessage,
  encodeUpdate,
  type FileFault,
  formatAsPath,
  formatTimestamp,
  hex,
  isFault,
  type MrtRecord,
  Prefix,
  readMrt,
  readRibAttributes,
  readUpdate,
} from 'bgp-ts'
import { expect } from 'chai'
import { octets } from '../../support/bytes.ts'
import {
  all,
  inChunks,
  joined,
  mrtRecord,
  peerTable,
  ribRecord,
  sessionRecord,
  tableDump,
} from '../../support/mrt-writer.ts'

const ipv4Peer = { address: new Address(4, 0x0a000001), asn: 65001, routerId: 0x0a000001 }
const ipv6Peer = { address: new Address(6, 0xfd000000, 0, 0, 1), asn: 4200000001, routerId: 0x0a000002 }
const peers = [ipv4Peer, ipv6Peer]
const prefixes = {
  ipv4: new Prefix('ipv4-unicast', 24, 0xcb007100),
  ipv6: new Prefix('ipv6-unicast', 48, 0x20010db8, 0x00010000),
}
const attributes: Attributes = {
  origin: 'igp',
  asPath: [{ type: 'sequence', asns: [65001, 4200000001] }],
  nextHop: ipv4Peer.address,
}
const list = encodeAttributes(attributes, { fourOctetAsn: true })
const route = { peerIndex: 0, originatedSeconds: 1_600_000_000, attributes: list }

const read = (...records: Uint8Array[]) => all(readMrt([joined(records)]))

async function one<Kind extends MrtRecord['kind']>(kind: Kind, ...records: Uint8Array[]) {
  const found = (await read(...records)).at(-1)
  expect(found).to.have.property('kind', kind)
  return found as Extract<MrtRecord, { kind: Kind }>
}

async function wrong(...records: Uint8Array[]): Promise<FileFault> {
  const found = (await read(...records)).at(-1)!
  expect(isFault(found), JSON.stringify(found)).to.equal(true)
  return found as FileFault
}

describe('MRT, tables', () => {
  it('reads PEER_INDEX_TABLE with peers of both families and both widths of ASNs', async () => {
    const table = await one('peer-table', peerTable(0xc0000201, 'view\n1', peers))
    expect(table.routerId).to.equal(0xc0000201)
    expect(table.viewName).to.equal('view\\u000a1')
    expect(table.peers).to.deep.equal(peers)
  })

  for (const [name, prefix] of Object.entries(prefixes)) {
    for (const generic of [false, true]) {
      for (const addPath of [false, true]) {
        it(`reads RIB_${generic ? 'GENERIC' : name.toUpperCase()} ${addPath ? 'with' : 'without'} path identifiers: ${prefix}`, async () => {
          const routes = [route, { ...route, peerIndex: 1, pathId: 7 }]
          const rib = await one('rib', peerTable(1, '', peers), ribRecord(9, prefix, routes, { generic, addPath }))
          expect(rib.sequence).to.equal(9)
          expect(String(rib.prefix)).to.equal(String(prefix))
          expect(rib.routes.map((found) => found.peer)).to.deep.equal(peers)
          expect(rib.routes.map((found) => found.pathId)).to.deep.equal(addPath ? [0, 7] : [0, 0])
          expect(rib.routes[0]!.originatedSeconds).to.equal(1_600_000_000)
          expect(readRibAttributes(rib.routes[0]!).attributes).to.deep.equal(attributes)
        })
      }
    }

    it(`reads TABLE_DUMP, whose ASNs have two octets: ${prefix}`, async () => {
      const narrow = { ...route, attributes: encodeAttributes(attributes, { fourOctetAsn: false }) }
      const peer = { address: name === 'ipv4' ? ipv4Peer.address : ipv6Peer.address, asn: 65001, routerId: 0 }
      const rib = await one('rib', tableDump(3, prefix, peer, narrow))
      expect(String(rib.prefix)).to.equal(String(prefix))
      expect(rib.routes).to.have.length(1)
      expect(rib.routes[0]!.peer).to.deep.equal(peer)
      expect(readRibAttributes(rib.routes[0]!).attributes.asPath).to.deep.equal(attributes.asPath)
    })
  }

  const hop = 'fd000000000000000000000000000001'
  const local = 'fe800000000000000000000000000001'
  for (const [what, value, linkLocal] of [
    ['only its next hop', `10${hop}`, undefined],
    ['a global and a link-local next hop', `20${hop}${local}`, 'fe80::1'],
    ['all of it, as older writers do', `00020110${hop}00`, undefined],
  ] as const) {
    it(`finds the next hop where MP_REACH_NLRI has ${what}`, async () => {
      const reach = octets(value)
      const given = joined([list, Uint8Array.of(0x80, 14, reach.length), reach])
      const records = [peerTable(1, '', peers), ribRecord(0, prefixes.ipv6, [{ ...route, attributes: given }])]
      const found = readRibAttributes((await one('rib', ...records)).routes[0]!)
      expect(String(found.nextHop)).to.equal('fd00::1')
      expect(found.linkLocal?.toString()).to.equal(linkLocal)
    })
  }

  const ribOf = async (attributes: Uint8Array) => {
    const records = [peerTable(1, '', peers), ribRecord(0, prefixes.ipv4, [{ ...route, attributes }])]
    return readRibAttributes((await one('rib', ...records)).routes[0]!)
  }

  it('leaves out an attribute that cannot be read, says so, and reads the others', async () => {
    const { attributes: read, findings } = await ribOf(octets('400101 05 800404 00000007 4003'))
    expect(read).to.deep.equal({ med: 7 })
    const said = findings.map(({ attribute, offset, text }) => [attribute, offset, text])
    expect(said).to.deep.equal([
      ['ORIGIN', 3, 'value 5'],
      ['attribute list', 13, 'ends inside an attribute'],
    ])
  })

  it('reads what daemons write of routes that no peer sent: neither AS_PATH nor flags', async () => {
    const { attributes: read, findings, nextHop } = await ribOf(octets('000304 0a000001 000504 00000064'))
    expect(read).to.deep.equal({ nextHop: ipv4Peer.address, localPref: 100 })
    expect(String(nextHop)).to.equal('10.0.0.1')
    expect(findings).to.deep.equal([])
  })

  it('takes a route of a peer that is not in the table: daemons number their own routes so', async () => {
    const rib = await one('rib', peerTable(1, '', peers), ribRecord(0, prefixes.ipv4, [{ ...route, peerIndex: 2 }]))
    expect(rib.routes[0]).to.deep.include({ peerIndex: 2, peer: undefined })
  })
})

describe('MRT, sessions', () => {
  const update = encodeUpdate({ attributes, nlri: [prefixes.ipv4] })
  const ends = { peerAsn: 65001, localAsn: 64512, interfaceIndex: 3 }
  const sessions = {
    IPv4: { ...ends, peer: ipv4Peer.address, local: new Address(4, 0x0a000002) },
    IPv6: { ...ends, peer: ipv6Peer.address, local: new Address(6, 0xfd000000, 0, 0, 2) },
  }
  for (const [name, session] of Object.entries(sessions)) {
    for (const [subtype, fourOctetAsn, addPath, sentByLocal] of [
      [1, false, false, false],
      [4, true, false, false],
      [6, false, false, true],
      [7, true, false, true],
      [8, false, true, false],
      [9, true, true, false],
      [10, false, true, true],
      [11, true, true, true],
    ] as const) {
      it(`reads a message over ${name}, subtype ${subtype}`, async () => {
        const { time, offset, ...found } = await one('message', sessionRecord(subtype, session, update))
        expect(formatTimestamp(time)).to.equal('2023-11-14T22:13:20Z')
        expect(offset).to.equal(0)
        expect(found).to.deep.equal({
          kind: 'message',
          ...session,
          message: update,
          fourOctetAsn,
          addPath,
          sentByLocal,
        })
      })
    }

    for (const subtype of [0, 5]) {
      it(`reads a change of state over ${name}, subtype ${subtype}`, async () => {
        const found = await one('state-change', sessionRecord(subtype, session, octets('0003 0006')))
        expect([found.from, found.to]).to.deep.equal(['Active', 'Established'])
        expect(found.peer).to.deep.equal(session.peer)
      })
    }
  }

  it('reads the microseconds of BGP4MP_ET', async () => {
    const keepalive = encodeMessage({ kind: 'keepalive' })
    const { time } = await one('message', sessionRecord(4, sessions.IPv6, keepalive, { microseconds: 1500 }))
    expect(formatTimestamp(time)).to.equal('2023-11-14T22:13:20.001500Z')
  })
})

describe('MRT, files', () => {
  const table = peerTable(1, '', peers)
  const good = ribRecord(1, prefixes.ipv6, [route])

  it('gives the same records whatever the chunks are', async () => {
    const file = joined([table, good, ribRecord(2, prefixes.ipv4, [route])])
    const whole = await all(readMrt([file]))
    expect(whole).to.have.length(3)
    for (const size of [1, 7, 12, 64, 4096]) {
      expect(await all(readMrt(inChunks(file, size))), `chunks of ${size}`).to.deep.equal(whole)
    }
  })

  for (const [what, type, subtype, body] of [
    ['another protocol', 11, 0, '00'],
    ['a multicast table', 13, 3, '00'],
    ['RIB_GENERIC of a family that is not spoken', 13, 6, '00000001 0019 46 00 0000'],
    ['an old subtype of BGP4MP', 16, 2, ''],
  ] as const) {
    it(`passes over ${what}`, async () => {
      const records = await read(mrtRecord(type, subtype, octets(body)), table)
      const skipped = { type, subtype, length: octets(body).length, offset: 0 }
      expect(records[0]).to.deep.include({ kind: 'skipped', ...skipped })
      expect(records[1]).to.have.property('kind', 'peer-table')
    })
  }

  it('goes on after a record that is wrong inside', async () => {
    const records = await read(table, mrtRecord(13, 4, octets('00000001 81')), good)
    expect(records.map(({ kind }) => kind)).to.deep.equal(['peer-table', 'fault', 'rib'])
    expect(records[1]).to.deep.include({ offset: table.length + 16 })
    expect((records[1] as FileFault).text).to.match(/ipv6-unicast prefix of 129 bits/)
  })

  it('ends at a record that is too long, before it is read', async () => {
    const huge = octets('00000000 0010 0004 ffffffff')
    const fault = await wrong(table, joined([huge, good]))
    expect(fault.offset).to.equal(table.length)
    expect(fault.text).to.match(/4294967295 octets, more than/)
  })

  it('says where a file is cut short, wherever that is', async () => {
    for (let length = 1; length < table.length; length++) {
      const fault = await wrong(table.slice(0, length))
      expect([fault.offset, fault.kind], `${length} octets`).to.deep.equal([0, 'fault'])
    }
    expect(await read(new Uint8Array(0))).to.deep.equal([])
  })

  it('says for any shorter body that it is wrong', async () => {
    const records = [table, good, tableDump(1, prefixes.ipv6, ipv6Peer, route)]
    for (const record of records) {
      const type = record[5]!
      for (let length = 0; length < record.length - 12; length++) {
        const cut = mrtRecord(type, record[7]!, record.slice(12, 12 + length))
        const fault = await wrong(record === good ? joined([table, cut]) : cut)
        expect(fault.offset, hex(cut)).to.be.within(12, table.length + record.length)
      }
    }
  })

  it('lets go of the source when it is left', async () => {
    let closed = false
    async function* source() {
      try {
        for (;;) yield await Promise.resolve(table)
      } finally {
        closed = true
      }
    }
    for await (const record of readMrt(source())) if (record.kind === 'peer-table') break
    expect(closed).to.equal(true)
  })
})

/** Written by BIRD 2.0.12 and GoBGP 3.10 that were peers of each other, each with routes of its own in both families. */
describe('MRT of real daemons', () => {
  const folder = join(import.meta.dirname, '../../golden/mrt')
  const records = async (name: string) => all(readMrt([readFileSync(join(folder, `${name}.mrt`))]))
  const routes = async (name: string) =>
    (await records(name)).flatMap((record) =>
      record.kind === 'rib'
        ? record.routes.map((found) => {
            const { attributes: read, nextHop } = readRibAttributes(found)
            return `${record.prefix} of ${found.peer?.asn}: ${formatAsPath(read.asPath ?? [])} via ${nextHop}`
          })
        : [],
    )

  for (const [name, expected] of [
    [
      'bird-table-ipv4',
      [
        '198.51.100.0/24 of 0:  via undefined',
        '192.0.2.0/24 of 65002: 65002 65010 65011 via 127.0.0.2',
        '203.0.113.0/25 of 0:  via undefined',
      ],
    ],
    ['bird-table-ipv6', ['2001:db8:9::/48 of 65002: 65002 via fd00::1', '2001:db8:5::/48 of 0:  via undefined']],
    [
      'gobgp-table',
      [
        '192.0.2.0/24 of undefined: 65010 65011 via 127.0.0.2',
        '2001:db8:9::/48 of undefined:  via fd00::1',
        '2001:db8:5::/48 of 4200000001: 4200000001 via fd00::1',
      ],
    ],
  ] as const) {
    it(`reads the table of ${name}`, async () => expect(await routes(name)).to.deep.equal(expected))
  }

  for (const [name, kinds] of [
    ['bird-session', ['state-change', 'open', 'keepalive', 'update', 'notification']],
    ['gobgp-session', ['update']],
  ] as const) {
    it(`reads every record of ${name}`, async () => {
      const found = (await records(name)).map((record) => {
        if (record.kind !== 'message') return record.kind
        const { message } = record
        const read = decodeMessage(message[18]!, message, 19, message.length)
        const values = read.kind === 'update' ? readUpdate(read.body) : read
        return isFault(values) || ('findings' in values && values.findings.length > 0) ? 'malformed' : read.kind
      })
      expect([...new Set(found)]).to.have.members(kinds)
    })
  }
})
