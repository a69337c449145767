/** First messages as data: which are refused, with what answer, and which odd ones are taken, with the family that comes of it. */

import type { Family } from 'bgp-ts'
import { message, octets } from './bytes.ts'
import { keepalive } from './wire-peer.ts'

const marker = 'ff'.repeat(16)
export const header = (length: string, type: string) => octets(`${marker}${length}${type}`)
export const fixed = '04 fde9 005a 0a000001'

/** An OPEN of AS 65001 with these optional parameters, their length not counted. */
export const openWith = (parameters: string) => message(1, octets(`${fixed}${parameters}`))
export const refresh = (afi: string, safi = '01') => message(5, octets(`${afi}00${safi}`))

export const refused: [title: string, octets: Uint8Array, farewell: string][] = [
  ['A1 for a marker with a bit clear', octets(`7f${'ff'.repeat(15)}001304`), '1/1'],
  ['A2 for a length of 18', header('0012', '01'), '1/2 0012'],
  ['A2 for a length of 4097 before its body has come', header('1001', '01'), '1/2 1001'],
  ['A2 for a length of 65535 before its body has come', header('ffff', '02'), '1/2 ffff'],
  ['A3 for an OPEN of 28 octets', header('001c', '01'), '1/2 001c'],
  ['A3 for a KEEPALIVE of 20 octets', header('0014', '04'), '1/2 0014'],
  ['A3 for a ROUTE-REFRESH of 22 octets', header('0016', '05'), '1/2 0016'],
  ['A4 for type 0', header('0013', '00'), '1/3 00'],
  ['A4 for type 6', header('0013', '06'), '1/3 06'],
  ['A4 for type 255', header('0013', 'ff'), '1/3 ff'],
  ['A8 for version 3', message(1, octets('03 fde9 005a 0a000001 00')), '2/1 0004'],
  ['A8 for version 5', message(1, octets('05 fde9 005a 0a000001 00')), '2/1 0004'],
  ['A9 for another AS', message(1, octets('04 fdea 005a 0a000001 00')), '2/2 fdea'],
  ['A9 for another AS in capability 65', openWith('08 02 06 4104 0000fdea'), '2/2 fde9'],
  ['A10 for AS 0', message(1, octets('04 0000 005a 0a000001 00')), '2/2 0000'],
  ['A10 for AS 0 in capability 65', openWith('08 02 06 4104 00000000'), '2/2 fde9'],
  ['A11 for a hold time of 1 s', message(1, octets('04 fde9 0001 0a000001 00')), '2/6 0001'],
  ['A11 for a hold time of 2 s', message(1, octets('04 fde9 0002 0a000001 00')), '2/6 0002'],
  ['A12 for identifier 0', message(1, octets('04 fde9 005a 00000000 00')), '2/3'],
  ['A14 for an unknown parameter', openWith('04 01 02 0000'), '2/4 01020000'],
  ['A14 for a capabilities parameter that ends in a capability', openWith('04 02 02 4104'), '2/0'],
  ['A15 for parameters that lead beyond the message', openWith('09 02 06 4104 0000fde9'), '2/0'],
  ['A15 for octets behind the parameters', openWith('04 02 02 0200 00'), '2/0'],
  ['A15 for a parameter that leads beyond its field', openWith('04 02 03 0200'), '2/0'],
  ['A15 for one octet of a parameter', openWith('01 02'), '2/0'],
  ['A16 for extended parameters that lead beyond the message', openWith('ff ff 0006 02 0002 0200'), '2/0'],
  ['A16 for an extended parameter that leads beyond its field', openWith('ff ff 0005 02 0003 0200'), '2/0'],
  ['A18 for parameter type 255 in second place', openWith('08 02 02 0200 ff 02 0000'), '2/4 ff020000'],
  ['A18 for parameter type 255 inside the extended form', openWith('ff ff 0005 ff 0002 0200'), '2/4 ff00020200'],
  ['B3 for a capability that leads into the next parameter', openWith('0a 02 02 4104 02 04 0000fde9'), '2/0'],
  ['B10 for AS_TRANS without capability 65', message(1, octets('04 5ba0 005a 0a000001 00')), '2/2 5ba0'],
  ['D1 for a KEEPALIVE before the OPEN', keepalive, '5/1 04'],
  ['D1 for an UPDATE before the OPEN', message(2, octets('00000000')), '5/1 02'],
  ['D1 for a ROUTE-REFRESH before the OPEN', refresh('0001'), '5/1 05'],
]

export const taken = (over: 'IPv4' | 'IPv6'): [title: string, open: Uint8Array, family: Family][] => [
  ['A11 a hold time of 3 s', message(1, octets('04 fde9 0003 0a000001 00')), 'ipv4-unicast'],
  ['A12 a multicast identifier', message(1, octets('04 fde9 005a e0000001 00')), 'ipv4-unicast'],
  ['A12 identifier 255.255.255.255', message(1, octets('04 fde9 005a ffffffff 00')), 'ipv4-unicast'],
  [
    'A13 our own identifier',
    message(1, octets(`04 fde9 005a ${over === 'IPv4' ? '0a000002' : '00000002'} 00`)),
    'ipv4-unicast',
  ],
  ['A16 the extended form under a lying length', openWith('03 ff 0009 02 0006 0104 0002 0001'), 'ipv6-unicast'],
  [
    'A17 255 octets of ordinary parameters',
    openWith(`ff 02 fd 0104 00020001 83 f5${'00'.repeat(245)}`),
    'ipv6-unicast',
  ],
  ['B1 a capability that nobody knows', openWith('0b 02 09 c801aa 0104 00020001'), 'ipv6-unicast'],
  ['B2 capabilities in a parameter each', openWith('0c 02 06 0104 00020001 02 02 0200'), 'ipv6-unicast'],
  ['B2 a capability three times', openWith('14 02 12 0104 00020001 0104 00020001 0104 00020001'), 'ipv6-unicast'],
  ['B6 no capability at all', openWith('00'), 'ipv4-unicast'],
  [
    'B8 a multiprotocol capability of 3 octets beside a good one',
    openWith('0d 02 0b 0103 000100 0104 00020001'),
    'ipv6-unicast',
  ],
  [
    'B8 a multiprotocol capability of 5 octets beside a good one',
    openWith('0f 02 0d 0105 0001000100 0104 00020001'),
    'ipv6-unicast',
  ],
  ['B11 an ADD-PATH tuple of mode 7', openWith('0e 02 0c 0104 00020001 4504 00020107'), 'ipv6-unicast'],
  ['B12 a graceful restart capability of 5 octets', openWith('0f 02 0d 0104 00020001 4005 0078000201'), 'ipv6-unicast'],
  ['B13 long-lived graceful restart alone', openWith('11 02 0f 0104 00020001 4707 00020180000e10'), 'ipv6-unicast'],
  ['B14 extended next hops of 7 octets', openWith('11 02 0f 0104 00020001 0507 00010001000900'), 'ipv6-unicast'],
  ['B15 a host name that is longer than its capability', openWith('0c 02 0a 0104 00020001 4902 ff61'), 'ipv6-unicast'],
]
