/**
 * What must hold of the codec for any octets. Everything it reads from one input is written down as a flat list of numbers and texts;
 * the same octets between other neighbours must give the same list, so a read beyond the ends shows.
 */

import {
  checkNlri,
  decodeAttributes,
  decodeMessage,
  describeMessage,
  encodeAttributes,
  encodeMessage,
  endOfRibFamily,
  type Family,
  type Fault,
  Framer,
  families,
  familyNumbers,
  formatAttributes,
  formatCapability,
  formatNotification,
  isFault,
  type Judgement,
  judgeAttributes,
  type LocalOpen,
  type Message,
  negotiate,
  newUpdateParts,
  type Open,
  readReach,
  readUnreach,
  type SenderContext,
  scanUpdate,
  walkNlri,
} from 'bgp-ts'
import { judgeEach } from '../../bgp/judge.ts'

/** What an input must not do. */
export class Broken extends Error {}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Broken(what)
}

type Trace = (number | string)[]

const senders: readonly SenderContext[] = [
  { external: true, fourOctetAsn: true, localAsn: 64512, firstAsn: 65001 },
  { external: false, fourOctetAsn: true, localAsn: 64512, firstAsn: 0 },
  { external: true, fourOctetAsn: false, localAsn: 64512, firstAsn: 65001 },
  { external: false, fourOctetAsn: false, localAsn: 64512, firstAsn: 0 },
]

const local: LocalOpen = {
  asn: 64512,
  routerId: 0x0a000002,
  holdTime: 90,
  families,
  peerAsn: 65001,
  capabilities: true,
  gracefulRestart: { restarting: false, restartTime: 120, forwarding: true, longLived: 3600 },
  addPath: families,
  extendedNextHop: true,
}

/** Octets before and after the input that are none of its business. */
const margin = 64

/** Checks one stream of octets, which may be a message, a piece of one, or several. `turn` chooses whose it is and how it is cut. */
export function checkCodec(input: Uint8Array, turn: number): void {
  const first: Trace = []
  const second: Trace = []
  readAll(first, input, 0x00, turn)
  readAll(second, input, 0xff, turn)
  must(first.length === second.length, 'reads beyond its ends: another number of things is read between other octets')
  for (let at = 0; at < first.length; at++) {
    must(Object.is(first[at], second[at]), `reads beyond its ends: ${first[at]} or ${second[at]} at ${at}`)
    must(!Number.isNaN(first[at]), `something that is no number, at ${at}`)
  }
}

/** As `checkCodec`, without its book-keeping: what the codec itself costs. */
export function readOnly(input: Uint8Array, turn: number): void {
  const sender = senders[turn & 3]!
  new Framer().push(input, (type, bytes, at, end) => {
    const message = decodeMessage(type, bytes, at, end)
    if (isFault(message) || message.kind !== 'update') return !isFault(message)
    const parts = newUpdateParts()
    if (scanUpdate(bytes, at, end, parts)) return true
    const { canonical } = judgeAttributes(bytes, parts.attributesAt, parts.attributesEnd, sender)
    if (canonical) decodeAttributes(canonical, 0, canonical.length, { fourOctetAsn: true })
    return true
  })
}

function readAll(trace: Trace, input: Uint8Array, neighbour: number, turn: number): void {
  const padded = apart(input, 0, input.length, neighbour)
  const chunk = padded.subarray(margin, margin + input.length)
  const sizes = [chunk.length, 1 + (turn % 40), 19]
  const messages: Uint8Array[] = []
  for (const size of sizes) frame(trace, chunk, Math.max(1, size), size === chunk.length ? messages : undefined)
  // What the framer refuses as a whole is read all the same: the layers behind it are asked directly, with the least that they may assume.
  if (messages.length === 0 && input.length >= 19) messages.push(input)
  for (const one of messages) readMessage(trace, one, neighbour, turn)
}

/** The stream in pieces of one size: the same messages for any size. */
function frame(trace: Trace, chunk: Uint8Array, size: number, into: Uint8Array[] | undefined): void {
  const framer = new Framer()
  framer.maximumLength = 65535
  let visits = 0
  let wrong: Fault | undefined
  for (let at = 0; at < chunk.length && !wrong; at += size) {
    wrong = framer.push(chunk.subarray(at, at + size), (type, bytes, from, to) => {
      must(++visits <= chunk.length / 19, 'more messages than octets')
      must(to >= from && to <= bytes.length, 'a message that ends behind its chunk')
      trace.push(type, to - from)
      into?.push(bytes.slice(from - 19, to))
      return true
    })
  }
  must(framer.pending <= chunk.length, 'more octets pending than there were')
  if (wrong) noteFault(trace, wrong, chunk.length)
}

function noteFault(trace: Trace, { code, subcode, data, text }: Fault, inputLength: number): void {
  must(code >= 1 && code <= 8 && subcode >= 0, `a fault that is none: ${code}/${subcode}`)
  must(data.length <= inputLength + 19, 'a fault that carries more than the message')
  must(text.length < 400, 'a fault of many words')
  trace.push(code, subcode, text, ...data.subarray(0, 32))
}

const minimumBodies = [0, 10, 4, 2, 0, 4]

/** A copy of some octets that stands by itself between neighbours. */
function apart(bytes: Uint8Array, at: number, end: number, neighbour: number): Uint8Array {
  const copy = new Uint8Array(end - at + 2 * margin).fill(neighbour)
  copy.set(bytes.subarray(at, end), margin)
  return copy
}

function readMessage(trace: Trace, whole: Uint8Array, neighbour: number, turn: number): void {
  const bytes = apart(whole, 0, whole.length, neighbour)
  const type = bytes[margin + 18]!
  const at = margin + 19
  const end = margin + whole.length
  if (end - at < (minimumBodies[type] ?? 0)) return
  const message = decodeMessage(type, bytes, at, end)
  if (isFault(message)) {
    noteFault(trace, message, whole.length)
    return
  }
  readText(trace, message, turn)
  if (message.kind === 'update') readUpdate(trace, bytes, at, end, neighbour, turn)
  else readOther(trace, message, end - at)
}

function readText(trace: Trace, message: Message, turn: number): void {
  // Text costs more than all else together: of long messages only now and then.
  if (message.kind === 'update' && turn % 8 !== 0) return
  const text = describeMessage(message, senders[turn & 3]!)
  // Line ends of its own making; nothing else that moves a terminal.
  must(!hasControl(text), 'a control character in a text')
  trace.push(text)
  if (message.kind === 'notification') trace.push(formatNotification(message))
}

export function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if ((code < 32 && code !== 10) || (code >= 127 && code < 160) || code === 0x2028 || code === 0x2029) return true
  }
  return false
}

function readOther(trace: Trace, message: Exclude<Message, { kind: 'update' }>, length: number): void {
  const octets = encodeMessage(message)
  if (message.kind === 'open') readOpen(trace, message, octets)
  else if (message.kind === 'notification' || (message.kind === 'route-refresh' && length === 4)) {
    must(octets.length === 19 + length, `${message.kind}: encoded to another length`)
  }
  for (const octet of octets) trace.push(octet)
}

function readOpen(trace: Trace, open: Open, octets: Uint8Array): void {
  for (const one of open.capabilities) trace.push(formatCapability(one))
  const terms = negotiate({ ...local, peerAsn: open.asn }, open)
  if (isFault(terms)) noteFault(trace, terms, 65535)
  else trace.push(JSON.stringify(terms))
  // Names of hosts are made printable, which is not undone.
  if (octets.length > 4096 || open.capabilities.some(({ kind }) => kind === 'fqdn')) return
  const again = decodeMessage(1, octets, 19, octets.length)
  must(!isFault(again), 'an OPEN that cannot be read once it is written')
  must(sameOctets(encodeMessage(again), octets), 'an OPEN that is another once it is written and read')
}

/** Each part is also read out of its message, so that the parts beside it are foreign octets like any other. */
function readUpdate(trace: Trace, bytes: Uint8Array, at: number, end: number, neighbour: number, turn: number): void {
  const parts = newUpdateParts()
  const wrong = scanUpdate(bytes, at, end, parts)
  if (wrong) {
    noteFault(trace, wrong, end - at)
    return
  }
  const { withdrawnAt, withdrawnEnd, attributesAt, attributesEnd, nlriAt, nlriEnd } = parts
  const order = [at, withdrawnAt, withdrawnEnd, attributesAt, attributesEnd, nlriAt, nlriEnd, end]
  must(
    order.every((place, index) => index === 0 || place >= order[index - 1]!),
    'parts of an UPDATE out of order',
  )
  for (const place of order) trace.push(place - at)
  trace.push(endOfRibFamily(bytes, parts) ?? '', Number(parts.cutShort))
  const addPath = (turn & 16) !== 0
  const nlri = (from: number, to: number, family: Family) =>
    readNlri(trace, apart(bytes, from, to, neighbour), margin, margin + to - from, family, addPath)
  nlri(withdrawnAt, withdrawnEnd, 'ipv4-unicast')
  nlri(nlriAt, nlriEnd, 'ipv4-unicast')
  if (parts.reachAt) {
    must(parts.reachFrom >= attributesAt && parts.reachEnd <= attributesEnd, 'MP_REACH_NLRI outside its list')
    const value = apart(bytes, parts.reachAt, parts.reachEnd, neighbour)
    const reach = readReach(value, margin, value.length - margin)
    if (isFault(reach)) noteFault(trace, reach, end - at)
    else {
      trace.push(String(reach.nextHop), String(reach.linkLocal))
      const from = parts.reachAt - margin
      if (reach.family) nlri(from + reach.nlriAt, from + reach.nlriEnd, reach.family)
    }
  }
  if (parts.unreachAt) {
    must(parts.unreachFrom >= attributesAt && parts.unreachEnd <= attributesEnd, 'MP_UNREACH_NLRI outside its list')
    const value = apart(bytes, parts.unreachAt, parts.unreachEnd, neighbour)
    const unreach = readUnreach(value, margin, value.length - margin)
    if (isFault(unreach)) noteFault(trace, unreach, end - at)
    else if (unreach.family) nlri(parts.unreachAt + 3, parts.unreachEnd, unreach.family)
  }
  const list = apart(bytes, attributesAt, attributesEnd, neighbour)
  readAttributes(trace, list, margin, list.length - margin, turn)
}

/** Beside the walk stands the plainest reading there is: octet by octet, bit by bit. */
function readNlri(trace: Trace, bytes: Uint8Array, at: number, end: number, family: Family, addPath: boolean): void {
  const wrong = checkNlri(bytes, at, end, family, addPath)
  const expected = plainPrefixes(bytes.subarray(at, end), familyNumbers[family].bits, addPath)
  must((wrong === undefined) === (expected !== undefined), `prefixes are good for one and bad for the other reader`)
  if (wrong || !expected) {
    if (wrong) noteFault(trace, wrong, end - at)
    return
  }
  let visits = 0
  walkNlri(bytes, at, end, family, addPath, (w0, w1, w2, w3, length, pathId) => {
    const want = expected[visits++]
    must(want !== undefined, 'more prefixes than there are')
    const words = [w0, w1, w2, w3, length, pathId]
    must(
      words.every((word, index) => word >>> 0 === want[index]),
      `prefix ${words.join(' ')} is not ${want.join(' ')}`,
    )
    must(w0 === (w0 | 0) && w3 === (w3 | 0), 'a word that is not signed')
  })
  must(visits === expected.length, 'fewer prefixes than there are')
  trace.push(visits)
}

function plainPrefixes(field: Uint8Array, bits: number, addPath: boolean): number[][] | undefined {
  const found: number[][] = []
  for (let at = 0; at < field.length; ) {
    let pathId = 0
    if (addPath) {
      if (at + 5 > field.length) return undefined
      for (let octet = 0; octet < 4; octet++) pathId = pathId * 256 + field[at++]!
    }
    const length = field[at++]!
    const size = Math.ceil(length / 8)
    if (length > bits || at + size > field.length) return undefined
    const words = [0, 0, 0, 0]
    for (let octet = 0; octet < size; octet++) {
      const spare = Math.max(0, (octet + 1) * 8 - length)
      const clear = field[at + octet]! - (field[at + octet]! % 2 ** spare)
      words[octet >> 2]! += clear * 2 ** (24 - 8 * (octet & 3))
    }
    found.push([...words, length, pathId])
    at += size
  }
  return found
}

function readAttributes(trace: Trace, bytes: Uint8Array, at: number, end: number, turn: number): void {
  const sender = senders[turn & 3]!
  const { reaction, findings, fault, canonical, summary } = judgeAttributes(bytes, at, end, sender)
  must(findings.length <= end - at + 3, 'more findings than octets')
  mustEqual(judgeEach(bytes, at, end, sender), { reaction, findings, fault, canonical, summary })
  must((reaction === 'session-reset') === (fault !== undefined), 'an end of the session without its NOTIFICATION')
  trace.push(reaction, Object.values(summary).join(' '))
  for (const one of findings) trace.push(one.reaction, one.attribute, one.offset, one.text)
  if (fault) noteFault(trace, fault, end - at)
  if (reaction === 'treat-as-withdraw' || reaction === 'session-reset') return
  const list = canonical ?? bytes.slice(at, end)
  // A list widened to four octets an ASN is longer, and never by more than that.
  must(list.length <= (end - at) * 2 + 64, 'the list that is kept is longer than what came')
  for (const octet of list) trace.push(octet)
  const kept = decodeAttributes(list, 0, list.length, { fourOctetAsn: true })
  if (turn % 4 === 0) trace.push(formatAttributes(kept))
  const once = encodeAttributes(kept, { fourOctetAsn: true })
  const twice = encodeAttributes(decodeAttributes(once, 0, once.length, { fourOctetAsn: true }), { fourOctetAsn: true })
  must(sameOctets(once, twice), 'attributes that are others once they are written and read')
  const anew = judgeAttributes(once, 0, once.length, { external: false, fourOctetAsn: true, localAsn: 0, firstAsn: 0 })
  must(anew.reaction === 'none', `attributes that were good are bad once written: ${anew.findings[0]?.text}`)
}

/** A list that is plain at a glance is so when each attribute is looked at. */
function mustEqual(slowly: Judgement, { reaction, findings, canonical, summary }: Judgement): void {
  must(slowly.reaction === reaction && slowly.findings.length === findings.length, 'judged otherwise at a glance')
  must((slowly.canonical === undefined) === (canonical === undefined), 'kept otherwise at a glance')
  const same = Object.entries(slowly.summary).every(
    ([column, value]) => summary[column as keyof typeof summary] === value,
  )
  must(same, 'summed up otherwise at a glance')
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, at) => octet === b[at])
}
