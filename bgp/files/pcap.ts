/**
 * Captured packets: the classic pcap file in either order of octets, in microseconds or nanoseconds, and the choice between
 * it and pcapng (`pcapng.ts`). What the packets hold is not looked at here.
 */

import { viewOf } from '../bytes.ts'
import { ByteStream, type Chunks, type FileFault, fileFault } from './byte-stream.ts'
import type { CapturedPacket } from './packet.ts'
import { isSectionHeader, readSections } from './pcapng.ts'

/** No capture has a longer one: the largest snap length that there is, and then some. */
const maximumPacket = 1024 * 1024

const fileHeaderSize = 24
const recordHeaderSize = 16

/** The four magic numbers: which order of octets, and how many nanoseconds the fraction counts in. */
const magics: Readonly<Record<number, { littleEndian: boolean; unit: 1 | 1000 }>> = {
  2712847316: { littleEndian: false, unit: 1000 },
  3569595041: { littleEndian: true, unit: 1000 },
  2712812621: { littleEndian: false, unit: 1 },
  1295823521: { littleEndian: true, unit: 1 },
}

/** Whether a file that begins so is a capture, classic or pcapng. */
export function isCapture(first: Uint8Array): boolean {
  return first.length >= 4 && (isSectionHeader(first) || viewOf(first).getUint32(0) in magics)
}

/** The packets of a capture in the order of the file. A fault with an offset ends it. */
export async function* readPackets(chunks: Chunks): AsyncGenerator<CapturedPacket | FileFault, void> {
  const stream = new ByteStream(chunks)
  try {
    if (!(await stream.fill(4))) {
      if (stream.ready > 0) yield fileFault(0, `capture of ${stream.ready} octets`)
      return
    }
    yield* isSectionHeader(stream.peek(4)) ? readSections(stream) : readClassic(stream)
  } finally {
    await stream.close()
  }
}

async function* readClassic(stream: ByteStream): AsyncGenerator<CapturedPacket | FileFault, void> {
  const magic = viewOf(stream.peek(4)).getUint32(0)
  const form = magics[magic]
  if (!form) {
    yield fileFault(0, `begins with 0x${magic.toString(16).padStart(8, '0')}, which is no capture`)
    return
  }
  if (!(await stream.fill(fileHeaderSize))) {
    yield fileFault(0, `pcap header of ${stream.ready} octets, not ${fileHeaderSize}`)
    return
  }
  const { littleEndian, unit } = form
  // The upper bits say whether frames end in a checksum, which IP's own length leaves out.
  const linkType = viewOf(stream.take(fileHeaderSize)).getUint32(20, littleEndian) & 0xffff
  for (;;) {
    if (stream.ready < recordHeaderSize && !(await stream.fill(recordHeaderSize))) {
      if (stream.ready > 0) yield fileFault(stream.offset, `pcap record header of ${stream.ready} octets`)
      return
    }
    const offset = stream.offset
    const header = viewOf(stream.take(recordHeaderSize))
    const length = header.getUint32(8, littleEndian)
    const fraction = header.getUint32(4, littleEndian)
    if (length > maximumPacket) {
      yield fileFault(offset, `packet of ${length} octets, more than the ${maximumPacket} that are taken`)
      return
    }
    if (stream.ready < length && !(await stream.fill(length))) {
      yield fileFault(offset, `packet of ${length} octets of which ${stream.ready} are there`)
      return
    }
    yield {
      kind: 'packet',
      time: { seconds: header.getUint32(0, littleEndian), nanoseconds: (fraction * unit) % 1_000_000_000 },
      linkType,
      bytes: stream.take(length),
      originalLength: header.getUint32(12, littleEndian),
      offset,
    }
  }
}
