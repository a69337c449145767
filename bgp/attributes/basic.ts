/**
 * The attributes of RFC 4271 section 5.1 that hold one plain value: ORIGIN, NEXT_HOP, MED, LOCAL_PREF, ATOMIC_AGGREGATE,
 * and AGGREGATOR with its four-octet shadow of RFC 6793.
 */

import { type Address, addressBytes, formatAddress, readAddress } from '../address.ts'
import { u16, u32, type Writer } from '../bytes.ts'
import { asTrans } from './as-path.ts'
import { type AttributeCodec, exactly } from './codec.ts'

export const origins = ['igp', 'egp', 'incomplete'] as const
export type Origin = (typeof origins)[number]

/** ORIGIN: RFC 7606 section 7.1. */
export const origin: AttributeCodec<Origin> = {
  type: 1,
  name: 'ORIGIN',
  optional: false,
  transitive: true,
  malformed: 'treat-as-withdraw',
  check: (bytes, at, end) => {
    if (end - at !== 1) return `length ${end - at} is not 1`
    return bytes[at]! < origins.length ? undefined : `value ${bytes[at]}`
  },
  decode: (bytes, at) => origins[bytes[at]!]!,
  encode: (value, into) => void into.u8(origins.indexOf(value)),
  format: (value) => value,
}

/** NEXT_HOP of IPv4 routes outside MP_REACH_NLRI. Whether it is usable is judged per route: RFC 7606 section 7.3. */
export const nextHop: AttributeCodec<Address> = {
  type: 3,
  name: 'NEXT_HOP',
  optional: false,
  transitive: true,
  malformed: 'treat-as-withdraw',
  check: exactly(4),
  decode: (bytes, at) => readAddress(4, bytes, at),
  encode: (value, into) => void into.bytes(addressBytes(value)),
  format: formatAddress,
}

const number32 = {
  check: exactly(4),
  decode: u32,
  encode: (value: number, into: Writer) => void into.u32(value),
  format: String,
}

/** MULTI_EXIT_DISC: lower wins between links to one neighbouring AS. RFC 7606 section 7.4. */
export const med: AttributeCodec<number> = {
  type: 4,
  name: 'MULTI_EXIT_DISC',
  optional: true,
  transitive: false,
  malformed: 'treat-as-withdraw',
  ...number32,
}

/** LOCAL_PREF: higher wins inside an AS. RFC 7606 section 7.5. */
export const localPref: AttributeCodec<number> = {
  type: 5,
  name: 'LOCAL_PREF',
  optional: false,
  transitive: true,
  malformed: 'treat-as-withdraw',
  internalOnly: true,
  ...number32,
}

/** ATOMIC_AGGREGATE has no value. RFC 7606 section 7.6. */
export const atomicAggregate: AttributeCodec<true> = {
  type: 6,
  name: 'ATOMIC_AGGREGATE',
  optional: false,
  transitive: true,
  malformed: 'attribute-discard',
  badFlags: 'attribute-discard',
  check: exactly(0),
  decode: () => true,
  encode: () => {},
  format: () => 'yes',
}

export interface Aggregator {
  readonly asn: number
  readonly address: Address
}

const formatAggregator = (value: Aggregator) => `AS${value.asn} ${formatAddress(value.address)}`

/** AGGREGATOR: RFC 7606 section 7.7; eight octets, six with a two-octet peer. */
export const aggregator: AttributeCodec<Aggregator> = {
  type: 7,
  name: 'AGGREGATOR',
  optional: true,
  transitive: true,
  malformed: 'attribute-discard',
  badFlags: 'attribute-discard',
  check: (bytes, at, end, { fourOctetAsn }) => checkAggregator(bytes, at, end, fourOctetAsn ? 4 : 2),
  decode: (bytes, at, end) => ({
    asn: end - at === 8 ? u32(bytes, at) : u16(bytes, at),
    address: readAddress(4, bytes, end - 4),
  }),
  encode: (value, into, { fourOctetAsn }) => {
    if (fourOctetAsn) into.u32(value.asn)
    else into.u16(value.asn > 0xffff ? asTrans : value.asn)
    into.bytes(addressBytes(value.address))
  },
  format: formatAggregator,
}

/** AS4_AGGREGATOR: RFC 6793 section 3. */
export const as4Aggregator: AttributeCodec<Aggregator> = {
  type: 18,
  name: 'AS4_AGGREGATOR',
  optional: true,
  transitive: true,
  malformed: 'attribute-discard',
  check: (bytes, at, end) => checkAggregator(bytes, at, end, 4),
  decode: (bytes, at) => ({ asn: u32(bytes, at), address: readAddress(4, bytes, at + 4) }),
  encode: (value, into) => void into.u32(value.asn).bytes(addressBytes(value.address)),
  format: formatAggregator,
}

function checkAggregator(bytes: Uint8Array, at: number, end: number, width: 2 | 4): string | undefined {
  if (end - at !== width + 4) return `length ${end - at} is not ${width + 4}`
  return (width === 4 ? u32(bytes, at) : u16(bytes, at)) === 0 ? 'AS 0, RFC 7607 2' : undefined
}
