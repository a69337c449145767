import { formatCommunity, formatPrefix } from 'bgp-ts'
import { expect } from 'chai'
import {
  formatFinding,
  type KubeEvent,
  LivePlan,
  type Plan,
  type PlanOptions,
  plan,
  Reporter,
  type ServiceView,
  toDesired,
  type View,
} from '../../../controllers/index.ts'
import { node, options, service, view } from '../../support/cluster.ts'
import { Fabric, peerTo } from '../../support/fabric.ts'

const make = (cluster: View, change: Partial<PlanOptions> = {}, before?: Plan) =>
  plan(cluster, { ...options, ...change }, before)

const v4 = '10.96.0.10/32'
const v6 = 'fd00:96::10/128'

/** Annotations by the end of their names. */
const bgp = (values: Record<string, string>) =>
  Object.fromEntries(Object.entries(values).map(([name, text]) => [`tandem.io/bgp.${name}`, text]))
const cluster = (
  onService: Record<string, string>,
  onNode: Record<string, string> = {},
  more: Partial<ServiceView> = {},
) => view(node('n1', { annotations: bgp(onNode) }), service('web', { annotations: bgp(onService), ...more }))
const routeOf = (made: Plan, text: string) => {
  const route = made.routes.find((one) => formatPrefix(one.prefix) === text)
  if (!route) throw new Error(`no route ${text}`)
  const { attributes, towards, to } = route
  return { attributes, ...(towards && { towards }), ...(to && { to }) }
}
const both = (made: Plan) => [v4, v6].map((text) => routeOf(made, text))
const findings = (made: Plan) => made.findings.map(formatFinding)

describe('attributes by annotation', () => {
  const rows: [name: string, text: string, wanted: object][] = [
    [
      'communities',
      '64512:100, no-export,graceful-shutdown , blackhole, 4259840100',
      {
        communities: [0xfc000064, 0xffffff01, 0xffff0000, 0xffff029a, 0xfde80064],
      },
    ],
    [
      'large-communities',
      '64512:1:2, 4294967295:0:4294967295',
      {
        largeCommunities: [
          [64512, 1, 2],
          [4294967295, 0, 4294967295],
        ],
      },
    ],
    [
      'extended-communities',
      'rt:64512:100, soo:192.0.2.1:7, rt:4200000000:9, 0x4004fc0049742400',
      {
        extendedCommunities: [
          { high: 0x0002fc00, low: 100 },
          { high: 0x0103c000, low: 0x02010007 },
          { high: 0x0202fa56, low: 0xea000009 },
          { high: 0x4004fc00, low: 0x49742400 },
        ],
      },
    ],
    ['med', '50', { med: 50 }],
    ['local-pref', '0', { localPref: 0 }],
  ]
  for (const [name, text, wanted] of rows) {
    it(`tandem.io/bgp.${name} "${text}" is on the VIPs of both families`, () => {
      const made = make(cluster({ [name]: text }))
      expect(both(made)).to.deep.equal([{ attributes: wanted }, { attributes: wanted }])
      expect(findings(made)).to.deep.equal([])
    })
  }

  it('tandem.io/bgp.prepend is for external peers', () => {
    const towards = [{ peers: ['external'], attributes: { prepend: 3 } }]
    expect(both(make(cluster({ prepend: '3' })))).to.deep.equal([
      { attributes: {}, towards },
      { attributes: {}, towards },
    ])
  })

  it('have a value of their own for a family', () => {
    const made = make(cluster({ med: '100; ipv6 = 50', communities: 'ipv4=64512:4; ipv6=64512:6' }))
    expect(both(made)).to.deep.equal([
      { attributes: { communities: [0xfc000004], med: 100 } },
      { attributes: { communities: [0xfc000006], med: 50 } },
    ])
  })

  it('have a value of their own for peers, of which the speaker finds out who they are', () => {
    const text = '100; FD00::FE AS65001 border-1 = 50; ipv6 internal=none; ipv4 10.0.0.254 = 7'
    const border = { peers: ['fd00::fe', '65001', 'border-1'], attributes: { med: 50 } }
    const made = make(cluster({ med: text }))
    expect(both(made)).to.deep.equal([
      { attributes: { med: 100 }, towards: [border, { peers: ['10.0.0.254'], attributes: { med: 7 } }] },
      { attributes: { med: 100 }, towards: [border, { peers: ['internal'], attributes: { med: undefined } }] },
    ])
  })

  it('of a Node are the default of its VIPs and its pod CIDRs', () => {
    const made = make(cluster({}, { med: '9', communities: '64512:1; ipv6=64512:6' }))
    for (const text of [v4, '10.244.1.0/24']) {
      expect(routeOf(made, text).attributes, text).to.deep.equal({ communities: [0xfc000001], med: 9 })
    }
    for (const text of [v6, 'fd00:244:1::/64']) {
      expect(routeOf(made, text).attributes, text).to.deep.equal({ communities: [0xfc000006], med: 9 })
    }
  })

  it('of a Service come after those of its Node: they win where they fit, and nowhere else', () => {
    const made = make(
      cluster({ med: 'ipv6=5; 65001=6', communities: 'none' }, { med: '9; border=8', communities: 'no-export' }),
    )
    const border = { peers: ['border'], attributes: { med: 8 } }
    const asn = { peers: ['65001'], attributes: { med: 6 } }
    expect(both(made)).to.deep.equal([
      { attributes: { med: 9 }, towards: [border, asn] },
      { attributes: { med: 5 }, towards: [asn] },
    ])
    expect(routeOf(made, '10.244.1.0/24').attributes).to.deep.equal({ communities: [0xffffff01], med: 9 })
  })

  it('stand beside those of kube-router, which the export policy adds towards external peers', () => {
    const annotations = { 'kube-router.io/node.bgp.communities': '64512:7', ...bgp({ communities: '64512:1' }) }
    const made = make(view(node('n1', { annotations }), service('web')))
    expect(both(made)[0]?.attributes).to.deep.equal({ communities: [0xfc000001] })
    const sets = made.exportPolicy.statements.flatMap(({ set }) => set?.addCommunities ?? [])
    expect([...new Set(sets)].map(formatCommunity)).to.deep.equal(['64512:7'])
  })

  it('are named in the rule of the route', () => {
    const made = make(cluster({ med: '1' }, { communities: 'no-export' }))
    expect(made.routes.at(-1)?.origin.rule).to.equal(
      '--advertise-cluster-ip; with tandem.io/bgp.communities, tandem.io/bgp.med',
    )
  })

  it('are one value for all services that say the same, so that thousands are interned with one look-up', () => {
    const said = { annotations: bgp({ med: '5', communities: '64512:1; border=none' }) }
    const made = make(view(node('n1'), service('a', { ...said, clusterIps: ['10.96.0.1'] }), service('b', said)))
    const [, , a, b] = made.routes
    expect(a?.attributes).to.equal(b?.attributes)
    expect(a?.towards).to.equal(b?.towards)
  })

  it('keep GRACEFUL_SHUTDOWN on every route of a node that leaves, whatever peers are sent instead, and the lowest preference inside the AS', () => {
    const drained = view(
      node('n1', { annotations: { 'tandem.io/drain': 'true' } }),
      service('web', {
        annotations: bgp({ communities: '64512:1; border=64512:2; far=none', 'local-pref': '200; internal=300' }),
      }),
    )
    const made = plan(drained, options, undefined, { drain: 'announced', gate: undefined })
    for (const one of both(made)) {
      expect(one).to.deep.equal({
        attributes: { communities: [0xfc000001, 0xffff0000], localPref: 0 },
        towards: [
          { peers: ['border'], attributes: { communities: [0xfc000002, 0xffff0000] } },
          { peers: ['far'], attributes: { communities: [0xffff0000] } },
          { peers: ['internal'], attributes: { localPref: 0 } },
        ],
      })
    }
    expect(routeOf(made, '10.244.1.0/24').attributes).to.deep.equal({})
  })

  const goodValues: Record<string, string> = {
    communities: '64512:1',
    'large-communities': '1:2:3',
    'extended-communities': 'rt:64512:1',
    'advertise-to': 'border',
  }
  const wrong: [name: string, text: string, item: string, expected: string][] = [
    ['communities', '64512:100, 64512:70000', '64512:70000', 'is not a community such as'],
    ['communities', '64512:100; border=', 'border=', 'is a clause without a value'],
    ['large-communities', '1:2', '1:2', 'is not a large community'],
    ['large-communities', '1:2:4294967296', '1:2:4294967296', 'is not a large community'],
    ['extended-communities', 'rt:4200000000:70000', 'rt:4200000000:70000', 'is not an extended community such as'],
    ['extended-communities', 'color:1:2', 'color:1:2', 'is not an extended community such as'],
    ['med', '-1', '-1', 'is not a number from 0 to 4294967295'],
    ['local-pref', '1; ipv6=x', 'x', 'is not a number from 0 to 4294967295'],
    ['local-pref', '1; =5', '=', 'has nobody before it'],
    ['prepend', '0', '0', 'is not a count from 1 to 255'],
    ['prepend', '1; bad/word=2', 'bad/word', 'names no peers'],
    ['advertise-to', '10.0.0.300', '10.0.0.300', 'names no peers'],
    ['advertise-to', 'border; internal=border', 'internal', 'is neither ipv4 nor ipv6'],
  ]
  for (const [name, text, item, expected] of wrong) {
    it(`refuse tandem.io/bgp.${name} "${text}": the last good value stays, on a Service and on a Node`, () => {
      const key = `tandem.io/bgp.${name}`
      const good = { [name]: goodValues[name] ?? '7' }
      for (const on of ['service', 'node'] as const) {
        const place = (values: Record<string, string>) => (on === 'service' ? cluster(values) : cluster({}, values))
        const object = on === 'service' ? 'service/default/web' : 'node/n1'
        const before = make(place(good))
        expect(findings(before)).to.deep.equal([])
        const after = make(place({ [name]: text }), {}, before)
        expect(both(after), on).to.deep.equal(both(before))
        expect(findings(after)).to.have.lengthOf(1)
        expect(findings(after)[0]).to.include(`${object} ${key}: "${item}" ${expected}`)
        expect(findings(after)[0]).to.match(/; its last good value stays in use$/)
        const never = make(place({ [name]: text }))
        expect(both(never), on).to.deep.equal(both(make(place({}))))
        expect(findings(never)[0]).to.match(/; it is not used$/)
      }
    })
  }

  it('keep the last good value over a plan that has to be begun anew', () => {
    const settled = { drain: 'withdrawn', gate: undefined } as const
    const every = (one: View) => ({
      nodes: new Set(one.nodes.keys()),
      services: new Set(one.services.keys()),
      endpointSlices: new Set<string>(),
    })
    const first = new LivePlan(options)
    const good = cluster({ med: '7' })
    first.take(good, every(good), () => settled)
    const second = new LivePlan(options, first.memory)
    const bad = cluster({ med: 'much' })
    second.take(bad, every(bad), () => settled)
    expect(routeOf(second.plan!, v4).attributes).to.deep.equal({ med: 7 })
  })

  it('that are wrong become an event on the Service, and on the own Node', () => {
    const objects = cluster({ med: 'much' }, { prepend: '300' })
    const news = make(objects).findings
    const told: KubeEvent[] = []
    const reporter = new Reporter({ tell: (event) => void told.push(event) }, 'n1', () => objects)
    const change = { nodes: new Set<string>(), services: new Set<string>(), endpointSlices: new Set<string>() }
    reporter.planned({ view: objects, change, node: undefined, circumstances: undefined, news, mended: [] })
    expect(told.map(({ kind, name, reason, message }) => `${kind} ${name} ${reason} ${message}`)).to.deep.equal([
      'Node n1 InvalidValue tandem.io/bgp.prepend: "300" is not a count from 1 to 255; it is not used',
      'Service web InvalidValue tandem.io/bgp.med: "much" is not a number from 0 to 4294967295; it is not used',
    ])
  })

  it('touch no other service, and no other setting of their own', () => {
    const made = make(
      view(
        node('n1'),
        service('bad', { annotations: bgp({ med: 'x', communities: 'no-export' }), clusterIps: ['10.96.0.1'] }),
        service('web', { annotations: bgp({ med: '5' }) }),
      ),
    )
    expect(routeOf(made, '10.96.0.1/32').attributes).to.deep.equal({ communities: [0xffffff01] })
    expect(routeOf(made, v4).attributes).to.deep.equal({ med: 5 })
  })
})

describe('the peers that routes are for', () => {
  it('are those that the Service names, by family', () => {
    const made = make(cluster({ 'advertise-to': 'border, 65001, 65001, FE80::1%eth0; ipv6=external' }))
    expect(both(made).map(({ to }) => to)).to.deep.equal([
      {
        peers: ['border', '65001', 'fe80::1%eth0'],
        rule: 'tandem.io/bgp.advertise-to names border, 65001, fe80::1%eth0 alone',
      },
      { peers: ['external'], rule: 'tandem.io/bgp.advertise-to names external alone' },
    ])
    expect(routeOf(made, '10.244.1.0/24').to).to.equal(undefined)
  })

  it('are all where the clauses are about the other family, and nobody for "none"', () => {
    const made = make(cluster({ 'advertise-to': 'ipv6=none' }))
    expect(both(made).map(({ to }) => to)).to.deep.equal([
      undefined,
      { peers: [], rule: 'tandem.io/bgp.advertise-to names no peer' },
    ])
  })

  it('are those that the Node names where the Service names none; its pod CIDRs have an annotation of their own', () => {
    const onNode = { 'advertise-to': 'border', 'advertise-pod-cidrs-to': 'internal; ipv6=65001' }
    const made = make(cluster({ 'advertise-to': 'ipv6=far' }, onNode))
    expect(both(made).map(({ to }) => to?.peers)).to.deep.equal([['border'], ['far']])
    expect(['10.244.1.0/24', 'fd00:244:1::/64'].map((text) => routeOf(made, text).to)).to.deep.equal([
      { peers: ['internal'], rule: 'tandem.io/bgp.advertise-pod-cidrs-to names internal alone' },
      { peers: ['65001'], rule: 'tandem.io/bgp.advertise-pod-cidrs-to names 65001 alone' },
    ])
  })

  it('can bear labels, from kube-router.io/peers', () => {
    const yaml = '[{ remoteip: 10.0.0.254, remoteasn: 65001, labels: [border, rack-1] }]'
    const made = make(view(node('n1', { annotations: { 'kube-router.io/peers': yaml } })))
    expect(made.peers.map(({ labels }) => labels)).to.deep.equal([['border', 'rack-1']])
    expect(toDesired(made, options)?.peers[0]?.labels).to.deep.equal(['border', 'rack-1'])
  })

  for (const label of ['ipv4', 'external', 'none', 'AS1', '65001', 'a b', '"-a"', '"10.0.0.1"']) {
    it(`cannot bear the label ${label}: it means something else`, () => {
      const yaml = `[{ remoteip: 10.0.0.254, remoteasn: 65001, labels: [${label}] }]`
      const made = make(view(node('n1', { annotations: { 'kube-router.io/peers': yaml } })))
      expect(made.peers).to.deep.equal([])
      expect(made.findings).to.have.lengthOf(1)
    })
  }
})

describe('routers of our own AS', () => {
  const yaml =
    '[{ remoteip: 10.0.0.254, remoteasn: 64512 }, { remoteip: "fd00::fe", remoteasn: 65001, labels: [border] }]'
  const annotations = {
    'kube-router.io/peers': yaml,
    'kube-router.io/node.bgp.communities': '64512:7',
    'kube-router.io/path-prepend.as': '64512',
    'kube-router.io/path-prepend.repeat-n': '2',
  }
  const objects = (onService: Record<string, string>, change: Partial<PlanOptions> = {}) =>
    make(
      view(
        node('n1', { annotations }),
        node('n2', { ips: ['10.0.0.2', 'fd00::2'] }),
        service('web', { annotations: bgp(onService) }),
      ),
      change,
    )

  /** What each peer holds, as `prefix attributes`, and what is said to those that hold nothing. */
  async function told(made: Plan) {
    const fabric = new Fabric()
    const desired = toDesired(made, options)!
    const us = fabric.machine(64512, ['10.0.0.1', 'fd00::1'], [])
    const inner = fabric.machine(64512, ['10.0.0.254'], [peerTo('10.0.0.1', 64512)])
    const outer = fabric.machine(65001, ['fd00::fe'], [peerTo('fd00::1', 64512)])
    const mate = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo('10.0.0.1', 64512)])
    us.speaker.apply({ ...desired, routes: made.routes })
    await fabric.pass(15_000)
    const table = (of: typeof inner) =>
      Object.fromEntries(of.speaker.routes('best').map((row) => [row.prefix, row.attributes]))
    const reasons = made.routes.map(({ prefix }) => [
      formatPrefix(prefix),
      Object.fromEntries(us.speaker.explain(prefix).peers.map(({ peer, reason }) => [peer, reason])),
    ])
    const result = { inner: table(inner), outer: table(outer), mate: table(mate), reasons: Object.fromEntries(reasons) }
    await fabric.stop()
    expect(fabric.errors).to.deep.equal([])
    return result
  }

  it('are sent VIPs of both families, as other nodes are not, with the local preference that is asked for', async () => {
    const made = await told(
      objects({ 'local-pref': '200', med: '5; internal=6', prepend: '1', communities: '64512:1' }),
    )
    for (const text of [v4, v6]) {
      expect(made.inner[text]).to.include('LOCAL_PREF 200').and.include('MULTI_EXIT_DISC 6')
      expect(made.inner[text]).to.include('COMMUNITIES 64512:1 64512:7')
      // An own ASN in it would be a loop.
      expect(made.inner[text]).to.match(/AS_PATH(,|$)/)
      expect(made.outer[text]).not.to.include('LOCAL_PREF')
      expect(made.outer[text])
        .to.include('MULTI_EXIT_DISC 5')
        .and.match(/AS_PATH 64512 64512 64512 64512(,|$)/)
      expect(made.mate[text]).to.equal(undefined)
      expect(made.reasons[text]['10.0.0.2']).to.equal('service VIPs go to external peers only')
    }
    for (const text of ['10.244.1.0/24', 'fd00:244:1::/64']) {
      expect(
        [made.inner, made.outer, made.mate].every((table) => text in table),
        text,
      ).to.equal(true)
    }
  })

  it('are not sent pod CIDRs with --advertise-pod-cidr=false, as other nodes are', async () => {
    const made = await told(objects({}, { advertisePodCidr: false }))
    for (const text of ['10.244.1.0/24', 'fd00:244:1::/64']) {
      expect([made.inner, made.outer, made.mate].map((table) => text in table)).to.deep.equal([false, false, true])
      expect(made.reasons[text]['10.0.0.254']).to.equal('--advertise-pod-cidr is false')
    }
  })

  it('and external ones are told apart by advertise-to, and explain says so of each', async () => {
    const made = await told(objects({ 'advertise-to': 'border' }))
    for (const text of [v4, v6]) {
      expect([made.inner, made.outer].map((table) => text in table)).to.deep.equal([false, true])
      expect(made.reasons[text]).to.deep.equal({
        '10.0.0.254': 'tandem.io/bgp.advertise-to names border alone',
        'fd00::fe': 'service VIPs to external peers',
        '10.0.0.2': 'service VIPs go to external peers only',
      })
    }
  })
})
