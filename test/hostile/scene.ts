/** What a case has in its hands: a peer of its own, routes of its own, and the means to see what becomes of both. */

import { encodeMessage, type Family } from 'bgp-ts'
import { Secret } from '../../speaker/index.ts'
import { tcp } from '../../speaker/transport/tcp.ts'
import { message, updateBody } from '../support/bytes.ts'
import { address } from '../support/fabric.ts'
import {
  asPath,
  attribute,
  attributesIn,
  keepalive,
  openOf,
  origin,
  ownAsn,
  type WireRoute,
  type WireTerms,
  wireRoute,
} from '../support/wire-peer.ts'
import { Attacker, pause, until } from './attacker.ts'
import { addressOf, type Neighbour, type Run, type Transport } from './case.ts'

/** Of a neighbour that is declared beside those of the cases. */
export const loudAddress = { IPv4: '10.0.0.5', IPv6: 'fd00::5' } as const
export const targetAddress = { IPv4: '10.0.0.2', IPv6: 'fd00::2' } as const

/** What the scene needs of those beside it. */
export interface Beside {
  readonly witnesses: readonly Attacker[]
  /** How long the daemon is given. */
  readonly patienceMs: number
}

export class Scene {
  readonly over: Transport
  readonly family: Family
  readonly at: string
  readonly to: string
  readonly neighbour: Neighbour
  /** What the case is about, a route beside it, and one that shows that what came before was dealt with. */
  readonly target: WireRoute
  readonly sibling: WireRoute
  readonly marker: WireRoute
  readonly patienceMs: number
  readonly #witnesses: readonly Attacker[]
  readonly #connections: Attacker[] = []
  /** Attributes that this neighbour's routes have. */
  attributes: string
  /** The attribute to look for on the route of the case, once it was announced. */
  looksFor: number | undefined
  #announced = false

  constructor({ over, family, index, what }: Run, beside: Beside) {
    this.over = over
    this.family = family
    this.neighbour = what.neighbour ?? {}
    this.at = addressOf(over, index)
    this.to = targetAddress[over]
    this.patienceMs = beside.patienceMs
    this.#witnesses = beside.witnesses
    ;[this.target, this.sibling, this.marker] = [0, 1, 2].map((which) => routeOf(family, index, which)) as [
      WireRoute,
      WireRoute,
      WireRoute,
    ]
    this.attributes = this.neighbour.internal
      ? `${origin}${attribute('40', 2, '')}${attribute('40', 5, '00000064')}`
      : `${origin}${asPath}`
  }

  get asn(): number {
    return this.neighbour.internal ? ownAsn : 65001
  }

  get terms(): WireTerms {
    return { at: this.at, to: this.to, asn: this.asn, peerAsn: ownAsn }
  }

  /** A good OPEN of this neighbour. */
  open(more: Partial<WireTerms> = {}): Uint8Array {
    return encodeMessage(openOf({ ...this.terms, ...more }))
  }

  /** The same under another identifier. */
  openAs(routerId: number): Uint8Array {
    return encodeMessage({ ...openOf(this.terms), routerId })
  }

  /** Whether a connection whose segments are signed with this password comes about (RFC 2385). */
  async signed(password: string, limitMs: number): Promise<boolean> {
    let open = false
    const connection = tcp.dial(
      {
        remote: { address: address(this.to), port: 179 },
        localAddress: address(this.at),
        password: new Secret(password),
      },
      {
        onOpen: () => {
          open = true
        },
        onData: () => {},
        onDrain: () => {},
        onClose: () => {},
      },
    )
    await until(() => open, limitMs)
    connection.abort()
    return open
  }

  /** A neighbour that announces a megabyte of routes, anew at every call. */
  async loudNeighbour(): Promise<(turn: number) => void> {
    const at = loudAddress[this.over]
    const peer = this.keep(Attacker.dial(at, this.to))
    peer.send(encodeMessage(openOf({ ...this.terms, at })), keepalive)
    await until(() => peer.count('keepalive') > 0, this.patienceMs)
    const { afi, hop } = this.target
    return (turn) => {
      for (let index = 0; index < 2000; index++) {
        const number = (index & 0xffff).toString(16).padStart(4, '0')
        const prefix = this.family === 'ipv4-unicast' ? `20cb71${number}`.slice(0, 10) : `3020010db9${number}`
        const communities = attribute('d0', 8, `${number}${turn.toString(16).padStart(4, '0')}`.repeat(120))
        const reach = attribute('80', 14, `${afi}${hop}00${prefix}`)
        peer.send(message(2, updateBody({ attributes: `${reach}${this.attributes}${communities}` })))
      }
    }
  }

  /** Makes this connection the last one again. */
  turnTo(peer: Attacker): void {
    this.#connections.push(peer)
  }

  /** The peer of the last connection. */
  get peer(): Attacker {
    const last = this.#connections.at(-1)
    if (!last) throw new Error('not connected')
    return last
  }

  /** A connection that is open, on which nothing was said. */
  async connect(): Promise<Attacker> {
    const peer = this.keep(Attacker.dial(this.at, this.to))
    if (!(await until(() => peer.connected || peer.closed !== undefined, this.patienceMs)))
      throw new Error('the daemon takes no connection')
    return peer
  }

  /** Ends with the scene. */
  keep(peer: Attacker): Attacker {
    this.#connections.push(peer)
    return peer
  }

  /** A session that is up. */
  async establish(more: Partial<WireTerms> = {}): Promise<Attacker> {
    // A router that just came up may not be ready for the first one.
    for (let attempt = 0; ; attempt++) {
      const peer = await this.connect()
      peer.send(this.open(more))
      await until(() => peer.count('open') > 0 || peer.closed !== undefined, this.patienceMs)
      peer.send(keepalive)
      await until(() => peer.count('keepalive') > 0 || peer.closed !== undefined, this.patienceMs)
      if (peer.count('keepalive') > 0) return peer
      if (attempt >= 40 || peer.farewell !== undefined) throw new Error(`no session: ${peer.end ?? 'silence'}`)
      await pause(250)
    }
  }

  /** A session whose two routes are known beyond the daemon. */
  async announced(more: Partial<WireTerms> = {}): Promise<Attacker> {
    const peer = await this.establish(more)
    this.update(this.target.announced(this.attributes), this.sibling.announced(this.attributes))
    this.#announced = true
    if (!(await until(() => this.#known(this.target) && this.#known(this.sibling), this.patienceMs)))
      throw new Error('good routes are not passed on')
    return peer
  }

  update(...updates: Parameters<typeof updateBody>[0][]): void {
    this.peer.send(...updates.map((one) => message(2, updateBody(one))))
  }

  /** What became of it, once the daemon has dealt with all that was said; `right` is waited for, as routers do one thing after another. */
  async reaction(right: (seen: string) => boolean): Promise<string> {
    const { peer } = this
    if (peer.closed === undefined) this.update(this.marker.announced(this.attributes))
    const over = () => peer.closed !== undefined || (peer.farewell !== undefined && peer.socket.readableEnded)
    if (!(await until(() => over() || this.#known(this.marker), this.patienceMs))) return 'silent'
    if (over()) return peer.end ?? 'closed'
    await pause(5)
    let seen = this.#routes()
    await until(() => {
      if (over()) seen = peer.end ?? 'closed'
      else seen = this.#routes()
      return right(seen)
    }, this.patienceMs / 5)
    return seen
  }

  /** Leaves without a trace: whether the routes are gone beyond the daemon. */
  async leave(): Promise<boolean> {
    for (const peer of this.#connections) peer.break()
    return until(
      () => this.#witnesses.every(({ routes }) => this.#own.every(({ text }) => !routes.has(text))),
      this.patienceMs,
    )
  }

  #routes(): string {
    if (!this.#announced) return 'up'
    if (!this.#known(this.sibling)) return 'another route is gone'
    const held = this.#witnesses[0]!.routes.get(this.target.text)
    if (!held) return 'withdrawn'
    if (this.looksFor === undefined) return 'stands'
    const type = this.looksFor.toString(16).padStart(2, '0')
    const found = attributesIn(held.attributes).find((one) => one.slice(2, 4) === type)
    return found ? `stands with ${found}` : 'stands without it'
  }

  #known({ text }: WireRoute): boolean {
    return this.#witnesses.every(({ routes }) => routes.has(text))
  }

  get #own(): readonly WireRoute[] {
    return [this.target, this.sibling, this.marker]
  }
}

/** Routes of a peer, which nobody else has. */
function routeOf(family: Family, index: number, which: number): WireRoute {
  const number = index * 3 + which
  const octet = (value: number) => value.toString(16).padStart(2, '0')
  if (family === 'ipv4-unicast') {
    const [a, b] = [18 + (number >> 16), (number >> 8) & 255]
    return wireRoute(family, `198.${a}.${b}.${number & 255}/32`, `20c6${octet(a)}${octet(b)}${octet(number & 255)}`)
  }
  return wireRoute(
    family,
    `2001:db8:${(0x1000 + number).toString(16)}::/48`,
    `3020010db8${(0x1000 + number).toString(16)}`,
  )
}
