import { expect } from 'chai'
import { type PeerDeclaration, Speaker, type Transport } from '../../../speaker/index.ts'
import type { IncomingConnection } from '../../../speaker/world.ts'
import { address, Fabric, type Machine, peerTo, route } from '../../support/fabric.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const transports = [
  {
    over: 'IPv4',
    router: '10.0.0.1',
    range: ['10.0.0.0', 24],
    other: ['10.0.1.0', 24],
    near: '10.0.0.2',
    far: '10.0.1.2',
  },
  {
    over: 'IPv6',
    router: 'fd00::1',
    range: ['fd00::', 64],
    other: ['fd00:0:0:1::', 64],
    near: 'fd00::2',
    far: 'fd00:0:0:1::2',
  },
] as const

const racks = ([base, length]: readonly [string, number], more: Partial<PeerDeclaration> = {}) =>
  peerTo(base, 65001, { name: 'racks', passive: true, dynamic: { length, limit: 1 }, ...more })

const told = (machine: Machine) => machine.speaker.snapshot().peers.map(({ name, state }) => `${name} ${state}`)

describe('neighbours of a prefix, as declarations change', () => {
  for (const { over, router: at, range, other, near, far } of transports) {
    it(`stay when the same address is declared by itself, and come back as that, over ${over}`, async () => {
      const fabric = new Fabric()
      const router = fabric.machine(64512, [at], [racks(range)])
      const neighbour = fabric.machine(65001, [near], [peerTo(at, 64512)])
      await fabric.pass(30_000)
      expect(told(router)).to.deep.equal([`${near} Established`])
      router.apply({ peers: [peerTo(near, 65001, { passive: true }), racks(range)] })
      neighbour.apply({ peers: [] })
      await fabric.pass(5000)
      expect(router.speaker.snapshot().peers.map(({ name }) => name)).to.deep.equal([near])
      neighbour.apply({ peers: [peerTo(at, 64512)] })
      await fabric.pass(30_000)
      expect(told(router)).to.deep.equal([`${near} Established`])
      expect(router.speaker.snapshot().dynamic[0]).to.include({ peers: 0 })
      await fabric.stop()
      expect(fabric.clock.pending).to.equal(0)
    })

    it(`make way for the same address under a name, over ${over}`, async () => {
      const fabric = new Fabric()
      const router = fabric.machine(64512, [at], [racks(range)])
      fabric.machine(65001, [near], [peerTo(at, 64512)])
      await fabric.pass(30_000)
      router.apply({ peers: [racks(range), peerTo(near, 65001, { name: 'tor', passive: true })] })
      await fabric.pass(90_000)
      expect(told(router)).to.deep.equal(['tor Established'])
      await fabric.stop()
    })

    it(`leave their place when the prefix moves, over ${over}`, async () => {
      const fabric = new Fabric()
      const router = fabric.machine(64512, [at], [racks(range)])
      for (const own of [near, far]) fabric.machine(65001, [own], [peerTo(at, 64512)])
      await fabric.pass(30_000)
      expect(told(router)).to.deep.equal([`${near} Established`])
      router.apply({ peers: [racks(other)] })
      await fabric.pass(90_000)
      expect(told(router)).to.deep.equal([`${far} Established`])
      await fabric.stop()
    })

    it(`J3 are held down by their limit like any other, over ${over}`, async () => {
      const fabric = new Fabric()
      const limited = {
        maxPrefixes: {
          limit: { 'ipv4-unicast': 1, 'ipv6-unicast': 1 },
          warnAt: 75,
          beyond: 'reset' as const,
          restartAfter: 300,
        },
      }
      const router = fabric.machine(64512, [at], [racks(range, limited)])
      const neighbour = fabric.machine(65001, [near, '172.16.0.1', 'fd77::1'], [peerTo(at, 64512)])
      const events: string[] = []
      router.speaker.onEvent(({ kind, peer }) => events.push(`${kind} ${peer}`))
      neighbour.apply({
        routes: ['192.0.2.0/24', '198.51.100.0/24', '2001:db8::/48', '2001:db8:1::/48'].map((one) => route(one)),
      })
      await fabric.pass(250_000)
      expect(events.filter((one) => one.startsWith('up'))).to.have.length(1)
      neighbour.apply({ routes: [] })
      await fabric.pass(200_000)
      expect(told(router)).to.deep.equal([`${near} Established`])
      neighbour.apply({ peers: [] })
      await fabric.pass(1000)
      expect(told(router)).to.deep.equal([])
      await fabric.stop()
      expect(fabric.clock.pending).to.equal(0)
    })

    it(`J3 go some time after they were held down, if they do not come again, over ${over}`, async () => {
      const fabric = new Fabric()
      const limited = {
        maxPrefixes: { limit: { 'ipv4-unicast': 1 }, warnAt: 75, beyond: 'reset' as const, restartAfter: 300 },
      }
      const router = fabric.machine(64512, [at], [racks(range, limited)])
      const neighbour = fabric.machine(65001, [near, '172.16.0.1', 'fd77::1'], [peerTo(at, 64512)])
      neighbour.apply({ routes: ['192.0.2.0/24', '198.51.100.0/24'].map((one) => route(one)) })
      await fabric.pass(30_000)
      neighbour.apply({ peers: [] })
      await fabric.pass(200_000)
      expect(told(router)).to.deep.equal([`${near} Idle`])
      await fabric.pass(300_000)
      expect(told(router)).to.deep.equal([])
      await fabric.stop()
      expect(fabric.clock.pending).to.equal(0)
    })

    it(`give their place back when their connection could not be taken, over ${over}`, async () => {
      const clock = new VirtualClock()
      const quiet = () => {}
      let arrives: ((connection: IncomingConnection) => void) | undefined
      const listen: Transport['listen'] = async (endpoint, onConnection) => {
        arrives = onConnection
        return { endpoint, expect: quiet, close: async () => {} }
      }
      const dial: Transport['dial'] = () => {
        throw new Error('nothing is dialled')
      }
      const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }
      const speaker = new Speaker({ clock, random: () => 0.5, transport: { dial, listen }, log })
      const local = { asn: 64512, routerId: 1, listen: [{ address: address(at), port: 179 }], addresses: {} }
      speaker.apply({ local, peers: [racks(range)], routes: [] })
      const accept = () => {
        throw new Error('bind to interface eth9: ENODEV')
      }
      arrives?.({ remote: { address: address(near), port: 40000 }, accept })
      clock.pass(1000)
      expect(speaker.snapshot().dynamic[0]).to.include({ peers: 0 })
      expect(speaker.snapshot().peers).to.deep.equal([])
      await speaker.stop()
      expect(clock.pending).to.equal(0)
    })
  }
})
