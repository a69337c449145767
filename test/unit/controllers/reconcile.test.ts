/** The loop from view to speaker: differences alone, findings once, and a mistake of ours that costs nothing. */

import { expect } from 'chai'
import { Reconciler, type View } from '../../../controllers/index.ts'
import type { ApplyReport, Desired, DesiredChange, Speaker } from '../../../speaker/index.ts'
import { node, options, service, view } from '../../support/cluster.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

function make() {
  const clock = new VirtualClock()
  const applied: Desired[] = []
  const changed: DesiredChange[] = []
  const logged: string[] = []
  const state = { released: 0, broken: false }
  const report: ApplyReport = {
    peers: { added: [], removed: [], reset: [], changed: [] },
    routes: { added: 0, withdrawn: 0, changed: 0 },
  }
  const take = <Value>(list: Value[], one: Value) => {
    if (state.broken) throw new Error('a mistake of ours')
    list.push(one)
    return report
  }
  const speaker = {
    apply: (desired: Desired) => take(applied, desired),
    change: (change: DesiredChange) => take(changed, change),
    releaseEndOfRib: () => void state.released++,
  } as unknown as Speaker
  const write = (_: object, text: string) => void logged.push(text)
  const log = { debug: write, info: write, warn: write, error: write }
  return { clock, applied, changed, logged, state, reconciler: new Reconciler({ clock, log, speaker }, options) }
}

const cluster = (...names: string[]): View =>
  view(
    node('n1'),
    ...names.map((name, index) => service(name, { clusterIps: [`10.96.0.${index + 1}`, `fd00:96::${index + 1}`] })),
  )
const prefixes = (routes: Desired['routes']) => routes.map(({ prefix }) => String(prefix))

describe('the reconciler', () => {
  it('applies the first view whole, and then lets End-of-RIB go, once', () => {
    const { applied, changed, state, reconciler } = make()
    reconciler.take(cluster('a'), undefined, [])
    expect(prefixes(applied[0]!.routes)).to.deep.equal([
      '10.244.1.0/24',
      'fd00:244:1::/64',
      '10.96.0.1/32',
      'fd00:96::1/128',
    ])
    expect(changed).to.deep.equal([])
    reconciler.take(cluster('a', 'b'), undefined, [])
    expect(state.released).to.equal(1)
    reconciler.stop()
  })

  it('then gives the speaker the difference alone, and the same peers and policies', () => {
    const { applied, changed, reconciler } = make()
    reconciler.take(cluster('a'), undefined, [])
    reconciler.take(cluster('a', 'b'), undefined, [])
    expect(applied).to.have.lengthOf(1)
    expect(prefixes(changed[0]!.set)).to.have.members(['10.96.0.2/32', 'fd00:96::2/128'])
    // The very same object: it is by this that the speaker knows that there is nothing to compare.
    expect(changed[0]!.peers).to.equal(applied[0]!.peers)
    expect(changed[0]!.local).to.equal(applied[0]!.local)
    reconciler.take(cluster('a'), undefined, [])
    expect(changed[1]!.withdrawn.map(String)).to.have.members(['10.96.0.2/32', 'fd00:96::2/128'])
    reconciler.stop()
  })

  it('makes the import policy anew only when a VIP comes or goes that no service range covers', () => {
    const { applied, changed, reconciler } = make()
    const outside = service('outside', { externalIps: ['198.51.100.1', '2001:db8:51::1'] })
    reconciler.take(view(node('n1'), outside), undefined, [])
    reconciler.take(view(node('n1'), outside, service('inside')), undefined, [])
    expect(changed[0]!.peers).to.equal(applied[0]!.peers)
    reconciler.take(view(node('n1'), service('inside')), undefined, [])
    expect(changed[1]!.peers).to.not.equal(applied[0]!.peers)
    reconciler.stop()
  })

  it('tells a finding once when it comes and once when it is mended', () => {
    const { logged, reconciler } = make()
    const bad = { annotations: { 'kube-router.io/service.advertise.clusterip': 'perhaps' } }
    reconciler.take(view(node('n1'), service('a', bad)), undefined, [])
    reconciler.take(view(node('n1'), service('a', bad), service('b')), undefined, [])
    expect(logged.filter((text) => text.includes('perhaps'))).to.have.lengthOf(1)
    reconciler.take(view(node('n1'), service('a')), undefined, [])
    expect(logged.filter((text) => text === 'a finding is gone')).to.have.lengthOf(1)
    reconciler.stop()
  })

  it('survives a mistake of ours: what is in force stays, and the next change is applied whole', () => {
    const { applied, logged, state, reconciler } = make()
    reconciler.take(cluster('a'), undefined, [])
    state.broken = true
    reconciler.take(cluster('a', 'b'), undefined, [])
    expect(logged.some((text) => text.startsWith('planning failed'))).to.equal(true)
    state.broken = false
    reconciler.take(cluster('a', 'b', 'c'), undefined, [])
    expect(prefixes(applied[1]!.routes)).to.have.lengthOf(2 + 6)
    reconciler.stop()
  })

  it('keeps what is in force while the node has no address, and forgets nothing of what changes meanwhile', () => {
    const { applied, changed, reconciler } = make()
    reconciler.take(cluster('a', 'b'), undefined, [])
    const mute = view(node('n1', { ips: [] }), service('b', { clusterIps: ['10.96.0.2', 'fd00:96::2'] }))
    reconciler.take(mute, undefined, [])
    expect(applied.length + changed.length).to.equal(1)
    reconciler.take(view(node('n1'), ...mute.services.values()), undefined, [])
    expect(prefixes(applied[1]!.routes)).to.have.members([
      '10.244.1.0/24',
      'fd00:244:1::/64',
      '10.96.0.2/32',
      'fd00:96::2/128',
    ])
    reconciler.stop()
  })

  it('compares the plan in force with one from scratch now and then, and finds nothing', () => {
    const { applied, clock, logged, reconciler } = make()
    reconciler.take(cluster('a'), undefined, [])
    reconciler.take(cluster('a', 'b'), undefined, [])
    clock.pass(900_000)
    expect(applied).to.have.lengthOf(2)
    expect(prefixes(applied[1]!.routes)).to.have.lengthOf(6)
    expect(reconciler.repairs).to.equal(0)
    expect(logged.filter((text) => text.includes('mended'))).to.deep.equal([])
    reconciler.stop()
    expect(clock.pending).to.equal(0)
  })
})
