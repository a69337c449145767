/** A run of the fuzzer of files: files from writers and from real daemons, damaged; what breaks something is made small. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Address, encodeAttributes, encodeMessage, encodeUpdate, hex, Prefix } from 'bgp-ts'
import { octets } from '../support/bytes.ts'
import { ipPacket, links, pcapFile, pcapngFile, tcpFlags } from '../support/capture-writer.ts'
import { joined, mrtRecord, peerTable, ribRecord, sessionRecord, tableDump } from '../support/mrt-writer.ts'
import type { Finding } from './codec-run.ts'
import { Dice } from './dice.ts'
import { checkFile } from './files.ts'

const golden = join(import.meta.dirname, '../golden/mrt')
const found = join(import.meta.dirname, 'corpus/files')

const ends = {
  ipv4: [
    { address: new Address(4, 0x0a000001), port: 40000 },
    { address: new Address(4, 0x0a000002), port: 179 },
  ],
  ipv6: [
    { address: new Address(6, 0xfd000000, 0, 0, 1), port: 40001 },
    { address: new Address(6, 0xfd000000, 0, 0, 2), port: 8179 },
  ],
} as const
const prefixes = [new Prefix('ipv4-unicast', 24, 0xcb007100), new Prefix('ipv6-unicast', 48, 0x20010db8)] as const
const attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns: [65001, 4200000001] }] } as const

/** Files to begin from: every kind of record, form of file and link layer, and what earlier runs found. */
export function fileCorpus(): Uint8Array[] {
  const kept = readdirSync(found).filter((name) => name.endsWith('.hex'))
  return [
    ...archives(),
    ...captures(),
    ...readdirSync(golden).map((name) => new Uint8Array(readFileSync(join(golden, name)))),
    ...kept.flatMap((name) =>
      readFileSync(join(found, name), 'utf8')
        .split('\n')
        .filter((line) => /^[0-9a-f]/i.test(line))
        .map(octets),
    ),
  ]
}

function archives(): Uint8Array[] {
  const list = encodeAttributes({ ...attributes, nextHop: ends.ipv4[0].address }, { fourOctetAsn: true })
  const reach = octets('800e11 10 fd000000000000000000000000000001')
  const route = { peerIndex: 0, originatedSeconds: 1_600_000_000, attributes: joined([list, reach]) }
  const peers = [
    { address: ends.ipv4[0].address, asn: 65001, routerId: 1 },
    { address: ends.ipv6[0].address, asn: 4200000001, routerId: 2 },
  ]
  const forms = [false, true].flatMap((generic) => [false, true].map((addPath) => ({ generic, addPath })))
  const table = peerTable(7, 'view', peers)
  const tables = prefixes.flatMap((prefix) => [
    ...forms.map((form) => joined([table, ribRecord(1, prefix, [route, { ...route, peerIndex: 1, pathId: 9 }], form)])),
    tableDump(1, prefix, { ...peers[prefix === prefixes[0] ? 0 : 1]!, asn: 65001 }, route),
  ])
  const update = encodeUpdate({ attributes: { ...attributes, nextHop: ends.ipv4[0].address }, nlri: [prefixes[0]] })
  const sessions = Object.values(ends).flatMap(([peer, local]) => {
    const session = { peerAsn: 65001, localAsn: 64512, peer: peer.address, local: local.address }
    const messages = [1, 4, 6, 7, 8, 9, 10, 11].map((subtype) => sessionRecord(subtype, session, update))
    const states = [0, 5].map((subtype) => sessionRecord(subtype, session, octets('0003 0006'), { microseconds: 7 }))
    return [joined(messages), joined(states)]
  })
  return [
    ...tables,
    ...sessions,
    joined([mrtRecord(11, 0, octets('00')), mrtRecord(13, 6, octets('00000001 0019 46 00 0000'))]),
  ]
}

function captures(): Uint8Array[] {
  const update = encodeUpdate({
    attributes,
    reach: { family: 'ipv6-unicast', nextHop: ends.ipv6[0].address, prefixes: [prefixes[1]] },
  })
  const stream = joined([update, encodeMessage({ kind: 'keepalive' }), update])
  const packets = Object.values(ends).flatMap(([from, to]) => [
    ipPacket(from, to, 7, new Uint8Array(0), tcpFlags.syn),
    ipPacket(from, to, 8 + 40, stream.subarray(40)),
    ipPacket(from, to, 8, stream.subarray(0, 60)),
    ipPacket(to, from, 7, encodeMessage({ kind: 'keepalive' }), tcpFlags.fin | tcpFlags.ack),
  ])
  const behind = Object.values(links).map(({ type, wrap }) => ({
    type,
    list: packets.map((ip) => ({ bytes: wrap(ip) })),
  }))
  const classic = behind.map(({ type, list }, index) =>
    pcapFile(type, list, { little: index % 2 === 0, nano: index % 3 === 0 }),
  )
  const blocks = ['enhanced', 'simple', 'old'] as const
  const sections = behind.map(({ type, list }, index) =>
    pcapngFile(type, list, { little: index % 2 === 1, block: blocks[index % 3]! }),
  )
  return [...classic, ...sections, joined([sections[0]!, sections[1]!]), stream, new TextEncoder().encode(hex(stream))]
}

/** Damages a file: several changes one upon the other. */
export function damaged(dice: Dice, one: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes = one
  for (let count = 1 + dice.below(4); count > 0 && bytes.length > 0; count--)
    bytes = dice.pick(damages)(dice, bytes, other)
  return bytes
}

type Damage = (dice: Dice, bytes: Uint8Array, other: Uint8Array) => Uint8Array

const somewhere = (dice: Dice, bytes: Uint8Array) => dice.below(bytes.length + 1)

const damages: readonly Damage[] = [
  (dice, bytes) => overwritten(bytes, dice.below(bytes.length), Uint8Array.of(dice.octet())),
  (dice, bytes) => overwritten(bytes, dice.below(bytes.length), dice.octets(1 + dice.below(4))),
  // Lengths stand in four octets, in either order, and most are small.
  (dice, bytes) => overwritten(bytes, dice.below(bytes.length), Uint8Array.of(0, 0, dice.below(2), dice.octet())),
  (dice, bytes) => overwritten(bytes, dice.below(bytes.length), Uint8Array.of(dice.octet(), dice.below(2), 0, 0)),
  (dice, bytes) => bytes.subarray(0, somewhere(dice, bytes)),
  (dice, bytes) => {
    const at = somewhere(dice, bytes)
    return joined([bytes.subarray(0, at), dice.octets(1 + dice.below(8)), bytes.subarray(at)])
  },
  (dice, bytes) => {
    const at = somewhere(dice, bytes)
    return joined([bytes.subarray(0, at), bytes.subarray(at + 1 + dice.below(8))])
  },
  (dice, bytes) => {
    const at = somewhere(dice, bytes)
    return joined([bytes.subarray(0, at + dice.below(120)), bytes.subarray(at)])
  },
  (dice, bytes, other) => joined([bytes.subarray(0, somewhere(dice, bytes)), other.subarray(somewhere(dice, other))]),
]

function overwritten(bytes: Uint8Array, at: number, value: Uint8Array): Uint8Array {
  const changed = bytes.slice()
  changed.set(value.subarray(0, bytes.length - at), at)
  return changed
}

export interface FileReport {
  inputs: number
  octets: number
  readonly findings: Finding[]
}

export interface FileTerms {
  readonly seed: number
  readonly goesOn: (inputs: number) => boolean
  readonly beginning?: (input: Uint8Array) => void
}

export async function fuzzFiles({ seed, goesOn, beginning }: FileTerms): Promise<FileReport> {
  const pool = fileCorpus()
  const report: FileReport = { inputs: 0, octets: 0, findings: [] }
  const seen = new Set<string>()
  const check = async (input: Uint8Array, turn: number) => {
    beginning?.(input)
    const what = await wrongWith(input, turn)
    const kind = what?.replace(/\d+/g, 'N').slice(0, 60)
    if (what === undefined || kind === undefined || seen.has(kind)) return
    seen.add(kind)
    report.findings.push({ turn, what, input: await smallest(input, turn) })
  }
  for (const [turn, input] of pool.entries()) for (let way = 0; way < 8; way++) await check(input, turn * 8 + way)
  while (goesOn(report.inputs)) {
    const dice = new Dice(seed, report.inputs)
    const input = damaged(dice, dice.pick(pool), dice.pick(pool))
    await check(input, report.inputs)
    report.inputs++
    report.octets += input.length
  }
  return report
}

async function wrongWith(input: Uint8Array, turn: number): Promise<string | undefined> {
  try {
    await checkFile(input, turn)
    return undefined
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
}

/** Leaves out whatever is not needed for something to be wrong. */
async function smallest(input: Uint8Array, turn: number): Promise<Uint8Array> {
  let least = input
  for (let size = least.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= least.length; ) {
      const shorter = joined([least.subarray(0, at), least.subarray(at + size)])
      if ((await wrongWith(shorter, turn)) !== undefined) least = shorter
      else at += size
    }
  }
  return least
}
