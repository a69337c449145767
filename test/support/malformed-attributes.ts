/**
 * RFC 7606 as data: each attribute, each way to be malformed, and what must come of it. Played over sessions in memory by
 * `unit/speaker/wire/reactions.test.ts`, and over TCP against a daemon by `hostile/`.
 */

import { type Family, families } from 'bgp-ts'
import { attribute } from './wire-peer.ts'

export type Sender = 'an external peer' | 'an internal peer' | 'an external two-octet peer'
const both: readonly Sender[] = ['an external peer', 'an internal peer']
const external: readonly Sender[] = ['an external peer']
const internal: readonly Sender[] = ['an internal peer']
const twoOctet: readonly Sender[] = ['an external two-octet peer']

/** `unused`: not malformed, but no route is made of it. `ignored`: the route stands, without the attribute and without a finding. */
export type Outcome =
  | 'withdraw'
  | 'discard'
  | 'unused'
  | 'ignored'
  | { readonly kept: string }
  | { readonly reset: string }

export interface Cell {
  readonly cell: string
  readonly title: string
  /** In place of the good attribute of this type, or beside the others. */
  readonly type: number
  readonly octets: string
  readonly outcome: Outcome
  readonly from: readonly Sender[]
  readonly families: readonly Family[]
}

const row = (
  cell: string,
  title: string,
  type: number,
  octetsOf: string,
  outcome: Outcome,
  from: readonly Sender[] = both,
  of: readonly Family[] = families,
): Cell => ({ cell, title, type, octets: octetsOf, outcome, from, families: of })

/** The attribute with each of these flags. */
const flagged = (
  type: number,
  value: string,
  flags: readonly string[],
  outcome: Outcome,
  from = both,
  of: readonly Family[] = families,
) =>
  flags.map((one) =>
    row(`C/${type} flags`, `0x${one} for attribute ${type}`, type, attribute(one, type, value), outcome, from, of),
  )

/** The attribute with a value of each of these lengths. */
const sized = (
  type: number,
  flags: string,
  sizes: readonly number[],
  outcome: Outcome,
  from = both,
  of: readonly Family[] = families,
) =>
  sizes.map((size) => {
    const octetsOf = attribute(flags, type, '01'.repeat(size))
    return row(`C/${type} length`, `${size} octets of attribute ${type}`, type, octetsOf, outcome, from, of)
  })

const path = (value: string) => attribute('40', 2, value)
const as4Path = (value: string) => attribute('c0', 17, value)
const ipv4: readonly Family[] = ['ipv4-unicast']

/** Types that others implement, with values that would be wrong there. */
const elsewhere = [23, 25, 28, 35, 40, 128]

export const cells: readonly Cell[] = [
  ...flagged(1, '00', ['c0', '80', '00'], 'withdraw'),
  ...sized(1, '40', [0, 2, 255], 'withdraw'),
  ...['03', 'ff'].map((value) => row('C/1 value', `origin 0x${value}`, 1, attribute('40', 1, value), 'withdraw')),

  ...flagged(2, '0201 0000fde9', ['c0', '80', '00'], 'withdraw'),
  row('C/2 length', 'a segment header cut short', 2, path('0201 0000fde9 02'), 'withdraw'),
  row('C/2 length', 'a segment that overruns', 2, path('0202 0000fde9'), 'withdraw'),
  row('C/2 length', 'a segment that ends too early', 2, path('0201 0000fde9 0000'), 'withdraw'),
  row('C/2 length', 'a segment without an ASN', 2, path('0201 0000fde9 0200'), 'withdraw'),
  row('C/2 value', 'segment type 0', 2, path('0201 0000fde9 0001 0000fdea'), 'withdraw'),
  row('C/2 value', 'segment type 5', 2, path('0201 0000fde9 0501 0000fdea'), 'withdraw'),
  row('C/2 value', 'AS 0', 2, path('0202 0000fde9 00000000'), 'withdraw'),
  row('C/2 value', 'an AS_SET', 2, path('0201 0000fde9 0101 0000fdea'), 'withdraw'),
  row('C/2 value', 'an AS_CONFED_SET', 2, path('0201 0000fde9 0401 0000fdea'), 'withdraw'),
  row('C/2 value', 'an AS_CONFED_SEQUENCE', 2, path('0301 0000fde9 0201 0000fde9'), 'withdraw', external),
  row('C/2 value', 'our own AS', 2, path('0202 0000fde9 0000fc00'), 'unused'),
  row('C/2 external', 'another first AS', 2, path('0201 0000fdea'), 'withdraw', external),
  row('C/2 external', 'no AS at all', 2, path(''), 'withdraw', external),

  // IPv6 routes have their next hop in MP_REACH_NLRI.
  ...flagged(3, '0a000001', ['c0', '80', '00'], 'withdraw', both, ipv4),
  ...sized(3, '40', [0, 3, 5, 16], 'withdraw', both, ipv4),
  ...['00000000', '00010203', '7f000001', 'e0000001', 'f0000001', 'ffffffff', '0a000002'].map((hop) =>
    row('C/3 value', `next hop ${hop}`, 3, attribute('40', 3, hop), 'unused', both, ipv4),
  ),

  ...flagged(4, '00000001', ['40', 'c0', '00'], 'withdraw'),
  ...sized(4, '80', [0, 3, 5], 'withdraw'),

  ...flagged(5, '00000001', ['c0', '80', '00'], 'withdraw', internal),
  ...sized(5, '40', [0, 3, 5], 'withdraw', internal),
  row('C/5 external', 'a good one', 5, attribute('40', 5, '00000001'), 'ignored', external),
  row('C/5 external', 'wrong flags', 5, attribute('c0', 5, '00000001'), 'ignored', external),
  row('C/5 external', 'a wrong length', 5, attribute('40', 5, '0001'), 'ignored', external),

  ...flagged(6, '', ['c0', '80', '00'], 'discard'),
  ...sized(6, '40', [1, 4], 'discard'),

  ...flagged(7, '0000fde9 0a000001', ['40', '80', '00'], 'discard'),
  ...sized(7, 'c0', [0, 6, 7, 9], 'discard'),
  row('C/7 value', 'AS 0', 7, attribute('c0', 7, '00000000 0a000001'), 'discard'),

  ...flagged(8, 'fde90001', ['40', '80', '00'], 'withdraw'),
  ...sized(8, 'c0', [0, 3, 5], 'withdraw'),

  ...flagged(9, '0a000009', ['40', 'c0', '00'], 'withdraw', internal),
  ...sized(9, '80', [0, 3, 5], 'withdraw', internal),
  row('C/9 external', 'a good one', 9, attribute('80', 9, '0a000009'), 'ignored', external),
  row('C/9 external', 'a wrong length', 9, attribute('80', 9, '0a'), 'ignored', external),

  ...flagged(10, '0a000009', ['40', 'c0', '00'], 'withdraw', internal),
  ...sized(10, '80', [0, 3, 5], 'withdraw', internal),
  row('C/10 external', 'a good one', 10, attribute('80', 10, '0a000009'), 'ignored', external),
  row('C/10 external', 'a wrong length', 10, attribute('80', 10, '0a'), 'ignored', external),

  ...flagged(16, '0002fde9 00000001', ['40', '80', '00'], 'withdraw'),
  ...sized(16, 'c0', [0, 7, 9], 'withdraw'),
  ...['0102030405060708', 'ffffffffffffffff'.replace('ff', '3f')].map((value) =>
    row('C/16 value', `the community ${value}`, 16, attribute('c0', 16, value), { kept: attribute('c0', 16, value) }),
  ),

  ...flagged(17, '0201 fa56ea01', ['40', '80', '00'], 'withdraw', twoOctet),
  ...sized(17, 'c0', [0, 1, 5], 'discard', twoOctet),
  row('C/17 value', 'a segment without an ASN', 17, as4Path('0200 0201 fa56ea01'), 'discard', twoOctet),
  row('C/17 value', 'segment type 5', 17, as4Path('0501 fa56ea01'), 'discard', twoOctet),
  row('C/17 value', 'AS 0', 17, as4Path('0201 00000000'), 'discard', twoOctet),
  row('C/17 value', 'an AS_SET', 17, as4Path('0101 fa56ea01'), 'withdraw', twoOctet),
  row('C/17 value', 'an AS_CONFED_SET', 17, as4Path('0401 fa56ea01'), 'withdraw', twoOctet),
  row('C/17 value', 'a good one', 17, as4Path('0201 fa56ea01'), 'ignored'),
  row('C/17 value', 'an odd one', 17, as4Path('0101 00'), 'ignored'),

  ...flagged(18, 'fa56ea01 0a000001', ['40', '80', '00'], 'withdraw', twoOctet),
  ...sized(18, 'c0', [0, 6, 9], 'discard', twoOctet),
  row('C/18 value', 'AS 0', 18, attribute('c0', 18, '00000000 0a000001'), 'discard', twoOctet),
  row('C/18 value', 'a good one', 18, attribute('c0', 18, 'fa56ea01 0a000001'), 'ignored'),
  row('C/18 value', 'an odd one', 18, attribute('c0', 18, '00'), 'ignored'),

  ...flagged(26, '01000b 0000000000000001', ['40', 'c0', '00'], 'discard'),
  ...sized(26, '80', [0, 2, 10], 'ignored'),
  row('C/26 value', 'a good one', 26, attribute('80', 26, '01000b 0000000000000001'), 'ignored'),

  ...flagged(32, '0000fde9 00000001 00000002', ['40', '80', '00'], 'withdraw'),
  ...sized(32, 'c0', [0, 11, 13], 'withdraw'),
  row('C/32 value', 'one community twice', 32, attribute('c0', 32, '0000fde9 00000001 00000002'.repeat(2)), {
    kept: attribute('c0', 32, '0000fde9 00000001 00000002'),
  }),

  ...elsewhere.flatMap((type) => [
    row('C/opaque flags', `attribute ${type} with Partial`, type, attribute('e0', type, '0102'), {
      kept: attribute('e0', type, '0102'),
    }),
    row('C/opaque flags', `attribute ${type} that is not transitive`, type, attribute('80', type, '0102'), 'ignored'),
    row('C/opaque length', `no octets of attribute ${type}`, type, attribute('c0', type, ''), {
      kept: attribute('e0', type, ''),
    }),
    row('C/opaque length', `1024 octets of attribute ${type}`, type, attribute('d0', type, '5a'.repeat(1024)), {
      kept: attribute('f0', type, '5a'.repeat(1024)),
    }),
    row('C/opaque value', `attribute ${type} of all ones`, type, attribute('c0', type, 'ff'.repeat(5)), {
      kept: attribute('e0', type, 'ff'.repeat(5)),
    }),
  ]),
  row('C/opaque value', 'attribute 29, which is not transitive', 29, attribute('80', 29, 'ffff'), 'ignored'),

  row('C/transitive value', 'attribute 99', 99, attribute('c0', 99, '010203'), { kept: attribute('e0', 99, '010203') }),
  row('C/transitive value', 'attribute 255', 255, attribute('c0', 255, ''), { kept: attribute('e0', 255, '') }),
  row('C/non-transitive value', 'attribute 99', 99, attribute('80', 99, '010203'), 'ignored'),
  ...['4063020102', '506300020102', '0063020102', '40000100'].map((octetsOf) =>
    row('C/well-known value', octetsOf, Number.parseInt(octetsOf.slice(2, 4), 16), octetsOf, {
      reset: `3/2 ${octetsOf}`,
    }),
  ),
]
