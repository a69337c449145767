/**
 * The simulated nodes of a fabric, all in this process: each has a session with both reflectors, announces its pod CIDRs and the VIPs that
 * all share, and knows which node every route should lead to. `node nodes.ts COUNT TURNS`; events are JSON lines on standard output.
 *
 * The first node has the lowest router id, so its path to each VIP is the best one: when it withdraws a VIP, the second one's takes its place.
 */

import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { open, type PrefixVisitor, shakeHands, visitPrefixes } from '../session.ts'
import { ipv4Update, ipv4Withdrawal, ipv6Update, ipv6Withdrawal } from '../stream.ts'
import { asn, ipv4Of, ipv6Of, podCidr, reflectors, vip, vips } from './addresses.ts'

const [count, turns] = process.argv.slice(2).map(Number) as [number, number]
const say = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`)
const families = [false, true] as const
/** ORIGIN, an empty AS_PATH, LOCAL_PREF. */
const attributes = Buffer.of(0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 5, 4, 0, 0, 0, 100)
/** Routes of a family: a pod CIDR for each node, by its number, then the VIPs. */
const perFamily = count + 1 + vips
/** The first octets of pod CIDRs, which VIPs do not have. */
const podOctets = { ipv4: 10, ipv6: 0xfd }
/** A connection that the reflector had no room for yet is tried again. */
const retryMs = 100

const slotOfVip = (index: number, isIpv6: boolean) => (isIpv6 ? perFamily : 0) + count + 1 + index

/** The node whose path to each route is best; 0 where there is none. */
const best = new Uint16Array(2 * perFamily)
/** At all sessions: routes that lead elsewhere than they should, and End-of-RIBs that have not come. */
let wrong = 0
let settled = () => {}
/** Prefixes in all UPDATEs; one without any is an End-of-RIB (RFC 4724 section 2). */
let visited = 0

class Session implements PrefixVisitor {
  readonly node: number
  readonly socket: Socket
  readonly isUp: () => boolean
  /** The node that each route leads to; 0 for none. */
  readonly #leadsTo: Uint16Array

  constructor(node: number, reflector: number, leadsTo = new Uint16Array(2 * perFamily)) {
    this.node = node
    this.#leadsTo = leadsTo
    const address = reflectors[reflector]!.address
    const localAddress = address.includes(':') ? `fd00:200::${node.toString(16)}` : ipv4Of(node).join('.')
    this.socket = connect({ host: address, port: 179, localAddress, noDelay: true })
    this.socket.on('connect', () => this.socket.write(open(ipv4Of(node), asn)))
    this.isUp = shakeHands(
      this.socket,
      (socket) => socket.write(announcementOf(node)),
      (type, body) => this.#take(type, body),
    )
    this.socket.on('close', () => {
      if (this.isUp()) say({ event: 'closed', node, reflector })
      else setTimeout(() => (sessions[sessions.indexOf(this)] = new Session(node, reflector, leadsTo)), retryMs)
    })
  }

  #take(type: number, body: Buffer): void {
    if (type === 3) say({ event: 'notification', node: this.node, data: body.toString('hex') })
    if (type !== 2) return
    const before = visited
    visitPrefixes(body, this)
    if (visited === before) wrong--
    if (wrong === 0) settled()
  }

  announced(isIpv6: boolean, body: Buffer, at: number, nextHopEnd: number): void {
    this.#leads(slotAt(isIpv6, body, at), body.readUInt16BE(nextHopEnd - 2))
  }

  withdrawn(isIpv6: boolean, body: Buffer, at: number): void {
    this.#leads(slotAt(isIpv6, body, at), 0)
  }

  #leads(slot: number, to: number): void {
    visited++
    const before = this.isRight(slot)
    this.#leadsTo[slot] = to
    wrong += Number(before) - Number(this.isRight(slot))
  }

  /** No node hears of its own route. */
  isRight(slot: number): boolean {
    return this.#leadsTo[slot] === (best[slot] === this.node ? 0 : best[slot])
  }
}

function slotAt(isIpv6: boolean, body: Buffer, at: number): number {
  const octets = (body[at]! + 7) >> 3
  const isPod = body[at + 1] === (isIpv6 ? podOctets.ipv6 : podOctets.ipv4)
  if (!isPod) return slotOfVip(body[at + octets]!, isIpv6)
  const node = body.readUInt16BE(at + octets - 1)
  return isIpv6 ? perFamily + node : node - (128 << 8)
}

function updateOf(node: number, isIpv6: boolean, prefixes: readonly Buffer[]): Buffer {
  const nlri = Buffer.concat(prefixes)
  return isIpv6 ? ipv6Update(attributes, nlri, ipv6Of(node)) : ipv4Update(attributes, nlri, ipv4Of(node))
}

/** All of a node's routes, then End-of-RIB. */
function announcementOf(node: number): Buffer {
  const all = families.map((isIpv6) => {
    const shared = Array.from({ length: vips }, (_, index) => vip(index, isIpv6))
    return updateOf(node, isIpv6, [podCidr(node, isIpv6), ...shared])
  })
  const none = Buffer.alloc(0)
  return Buffer.concat([...all, ipv4Withdrawal(none), ipv6Withdrawal(none)])
}

const nodes = Array.from({ length: count }, (_, index) => index + 1)
for (const isIpv6 of families) {
  for (const node of nodes) best[(isIpv6 ? perFamily : 0) + node] = node
  for (let index = 0; index < vips; index++) best[slotOfVip(index, isIpv6)] = 1
}

/** Until every session leads where it should. */
function rightEverywhere(slots: Iterable<number>): Promise<void> {
  for (const slot of slots) for (const session of sessions) wrong += Number(!session.isRight(slot))
  return new Promise((done) => {
    settled = done
  })
}

const began = performance.now()
wrong = count * reflectors.length * families.length
const sessions: Session[] = nodes.flatMap((node) => [new Session(node, 0), new Session(node, 1)])
await rightEverywhere(best.keys())
say({ event: 'converged', ms: performance.now() - began })
// The reflectors' figures are read here.
await pause(1000)

/** Milliseconds until all nodes know that the first one's VIP is gone, or is there again; one family after the other. */
async function change(turn: number): Promise<number> {
  const isIpv6 = turn % 2 === 1
  const goes = turn % 4 < 2
  const slot = slotOfVip(0, isIpv6)
  best[slot] = goes ? 2 : 1
  const known = rightEverywhere([slot])
  const prefix = vip(0, isIpv6)
  const withdrawal = isIpv6 ? ipv6Withdrawal(prefix) : ipv4Withdrawal(prefix)
  const bytes = goes ? withdrawal : updateOf(1, isIpv6, [prefix])
  const from = performance.now()
  for (const { node, socket } of sessions) if (node === 1) socket.write(bytes)
  await known
  return performance.now() - from
}

const times: number[] = []
for (let turn = 0; count > 1 && turn < turns; turn++) {
  times.push(await change(turn))
  await pause(10)
}
say({ event: 'changed', times })
