/** BMP towards collectors that take octets only while they like: what waits is bounded, what comes in the end is the latest state, and BGP goes on. */

import { Address, encodeUpdate, type Family, families, formatPrefix, hex, type Negotiated, Prefix } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { acceptAll } from '../../../../policy/index.ts'
import type { Connection, ConnectionHandlers, DialTarget } from '../../../../speaker/index.ts'
import { Routing } from '../../../../speaker/routing.ts'
import { BmpCollector } from '../../../support/bmp-collector.ts'
import { updateBody } from '../../../support/bytes.ts'
import { address, Fabric, negotiatedWith, peerTo, route } from '../../../support/fabric.ts'
import { VirtualClock } from '../../../support/virtual-clock.ts'
import { wireRoute } from '../../../support/wire-peer.ts'

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

/** The routing half of a speaker, peers that say what a test writes, and a collector behind a pipe. */
class Bench {
  readonly clock = new VirtualClock()
  readonly routing: Routing
  readonly pipes: Pipe[] = []
  readonly errors: string[] = []
  readonly links: ReturnType<Bench['join']>[] = []
  #collector = new BmpCollector(new Fabric(), at)

  constructor(peers = 2, addPath: readonly Family[] = []) {
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
      { clock: this.clock, random: () => 0.5, transport: { dial, listen }, log },
      { endOfRibHeld: false },
    )
    const collectors = [{ address: address(at), port: 11019, adjRibIn: true, adjRibOut: true, statisticsInterval: 0 }]
    const addresses = { 'ipv4-unicast': address('10.0.0.2'), 'ipv6-unicast': address('fd00::2') }
    this.routing.setLocal({ asn: 64512, routerId: 9, listen: [], addresses, collectors })
    for (let index = 0; index < peers; index++) this.links.push(this.join(index, addPath))
    this.clock.pass(1000)
  }

  get pipe(): Pipe {
    return this.pipes.at(-1)!
  }

  get collector(): BmpCollector {
    return this.#collector
  }

  join(index: number, addPath: readonly Family[]) {
    const name = index % 2 === 0 ? `10.0.1.${index + 1}` : `fd00:1::${index + 1}`
    const negotiated: Negotiated = { ...negotiatedWith(65001 + index, 100 + index), addPath }
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
    const message = encodeUpdate(content)
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

const prefixOf = (family: Family, index: number) =>
  family === 'ipv4-unicast'
    ? new Prefix(family, 24, 0x14000000 + index * 256)
    : new Prefix(family, 64, 0x20010db8, index)

for (const family of families) {
  describe(`a slow BMP collector, ${family}`, () => {
    let bench: Bench

    beforeEach(() => {
      bench = new Bench()
    })

    it('has nothing queued but what was on its way, whatever changes meanwhile, and then the latest state', () => {
      const [first] = bench.links
      bench.pipe.takes = false
      for (let turn = 0; turn < 50; turn++) {
        for (let index = 0; index < 200; index++) {
          if ((turn + index) % 3 === 0) bench.withdraw(first!, prefixOf(family, index))
          else bench.announce(first!, prefixOf(family, index), turn)
        }
        bench.clock.pass(100)
      }
      expect(bench.pipe.most).to.be.within(1, 64 * 1024)
      expect(bench.routing.monitor.snapshot()[0]!.waiting).to.be.within(200, 1000)
      bench.pipe.drain()
      bench.clock.pass(1000)
      bench.agrees()
      expect(bench.collector.prefixes(first!.name, 'in').length).to.be.above(100)
      bench.stop()
    })

    it('hears that a prefix is gone although another took its place in the table', () => {
      const [first] = bench.links
      bench.announce(first!, prefixOf(family, 1))
      bench.clock.pass(1000)
      bench.pipe.takes = false
      bench.announce(first!, prefixOf(family, 1), 7)
      bench.clock.pass(1000)
      bench.withdraw(first!, prefixOf(family, 1))
      bench.clock.pass(1000)
      bench.announce(first!, prefixOf(family, 2))
      bench.clock.pass(1000)
      bench.pipe.drain()
      bench.clock.pass(1000)
      bench.agrees()
      expect(bench.collector.prefixes(first!.name, 'in')).to.deep.equal([formatPrefix(prefixOf(family, 2))])
      expect(bench.routing.rib.families[family].prefixes.size, 'the row of the other is given back').to.equal(1)
      bench.stop()
    })

    it('hears of a session that ended and began anew in that order, and of none that came and went meanwhile', () => {
      const [first, second] = bench.links
      bench.pipe.takes = false
      bench.announce(second!, prefixOf(family, 1))
      bench.clock.pass(1000)
      const before = bench.collector.messages.length
      for (let turn = 0; turn < 20; turn++) {
        bench.down(first!)
        bench.up(first!)
        bench.clock.pass(1000)
      }
      bench.pipe.drain()
      bench.clock.pass(1000)
      const since = bench.collector.messages.slice(before).map(({ kind }) => kind)
      expect(since.filter((kind) => kind.startsWith('peer-'))).to.deep.equal(['peer-down', 'peer-up'])
      bench.agrees()
      bench.stop()
    })

    it('is let go when it has read nothing for a minute, and begins anew half a minute later', () => {
      const [first] = bench.links
      const slow = bench.pipe
      slow.takes = false
      bench.announce(first!, prefixOf(family, 1))
      bench.clock.pass(59_000)
      expect(slow.aborted).to.equal(false)
      bench.clock.pass(2000)
      expect(slow.aborted).to.equal(true)
      const shown = bench.routing.monitor.snapshot()[0]!
      expect(shown).to.include({ state: 'waiting', lastError: 'it has read nothing for a minute' })
      bench.clock.pass(31_000)
      expect(bench.pipes).to.have.lengthOf(2)
      bench.agrees()
      expect(bench.collector.prefixes(first!.name, 'in')).to.have.lengthOf(1)
      bench.stop()
    })

    it('is let go when prefixes that are gone would fill the memory, and gives them back', () => {
      const [first] = bench.links
      const slow = bench.pipe
      slow.takes = false
      const { prefixes } = bench.routing.rib.families[family]
      let most = 0
      for (let index = 0; index < 70_000 && !slow.aborted; index++) {
        bench.announce(first!, prefixOf(family, index))
        bench.withdraw(first!, prefixOf(family, index))
        if (index % 1000 === 0) bench.clock.pass(1)
        most = Math.max(most, prefixes.size)
      }
      expect(slow.aborted).to.equal(true)
      expect(bench.routing.monitor.snapshot()[0]).to.include({ lastError: 'it is too far behind' })
      expect(most).to.be.within(60_000, 67_000)
      bench.clock.pass(1000)
      expect([prefixes.size, bench.routing.monitor.held]).to.deep.equal([0, 0])
      bench.stop()
    }).timeout(20_000)

    it('costs BGP no message: what peers are sent does not wait for it', () => {
      const [first, second] = bench.links
      bench.pipe.takes = false
      bench.announce(first!, prefixOf(family, 1))
      bench.announce(first!, prefixOf(family, 2))
      bench.clock.pass(100)
      expect(bench.held(second!, 'out')).to.have.lengthOf(2)
      bench.stop()
    })

    it('hears of several paths a prefix by their identifiers, and of each that is gone', () => {
      bench.stop()
      bench = new Bench(1, [family])
      const [first] = bench.links
      const prefix = family === 'ipv4-unicast' ? '18c00002' : '2020010db8'
      const written = (...ids: number[]) => ids.map((id) => `0000000${id}${prefix}`).join('')
      const announced = (...ids: number[]) => wireRoute(family, '', written(...ids)).announced()
      const withdrawn = (...ids: number[]) => wireRoute(family, '', written(...ids)).withdrawn()
      const say = (fields: Parameters<typeof updateBody>[0]) => {
        const body = updateBody(fields)
        expect(bench.routing.update(first!, body, 0, body.length)).to.equal(undefined)
      }
      const updates = () => bench.collector.of('route-monitoring').filter(({ peer }) => !peer.adjRibOut)
      const last = () => hex(updates().at(-1)!.update)
      const before = updates().length
      say(announced(1, 2))
      bench.clock.pass(1000)
      expect(updates().length - before, 'one announcement, and no withdrawal').to.equal(1)
      expect(last()).to.include(written(1)).and.include(written(2))
      say(withdrawn(1))
      bench.clock.pass(1000)
      const [withdrawal, rest] = updates()
        .slice(-2)
        .map(({ update }) => hex(update))
      expect(withdrawal).to.include(written(1)).and.not.include(written(2))
      expect(rest).to.include(written(2)).and.not.include(written(1))
      say(withdrawn(2))
      bench.clock.pass(1000)
      expect(last()).to.include(written(2)).and.not.include(written(1))
      bench.stop()
    })
  })
}

describe('a BMP collector, whatever happens', () => {
  it('holds in the end what the tables hold, of every peer, in both directions and families', () => {
    const place = { family: fc.constantFrom(...families), index: fc.nat(6), peer: fc.nat(1) }
    const action = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('announce' as const), med: fc.nat(3), ...place }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('withdraw' as const), ...place }) },
      fc.record({ do: fc.constant('originate' as const), index: fc.nat(3) }),
      fc.record({ do: fc.constant('clog' as const) }),
      fc.record({ do: fc.constant('drain' as const) }),
      fc.record({ do: fc.constant('flap' as const), peer: fc.nat(1) }),
      { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 10, 60, 500) }) },
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const bench = new Bench()
        for (const one of actions) {
          if (one.do === 'announce') bench.announce(bench.links[one.peer]!, prefixOf(one.family, one.index), one.med)
          else if (one.do === 'withdraw') bench.withdraw(bench.links[one.peer]!, prefixOf(one.family, one.index))
          else if (one.do === 'originate') {
            const texts = [`192.0.2.${one.index}/32`, `2001:db8:ffff::${one.index}/128`]
            bench.routing.origination.setRoutes(one.index === 0 ? [] : texts.map((text) => route(text)))
          } else if (one.do === 'clog') bench.pipe.takes = false
          else if (one.do === 'drain') bench.pipe.drain()
          else if (one.do === 'pass') bench.clock.pass(one.ms)
          else {
            bench.down(bench.links[one.peer]!)
            if (one.peer === 0) bench.clock.pass(100)
            bench.up(bench.links[one.peer]!)
          }
        }
        bench.pipe.drain()
        bench.clock.pass(2000)
        bench.agrees()
        expect(bench.routing.monitor.held).to.equal(0)
        for (const family of families) {
          const { prefixes, paths } = bench.routing.rib.families[family]
          const used = Array.from({ length: prefixes.rows }, (_, row) => row).filter((row) => paths.best(row) >= 0)
          expect(prefixes.size, 'rows that nobody needs are given back').to.equal(used.length)
        }
        bench.stop()
      }),
      { numRuns: 300 },
    )
  }).timeout(30_000)
})
