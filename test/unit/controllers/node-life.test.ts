/** Drains and the gate: which signals count, what becomes of VIPs and pod CIDRs, and when. */

import { expect } from 'chai'
import { LivePlan, NodeLife, type NodeView, type Plan, type PlanOptions, plan } from '../../../controllers/index.ts'
import { node, options, service, view } from '../../support/cluster.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const vips = service('web', { clusterIps: ['10.96.0.1', 'fd00:96::1'] })
const gracefulShutdown = 0xffff0000

/** The routes, each with a mark when it carries GRACEFUL_SHUTDOWN. */
const said = (one: Plan) =>
  one.routes.map(
    ({ prefix, attributes }) => `${prefix}${attributes.communities?.includes(gracefulShutdown) ? ' leaving' : ''}`,
  )
const pods = ['10.244.1.0/24', 'fd00:244:1::/64']
const services = ['10.96.0.1/32', 'fd00:96::1/128']

describe('what drains a node', () => {
  const rows: [title: string, more: Partial<NodeView>, byDefault: boolean][] = [
    ['the annotation tandem.io/drain', { annotations: { 'tandem.io/drain': 'true' } }, true],
    ['the annotation with "false"', { annotations: { 'tandem.io/drain': 'false' } }, false],
    ['the exclusion label', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }, true],
    [
      'the out-of-service taint',
      { taints: [{ key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' }] },
      true,
    ],
    [
      'the shutdown taint',
      { taints: [{ key: 'node.cloudprovider.kubernetes.io/shutdown', value: '', effect: 'NoSchedule' }] },
      true,
    ],
    ['deletion', { deleting: true }, true],
    [
      'a cordon',
      {
        unschedulable: true,
        taints: [{ key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' }],
      },
      false,
    ],
    ['any other taint', { taints: [{ key: 'example.com/busy', value: '', effect: 'NoSchedule' }] }, false],
  ]
  for (const [title, more, byDefault] of rows) {
    it(`${title}: ${byDefault ? 'VIPs leave in both families, pod CIDRs stay' : 'nothing moves by default'}`, () => {
      const made = plan(view(node('n1', more), vips), options)
      expect(said(made)).to.deep.equal(byDefault ? pods : [...pods, ...services])
      expect(made.withheld.map(({ prefix }) => prefix)).to.deep.equal(byDefault ? services : [])
    })
  }

  it('is chosen by flags: a cordon and a named taint on request, and no signal that is left out', () => {
    const made = (more: Partial<NodeView>, change: Partial<PlanOptions>) =>
      said(plan(view(node('n1', more), vips), { ...options, ...change }))
    const busy = { taints: [{ key: 'example.com/busy', value: '', effect: 'NoSchedule' }] }
    const excluded = { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' } }
    expect(made({ unschedulable: true }, { drainOn: ['cordon'] })).to.deep.equal(pods)
    expect(made(busy, { drainTaints: ['example.com/busy'] })).to.deep.equal(pods)
    expect(made(excluded, { drainOn: ['annotation'] })).to.deep.equal([...pods, ...services])
  })

  it('is a finding on the Node that names the field and what ends it', () => {
    const excluded = { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }
    const [finding] = plan(view(node('n1', excluded), vips), options).findings
    expect(finding?.object).to.equal('node/n1')
    expect(finding?.field).to.equal('node.kubernetes.io/exclude-from-external-load-balancers')
    expect(finding?.message).to.include('--drain-on without exclude-label')
  })

  it('a Node that is gone leaves as one that is being deleted: its pod CIDRs stay', () => {
    const before = node('n1')
    const made = plan(view(vips), options, { settings: undefined, nodeView: before })
    expect(said(made)).to.deep.equal(pods)
  })
})

describe('the time of a drain', () => {
  const make = (change: Partial<PlanOptions> = {}) => {
    const clock = new VirtualClock()
    const wanted = { ...options, drainWait: 10, ...change }
    const live = new LivePlan(wanted)
    let probes: (string | undefined)[] = []
    let current = view(node('n1'), vips)
    const take = () => void live.take(current, all(), (one) => life.at(one))
    const probeProxy = async () => (probes.length > 1 ? probes.shift() : probes[0])
    const life = new NodeLife({ clock, probeProxy }, wanted, take)
    return {
      clock,
      life,
      see: (more: Partial<NodeView>) => {
        current = view(node('n1', more), vips)
        take()
        return said(live.plan!)
      },
      said: () => said(live.plan!),
      withheld: () => live.plan!.withheld.map(({ reason }) => reason),
      proxySays: (...answers: (string | undefined)[]) => {
        probes = answers
      },
    }
  }
  const all = () => ({ nodes: new Set(['n1']), services: new Set(['default/web']), endpointSlices: new Set<string>() })
  const draining = { annotations: { 'tandem.io/drain': 'true' } }

  it('H14 VIPs leave with GRACEFUL_SHUTDOWN first (RFC 8326), and are withdrawn after the wait', () => {
    const { clock, see, said: now } = make()
    see({})
    expect(see(draining)).to.deep.equal([...pods, ...services.map((one) => `${one} leaving`)])
    clock.pass(9999)
    expect(now()).to.include('10.96.0.1/32 leaving')
    clock.pass(1)
    expect(now()).to.deep.equal(pods)
  })

  it('a drain that is called off brings the VIPs back at once, before and after the wait', () => {
    const { clock, see } = make()
    see({})
    see(draining)
    expect(see({})).to.deep.equal([...pods, ...services])
    clock.pass(20_000)
    see(draining)
    clock.pass(20_000)
    expect(see({})).to.deep.equal([...pods, ...services])
    expect(clock.pending).to.equal(0)
  })

  it('a daemon that starts on a drained node never brings the VIPs back for a moment', () => {
    expect(make().see(draining)).to.deep.equal(pods)
  })

  it('without a wait VIPs are withdrawn at once', () => {
    const { see } = make({ drainWait: 0 })
    see({})
    expect(see(draining)).to.deep.equal(pods)
  })

  it('the gate holds VIPs back until the node is Ready and its network is there, and stays open then', () => {
    const { see, withheld } = make({ gate: ['node-ready', 'network-available'] })
    expect(see({ ready: undefined })).to.deep.equal(pods)
    expect(withheld()[0]).to.equal('the gate is closed: condition Ready of the Node is not there yet')
    expect(see({ ready: 'True', networkUnavailable: 'True' })).to.deep.equal(pods)
    expect(see({ ready: 'True', networkUnavailable: 'False' })).to.deep.equal([...pods, ...services])
    expect(see({ ready: 'Unknown' })).to.deep.equal([...pods, ...services])
  })

  it('the gate asks the health port of the proxy until it says yes', async () => {
    const { clock, see, said: now, proxySays, withheld } = make({ gate: ['proxy-health'] })
    const settle = () => new Promise((resolve) => setImmediate(resolve))
    proxySays('it answered 503', undefined)
    expect(see({})).to.deep.equal(pods)
    await settle()
    expect(withheld()[0]).to.include('it answered 503')
    clock.pass(1000)
    await settle()
    expect(now()).to.deep.equal([...pods, ...services])
    expect(clock.pending).to.equal(0)
  })
})
