import {
  type Capability,
  decodeMessage,
  decodeOpen,
  encodeOpen,
  type Fault,
  formatCapability,
  hex,
  isFault,
  type LocalOpen,
  type Negotiated,
  negotiate,
  type Open,
  openMessage,
} from 'bgp-ts'
import { expect } from 'chai'
import { octets } from '../../support/bytes.ts'

const fixed = '04 fc00 005a 0a000001'

function decode(body: string): Open | Fault {
  const bytes = octets(body)
  return decodeOpen(bytes, 0, bytes.length)
}

function opened(body: string): Open {
  const open = decode(body)
  if (isFault(open)) throw new Error(open.text)
  return open
}

function refusal(result: Open | Negotiated | Fault): string {
  return isFault(result) ? `${result.code}/${result.subcode} ${hex(result.data)}`.trim() : 'accepted'
}

describe('OPEN', () => {
  it('reads its fixed fields', () => {
    expect(opened(`${fixed} 00`)).to.deep.equal({
      kind: 'open',
      asn: 64512,
      holdTime: 90,
      routerId: 0x0a000001,
      capabilities: [],
    })
  })

  const capabilities: [octets: string, value: Capability][] = [
    ['01 04 0001 00 01', { kind: 'multiprotocol', afi: 1, safi: 1 }],
    ['01 04 0002 00 01', { kind: 'multiprotocol', afi: 2, safi: 1 }],
    ['02 00', { kind: 'route-refresh' }],
    ['05 06 0001 0001 0002', { kind: 'extended-next-hop', tuples: [{ afi: 1, safi: 1, nextHopAfi: 2 }] }],
    ['06 00', { kind: 'extended-message' }],
    [
      '40 06 c078 0002 01 80',
      {
        kind: 'graceful-restart',
        restarting: true,
        notification: true,
        restartTime: 120,
        families: [{ afi: 2, safi: 1, forwarding: true }],
      },
    ],
    ['41 04 fffffffe', { kind: 'four-octet-asn', asn: 4294967294 }],
    ['45 04 0001 01 03', { kind: 'add-path', families: [{ afi: 1, safi: 1, send: true, receive: true }] }],
    ['46 00', { kind: 'enhanced-route-refresh' }],
    ['49 08 03 746f72 03 6c6162', { kind: 'fqdn', host: 'tor', domain: 'lab' }],
    ['83 02 0102', { kind: 'unknown', code: 0x83, value: octets('0102') }],
  ]
  for (const [bytes, value] of capabilities) {
    it(`reads and writes the capability ${value.kind}`, () => {
      const size = octets(bytes).length
      const body = `${fixed} ${hex(Uint8Array.of(size + 2))} 02 ${hex(Uint8Array.of(size))} ${bytes}`
      expect(opened(body).capabilities).to.deep.equal([value])
      expect(hex(encodeOpen(opened(body)), 19)).to.equal(hex(octets(body)))
    })
  }

  it('B2 gives the same for capabilities in one parameter, one each in many, and repeated', () => {
    const one = opened(`${fixed} 0a 02 08 0200 4104 0000fc00`)
    const many = opened(`${fixed} 0c 02 02 0200 02 06 4104 0000fc00`)
    expect(many).to.deep.equal(one)
    const repeated = opened(`${fixed} 0e 02 02 0200 02 02 0200 02 04 0200 0600`)
    const accepted = negotiate(local, { ...one, capabilities: [...one.capabilities, ...repeated.capabilities] })
    expect(isFault(accepted)).to.equal(false)
  })

  const shapeless: [row: string, title: string, capability: string][] = [
    ['B8', 'a multiprotocol capability of 3 octets', '01 03 000100'],
    ['B9', 'a four-octet ASN of 2 octets', '41 02 fc00'],
    ['B12', 'a graceful restart capability of 1 octet', '40 01 00'],
    ['B15', 'an FQDN whose inner length lies', '49 03 09 6161'],
  ]
  for (const [row, title, capability] of shapeless) {
    it(`${row} keeps ${title} as unknown`, () => {
      const size = octets(capability).length
      const body = `${fixed} ${hex(Uint8Array.of(size + 2))} 02 ${hex(Uint8Array.of(size))} ${capability}`
      expect(opened(body).capabilities[0]!.kind).to.equal('unknown')
    })
  }

  it('B11 ignores an ADD-PATH tuple with a mode outside 1 to 3', () => {
    const open = opened(`${fixed} 0c 02 0a 45 08 0001 01 04 0002 01 02`)
    expect(open.capabilities).to.deep.equal([
      { kind: 'add-path', families: [{ afi: 2, safi: 1, send: true, receive: false }] },
    ])
  })

  it('B12 reads the whole tuples of a graceful restart capability of odd length', () => {
    const open = opened(`${fixed} 0b 02 09 40 07 0078 0001 01 80 00`)
    expect(open.capabilities).to.deep.include({
      kind: 'graceful-restart',
      restarting: false,
      notification: false,
      restartTime: 120,
      families: [{ afi: 1, safi: 1, forwarding: true }],
    })
  })

  it('B15 escapes control characters in an FQDN', () => {
    const open = opened(`${fixed} 08 02 06 49 04 02 1b61 00`)
    expect(open.capabilities).to.deep.equal([{ kind: 'fqdn', host: '\\u001ba', domain: '' }])
  })

  const faults: [title: string, body: string, expected: string][] = [
    ['A8 refuses another version with 2/1 and ours', `03 fc00 005a 0a000001 00`, '2/1 0004'],
    ['A14 refuses an unknown parameter with 2/4', `${fixed} 03 01 01 00`, '2/4 010100'],
    ['A15 refuses a parameter length past the message with 2/0', `${fixed} 08 02 06 0200`, '2/0'],
    ['A15 refuses octets left over with 2/0', `${fixed} 00 00`, '2/0'],
    ['A15 refuses a parameter that overruns its field with 2/0', `${fixed} 04 02 09 0200`, '2/0'],
    ['B3 refuses a capability length past its parameter with 2/0', `${fixed} 08 02 02 4104 02 02 0200`, '2/0'],
    ['A18 refuses type 255 anywhere but first with 2/4', `${fixed} 07 02 02 0200 ff 01 00`, '2/4 ff0100'],
    ['A16 refuses an extended length that lies with 2/0', `${fixed} ff ff 0009 02 0002 0200`, '2/0'],
  ]
  for (const [title, body, expected] of faults) {
    it(title, () => expect(refusal(decode(body))).to.equal(expected))
  }

  it('A16 reads the extended form, whatever the length octet says', () => {
    for (const length of ['ff', '01', '40']) {
      expect(opened(`${fixed} ${length} ff 0005 02 0002 0200`).capabilities).to.deep.equal([{ kind: 'route-refresh' }])
    }
  })

  it('A17 reads 255 octets of ordinary parameters as ordinary', () => {
    const open = opened(`${fixed} ff 02 fd 83 fb ${'00'.repeat(251)}`)
    expect(open.capabilities).to.deep.equal([{ kind: 'unknown', code: 0x83, value: new Uint8Array(251) }])
  })

  it('A19 sends the extended form only when more than 254 octets are needed', () => {
    const open = (size: number): Open => ({
      ...opened(`${fixed} 00`),
      capabilities: [{ kind: 'unknown', code: 0x83, value: new Uint8Array(size) }],
    })
    expect(encodeOpen(open(250)).slice(28, 30)).to.deep.equal(octets('fe 02'))
    expect(encodeOpen(open(251)).slice(28, 32)).to.deep.equal(octets('ff ff 0100'))
    for (const size of [250, 251]) {
      const bytes = encodeOpen(open(size))
      expect(decodeMessage(1, bytes, 19, bytes.length)).to.deep.equal(open(size))
    }
  })
})

const local: LocalOpen = {
  asn: 65001,
  routerId: 0x0a000002,
  holdTime: 90,
  families: ['ipv4-unicast', 'ipv6-unicast'],
  peerAsn: 64512,
  capabilities: true,
}
const peer: LocalOpen = { ...local, asn: 64512, routerId: 0x0a000001, peerAsn: 65001 }

function settled(ours: Partial<LocalOpen>, theirs: Partial<LocalOpen>): Negotiated {
  const result = negotiate({ ...local, ...ours }, openMessage({ ...peer, ...theirs }))
  if (isFault(result)) throw new Error(result.text)
  return result
}

describe('negotiation', () => {
  it('settles both families, four-octet ASNs, refresh and extended messages where both offer them', () => {
    expect(settled({}, {})).to.deep.include({
      families: ['ipv4-unicast', 'ipv6-unicast'],
      fourOctetAsn: true,
      routeRefresh: true,
      extendedMessages: true,
      external: true,
      peerAsn: 64512,
    })
  })

  it('B7 uses a family only if both offered it', () => {
    for (const family of local.families) {
      expect(settled({ families: [family] }, {}).families).to.deep.equal([family])
      expect(settled({}, { families: [family] }).families).to.deep.equal([family])
    }
    expect(settled({ families: ['ipv6-unicast'] }, { families: ['ipv4-unicast'] }).families).to.deep.equal([])
  })

  it('B6 takes an OPEN without capabilities as IPv4 with two-octet ASNs', () => {
    const plain = settled({}, { capabilities: false })
    expect(plain).to.deep.include({ families: ['ipv4-unicast'], fourOctetAsn: false, extendedMessages: false })
    expect(settled({ capabilities: false }, {})).to.deep.include({ families: ['ipv4-unicast'], fourOctetAsn: false })
  })

  it('B1 ignores an unknown capability', () => {
    const open = openMessage(peer)
    const more: Open = {
      ...open,
      capabilities: [{ kind: 'unknown', code: 200, value: octets('00') }, ...open.capabilities],
    }
    expect(isFault(negotiate(local, more))).to.equal(false)
  })

  const holdTimes: [ours: number, theirs: number, settled: number][] = [
    [90, 30, 30],
    [30, 90, 30],
    [90, 0, 0],
    [0, 90, 0],
    [90, 3, 3],
  ]
  for (const [ours, theirs, expected] of holdTimes) {
    it(`A11 settles hold times ${ours} and ${theirs} at ${expected}`, () => {
      expect(settled({ holdTime: ours }, { holdTime: theirs }).holdTime).to.equal(expected)
    })
  }

  const refused: [title: string, open: Open, expected: string][] = [
    ['A9 refuses an AS that is not the configured one with 2/2', openMessage({ ...peer, asn: 64513 }), '2/2 fc01'],
    ['A10 refuses AS 0 in the field with 2/2', { ...openMessage(peer), asn: 0 }, '2/2 0000'],
    [
      'A10 refuses AS 0 in the capability with 2/2',
      { ...openMessage(peer), capabilities: [{ kind: 'four-octet-asn', asn: 0 }] },
      '2/2 fc00',
    ],
    ['A11 refuses a hold time of 1 with 2/6', openMessage({ ...peer, holdTime: 1 }), '2/6 0001'],
    ['A11 refuses a hold time of 2 with 2/6', openMessage({ ...peer, holdTime: 2 }), '2/6 0002'],
    ['A12 refuses identifier 0 with 2/3', openMessage({ ...peer, routerId: 0 }), '2/3'],
    [
      'B10 refuses AS_TRANS without the capability with 2/2',
      { ...openMessage(peer), asn: 23456, capabilities: [] },
      '2/2 5ba0',
    ],
  ]
  for (const [title, open, expected] of refused) {
    it(title, () => expect(refusal(negotiate(local, open))).to.equal(expected))
  }

  it('A12 takes any other identifier', () => {
    for (const routerId of [0xe0000001, 0xffffffff, 1])
      expect(settled({}, { routerId }).peerRouterId).to.equal(routerId)
  })

  it('A13 refuses our own identifier from an internal peer, and takes it from an external one', () => {
    const internal = openMessage({ ...peer, asn: 65001, routerId: local.routerId })
    expect(refusal(negotiate({ ...local, peerAsn: 65001 }, internal))).to.equal('2/3')
    expect(settled({}, { routerId: local.routerId }).external).to.equal(true)
  })

  it('B9 B10 carries a four-octet ASN in the capability, and AS_TRANS in the field', () => {
    const open = openMessage({ ...peer, asn: 4200000001 })
    expect(open.asn).to.equal(23456)
    expect(open.capabilities).to.deep.include({ kind: 'four-octet-asn', asn: 4200000001 })
    expect(settled({ peerAsn: 4200000001 }, { asn: 4200000001 }).peerAsn).to.equal(4200000001)
  })

  it('says of a restart capability without families only what there is', () => {
    const terms = { restarting: false, notification: false, restartTime: 120, families: [] }
    expect(formatCapability({ kind: 'graceful-restart', ...terms })).to.equal('graceful-restart 120 s')
    expect(formatCapability({ kind: 'long-lived-graceful-restart', families: [] })).to.equal(
      'long-lived-graceful-restart',
    )
  })
})
