/** The routing half of a speaker, peers that say what a test writes, and a collector of BMP that takes octets only while it likes. */

import { Address, encodeUpdate, type Family, families, formatPrefix, type Negotiated, Prefix } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll } from '../../policy/index.ts'
import type { Connection, ConnectionHandlers, DialTarget } from '../../speaker/index.ts'
import { Routing } from '../../speaker/routing.ts'
import { BmpCollector } from './bmp-collector.ts'
import { address, Fabric, negotiatedWith, peerTo } from './fabric.ts'
import { VirtualClock } from './virtual-clock.ts'

const at = 'fd00::9'
const ends = {
  local: { address: address('fd00::2'), port: 40000 },
  remote: { address: address('10.0.0.1'), port: 179 },
}
const open = new Uint8Array(29)
open[17] = 29

/** The end of a connection that this side dialled, which takes octets while `takes`. */
class Pipe implements Connection {
  readonly local = ends.local
  readonly remote = { address: address(at), port: 11019 }
  readonly collector: BmpCollector
  readonly handlers: ConnectionHandlers
  takes = true
  aborted = false
  queue: Uint8Array[] = []
  most = 0

  constructor(collector: BmpCollector, handlers: ConnectionHandlers) {
    this.collector = collector
    this.handlers = handlers
  }

  get queuedBytes(): number {
    return this.queue.reduce((sum, { length }) => sum + length, 0)
  }

  write(bytes: Uint8Array): boolean {
    if (this.takes) {
      this.collector.read(bytes)
      return true
    }
    this.queue.push(bytes)
    this.most = Math.max(this.most, this.queuedBytes)
    return false
  }

  drain(): void {
    this.takes = true
    if (this.queue.length === 0) return
    for (const bytes of this.queue) this.collector.read(bytes)
    this.queue = []
    this.handlers.onDrain()
  }

  close(): void {}

  abort(): void {
    this.aborted = true
  }

  tune(): void {}
}

export class Bench {
  readonly clock = new VirtualClock()
  readonly routing: Routing
  readonly pipes: Pipe[] = []
  readonly errors: string[] = []
  readonly links: ReturnType<Bench['join']>[] = []
  #collector = new BmpCollector(new Fabric(), at)

  /** `more`: what the sessions agreed on beyond the ordinary. */
  constructor(peers = 2, more: Partial<Negotiated> = {}, wallClock?: () => number) {
    const silent = () => {}
    const log = {
      debug: silent,
      info: silent,
      warn: silent,
      error: (fields: object, message: string) => this.errors.push(`${message} ${JSON.stringify(fields)}`),
    }
    const dial = (_target: DialTarget, handlers: ConnectionHandlers) => {
      this.#collector = new BmpCollector(new Fabric(), at)
      const pipe = new Pipe(this.#collector, handlers)
      this.pipes.push(pipe)
      this.clock.after(0, () => handlers.onOpen())
      return pipe
    }
    const listen = () => Promise.reject(new Error('nobody listens here'))
    this.routing = new Routing(
      { clock: this.clock, random: () => 0.5, transport: { dial, listen }, log, ...(wallClock && { wallClock }) },
      { endOfRibHeld: false },
    )
    const collectors = [{ address: address(at), port: 11019, adjRibIn: true, adjRibOut: true, statisticsInterval: 0 }]
    const addresses = { 'ipv4-unicast': address('10.0.0.2'), 'ipv6-unicast': address('fd00::2') }
    this.routing.setLocal({ asn: 64512, routerId: 9, listen: [], addresses, collectors })
    for (let index = 0; index < peers; index++) this.links.push(this.join(index, more))
    this.clock.pass(1000)
  }

  get pipe(): Pipe {
    return this.pipes.at(-1)!
  }

  get collector(): BmpCollector {
    return this.#collector
  }

  join(index: number, more: Partial<Negotiated>) {
    const name = index % 2 === 0 ? `10.0.1.${index + 1}` : `fd00:1::${index + 1}`
    const negotiated: Negotiated = { ...negotiatedWith(65001 + index, 100 + index), ...more }
    const declaration = peerTo(name, 65001 + index, { exportPolicy: acceptAll })
    const link = { name, declaration, negotiated, localAddress: address('10.0.0.2'), queuedBytes: 0, send: () => true }
    this.routing.addPeer(link)
    this.up(link)
    return link
  }

  up(link: Pick<Bench['links'][number], 'negotiated'> & Parameters<Routing['sessionUp']>[0]): void {
    this.routing.sessionUp(link, link.negotiated)
    const conversation = { ...ends, sentOpen: open, receivedOpen: open }
    const remote = { ...ends.remote, address: link.declaration.address }
    const local = { ...ends.local, address: new Address(remote.address.version, 1, 2, 3, 4) }
    this.routing.monitor.peerUp(this.routing.routed(link)!, link.negotiated, { ...conversation, remote, local })
  }

  down(link: Parameters<Routing['sessionDown']>[0]): void {
    const routed = this.routing.routed(link)!
    this.routing.sessionDown(link, false)
    this.routing.monitor.peerDown(routed, { by: 'peer' })
  }

  update(link: Bench['links'][number], content: Parameters<typeof encodeUpdate>[0]): void {
    const message = encodeUpdate(content, link.negotiated)
    expect(this.routing.update(link, message, 19, message.length)).to.equal(undefined)
  }

  announce(link: Bench['links'][number], prefix: Prefix, med = 0): void {
    const asns = [link.declaration.asn]
    const attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns }], med } as const
    const v4 = prefix.family === 'ipv4-unicast'
    const nextHop = v4 ? address('10.0.0.77') : address('fd00::77')
    this.update(
      link,
      v4
        ? { attributes: { ...attributes, nextHop }, nlri: [prefix] }
        : { attributes, reach: { family: prefix.family, nextHop, prefixes: [prefix] } },
    )
  }

  withdraw(link: Bench['links'][number], prefix: Prefix): void {
    const { family } = prefix
    this.update(link, family === 'ipv4-unicast' ? { withdrawn: [prefix] } : { unreach: { family, prefixes: [prefix] } })
  }

  /** Prefixes of the table that a peer has sent, or was sent. */
  held(link: Bench['links'][number], table: 'in' | 'out'): string[] {
    const { rib, outbound } = this.routing
    const peer = this.routing.routed(link)!
    return families
      .flatMap((family) => {
        const { prefixes, paths } = rib.families[family]
        return Array.from({ length: prefixes.rows }, (_, row) => row)
          .filter((row) =>
            table === 'in'
              ? paths.of(row, peer.index) >= 0
              : (outbound.adjRibOut(peer, rib.families[family])?.sent(row) ?? 0) !== 0,
          )
          .map((row) => formatPrefix(prefixes.prefix(row)))
      })
      .sort()
  }

  /** What the collector holds is what there is. */
  agrees(): void {
    for (const link of this.links) {
      for (const table of ['in', 'out'] as const) {
        expect(this.collector.prefixes(link.name, table), `${link.name} ${table}`).to.deep.equal(this.held(link, table))
      }
    }
  }

  stop(): void {
    this.routing.monitor.stop()
    this.routing.stop()
    expect(this.errors).to.deep.equal([])
    expect(this.clock.pending, 'timers left behind').to.equal(0)
  }
}

export const prefixOf = (family: Family, index: number) =>
  family === 'ipv4-unicast'
    ? new Prefix(family, 24, 0x14000000 + index * 256)
    : new Prefix(family, 64, 0x20010db8, index)
