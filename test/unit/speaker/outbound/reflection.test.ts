import { type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll, defaultExport, type Policy } from '../../../../policy/index.ts'
import type { OriginatedAttributes, PeerDeclaration } from '../../../../speaker/index.ts'
import { address, Fabric, type Machine, peerTo, prefix, route } from '../../../support/fabric.ts'

const samples: Record<Family, { prefix: string; hop: string }> = {
  'ipv4-unicast': { prefix: '192.0.2.1/32', hop: '10.0.0.99' },
  'ipv6-unicast': { prefix: '2001:db8::1/128', hop: 'fd00::99' },
}

/** Around `reflector`: two clients and two other internal peers, and a router of another AS. */
const at = { left: 1, reflector: 2, right: 3, inner: 4, another: 5, tor: 6 } as const
type Place = keyof typeof at
const around = ['left', 'right', 'inner', 'another', 'tor'] as const
const asnOf = (place: Place) => (place === 'tor' ? 65001 : 64512)
const v4 = (place: Place) => `10.0.0.${at[place]}`
const v6 = (place: Place) => `fd00::${at[place]}`

const transports = [
  { over: 'IPv4', of: v4 },
  { over: 'IPv6', of: v6 },
] as const

/** What a node with `kube-router.io/rr.server` exports. */
const ofReflector = defaultExport({ podCidrsToExternal: true, communities: [], nextHopSelf: true, reflects: true })

for (const { over, of } of transports) {
  for (const family of families) {
    const { prefix: text, hop } = samples[family]

    describe(`route reflection of ${family} over ${over}`, () => {
      let fabric: Fabric
      let machines: Record<Place, Machine>

      const towards = (place: Place, more: Partial<PeerDeclaration> = {}) =>
        peerTo(of(place), asnOf(place), { exportPolicy: acceptAll, ...more })
      const declared = (clients: readonly Place[], more: Partial<PeerDeclaration> = {}) =>
        around.map((place) => towards(place, { ...more, ...(clients.includes(place) && { reflectorClient: true }) }))
      const declare = async (clients: readonly Place[], more: Partial<PeerDeclaration> = {}, clusterId?: number) => {
        const report = machines.reflector.apply({
          peers: declared(clients, more),
          ...(clusterId !== undefined && { local: { clusterId } }),
        })
        await fabric.pass(2000)
        return report
      }
      const originate = async (from: Place, attributes: OriginatedAttributes = {}, nextHop: string = hop) => {
        machines[from].apply({ routes: [route(text, { attributes, nextHop: address(nextHop) })] })
        await fabric.pass(2000)
      }
      const heldBy = (place: Place) =>
        machines[place].speaker.routes('best').map((row) => `via ${row.nextHop}, ${row.attributes}`)
      /** Who holds the prefix, whoever it comes from. */
      const holders = () => around.filter((place) => heldBy(place).length > 0)
      const reason = (to: Place) =>
        machines.reflector.speaker.explain(prefix(text)).peers.find(({ peer }) => peer === of(to))?.reason
      const flaps = () =>
        Object.values(machines).flatMap(({ speaker }) => speaker.snapshot().peers.map((one) => one.flaps))

      beforeEach(async () => {
        fabric = new Fabric()
        const machine = (place: Place, peers: readonly PeerDeclaration[]) =>
          fabric.machine(asnOf(place), [v4(place), v6(place)], peers)
        machines = {
          reflector: machine('reflector', declared(['left', 'right'])),
          left: machine('left', [towards('reflector')]),
          right: machine('right', [towards('reflector')]),
          inner: machine('inner', [towards('reflector')]),
          another: machine('another', [towards('reflector')]),
          tor: machine('tor', [towards('reflector')]),
        }
        await fabric.pass(15_000)
      })

      afterEach(async () => {
        expect(Math.max(...flaps())).to.equal(0)
        await fabric.stop()
        expect(fabric.errors).to.deep.equal([])
        expect(fabric.clock.pending, 'timers left behind').to.equal(0)
      })

      it('C31 what a client says is for all but itself', async () => {
        await originate('left')
        expect(holders()).to.deep.equal(['left', 'right', 'inner', 'another', 'tor'])
        expect(machines.left.speaker.routes('in').map(({ source }) => source)).to.deep.equal(['originated'])
        expect(reason('left')).to.equal('learned from this peer')
      })

      it('C31 what another internal peer says is for clients alone', async () => {
        await originate('inner')
        expect(holders()).to.deep.equal(['left', 'right', 'inner', 'tor'])
        expect(reason('another')).to.equal('learned from an internal peer, and neither is a client, RFC 4456 6')
      })

      it('what an external peer says is for all, and is not marked as reflected', async () => {
        await originate('tor')
        expect(holders()).to.deep.equal([...around])
        expect(heldBy('right')[0]).to.not.match(/ORIGINATOR_ID|CLUSTER_LIST/)
      })

      it('C27 without a client nothing is reflected, whatever the policy', async () => {
        for (const exportPolicy of [acceptAll, ofReflector]) {
          await declare([], { exportPolicy }, 42)
          await originate('left')
          expect(
            holders().filter((place) => place !== 'tor'),
            exportPolicy.name,
          ).to.deep.equal(['left'])
        }
        machines.reflector.apply({ local: { clusterId: undefined as never } })
        await fabric.pass(2000)
        expect(reason('right')).to.equal('learned from an internal peer, RFC 4271 9.2')
      })

      it('C32 C34 names originator and cluster, and leaves all else as it was', async () => {
        await originate('left', { med: 7, localPref: 250, communities: [1], asPath: [65077] })
        for (const place of ['right', 'inner'] as const) {
          expect(heldBy(place)).to.deep.equal([
            `via ${hop}, ORIGIN igp, AS_PATH 65077, ${family === 'ipv4-unicast' ? `NEXT_HOP ${hop}, ` : ''}MULTI_EXIT_DISC 7, ` +
              'LOCAL_PREF 250, COMMUNITIES 0:1, ORIGINATOR_ID 10.0.0.1, CLUSTER_LIST 10.0.0.2',
          ])
        }
      })

      it('C24 sends nothing of it to external peers', async () => {
        await originate('left', { localPref: 250 })
        expect(heldBy('tor')[0]).to.not.match(/ORIGINATOR_ID|CLUSTER_LIST|LOCAL_PREF/)
      })

      it('C34 E9 names itself as the next hop of a reflected route only where the policy asks for it', async () => {
        await originate('left')
        await declare(['left', 'right'], { nextHopSelf: true })
        expect(heldBy('right')[0]).to.include(`via ${hop},`)
        expect(heldBy('tor')[0]).to.include(`via ${family === 'ipv4-unicast' ? v4('reflector') : v6('reflector')},`)
        const asking: Policy = {
          name: 'asking',
          statements: [{ name: 'to me', match: {}, action: 'accept', set: { nextHop: 'self' } }],
          default: 'reject',
        }
        await declare(['left', 'right'], { exportPolicy: asking })
        expect(heldBy('right')[0]).to.include(`via ${family === 'ipv4-unicast' ? v4('reflector') : v6('reflector')},`)
      })

      it('E8 does not send a client a route that has it as the next hop', async () => {
        const own = family === 'ipv4-unicast' ? v4 : v6
        await originate('left', {}, own('right'))
        // Of a peer over the other family no address of this one is known.
        if (own === of)
          expect([reason('right'), holders()]).to.deep.equal([
            'next hop is the peer itself',
            ['left', 'inner', 'another', 'tor'],
          ])
        else expect(heldBy('right')).to.deep.equal([])
      })

      it('with the policy of a node, reflects and leaks nothing to external peers', async () => {
        await declare(['left', 'right'], { exportPolicy: ofReflector })
        await originate('left')
        expect(holders()).to.deep.equal(['left', 'right', 'inner', 'another'])
        expect(reason('right')).to.equal('route reflection, kube-router.io/rr.server')
        expect(reason('tor')).to.equal('not originated by this node')
        machines.left.apply({ routes: [] })
        await originate('tor')
        expect(holders()).to.deep.equal(['tor'])
        expect(reason('right')).to.equal('not originated by this node')
      })

      it('C32 names each originator, also where routes have all else in common', async () => {
        const others = { 'ipv4-unicast': '192.0.2.2/32', 'ipv6-unicast': '2001:db8::2/128' }
        const nextHop = address(hop)
        machines.left.apply({ routes: [route(text, { nextHop })] })
        machines.right.apply({ routes: [route(others[family], { nextHop })] })
        await fabric.pass(2000)
        const originators = heldBy('inner').map((row) => /ORIGINATOR_ID \S+/.exec(row)?.[0])
        expect(originators).to.deep.equal(['ORIGINATOR_ID 10.0.0.1,', 'ORIGINATOR_ID 10.0.0.3,'])
      })

      it('withdraws everywhere what its client withdraws', async () => {
        await originate('left')
        machines.left.apply({ routes: [] })
        await fabric.pass(2000)
        expect(holders()).to.deep.equal([])
      })

      it('makes a peer a client, and another one no more, without a reset', async () => {
        await originate('inner')
        const { peers } = await declare(['left', 'another'])
        expect(peers).to.deep.include({ changed: [of('right'), of('another')], reset: [] })
        expect(holders()).to.deep.equal(['left', 'inner', 'another', 'tor'])
        await declare(['inner'])
        expect(holders()).to.deep.equal([...around])
        await declare([])
        expect(holders()).to.deep.equal(['inner', 'tor'])
      })

      it('changes its cluster id without a reset', async () => {
        await originate('left')
        expect(machines.reflector.speaker.snapshot().clusterId).to.equal('10.0.0.2')
        await declare(['left', 'right'], {}, 42)
        expect(machines.reflector.speaker.snapshot().clusterId).to.equal('0.0.0.42')
        expect(heldBy('right')[0]).to.include('CLUSTER_LIST 0.0.0.42')
      })
    })
  }
}
