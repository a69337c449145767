/**
 * The BGP messages in a capture: packets to segments, segments to streams, streams to messages. A session is known by its
 * messages, on any port. Its OPENs, where they were captured, say how its UPDATEs are to be read.
 */

import { type Family, families, familyNumbers } from '../family.ts'
import { checkHeader, extendedMaximumLength, Framer, headerLength, messageTypes } from '../framer.ts'
import { decodeMessage } from '../message.ts'
import { isFault } from '../notification.ts'
import type { Open } from '../open.ts'
import type { Chunks, FileFault, Timestamp } from './byte-stream.ts'
import { fileFault } from './byte-stream.ts'
import { type CapturedPacket, type Endpoint, isKnownLinkType, readTcpSegment, type TcpSegment } from './packet.ts'
import { readPackets } from './pcap.ts'
import { type HeldOctets, TcpDirection } from './tcp.ts'

export interface CapturedMessage {
  readonly kind: 'message'
  /** Of the packet that made it whole; undefined where the file does not say it. */
  readonly time: Timestamp | undefined
  readonly from: Endpoint
  readonly to: Endpoint
  /** The whole message with its header. */
  readonly message: Uint8Array
  /** The width of ASNs: as the OPENs have settled it, and wide where they were not captured. */
  readonly fourOctetAsn: boolean
  /** The families whose prefixes have path identifiers in this direction (RFC 7911). */
  readonly addPath: readonly Family[]
  /** Of the packet in the file. */
  readonly offset: number
}

export interface CaptureOptions {
  /** Only connections with one of these ports; all of them when left out. */
  readonly ports?: readonly number[]
  /** Connections that are followed at a time; the one that was silent for longest makes room. */
  readonly maximumConnections?: number
  /** Octets of early segments that are held in all, before the ones between are given up. */
  readonly maximumHeld?: number
}

interface Direction {
  readonly from: Endpoint
  readonly to: Endpoint
  readonly tcp: TcpDirection
  framer: Framer | undefined
  /** The beginning of a message is looked for: after a loss, or where nothing says that this is BGP. */
  searching: boolean
  /** The last octets in which none was found. */
  tail: Uint8Array
  /** Messages came, or it is on the port of BGP: what is wrong then matters. */
  known: boolean
  open: Open | undefined
}

type Connection = readonly [Direction, Direction]
type Found = CapturedMessage | FileFault

const bgpPort = 179
const nothing = new Uint8Array(0)

/**
 * The messages of all sessions in a capture, pcap or pcapng, in the order in which they became whole. A fault is about one
 * session, which goes on behind it, or about the file, which then ends.
 */
export async function* readCapture(chunks: Chunks, options: CaptureOptions = {}): AsyncGenerator<Found, void> {
  const capture = new Capture(options)
  for await (const packet of readPackets(chunks)) {
    if (packet.kind === 'fault') {
      yield* capture.finish()
      yield packet
      return
    }
    yield* capture.take(packet)
  }
  yield* capture.finish()
}

class Capture {
  readonly #ports: readonly number[] | undefined
  readonly #maximumConnections: number
  readonly #held: HeldOctets
  /** The one that was heard of last is the last. */
  readonly #connections = new Map<string, Connection>()
  readonly #unread = new Set<number>()
  #found: Found[] = []
  #packet: Pick<CapturedPacket, 'time' | 'offset'> = { time: undefined, offset: 0 }

  constructor({ ports, maximumConnections = 1024, maximumHeld = 16 * 1024 * 1024 }: CaptureOptions) {
    this.#ports = ports
    this.#maximumConnections = maximumConnections
    this.#held = { held: 0, limit: maximumHeld }
  }

  take(packet: CapturedPacket): readonly Found[] {
    this.#found = []
    this.#packet = packet
    const { linkType, bytes, offset } = packet
    if (!isKnownLinkType(linkType) && !this.#unread.has(linkType)) {
      this.#unread.add(linkType)
      this.#found.push(fileFault(offset, `packets of link type ${linkType} are not read`))
    }
    const segment = readTcpSegment(linkType, bytes)
    if (segment && this.#isWanted(segment)) this.#follow(segment)
    return this.#found
  }

  finish(): readonly Found[] {
    this.#found = []
    for (const connection of this.#connections.values()) this.#end(connection)
    this.#connections.clear()
    return this.#found
  }

  #isWanted({ source, destination }: TcpSegment): boolean {
    return this.#ports === undefined || this.#ports.includes(source.port) || this.#ports.includes(destination.port)
  }

  #follow(segment: TcpSegment): void {
    const [direction, other] = this.#directionOf(segment)
    const { sequence, syn, payload } = segment
    if (syn && !direction.tcp.isBegunBy(sequence)) {
      direction.tcp.finish((octets, gap) => this.#feed(direction, other, octets, gap))
      this.#leave(direction)
      direction.tcp.begin(sequence)
      direction.searching = !direction.known
      direction.open = undefined
    }
    if (payload.length === 0) return
    const first = syn ? sequence + 1 : sequence
    direction.tcp.push(first, payload, (octets, gap) => this.#feed(direction, other, octets, gap))
  }

  #directionOf({ source, destination }: TcpSegment): Connection {
    const [a, b] = [endpointKey(source), endpointKey(destination)]
    const key = a < b ? `${a} ${b}` : `${b} ${a}`
    const found = this.#connections.get(key)
    if (found) {
      this.#connections.delete(key)
      this.#connections.set(key, found)
      return endpointKey(found[0].from) === a ? found : [found[1], found[0]]
    }
    if (this.#connections.size >= this.#maximumConnections) this.#forgetOldest()
    const made: Connection = [this.#direction(source, destination), this.#direction(destination, source)]
    this.#connections.set(key, made)
    return made
  }

  #direction(from: Endpoint, to: Endpoint): Direction {
    const known = from.port === bgpPort || to.port === bgpPort
    const tcp = new TcpDirection(this.#held)
    return { from, to, tcp, framer: undefined, searching: true, tail: nothing, known, open: undefined }
  }

  #forgetOldest(): void {
    for (const [key, connection] of this.#connections) {
      this.#end(connection)
      this.#connections.delete(key)
      return
    }
  }

  #end([a, b]: Connection): void {
    for (const [direction, other] of [
      [a, b],
      [b, a],
    ] as const) {
      direction.tcp.finish((octets, gap) => this.#feed(direction, other, octets, gap))
      this.#leave(direction)
    }
  }

  /** What is in order comes here. After a gap the next message is looked for. */
  #feed(direction: Direction, other: Direction, octets: Uint8Array, gap: number | undefined): void {
    if (gap !== undefined) this.#leave(direction, gap)
    if (direction.searching) {
      const rest = direction.tail.length > 0 ? concatenated(direction.tail, octets) : octets
      const at = findHeader(rest)
      if (at < 0) {
        direction.tail = rest.slice(Math.max(0, rest.length - headerLength + 1))
        return
      }
      direction.tail = nothing
      direction.searching = false
      octets = rest.subarray(at)
    }
    direction.framer ??= newFramer()
    const wrong = direction.framer.push(octets, (type, bytes, at, end) => {
      direction.known = true
      this.#message(direction, other, type, bytes, at, end)
      return true
    })
    if (!wrong) return
    direction.framer = undefined
    direction.searching = true
    if (direction.known) this.#complain(direction, wrong.text)
  }

  /** Ends the stream, or its part before `gap` missing octets: a message that began stays unfinished. */
  #leave(direction: Direction, gap = 0): void {
    const pending = direction.framer?.pending ?? 0
    direction.framer = undefined
    direction.searching = true
    direction.tail = nothing
    const told = [
      ...(gap > 0 ? [`${gap} octets are not in the capture`] : []),
      ...(pending > 0 ? [`a message of which only ${pending} octets are there`] : []),
    ]
    if (told.length > 0 && direction.known) this.#complain(direction, told.join(', '))
  }

  #complain({ from, to }: Direction, text: string): void {
    this.#found.push(fileFault(this.#packet.offset, `${formatEndpoint(from)} to ${formatEndpoint(to)}: ${text}`))
  }

  #message(direction: Direction, other: Direction, type: number, bytes: Uint8Array, at: number, end: number): void {
    if (type === messageTypes.open) {
      const open = decodeMessage(type, bytes, at, end)
      direction.open = !isFault(open) && open.kind === 'open' ? open : undefined
    }
    this.#found.push({
      kind: 'message',
      time: this.#packet.time,
      from: direction.from,
      to: direction.to,
      message: bytes.slice(at - headerLength, end),
      fourOctetAsn: hasFourOctets(direction.open) && hasFourOctets(other.open),
      addPath: families.filter((family) => sendsPaths(direction.open, other.open, family)),
      offset: this.#packet.offset,
    })
  }
}

/** Takes long messages, whatever was negotiated. */
function newFramer(): Framer {
  const framer = new Framer()
  framer.maximumLength = extendedMaximumLength
  return framer
}

function endpointKey({ address: { version, w0, w1, w2, w3 }, port }: Endpoint): string {
  return version === 4 ? `${w0}-${port}` : `${w0}.${w1}.${w2}.${w3}-${port}`
}

/** The address in brackets where it has colons itself. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.version === 4 ? `${address}:${port}` : `[${address}]:${port}`
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length)
  whole.set(a)
  whole.set(b, a.length)
  return whole
}

/** Where the first header of a message is that may be one; -1 when there is none. */
function findHeader(octets: Uint8Array): number {
  for (
    let at = octets.indexOf(0xff);
    at >= 0 && at + headerLength <= octets.length;
    at = octets.indexOf(0xff, at + 1)
  ) {
    if (checkHeader(octets, at, extendedMaximumLength) === undefined) return at
  }
  return -1
}

/** An OPEN that was not captured had it, like nearly every one. */
function hasFourOctets(open: Open | undefined): boolean {
  return open === undefined || open.capabilities.some(({ kind }) => kind === 'four-octet-asn')
}

function sendsPaths(open: Open | undefined, other: Open | undefined, family: Family): boolean {
  const { afi, safi } = familyNumbers[family]
  const offer = (from: Open | undefined) =>
    from?.capabilities
      .flatMap((one) => (one.kind === 'add-path' ? one.families : []))
      .find((one) => one.afi === afi && one.safi === safi)
  return offer(open)?.send === true && offer(other)?.receive === true
}
