import { expect } from 'chai'
import { insideEntry, originatedOnly, type Policy, PrefixSet, rejectAll } from '../../../policy/index.ts'
import { address, Fabric, peerTo, prefix, route } from '../../support/fabric.ts'

const transports = [
  { over: 'IPv4', node: '10.0.0.2', tor: '10.0.0.1' },
  { over: 'IPv6', node: 'fd00::2', tor: 'fd00::1' },
] as const

const nodeAddresses = ['10.0.0.2', 'fd00::2']
const torAddresses = ['10.0.0.1', 'fd00::1']

for (const { over, node: nodeAddress, tor: torAddress } of transports) {
  describe(`two speakers over ${over}`, () => {
    let fabric: Fabric
    let node: ReturnType<Fabric['machine']>
    let tor: ReturnType<Fabric['machine']>

    beforeEach(async () => {
      fabric = new Fabric()
      node = fabric.machine(64512, nodeAddresses, [peerTo(torAddress, 65001)])
      tor = fabric.machine(65001, torAddresses, [peerTo(nodeAddress, 64512)])
      await fabric.pass(10_000)
    })

    afterEach(async () => {
      await fabric.stop()
      expect(fabric.errors).to.deep.equal([])
      expect(fabric.clock.pending, 'timers left behind').to.equal(0)
    })

    it('E12 bring up one session with both families', () => {
      expect(node.peer()).to.deep.include({ state: 'Established', families: ['ipv4-unicast', 'ipv6-unicast'] })
      expect(tor.peer()).to.deep.include({ state: 'Established', flaps: 0 })
    })

    it('D5 settle on one connection when both dial', () => {
      for (const machine of [node, tor]) expect(machine.peer().messages.in['open']).to.be.at.least(1)
      expect(node.peer().localAddress).to.equal(nodeAddress)
    })

    it('G1 send End-of-RIB of each family even when there is nothing to say', () => {
      for (const family of ['ipv4-unicast', 'ipv6-unicast'] as const) {
        expect(tor.peer().routes[family]).to.include({ endOfRibReceived: true, endOfRibSent: true })
      }
    })

    it("E9 carry both families with the next hop of the route's family", async () => {
      node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
      await fabric.pass(1000)
      expect(tor.table()).to.deep.equal(['192.0.2.1/32 via 10.0.0.2', '2001:db8::1/128 via fd00::2'])
    })

    it('withdraw what is no longer originated, and only that', async () => {
      node.apply({ routes: [route('192.0.2.1/32'), route('192.0.2.2/32'), route('2001:db8::1/128')] })
      await fabric.pass(1000)
      const report = node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
      expect(report.routes).to.deep.equal({ added: 0, withdrawn: 1, changed: 0 })
      await fabric.pass(1000)
      expect(tor.table()).to.deep.equal(['192.0.2.1/32 via 10.0.0.2', '2001:db8::1/128 via fd00::2'])
      expect(node.peer().flaps).to.equal(0)
    })

    it('send nothing for an unchanged declaration', async () => {
      node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
      await fabric.pass(1000)
      const before = node.peer().messages.out['update']
      node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
      await fabric.pass(1000)
      expect(node.peer().messages.out['update']).to.equal(before)
    })

    it('change attributes live', async () => {
      node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
      await fabric.pass(1000)
      node.apply({ routes: ['192.0.2.1/32', '2001:db8::1/128'].map((text) => route(text, { attributes: { med: 7 } })) })
      await fabric.pass(1000)
      for (const row of tor.speaker.routes('best')) expect(row.attributes).to.include('MULTI_EXIT_DISC 7')
    })

    it('D3 give up a silent peer when the hold time is over, and drop its routes', async () => {
      node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
      await fabric.pass(1000)
      fabric.network.cut(address(nodeAddress))
      // The last keepalive came up to a third of the hold time ago.
      await fabric.pass(59_000)
      expect(tor.peer().state).to.equal('Established')
      await fabric.pass(32_000)
      expect(tor.peer().state).not.to.equal('Established')
      expect(tor.peer().lastNotificationSent).to.include({ code: 4, subcode: 0 })
      expect(tor.table()).to.deep.equal([])
      fabric.network.mend(address(nodeAddress))
      await fabric.pass(130_000)
      expect(tor.table()).to.have.lengthOf(2)
    })

    it('D2 keep a quiet session up for an hour', async () => {
      await fabric.pass(3_600_000)
      expect([node.peer().flaps, tor.peer().flaps]).to.deep.equal([0, 0])
    })

    it('D18 say administrative shutdown with a reason when stopped', async () => {
      await node.speaker.stop({ reason: 'maintenance' })
      await fabric.pass(1000)
      expect(tor.peer().lastNotificationReceived?.text).to.equal('administrative shutdown (6/2), "maintenance"')
    })

    it('B7 settle on the family that both want', async () => {
      tor.apply({ peers: [peerTo(nodeAddress, 64512, { families: ['ipv6-unicast'] })] })
      node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
      await fabric.pass(70_000)
      expect(node.peer().families).to.deep.equal(['ipv6-unicast'])
      expect(tor.table()).to.deep.equal(['2001:db8::1/128 via fd00::2'])
      const story = node.speaker.explain(prefix('192.0.2.1/32'))
      expect(story.peers[0]).to.include({ sent: false, reason: 'ipv4-unicast was not negotiated with this peer' })
    })

    it('reset a peer for its hold time, and not for its policy', async () => {
      expect(node.apply({ peers: [peerTo(torAddress, 65001, { exportPolicy: rejectAll })] }).peers).to.deep.equal({
        added: [],
        removed: [],
        reset: [],
        changed: [torAddress],
      })
      const { reset } = node.apply({ peers: [peerTo(torAddress, 65001, { holdTime: 30 })] }).peers
      expect(reset).to.deep.equal([{ name: torAddress, why: 'hold time changed' }])
    })

    it('H7 apply a changed export policy live, with the difference alone', async () => {
      node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
      await fabric.pass(1000)
      const onlyV6: Policy = {
        ...originatedOnly,
        name: 'v6',
        statements: [{ name: 'IPv6 only', match: { families: ['ipv6-unicast'] }, action: 'accept' }],
      }
      node.apply({ peers: [peerTo(torAddress, 65001, { exportPolicy: onlyV6 })] })
      await fabric.pass(1000)
      expect(tor.table()).to.deep.equal(['2001:db8::1/128 via fd00::2'])
      node.apply({ peers: [peerTo(torAddress, 65001)] })
      await fabric.pass(1000)
      expect(tor.table()).to.have.lengthOf(2)
      expect(tor.peer().flaps).to.equal(0)
    })

    it('H7 drop what a changed import policy refuses, and ask again for what it takes', async () => {
      node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
      await fabric.pass(1000)
      const refuse: Policy = {
        name: 'refuse',
        default: 'accept',
        statements: [
          {
            name: 'documentation ranges',
            match: {
              prefixes: new PrefixSet(['192.0.2.0/24', '2001:db8::/32'].map((text) => insideEntry(prefix(text)))),
            },
            action: 'reject',
          },
        ],
      }
      tor.apply({ peers: [peerTo(nodeAddress, 64512, { importPolicy: refuse })] })
      await fabric.pass(1000)
      expect(tor.table()).to.deep.equal([])
      expect(tor.peer().routes['ipv4-unicast'].rejectedBy['documentation ranges']).to.be.at.least(1)
      expect(tor.speaker.explain(prefix('2001:db8::1/128')).refused).to.deep.equal([
        {
          peer: nodeAddress,
          rule: 'documentation ranges',
          statement: { policy: 'refuse', statement: 'documentation ranges' },
        },
      ])
      tor.apply({ peers: [peerTo(nodeAddress, 64512)] })
      await fabric.pass(1000)
      expect(tor.table()).to.have.lengthOf(2)
      expect(tor.peer().flaps).to.equal(0)
    })

    it('H7 ask for nothing again when a changed import policy refuses more, or lets in what never came', async () => {
      node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
      const refusing = (...texts: string[]): Policy => ({
        name: 'refusing',
        default: 'accept',
        statements: [
          {
            name: 'service VIPs',
            match: { prefixes: new PrefixSet(texts.map((text) => insideEntry(prefix(text)))) },
            action: 'reject',
          },
        ],
      })
      const vips = ['192.0.2.1/32', '2001:db8::1/128', '203.0.113.1/32', '2001:db8:113::1/128']
      for (const policy of [refusing(...vips.slice(0, 2)), refusing(...vips), refusing(...vips.slice(0, 2))]) {
        tor.apply({ peers: [peerTo(nodeAddress, 64512, { importPolicy: policy })] })
        await fabric.pass(1000)
      }
      expect(tor.peer().messages.out['route-refresh']).to.equal(0)
      expect(tor.table()).to.deep.equal([])
    })

    it('keep a peer down that is held down, and say why', async () => {
      node.apply({ peers: [peerTo(torAddress, 65001, { blocked: 'no TCP MD5' })] })
      await fabric.pass(200_000)
      expect(node.peer()).to.include({ state: 'Idle', blocked: 'no TCP MD5' })
    })

    it('A9 answer a wrong ASN with 2/2 and back off', async () => {
      node.apply({ peers: [peerTo(torAddress, 65009, { passive: false })] })
      await fabric.pass(60_000)
      expect(node.peer().state).not.to.equal('Established')
      expect(node.peer().lastNotificationSent?.code).to.equal(2)
      expect(node.peer().messages.out['notification']).to.be.below(30)
    })
  })
}

describe('a speaker', () => {
  it('E9 withholds a route of a family without a next hop, and says so', async () => {
    const fabric = new Fabric()
    const node = fabric.machine(64512, ['10.0.0.2'], [peerTo('10.0.0.1', 65001)])
    const tor = fabric.machine(65001, ['10.0.0.1'], [peerTo('10.0.0.2', 64512)])
    node.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
    await fabric.pass(10_000)
    expect(tor.table()).to.deep.equal(['192.0.2.1/32 via 10.0.0.2'])
    expect(node.speaker.explain(prefix('2001:db8::1/128')).peers).to.deep.equal([
      { peer: '10.0.0.1', sent: false, reason: 'this node has no IPv6 address to be the next hop' },
    ])
    await fabric.stop()
  })

  it('passes nothing from one peer to another by default, and does when a policy says so', async () => {
    const fabric = new Fabric()
    const names = ['10.0.0.1', '10.0.0.3']
    const middle = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo(names[0]!, 65001), peerTo(names[1]!, 65003)])
    const left = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512)])
    const right = fabric.machine(65003, ['10.0.0.3', 'fd00::3'], [peerTo('10.0.0.2', 64512)])
    left.apply({ routes: [route('192.0.2.1/32'), route('2001:db8::1/128')] })
    await fabric.pass(10_000)
    expect([middle.table().length, right.table()]).to.deep.equal([2, []])
    const transit: Policy = { name: 'transit', statements: [], default: 'accept' }
    middle.apply({ peers: [peerTo(names[0]!, 65001), peerTo(names[1]!, 65003, { exportPolicy: transit })] })
    await fabric.pass(1000)
    expect(right.table()).to.deep.equal(['192.0.2.1/32 via 10.0.0.2', '2001:db8::1/128 via fd00::2'])
    expect(right.speaker.routes('best')[0]!.attributes).to.include('AS_PATH 64512 65001')
    await left.speaker.stop()
    await fabric.pass(1000)
    expect(right.table()).to.deep.equal([])
    await fabric.stop()
  })

  it('holds End-of-RIB until it is released', async () => {
    const fabric = new Fabric()
    const node = fabric.machine(64512, nodeAddresses, [peerTo('10.0.0.1', 65001)], { endOfRibHeld: true })
    const tor = fabric.machine(65001, torAddresses, [peerTo('10.0.0.2', 64512)])
    await fabric.pass(10_000)
    const ended = () => Object.values(tor.peer().routes).map(({ endOfRibReceived }) => endOfRibReceived)
    expect(ended()).to.deep.equal([false, false])
    node.speaker.releaseEndOfRib()
    await fabric.pass(1000)
    expect(ended()).to.deep.equal([true, true])
    await fabric.stop()
  })
})
