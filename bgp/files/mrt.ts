/**
 * MRT files (RFC 6396): what collectors and routers write down of sessions and tables. The records are cut here; what
 * they hold is in `mrt-session.ts` and `mrt-table.ts`. A record that is wrong inside costs that record alone, since its
 * header says where the next one begins.
 */

import { u16, u32 } from '../bytes.ts'
import { ByteStream, type Chunks, type FileFault, fileFault, type Timestamp } from './byte-stream.ts'
import { type MrtMessage, type MrtStateChange, readSessionRecord } from './mrt-session.ts'
import { type MrtPeer, type MrtPeerTable, type MrtRib, readTableDump, readTableDumpV2 } from './mrt-table.ts'

/** A record of a type that is not read: another protocol, another family, or a newer kind. */
export interface MrtSkipped {
  readonly kind: 'skipped'
  readonly type: number
  readonly subtype: number
  /** Octets of its body. */
  readonly length: number
}

export type MrtRecord = (MrtMessage | MrtStateChange | MrtPeerTable | MrtRib | MrtSkipped) & {
  /** When it was written; for a table, the moment of the dump. */
  readonly time: Timestamp
  /** Of the record's header. */
  readonly offset: number
}

/** RFC 6396 section 4. */
export const mrtTypes = { tableDump: 12, tableDumpV2: 13, bgp4mp: 16, bgp4mpEt: 17 } as const

/** Those, and what other protocols write: OSPFv2, IS-IS, OSPFv3 and their extended forms. */
export function isKnownMrtType(type: number): boolean {
  return (Object.values(mrtTypes) as number[]).includes(type) || [11, 32, 33, 48, 49].includes(type)
}

const headerSize = 12

export interface MrtOptions {
  /** The longest record that is taken, in octets; a longer one ends the file. */
  readonly maximumLength?: number
}

/** A prefix with four thousand paths of ordinary size has about one million octets. */
const defaultMaximumLength = 16 * 1024 * 1024

/**
 * The records of a file in their order; octets are views of the chunks, so a source must not write over what it gave.
 * A fault with an offset stands in the place of a record that is wrong; nothing follows one that is cut short or too long.
 */
export async function* readMrt(chunks: Chunks, options: MrtOptions = {}): AsyncGenerator<MrtRecord | FileFault, void> {
  const { maximumLength = defaultMaximumLength } = options
  const stream = new ByteStream(chunks)
  let peers: readonly MrtPeer[] = []
  try {
    for (;;) {
      if (stream.ready < headerSize && !(await stream.fill(headerSize))) {
        if (stream.ready > 0) yield fileFault(stream.offset, `MRT header of ${stream.ready} octets, RFC 6396 2`)
        return
      }
      const offset = stream.offset
      const header = stream.take(headerSize)
      const length = u32(header, 8)
      if (length > maximumLength) {
        yield fileFault(offset, `MRT record of ${length} octets, more than the ${maximumLength} that are taken`)
        return
      }
      if (stream.ready < length && !(await stream.fill(length))) {
        yield fileFault(offset, `MRT record of ${length} octets of which ${stream.ready} are there, RFC 6396 2`)
        return
      }
      const record = readRecord(header, stream.take(length), offset, peers)
      if (record.kind === 'peer-table') peers = record.peers
      yield record
    }
  } finally {
    await stream.close()
  }
}

function readRecord(
  header: Uint8Array,
  body: Uint8Array,
  offset: number,
  peers: readonly MrtPeer[],
): MrtRecord | FileFault {
  const type = u16(header, 4)
  const subtype = u16(header, 6)
  // RFC 6396 section 3: the microseconds of the extended form are the first of the body.
  const extended = type === mrtTypes.bgp4mpEt
  if (extended && body.length < 4) return fileFault(offset + headerSize, 'microseconds cut short, RFC 6396 3')
  const microseconds = extended ? u32(body, 0) : 0
  if (microseconds > 999_999) return fileFault(offset + headerSize, `${microseconds} microseconds, RFC 6396 3`)
  const time = { seconds: u32(header, 0), nanoseconds: microseconds * 1000 }
  const inner = extended ? body.subarray(4) : body
  const content = readContent(type, subtype, inner, peers)
  if (content === undefined) return { kind: 'skipped', type, subtype, length: body.length, time, offset }
  if (content.kind === 'fault') {
    // What is missing is missing at the end of the record.
    const at = Math.min(content.offset, inner.length)
    return { ...content, offset: offset + headerSize + body.length - inner.length + at }
  }
  return { ...content, time, offset }
}

/** Undefined for what is not read; a fault counts from the beginning of the body. */
function readContent(type: number, subtype: number, body: Uint8Array, peers: readonly MrtPeer[]) {
  switch (type) {
    case mrtTypes.tableDump:
      return readTableDump(subtype, body)
    case mrtTypes.tableDumpV2:
      return readTableDumpV2(subtype, body, peers)
    case mrtTypes.bgp4mp:
    case mrtTypes.bgp4mpEt:
      return readSessionRecord(subtype, body)
    default:
      return undefined
  }
}
