/** BMP on a virtual clock: what a collector hears of sessions and routes of both families, and what becomes of a collector that is away. */

import { type Address, encodeMessage, families, formatAddress, hex, informationText, informationTypes } from 'bgp-ts'
import { expect } from 'chai'
import type { Policy } from '../../../../policy/index.ts'
import type { CollectorDeclaration, PeerDeclaration } from '../../../../speaker/index.ts'
import { BmpCollector } from '../../../support/bmp-collector.ts'
import { address, Fabric, type Machine, peerTo, route } from '../../../support/fabric.ts'
import { keepalive, openOf, WirePeer } from '../../../support/wire-peer.ts'

const collectorAt = (text: string, more: Partial<CollectorDeclaration> = {}): CollectorDeclaration => ({
  address: address(text),
  port: 11019,
  adjRibIn: true,
  adjRibOut: true,
  statisticsInterval: 0,
  ...more,
})

const transports = [
  { over: 'IPv4', at: '10.0.0.9', node: '10.0.0.2', tor: '10.0.0.1' },
  { over: 'IPv6', at: 'fd00::9', node: 'fd00::2', tor: 'fd00::1' },
] as const

const torRoutes = ['198.51.100.0/24', '2001:db8:1::/48']
const nodeRoutes = ['192.0.2.0/24', '2001:db8:2::/48']

for (const { over, at, node: nodeAddress, tor: torAddress } of transports) {
  describe(`a BMP collector over ${over}`, () => {
    let fabric: Fabric
    let node: Machine
    let tor: Machine
    let collector: BmpCollector

    const meet = async (declared: Partial<PeerDeclaration> = {}, options = {}) => {
      fabric = new Fabric()
      collector = new BmpCollector(fabric, at)
      node = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo(torAddress, 65001, declared)], options)
      tor = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo(nodeAddress, 64512)])
      tor.apply({ routes: torRoutes.map((text) => route(text)) })
      node.apply({ routes: nodeRoutes.map((text) => route(text)) })
      await fabric.pass(10_000)
    }
    const monitorBy = async (...collectors: CollectorDeclaration[]) => {
      node.apply({ local: { collectors } })
      await fabric.pass(1000)
    }
    const both = (table: 'in' | 'out') => collector.prefixes(torAddress, table)

    beforeEach(() => meet())

    afterEach(async () => {
      await fabric.stop()
      expect(fabric.errors).to.deep.equal([])
      expect(fabric.clock.pending, 'timers left behind').to.equal(0)
    })

    it('hears Initiation, Peer Up, the tables of both families and End-of-RIB of each', async () => {
      await collector.listen()
      await monitorBy(collectorAt(at))
      expect(collector.kinds.slice(0, 2)).to.deep.equal(['initiation', 'peer-up'])
      expect(both('in')).to.deep.equal(torRoutes)
      expect(both('out')).to.deep.equal(nodeRoutes)
      for (const table of ['in', 'out'] as const) {
        expect(collector.ended(torAddress, table)).to.have.members([...families])
        expect(collector.ended(torAddress, table)).to.have.lengthOf(2)
      }
      for (const { peer } of collector.of('route-monitoring')) {
        expect(peer).to.include({ asn: 65001, postPolicy: true, twoOctetAsn: false, seconds: 0 })
        expect(formatAddress(peer.address)).to.equal(torAddress)
      }
    })

    it('hears who this is', async () => {
      await fabric.stop()
      await meet({}, { system: { name: 'node-1', description: 'a router' } })
      await collector.listen()
      await monitorBy(collectorAt(at))
      const { information } = collector.of('initiation')[0]!
      expect(informationText(information, informationTypes.sysName)).to.equal('node-1')
      expect(informationText(information, informationTypes.sysDescr)).to.equal('a router')
    })

    it('hears in Peer Up both ends of the session and both OPENs as they were on the wire', async () => {
      await collector.listen()
      await monitorBy(collectorAt(at))
      const { localAddress, localPort, remotePort, sentOpen, receivedOpen, peer } = collector.lastUp()!
      expect(formatAddress(localAddress as Address)).to.equal(nodeAddress)
      expect([localPort, remotePort]).to.include(179)
      // Behind marker, length, type and version.
      expect(hex(sentOpen).slice(36, 44), 'OPEN of our ASN').to.equal('0104fc00')
      expect(hex(receivedOpen).slice(36, 44), 'OPEN of its ASN').to.equal('0104fde9')
      expect(peer).to.include({ asn: 65001, postPolicy: false, adjRibOut: false, routerId: 0x0a000001 })
    })

    it('hears what changes, and no more than that', async () => {
      await collector.listen()
      await monitorBy(collectorAt(at))
      const before = collector.messages.length
      tor.apply({ routes: [route(torRoutes[0]!), route('203.0.113.0/24'), route('2001:db8:3::/48')] })
      await fabric.pass(1000)
      expect(both('in')).to.deep.equal(['198.51.100.0/24', '2001:db8:3::/48', '203.0.113.0/24'])
      // One announcement of each family, and a withdrawal.
      expect(collector.messages.length - before).to.equal(3)
      node.apply({ routes: [route(nodeRoutes[1]!)] })
      await fabric.pass(1000)
      expect(both('out')).to.deep.equal([nodeRoutes[1]])
      expect(collector.messages.length - before).to.equal(4)
      expect(node.peer().flaps).to.equal(0)
    })

    for (const [refused, kept] of [
      ['ipv6-unicast', torRoutes[0]],
      ['ipv4-unicast', torRoutes[1]],
    ] as const) {
      it(`hears of routes as import policy left them, where it refuses ${refused}`, async () => {
        const importPolicy: Policy = {
          name: 'import',
          statements: [
            { name: 'refused', match: { families: [refused] }, action: 'reject' },
            { name: 'changed', match: {}, action: 'accept', set: { med: 77 } },
          ],
          default: 'reject',
        }
        node.apply({ peers: [peerTo(torAddress, 65001, { importPolicy })] })
        await fabric.pass(1000)
        await collector.listen()
        await monitorBy(collectorAt(at))
        expect(both('in')).to.deep.equal([kept])
        expect(collector.route(torAddress, 'in', kept!)?.attributes, 'MULTI_EXIT_DISC 77').to.include('8004040000004d')
      })
    }

    it('hears of a session that comes up later, with End-of-RIB once the peer has said it', async () => {
      await fabric.stop()
      fabric = new Fabric()
      collector = await new BmpCollector(fabric, at).listen()
      node = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo(torAddress, 65001)])
      await monitorBy(collectorAt(at))
      expect(collector.kinds).to.deep.equal(['initiation'])
      tor = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo(nodeAddress, 64512)])
      tor.apply({ routes: torRoutes.map((text) => route(text)) })
      await fabric.pass(70_000)
      expect(collector.kinds[1]).to.equal('peer-up')
      expect(both('in')).to.deep.equal(torRoutes)
      expect(collector.ended(torAddress, 'out')).to.have.lengthOf(2)
    })

    for (const [what, reason, end] of [
      ['this side, with its NOTIFICATION', 1, async () => void node.apply({ peers: [] })],
      ['the peer, with its NOTIFICATION', 3, () => tor.speaker.stop({ reason: 'maintenance' })],
    ] as const) {
      it(`hears of a session that was ended by ${what}`, async () => {
        await collector.listen()
        await monitorBy(collectorAt(at))
        await end()
        await fabric.pass(1000)
        const down = collector.lastDown()!
        expect(down.reason).to.equal(reason)
        expect(hex(down.data).slice(0, 32)).to.equal('f'.repeat(32))
        expect(hex(down.data).slice(36, 40), 'a Cease').to.equal('0306')
        expect(both('in')).to.deep.equal([])
      })
    }

    it('hears of a session whose connection was lost without a word, and of the one after it', async () => {
      await collector.listen()
      await monitorBy(collectorAt(at))
      fabric.network.cut(address(torAddress))
      // What is lost on the way keeps the other end from hearing why.
      await tor.speaker.stop()
      fabric.network.mend(address(torAddress))
      const stranger = await WirePeer.listen(fabric, torAddress)
      await fabric.pass(89_000)
      expect(collector.lastDown()?.reason, 'the hold timer is ours').to.equal(1)
      await fabric.pass(60_000)
      stranger.send(encodeMessage(openOf({ at: torAddress, to: nodeAddress, asn: 65001, peerAsn: 64512 })), keepalive)
      await fabric.pass(1000)
      stranger.break()
      await fabric.pass(1000)
      expect(collector.lastDown()).to.deep.include({ reason: 4, data: new Uint8Array(0) })
      expect(collector.kinds.filter((kind) => kind === 'peer-up')).to.have.lengthOf(2)
    })

    it('hears of a silence by which this side asks the peer to keep its routes', async () => {
      await fabric.stop()
      const gracefulRestart = { time: 120, longLived: 0 }
      fabric = new Fabric()
      collector = await new BmpCollector(fabric, at).listen()
      node = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo(torAddress, 65001, { gracefulRestart })])
      tor = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo(nodeAddress, 64512, { gracefulRestart })])
      await fabric.pass(10_000)
      await monitorBy(collectorAt(at))
      await node.speaker.stop({ toReturn: true })
      await fabric.pass(0)
      expect(collector.lastDown()).to.deep.include({ reason: 2, data: Uint8Array.of(0, 2) })
    })

    it('hears of routes that outlived a restart of the peer, and of those that did not', async () => {
      await fabric.stop()
      const gracefulRestart = { time: 120, longLived: 0 }
      const restarting = [peerTo(nodeAddress, 64512, { gracefulRestart })]
      fabric = new Fabric()
      collector = await new BmpCollector(fabric, at).listen()
      node = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo(torAddress, 65001, { gracefulRestart })])
      tor = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], restarting)
      tor.apply({ routes: [...torRoutes, '203.0.113.0/24', '2001:db8:3::/48'].map((text) => route(text)) })
      await monitorBy(collectorAt(at))
      await fabric.pass(10_000)
      expect(both('in')).to.have.lengthOf(4)
      await tor.speaker.stop({ toReturn: true })
      await fabric.pass(1000)
      expect(collector.lastDown()?.reason).to.equal(4)
      expect([both('in'), node.table().length]).to.deep.equal([[], 4])
      tor = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], restarting, { endOfRibHeld: true })
      const restart = { restarting: true, forwarding: true, deferral: 10 }
      tor.apply({ local: { restart }, routes: torRoutes.map((text) => route(text)) })
      await fabric.pass(30_000)
      expect(both('in'), 'all that the node still holds').to.have.lengthOf(4)
      tor.speaker.releaseEndOfRib()
      await fabric.pass(2000)
      expect(both('in')).to.deep.equal(torRoutes)
    })

    it('is sent the tables that it asked for alone', async () => {
      await collector.listen()
      await monitorBy(collectorAt(at, { adjRibOut: false }))
      expect([both('in'), both('out')]).to.deep.equal([torRoutes, []])
      await monitorBy(collectorAt(at, { adjRibIn: false }))
      expect([both('in'), both('out')]).to.deep.equal([[], nodeRoutes])
      expect(collector.connections).to.equal(2)
    })

    it('is sent statistics at its interval', async () => {
      await collector.listen()
      await monitorBy(collectorAt(at, { statisticsInterval: 30 }))
      await fabric.pass(90_000)
      const reports = collector.of('statistics')
      expect(reports).to.have.lengthOf(3)
      expect(reports.at(-1)!.statistics).to.deep.include.members([
        { type: 0, value: 0 },
        { type: 7, value: 2 },
        { type: 15, value: 2 },
        { type: 9, family: 'ipv4-unicast', value: 1 },
        { type: 17, family: 'ipv6-unicast', value: 1 },
      ])
    })

    it('is told that it is declared no more, and no session notices', async () => {
      await collector.listen()
      await monitorBy(collectorAt(at))
      await monitorBy()
      expect(collector.kinds.at(-1)).to.equal('termination')
      expect(collector.closed).to.equal('closed by the peer')
      expect(node.speaker.snapshot().collectors).to.deep.equal([])
      expect(node.peer().flaps).to.equal(0)
    })

    it('is told of the end of every session and of the monitoring when the speaker stops', async () => {
      await collector.listen()
      await monitorBy(collectorAt(at))
      await fabric.stop()
      expect(collector.kinds.slice(-2)).to.deep.equal(['peer-down', 'termination'])
    })

    it('is tried again after 30 s, then ever more rarely, at most every 12 minutes', async () => {
      await monitorBy(collectorAt(at))
      const pauses: number[] = []
      const attempts = () => fabric.logs.filter(({ message }) => message.includes('is away')).length
      for (let turn = 0; turn < 8; turn++) {
        const began = fabric.clock.now()
        expect(node.speaker.snapshot().collectors![0]).to.include({ state: 'waiting', lastError: 'connection refused' })
        const before = attempts()
        while (attempts() === before) await fabric.pass(1000)
        pauses.push((fabric.clock.now() - began) / 1000)
      }
      const wanted = [30, 60, 120, 240, 480, 720, 720, 720]
      pauses.forEach((pause, index) => {
        expect(pause, `pause ${index}`).to.be.within(wanted[index]! * 0.75 - 2, wanted[index]! + 2)
      })
    })

    it('that went away and came back hears of everything anew', async () => {
      await collector.listen()
      await monitorBy(collectorAt(at))
      await collector.leave()
      node.apply({ routes: [route(nodeRoutes[0]!)] })
      await fabric.pass(1000)
      expect(node.speaker.snapshot().collectors![0]).to.include({ state: 'waiting', lastError: 'closed by the peer' })
      const second = await new BmpCollector(fabric, at).listen()
      await fabric.pass(40_000)
      expect(second.kinds.slice(0, 2)).to.deep.equal(['initiation', 'peer-up'])
      expect(second.prefixes(torAddress, 'in')).to.deep.equal(torRoutes)
      expect(second.prefixes(torAddress, 'out')).to.deep.equal([nodeRoutes[0]])
      expect(node.peer().flaps).to.equal(0)
    })

    it('shows in the snapshot: since when, messages, octets, and nothing that waits', async () => {
      await collector.listen()
      await monitorBy(collectorAt(at))
      const [shown] = node.speaker.snapshot().collectors!
      expect(shown).to.include({ address: at, port: 11019, state: 'up', connects: 1, waiting: 0 })
      expect(shown!.messages).to.equal(collector.messages.length)
      expect(shown!.octets).to.be.above(500)
      expect(shown!.sinceMs).to.be.within(900, 1000)
    })
  })
}
