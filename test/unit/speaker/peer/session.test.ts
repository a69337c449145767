import { expect } from 'chai'
import type { PeerDeclaration } from '../../../../speaker/index.ts'
import { address, Fabric, type Machine, peerTo, route } from '../../../support/fabric.ts'

const transports = [
  { over: 'IPv4', node: '10.0.0.2', tor: '10.0.0.1' },
  { over: 'IPv6', node: 'fd00::2', tor: 'fd00::1' },
] as const

const keepalives = (machine: Machine) => machine.peer().messages.out['keepalive'] ?? 0

for (const { over, node: nodeAddress, tor: torAddress } of transports) {
  describe(`a peer over ${over}`, () => {
    let fabric: Fabric

    const both = (ofNode: Partial<PeerDeclaration>, ofTor: Partial<PeerDeclaration> = {}) => ({
      node: fabric.machine(64512, [nodeAddress], [peerTo(torAddress, 65001, ofNode)]),
      tor: fabric.machine(65001, [torAddress], [peerTo(nodeAddress, 64512, ofTor)]),
    })

    beforeEach(() => {
      fabric = new Fabric()
    })

    afterEach(async () => {
      await fabric.stop()
      expect(fabric.errors).to.deep.equal([])
      expect(fabric.clock.pending, 'timers left behind').to.equal(0)
    })

    it('D2 sends about three keepalives in a hold time, with some jitter', async () => {
      const { node, tor } = both({ holdTime: 30 })
      await fabric.pass(20_000)
      const before = keepalives(node)
      await fabric.pass(300_000)
      // 30 at the full interval, 40 at three quarters of it (RFC 4271 section 10).
      expect(keepalives(node) - before).to.be.within(30, 40)
      expect(tor.peer()).to.include({ holdTime: 30, flaps: 0 })
    })

    it('D2 sends no more than one keepalive a second at the shortest hold time', async () => {
      const { node } = both({ holdTime: 3 })
      await fabric.pass(20_000)
      const before = keepalives(node)
      await fabric.pass(60_000)
      expect(keepalives(node) - before).to.be.within(40, 60)
      expect(node.peer().flaps).to.equal(0)
    })

    it('D2 sends no keepalive at hold time 0, and stays up', async () => {
      const { node, tor } = both({ holdTime: 0 })
      await fabric.pass(20_000)
      const before = [keepalives(node), keepalives(tor)]
      await fabric.pass(3_600_000)
      expect([keepalives(node), keepalives(tor)]).to.deep.equal(before)
      expect(node.peer()).to.include({ state: 'Established', flaps: 0 })
    })

    for (const [title, ofNode, ofTor] of [
      ['the node waits', { passive: true }, {}],
      ['the router waits', {}, { passive: true }],
    ] as const) {
      it(`comes up when ${title}`, async () => {
        const { node, tor } = both(ofNode, ofTor)
        await fabric.pass(10_000)
        expect([node.peer().state, tor.peer().state]).to.deep.equal(['Established', 'Established'])
      })
    }

    it('stays down when both wait', async () => {
      const { node, tor } = both({ passive: true }, { passive: true })
      await fabric.pass(300_000)
      expect([node.peer().state, tor.peer().state]).to.deep.equal(['Active', 'Active'])
    })

    it('D7 comes back within its longest delay once the router is there again', async () => {
      const node = fabric.machine(64512, [nodeAddress], [peerTo(torAddress, 65001)])
      await fabric.pass(3_600_000)
      expect(node.peer().state).not.to.equal('Established')
      fabric.machine(65001, [torAddress], [peerTo(nodeAddress, 64512, { passive: true })])
      await fabric.pass(61_000)
      expect(node.peer().state).to.equal('Established')
    })

    it('D8 loses the routes of a router that says goodbye, and gets them again', async () => {
      const { node, tor } = both({})
      tor.apply({ routes: [route(over === 'IPv4' ? '192.0.2.1/32' : '2001:db8::1/128')] })
      await fabric.pass(10_000)
      expect(node.table()).to.have.lengthOf(1)
      tor.apply({ peers: [] })
      await fabric.pass(1000)
      expect(node.peer().lastNotificationReceived).to.include({ code: 6, subcode: 3 })
      expect(node.table()).to.deep.equal([])
      tor.apply({ peers: [peerTo(nodeAddress, 64512)] })
      await fabric.pass(70_000)
      expect(node.table()).to.have.lengthOf(1)
    })

    it('D3 survives twenty cuts of the wire, with one flap for each', async () => {
      const { node, tor } = both({})
      tor.apply({ routes: [route(over === 'IPv4' ? '192.0.2.1/32' : '2001:db8::1/128')] })
      await fabric.pass(10_000)
      for (let cut = 1; cut <= 20; cut++) {
        fabric.network.cut(address(torAddress))
        await fabric.pass(100_000)
        expect(node.table(), `after cut ${cut}`).to.deep.equal([])
        fabric.network.mend(address(torAddress))
        await fabric.pass(130_000)
        expect(node.table(), `after mending cut ${cut}`).to.have.lengthOf(1)
      }
      expect(node.peer().flaps).to.equal(20)
    })

    it('A13 takes the same identifier from an external peer, and refuses it from an internal one', async () => {
      const pair = (torAsn: number, nodeAt: string, torAt: string) => {
        const local = { routerId: 7 }
        const node = fabric.machine(64512, [nodeAt], [peerTo(torAt, torAsn)])
        node.apply({ local })
        fabric.machine(torAsn, [torAt], [peerTo(nodeAt, 64512)]).apply({ local })
        return node
      }
      const [third, fourth] = over === 'IPv4' ? ['10.0.0.3', '10.0.0.4'] : ['fd00::3', 'fd00::4']
      const external = pair(65001, nodeAddress, torAddress)
      const internal = pair(64512, third!, fourth!)
      await fabric.pass(30_000)
      expect(external.peer().state).to.equal('Established')
      expect(internal.peer().state).not.to.equal('Established')
      expect(internal.peer().lastNotificationSent).to.include({ code: 2, subcode: 3 })
    })
  })
}
