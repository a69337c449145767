/**
 * A router made of octets: it says to a speaker exactly what a test writes, and keeps what it is told.
 * It answers nothing by itself but the handshake of `up`.
 */

import {
  type Capability,
  decodeMessage,
  encodeMessage,
  type Family,
  type Fault,
  Framer,
  familyNumbers,
  formatPrefix,
  hex,
  isFault,
  type LocalOpen,
  type Message,
  messageTypes,
  newUpdateParts,
  type Open,
  openMessage,
  readPrefixes,
  readReach,
  readUnreach,
  scanUpdate,
} from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll } from '../../policy/index.ts'
import type { Connection, ConnectionHandlers, PeerDeclaration } from '../../speaker/index.ts'
import { message, updateBody } from './bytes.ts'
import { address, Fabric, type Machine, peerTo } from './fabric.ts'

export interface WireTerms {
  readonly at: string
  readonly to: string
  readonly asn: number
  readonly peerAsn: number
  readonly holdTime?: number
  /** Instead of both families, refresh, extended messages and the four-octet ASN. */
  readonly capabilities?: readonly Capability[]
}

/** A route as the router holds it: octets of its attributes without the multiprotocol ones, as they came. */
export interface HeldRoute {
  readonly nextHop: string
  readonly attributes: string
  /** The length of the next hop field; 4 for NEXT_HOP. */
  readonly nextHopOctets: number
}

export class WirePeer {
  readonly heard: Message[] = []
  readonly routes = new Map<string, HeldRoute>()
  /** Why the connection ended, once it has. */
  closed: string | undefined
  #framer = new Framer()
  #connection: Connection | undefined

  /** Opens a connection to a speaker, and says nothing yet. */
  static dial(fabric: Fabric, { at, to }: Pick<WireTerms, 'at' | 'to'>): WirePeer {
    const peer = new WirePeer()
    const remote = { address: address(to), port: 179 }
    peer.#connection = fabric.network.from(address(at)).dial({ remote }, peer.#handlers())
    return peer
  }

  /** Waits for a speaker to dial; each connection that comes begins anew, in the same router. */
  static async listen(
    fabric: Fabric,
    at: string,
    onConnection: (peer: WirePeer) => void = () => {},
  ): Promise<WirePeer> {
    const peer = new WirePeer()
    await fabric.network.from(address(at)).listen({ address: address(at), port: 179 }, (incoming) => {
      peer.#framer = new Framer()
      peer.closed = undefined
      peer.#connection = incoming.accept(peer.#handlers())
      onConnection(peer)
    })
    return peer
  }

  /** A session that is up: OPEN and KEEPALIVE are exchanged, and the first routes have come. */
  static async up(fabric: Fabric, terms: WireTerms): Promise<WirePeer> {
    const peer = WirePeer.dial(fabric, terms)
    await fabric.pass(0)
    peer.send(encodeMessage(openOf(terms)), keepalive)
    await fabric.pass(1000)
    if (peer.closed !== undefined) throw new Error(`no session: ${peer.closed}, ${peer.farewell}`)
    return peer
  }

  /** Whole messages, or any octets. */
  send(...chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#connection?.write(chunk)
  }

  update(fields: Parameters<typeof updateBody>[0]): void {
    this.send(message(messageTypes.update, updateBody(fields)))
  }

  /** Breaks the connection without a word. */
  break(): void {
    this.#connection?.abort()
  }

  get open(): Open | undefined {
    return this.heard.find((one) => one.kind === 'open')
  }

  /** The last NOTIFICATION, as `3/1 data`. */
  get farewell(): string | undefined {
    const last = this.heard.findLast((one) => one.kind === 'notification')
    return last && `${last.code}/${last.subcode} ${hex(last.data)}`.trim()
  }

  count(kind: Message['kind']): number {
    return this.heard.filter((one) => one.kind === kind).length
  }

  #handlers(): ConnectionHandlers {
    return {
      onOpen: () => {},
      onData: (chunk) => this.#read(chunk),
      onDrain: () => {},
      onClose: (why) => {
        this.closed = why
      },
    }
  }

  #read(chunk: Uint8Array): void {
    this.#framer.maximumLength = 65535
    const fault = this.#framer.push(chunk, (type, bytes, at, end) => {
      const one = decodeMessage(type, bytes, at, end)
      if (isFault(one)) throw new Error(`the speaker sent something malformed: ${one.text}`)
      this.heard.push(one)
      if (one.kind === 'update') learn(this.routes, one.body)
      return true
    })
    if (fault) throw new Error(`the speaker sent something malformed: ${fault.text}`)
  }
}

/** Takes an UPDATE into a table; the prefixes that it was about. */
export function learn(routes: Map<string, HeldRoute>, body: Uint8Array): string[] {
  const parts = newUpdateParts()
  good(scanUpdate(body, 0, body.length, parts))
  const gone = [...readPrefixes(body, parts.withdrawnAt, parts.withdrawnEnd, 'ipv4-unicast')]
  const unreach = parts.unreachAt ? good(readUnreach(body, parts.unreachAt, parts.unreachEnd)) : undefined
  if (unreach?.family) gone.push(...readPrefixes(body, unreach.nlriAt, unreach.nlriEnd, unreach.family))
  const touched: string[] = []
  const set = (prefix: string, held: HeldRoute) => {
    routes.set(prefix, held)
    touched.push(prefix)
  }
  for (const one of gone.map(formatPrefix)) {
    routes.delete(one)
    touched.push(one)
  }
  const attributes = withoutMultiprotocol(hex(body, parts.attributesAt, parts.attributesEnd))
  for (const one of readPrefixes(body, parts.nlriAt, parts.nlriEnd, 'ipv4-unicast')) {
    set(formatPrefix(one), { nextHop: 'NEXT_HOP', attributes, nextHopOctets: 4 })
  }
  const reach = parts.reachAt ? good(readReach(body, parts.reachAt, parts.reachEnd)) : undefined
  if (!reach?.family) return touched
  const held = { nextHop: String(reach.nextHop), attributes, nextHopOctets: body[parts.reachAt + 3]! }
  for (const one of readPrefixes(body, reach.nlriAt, reach.nlriEnd, reach.family)) {
    set(formatPrefix(one), held)
  }
  return touched
}

export const keepalive = message(messageTypes.keepalive, new Uint8Array(0))

export function openOf({ at, asn, peerAsn, holdTime = 90, capabilities }: WireTerms): Open {
  const own = address(at)
  const local: LocalOpen = {
    asn,
    routerId: (own.version === 4 ? own.w0 : own.w3) >>> 0,
    holdTime,
    families: ['ipv4-unicast', 'ipv6-unicast'],
    peerAsn,
    capabilities: true,
  }
  const open = openMessage(local)
  return capabilities ? { ...open, capabilities } : open
}

export const multiprotocol = (family: Family): Capability => {
  const { afi, safi } = familyNumbers[family]
  return { kind: 'multiprotocol', afi, safi }
}

/** An attribute in hex, with its length counted. */
export function attribute(flags: string, type: number, value: string): string {
  const digits = value.replace(/\s/g, '')
  const octets = (digits.length / 2) | 0
  const extended = (Number.parseInt(flags, 16) & 0x10) !== 0
  return `${flags}${pad(type, 1)}${pad(octets, extended ? 2 : 1)}${digits}`
}

const pad = (value: number, octets: number) => value.toString(16).padStart(octets * 2, '0')

function good<Value>(value: Value | Fault): Value {
  if (typeof value === 'object' && value !== null && isFault(value)) throw new Error(value.text)
  return value as Value
}

/** An attribute list in hex, as its attributes. */
export function attributesIn(list: string): string[] {
  const found: string[] = []
  for (let at = 0; at < list.length; ) {
    const octet = (index: number) => Number.parseInt(list.slice(at + index * 2, at + index * 2 + 2), 16)
    const extended = (octet(0) & 0x10) !== 0
    const octets = extended ? 4 + octet(2) * 256 + octet(3) : 3 + octet(2)
    found.push(list.slice(at, at + octets * 2))
    at += octets * 2
  }
  return found
}

function withoutMultiprotocol(list: string): string {
  return attributesIn(list)
    .filter((one) => !['0e', '0f'].includes(one.slice(2, 4)))
    .join('')
}

/** A speaker of AS 64512 with both families, and a router of octets that it has a session with. */
export interface Meeting {
  readonly fabric: Fabric
  readonly node: Machine
  readonly router: WirePeer
  /** Told all that the router says, where one was asked for. */
  readonly witness: WirePeer | undefined
}

export interface MeetingTerms {
  readonly over?: 'IPv4' | 'IPv6'
  /** Of the router; 64512 makes it an internal peer. */
  readonly asn?: number
  readonly declared?: Partial<PeerDeclaration>
  readonly said?: Partial<WireTerms>
  /** The ASN of a second router, which is sent what is learned. */
  readonly witness?: number
}

export const ownAsn = 64512
export const addresses = {
  IPv4: { node: '10.0.0.2', router: '10.0.0.1', witness: '10.0.0.3' },
  IPv6: { node: 'fd00::2', router: 'fd00::1', witness: 'fd00::3' },
} as const

export async function meet(terms: MeetingTerms = {}): Promise<Meeting> {
  const { over = 'IPv4', asn = 65001, declared, said, witness } = terms
  const fabric = new Fabric()
  const { node: to, router: at, witness: beside } = addresses[over]
  const own = over === 'IPv4' ? ['10.0.0.2', 'fd00::2'] : ['fd00::2', '10.0.0.2']
  const node = fabric.machine(ownAsn, own, [
    peerTo(at, asn, { passive: true, ...declared }),
    ...(witness ? [peerTo(beside, witness, { passive: true, exportPolicy: acceptAll })] : []),
  ])
  await fabric.pass(1000)
  const router = await WirePeer.up(fabric, { at, to, asn, peerAsn: ownAsn, ...said })
  return {
    fabric,
    node,
    router,
    witness: witness ? await WirePeer.up(fabric, { at: beside, to, asn: witness, peerAsn: ownAsn }) : undefined,
  }
}

/** Nothing may be left of a meeting: no timer, no error that was logged. */
export async function part({ fabric }: Meeting): Promise<void> {
  await fabric.stop()
  expect(fabric.errors).to.deep.equal([])
  expect(fabric.clock.pending, 'timers left behind').to.equal(0)
}

/** Attributes of a good route of AS 65001, in hex. */
export const origin = attribute('40', 1, '00')
export const asPath = attribute('40', 2, '0201 0000fde9')
export const nextHop = attribute('40', 3, '0a000001')

/** How one route of each family is written: its prefix, and whole announcements and withdrawals of it. */
export interface WireRoute {
  readonly family: Family
  readonly text: string
  /** AFI and SAFI. */
  readonly afi: string
  readonly prefix: string
  /** The next hop field of MP_REACH_NLRI: length, then address. */
  readonly hop: string
  /** `tail` stands behind all attributes, that of the next hop included. */
  announced(attributes?: string, tail?: string): Parameters<typeof updateBody>[0]
  withdrawn(attributes?: string): Parameters<typeof updateBody>[0]
}

export const wireRoute = (family: Family, text: string, prefix: string): WireRoute => {
  const v4 = family === 'ipv4-unicast'
  const afi = v4 ? '000101' : '000201'
  const hop = v4 ? '040a000001' : '10fd000000000000000000000000000001'
  return {
    family,
    text,
    afi,
    prefix,
    hop,
    announced: (attributes = `${origin}${asPath}`, tail = '') =>
      v4
        ? { attributes: `${attributes}${nextHop}${tail}`, nlri: prefix }
        : { attributes: `${attribute('80', 14, `${afi}${hop}00${prefix}`)}${attributes}${tail}` },
    withdrawn: (attributes = '') =>
      v4 ? { withdrawn: prefix, attributes } : { attributes: `${attribute('80', 15, `${afi}${prefix}`)}${attributes}` },
  }
}

/** Two routes of each family. */
export const wireRoutes: Record<Family, readonly [WireRoute, WireRoute]> = {
  'ipv4-unicast': [
    wireRoute('ipv4-unicast', '198.51.100.0/24', '18c63364'),
    wireRoute('ipv4-unicast', '192.0.2.0/24', '18c00002'),
  ],
  'ipv6-unicast': [
    wireRoute('ipv6-unicast', '2001:db8:1::/48', '3020010db80001'),
    wireRoute('ipv6-unicast', '2001:db8:2::/48', '3020010db80002'),
  ],
}

/** Prefixes in the table of a machine, sorted. */
export function prefixesOf(machine: Machine): string[] {
  return machine.speaker
    .routes('best')
    .map(({ prefix }) => prefix)
    .sort()
}
