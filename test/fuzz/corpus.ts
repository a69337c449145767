/**
 * Messages to begin from: the golden ones, one from the encoders for each capability and attribute, alone and together, and those that
 * earlier runs left in `corpus/`: each line a message in hex, with a comment that says why it is there.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  Address,
  type Attributes,
  type Capability,
  encodeMessage,
  encodeUpdate,
  endOfRib,
  type Family,
  families,
  Prefix,
} from 'bgp-ts'
import { octets } from '../support/bytes.ts'
import { type Item, putTogether } from './shape.ts'

const here = import.meta.dirname

/** What earlier runs found or kept, by file. */
export function keptMessages(): Uint8Array[] {
  return hexFiles(join(here, 'corpus')).flatMap((text) =>
    text
      .split('\n')
      .filter((line) => /^[0-9a-f]/i.test(line))
      .map(octets),
  )
}

export function corpus(): Uint8Array[] {
  const golden = hexFiles(join(here, '../golden')).map((text) =>
    octets(
      text
        .split('\n')
        .filter((line) => !line.startsWith('>'))
        .join('\n'),
    ),
  )
  return [...golden, ...opens(), ...updates(), ...others(), ...keptMessages()]
}

function hexFiles(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.hex'))
  return names.sort().map((name) => readFileSync(join(folder, name), 'utf8'))
}

const pair = { afi: 2, safi: 1 }
const v4 = { afi: 1, safi: 1 }
const capabilities: readonly Capability[] = [
  { kind: 'multiprotocol', ...v4 },
  { kind: 'multiprotocol', ...pair },
  { kind: 'route-refresh' },
  { kind: 'extended-next-hop', tuples: [{ ...v4, nextHopAfi: 2 }] },
  { kind: 'extended-message' },
  {
    kind: 'graceful-restart',
    restarting: true,
    notification: true,
    restartTime: 120,
    families: [v4, pair].map((one) => ({ ...one, forwarding: true })),
  },
  { kind: 'four-octet-asn', asn: 4200000001 },
  { kind: 'add-path', families: [v4, pair].map((one) => ({ ...one, send: true, receive: true })) },
  { kind: 'enhanced-route-refresh' },
  { kind: 'long-lived-graceful-restart', families: [{ ...pair, forwarding: false, staleTime: 3600 }] },
  { kind: 'fqdn', host: 'tor1', domain: 'example.net' },
  { kind: 'unknown', code: 9, value: Uint8Array.of(3) },
]

function opens(): Uint8Array[] {
  const open = (list: readonly Capability[]) =>
    encodeMessage({ kind: 'open', asn: 65001, holdTime: 90, routerId: 0x0a000001, capabilities: list })
  const many = Array.from({ length: 12 }, () => capabilities).flat()
  return [open([]), ...capabilities.map((one) => open([one])), open(capabilities), open(many)]
}

const hop = { 'ipv4-unicast': new Address(4, 0x0a000001), 'ipv6-unicast': new Address(6, 0xfd000000, 0, 0, 1) }
const mandatory: Attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns: [65001, 4200000001] }] }
const optional: Attributes = {
  med: 7,
  localPref: 100,
  atomicAggregate: true,
  aggregator: { asn: 65001, address: hop['ipv4-unicast'] },
  communities: [0xfde90001, 0xffffff01, 0xffff0006],
  originatorId: 0x0a000009,
  clusterList: [0x0a000009, 0x0a00000a],
  extendedCommunities: [{ high: 0x0002fde9, low: 1 }],
  largeCommunities: [[65001, 1, 2]],
  unknown: [
    { flags: 0xc0, type: 99, value: new Uint8Array(300).fill(0x5a) },
    { flags: 0x80, type: 26, value: Uint8Array.of(1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 1) },
    { flags: 0xc0, type: 28, value: Uint8Array.of(1, 2, 3) },
  ],
}

const prefixes: Record<Family, readonly Prefix[]> = {
  'ipv4-unicast': [
    new Prefix('ipv4-unicast', 24, 0xc6336400),
    new Prefix('ipv4-unicast', 0, 0),
    new Prefix('ipv4-unicast', 32, 0xc0000201),
  ],
  'ipv6-unicast': [
    new Prefix('ipv6-unicast', 48, 0x20010db8, 0x10000),
    new Prefix('ipv6-unicast', 0, 0),
    new Prefix('ipv6-unicast', 128, 0x20010db8, 0, 0, 1),
  ],
}

/** One UPDATE of each family with each optional attribute alone, and with all of them, towards both widths of ASNs. */
function updates(): Uint8Array[] {
  const alone = Object.entries(optional).map(([name, value]) => ({ ...mandatory, [name]: value }) as Attributes)
  const lists: readonly Attributes[] = [mandatory, ...alone, { ...mandatory, ...optional }]
  const made = families.flatMap((family) =>
    lists.flatMap((attributes) =>
      [true, false].flatMap((fourOctetAsn) => announcements(family, attributes, fourOctetAsn)),
    ),
  )
  const withdrawals = families.map((family) => encodeUpdate({ unreach: { family, prefixes: prefixes[family] } }))
  const both = encodeUpdate({
    withdrawn: prefixes['ipv4-unicast'],
    unreach: { family: 'ipv6-unicast', prefixes: prefixes['ipv6-unicast'] },
    reach: { family: 'ipv6-unicast', nextHop: hop['ipv6-unicast'], prefixes: prefixes['ipv6-unicast'] },
    attributes: { ...mandatory, nextHop: hop['ipv4-unicast'] },
    nlri: prefixes['ipv4-unicast'],
  })
  return [...made, ...withdrawals, both, ...families.map(endOfRib), ...written]
}

function announcements(family: Family, attributes: Attributes, fourOctetAsn: boolean): Uint8Array[] {
  const context = { fourOctetAsn }
  const reach = { family, nextHop: hop[family], prefixes: prefixes[family] }
  const asReach = encodeUpdate({ attributes, reach }, context)
  if (family === 'ipv6-unicast') return [asReach]
  const nextHop = hop[family]
  const plain = encodeUpdate({ attributes: { ...attributes, nextHop }, nlri: prefixes[family] }, context)
  const viaIpv6 = encodeUpdate({ attributes, reach: { ...reach, nextHop: hop['ipv6-unicast'] } }, context)
  return [plain, asReach, viaIpv6]
}

/** What the encoders never say: all kinds of segments, path identifiers, a next hop of 32 octets, another family. */
const item = (flags: number, type: number, value: string): Item => ({ flags, type, value: octets(value) })
const written = [
  [item(0x40, 2, '0102 0000fde9 0000fdea 0301 0000fde9 0401 0000fdea 0201 0000fde9')],
  [item(0x40, 2, '0202 fde9 fdea'), item(0xc0, 17, '0201 fa56ea01'), item(0xc0, 18, 'fa56ea01 0a000009')],
  [item(0x80, 14, '000201 20 fd000000000000000000000000000001 fe800000000000000000000000000001 00 3020010db80001')],
  [item(0x80, 14, '000101 04 0a000001 00 00000001 18c63364 00000002 18c63364')],
  [item(0x80, 14, '000180 0c 0000000000000000 0a000001 00 70000000000000000000000000'), item(0x80, 15, '000180')],
].map((items) =>
  putTogether({
    kind: 'update',
    withdrawn: new Uint8Array(0),
    items: [item(0x40, 1, '00'), ...(items[0]!.type === 2 ? [] : [item(0x40, 2, '0201 0000fde9')]), ...items],
    nlri: items[0]!.type === 2 ? octets('18c63364') : new Uint8Array(0),
    lies: [0, 0],
  }),
)

function others(): Uint8Array[] {
  const notification = (code: number, subcode: number, data: string) =>
    encodeMessage({ kind: 'notification', code, subcode, data: octets(data) })
  return [
    encodeMessage({ kind: 'keepalive' }),
    ...[0, 1, 2].map((subtype) => encodeMessage({ kind: 'route-refresh', ...pair, subtype })),
    notification(6, 2, '0568656c6c6f'),
    notification(6, 9, '0602 0568656c6c6f'),
    notification(6, 9, '0609 0609 0609 0602 0568656c6c6f'),
    notification(2, 7, '010400020001'),
    notification(3, 5, '40020000'),
  ]
}
