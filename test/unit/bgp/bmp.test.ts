/** The BGP Monitoring Protocol: messages written by hand from RFC 7854 and RFC 8671, one field a line, both ways. */

import {
  Address,
  administrativelyClosed,
  type BmpMessage,
  type BmpPeer,
  BmpStream,
  bmpTypes,
  decodeBmp,
  encodeBmp,
  endOfRib,
  hex,
  informationText,
  informationTypes,
  peerDownReasons,
  statisticTypes,
  terminationReason,
  textInformation,
} from 'bgp-ts'
import { expect } from 'chai'
import { octets } from '../../support/bytes.ts'

const plain = {
  type: 0,
  distinguisher: new Uint8Array(8),
  asn: 65001,
  routerId: 0x0a000001,
  postPolicy: false,
  adjRibOut: false,
  twoOctetAsn: false,
  seconds: 0x656f0000,
  microseconds: 500_000,
}
const v4: BmpPeer = { ...plain, address: new Address(4, 0x0a000001) }
const v6: BmpPeer = { ...plain, address: new Address(6, 0xfd000000, 0, 0, 1) }

/** The per-peer header, with these flags. */
const peerHeader = (flags: string, address: string) => `
  00                                 global instance peer
  ${flags}                           flags
  0000000000000000                   distinguisher
  ${address}
  0000fde9                           AS 65001
  0a000001                           BGP identifier
  656f0000                           seconds
  0007a120                           microseconds`
const address4 = '000000000000000000000000 0a000001    address, in the last four octets'
const address6 = 'fd000000000000000000000000000001     address'

const marker = 'f'.repeat(32)
const open = `${marker} 001d 01 04 fde9 005a 0a000001 00`
const notification = `${marker} 0015 03 06 02`

interface Case {
  readonly title: string
  readonly message: BmpMessage
  readonly octets: string
}

const ofFamily: readonly Case[] = (
  [
    ['IPv4', v4, '', address4, '00000000 00000000 00000000 0a000002', new Address(4, 0x0a000002)],
    ['IPv6', v6, '8', address6, 'fd000000 00000000 00000000 00000002', new Address(6, 0xfd000000, 0, 0, 2)],
  ] as const
).flatMap(([name, peer, version, address, local, localAddress]): Case[] => {
  // The V flag is the highest of the octet, beside L (4), A (2) and O (1) in the same half.
  const flags = (others: number) => `${(Number(version || 0) + others).toString(16)}0`
  return [
    {
      title: `Peer Up over ${name}, with both OPENs as they were on the wire`,
      message: {
        kind: 'peer-up',
        peer,
        localAddress,
        localPort: 179,
        remotePort: 40000,
        sentOpen: octets(open),
        receivedOpen: octets(open),
        information: [],
      },
      octets: `03 0000007e 03
        ${peerHeader(flags(0), address)}
        ${local}                     local address
        00b3 9c40                    local and remote port
        ${open}                      sent
        ${open}                      received`,
    },
    {
      title: `Peer Down over ${name}: this side sent a NOTIFICATION`,
      message: { kind: 'peer-down', peer, reason: peerDownReasons.localNotification, data: octets(notification) },
      octets: `03 00000046 02
        ${peerHeader(flags(0), address)}
        01 ${notification}`,
    },
    {
      title: `Peer Down over ${name}: this side fell silent, at the event of a manual stop`,
      message: { kind: 'peer-down', peer, reason: peerDownReasons.localSilence, data: octets('0002') },
      octets: `03 00000033 02
        ${peerHeader(flags(0), address)}
        02 0002`,
    },
    {
      title: `Peer Down over ${name}: the peer sent a NOTIFICATION`,
      message: { kind: 'peer-down', peer, reason: peerDownReasons.remoteNotification, data: octets(notification) },
      octets: `03 00000046 02
        ${peerHeader(flags(0), address)}
        03 ${notification}`,
    },
    {
      title: `Peer Down over ${name}: the connection was lost`,
      message: { kind: 'peer-down', peer, reason: peerDownReasons.remoteSilence, data: octets('') },
      octets: `03 00000031 02
        ${peerHeader(flags(0), address)}
        04`,
    },
    {
      title: `Peer Down over ${name}: monitored no more`,
      message: { kind: 'peer-down', peer, reason: peerDownReasons.noLongerMonitored, data: octets('') },
      octets: `03 00000031 02
        ${peerHeader(flags(0), address)}
        05`,
    },
    {
      title: `Route Monitoring over ${name}: adj-rib-in after policy`,
      message: { kind: 'route-monitoring', peer: { ...peer, postPolicy: true }, update: endOfRib('ipv4-unicast') },
      octets: `03 00000047 00
        ${peerHeader(flags(4), address)}
        ${marker} 0017 02 0000 0000`,
    },
    {
      title: `Route Monitoring over ${name}: adj-rib-out after policy, with two octets an ASN`,
      message: {
        kind: 'route-monitoring',
        peer: { ...peer, postPolicy: true, adjRibOut: true, twoOctetAsn: true },
        update: endOfRib('ipv6-unicast'),
      },
      octets: `03 0000004e 00
        ${peerHeader(flags(7), address)}
        ${marker} 001e 02 0000 0007 900f0003000201`,
    },
    {
      title: `Statistics over ${name}: a counter, a gauge, and gauges of both families`,
      message: {
        kind: 'statistics',
        peer,
        statistics: [
          { type: statisticTypes.rejectedPrefixes, value: 7 },
          { type: statisticTypes.adjRibIn, value: 2 ** 32 + 1 },
          { type: statisticTypes.adjRibInOfFamily, family: 'ipv4-unicast', value: 5 },
          { type: statisticTypes.adjRibOutPostPolicyOfFamily, family: 'ipv6-unicast', value: 6 },
        ],
      },
      octets: `03 00000066 01
        ${peerHeader(flags(0), address)}
        00000004                     how many
        0000 0004 00000007           prefixes rejected by import policy
        0007 0008 00000001 00000001    routes in adj-rib-in
        0009 000b 0001 01 00000000 00000005
        0011 000b 0002 01 00000000 00000006`,
    },
  ]
})

const cases: readonly Case[] = [
  {
    title: 'Initiation: sysDescr and sysName',
    message: {
      kind: 'initiation',
      information: [
        textInformation(informationTypes.sysDescr, 'tandem'),
        textInformation(informationTypes.sysName, 'n1'),
      ],
    },
    octets: `03 00000016 04
      0001 0006 74616e64656d         sysDescr
      0002 0002 6e31                 sysName`,
  },
  {
    title: 'Termination: the reason in two octets',
    message: {
      kind: 'termination',
      information: [{ type: terminationReason, value: Uint8Array.of(0, administrativelyClosed) }],
    },
    octets: '03 0000000c 05 0001 0002 0000',
  },
  ...ofFamily,
]

describe('BMP', () => {
  for (const { title, message, octets: text } of cases) {
    it(title, () => {
      const wanted = octets(text)
      expect(hex(encodeBmp(message))).to.equal(hex(wanted))
      expect(decodeBmp(wanted[5]!, wanted, 6, wanted.length)).to.deep.equal(message)
    })
  }

  it('a type that is not read keeps its octets', () => {
    const mirrored: BmpMessage = { kind: 'other', type: 6, body: octets('0102') }
    expect(decodeBmp(6, octets('0102'), 0, 2)).to.deep.equal(mirrored)
    expect(hex(encodeBmp(mirrored))).to.equal('0300000008060102')
  })

  it('a statistic that is not known keeps its octets', () => {
    const message: BmpMessage = { kind: 'statistics', peer: v6, statistics: [{ type: 40, octets: octets('0a0b') }] }
    const bytes = encodeBmp(message)
    expect(decodeBmp(bytes[5]!, bytes, 6, bytes.length)).to.deep.equal(message)
  })

  it('information is found by its type, and is read as UTF-8', () => {
    expect(informationText([textInformation(2, 'nœud-1')], 2)).to.equal('nœud-1')
    expect(informationText([textInformation(2, 'x')], 1)).to.equal(undefined)
  })

  for (const [what, type, text, words] of [
    ['information cut short', bmpTypes.initiation, '0001 0006 74', /information of message type 4/],
    ['a per-peer header cut short', bmpTypes.peerDown, '0000', /per-peer header of 2 octets/],
    ['Peer Down without a reason', bmpTypes.peerDown, '00'.repeat(42), /without a reason/],
    ['Peer Up with one OPEN', bmpTypes.peerUp, `${'00'.repeat(62)}${open}`, /without two OPEN/],
    [
      'Route Monitoring with half an UPDATE',
      bmpTypes.routeMonitoring,
      `${'00'.repeat(42)}${marker}0018`,
      /not one BGP/,
    ],
    ['statistics of which some are missing', bmpTypes.statistics, `${'00'.repeat(42)}00000002`, /statistics cut short/],
  ] as const) {
    it(`${what} is a fault that says so`, () => {
      const bytes = octets(text)
      const found = decodeBmp(type, bytes, 0, bytes.length)
      expect(found.kind).to.equal('bmp-fault')
      expect('text' in found && found.text).to.match(words)
    })
  }

  it('a stream is cut into messages wherever its chunks end, and ends at another version', () => {
    const all = cases.map(({ message }) => encodeBmp(message))
    const bytes = Uint8Array.from(all.flatMap((one) => [...one]))
    const stream = new BmpStream()
    const found: BmpMessage[] = []
    for (let at = 0; at < bytes.length; at += 7) {
      expect(stream.push(bytes.subarray(at, at + 7), (message) => found.push(message))).to.equal(undefined)
    }
    expect(found).to.deep.equal(cases.map(({ message }) => message))
    expect(stream.pending).to.equal(0)
    expect(stream.push(octets('04 00000006 04'), () => {})?.text).to.match(/version 4/)
    expect(new BmpStream().push(octets('03 7fffffff 04'), () => {})?.text).to.match(/message of 2147483647 octets/)
  })
})
