/**
 * pcapng: blocks in sections, each section with its own order of octets and its own interfaces. Read are section headers,
 * interface descriptions and the three kinds of packets; any other block is passed over without being held.
 */

import { viewOf } from '../bytes.ts'
import { type ByteStream, type FileFault, fileFault, type Timestamp } from './byte-stream.ts'
import type { CapturedPacket } from './packet.ts'

const sectionHeader = 0x0a0d0d0a
const blocks = { interface: 1, packet: 2, simplePacket: 3, enhancedPacket: 6 } as const
const options = { end: 0, timeResolution: 9, timeOffset: 14 } as const

/** Type (4), length (4) before the body, and the length once more (4) after it. */
const frameSize = 12
/** For a packet of the longest kind with its options. */
const maximumBlock = 2 * 1024 * 1024
/** Each is a description in the file; no machine has more. */
const maximumInterfaces = 65_536

interface Interface {
  readonly linkType: number
  /** 0 for no limit. */
  readonly snapLength: number
  readonly ticksPerSecond: bigint
  readonly offsetSeconds: bigint
}

interface Section {
  littleEndian: boolean
  interfaces: Interface[]
}

/** The type of a section header reads the same in either order. */
export function isSectionHeader(first: Uint8Array): boolean {
  return first.length >= 4 && viewOf(first).getUint32(0) === sectionHeader
}

export async function* readSections(stream: ByteStream): AsyncGenerator<CapturedPacket | FileFault, void> {
  const section: Section = { littleEndian: true, interfaces: [] }
  for (;;) {
    if (stream.ready < frameSize && !(await stream.fill(frameSize))) {
      if (stream.ready > 0) yield fileFault(stream.offset, `pcapng block of ${stream.ready} octets`)
      return
    }
    const offset = stream.offset
    const wrong = isSectionHeader(stream.peek(4)) ? beginSection(stream, section) : undefined
    if (wrong) {
      yield wrong
      return
    }
    const head = viewOf(stream.peek(8))
    const type = head.getUint32(0, section.littleEndian)
    const length = head.getUint32(4, section.littleEndian)
    if (length < frameSize || length % 4 !== 0) {
      yield fileFault(offset, `pcapng block of ${length} octets, not a multiple of 4 from ${frameSize} on`)
      return
    }
    if (!isRead(type)) {
      if (await stream.skip(length)) continue
      yield fileFault(offset, `pcapng block of ${length} octets cut short`)
      return
    }
    if (length > maximumBlock) {
      yield fileFault(offset, `pcapng block of ${length} octets, more than the ${maximumBlock} that are taken`)
      return
    }
    if (stream.ready < length && !(await stream.fill(length))) {
      yield fileFault(offset, `pcapng block of ${length} octets of which ${stream.ready} are there`)
      return
    }
    const block = stream.take(length)
    if (viewOf(block).getUint32(length - 4, section.littleEndian) !== length) {
      yield fileFault(offset, `pcapng block of ${length} octets ends with another length`)
      return
    }
    const content = readBlock(type, block.subarray(8, length - 4), section, offset)
    if (content) yield content
    if (content?.kind === 'fault') return
  }
}

const isRead = (type: number) => (Object.values(blocks) as number[]).includes(type)

/** Takes the order of octets from the header that is next. The interfaces of the section before are forgotten. */
function beginSection(stream: ByteStream, section: Section): FileFault | undefined {
  const magic = viewOf(stream.peek(frameSize)).getUint32(8)
  if (magic !== 0x1a2b3c4d && magic !== 0x4d3c2b1a) {
    return fileFault(stream.offset + 8, `order of octets 0x${magic.toString(16).padStart(8, '0')}, not 0x1a2b3c4d`)
  }
  section.littleEndian = magic === 0x4d3c2b1a
  section.interfaces = []
  return undefined
}

function readBlock(
  type: number,
  body: Uint8Array,
  section: Section,
  offset: number,
): CapturedPacket | FileFault | undefined {
  switch (type) {
    case blocks.interface:
      return readInterface(body, section, offset)
    case blocks.simplePacket:
      return readSimplePacket(body, section, offset)
    default:
      return readPacket(type, body, section, offset)
  }
}

/** Link type (2)  reserved (2)  snap length (4)  options. */
function readInterface(body: Uint8Array, section: Section, offset: number): FileFault | undefined {
  const { littleEndian, interfaces } = section
  if (body.length < 8) return fileFault(offset, `interface description of ${body.length} octets`)
  if (interfaces.length === maximumInterfaces) return fileFault(offset, `more than ${maximumInterfaces} interfaces`)
  const data = viewOf(body)
  let ticksPerSecond = 1_000_000n
  let offsetSeconds = 0n
  for (let at = 8; at + 4 <= body.length; ) {
    const code = data.getUint16(at, littleEndian)
    const length = data.getUint16(at + 2, littleEndian)
    const valueAt = at + 4
    if (code === options.end) break
    if (valueAt + length > body.length) return fileFault(offset + 8 + at, `option ${code} of an interface cut short`)
    if (code === options.timeResolution && length === 1) ticksPerSecond = ticks(body[valueAt]!)
    if (code === options.timeOffset && length === 8) offsetSeconds = data.getBigInt64(valueAt, littleEndian)
    at = valueAt + ((length + 3) & ~3)
  }
  const linkType = data.getUint16(0, littleEndian)
  interfaces.push({ linkType, snapLength: data.getUint32(4, littleEndian), ticksPerSecond, offsetSeconds })
  return undefined
}

/** A power of 10, or of 2 where the highest bit is set. */
function ticks(resolution: number): bigint {
  return resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution)
}

/** Enhanced: interface (4)  time (8)  captured (4)  original (4)  packet. The older kind has 2 octets of interface, 2 of drops. */
function readPacket(type: number, body: Uint8Array, section: Section, offset: number): CapturedPacket | FileFault {
  const { littleEndian, interfaces } = section
  if (body.length < 20) return fileFault(offset, `packet block of ${body.length} octets`)
  const data = viewOf(body)
  const index = type === blocks.packet ? data.getUint16(0, littleEndian) : data.getUint32(0, littleEndian)
  const from = interfaces[index]
  if (!from) return fileFault(offset + 8, `interface ${index} of ${interfaces.length}`)
  const length = data.getUint32(12, littleEndian)
  if (20 + length > body.length) return fileFault(offset + 8, `packet of ${length} octets in ${body.length - 20}`)
  return {
    kind: 'packet',
    time: timestamp(data.getUint32(4, littleEndian), data.getUint32(8, littleEndian), from),
    linkType: from.linkType,
    bytes: body.subarray(20, 20 + length),
    originalLength: data.getUint32(16, littleEndian),
    offset,
  }
}

function timestamp(high: number, low: number, { ticksPerSecond, offsetSeconds }: Interface): Timestamp {
  const count = (BigInt(high) << 32n) | BigInt(low)
  const seconds = Number(count / ticksPerSecond + offsetSeconds)
  return { seconds, nanoseconds: Number(((count % ticksPerSecond) * 1_000_000_000n) / ticksPerSecond) }
}

/** Original length (4)  packet, cut at the snap length of the first interface. */
function readSimplePacket(body: Uint8Array, section: Section, offset: number): CapturedPacket | FileFault {
  const from = section.interfaces[0]
  if (!from) return fileFault(offset + 8, 'packet before any interface')
  if (body.length < 4) return fileFault(offset, `packet block of ${body.length} octets`)
  const originalLength = viewOf(body).getUint32(0, section.littleEndian)
  const length = Math.min(originalLength, from.snapLength || originalLength, body.length - 4)
  const bytes = body.subarray(4, 4 + length)
  return { kind: 'packet', time: undefined, linkType: from.linkType, bytes, originalLength, offset }
}
