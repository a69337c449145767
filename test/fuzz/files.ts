/**
 * What must hold of the readers of files for any octets: they end, throw nothing, give the same whatever the chunks are and whatever lies
 * beside them in memory, and every fault says a place in the file.
 */

import {
  annotate,
  type CapturedMessage,
  decodeMessage,
  describeMessage,
  type FileFault,
  families,
  formatAttributes,
  formatEndpoint,
  formatTimestamp,
  hex,
  isFault,
  type MrtRecord,
  type PlainMessage,
  plainSender,
  readCapture,
  readHexMessages,
  readMessages,
  readMrt,
  readRibAttributes,
  readUpdate,
  recogniseFile,
} from 'bgp-ts'
import { hasControl, must } from './codec.ts'

type Found = PlainMessage | CapturedMessage | MrtRecord | FileFault

/** Small, so that inputs of the fuzzer reach the bounds. */
const bounds = { maximumConnections: 2, maximumHeld: 600, maximumLength: 4096 }

const readers = [
  (chunks: Iterable<Uint8Array>) => readMrt(chunks, bounds),
  (chunks: Iterable<Uint8Array>) => readCapture(chunks, bounds),
  readMessages,
  readHexMessages,
]

/** Octets before and after the input that are none of its business. */
const margin = 64

/** Checks one file with every reader; `turn` chooses how it is cut. */
export async function checkFile(input: Uint8Array, turn: number): Promise<void> {
  recogniseFile(input)
  for (const read of readers) {
    const whole = await traceOf(read([apart(input, 0x00)]), input.length)
    const cut = await traceOf(read(pieces(apart(input, 0xff), 1 + (turn % 61))), input.length)
    must(whole.length === cut.length, `another number of things in pieces: ${whole.length} and ${cut.length}`)
    for (const [at, line] of whole.entries()) must(line === cut[at], `otherwise in pieces: ${line} and ${cut[at]}`)
  }
}

/** As `checkFile`, without its book-keeping: what the readers themselves cost. */
export async function readFileOnly(input: Uint8Array): Promise<void> {
  for (const read of readers.slice(0, 2)) for await (const _found of read([input]));
}

function apart(input: Uint8Array, neighbour: number): Uint8Array {
  const copy = new Uint8Array(input.length + 2 * margin).fill(neighbour)
  copy.set(input, margin)
  return copy.subarray(margin, margin + input.length)
}

function* pieces(input: Uint8Array, size: number): Generator<Uint8Array, void> {
  for (let at = 0; at < input.length; at += size) yield input.subarray(at, at + size)
}

async function traceOf(found: AsyncIterable<Found>, length: number): Promise<string[]> {
  const trace: string[] = []
  for await (const one of found) {
    const line = `${one.offset} ${described(one)}`
    must(trace.length <= length, 'more things than octets')
    must(one.offset >= 0 && one.offset <= length, `a place outside of the file: ${line}`)
    must(one.kind !== 'fault' || one.text.length < 400, 'a fault of many words')
    must(!hasControl(line), `a control character in a text: ${JSON.stringify(line)}`)
    must(!line.includes('NaN') && !line.includes('undefined'), `something that is none: ${line}`)
    trace.push(line)
  }
  return trace
}

function described(found: Found): string {
  const time = 'time' in found && found.time ? formatTimestamp(found.time) : ''
  switch (found.kind) {
    case 'fault':
      return `fault ${found.text}`
    case 'message':
      return `${time} ${'from' in found ? formatEndpoint(found.from) : ''} ${messageText(found)}`
    case 'state-change':
      return `${time} ${found.peer} ${found.from} ${found.to}`
    case 'peer-table':
      return `${time} ${found.viewName} ${found.peers.map(({ address, asn }) => `${address} ${asn}`).join(',')}`
    case 'rib':
      return `${time} ${found.prefix} ${found.routes.map(routeText).join('; ')}`
    case 'skipped':
      return `${time} ${found.type} ${found.subtype} ${found.length}`
  }
}

function routeText(route: Extract<MrtRecord, { kind: 'rib' }>['routes'][number]): string {
  const { attributes, nextHop, findings } = readRibAttributes(route)
  return `${route.peerIndex} ${route.pathId} ${nextHop ?? 'none'} ${formatAttributes(attributes)} ${findings.length}`
}

/** The message in every way in which it can be shown. */
function messageText(found: PlainMessage | CapturedMessage | Extract<MrtRecord, { kind: 'message' }>): string {
  const { message: octets } = found
  must(octets.length >= 19 && octets.length <= 65535, `a message of ${octets.length} octets`)
  const fourOctetAsn = 'fourOctetAsn' in found ? found.fourOctetAsn : true
  const addPath =
    'addPath' in found ? (Array.isArray(found.addPath) ? found.addPath : found.addPath ? families : []) : []
  must(annotate(octets, { fourOctetAsn, addPath }).at(-1)!.end === octets.length, 'octets that are no field')
  const message = decodeMessage(octets[18]!, octets, 19, octets.length)
  if (isFault(message)) return `malformed ${message.text}`
  const sender = { ...plainSender, fourOctetAsn }
  if (message.kind === 'update') readUpdate(message.body, sender, addPath)
  return `${hex(octets)} ${describeMessage(message, sender, addPath).replaceAll('\n', '|')}`
}
