/** BFD beside real routers, over IPv4 and IPv6 at 3 x 100 ms: it comes up, finds what fails, and nothing else. */

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { PeerSnapshot, SpeakerSnapshot } from '../../speaker/index.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'
import { bfdRouters } from './bfd-routers.ts'
import { note } from './matrix.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const stall = join(import.meta.dirname, 'stall.ts')
const topologies = join(import.meta.dirname, '../topology')
const pairs = [
  ['10.0.0.2', '10.0.0.1'],
  ['fd00::2', 'fd00::1'],
] as const

/** One that pretends to be the router: a packet from its address that says Down, with this hop limit. */
const forger = `
  const [from, to, hops, discriminator] = process.argv.slice(1)
  const packet = Buffer.from('20400318000000630000000000' + '0f4240000f424000000000', 'hex')
  packet.writeUInt32BE(Number(discriminator), 8)
  const socket = require('node:dgram').createSocket(from.includes(':') ? 'udp6' : 'udp4')
  socket.bind(50000, from, () => {
    socket.setTTL(Number(hops))
    socket.send(packet, 3784, to, () => socket.close())
  })`

class Bench {
  readonly topology: Topology
  readonly config: string
  tandem!: Program

  constructor(topology: Topology) {
    this.topology = topology
    this.config = join(topology.work, 'tandem.yml')
    writeFileSync(this.config, readFileSync(topology.bound('node-1', '/etc/tandem/config.yml')))
  }

  get socket(): string {
    return join(this.topology.work, 'tandem.sock')
  }

  /** From its sources, with a way to stall it, or a program of its own. */
  start(program: readonly string[] = ['--import', stall, main]): void {
    const words = ['run', '--source', 'none', '--config', this.config, '--admin-socket', this.socket]
    this.tandem = this.topology.start('node-1', [process.execPath, ...program, ...words])
  }

  async peers(): Promise<readonly PeerSnapshot[]> {
    const words = ['peers', '-o', 'json', '--admin-socket', this.socket]
    return (JSON.parse(await this.topology.run('node-1', [process.execPath, main, ...words])) as SpeakerSnapshot).peers
  }

  /** Changes the configuration, live. */
  async apply(change: (text: string) => string): Promise<void> {
    writeFileSync(this.config, change(readFileSync(this.config, 'utf8')))
    const words = ['apply', this.config, '--admin-socket', this.socket]
    await this.topology.run('node-1', [process.execPath, main, ...words])
  }

  /** Every session of both kinds is up, here. */
  async allUp(limitMs = 20_000): Promise<readonly PeerSnapshot[]> {
    return eventually('BGP and BFD are up over both families', limitMs, async () => {
      const peers = await this.peers()
      return peers.every(({ state, bfd }) => state === 'Established' && bfd?.state === 'Up') && peers
    })
  }

  /** Log lines that say this, by peer, with the time in milliseconds since the epoch. */
  logged(message: string): { readonly peer: string; readonly at: number; readonly why?: string }[] {
    return this.tandem
      .log()
      .split('\n')
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => JSON.parse(line) as { peer: string; time: string; why?: string })
      .map(({ peer, time, ...rest }) => ({ peer, at: Date.parse(time), ...rest }))
  }
}

for (const router of bfdRouters) {
  describe(`BFD beside ${router.name}`, function () {
    this.timeout(60_000)
    let bench: Bench
    let program: Program

    before(async () => {
      const topology = await Topology.layOut(join(topologies, `bfd-${router.name}.clab.yml`))
      bench = new Bench(topology)
      program = await router.start(topology)
      bench.start()
    })

    after(async () => {
      await bench?.topology.tearDown()
    })

    function noted(feature: string, result: string): void {
      note(router.name, `BFD ${feature}`, result)
    }

    /** The router's sessions are these, by the interval it sends at and the time after which it gives up. */
    async function routerHas(interval: number, timeout: number): Promise<void> {
      const wanted = pairs.map(([peer]) => ({ peer, up: true, interval, timeout }))
      let last: object[] = []
      await eventually('the router agrees', 10_000, async () => {
        last = (await router.sessions(bench.topology))
          .map((one) => ({ peer: one.peer, up: one.up, interval: one.interval, timeout: one.timeout }))
          .sort((a, b) => (a.peer < b.peer ? -1 : 1))
        return JSON.stringify(last) === JSON.stringify(wanted)
      }).catch((error: unknown) => {
        expect(last, String(error)).to.deep.equal(wanted)
      })
    }

    it('I3 comes up over IPv4 and over IPv6, and both ends agree on 3 x 100 ms', async () => {
      for (const { bfd } of await bench.allUp()) {
        expect(bfd).to.deep.include({ remoteState: 'Up', transmitInterval: 100, detectionTime: 300, flaps: 0 })
      }
      await routerHas(100, 300)
      noted('3 x 100 ms', 'ok')
    })

    it('I8 stays up while the main thread is blocked for 400 ms at a time', async () => {
      process.kill(bench.tandem.pid, 'SIGUSR2')
      await new Promise((done) => setTimeout(done, 10_000))
      process.kill(bench.tandem.pid, 'SIGUSR2')
      expect(await router.downs(bench.topology)).to.equal(0)
      const peers = await bench.allUp()
      for (const { bfd, flaps } of peers) expect([bfd?.flaps, flaps]).to.deep.equal([0, 0])
      const late = Math.max(...peers.map(({ bfd }) => bfd?.worstLateness ?? 0))
      noted('main thread blocked', `ok, ${late} ms late at most`)
    })

    it('I4 takes new timers while it is up', async () => {
      await bench.apply((text) =>
        text.replaceAll('min-tx: 100, min-rx: 100, multiplier: 3', 'min-tx: 250, min-rx: 200, multiplier: 4'),
      )
      await routerHas(200, 1000)
      await bench.apply((text) =>
        text.replaceAll('min-tx: 250, min-rx: 200, multiplier: 4', 'min-tx: 100, min-rx: 100, multiplier: 3'),
      )
      await routerHas(100, 300)
      for (const { bfd, flaps } of await bench.peers()) expect([bfd?.flaps, flaps]).to.deep.equal([0, 0])
      noted('timers, live', 'ok')
    })

    it('I2 takes no packet that has lost a hop', async function () {
      if (!router.tellsDiscriminators) {
        noted('hop limit', 'not tried: it does not tell our discriminator')
        this.skip()
      }
      for (const [own, peer] of pairs) {
        const session = (await router.sessions(bench.topology)).find((one) => one.peer === own)
        expect(session?.discriminator, own).to.be.greaterThan(0)
        const forge = (hops: number) =>
          bench.topology.run('tor', [
            process.execPath,
            '-e',
            forger,
            peer,
            own,
            String(hops),
            String(session?.discriminator),
          ])
        const downs = () => bench.logged('BFD down').filter((line) => line.peer === peer).length
        await forge(254)
        await forge(64)
        await new Promise((done) => setTimeout(done, 300))
        expect(downs(), `${peer}, hop limit 254`).to.equal(0)
        await forge(255)
        await eventually('the packet that has lost none is believed', 2000, async () => downs() === 1)
      }
      await bench.allUp()
      noted('hop limit', 'ok')
    })

    it('I6 switched off by the router does not end the BGP session', async function () {
      if (!router.setShutdown) {
        noted('AdminDown of the router', 'it has none')
        this.skip()
      }
      const before = await bench.peers()
      for (const [own, peer] of pairs) await router.setShutdown(bench.topology, own, peer, true)
      const peers = await eventually('BFD is down', 5000, async () => {
        const all = await bench.peers()
        return all.every(({ bfd }) => bfd?.state === 'Down') && all
      })
      for (const { bfd } of peers) expect(bfd?.lastDown?.why).to.include('neighbour signalled session down')
      for (const [own, peer] of pairs) await router.setShutdown(bench.topology, own, peer, false)
      const flaps = (all: readonly PeerSnapshot[]) => all.map((one) => one.flaps)
      expect(flaps(await bench.allUp()), bench.tandem.log()).to.deep.equal(flaps(before))
      noted('AdminDown of the router', 'ok')
    })

    it('I6 finds a cut in less than 400 ms, and ends the BGP session with it', async () => {
      const [downs, ends] = [bench.logged('BFD down').length, bench.logged('session down').length]
      const cut = Date.now()
      await bench.topology.run('switch', ['ip', 'link', 'set', 'br0', 'down'])
      const found = await eventually('both sessions are down', 5000, async () => {
        const lines = [...bench.logged('BFD down').slice(downs), ...bench.logged('session down').slice(ends)]
        return lines.length === 4 && lines
      })
      const took = Math.max(...found.map(({ at }) => at)) - cut
      expect(took).to.be.below(400)
      for (const { why } of found) expect(why).to.equal('BFD: control detection time expired (1)')
      for (const { lastNotificationSent } of await bench.peers()) {
        expect(lastNotificationSent).to.include({ code: 6, subcode: 10 })
      }
      await bench.topology.run('switch', ['ip', 'link', 'set', 'br0', 'up'])
      await bench.allUp()
      noted('cut to BGP down', `${took} ms`)
    })

    it('I6 switched off here says so to the router', async () => {
      const ours = (text: string) => text.replaceAll(/^ {4}bfd:/gm, '    # bfd:')
      await bench.apply(ours)
      const sessions = await eventually('the router hears of it', 5000, async () => {
        const all = await router.sessions(bench.topology)
        return all.length >= 2 && all.every(({ up }) => !up) && all
      })
      for (const { remoteDiagnostic } of sessions) {
        if (remoteDiagnostic !== undefined) expect(remoteDiagnostic).to.equal('administratively down')
      }
      const stays = (await router.established(bench.topology)) === 2
      noted('AdminDown of ours', stays ? 'ok' : 'heard; it ends BGP all the same')
      await bench.apply((text) => text.replaceAll('# bfd:', 'bfd:'))
      await bench.allUp()
    })

    it('I2 over many hops runs on port 4784', async function () {
      if (!router.multihop) {
        noted('many hops', 'not tried: it needs another configuration')
        this.skip()
      }
      const { multihop } = router
      await bench.apply((text) => text.replaceAll('multiplier: 3 }', 'multiplier: 3, multihop: true }'))
      for (const [own, peer] of pairs) {
        await eventually(`${own} is up over many hops`, 10_000, () => multihop(bench.topology, own, peer))
      }
      for (const { bfd } of await bench.allUp()) expect(bfd).to.include({ multihop: true, remoteState: 'Up' })
      await bench.apply((text) => text.replaceAll('multiplier: 3, multihop: true }', 'multiplier: 3 }'))
      await bench.allUp()
      noted('many hops', 'ok')
    })

    it('I6 ends its BGP sessions with their own reason, and says AdminDown after it', async () => {
      const started = Date.now()
      await bench.tandem.stop()
      expect(Date.now() - started).to.be.below(1500)
      const heard = () => [...program.log().matchAll(router.heardShutdown)].length
      await eventually(`the router hears the reason: ${program.log()}`, 2000, async () => heard() === 2)
      if (router.setShutdown) {
        for (const { remoteDiagnostic } of await router.sessions(bench.topology))
          expect(remoteDiagnostic).to.equal('administratively down')
      }
      noted('shutdown', 'ok')
    })
  })
}

describe('BFD of the bundle that the image has', function () {
  this.timeout(60_000)
  const router = bfdRouters.find(({ name }) => name === 'bird')!
  let bench: Bench

  before(async () => {
    bench = new Bench(await Topology.layOut(join(topologies, 'bfd-bird.clab.yml')))
    await router.start(bench.topology)
  })

  after(async () => {
    await bench?.topology.tearDown()
  })

  it('finds its thread and its system calls beside it, wherever it lies', async () => {
    const bundle = join(bench.topology.work, 'app/tandem.cjs')
    execFileSync(process.execPath, [join(import.meta.dirname, '../../docker/bundle.ts'), bundle])
    bench.start([bundle])
    for (const { bfd } of await bench.allUp()) expect(bfd).to.include({ remoteState: 'Up', detectionTime: 300 })
    const memory = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${bench.tandem.pid}/status`, 'utf8'))?.[1]
    note('bird', 'BFD of the bundle', `ok, ${Math.round(Number(memory) / 1024)} MB`)
  })
})
