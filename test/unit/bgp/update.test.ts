import {
  Address,
  checkNlri,
  decodeAttributes,
  encodeAttributes,
  encodeUpdate,
  endOfRib,
  endOfRibFamily,
  type Family,
  families,
  formatPrefix,
  hex,
  isFault,
  newUpdateParts,
  prependAsPath,
  readPrefixes,
  readReach,
  readUnreach,
  scanUpdate,
} from 'bgp-ts'
import { expect } from 'chai'
import { parseAddress, parsePrefix } from '../../../policy/text.ts'
import { octets, updateBody } from '../../support/bytes.ts'

function scan(fields: Parameters<typeof updateBody>[0]) {
  const body = updateBody(fields)
  const parts = newUpdateParts()
  return { body, parts, fault: scanUpdate(body, 0, body.length, parts) }
}

const prefixes = (...texts: string[]) => texts.map((text) => parsePrefix(text)!)

describe('UPDATE', () => {
  it('finds its three fields', () => {
    const { body, parts } = scan({ withdrawn: '18 0a0102', attributes: '40 01 01 00', nlri: '08 0b' })
    expect(hex(body, parts.withdrawnAt, parts.withdrawnEnd)).to.equal('180a0102')
    expect(hex(body, parts.attributesAt, parts.attributesEnd)).to.equal('40010100')
    expect(hex(body, parts.nlriAt, parts.nlriEnd)).to.equal('080b')
  })

  it('C9 finds the multiprotocol attributes in any order', () => {
    const reach = '80 0e 05 0001 01 00 00'
    const unreach = '90 0f 0003 0002 01'
    for (const attributes of [`${reach} ${unreach} 40 01 01 00`, `40 01 01 00 ${unreach} ${reach}`]) {
      const { body, parts } = scan({ attributes })
      expect(hex(body, parts.reachFrom, parts.reachEnd)).to.equal(hex(octets(reach)))
      expect(hex(body, parts.reachAt, parts.reachEnd)).to.equal('0001010000')
      expect(hex(body, parts.unreachFrom, parts.unreachEnd)).to.equal(hex(octets(unreach)))
    }
  })

  const faults: [title: string, body: string, code: string][] = [
    ['C1 a withdrawn length past the message', '0005 0000', '3/1'],
    ['C1 an attribute length past the message', '0000 0005 00', '3/1'],
    ['C7 MP_REACH_NLRI twice', '0000 0010 800e 05 0001010000 800e 05 0001010000', '3/1'],
    ['C7 MP_UNREACH_NLRI twice', '0000 000c 800f 03 000201 800f 03 000201', '3/1'],
    ['C/14 flags MP_REACH_NLRI with wrong flags', '0000 0008 c00e 05 0001010000', '3/4'],
  ]
  for (const [title, body, code] of faults) {
    it(`${title} ends the session with ${code}`, () => {
      const bytes = octets(body)
      const fault = scanUpdate(bytes, 0, bytes.length, newUpdateParts())
      expect(`${fault?.code}/${fault?.subcode}`).to.equal(code)
    })
  }

  it('C2 finds the NLRI by the length field when an attribute overruns the list', () => {
    const { body, parts, fault } = scan({ attributes: '40 01 09 00', nlri: '08 0a' })
    expect([fault, parts.cutShort]).to.deep.equal([undefined, true])
    expect(hex(body, parts.nlriAt, parts.nlriEnd)).to.equal('080a')
  })

  const families4and6: [family: Family, text: string, wire: string][] = [
    ['ipv4-unicast', '0.0.0.0/0', '00'],
    ['ipv4-unicast', '10.1.2.0/23', '17 0a0102'],
    ['ipv4-unicast', '192.0.2.1/32', '20 c0000201'],
    ['ipv6-unicast', '::/0', '00'],
    ['ipv6-unicast', '2001:db8::/32', '20 20010db8'],
    ['ipv6-unicast', '2001:db8:0:8000::/49', '31 20010db80000 80'],
    ['ipv6-unicast', '2001:db8::1/128', '80 20010db8000000000000000000000001'],
  ]
  for (const [family, text, wire] of families4and6) {
    it(`reads the prefix ${text}`, () => {
      const bytes = octets(wire)
      expect(checkNlri(bytes, 0, bytes.length, family)).to.equal(undefined)
      expect(readPrefixes(bytes, 0, bytes.length, family).map(formatPrefix)).to.deep.equal([text])
    })
  }

  it('C14 ignores host bits', () => {
    expect(readPrefixes(octets('14 0affff'), 0, 4, 'ipv4-unicast').map(String)).to.deep.equal(['10.255.240.0/20'])
    expect(readPrefixes(octets('21 20010db8 ff'), 0, 6, 'ipv6-unicast').map(String)).to.deep.equal([
      '2001:db8:8000::/33',
    ])
  })

  const badFields: [family: Family, title: string, wire: string][] = [
    ['ipv4-unicast', 'longer than 32 bits', '21 0a00000000'],
    ['ipv6-unicast', 'longer than 128 bits', `81 ${'00'.repeat(17)}`],
    ['ipv4-unicast', 'cut short', '18 0a01'],
    ['ipv6-unicast', 'cut short', '40 20010db8'],
  ]
  for (const [family, title, wire] of badFields) {
    it(`C5 refuses an ${family} prefix ${title} with 3/10`, () => {
      const bytes = octets(wire)
      expect(checkNlri(bytes, 0, bytes.length, family)).to.include({ code: 3, subcode: 10 })
    })
  }

  it('refuses a missing path identifier', () => {
    expect(checkNlri(octets('08 0a 00'), 0, 3, 'ipv4-unicast', true)).to.include({ code: 3, subcode: 10 })
  })

  for (const family of families) {
    it(`G1 writes and knows the End-of-RIB of ${family}`, () => {
      const bytes = endOfRib(family)
      const body = bytes.slice(19)
      const parts = newUpdateParts()
      scanUpdate(body, 0, body.length, parts)
      expect(endOfRibFamily(body, parts)).to.equal(family)
    })
  }

  it('G1 takes an MP_UNREACH_NLRI of IPv4 without routes as End-of-RIB too', () => {
    const { body, parts } = scan({ attributes: '80 0f 03 0001 01' })
    expect(endOfRibFamily(body, parts)).to.equal('ipv4-unicast')
  })
})

describe('MP_REACH_NLRI', () => {
  const global = '20010db8000000000000000000000001'
  const linkLocal = 'fe800000000000000000000000000001'
  const rows: [title: string, wire: string, nextHop: string, link?: string][] = [
    ['E3 reads IPv4 with a 4-octet next hop', '0001 01 04 c0000201 00', '192.0.2.1'],
    ['reads IPv4 with an IPv6 next hop', `0001 01 10 ${global} 00`, '2001:db8::1'],
    ['E5 reads IPv6 with a global next hop', `0002 01 10 ${global} 00`, '2001:db8::1'],
    ['E5 reads IPv6 with both next hops', `0002 01 20 ${global}${linkLocal} 00`, '2001:db8::1', 'fe80::1'],
    ['E2 reads a reserved octet that is not zero', `0002 01 10 ${global} 07`, '2001:db8::1'],
  ]
  for (const [title, wire, nextHop, link] of rows) {
    it(title, () => {
      const bytes = octets(wire)
      const reach = readReach(bytes, 0, bytes.length)
      if (isFault(reach)) throw new Error(reach.text)
      expect([String(reach.nextHop), reach.linkLocal && String(reach.linkLocal)]).to.deep.equal([nextHop, link])
    })
  }

  it('E10 skips a pair of AFI and SAFI that it does not know', () => {
    const bytes = octets('0019 41 03 010203 00 05')
    const reach = readReach(bytes, 0, bytes.length)
    expect(isFault(reach) ? reach : reach.family).to.equal(undefined)
  })

  const faults: [title: string, wire: string][] = [
    ['below 5 octets', '0002 01 00'],
    ['with a next hop cut short', '0002 01 10 20010db8 00'],
    ['with a next hop of 5 octets', '0002 01 05 0000000000 00'],
    ['with an IPv6 route and an IPv4 next hop', '0002 01 04 c0000201 00'],
  ]
  for (const [title, wire] of faults) {
    it(`C/14 length refuses one ${title} with 3/9`, () => {
      const bytes = octets(wire)
      expect(readReach(bytes, 0, bytes.length)).to.include({ kind: 'fault', code: 3, subcode: 9 })
    })
  }

  it('C/15 length refuses an MP_UNREACH_NLRI below 3 octets with 3/9', () => {
    expect(readUnreach(octets('0002'), 0, 2)).to.include({ kind: 'fault', code: 3, subcode: 9 })
  })
})

describe('attributes', () => {
  const wide = { fourOctetAsn: true }

  it('C9 are sent with the multiprotocol attribute first, then ascending', () => {
    const bytes = encodeUpdate({
      attributes: { origin: 'igp', asPath: [], largeCommunities: [[1, 2, 3]], med: 4 },
      reach: { family: 'ipv6-unicast', nextHop: parseAddress('2001:db8::1')!, prefixes: prefixes('2001:db8:1::/48') },
    })
    const types: number[] = []
    for (let at = 23; at < bytes.length; ) {
      types.push(bytes[at + 1]!)
      at += bytes[at]! & 0x10 ? 4 + bytes[at + 2]! * 256 + bytes[at + 3]! : 3 + bytes[at + 2]!
    }
    expect(types).to.deep.equal([14, 1, 2, 4, 32])
  })

  it('H12 are sorted sets without repeats on output', () => {
    const bytes = encodeAttributes(
      {
        communities: [5, 1, 5],
        largeCommunities: [
          [2, 0, 0],
          [1, 0, 0],
          [2, 0, 0],
        ],
      },
      wide,
    )
    expect(decodeAttributes(bytes, 0, bytes.length, wide)).to.deep.equal({
      communities: [1, 5],
      largeCommunities: [
        [1, 0, 0],
        [2, 0, 0],
      ],
    })
  })

  it('F2 hide large ASNs from a two-octet peer behind AS_TRANS, with AS4_PATH and AS4_AGGREGATOR', () => {
    const address = new Address(4, 0x0a000001)
    const list = {
      asPath: [
        { type: 'confed-sequence', asns: [64600] },
        { type: 'sequence', asns: [4200000001, 64512] },
      ],
      aggregator: { asn: 4200000001, address },
    } as const
    const bytes = encodeAttributes(list, { fourOctetAsn: false })
    expect(decodeAttributes(bytes, 0, bytes.length, { fourOctetAsn: false })).to.deep.equal({
      asPath: [
        { type: 'confed-sequence', asns: [64600] },
        { type: 'sequence', asns: [23456, 64512] },
      ],
      aggregator: { asn: 23456, address },
      as4Path: [{ type: 'sequence', asns: [4200000001, 64512] }],
      as4Aggregator: { asn: 4200000001, address },
    })
  })

  it('F2 need no AS4 attributes while every ASN fits', () => {
    const bytes = encodeAttributes({ asPath: [{ type: 'sequence', asns: [64512] }] }, { fourOctetAsn: false })
    expect(hex(bytes)).to.equal('4002040201fc00')
  })

  it('C26 prepend in a new segment when 255 ASNs are reached', () => {
    const full = prependAsPath([], 64512, 255)
    expect(full.map(({ asns }) => asns.length)).to.deep.equal([255])
    expect(prependAsPath(full, 64513).map(({ asns }) => asns.length)).to.deep.equal([1, 255])
    expect(prependAsPath([{ type: 'set', asns: [1, 2] }], 64512).map(({ type }) => type)).to.deep.equal([
      'sequence',
      'set',
    ])
  })
})
