import { type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll, originatedOnly, type Policy } from '../../../../policy/index.ts'
import type { OriginatedAttributes, PeerDeclaration } from '../../../../speaker/index.ts'
import { address, Fabric, type Machine, peerTo, prefix, route } from '../../../support/fabric.ts'

const samples: Record<Family, { prefix: string; hop: string; peerHop: string }> = {
  'ipv4-unicast': { prefix: '192.0.2.1/32', hop: '10.0.0.9', peerHop: '10.0.0.1' },
  'ipv6-unicast': { prefix: '2001:db8::1/128', hop: 'fd00::9', peerHop: 'fd00::1' },
}

/** Sessions over IPv4 that carry both families: two external neighbours and two of our own AS around `middle`. */
const at = { left: 1, middle: 2, right: 3, inner: 4, another: 5 } as const
type Place = keyof typeof at
const asns: Record<Place, number> = { left: 65001, middle: 64512, right: 65003, inner: 64512, another: 64512 }
const v4 = (place: Place) => `10.0.0.${at[place]}`
const v6 = (place: Place) => `fd00::${at[place]}`

for (const family of families) {
  const { prefix: text, hop, peerHop } = samples[family]

  describe(`what is advertised of ${family}`, () => {
    let fabric: Fabric
    let machines: Record<Place, Machine>

    const towards = (place: Place, more: Partial<PeerDeclaration> = {}) =>
      peerTo(v4(place), asns[place], { exportPolicy: acceptAll, ...more })
    const outer = ['left', 'right', 'inner', 'another'] as const
    const allTowards = (more: Partial<PeerDeclaration>) => outer.map((place) => towards(place, more))

    const originate = async (from: Place, attributes: OriginatedAttributes, nextHop?: string) => {
      machines[from].apply({ routes: [route(text, { attributes, ...(nextHop && { nextHop: address(nextHop) }) })] })
      await fabric.pass(2000)
    }
    /** What a machine holds of the prefix, as `via next hop, attributes`. */
    const heldBy = (place: Place) =>
      machines[place].speaker.routes('best').map((row) => `via ${row.nextHop}, ${row.attributes}`)
    const reason = (to: Place) =>
      machines.middle.speaker.explain(prefix(text)).peers.find(({ peer }) => peer === v4(to))?.reason

    beforeEach(async () => {
      fabric = new Fabric()
      const machine = (place: Place, peers: readonly PeerDeclaration[]) =>
        fabric.machine(asns[place], [v4(place), v6(place)], peers)
      machines = {
        middle: machine('middle', allTowards({})),
        left: machine('left', [towards('middle')]),
        right: machine('right', [towards('middle')]),
        inner: machine('inner', [towards('middle')]),
        another: machine('another', [towards('middle')]),
      }
      await fabric.pass(15_000)
    })

    afterEach(async () => {
      await fabric.stop()
      expect(fabric.errors).to.deep.equal([])
      expect(fabric.clock.pending, 'timers left behind').to.equal(0)
    })

    it('C26 has our ASN before the path towards external peers, and not towards internal ones', async () => {
      await originate('left', {})
      expect(heldBy('right')[0]).to.include('AS_PATH 64512 65001')
      expect(heldBy('inner')[0]).to.include('AS_PATH 65001')
    })

    it('C24 has a local preference towards internal peers, and never towards external ones', async () => {
      await originate('left', {})
      expect(heldBy('inner')[0]).to.include('LOCAL_PREF 100')
      expect(heldBy('right')[0]).not.to.include('LOCAL_PREF')
      await originate('middle', { localPref: 250, med: 1 })
      expect(heldBy('inner')[0]).to.include('LOCAL_PREF 250')
      expect(heldBy('right')[0]).not.to.include('LOCAL_PREF')
    })

    it('C25 keeps the MED of a neighbouring AS from another, and says our own to both', async () => {
      await originate('left', { med: 7 })
      expect(heldBy('middle')[0]).to.include('MULTI_EXIT_DISC 7')
      expect(heldBy('right')[0]).not.to.include('MULTI_EXIT_DISC')
      expect(heldBy('inner')[0]).to.include('MULTI_EXIT_DISC 7')
      await originate('middle', { med: 8 })
      expect(heldBy('right')[0]).to.include('MULTI_EXIT_DISC 8')
      expect(heldBy('inner')[0]).to.include('MULTI_EXIT_DISC 8')
    })

    it('C27 passes nothing from one internal peer to another, and all of it to external ones', async () => {
      await originate('inner', {})
      expect(heldBy('another')).to.deep.equal([])
      expect(reason('another')).to.equal('learned from an internal peer, RFC 4271 9.2')
      expect(heldBy('right')[0]).to.include('AS_PATH 64512')
    })

    it('E8 is its own next hop towards external peers', async () => {
      await originate('left', {})
      expect(heldBy('right')[0]).to.include(`via ${family === 'ipv4-unicast' ? v4('middle') : v6('middle')}`)
    })

    it('E9 leaves the next hop alone towards internal peers, unless it is to name itself', async () => {
      await originate('left', {}, hop)
      expect(heldBy('inner')[0]).to.include(`via ${hop},`)
      machines.middle.apply({ peers: allTowards({ nextHopSelf: true }) })
      await fabric.pass(2000)
      expect(heldBy('inner')[0]).to.include(`via ${family === 'ipv4-unicast' ? v4('middle') : v6('middle')}`)
      expect(machines.inner.peer().flaps).to.equal(0)
    })

    it('E8 never names the peer itself as the next hop, whatever the policy', async () => {
      for (const exportPolicy of [acceptAll, originatedOnly]) {
        machines.middle.apply({ peers: allTowards({ exportPolicy }) })
        await originate('middle', {}, peerHop)
        // Of a peer over IPv4 no IPv6 address is known.
        const sent = machines.middle.speaker.routes('out', { peer: v4('left') }).length
        expect(sent, exportPolicy.name).to.equal(family === 'ipv4-unicast' ? 0 : 1)
        expect(heldBy('right')[0], exportPolicy.name).to.include(`via ${peerHop}`)
      }
    })

    const wellKnown: [name: string, community: number, right: number, inner: number][] = [
      ['NO_EXPORT', 0xffffff01, 0, 1],
      ['NO_ADVERTISE', 0xffffff02, 0, 0],
      ['NO_EXPORT_SUBCONFED', 0xffffff03, 0, 1],
    ]
    for (const [name, community, right, inner] of wellKnown) {
      it(`H11 obeys ${name} on what it learned`, async () => {
        await originate('left', { communities: [community] })
        expect(heldBy('middle')).to.have.lengthOf(1)
        expect([heldBy('right').length, heldBy('inner').length]).to.deep.equal([right, inner])
      })
    }

    it('H12 sends communities sorted and once', async () => {
      await originate('middle', { communities: [0xfde90002, 1, 0xfde90002, 0xfde90001] })
      expect(heldBy('right')[0]).to.include('COMMUNITIES 0:1 65001:1 65001:2')
    })

    it('A7 does not send a route whose attributes fill a message, withdraws it if sent before, and says why', async () => {
      await originate('middle', { communities: [1] })
      expect([heldBy('right').length, heldBy('inner').length]).to.deep.equal([1, 1])
      await originate('middle', { communities: Array.from({ length: 1020 }, (_, index) => index) })
      expect([heldBy('right').length, heldBy('inner').length]).to.deep.equal([0, 0])
      expect(reason('right')).to.equal('attributes too long for a message')
      await originate('middle', { communities: [2] })
      expect([heldBy('right').length, heldBy('inner').length]).to.deep.equal([1, 1])
      expect(machines.right.peer().flaps).to.equal(0)
    })

    it('sends a change of policy actions, and nothing for the same policy under another name', async () => {
      const prepending = (name: string): Policy => ({
        name,
        statements: [
          { name: 'longer', match: {}, action: 'accept', set: { prepend: { asn: 64512, count: 2 }, med: 3 } },
        ],
        default: 'reject',
      })
      await originate('middle', {})
      machines.middle.apply({ peers: allTowards({ exportPolicy: prepending('one') }) })
      await fabric.pass(2000)
      expect(heldBy('right')[0]).to.include('AS_PATH 64512 64512 64512').and.include('MULTI_EXIT_DISC 3')
      const before = machines.right.peer().messages.in['update']
      machines.middle.apply({ peers: allTowards({ exportPolicy: prepending('two') }) })
      await fabric.pass(2000)
      expect(machines.right.peer().messages.in['update']).to.equal(before)
    })

    it('C19 does not use what has our own ASN in its path', async () => {
      await originate('left', { asPath: [64512, 65009] })
      expect(heldBy('middle')).to.deep.equal([])
    })

    it('D15 withdraws everywhere what a lost neighbour said', async () => {
      await originate('left', {})
      expect([heldBy('right').length, heldBy('inner').length]).to.deep.equal([1, 1])
      machines.left.apply({ peers: [] })
      await fabric.pass(2000)
      expect([heldBy('middle'), heldBy('right'), heldBy('inner')]).to.deep.equal([[], [], []])
    })

    it('changes sides when a better path comes, and back when it goes', async () => {
      await originate('left', { asPath: [65050] })
      await originate('right', {})
      expect(heldBy('inner')[0]).to.include('AS_PATH 65003')
      machines.right.apply({ routes: [] })
      await fabric.pass(2000)
      expect(heldBy('inner')[0]).to.include('AS_PATH 65001 65050')
      expect(heldBy('right')[0]).to.include('AS_PATH 64512 65001 65050')
    })
  })
}
