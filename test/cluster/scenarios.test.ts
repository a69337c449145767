/** What users of such daemons suffer, each a test by its name: driven through the API server, recorded at the router. */

import { expect } from 'chai'
import { nodeObject, service, sliceObject } from '../support/kube-objects.ts'
import { eventually } from '../topology/runner.ts'
import { servers } from './given.ts'
import { Stage } from './stage.ts'

const pods = ['10.244.1.0/24 via 10.0.0.2', 'fd00:244:1::/64 via fd00::2']
const v4 = '203.0.113.1/32'
const v6 = '2001:db8:113::1/128'
const vips = [`${v4} via 10.0.0.2`, `${v6} via fd00::2`]
const ingress = [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }]
const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', allocateLoadBalancerNodePorts: false }
const families = ['IPv4', 'IPv6'] as const

describe('scenarios, through the API server', () => {
  let stage: Stage

  const web = (...endpoints: Parameters<typeof sliceObject>[2]) =>
    stage.control.apply(...families.map((family) => sliceObject('web', family, endpoints)))

  before(async () => {
    stage = await Stage.set(servers())
    await stage.control.apply(nodeObject(), nodeObject('node-2', { addresses: ['10.0.0.3', 'fd00::3'] }))
    await stage.control.apply(service('web', local, { ingress }))
    await web({ on: 'node-1' }, { on: 'node-2' })
    stage.startDaemon()
    await stage.routerHas([...pods, ...vips])
    await stage.sessionsUp()
  })

  after(async () => stage?.clear())

  /** Every scenario ends where it began, with the sessions it began with. */
  afterEach(async () => {
    await stage.control.apply(nodeObject(), service('web', local, { ingress }))
    await web({ on: 'node-1' }, { on: 'node-2' })
    await stage.routerHas([...pods, ...vips])
    const { peers } = await stage.snapshot()
    expect(peers.map(({ flaps }) => flaps)).to.deep.equal([0, 0])
  })

  it('Unready replacement', async () => {
    await web({ on: 'node-2' })
    await stage.routerHas(pods)
    const since = Date.now()
    await web({ on: 'node-1', ready: false }, { on: 'node-2' })
    await stage.caughtUp()
    expect(stage.moved(since)).to.deep.equal([])
    const ready = Date.now()
    await web({ on: 'node-1' }, { on: 'node-2' })
    for (const vip of [v4, v6]) expect((await stage.when('added', vip, ready)) - Date.now(), vip).to.be.below(1000)
  })

  it('Terminating last pod', async () => {
    const since = Date.now()
    await web({ on: 'node-1', ready: false, serving: true, terminating: true }, { on: 'node-2' })
    for (const vip of [v4, v6]) await stage.when('removed', vip, since)
    await stage.caughtUp()
    expect(stage.moved(since)).to.deep.equal([`removed ${v6}`, `removed ${v4}`].sort())
  })

  it('Terminating last pod of all: serving ones count while no ready one is left anywhere', async () => {
    const since = Date.now()
    const leaving = { ready: false, serving: true, terminating: true }
    await web({ on: 'node-2', ...leaving }, { on: 'node-1' })
    await web({ on: 'node-2', ...leaving }, { on: 'node-1', ...leaving })
    await stage.caughtUp()
    expect(stage.moved(since)).to.deep.equal([])
  })

  it('Several slices', async () => {
    const many = Array.from({ length: 100 }, () => ({ on: 'node-2' }))
    for (const family of families) {
      await stage.control.apply(sliceObject('web', family, many, `web-far-${family.toLowerCase()}`))
      await stage.control.apply(sliceObject('web', family, [{ on: 'node-1' }], `web-near-${family.toLowerCase()}`))
    }
    await stage.caughtUp()
    const since = Date.now()
    for (const family of families) {
      // Split, re-labelled to another service, deleted: none of them has the last local endpoint.
      await stage.control.apply(sliceObject('web', family, many.slice(50), `web-far-${family.toLowerCase()}`))
      await stage.control.apply(sliceObject('web', family, many.slice(0, 50), `web-more-${family.toLowerCase()}`))
      await stage.control.apply(sliceObject('other', family, many.slice(0, 50), `web-more-${family.toLowerCase()}`))
      await stage.control.remove('EndpointSlice', `default/web-more-${family.toLowerCase()}`)
      await stage.control.remove('EndpointSlice', `default/web-${family.toLowerCase()}`)
    }
    await stage.caughtUp()
    expect(stage.moved(since)).to.deep.equal([])
    const deleted = Date.now()
    await stage.control.remove('EndpointSlice', 'default/web-near-ipv6')
    await stage.when('removed', v6, deleted)
    await stage.caughtUp()
    expect(stage.moved(deleted)).to.deep.equal([`removed ${v6}`])
    for (const name of ['web-near-ipv4', 'web-far-ipv4', 'web-far-ipv6']) {
      await stage.control.remove('EndpointSlice', `default/${name}`)
    }
  })

  it('Single to dual and back, live', async () => {
    const enabled = { 'kube-router.io/service.advertise.clusterip': 'true' }
    const name = 'stacked'
    const single = service(
      name,
      { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'], clusterIP: '10.96.7.7', clusterIPs: ['10.96.7.7'] },
      { annotations: enabled },
    )
    await stage.control.apply(single)
    await stage.routerHas([...pods, ...vips, '10.96.7.7/32 via 10.0.0.2'])
    const since = Date.now()
    await stage.control.patch('Service', `default/${name}`, {
      spec: {
        ipFamilyPolicy: 'PreferDualStack',
        ipFamilies: ['IPv4', 'IPv6'],
        clusterIPs: ['10.96.7.7', 'fd00:96::77'],
      },
    })
    await stage.when('added', 'fd00:96::77/128', since)
    await stage.control.patch('Service', `default/${name}`, {
      spec: { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'], clusterIPs: ['10.96.7.7'] },
    })
    await stage.when('removed', 'fd00:96::77/128', since)
    await stage.caughtUp()
    expect(stage.moved(since)).to.deep.equal(['added fd00:96::77/128', 'removed fd00:96::77/128'])
    await stage.control.remove('Service', `default/${name}`)
  })

  it('Shared VIP', async () => {
    const shared = { externalIPs: ['2001:db8:51::9'], ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv6'] }
    await stage.control.apply(
      service('one', { ...shared, externalTrafficPolicy: 'Local' }),
      sliceObject('one', 'IPv6', [{ on: 'node-1' }]),
    )
    await stage.control.apply(
      service('two', { ...shared, externalTrafficPolicy: 'Local' }),
      sliceObject('two', 'IPv6', [{ on: 'node-1' }]),
    )
    await stage.routerHas([...pods, ...vips, '2001:db8:51::9/128 via fd00::2'])
    await stage.caughtUp()
    const since = Date.now()
    await stage.control.apply(sliceObject('one', 'IPv6', []))
    await stage.caughtUp()
    await stage.control.remove('Service', 'default/one')
    await stage.caughtUp()
    await stage.control.apply(service('one', { ...shared, externalTrafficPolicy: 'Local' }))
    await stage.caughtUp()
    expect(stage.moved(since)).to.deep.equal([])
    const explained = await stage.explain('2001:db8:51::9')
    expect(explained).to.include('service/default/two').and.to.include('service/default/one')
    await stage.control.apply(sliceObject('two', 'IPv6', [{ on: 'node-2' }]))
    await stage.when('removed', '2001:db8:51::9/128', since)
    for (const name of ['one', 'two']) {
      await stage.control.remove('Service', `default/${name}`)
      await stage.control.remove('EndpointSlice', `default/${name}-ipv6`)
    }
  })

  it('Planned removal', async () => {
    const since = Date.now()
    await stage.control.patch('Node', 'node-1', { metadata: { annotations: { 'tandem.io/drain': 'true' } } })
    await stage.routerHas([...pods, ...vips.map((vip) => `${vip} (65535,0)`)])
    const announced = await stage.when('added', v4, since)
    const gone = await stage.when('removed', v4, since)
    await stage.when('removed', v6, since)
    expect(gone - announced).to.be.within(1800, 4000)
    expect(stage.moved(since).filter((one) => one.includes('244'))).to.deep.equal([])
    const events = await eventually('the events', 5000, async () => {
      const all = await stage.events('node-1')
      return all.some((one) => one.startsWith('Drained')) && all
    })
    expect(events.join('\n')).to.include('Draining: ')
    expect(await stage.explain('203.0.113.1')).to.include('this node is drained: annotation tandem.io/drain')
    await stage.control.patch('Node', 'node-1', { metadata: { annotations: { 'tandem.io/drain': null } } })
  })

  it('Planned removal: a Node that is deleted leaves as one that is drained, and comes back as it was', async () => {
    const since = Date.now()
    await stage.control.remove('Node', 'node-1')
    await stage.routerHas([...pods, ...vips.map((vip) => `${vip} (65535,0)`)])
    for (const vip of [v4, v6]) await stage.when('removed', vip, since)
    expect(stage.moved(since).filter((one) => one.includes('244'))).to.deep.equal([])
    expect(await stage.explain('203.0.113.1')).to.include('this node is drained: the Node is deleted')
    await stage.control.apply(nodeObject())
    await stage.routerHas([...pods, ...vips])
  })

  it('Cordon and exclusion label', async () => {
    const since = Date.now()
    await stage.control.patch('Node', 'node-1', {
      spec: { unschedulable: true },
      metadata: { annotations: { 'kube-router.io/path-prepend.as': 'a mark' } },
    })
    await eventually('the cordon was seen', 5000, async () => (await stage.explain('node/node-1')).includes('a mark'))
    await stage.caughtUp()
    expect(stage.moved(since)).to.deep.equal([])
    await stage.control.patch('Node', 'node-1', {
      spec: { unschedulable: null },
      metadata: {
        annotations: { 'kube-router.io/path-prepend.as': null },
        labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' },
      },
    })
    await stage.routerHas(pods)
    expect(await stage.explain('node/node-1')).to.include('--drain-on without exclude-label')
    await stage.control.patch('Node', 'node-1', {
      metadata: { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': null } },
    })
  })

  it('One bad thing', async () => {
    const since = Date.now()
    await stage.control.apply(
      service('broken', {}, { annotations: { 'kube-router.io/service.advertise.externalip': 'perhaps' } }),
      service('selectorless', {
        externalIPs: ['2001:db8:51::70'],
        ipFamilyPolicy: 'SingleStack',
        ipFamilies: ['IPv6'],
      }),
    )
    await stage.control.patch('Node', 'node-1', {
      metadata: { annotations: { 'kube-router.io/node.bgp.customimportreject': '10.0.0.0/99' } },
    })
    await stage.when('added', '2001:db8:51::70/128', since)
    await eventually('the events', 10_000, async () => {
      const [onService, onNode] = [await stage.events('broken'), await stage.events('node-1')]
      return (
        onService.some((one) => one.includes('InvalidValue') && one.includes('perhaps')) &&
        onNode.some((one) => one.includes('InvalidValue') && one.includes('10.0.0.0/99'))
      )
    })
    await stage.caughtUp()
    expect(stage.moved(since)).to.deep.equal(['added 2001:db8:51::70/128'])
    await stage.control.patch('Node', 'node-1', {
      metadata: { annotations: { 'kube-router.io/node.bgp.customimportreject': null } },
    })
    for (const name of ['broken', 'selectorless']) await stage.control.remove('Service', `default/${name}`)
    await eventually('both clear by themselves', 10_000, async () => (await stage.plan()).findings.length === 0)
  })

  it('Churn never touches sessions', async () => {
    const since = Date.now()
    const names = Array.from({ length: 60 }, (_, index) => `churn-${index}`)
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        names.map((name, index) =>
          stage.control.apply(
            service(name, {
              externalIPs: [`2001:db8:51::1:${index}`],
              ipFamilyPolicy: 'SingleStack',
              ipFamilies: ['IPv6'],
            }),
          ),
        ),
      )
      await Promise.all(
        names.map((_, index) =>
          stage.control.patch('Node', 'node-2', { metadata: { labels: { beat: `${round}-${index}` } } }),
        ),
      )
      await Promise.all(names.map((name) => stage.control.remove('Service', `default/${name}`)))
    }
    await stage.caughtUp()
    const moved = stage.router.heard(since).filter(({ prefix }) => !prefix.startsWith('198.51.100.'))
    expect(moved.filter(({ prefix }) => !prefix.startsWith('2001:db8:51::1:'))).to.deep.equal([])
    expect(moved.filter(({ what }) => what === 'ignored')).to.deep.equal([])
  })

  it('Everything live: annotations of the node, without a reset', async () => {
    const set = (annotations: Record<string, string | null>) =>
      stage.control.patch('Node', 'node-1', { metadata: { annotations } })
    await set({ 'kube-router.io/node.bgp.communities': '65000:100,no-export' })
    await stage.routerHas([...pods, ...vips].map((row) => `${row} (65000,100) (65535,65281)`))
    await set({
      'kube-router.io/node.bgp.communities': null,
      'kube-router.io/pod-cidrs': '10.244.9.0/24, fd00:244:9::/64',
    })
    await stage.routerHas([...vips, '10.244.9.0/24 via 10.0.0.2', 'fd00:244:9::/64 via fd00::2'])
    await set({ 'kube-router.io/pod-cidrs': null })
  })
})
