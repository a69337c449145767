import {
  Address,
  type Attributes,
  acrossBorder,
  type Capability,
  checkNlri,
  copyAcrossBorder,
  decodeAttributes,
  decodeMessage,
  describeMessage,
  encodeAttributes,
  encodeMessage,
  encodeUpdate,
  type Family,
  Framer,
  families,
  familyNumbers,
  formatAddress,
  formatPrefix,
  hex,
  isFault,
  judgeAttributes,
  type Message,
  newUpdateParts,
  Prefix,
  readPrefixes,
  scanUpdate,
} from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { judgeEach } from '../../bgp/judge.ts'
import { readPlainList } from '../../bgp/plain-list.ts'
import { newSummary } from '../../bgp/summary.ts'
import { parseAddress, parsePrefix } from '../../policy/text.ts'
import { octets } from '../support/bytes.ts'

const octet = fc.integer({ min: 0, max: 255 })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const asn = fc.oneof(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 65536, max: 0xffffffff }))
const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const ipv4 = u32.map((word) => new Address(4, word))
const ipv6 = fc.tuple(u32, u32, u32, u32).map(([a, b, c, d]) => new Address(6, a, b, c, d))

function prefixOf(family: Family): fc.Arbitrary<Prefix> {
  return fc
    .tuple(fc.integer({ min: 0, max: familyNumbers[family].bits }), u32, u32, u32, u32)
    .map(([length, a, b, c, d]) =>
      family === 'ipv4-unicast' ? new Prefix(family, length, a) : new Prefix(family, length, a, b, c, d),
    )
}

/** One attribute in octets, its value well formed but for what a list may be turned down for: order, repeats, sets, length. */
const attribute = (own: number, type: number, value: fc.Arbitrary<readonly number[]>): fc.Arbitrary<number[]> =>
  value.map((octetsOfValue) => [
    own | 0x10,
    type,
    octetsOfValue.length >>> 8,
    octetsOfValue.length & 255,
    ...octetsOfValue,
  ])
const exactly = (size: number) => fc.array(octet, { minLength: size, maxLength: size })
const some = (size: number, most: number) =>
  fc.oneof(
    exactly(size),
    fc
      .array(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: size, maxLength: size }), { maxLength: most })
      .map((all) => all.flat()),
    fc.array(fc.array(octet, { minLength: size, maxLength: size }), { maxLength: most }).map((all) => all.flat()),
  )
const segment = fc
  .tuple(fc.constantFrom(2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 3), fc.constantFrom(1, 2, 5, 62, 63, 254, 255), octet)
  .map(([type, count, fill]) => [type, count, ...Array.from({ length: count }, () => [0, 0, 1, fill]).flat()])
const path = attribute(
  0x40,
  2,
  fc.array(segment, { maxLength: 2 }).map((all) => all.flat()),
)
const ownOrigin = attribute(0x40, 1, fc.constantFrom([0], [2]))
const one = fc.oneof(
  attribute(0x40, 3, exactly(4)),
  attribute(0x80, 4, exactly(4)),
  attribute(0x40, 5, exactly(4)),
  attribute(0x40, 6, fc.constant([])),
  attribute(0xc0, 7, exactly(8)),
  attribute(0xe0, 8, some(4, 70)),
  attribute(0x80, 9, exactly(4)),
  attribute(0x80, 10, some(4, 3)),
  attribute(0xc0, 16, some(8, 3)),
  attribute(0xc0, 32, some(12, 3)),
  attribute(0xc0, 99, fc.constant([1])),
)

const pair = { afi: u16, safi: octet }
const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ kind: fc.constant('multiprotocol' as const), ...pair }),
  fc.constantFrom<Capability>(
    { kind: 'route-refresh' },
    { kind: 'extended-message' },
    { kind: 'enhanced-route-refresh' },
  ),
  fc.record({ kind: fc.constant('four-octet-asn' as const), asn: u32 }),
  fc.record({
    kind: fc.constant('graceful-restart' as const),
    restarting: fc.boolean(),
    notification: fc.boolean(),
    restartTime: fc.integer({ min: 0, max: 4095 }),
    families: fc.array(fc.record({ ...pair, forwarding: fc.boolean() }), { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('add-path' as const),
    families: fc.array(
      fc.record({ ...pair, send: fc.boolean(), receive: fc.boolean() }).filter(({ send, receive }) => send || receive),
      { maxLength: 5 },
    ),
  }),
  fc.record({
    kind: fc.constant('extended-next-hop' as const),
    tuples: fc.array(fc.record({ afi: u16, safi: u16, nextHopAfi: u16 }), { maxLength: 5 }),
  }),
  fc.record({
    kind: fc.constant('fqdn' as const),
    host: fc.stringMatching(/^[a-z0-9-]{0,30}$/),
    domain: fc.stringMatching(/^[a-z0-9.-]{0,30}$/),
  }),
  fc.record({ kind: fc.constant('unknown' as const), code: fc.integer({ min: 128, max: 255 }), value: bytes(40) }),
)

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    asn: u16,
    holdTime: u16,
    routerId: u32,
    capabilities: fc.array(capability, { maxLength: 12 }),
  }),
  fc.record({ kind: fc.constant('notification' as const), code: octet, subcode: octet, data: bytes(200) }),
  fc.constant<Message>({ kind: 'keepalive' }),
  fc.record({ kind: fc.constant('route-refresh' as const), afi: u16, safi: octet, subtype: octet }),
  bytes(200).map((body): Message => ({ kind: 'update', body: Uint8Array.of(0, 0, 0, 0, ...body) })),
)

const sortedSet = (values: number[]) => [...new Set(values)].sort((a, b) => a - b)
const attributes: fc.Arbitrary<Attributes> = fc.record(
  {
    origin: fc.constantFrom('igp' as const, 'egp' as const, 'incomplete' as const),
    asPath: fc.array(
      fc.record({ type: fc.constant('sequence' as const), asns: fc.array(asn, { minLength: 1, maxLength: 10 }) }),
      { maxLength: 3 },
    ),
    nextHop: ipv4,
    med: u32,
    localPref: u32,
    atomicAggregate: fc.constant(true as const),
    aggregator: fc.record({ asn, address: ipv4 }),
    communities: fc.array(u32, { minLength: 1, maxLength: 80 }).map(sortedSet),
    originatorId: u32,
    clusterList: fc.array(u32, { minLength: 1, maxLength: 4 }),
    extendedCommunities: fc.tuple(u32, u32).map(([high, low]) => [{ high, low }]),
    largeCommunities: fc.tuple(u32, u32, u32).map((value) => [value]),
    unknown: fc
      .record({ flags: fc.constantFrom(0xc0, 0xe0), type: fc.integer({ min: 40, max: 255 }), value: bytes(300) })
      .map((one) => [one]),
  },
  { requiredKeys: ['origin', 'asPath'] },
)

function receive(stream: Uint8Array): { messages: Message[]; ended: boolean } {
  const messages: Message[] = []
  const framer = new Framer()
  framer.maximumLength = 65535
  let refused = false
  const fault = framer.push(stream, (type, chunk, at, end) => {
    const decoded = decodeMessage(type, chunk, at, end)
    if (isFault(decoded)) refused = true
    else messages.push(decoded)
    return !refused
  })
  return { messages, ended: refused || fault !== undefined }
}

describe('codec', () => {
  it('C30 decodes what it encodes, for every message', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), (messages) => {
        const stream = Uint8Array.from(messages.flatMap((one) => [...encodeMessage(one)]))
        expect(receive(stream)).to.deep.equal({ messages, ended: false })
      }),
    )
  })

  it('C30 decodes the attributes it encodes, and judges them as good', () => {
    fc.assert(
      fc.property(attributes, (value) => {
        const list = encodeAttributes(value, { fourOctetAsn: true })
        expect(decodeAttributes(list, 0, list.length, { fourOctetAsn: true })).to.deep.equal(value)
        const sender = { external: false, fourOctetAsn: true, localAsn: 0, firstAsn: 0 }
        const { reaction, canonical } = judgeAttributes(list, 0, list.length, sender)
        expect(reaction).to.equal('none')
        if (canonical && !value.unknown) expect(hex(canonical)).to.equal(hex(list))
      }),
    )
  })

  it('F3 gives a two-octet peer a list from which it is whole again', () => {
    fc.assert(
      fc.property(attributes, (value) => {
        const list = encodeAttributes({ ...value, unknown: [] }, { fourOctetAsn: false })
        const sender = { external: false, fourOctetAsn: false, localAsn: 0, firstAsn: 0 }
        const { canonical } = judgeAttributes(list, 0, list.length, sender)
        const hops = (path: Attributes['asPath']) => path?.flatMap(({ asns }) => asns)
        const kept = decodeAttributes(canonical!, 0, canonical!.length, { fourOctetAsn: true })
        expect(hops(kept.asPath)).to.deep.equal(hops(value.asPath))
        expect(kept.aggregator).to.deep.equal(value.aggregator)
      }),
    )
  })

  for (const family of families) {
    it(`C30 carries ${family} routes whole in an UPDATE`, () => {
      fc.assert(
        fc.property(fc.array(prefixOf(family), { minLength: 1, maxLength: 50 }), ipv6, (prefixes, nextHop) => {
          const body = encodeUpdate({ reach: { family, nextHop, prefixes } }).slice(19)
          const parts = newUpdateParts()
          expect(scanUpdate(body, 0, body.length, parts)).to.equal(undefined)
          const nlriAt = parts.reachAt + 4 + 16 + 1
          expect(checkNlri(body, nlriAt, parts.reachEnd, family)).to.equal(undefined)
          expect(readPrefixes(body, nlriAt, parts.reachEnd, family)).to.deep.equal(prefixes)
        }),
      )
    })
  }

  it('A5 gives the same messages for any segmentation', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 60 })), (messages, sizes) => {
        const stream = Uint8Array.from(messages.flatMap((one) => [...encodeMessage(one)]))
        const framer = new Framer()
        const seen: Message[] = []
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn] ?? 100
          framer.push(stream.slice(at, at + size), (type, chunk, from, to) => {
            const decoded = decodeMessage(type, chunk, from, to)
            if (!isFault(decoded)) seen.push(decoded)
            return true
          })
          at += size
        }
        expect(seen).to.deep.equal(messages)
      }),
    )
  })

  it('C29 answers any octets with messages or a fault, never with an exception', () => {
    const sender = { external: true, fourOctetAsn: true, localAsn: 65000, firstAsn: 64512 }
    const framed = fc.tuple(fc.integer({ min: 1, max: 5 }), bytes(120)).map(([type, body]) => {
      const length = 19 + body.length
      return Uint8Array.of(...octets('ff'.repeat(16)), length >>> 8, length & 255, type, ...body)
    })
    fc.assert(
      fc.property(fc.oneof(bytes(100), framed), (stream) => {
        for (const one of receive(stream).messages) describeMessage(one, sender)
      }),
      { numRuns: 2000 },
    )
  })

  it('judges a list that is plain at a glance as it judges each of its attributes, also when octets of it are changed', () => {
    const change = fc.record({ at: fc.nat(), value: octet })
    let plain = 0
    fc.assert(
      fc.property(
        attributes,
        fc.array(change, { maxLength: 2 }),
        fc.boolean(),
        fc.boolean(),
        (value, changes, external, checksFirst) => {
          const list = encodeAttributes(value, { fourOctetAsn: true })
          for (const { at, value: other } of changes) list[at % list.length] = other
          const firstAsn = checksFirst ? (value.asPath?.[0]?.asns[0] ?? 65001) : 0
          const sender = { external, fourOctetAsn: true, localAsn: value.asPath?.[0]?.asns.at(-1) ?? 1, firstAsn }
          const judgement = judgeAttributes(list, 0, list.length, sender)
          expect(judgement).to.deep.equal(judgeEach(list, 0, list.length, sender))
          if (readPlainList(list, 0, list.length, sender, newSummary())) plain++
        },
      ),
      { numRuns: 3000 },
    )
    expect(plain).to.be.above(100)
  })

  it('copies a list across the border of an AS to the octets that its values would be encoded to', () => {
    const into = new Uint8Array(8192)
    const list = fc
      .tuple(fc.uniqueArray(one, { maxLength: 7, selector: ([, type]) => type }), path, ownOrigin)
      .chain(([others, ...own]) => fc.shuffledSubarray([...others, ...own], { minLength: others.length + 2 }))
      .map((all) => all.flat())
    let copied = 0
    fc.assert(
      fc.property(list, asn, fc.oneof(ipv4, ipv6), (octetsOfList, localAsn, hop) => {
        const came = Uint8Array.from(octetsOfList)
        const sender = { external: false, fourOctetAsn: true, localAsn, firstAsn: 0, asSets: true }
        const { reaction, fault, canonical = came } = judgeAttributes(came, 0, came.length, sender)
        if (fault || reaction === 'treat-as-withdraw') return
        const length = copyAcrossBorder(canonical, 0, canonical.length, localAsn, hop, into)
        if (length < 0) return
        copied++
        const { med: _med, nextHop: _hop, ...values } = decodeAttributes(canonical, 0, canonical.length, sender)
        const sent = { ...acrossBorder(values, localAsn), ...(hop.version === 4 && { nextHop: hop }) }
        expect(hex(into, 0, length)).to.equal(hex(encodeAttributes(sent, { fourOctetAsn: true })))
      }),
      { numRuns: 4000 },
    )
    expect(copied).to.be.above(500)
  })

  it('C29 judges any attribute list without an exception, in both widths and from both kinds of peer', () => {
    const one = fc
      .tuple(fc.constantFrom(0x40, 0xc0, 0x80, 0x50, 0xd0), fc.integer({ min: 0, max: 40 }), bytes(24))
      .map(([flags, type, value]) =>
        flags & 0x10 ? [flags, type, 0, value.length, ...value] : [flags, type, value.length, ...value],
      )
    fc.assert(
      fc.property(fc.array(one), fc.boolean(), fc.boolean(), bytes(3), (list, external, fourOctetAsn, tail) => {
        const octets = Uint8Array.of(...list.flat(), ...tail)
        const { canonical, reaction } = judgeAttributes(octets, 0, octets.length, {
          external,
          fourOctetAsn,
          localAsn: 65000,
          firstAsn: 0,
        })
        if (canonical && (reaction === 'none' || reaction === 'attribute-discard')) {
          decodeAttributes(canonical, 0, canonical.length, { fourOctetAsn: true })
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('text', () => {
  for (const [version, address] of [
    [4, ipv4],
    [6, ipv6],
  ] as const) {
    it(`an IPv${version} address survives being printed and parsed`, () => {
      fc.assert(
        fc.property(address, (value) => {
          expect(parseAddress(formatAddress(value))).to.deep.equal(value)
        }),
      )
    })
  }

  it('an IPv6 address is printed as RFC 5952 says, as another library does', () => {
    const sparse = fc
      .tuple(
        fc.constantFrom(0, 1, 0x20010db8),
        fc.constantFrom(0, 0x10000),
        fc.constantFrom(0, 5),
        fc.constantFrom(0, 1),
      )
      .map(([a, b, c, d]) => new Address(6, a, b, c, d))
    fc.assert(
      fc.property(sparse, (value) => {
        expect(formatAddress(value)).to.equal((ipaddr.parse(formatAddress(value)) as ipaddr.IPv6).toRFC5952String())
      }),
    )
  })

  for (const family of families) {
    it(`a prefix of ${family} survives being printed and parsed`, () => {
      fc.assert(
        fc.property(prefixOf(family), (value) => {
          expect(parsePrefix(formatPrefix(value))).to.deep.equal(value)
        }),
      )
    })
  }

  it('refuses short, octal, zoned and padded forms', () => {
    for (const text of ['10.1', '010.0.0.1', '10.0.0.1 ', '', '1', 'fe80::1%eth0', '1.2.3.256', '::g', '0x7f.1']) {
      expect(parseAddress(text), text).to.equal(undefined)
    }
    for (const text of ['10.0.0.0', '10.0.0.0/33', '::/129', '::/-1', '/24', '10.0.0.0/ 8', '10.0.0.0/8/8']) {
      expect(parsePrefix(text), text).to.equal(undefined)
    }
  })
})
