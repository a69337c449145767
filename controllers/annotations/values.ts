/** The values of annotations: lists, booleans, numbers, CIDRs, communities. Each reader returns the value or says what would be right. */

import type { ExtendedCommunity, LargeCommunity, Prefix } from 'bgp-ts'
import {
  type Communities,
  communitiesOf,
  communityNames,
  parseCommunityPattern,
  parsePrefix,
} from '../../policy/index.ts'

/** A value, or what is wrong with which item. */
export type Read<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly item: string; readonly expected: string }

export const good = <Value>(value: Value): Read<Value> => ({ ok: true, value })
export const bad = (item: string, expected: string): Read<never> => ({ ok: false, item, expected })

/** Items between commas, without the white space around them. */
export function splitList(text: string): string[] {
  return text.split(',').map((item) => item.trim())
}

/** Reads every item of a list; the first wrong one is the result. */
export function readList<Value>(text: string, read: (item: string) => Read<Value>): Read<Value[]> {
  const values: Value[] = []
  for (const item of splitList(text)) {
    const one = read(item)
    if (!one.ok) return one
    values.push(one.value)
  }
  return good(values)
}

/** The words that kube-router's parser takes for true and false; anything else is undefined. */
export function readBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false
  return undefined
}

/** The same words, where anything else is a fault. */
export function readSwitch(text: string): Read<boolean> {
  const value = readBool(text)
  return value === undefined ? bad(text, 'is neither "true" nor "false"') : good(value)
}

export function readCidr(text: string): Read<Prefix> {
  const prefix = parsePrefix(text)
  return prefix ? good(prefix) : bad(text, 'is not a CIDR such as 10.0.0.0/16 or 2001:db8::/64')
}

/** Decimal, or hexadecimal after `0x`, within 32 bits. */
export function readUint32(text: string): Read<number> {
  const value = /^(\d+|0[xX][0-9a-fA-F]+)$/.test(text) ? Number(text) : Number.NaN
  return value <= 0xffffffff ? good(value) : bad(text, 'is not a number from 0 to 4294967295')
}

export function readPort(text: string): Read<number> {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  return value >= 1 && value <= 65535 ? good(value) : bad(text, 'is not a port from 1 to 65535')
}

/** ASNs that a peer may have: neither reserved ones nor AS_TRANS. */
export function readPeerAsn(text: string): Read<number> {
  const read = readUint32(text)
  const usable = (asn: number) =>
    (asn >= 1 && asn <= 23455) ||
    (asn >= 23457 && asn <= 63999) ||
    (asn >= 64512 && asn <= 65534) ||
    (asn >= 131072 && asn <= 4294967294)
  if (read.ok && usable(read.value)) return read
  return bad(text, 'is not an ASN that a peer may have: 1-23455, 23457-63999, 64512-65534, 131072-4294967294')
}

/** A decimal number, `asn:value`, or a well-known name. */
export function readCommunity(text: string): Read<number> {
  const known = communityNames[text.toLowerCase()]
  if (known !== undefined) return good(known)
  const pair = /^(\d{1,5}):(\d{1,5})$/.exec(text)
  if (pair && Number(pair[1]) <= 0xffff && Number(pair[2]) <= 0xffff) {
    return good(((Number(pair[1]) << 16) | Number(pair[2])) >>> 0)
  }
  if (/^\d+$/.test(text) && Number(text) <= 0xffffffff) return good(Number(text))
  return bad(text, 'is not a community such as 65000:100, a decimal number, or a well-known name such as no-export')
}

/** What text names as one community of any sort, without wildcards and ranges. */
function oneCommunity(text: string): Communities | undefined {
  const pattern = parseCommunityPattern(text)
  const communities = pattern && communitiesOf([pattern])
  return communities && 'large' in communities ? communities : undefined
}

/** Three decimal numbers of 32 bits (RFC 8092 section 5). */
export function readLargeCommunity(text: string): Read<LargeCommunity> {
  const large = oneCommunity(text)?.large[0]
  return large ? good(large) : bad(text, 'is not a large community: three numbers of 32 bits such as 64512:1:2')
}

/** `rt:` or `soo:` with an ASN or an IPv4 address and a number (RFC 4360 section 4, RFC 5668), or 16 hexadecimal digits after `0x`. */
export function readExtendedCommunity(text: string): Read<ExtendedCommunity> {
  const extended = oneCommunity(text)?.extended[0]
  if (extended) return good(extended)
  const forms = 'rt:64512:100, soo:192.0.2.1:100, or 16 hexadecimal digits after 0x'
  return bad(text, `is not an extended community such as ${forms}`)
}

/** How often an ASN is put before a path. */
export function readCount(text: string): Read<number> {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  return value >= 1 && value <= 255 ? good(value) : bad(text, 'is not a count from 1 to 255')
}
