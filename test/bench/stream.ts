/**
 * A full Internet table as a byte stream, from a seed: 1,000,000 IPv4 and 200,000 IPv6 prefixes in about 210,000 UPDATEs with 100,000
 * distinct attribute sets. Written by hand here, independent of the product's encoder.
 */

export interface StreamSize {
  readonly ipv4: number
  readonly ipv6: number
  readonly attributeSets: number
}

export const fullTable: StreamSize = { ipv4: 1_000_000, ipv6: 200_000, attributeSets: 100_000 }

export interface Stream {
  readonly bytes: Buffer
  readonly updates: number
}

const prefixesPerUpdate = 5.7
const feederAsn = 65001

/** Share of each prefix length, roughly as on the Internet. */
const ipv4Lengths: readonly [length: number, share: number][] = [
  [24, 0.6],
  [23, 0.1],
  [22, 0.12],
  [21, 0.05],
  [20, 0.05],
  [19, 0.03],
  [18, 0.02],
  [17, 0.015],
  [16, 0.015],
]
const ipv6Lengths: readonly [length: number, share: number][] = [
  [48, 0.5],
  [32, 0.2],
  [44, 0.1],
  [40, 0.1],
  [36, 0.06],
  [29, 0.04],
]

/** Mulberry32: small, seeded, the same everywhere. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 0x100000000
  }
}

export function makeStream(
  size: StreamSize,
  nextHop4: readonly number[],
  nextHop6: readonly number[],
  seed = 1,
): Stream {
  const random = seeded(seed)
  const sets = Array.from({ length: size.attributeSets }, () => attributeSet(random))
  const chunks: Buffer[] = []
  let updates = 0
  let turn = 0
  const emit = (prefixes: readonly Buffer[], build: (set: Buffer, nlri: Buffer) => Buffer) => {
    for (let at = 0; at < prefixes.length; ) {
      // Geometric: many UPDATEs of one or two prefixes, a few long ones.
      const count = Math.min(200, 1 + Math.floor(Math.log(1 - random()) / Math.log(1 - 1 / prefixesPerUpdate)))
      const set = sets[turn < sets.length ? turn : Math.floor(random() * sets.length)]!
      turn++
      chunks.push(build(set, Buffer.concat(prefixes.slice(at, at + count))))
      updates++
      at += count
    }
  }
  emit(shuffled(prefixesOf(size.ipv4, ipv4Lengths, 16), random), (set, nlri) => ipv4Update(set, nlri, nextHop4))
  emit(shuffled(prefixesOf(size.ipv6, ipv6Lengths, 0x20), random), (set, nlri) => ipv6Update(set, nlri, nextHop6))
  return { bytes: Buffer.concat(chunks), updates }
}

/** The last prefixes of each family in the stream of a full table at this scale, as text. */
export function lastPrefixes(scale: number, count: number): string[] {
  const scaled = (value: number) => Math.round(value * scale)
  const { bytes } = makeStream(
    { ipv4: scaled(fullTable.ipv4), ipv6: scaled(fullTable.ipv6), attributeSets: scaled(fullTable.attributeSets) },
    [10, 0, 0, 1],
    Array.from({ length: 16 }, () => 0),
  )
  const found: { ipv4: string[]; ipv6: string[] } = { ipv4: [], ipv6: [] }
  for (let at = 0; at < bytes.length; at += bytes.readUInt16BE(at + 16)) {
    const end = at + bytes.readUInt16BE(at + 16)
    const attributesAt = at + 23
    const attributesEnd = attributesAt + bytes.readUInt16BE(at + 21)
    // MP_REACH_NLRI comes first, and no UPDATE has prefixes of both families.
    const isIpv6 = bytes[attributesAt + 1] === 14
    const nlriEnd = isIpv6 ? attributesAt + 4 + bytes.readUInt16BE(attributesAt + 2) : end
    const list = isIpv6 ? found.ipv6 : found.ipv4
    for (let prefix = isIpv6 ? attributesAt + 25 : attributesEnd; prefix < nlriEnd; ) {
      const length = bytes[prefix]!
      const octets = Array.from({ length: isIpv6 ? 16 : 4 }, (_, index) =>
        index < (length + 7) >> 3 ? bytes[prefix + 1 + index]! : 0,
      )
      list.push(`${isIpv6 ? ipv6Text(octets) : octets.join('.')}/${length}`)
      if (list.length > count) list.shift()
      prefix += 1 + ((length + 7) >> 3)
    }
  }
  return [...found.ipv4, ...found.ipv6]
}

function ipv6Text(octets: readonly number[]): string {
  return Array.from({ length: 8 }, (_, index) =>
    ((octets[index * 2]! << 8) | octets[index * 2 + 1]!).toString(16),
  ).join(':')
}

/** Distinct prefixes: each length counts upwards in a region of its own. */
function prefixesOf(total: number, lengths: readonly [number, number][], firstOctet: number): Buffer[] {
  const prefixes: Buffer[] = []
  let base = BigInt(firstOctet) << 56n
  for (const [length, share] of lengths) {
    const count = Math.round(total * share)
    const step = 1n << BigInt(64 - length)
    base = ((base + step - 1n) / step) * step
    const octets = (length + 7) >> 3
    for (let index = 0; index < count; index++) {
      // 127/8 is nobody's.
      if (base >> 56n === 127n) base = 128n << 56n
      const entry = Buffer.alloc(9)
      entry[0] = length
      entry.writeBigUInt64BE(base, 1)
      prefixes.push(entry.subarray(0, 1 + octets))
      base += step
    }
  }
  return prefixes
}

function shuffled<Value>(values: Value[], random: () => number): Value[] {
  for (let index = values.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    const kept = values[index]!
    values[index] = values[other]!
    values[other] = kept
  }
  return values
}

/** ORIGIN, AS_PATH of 2 to 8 hops, and up to six communities: what follows NEXT_HOP, in two parts around it. */
function attributeSet(random: () => number): Buffer {
  const hops = 2 + Math.floor(random() * random() * 7 + random())
  const path = Buffer.alloc(2 + hops * 4)
  path[0] = 2
  path[1] = hops
  path.writeUInt32BE(feederAsn, 2)
  for (let hop = 1; hop < hops; hop++) path.writeUInt32BE(1 + Math.floor(random() * 60000), 2 + hop * 4)
  const communities = Buffer.alloc(4 * Math.floor(random() * 7))
  for (let at = 0; at < communities.length; at += 4) {
    communities.writeUInt16BE(1 + Math.floor(random() * 60000), at)
    communities.writeUInt16BE(Math.floor(random() * 65536), at + 2)
  }
  const tail = communities.length > 0 ? [Buffer.of(0xc0, 8, communities.length), communities] : []
  const origin = random() < 0.9 ? 0 : 2
  return Buffer.concat([Buffer.of(0x40, 1, 1, origin, 0x40, 2, path.length), path, ...tail])
}

/** `set`: the attributes beside the next hop. */
export function ipv4Update(set: Buffer, nlri: Buffer, nextHop: readonly number[]): Buffer {
  return update(Buffer.concat([set, Buffer.of(0x40, 3, 4, ...nextHop)]), nlri)
}

export function ipv6Update(set: Buffer, nlri: Buffer, nextHop: readonly number[]): Buffer {
  const value = Buffer.concat([Buffer.of(0, 2, 1, 16, ...nextHop, 0), nlri])
  const reach = Buffer.concat([Buffer.of(0x90, 14, value.length >> 8, value.length & 255), value])
  return update(Buffer.concat([reach, set]), Buffer.alloc(0))
}

function update(attributes: Buffer, nlri: Buffer): Buffer {
  const body = Buffer.concat([Buffer.of(0, 0, attributes.length >> 8, attributes.length & 255), attributes, nlri])
  return message(2, body)
}

export function ipv4Withdrawal(nlri: Buffer): Buffer {
  return message(2, Buffer.concat([Buffer.of(nlri.length >> 8, nlri.length & 255), nlri, Buffer.of(0, 0)]))
}

export function ipv6Withdrawal(nlri: Buffer): Buffer {
  const value = Buffer.concat([Buffer.of(0, 2, 1), nlri])
  return update(Buffer.concat([Buffer.of(0x90, 15, value.length >> 8, value.length & 255), value]), Buffer.alloc(0))
}

export function message(type: number, body: Buffer): Buffer {
  const length = 19 + body.length
  return Buffer.concat([Buffer.alloc(16, 0xff), Buffer.of(length >> 8, length & 255, type), body])
}

/** `count` host routes of each family, with one attribute set: 100.64.0.0 and 2001:db8:1:: upwards. */
export function hostStream(
  count: number,
  asn: number,
  nextHop4: readonly number[],
  nextHop6: readonly number[],
): Buffer {
  const path = Buffer.of(2, 1, asn >>> 24, (asn >> 16) & 255, (asn >> 8) & 255, asn & 255)
  const set = Buffer.concat([Buffer.of(0x40, 1, 1, 0, 0x40, 2, path.length), path])
  const messages: Buffer[] = []
  for (let at = 0; at < count; at += 200) {
    const indexes = Array.from({ length: Math.min(200, count - at) }, (_, index) => at + index)
    const v4 = indexes.map((index) => Buffer.of(32, 100, 64 + (index >> 16), (index >> 8) & 255, index & 255))
    const v6 = indexes.map((index) => {
      const entry = Buffer.from('8020010db8000100000000000000000000', 'hex')
      entry.writeUInt32BE(index, 13)
      return entry
    })
    messages.push(ipv4Update(set, Buffer.concat(v4), nextHop4), ipv6Update(set, Buffer.concat(v6), nextHop6))
  }
  return Buffer.concat(messages)
}
