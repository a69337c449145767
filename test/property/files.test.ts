/** Files that are written and read back: MRT records of every kind, and sessions in captures that a network has shuffled, cut and repeated. */

import {
  Address,
  type Attributes,
  type CapturedMessage,
  encodeAttributes,
  encodeMessage,
  encodeUpdate,
  type Family,
  familyNumbers,
  formatEndpoint,
  hex,
  isFault,
  type MrtRecord,
  Prefix,
  readCapture,
  readMrt,
  readRibAttributes,
} from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { ipPacket, links, pcapFile, pcapngFile, tcpFlags, type WrittenEnd } from '../support/capture-writer.ts'
import { all, inChunks, joined, peerTable, ribRecord, sessionRecord } from '../support/mrt-writer.ts'

const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const asn = fc.integer({ min: 1, max: 0xffffffff })
const ipv4 = u32.map((word) => new Address(4, word))
const ipv6 = fc.tuple(u32, u32, u32, u32).map(([a, b, c, d]) => new Address(6, a, b, c, d))
const family = fc.constantFrom<Family>('ipv4-unicast', 'ipv6-unicast')
const prefix = family.chain((of) =>
  fc
    .tuple(fc.integer({ min: 0, max: familyNumbers[of].bits }), u32, u32, u32, u32)
    .map(
      ([length, a, b, c, d]) => new Prefix(of, length, ...((of === 'ipv4-unicast' ? [a] : [a, b, c, d]) as [number])),
    ),
)
const attributes: fc.Arbitrary<Attributes> = fc.record({
  origin: fc.constantFrom('igp', 'egp', 'incomplete'),
  asPath: fc.array(asn, { minLength: 1, maxLength: 10 }).map((asns) => [{ type: 'sequence', asns }] as const),
  nextHop: ipv4,
  med: u32,
  // A set: in order, each once.
  communities: fc.uniqueArray(u32, { minLength: 1, maxLength: 4 }).map((list) => list.sort((a, b) => a - b)),
})

const peer = fc.record({ address: fc.oneof(ipv4, ipv6), asn, routerId: u32 })
const table = fc.tuple(fc.array(peer, { minLength: 1, maxLength: 8 }), fc.stringMatching(/^[a-z0-9 ]{0,20}$/))
const rib = fc.record({
  sequence: u32,
  prefix,
  routes: fc.array(fc.record({ peerIndex: u16, originatedSeconds: u32, pathId: u32, attributes }), { maxLength: 4 }),
  form: fc.record({ generic: fc.boolean(), addPath: fc.boolean() }),
})
const message = fc.oneof(
  fc.constant(encodeMessage({ kind: 'keepalive' })),
  fc
    .tuple(attributes, fc.array(prefix, { minLength: 1, maxLength: 20 }))
    .map(([given, prefixes]) =>
      encodeUpdate({ attributes: given, nlri: prefixes.filter((one) => one.family === 'ipv4-unicast') }),
    ),
)
const session = fc
  .tuple(fc.boolean(), ipv4, ipv4, ipv6, ipv6)
  .map(([narrow, a, b, c, d]) => (narrow ? { peer: a, local: b } : { peer: c, local: d }))
  .chain((addresses) =>
    fc.record({ peerAsn: asn, localAsn: asn, interfaceIndex: u16 }).map((one) => ({ ...addresses, ...one })),
  )
const heard = fc.record({
  session,
  message,
  head: fc.record({ seconds: u32, microseconds: fc.integer({ min: 0, max: 999_999 }) }),
})

const withoutFault = (records: readonly (MrtRecord | { kind: 'fault' })[]): MrtRecord[] =>
  records.map((record) => {
    if (record.kind === 'fault') throw new Error(JSON.stringify(record))
    return record
  })

describe('MRT that is written and read', () => {
  it('gives the peers, the routes and the messages that went in, whatever the chunks', async () => {
    const given = fc.tuple(
      table,
      fc.array(rib, { maxLength: 5 }),
      fc.array(heard, { maxLength: 5 }),
      fc.integer({ min: 1, max: 200 }),
    )
    await fc.assert(
      fc.asyncProperty(given, async ([[peers, view], ribs, messages, size]) => {
        const file = joined([
          peerTable(7, view, peers),
          ...ribs.map((one) => {
            const routes = one.routes.map((route) => ({
              ...route,
              peerIndex: route.peerIndex % peers.length,
              attributes: encodeAttributes(route.attributes, { fourOctetAsn: true }),
            }))
            return ribRecord(one.sequence, one.prefix, routes, one.form)
          }),
          ...messages.map((one) => sessionRecord(4, one.session, one.message, one.head)),
        ])
        const [first, ...others] = withoutFault(await all(readMrt(inChunks(file, size))))
        expect(first).to.deep.include({ kind: 'peer-table', routerId: 7, viewName: view, peers })
        for (const [index, one] of ribs.entries()) {
          const found = others[index]
          if (found?.kind !== 'rib') throw new Error(`no table entry: ${found?.kind}`)
          expect([found.sequence, String(found.prefix)]).to.deep.equal([one.sequence, String(one.prefix)])
          const routes = found.routes.map((route) => ({
            peer: route.peer,
            originatedSeconds: route.originatedSeconds,
            pathId: route.pathId,
            attributes: readRibAttributes(route).attributes,
          }))
          const expected = one.routes.map(({ peerIndex, originatedSeconds, pathId, attributes: own }) => ({
            peer: peers[peerIndex % peers.length],
            originatedSeconds,
            pathId: one.form.addPath ? pathId : 0,
            attributes: own,
          }))
          expect(routes).to.deep.equal(expected)
        }
        for (const [index, one] of messages.entries()) {
          const { seconds, microseconds } = one.head
          expect(others[ribs.length + index]).to.deep.include({
            ...one.session,
            message: one.message,
            time: { seconds, nanoseconds: microseconds * 1000 },
          })
        }
      }),
      { numRuns: 150 },
    )
  })
})

const conversation = fc.record({
  narrow: fc.boolean(),
  initial: u32,
  messages: fc.array(message, { minLength: 1, maxLength: 12 }),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
  again: fc.array(fc.nat(11), { maxLength: 6 }),
})
type Conversation = typeof conversation extends fc.Arbitrary<infer Value> ? Value : never

const endsOf = (narrow: boolean, index: number): readonly [WrittenEnd, WrittenEnd] => {
  const address = (last: number) =>
    narrow ? new Address(4, 0x0a000000 | last) : new Address(6, 0xfd000000, 0, 0, last)
  return [
    { address: address(1), port: 40000 + index },
    { address: address(2), port: 179 },
  ]
}

/** The SYN, and the segments in their order, some of them twice. */
function segmentsOf({ narrow, initial, messages, cuts, again }: Conversation, index: number): Uint8Array[] {
  const [from, to] = endsOf(narrow, index)
  const stream = joined(messages)
  const edges = [...new Set([0, ...cuts.map((cut) => Math.floor(cut * stream.length)), stream.length])].sort(
    (a, b) => a - b,
  )
  const pieces = edges.slice(1).map((end, piece) => {
    const at = edges[piece]!
    return ipPacket(from, to, (initial + 1 + at) >>> 0, stream.slice(at, end))
  })
  const repeated = again.flatMap((piece) => pieces[piece] ?? [])
  return [ipPacket(from, to, initial, new Uint8Array(0), tcpFlags.syn), ...pieces, ...repeated]
}

describe('sessions that are captured and read', () => {
  it('are whole and in order, whatever became of their segments', async () => {
    const given = fc.record({
      conversations: fc.array(conversation, { minLength: 1, maxLength: 3 }),
      order: fc.array(u32, { minLength: 80, maxLength: 80 }),
      link: fc.constantFrom(...Object.values(links)),
      form: fc.constantFrom('pcap', 'pcapng'),
      little: fc.boolean(),
      size: fc.integer({ min: 1, max: 3000 }),
    })
    await fc.assert(
      fc.asyncProperty(given, async ({ conversations, order, link, form, little, size }) => {
        const sets = conversations.map(segmentsOf)
        const shuffled = sets
          .flatMap(([, ...pieces]) => pieces)
          .map((packet, index) => ({ packet, rank: order[index % order.length]! }))
          .sort((a, b) => a.rank - b.rank)
        const packets = [...sets.map(([syn]) => syn!), ...shuffled.map(({ packet }) => packet)]
        const written = packets.map((ip) => ({ bytes: link.wrap(ip) }))
        const file =
          form === 'pcap' ? pcapFile(link.type, written, { little }) : pcapngFile(link.type, written, { little })
        const found = await all(readCapture(inChunks(file, size)))
        expect(found.filter((one) => isFault(one))).to.deep.equal([])
        for (const [index, { narrow, messages }] of conversations.entries()) {
          const [from] = endsOf(narrow, index)
          const mine = (found as CapturedMessage[]).filter((one) => formatEndpoint(one.from) === formatEndpoint(from))
          expect(mine.map((one) => hex(one.message))).to.deep.equal(messages.map((one) => hex(one)))
        }
      }),
      { numRuns: 150 },
    )
  })
})
