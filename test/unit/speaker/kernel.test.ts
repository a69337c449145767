import { families } from 'bgp-ts'
import { expect } from 'chai'
import type { KernelOptions, PeerDeclaration } from '../../../speaker/index.ts'
import { address, Fabric, type Machine, peerTo, prefix, route } from '../../support/fabric.ts'
import { FakeKernel } from '../../support/fake-kernel.ts'

const links = ['10.0.0.0/24 eth1', 'fd00::/64 eth1', '10.9.0.0/24 eth2']
const wait = 120_000

/** A node with a kernel, and two routers of one AS on its link. Sessions over IPv4 carry both families. */
class Stage {
  readonly fabric = new Fabric()
  readonly kernel: FakeKernel
  readonly torA: Machine
  readonly torB: Machine

  /** `endOfRibHeld`: the second router does not say when it has sent all. */
  constructor({ endOfRibHeld = false } = {}) {
    this.kernel = new FakeKernel(...links)
    this.torA = this.#tor('10.0.0.1', 'fd00::1', false)
    this.torB = this.#tor('10.0.0.3', 'fd00::3', endOfRibHeld)
  }

  #tor(v4: string, v6: string, endOfRibHeld: boolean): Machine {
    const peers = [peerTo('10.0.0.2', 64512, { connectRetry: 1 })]
    return this.fabric.machine(65001, [v4, v6], peers, { endOfRibHeld })
  }

  /** The node starts, again if it ran before: nothing but the kernel remembers. */
  node(options: Partial<KernelOptions> = {}, peers: Partial<Record<string, Partial<PeerDeclaration>>> = {}): Machine {
    const declared = ['10.0.0.1', '10.0.0.3'].map((one) => peerTo(one, 65001, { connectRetry: 1, ...peers[one] }))
    return this.fabric.machine(64512, ['10.0.0.2', 'fd00::2'], declared, { kernel: options }, this.kernel)
  }

  /** In steps, because what the kernel answers comes between them. */
  async pass(milliseconds: number): Promise<void> {
    const step = milliseconds > 10_000 ? 500 : 50
    for (let passed = 0; passed < milliseconds; passed += step) await this.fabric.pass(step)
  }

  /** Both routers announce these. */
  both(...prefixes: string[]): void {
    for (const tor of [this.torA, this.torB]) tor.apply({ routes: prefixes.map((one) => route(one)) })
  }

  async stop(): Promise<void> {
    await this.fabric.stop()
    expect(this.fabric.clock.pending, 'timers left behind').to.equal(0)
    expect(this.kernel.watchers, 'watches left behind').to.equal(0)
  }
}

const both = ['198.18.0.0/24', '2001:db8:99::/48']
const overBoth = ['198.18.0.0/24 via 10.0.0.1 10.0.0.3', '2001:db8:99::/48 via fd00::1 fd00::3']
const overA = ['198.18.0.0/24 via 10.0.0.1', '2001:db8:99::/48 via fd00::1']
const overB = ['198.18.0.0/24 via 10.0.0.3', '2001:db8:99::/48 via fd00::3']
const why = (machine: Machine, text: string) => machine.speaker.explain(prefix(text)).kernel
const counts = (machine: Machine) => machine.speaker.snapshot().kernel!.families
/** A line each: why, how many, one of them. */
const problems = (machine: Machine) =>
  families.flatMap((family) =>
    counts(machine)[family].problems.map(
      ({ kind, count, example = 'all', reason }) => `${kind} ${count} ${example}: ${reason}`,
    ),
  )

describe('kernel routes', () => {
  let stage: Stage

  beforeEach(() => {
    stage = new Stage()
  })
  afterEach(() => stage.stop())

  describe('what is installed', () => {
    it('is every accepted best path, over all routers that are as good', async () => {
      const node = stage.node()
      stage.both(...both)
      await stage.pass(10_000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
      expect(why(node, both[0]!)).to.deep.equal({
        installed: true,
        nextHops: ['10.0.0.1', '10.0.0.3'],
        reason: 'table 254, protocol 178, metric 1780',
      })
      expect(counts(node)['ipv6-unicast']).to.deep.include({ phase: 'synced', installed: 1, pending: 0, stale: 0 })
    })

    it('is one next hop with one path allowed, and the best one', async () => {
      stage.node({ maximumPaths: 1 })
      stage.both(...both)
      await stage.pass(10_000)
      expect(stage.kernel.ours).to.deep.equal(overA)
    })

    it('follows the paths: another best one, one more that is as good, one less, none', async () => {
      stage.node()
      const routes = (med: number) => both.map((one) => route(one, { attributes: { med } }))
      stage.torA.apply({ routes: routes(10) })
      stage.torB.apply({ routes: routes(20) })
      await stage.pass(10_000)
      expect(stage.kernel.ours, 'the lower MED alone').to.deep.equal(overA)
      stage.torB.apply({ routes: routes(10) })
      await stage.pass(1000)
      expect(stage.kernel.ours, 'as good, though not the best').to.deep.equal(overBoth)
      stage.torB.apply({ routes: routes(5) })
      await stage.pass(1000)
      expect(stage.kernel.ours, 'better').to.deep.equal(overB)
      stage.torB.apply({ routes: [] })
      await stage.pass(1000)
      expect(stage.kernel.ours, 'gone').to.deep.equal(overA)
      stage.torA.apply({ routes: [] })
      await stage.pass(1000)
      expect(stage.kernel.ours, 'none').to.deep.equal([])
    })

    it('is changed in place, never taken away and put back', async () => {
      stage.node()
      stage.both(...both)
      await stage.pass(10_000)
      stage.kernel.log.length = 0
      stage.torB.apply({ routes: [] })
      await stage.pass(1000)
      expect(stage.kernel.log).to.have.members(['replace 198.18.0.0/24 10.0.0.1', 'replace 2001:db8:99::/48 fd00::1'])
    })

    it('is nothing that this speaker originates', async () => {
      const node = stage.node()
      stage.both(...both)
      node.apply({ routes: both.map((one) => route(one)) })
      await stage.pass(10_000)
      expect(stage.kernel.ours).to.deep.equal([])
      expect(why(node, both[1]!)).to.deep.include({ installed: false, reason: 'this speaker originates it' })
    })

    it('goes with the session', async () => {
      const node = stage.node()
      stage.both(...both)
      await stage.pass(10_000)
      node.apply({ peers: node.desired.peers.slice(0, 1) })
      await stage.pass(1000)
      expect(stage.kernel.ours).to.deep.equal(overA)
      node.apply({ peers: [] })
      await stage.pass(1000)
      expect(stage.kernel.ours).to.deep.equal([])
    })

    it('is not what cannot be reached, and comes when it can', async () => {
      const node = stage.node()
      const far = ['198.18.7.0/24', '2001:db8:7::/48']
      stage.torA.apply({
        routes: [
          route(far[0]!, { nextHop: address('10.7.7.7') }),
          route(far[1]!, { nextHop: address('fd07::7') }),
          route('198.18.0.0/24'),
        ],
      })
      await stage.pass(10_000)
      expect(stage.kernel.ours).to.deep.equal(['198.18.0.0/24 via 10.0.0.1'])
      expect(why(node, far[0]!)?.reason).to.equal(
        'next hop 10.7.7.7 cannot be reached: it is on no link of this machine that is up',
      )
      expect(problems(node).join('\n')).to.include('unreachable 1 2001:db8:7::/48: next hop fd07::7')
      stage.kernel.put('10.7.0.0/16', { onLink: 'eth3', protocol: 2, metric: 0 })
      stage.kernel.put('fd07::/64', { onLink: 'eth3', protocol: 2, metric: 256 })
      await stage.pass(1000)
      expect(stage.kernel.ours).to.include.members(['198.18.7.0/24 via 10.7.7.7', '2001:db8:7::/48 via fd07::7'])
      stage.kernel.take('10.7.0.0/16', 0)
      await stage.pass(1000)
      expect(stage.kernel.ours).to.not.include('198.18.7.0/24 via 10.7.7.7')
    })

    it('leaves out of several next hops those that cannot be reached', async () => {
      stage.node()
      stage.torA.apply({ routes: both.map((one) => route(one)) })
      stage.torB.apply({
        routes: [route(both[0]!, { nextHop: address('10.7.7.7') }), route(both[1]!, { nextHop: address('fd07::7') })],
      })
      await stage.pass(10_000)
      expect(stage.kernel.ours).to.deep.equal(overA)
    })

    it('is no route that would resolve a next hop, its own or that of another (RFC 4271 section 9.1.2.1)', async () => {
      const node = stage.node()
      // Its own address, part of the link, the link itself; and one that lies elsewhere.
      const covering = ['10.0.0.1/32', '10.0.0.0/25', '10.0.0.0/24', 'fd00::1/128', 'fd00::/64']
      stage.torA.apply({ routes: [...covering, '10.0.0.64/26', '0.0.0.0/0', '::/0'].map((one) => route(one)) })
      await stage.pass(10_000)
      expect(stage.kernel.ours).to.deep.equal([
        '0.0.0.0/0 via 10.0.0.1',
        '10.0.0.64/26 via 10.0.0.1',
        '::/0 via fd00::1',
      ])
      expect(why(node, '10.0.0.0/25')?.reason).to.include(
        'it covers next hop 10.0.0.1, which is on eth1 by 10.0.0.0/24',
      )
      expect(why(node, 'fd00::/64')?.reason).to.equal('an interface of this machine reaches all of it by itself')
      expect(problems(node).map((line) => line.split(' ').slice(0, 2).join(' '))).to.deep.equal([
        'covers 2',
        'link 1',
        'covers 1',
        'link 1',
      ])
    })

    it('changes when a router comes to be where a route of ours leads', async () => {
      stage.node()
      stage.torB.apply({ routes: ['10.0.0.0/31', 'fd00::/127'].map((one) => route(one)) })
      await stage.pass(10_000)
      expect(stage.kernel.ours).to.deep.equal(['10.0.0.0/31 via 10.0.0.3', 'fd00::/127 via fd00::3'])
      stage.torA.apply({ routes: both.map((one) => route(one)) })
      await stage.pass(1000)
      expect(stage.kernel.ours).to.deep.equal(overA)
      stage.torA.apply({ routes: [] })
      await stage.pass(1000)
      expect(stage.kernel.ours).to.deep.equal(['10.0.0.0/31 via 10.0.0.3', 'fd00::/127 via fd00::3'])
    })
  })

  describe('after a restart', () => {
    /** What a daemon before this one left, killed in the middle. */
    const left = () => {
      stage.kernel.put('198.18.0.0/24', { via: ['10.0.0.1', '10.0.0.3'] })
      stage.kernel.put('2001:db8:99::/48', { via: ['fd00::1', 'fd00::3'] })
      stage.kernel.put('198.18.50.0/24', { via: ['10.0.0.1'] })
      stage.kernel.put('2001:db8:50::/48', { via: ['fd00::1'] })
    }

    it('J13 what is right is not touched, what is missing is added, and what nobody announces goes once all is in', async () => {
      left()
      stage.node()
      stage.both(...both, '198.18.1.0/24', '2001:db8:1::/48')
      await stage.pass(30_000)
      expect(stage.kernel.ours).to.deep.equal([
        '198.18.0.0/24 via 10.0.0.1 10.0.0.3',
        '198.18.1.0/24 via 10.0.0.1 10.0.0.3',
        '2001:db8:1::/48 via fd00::1 fd00::3',
        '2001:db8:99::/48 via fd00::1 fd00::3',
      ])
      const touched = stage.kernel.log.map((line) => line.split(' ')[1])
      expect(touched).to.not.include.members(both)
      expect(stage.kernel.log).to.include.members(['remove 198.18.50.0/24', 'remove 2001:db8:50::/48'])
    })

    it('J13 nothing goes while a router has not said all it has, for a bounded time', async () => {
      left()
      const node = stage.node({ waitMs: wait }, { '10.0.0.3': { address: address('10.0.0.99'), name: 'dead' } })
      stage.both(...both)
      await stage.pass(wait - 30_000)
      expect(stage.kernel.log).to.deep.equal([])
      expect(counts(node)['ipv4-unicast']).to.include({ phase: 'settling', installed: 2, stale: 2 })
      expect(why(node, '198.18.50.0/24')).to.deep.include({
        installed: true,
        reason: 'left by an earlier run, until every peer has sent all it has',
      })
      await stage.pass(60_000)
      expect(stage.kernel.ours).to.deep.equal(overA)
      expect(counts(node)['ipv6-unicast']).to.include({ phase: 'synced', installed: 1, stale: 0 })
    })

    it('J13 nothing goes while a router that is up has not said that this is all', async () => {
      await stage.stop()
      stage = new Stage({ endOfRibHeld: true })
      left()
      const node = stage.node({ waitMs: wait })
      stage.both(...both)
      await stage.pass(60_000)
      expect(node.peer('10.0.0.3').state).to.equal('Established')
      expect(stage.kernel.log).to.deep.equal([])
      stage.torB.speaker.releaseEndOfRib()
      await stage.pass(2000)
      expect(stage.kernel.log).to.have.members(['remove 198.18.50.0/24', 'remove 2001:db8:50::/48'])
      expect(stage.kernel.ours).to.deep.equal(overBoth)
    })

    it('J13 what landed late and unheard is found when all is in', async () => {
      await stage.stop()
      stage = new Stage({ endOfRibHeld: true })
      stage.node({ waitMs: wait })
      stage.both(...both)
      await stage.pass(10_000)
      stage.kernel.isMute = true
      stage.kernel.put('198.18.77.0/24', { via: ['10.0.0.1'] })
      stage.kernel.put('2001:db8:77::/48', { via: ['fd00::1'] })
      stage.kernel.isMute = false
      stage.torB.speaker.releaseEndOfRib()
      await stage.pass(2000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
    })

    it('J13 each family is over alone', async () => {
      left()
      const torB = peerTo('10.0.0.3', 65001, { families: ['ipv4-unicast'], connectRetry: 1 })
      stage.node({}, { '10.0.0.3': torB, '10.0.0.1': { families: ['ipv4-unicast'] } })
      stage.both(...both)
      await stage.pass(30_000)
      // Neither router speaks IPv6 here, so nothing is to come.
      expect(stage.kernel.ours).to.deep.equal([overBoth[0]])
    })

    it('J13 with no peer declared, what is there stays for the bounded time', async () => {
      left()
      const node = stage.node({ waitMs: 20_000 })
      node.apply({ peers: [] })
      await stage.pass(15_000)
      expect(stage.kernel.ours).to.have.length(4)
      await stage.pass(20_000)
      expect(stage.kernel.ours).to.deep.equal([])
    })

    it('J13 a change that a killed daemon had on its way lands late, and is found', async () => {
      stage.node()
      stage.both(...both)
      await stage.pass(10_000)
      stage.kernel.put('198.18.77.0/24', { via: ['10.0.0.1'] })
      stage.kernel.put(both[0]!, { via: ['10.0.0.1'] })
      await stage.pass(2000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
    })

    it('J13 what a killed daemon adds just before us is taken for ours, beside a route that is not', async () => {
      stage.kernel.put('198.18.1.0/24', { via: ['10.9.0.9'], protocol: 4 })
      stage.kernel.put('2001:db8:1::/48', { via: ['fd00::9'], protocol: 4 })
      stage.node()
      await stage.pass(20_000)
      stage.kernel.isMute = true
      stage.kernel.put(both[0]!, { via: ['10.0.0.1', '10.0.0.3'] })
      stage.kernel.put(both[1]!, { via: ['fd00::1', 'fd00::3'] })
      stage.kernel.isMute = false
      stage.both(...both, '198.18.1.0/24', '2001:db8:1::/48')
      await stage.pass(20_000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
    })

    it('routes of ours with another metric are of a run with other flags: the new ones come first', async () => {
      stage.kernel.put('198.18.0.0/24', { via: ['10.0.0.1'], metric: 20 })
      stage.kernel.put('2001:db8:99::/48', { via: ['fd00::1'], metric: 20 })
      stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
      expect(stage.kernel.log.at(-1)).to.match(/^remove /)
      expect(stage.kernel.log[0]).to.match(/^add /)
    })

    it('the end of the daemon leaves them, or takes them away when asked to', async () => {
      const node = stage.node()
      stage.both(...both)
      await stage.pass(10_000)
      await node.speaker.stop()
      await stage.pass(1000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
      const again = stage.node({ onExit: 'remove' })
      await stage.pass(20_000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
      await again.speaker.stop()
      expect(stage.kernel.ours).to.deep.equal([])
    })
  })

  describe('and others', () => {
    it('are left alone: a route with the same prefix and metric stays, is named, and ours comes when it goes', async () => {
      stage.kernel.put(both[0]!, { via: ['10.9.0.9'], protocol: 4 })
      stage.kernel.put(both[1]!, { via: ['fd00::9'], protocol: 4 })
      const node = stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      expect(stage.kernel.ours).to.deep.equal([])
      expect(stage.kernel.foreign).to.deep.equal(['198.18.0.0/24 via 10.9.0.9', '2001:db8:99::/48 via fd00::9'])
      expect(why(node, both[0]!)).to.deep.equal({
        installed: false,
        nextHops: [],
        reason: 'somebody else (protocol 4) has a route with the same prefix and metric, which is left alone',
      })
      expect(problems(node).map((line) => line.split(':')[0])).to.deep.equal([
        'occupied 1 198.18.0.0/24',
        'occupied 1 2001',
      ])
      const before = stage.kernel.log.length
      await stage.pass(60_000)
      expect(stage.kernel.log.length, 'tried again and again').to.equal(before)
      for (const one of both) stage.kernel.take(one)
      await stage.pass(1000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
    })

    it('are left alone, and named, also where they were before anybody announced the prefix', async () => {
      const node = stage.node()
      await stage.pass(20_000)
      stage.kernel.put(both[0]!, { via: ['10.9.0.9'], protocol: 4 })
      stage.kernel.put(both[1]!, { via: ['fd00::9'], protocol: 4 })
      stage.both(...both)
      await stage.pass(10_000)
      for (const one of both) expect(why(node, one)?.reason).to.include('somebody else (protocol 4)')
      expect(stage.kernel.ours).to.deep.equal([])
      // Nobody wants it any more, and then somebody does: it is not forgotten that the place is free.
      stage.both()
      await stage.pass(1000)
      for (const one of both) stage.kernel.take(one)
      stage.both(...both)
      await stage.pass(1000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
    })

    it('are left alone: other metrics and other protocols never change', async () => {
      stage.kernel.put(both[0]!, { via: ['10.9.0.9'], protocol: 4, metric: 0 })
      stage.kernel.put('198.18.9.0/24', { via: ['10.9.0.9'], protocol: 12 })
      stage.node({ onExit: 'remove' })
      stage.both(...both)
      await stage.pass(20_000)
      const foreign = ['198.18.0.0/24 via 10.9.0.9 metric 0', '198.18.9.0/24 via 10.9.0.9']
      expect(stage.kernel.foreign).to.deep.equal(foreign)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
    })

    it('that remove or change a route of ours find it put back', async () => {
      const node = stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      stage.kernel.take(both[0]!)
      stage.kernel.put(both[1]!, { via: ['fd00::9'] })
      await stage.pass(1000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
      expect(counts(node)['ipv4-unicast']).to.include({ repaired: 1 })
      expect(counts(node)['ipv6-unicast']).to.include({ repaired: 1 })
    })

    it('that flush all find it put back, and those that do so for ever are answered ever more seldom', async () => {
      stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      const before = stage.kernel.log.length
      for (let second = 0; second < 60; second++) {
        for (const line of stage.kernel.ours) stage.kernel.take(line.split(' ')[0]!)
        await stage.pass(1000)
      }
      expect(stage.kernel.log.length - before).to.be.within(2, 40)
      await stage.pass(60_000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
    })

    it('that nothing was heard of are found by the look that comes when changes were missed, or with time', async () => {
      stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      stage.kernel.isMute = true
      stage.kernel.take(both[0]!)
      stage.kernel.take(both[1]!)
      stage.kernel.isMute = false
      stage.kernel.lose('ipv4-unicast')
      await stage.pass(2000)
      expect(stage.kernel.ours).to.deep.equal([overBoth[0]])
      await stage.pass(900_000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
    })

    it('that pull a plug: routes over a link that is down go, and come back with it', async () => {
      stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      stage.kernel.link('eth1', true)
      await stage.pass(2000)
      expect(stage.kernel.ours).to.deep.equal([])
      stage.kernel.link('eth1', false)
      await stage.pass(2000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
      const { dumps } = stage.kernel
      stage.kernel.link('eth2', true)
      await stage.pass(2000)
      expect(stage.kernel.dumps, 'a link that no next hop is on').to.equal(dumps)
    })
  })

  describe('when the kernel says no', () => {
    it('for want of the right: a finding, no route, and nothing else is disturbed', async () => {
      stage.kernel.isDenied = true
      const node = stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      expect(stage.kernel.ours).to.deep.equal([])
      expect(node.table()).to.deep.equal(['198.18.0.0/24 via 10.0.0.1', '2001:db8:99::/48 via fd00::1'])
      const denied = 'Operation not permitted: the capability NET_ADMIN is missing'
      expect(problems(node)).to.deep.equal([`trouble 0 all: ${denied}`, `trouble 0 all: ${denied}`])
      expect(why(node, both[0]!)).to.deep.include({ installed: false, reason: denied })
      expect(stage.kernel.log.length, 'asked once a minute, not more').to.be.below(5)
      expect(stage.fabric.errors.splice(0), 'told once a family').to.have.length(2)
      stage.kernel.isDenied = false
      await stage.pass(60_000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
      expect(problems(node)).to.deep.equal([])
    })

    it('to one route: the others are there, it is tried again, ever more seldom', async () => {
      stage.kernel.refusing.set(both[0]!, { kind: 'unreachable', text: 'Network is unreachable' })
      const node = stage.node()
      stage.both(...both, '198.18.1.0/24')
      await stage.pass(20_000)
      expect(stage.kernel.ours).to.deep.equal(['198.18.1.0/24 via 10.0.0.1 10.0.0.3', overBoth[1]])
      expect(why(node, both[0]!)?.reason).to.equal('the kernel refused it: Network is unreachable')
      expect(counts(node)['ipv4-unicast']).to.include({ installed: 1 })
      await stage.pass(300_000)
      const tries = stage.kernel.log.filter((line) => line.includes(both[0]!)).length
      expect(tries).to.be.within(5, 15)
      stage.kernel.refusing.clear()
      await stage.pass(300_000)
      expect(stage.kernel.ours).to.include(overBoth[0])
    })

    it('to a change: the old route, which nobody announces any more, goes', async () => {
      stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      stage.kernel.refusing.set(both[0]!, { kind: 'refused', text: 'Invalid argument' })
      stage.torB.apply({ routes: [] })
      await stage.pass(500)
      expect(stage.kernel.ours).to.deep.equal([overA[1]])
      stage.kernel.refusing.clear()
      await stage.pass(5000)
      expect(stage.kernel.ours).to.deep.equal(overA)
    })

    it('to everything: sessions stay, and what is there is read again before anything is written', async () => {
      const node = stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      stage.kernel.broken = 'ip ended with status 255'
      stage.torB.apply({ routes: [] })
      await stage.pass(20_000)
      expect(node.peer().state).to.equal('Established')
      expect(problems(node)[0]).to.equal('trouble 0 all: ip ended with status 255')
      stage.kernel.broken = undefined
      await stage.pass(60_000)
      expect(stage.kernel.ours).to.deep.equal(overA)
      expect(stage.fabric.errors.splice(0).length).to.be.below(5)
    })

    it('halfway through a batch: what was made of it is found out', async () => {
      stage.node()
      stage.both(...both, '198.18.1.0/24', '198.18.2.0/24')
      await stage.pass(20_000)
      stage.kernel.isCrashing = true
      stage.both(...both)
      await stage.pass(10_000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
      expect(stage.fabric.errors.splice(0)).to.have.length(1)
    })

    it('from the start: nothing is written before it is known what is there', async () => {
      stage.kernel.broken = 'iproute2 cannot be started: spawn ip ENOENT'
      stage.kernel.put('198.18.50.0/24', { via: ['10.0.0.1'] })
      const node = stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      expect(why(node, both[0]!)?.reason).to.equal('iproute2 cannot be started: spawn ip ENOENT')
      stage.kernel.broken = undefined
      await stage.pass(60_000)
      expect(stage.kernel.ours).to.deep.equal(overBoth)
      expect(stage.fabric.errors.splice(0)).to.have.length(2)
    })

    it('nothing for long: what is pending is the latest state of each prefix, however often it changed', async () => {
      const node = stage.node()
      stage.both(...both)
      await stage.pass(20_000)
      stage.kernel.hold()
      stage.kernel.log.length = 0
      for (let turn = 0; turn < 50; turn++) {
        stage.torB.apply({ routes: turn % 2 === 0 ? [] : both.map((one) => route(one)) })
        await stage.pass(200)
        expect(counts(node)['ipv4-unicast'].pending).to.be.at.most(1)
      }
      stage.torB.apply({ routes: [] })
      await stage.pass(200)
      stage.kernel.release()
      await stage.pass(1000)
      expect(stage.kernel.ours).to.deep.equal(overA)
      expect(stage.kernel.log.length).to.be.at.most(4)
    })
  })

  it('of a batch that is on its way at the end are known to be there or not when the end is over', async () => {
    const node = stage.node()
    stage.both(...both)
    await stage.pass(5000)
    stage.kernel.hold()
    stage.both('198.18.1.0/24')
    await stage.pass(500)
    let isOver = false
    const over = node.speaker.stop().then(() => {
      isOver = true
    })
    await stage.pass(500)
    expect(isOver).to.equal(false)
    stage.kernel.release()
    await over
  })
})
