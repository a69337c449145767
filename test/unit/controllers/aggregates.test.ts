import { formatPrefix } from 'bgp-ts'
import { expect } from 'chai'
import { type Plan, type PlanOptions, plan, type ServiceView, toDesired } from '../../../controllers/index.ts'
import { alwaysSynced, type Backend } from '../../../daemon/backend.ts'
import { explain } from '../../../daemon/explain.ts'
import { compile } from '../../../policy/index.ts'
import { endpoint, node, options, service, slice, view } from '../../support/cluster.ts'
import { Fabric, peerTo, prefix } from '../../support/fabric.ts'

const aggregateLengths = { 'ipv4-unicast': 24, 'ipv6-unicast': 64 }
const make = (
  objects: readonly Parameters<typeof view>[number][],
  change: Partial<PlanOptions> = {},
  ...rest: [before?: Plan, circumstances?: Parameters<typeof plan>[3]]
) => plan(view(...objects), { ...options, advertiseClusterIp: false, aggregateLengths, ...change }, ...rest)

/** A LoadBalancer service with one VIP of each family. */
const lb = (name: string, last: number, more: Partial<ServiceView> = {}) =>
  service(name, {
    type: 'LoadBalancer',
    clusterIps: [`10.96.0.${last}`],
    ingress: [{ ip: `203.0.113.${last}` }, { ip: `2001:db8:113::${last}` }],
    ...more,
  })
const vips = (made: Plan) =>
  made.routes.filter(({ origin }) => origin.kind !== 'pod-cidr').map((one) => formatPrefix(one.prefix))
const ruleOf = (made: Plan, text: string) => made.routes.find((one) => formatPrefix(one.prefix) === text)?.origin.rule
const aggregates = ['2001:db8:113::/64', '203.0.113.0/24']

describe('aggregates of VIPs', () => {
  it('stand in place of the host routes of both families, with the next hop of each', () => {
    const made = make([node('n1'), lb('a', 1), lb('b', 2)])
    expect(vips(made)).to.deep.equal(aggregates)
    const routes = made.routes.slice(-2)
    expect(routes.map(({ nextHop }) => String(nextHop))).to.deep.equal(['fd00::1', '10.0.0.1'])
    expect(routes.map(({ origin }) => origin)).to.deep.equal([
      {
        kind: 'aggregate',
        object: 'node/n1',
        field: '--aggregate-vips-ipv6',
        rule: 'stands for 2001:db8:113::1/128 of service/default/a, 2001:db8:113::2/128 of service/default/b',
      },
      {
        kind: 'aggregate',
        object: 'node/n1',
        field: '--aggregate-vips-ipv4',
        rule: 'stands for 203.0.113.1/32 of service/default/a, 203.0.113.2/32 of service/default/b',
      },
    ])
    const withheld = made.withheld.filter(({ kind }) => kind === 'load-balancer-ip')
    expect(withheld.map((one) => one.prefix)).to.have.members([
      '203.0.113.1/32',
      '203.0.113.2/32',
      '2001:db8:113::1/128',
      '2001:db8:113::2/128',
    ])
    expect(withheld[0]).to.deep.include({
      object: 'service/default/a',
      reason: 'it is part of the aggregate 203.0.113.0/24, which is advertised in its place',
      mend: '--aggregate-vips-components, or tandem.io/bgp.aggregate: "false"',
    })
  })

  it('stand beside them with --aggregate-vips-components', () => {
    const made = make([node('n1'), lb('a', 1)], { aggregateComponents: true })
    expect(vips(made)).to.deep.equal(['203.0.113.1/32', '2001:db8:113::1/128', ...aggregates])
    expect(made.withheld.filter(({ kind }) => kind === 'load-balancer-ip')).to.deep.equal([])
  })

  it('are of one family where the other has no length', () => {
    const made = make([node('n1'), lb('a', 1)], { aggregateLengths: { 'ipv4-unicast': 32, 'ipv6-unicast': 64 } })
    expect(vips(made)).to.deep.equal(['203.0.113.1/32', '2001:db8:113::/64'])
    expect(ruleOf(made, '203.0.113.1/32')).to.equal('--advertise-loadbalancer-ip')
  })

  it('name a few of many, the same whatever the order, and the plan has them all', () => {
    const many = Array.from({ length: 30 }, (_, index) => lb(`s${index}`, index + 10))
    const made = make([node('n1'), ...many])
    expect(ruleOf(made, '203.0.113.0/24')).to.equal(
      'stands for 203.0.113.10/32 of service/default/s0, 203.0.113.11/32 of service/default/s1, ' +
        '203.0.113.12/32 of service/default/s2, 203.0.113.13/32 of service/default/s3 and 26 more',
    )
    expect(make([...many.toReversed(), node('n1')]).routes).to.deep.equal(made.routes)
    expect(made.aggregates.map(({ parts }) => parts.length)).to.deep.equal([30, 30])
  })

  it('hold while one VIP of theirs is advertised, and go with the last', () => {
    expect(vips(make([node('n1'), lb('a', 1), lb('b', 2)]))).to.deep.equal(aggregates)
    expect(vips(make([node('n1'), lb('a', 1)]))).to.deep.equal(aggregates)
    const off = { annotations: { 'kube-router.io/service.advertise.loadbalancerip': 'false' } }
    expect(vips(make([node('n1'), lb('a', 1, off)]))).to.deep.equal([])
    expect(vips(make([node('n1')]))).to.deep.equal([])
  })

  it('go family by family', () => {
    expect(vips(make([node('n1'), lb('a', 1, { ingress: [{ ip: '2001:db8:113::1' }] })]))).to.deep.equal([
      '2001:db8:113::/64',
    ])
    expect(vips(make([node('n1', { ips: ['10.0.0.1'] }), lb('a', 1)]))).to.deep.equal(['203.0.113.0/24'])
  })

  const alone: [title: string, more: Partial<ServiceView>, change: Partial<PlanOptions>, why: string][] = [
    ['under a Local policy', { externalTrafficPolicy: 'Local' }, {}, 'spec.externalTrafficPolicy: Local'],
    [
      'under kube-router.io/service.local',
      { annotations: { 'kube-router.io/service.local': 'true' } },
      {},
      'kube-router.io/service.local: "true"',
    ],
    [
      'that go without endpoints',
      { annotations: { 'tandem.io/service.withdraw-without-endpoints': 'true' } },
      {},
      'it goes without endpoints',
    ],
    [
      'whose service asks for none',
      { annotations: { 'tandem.io/bgp.aggregate': 'false' } },
      {},
      'tandem.io/bgp.aggregate: "false"',
    ],
    [
      'with attributes of their own',
      { annotations: { 'tandem.io/bgp.med': '5' } },
      {},
      'its service has attributes or peers of its own',
    ],
    [
      'for peers of their own',
      { annotations: { 'tandem.io/bgp.advertise-to': 'border' } },
      {},
      'its service has attributes or peers of its own',
    ],
  ]
  for (const [title, more, change, why] of alone) {
    it(`leave VIPs ${title} as host routes, also beside others that they stand for`, () => {
      const slices = (['IPv4', 'IPv6'] as const).map((type) => slice('own', type, endpoint('n1')))
      const made = make([node('n1'), lb('own', 9, more), ...slices], change)
      const hosts = ['203.0.113.9/32', '2001:db8:113::9/128']
      expect(vips(made)).to.deep.equal(hosts)
      for (const text of hosts) expect(ruleOf(made, text)).to.include(`; not aggregated: ${why}`)
      expect(vips(make([node('n1'), lb('own', 9, more), ...slices, lb('a', 1)], change))).to.deep.equal([
        ...hosts,
        ...aggregates,
      ])
    })
  }

  it('never come from a Local VIP alone that other nodes serve: no traffic without an endpoint here', () => {
    const local = lb('own', 9, { externalTrafficPolicy: 'Local' })
    const elsewhere = (['IPv4', 'IPv6'] as const).map((type) => slice('own', type, endpoint('n2')))
    expect(vips(make([node('n1'), local, ...elsewhere]))).to.deep.equal([])
  })

  it('are never wider than the range of their VIPs: they would attract what is nobody’s', () => {
    const loadBalancerIpRanges = [prefix('203.0.113.0/25'), prefix('2001:db8:113::/80')]
    const made = make([node('n1'), lb('a', 1)], { loadBalancerIpRanges })
    expect(vips(made)).to.deep.equal(['203.0.113.1/32', '2001:db8:113::1/128'])
    expect(ruleOf(made, '203.0.113.1/32')).to.include(
      '; not aggregated: 203.0.113.0/24 is wider than --loadbalancer-ip-range',
    )
  })

  it('are of ClusterIPs and external IPs too, each within its own ranges', () => {
    const made = make([node('n1'), service('a', { externalIps: ['198.51.100.7', '2001:db8:51::7'] })], {
      advertiseClusterIp: true,
      aggregateLengths: { 'ipv4-unicast': 24, 'ipv6-unicast': 112 },
    })
    expect(vips(made)).to.deep.equal(['10.96.0.0/24', '198.51.100.0/24', '2001:db8:51::/112', 'fd00:96::/112'])
  })

  it('have the attributes and the peers of the Node, and leave with it', () => {
    const annotations = { 'tandem.io/bgp.communities': '64512:1', 'tandem.io/bgp.advertise-to': 'border' }
    const staying = make([node('n1', { annotations }), lb('a', 1)]).routes.slice(-2)
    for (const { attributes, to } of staying) {
      expect(attributes).to.deep.equal({ communities: [0xfc000001] })
      expect(to?.peers).to.deep.equal(['border'])
    }
    const drained = [node('n1', { annotations: { ...annotations, 'tandem.io/drain': 'true' } }), lb('a', 1)]
    const leaving = make(drained, {}, undefined, { drain: 'announced', gate: undefined })
    expect(leaving.routes.at(-1)?.attributes).to.deep.equal({ communities: [0xfc000001, 0xffff0000], localPref: 0 })
    expect(vips(make(drained))).to.deep.equal([])
    const gated = make([node('n1'), lb('a', 1)], {}, undefined, { drain: 'withdrawn', gate: 'not yet' })
    expect(vips(gated)).to.deep.equal([])
  })

  it('are refused from peers, as VIPs are, also where this node has none to advertise', () => {
    for (const objects of [
      [node('n1'), lb('a', 1)],
      [node('n1', { annotations: { 'tandem.io/drain': 'true' } }), lb('a', 1)],
    ]) {
      const { importPolicy } = make(objects)
      for (const text of aggregates) {
        const { family, w0, w1, w2, w3, length } = prefix(text)
        const subject = { family, w0, w1, w2, w3, length, source: 'learned' as const, kind: '', neighbour: '' }
        const verdict = compile(importPolicy).evaluate({ ...subject, external: true, attributes: () => ({}) })
        expect(verdict, text).to.deep.include({ accept: false, statement: 'service VIPs' })
      }
    }
  })

  it('keep the last good value of tandem.io/bgp.aggregate', () => {
    const asks = (text: string) => [node('n1'), lb('a', 1, { annotations: { 'tandem.io/bgp.aggregate': text } })]
    const good = make(asks('false'))
    const bad = make(asks('no'), {}, good)
    expect(vips(bad)).to.deep.equal(vips(good))
    expect(bad.findings.map(({ field, value }) => `${field} ${value}`)).to.deep.equal(['tandem.io/bgp.aggregate no'])
    expect(vips(make(asks('no')))).to.deep.equal(aggregates)
  })

  it('are explained: what they stand for, who is inside, and that they cover what is not advertised', async () => {
    const cluster = view(
      node('n1', { ips: ['10.0.0.1', 'fd00::1'] }),
      lb('a', 1),
      lb('local', 9, { externalTrafficPolicy: 'Local' }),
    )
    const made = plan(cluster, { ...options, enableIbgp: false, advertiseClusterIp: false, aggregateLengths })
    const fabric = new Fabric()
    const us = fabric.machine(64512, ['10.0.0.1', 'fd00::1'], [])
    const tor = fabric.machine(65001, ['10.0.0.254'], [peerTo('10.0.0.1', 64512)])
    const desired = toDesired(made, options)!
    const peers = [peerTo('10.0.0.254', 65001, { exportPolicy: made.exportPolicy })]
    us.speaker.apply({ ...desired, routes: made.routes, local: us.desired.local, peers })
    await fabric.pass(15_000)
    const { speaker } = us
    const backend: Backend = { speaker, plan: made, view: cluster, findings: [], source: 'a test', sync: alwaysSynced }
    const lines = (subject: string) => explain(backend, subject).lines.join('\n')
    for (const [aggregate, part, local, hop] of [
      ['203.0.113.0/24', '203.0.113.1', '203.0.113.9', '10.0.0.1'],
      ['2001:db8:113::/64', '2001:db8:113::1', '2001:db8:113::9', 'fd00::1'],
    ] as const) {
      expect(lines(aggregate)).to.include(`sent to 10.0.0.254 with next hop ${hop}: service VIPs to external peers`)
      expect(lines(aggregate)).to.match(new RegExp(`stands for ${part}/\\d+: service/default/a status`))
      expect(lines(part)).to.include(`withheld: service/default/a`).and.include(`part of the aggregate ${aggregate}`)
      expect(lines(local)).to.match(/withheld: .* no ready IPv[46] endpoint is on any node/)
      expect(lines(local)).to.include(`inside the aggregate ${aggregate}, which is advertised from here`)
    }
    expect(tor.table()).to.include.members(['203.0.113.0/24 via 10.0.0.1', '2001:db8:113::/64 via fd00::1'])
    await fabric.stop()
  })
})
