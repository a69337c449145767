import { createServer } from 'node:net'
import { expect } from 'chai'
import { type Log, nodeWorld, Speaker } from '../../../speaker/index.ts'
import { address, Fabric, peerTo, route } from '../../support/fabric.ts'

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

describe('a session', () => {
  for (const [over, node, tor] of [
    ['IPv4', '10.0.0.2', '10.0.0.1'],
    ['IPv6', 'fd00::2', 'fd00::1'],
  ] as const) {
    it(`D2 sends keepalives no more often than once a second at the shortest hold time, over ${over}`, async () => {
      const fabric = new Fabric()
      const a = fabric.machine(64512, [node], [peerTo(tor, 65001, { holdTime: 3 })])
      fabric.machine(65001, [tor], [peerTo(node, 64512)])
      await fabric.pass(10_000)
      const before = a.peer().messages.out['keepalive']!
      await fabric.pass(60_000)
      expect(a.peer().messages.out['keepalive']! - before).to.be.within(55, 60)
      expect(a.peer().flaps).to.equal(0)
      await fabric.stop()
    })

    it(`dials once a passive peer is declared active, and does not reset one that is up, over ${over}`, async () => {
      const fabric = new Fabric()
      const a = fabric.machine(64512, [node], [peerTo(tor, 65001, { passive: true })])
      fabric.machine(65001, [tor], [peerTo(node, 64512, { passive: true })])
      await fabric.pass(60_000)
      expect(a.peer().state).to.equal('Active')
      a.apply({ peers: [peerTo(tor, 65001)] })
      await fabric.pass(1000)
      expect(a.peer().state).to.equal('Established')
      a.apply({ peers: [peerTo(tor, 65001, { passive: true })] })
      await fabric.pass(1000)
      expect(a.peer()).to.include({ state: 'Established', flaps: 0 })
      await fabric.stop()
    })

    it(`C29 survives a listener that throws, over ${over}`, async () => {
      const fabric = new Fabric()
      const a = fabric.machine(64512, [node], [peerTo(tor, 65001)])
      const b = fabric.machine(65001, [tor], [peerTo(node, 64512)])
      a.speaker.onEvent(() => {
        throw new Error('a listener that fails')
      })
      await fabric.pass(10_000)
      b.apply({ peers: [] })
      b.apply({ peers: [peerTo(node, 64512)] })
      await fabric.pass(120_000)
      expect(a.peer().state).to.equal('Established')
      expect(fabric.errors.join()).to.include('a listener to session events failed')
      await fabric.stop()
    })

    it(`A20 keeps nothing of a connection from an address that is no peer, over ${over}`, async () => {
      const fabric = new Fabric()
      const a = fabric.machine(64512, [node], [])
      const stranger = fabric.machine(65001, [tor], [peerTo(node, 64512)])
      await fabric.pass(60_000)
      expect(a.speaker.snapshot().peers).to.deep.equal([])
      expect(stranger.peer().lastDown?.why).to.equal('connection reset by the peer')
      await fabric.stop()
    })
  }

  it('leaves no timer behind when stopped within a moment of coming up', async () => {
    const fabric = new Fabric()
    const a = fabric.machine(64512, ['10.0.0.2'], [peerTo('10.0.0.1', 65001)])
    fabric.machine(65001, ['10.0.0.1'], [peerTo('10.0.0.2', 64512)])
    await fabric.pass(0)
    await fabric.pass(0)
    expect(a.peer().state).to.equal('Established')
    await fabric.stop()
    expect(fabric.clock.pending).to.equal(0)
  })
})

describe('over real TCP', () => {
  for (const [over, host] of [
    ['IPv4', '127.0.0.1'],
    ['IPv6', '::1'],
  ] as const) {
    it(`D9 D15 a NOTIFICATION arrives before the close, and the routes go, over ${over}`, async function () {
      const free = await freePort(host)
      if (free === undefined) this.skip()
      const active = new Speaker(nodeWorld(quiet))
      const passive = new Speaker(nodeWorld(quiet))
      const local = (routerId: number, listen: boolean) => ({
        asn: routerId,
        routerId,
        listen: listen ? [{ address: address(host), port: free }] : [],
        addresses: listen ? {} : { 'ipv4-unicast': address('192.0.2.1'), 'ipv6-unicast': address('2001:db8::1') },
      })
      const to = (asn: number, isPassive: boolean) =>
        peerTo(host, asn, { port: free, connectRetry: 0.1, passive: isPassive })
      passive.apply({ local: local(65001, true), peers: [to(65002, true)], routes: [] })
      await until(() => passive.snapshot().listening.length === 1)
      active.apply({
        local: local(65002, false),
        peers: [to(65001, false)],
        routes: [route('198.51.100.1/32'), route('2001:db8:1::1/128')],
      })
      await until(() => passive.routes('best').length === 2)
      await active.stop({ reason: 'done here' })
      await until(() => passive.routes('best').length === 0)
      expect(passive.snapshot().peers[0]!.lastNotificationReceived?.text).to.equal(
        'administrative shutdown (6/2), "done here"',
      )
      await passive.stop()
    })
  }

  it('a port that was taken is listened on once it is free', async () => {
    const blocker = createServer()
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
    const bound = blocker.address()
    const port = typeof bound === 'object' && bound ? bound.port : 0
    const world = nodeWorld(quiet)
    // Retries come at once here: the wait is not what is tested.
    const hasty = {
      ...world,
      clock: { now: () => world.clock.now(), after: (_ms: number, run: () => void) => world.clock.after(0, run) },
    }
    const speaker = new Speaker(hasty)
    speaker.apply({
      local: { asn: 1, routerId: 1, listen: [{ address: address('127.0.0.1'), port }], addresses: {} },
      peers: [],
      routes: [],
    })
    await until(() => speaker.snapshot().listening[0]?.problem !== undefined)
    await new Promise<void>((resolve) => blocker.close(() => resolve()))
    await until(() => speaker.snapshot().listening[0]?.problem === undefined)
    await speaker.stop()
  })
})

function freePort(host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(0, host, () => {
      const bound = server.address()
      server.close(() => resolve(typeof bound === 'object' && bound ? bound.port : undefined))
    })
  })
}
