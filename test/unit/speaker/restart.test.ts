import { expect } from 'chai'
import { acceptAll } from '../../../policy/index.ts'
import type { PeerDeclaration } from '../../../speaker/index.ts'
import { Fabric, type Machine, peerTo, route } from '../../support/fabric.ts'

const restarts = { gracefulRestart: { time: 120, longLived: 0 } }
const longLived = { gracefulRestart: { time: 120, longLived: 600 } }
const both = ['192.0.2.0/24', '2001:db8::/48']
const back = { restart: { restarting: true, forwarding: true, deferral: 360 } }

/** A node and a router whose session it is to lose, over one transport. */
class Pair {
  readonly fabric = new Fabric()
  readonly node: Machine
  router: Machine
  readonly #addresses: readonly [node: string, router: string]
  readonly #more: Partial<PeerDeclaration>

  constructor(addresses: readonly [string, string], more: Partial<PeerDeclaration> = restarts) {
    this.#addresses = addresses
    this.#more = more
    this.node = this.fabric.machine(64512, [addresses[0], ...others[0]], [peerTo(addresses[1], 65001, more)])
    this.router = this.start()
  }

  /** The router as a new process. */
  start(local: Partial<Machine['desired']['local']> = {}, more: Partial<PeerDeclaration> = {}): Machine {
    const peers = [peerTo(this.#addresses[0], 64512, { ...this.#more, ...more })]
    this.router = this.fabric.machine(65001, [this.#addresses[1], ...others[1]], [])
    this.router.apply({ peers, local, routes: both.map((text) => route(text)) })
    return this.router
  }

  table(): string[] {
    return this.node.speaker.routes('best').map(({ prefix }) => prefix)
  }

  get kept() {
    return this.node.peer().kept
  }
}

const others = [
  ['172.16.0.2', 'fd77::2'],
  ['172.16.0.1', 'fd77::1'],
] as const

describe('graceful restart', () => {
  for (const [over, addresses] of [
    ['IPv4', ['10.0.0.2', '10.0.0.1']],
    ['IPv6', ['fd00::2', 'fd00::1']],
  ] as const) {
    it(`G2 keeps the routes of a peer that goes without a word for its restart time, over ${over}`, async () => {
      const pair = new Pair(addresses)
      await pair.fabric.pass(10_000)
      expect(pair.table()).to.deep.equal(both)
      await pair.router.speaker.stop({ toReturn: true })
      await pair.fabric.pass(1000)
      expect(pair.node.peer()).to.include({ flaps: 1 })
      expect(pair.table()).to.deep.equal(both)
      expect(pair.kept).to.include({ phase: 'restarting', leftMs: 119_000 })
      await pair.fabric.pass(118_000)
      expect(pair.table()).to.deep.equal(both)
      await pair.fabric.pass(2000)
      expect(pair.table()).to.deep.equal([])
      await pair.fabric.stop()
      expect(pair.fabric.errors).to.deep.equal([])
    })

    it(`G3 G6 takes up the routes of a peer that is back, and drops at End-of-RIB what did not come again, over ${over}`, async () => {
      const pair = new Pair(addresses)
      await pair.fabric.pass(10_000)
      await pair.router.speaker.stop({ toReturn: true })
      await pair.fabric.pass(10_000)
      const seen: string[] = []
      pair.start(back)
      pair.router.apply({ routes: [route(both[0]!), route('198.51.100.0/24')] })
      for (let slice = 0; slice < 400; slice++) {
        await pair.fabric.pass(100)
        seen.push(pair.table().join(' '))
      }
      expect(pair.table()).to.deep.equal([both[0], '198.51.100.0/24'])
      // Never a moment without the route that stayed.
      expect(seen.every((table) => table.includes(both[0]!))).to.equal(true)
      expect(pair.kept).to.equal(undefined)
      await pair.fabric.stop()
    })

    it(`G3 drops at once what the peer no longer vouches for, over ${over}`, async () => {
      const pair = new Pair(addresses)
      await pair.fabric.pass(10_000)
      await pair.router.speaker.stop({ toReturn: true })
      await pair.fabric.pass(1000)
      pair.start(
        { restart: { restarting: true, forwarding: false, deferral: 1 } },
        { exportPolicy: { ...acceptAll, default: 'reject' } },
      )
      await pair.fabric.pass(70_000)
      expect(pair.node.peer().state).to.equal('Established')
      expect(pair.table()).to.deep.equal([])
      await pair.fabric.stop()
    })

    it(`G6 ends the stale routes of a first restart when a second one begins, over ${over}`, async () => {
      const pair = new Pair(addresses)
      await pair.fabric.pass(10_000)
      await pair.router.speaker.stop({ toReturn: true })
      await pair.fabric.pass(1000)
      // It comes back with one route, and falls again before it has said that this is all.
      pair.router = pair.fabric.machine(65001, [addresses[1], ...others[1]], [], { endOfRibHeld: true })
      pair.router.apply({
        local: back,
        peers: [peerTo(addresses[0], 64512, restarts)],
        routes: [route(both[1]!)],
      })
      await pair.fabric.pass(70_000)
      expect(pair.kept?.phase).to.equal('resending')
      expect(pair.table()).to.deep.equal(both)
      await pair.router.speaker.stop({ toReturn: true })
      await pair.fabric.pass(1000)
      expect(pair.table()).to.deep.equal([both[1]])
      await pair.fabric.stop()
    })

    it(`G7 keeps routes through a NOTIFICATION too, where both sides agreed to, over ${over}`, async () => {
      const pair = new Pair(addresses)
      await pair.fabric.pass(10_000)
      pair.fabric.network.cut(pair.router.desired.local.addresses['ipv4-unicast']!)
      pair.fabric.network.cut(pair.router.desired.local.listen[0]!.address)
      await pair.fabric.pass(95_000)
      expect(pair.node.peer().lastNotificationSent?.text).to.contain('hold timer expired (4/0)')
      expect(pair.table()).to.deep.equal(both)
      await pair.fabric.stop()
    })

    it(`G8 lets routes go when the peer leaves for good, inside a hard reset, over ${over}`, async () => {
      const pair = new Pair(addresses)
      await pair.fabric.pass(10_000)
      await pair.router.speaker.stop({ reason: 'node removed' })
      await pair.fabric.pass(10)
      expect(pair.node.peer().lastNotificationReceived).to.include({ code: 6, subcode: 9 })
      expect(pair.node.peer().lastNotificationReceived?.text).to.contain(
        'administrative shutdown (6/2), "node removed"',
      )
      expect(pair.table()).to.deep.equal([])
      await pair.fabric.stop()
    })

    it(`G4 takes a new connection of a restarted peer for the end of the old one, over ${over}`, async () => {
      const pair = new Pair(addresses, { ...restarts, passive: true })
      pair.start({}, { passive: false })
      await pair.fabric.pass(10_000)
      expect(pair.table()).to.deep.equal(both)
      // The old process is gone, and nothing says so: its octets are lost.
      const seen: boolean[] = []
      const old = pair.router
      pair.fabric.network.cut(old.desired.local.listen[0]!.address)
      void old.speaker.stop({ toReturn: true })
      await pair.fabric.pass(0)
      pair.fabric.network.mend(old.desired.local.listen[0]!.address)
      expect(pair.node.peer()).to.include({ state: 'Established', flaps: 0 })
      pair.start(back, { passive: false })
      for (let slice = 0; slice < 100; slice++) {
        await pair.fabric.pass(100)
        seen.push(pair.table().length === 2)
      }
      expect(pair.node.peer()).to.include({ state: 'Established', flaps: 1 })
      expect(seen.every(Boolean)).to.equal(true)
      expect(pair.node.peer().messages.out['notification']).to.equal(0)
      await pair.fabric.stop()
    })

    it(`G9 G11 keeps routes as a last resort, marked, and gives them only to who knows such, over ${over}`, async () => {
      const pair = new Pair(addresses, longLived)
      const knows = pair.fabric.machine(65002, ['10.9.0.1'], [peerTo('172.16.0.2', 64512, longLived)])
      const ignorant = pair.fabric.machine(65003, ['10.9.0.2'], [peerTo('172.16.0.2', 64512)])
      const transit = { exportPolicy: acceptAll }
      const { peers } = pair.node.desired
      pair.node.apply({
        peers: [...peers, peerTo('10.9.0.1', 65002, { ...longLived, ...transit }), peerTo('10.9.0.2', 65003, transit)],
      })
      await pair.fabric.pass(60_000)
      expect(ignorant.speaker.routes('best')).to.have.length(2)
      await pair.router.speaker.stop({ toReturn: true })
      await pair.fabric.pass(121_000)
      expect(pair.kept).to.include({ phase: 'long-lived' })
      const [row] = pair.node.speaker.routes('best')
      expect(row?.attributes).to.match(/COMMUNITIES.*65535:6|llgr-stale/)
      expect(knows.speaker.routes('best').map(({ prefix }) => prefix)).to.deep.equal(both)
      expect(ignorant.speaker.routes('best')).to.deep.equal([])
      await pair.fabric.pass(600_000)
      expect(pair.table()).to.deep.equal([])
      expect(knows.speaker.routes('best')).to.deep.equal([])
      await pair.fabric.stop()
    })

    it(`G10 ends at that point what asks for it with NO_LLGR, over ${over}`, async () => {
      const pair = new Pair(addresses, longLived)
      pair.router.apply({ routes: [route(both[0]!, { attributes: { communities: [0xffff0007] } }), route(both[1]!)] })
      await pair.fabric.pass(10_000)
      await pair.router.speaker.stop({ toReturn: true })
      await pair.fabric.pass(119_000)
      expect(pair.table()).to.deep.equal(both)
      await pair.fabric.pass(2000)
      expect(pair.table()).to.deep.equal([both[1]])
      await pair.fabric.stop()
    })

    it(`G5 says that it restarts once, and that packets were forwarded, over ${over}`, async () => {
      const pair = new Pair(addresses)
      const said = () => pair.node.peer().gracefulRestart
      await pair.fabric.pass(10_000)
      expect(said()).to.deep.include({ restarting: false, notification: true, restartTime: 120 })
      expect(said()?.families.map(({ forwarding }) => forwarding)).to.deep.equal([false, false])
      await pair.router.speaker.stop({ toReturn: true })
      pair.start(back)
      await pair.fabric.pass(60_000)
      expect(said()?.restarting).to.equal(true)
      expect(said()?.families.map(({ forwarding }) => forwarding)).to.deep.equal([true, true])
      // A session that falls later is no restart of the process.
      pair.node.apply({ peers: [] })
      pair.node.apply({ peers: [peerTo(addresses[1], 65001, restarts)] })
      await pair.fabric.pass(120_000)
      expect(said()?.restarting).to.equal(false)
      expect(said()?.families.map(({ forwarding }) => forwarding)).to.deep.equal([true, true])
      await pair.fabric.stop()
    })
  }

  for (const [over, range, own, other] of [
    ['IPv4', ['10.0.0.0', 24], '10.0.0.1', '10.0.0.2'],
    ['IPv6', ['fd00::', 64], 'fd00::1', 'fd00::2'],
  ] as const) {
    it(`G5 says no more that it restarts to a neighbour of a prefix that comes again, over ${over}`, async () => {
      const fabric = new Fabric()
      const [base, length] = range
      const dynamic = { length, limit: 9 }
      const template = peerTo(base, 65001, { ...restarts, name: 'racks', passive: true, dynamic })
      const router = fabric.machine(64512, [own], [])
      router.apply({ local: { restart: { ...back.restart, forwarding: false } }, peers: [template] })
      const near = fabric.machine(65001, [other], [peerTo(own, 64512, restarts)])
      await fabric.pass(400_000)
      near.apply({ peers: [] })
      await fabric.pass(1000)
      near.apply({ peers: [peerTo(own, 64512, restarts)] })
      await fabric.pass(60_000)
      const said = near.peer().gracefulRestart
      expect(said?.restarting).to.equal(false)
      expect(said?.families.map(({ forwarding }) => forwarding)).to.deep.equal([true, true])
      await fabric.stop()
    })
  }

  it('keeps nothing where it was not agreed on', async () => {
    const pair = new Pair(['10.0.0.2', '10.0.0.1'], {})
    await pair.fabric.pass(10_000)
    await pair.router.speaker.stop({ toReturn: true })
    await pair.fabric.pass(10)
    expect(pair.table()).to.deep.equal([])
    await pair.fabric.stop()
  })

  it('ends what is kept when the peer is declared no more', async () => {
    const pair = new Pair(['10.0.0.2', '10.0.0.1'])
    await pair.fabric.pass(10_000)
    await pair.router.speaker.stop({ toReturn: true })
    await pair.fabric.pass(1000)
    pair.node.apply({ peers: [] })
    await pair.fabric.pass(10)
    expect(pair.table()).to.deep.equal([])
    await pair.fabric.stop()
    expect(pair.fabric.clock.pending).to.equal(0)
  })

  it('G5 holds End-of-RIB for learned routes until its peers have sent theirs, and a dead one holds back nobody for long', async () => {
    const fabric = new Fabric()
    const transit = { ...restarts, exportPolicy: acceptAll }
    const node = fabric.machine(64512, ['10.0.0.2'], [])
    const slow = fabric.machine(65001, ['10.0.0.1'], [peerTo('10.0.0.2', 64512, restarts)], { endOfRibHeld: true })
    const other = fabric.machine(65002, ['10.0.0.3'], [peerTo('10.0.0.2', 64512, restarts)])
    node.apply({
      local: back,
      peers: [
        peerTo('10.0.0.1', 65001, transit),
        peerTo('10.0.0.3', 65002, transit),
        peerTo('10.0.0.9', 65009, transit),
      ],
    })
    const ended = () => other.peer().routes['ipv4-unicast'].endOfRibReceived
    await fabric.pass(20_000)
    expect(other.peer().state).to.equal('Established')
    expect(ended()).to.equal(false)
    slow.speaker.releaseEndOfRib()
    await fabric.pass(5000)
    // 10.0.0.9 never came.
    expect(ended()).to.equal(false)
    await fabric.pass(10_000)
    expect(ended()).to.equal(true)
    await fabric.stop()
    expect(fabric.clock.pending).to.equal(0)
  })
})
