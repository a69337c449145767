import { expect } from 'chai'
import fc from 'fast-check'
import {
  formatFinding,
  LivePlan,
  type NodeView,
  type Plan,
  type PlanOptions,
  plan,
  type View,
} from '../../../controllers/index.ts'
import { compile } from '../../../policy/index.ts'
import { node, options, view } from '../../support/cluster.ts'

type Annotations = Readonly<Record<string, string>>

const server = (id: string): Annotations => ({ 'kube-router.io/rr.server': id })
const client = (id: string): Annotations => ({ 'kube-router.io/rr.client': id })
const asn = (text: string): Annotations => ({ 'kube-router.io/node.asn': text })

/** n1, n2 and so on, with these annotations; addresses of both families, which of them first alternates with `ipv6`. */
function cluster(annotations: readonly Annotations[], ipv6 = false): View {
  const nodes = annotations.map((one, index): NodeView => {
    const ips = [`10.0.0.${index + 1}`, `fd00::${index + 1}`]
    return node(`n${index + 1}`, { annotations: one, ips: ipv6 ? ips.toReversed() : ips })
  })
  return view(...nodes)
}

const make = (of: View, name = 'n1', change: Partial<PlanOptions> = {}, before?: Plan) =>
  plan(of, { ...options, ...change, nodeName: name }, before)
/** `n2`, or `n2 client`, by the Node that each peer comes from. */
const peersOf = (made: Plan) =>
  made.peers.map(({ origin, reflectorClient }) => origin.slice('node/'.length) + (reflectorClient ? ' client' : ''))

describe('who peers with whom', () => {
  const roles: [
    title: string,
    annotations: readonly Annotations[],
    peers: Readonly<Record<string, readonly string[]>>,
  ][] = [
    ['no annotation: a full mesh', [{}, {}, {}], { n1: ['n2', 'n3'], n2: ['n1', 'n3'], n3: ['n1', 'n2'] }],
    [
      'a reflector, two clients, and a node beside them',
      [server('1'), client('1'), client('1'), {}],
      { n1: ['n2 client', 'n3 client', 'n4'], n2: ['n1'], n3: ['n1'], n4: ['n1'] },
    ],
    [
      'two reflectors of one cluster',
      [server('1'), server('1'), client('1')],
      { n1: ['n2', 'n3 client'], n2: ['n1', 'n3 client'], n3: ['n1', 'n2'] },
    ],
    [
      'two clusters, one id as a number and as a dotted quad',
      [server('10.0.0.1'), client('167772161'), server('0x2'), client('0.0.0.2')],
      { n1: ['n2 client', 'n3'], n2: ['n1'], n3: ['n1', 'n4 client'], n4: ['n3'] },
    ],
    [
      'a reflector of one cluster that is a client of another',
      [server('1'), { ...server('2'), ...client('1') }, client('2'), client('1')],
      { n1: ['n2 client', 'n4 client'], n2: ['n1', 'n3 client'], n3: ['n2'], n4: ['n1'] },
    ],
    [
      'a reflector that is also a client of its own cluster: a reflector',
      [{ ...server('1'), ...client('1') }, server('1'), client('1')],
      { n1: ['n2', 'n3 client'], n2: ['n1', 'n3 client'], n3: ['n1', 'n2'] },
    ],
    ['a client of a cluster without reflectors', [client('9'), server('1'), {}], { n1: [], n2: ['n3'], n3: ['n2'] }],
  ]
  for (const [title, annotations, wanted] of roles) {
    for (const ipv6 of [false, true]) {
      it(`${title}, over ${ipv6 ? 'IPv6' : 'IPv4'}`, () => {
        const of = cluster(annotations, ipv6)
        for (const [name, peers] of Object.entries(wanted)) {
          const made = make(of, name)
          expect(peersOf(made), name).to.deep.equal(peers)
          for (const peer of made.peers) {
            expect([peer.families.length, peer.localAddress?.version]).to.deep.equal([2, ipv6 ? 6 : 4])
          }
        }
      })
    }
  }

  const role = fc
    .record(
      {
        server: fc.constantFrom('1', '2', 'x'),
        client: fc.constantFrom('1', '2', ''),
        asn: fc.constantFrom('64600', '64601', 'y'),
      },
      { requiredKeys: [] },
    )
    .map(({ server: of, client: to, asn: number }) => ({
      ...(of !== undefined && server(of)),
      ...(to !== undefined && client(to)),
      ...(number !== undefined && asn(number)),
    }))

  it('is the same seen from either side, for any annotations, with and without the full mesh', () => {
    fc.assert(
      fc.property(fc.array(role, { minLength: 2, maxLength: 6 }), fc.boolean(), (annotations, nodesFullMesh) => {
        const of = cluster(annotations)
        const pairs = new Set(
          annotations.flatMap((_one, index) =>
            peersOf(make(of, `n${index + 1}`, { nodesFullMesh })).map((peer) => `n${index + 1} ${peer.split(' ')[0]}`),
          ),
        )
        for (const pair of pairs) expect([...pairs]).to.include(pair.split(' ').toReversed().join(' '))
      }),
    )
  })

  it('without the full mesh is among the nodes of one ASN, reflectors or not', () => {
    const of = cluster([
      { ...server('1'), ...asn('64600') },
      { ...client('1'), ...asn('64600') },
      { ...client('1'), ...asn('64601') },
      asn('64600'),
      {},
    ])
    expect(peersOf(make(of, 'n1', { nodesFullMesh: false }))).to.deep.equal(['n2 client', 'n4'])
    expect(make(of, 'n3', { nodesFullMesh: false }).findings.map(formatFinding)).to.deep.equal([
      'node/n3 kube-router.io/rr.client: "1" has no reflector to peer with: no node has kube-router.io/rr.server with this cluster id',
    ])
    expect(peersOf(make(of))).to.deep.equal(['n2 client', 'n3 client', 'n4', 'n5'])
  })

  it('is nobody with --enable-ibgp=false', () => {
    expect(make(cluster([server('1'), client('1')]), 'n1', { enableIbgp: false }).peers).to.deep.equal([])
  })

  it('leaves the routers of a client alone', () => {
    const peers = '[{remoteip: 10.0.0.254, remoteasn: 65001}, {remoteip: "fd00::fe", remoteasn: 64512}]'
    const made = make(cluster([{ ...client('1'), 'kube-router.io/peers': peers }, {}]))
    expect(made.peers.map(({ name, type, reflectorClient }) => [name, type, reflectorClient])).to.deep.equal([
      ['10.0.0.254', 'external', false],
      ['fd00::fe', 'internal', false],
    ])
  })
})

describe('a route reflector', () => {
  it('has its cluster id, and policies that reflect; any other node does not', () => {
    const of = cluster([server('42'), client('42'), {}])
    const reflects = (made: Plan) => compile(made.exportPolicy).acceptsLearnedTowards
    expect([make(of).local?.clusterId, reflects(make(of))]).to.deep.equal([42, { external: false, internal: true }])
    for (const name of ['n2', 'n3']) {
      const made = make(of, name)
      expect([made.local?.clusterId, reflects(made)]).to.deep.equal([undefined, { external: false, internal: false }])
    }
  })

  for (const key of ['kube-router.io/rr.server', 'kube-router.io/rr.client']) {
    for (const text of ['', '0', '0.0.0.0', '4294967296', '-1', 'true', '10.0.0.1/32', 'fd00::1', '1.2.3']) {
      it(`finds "${text}" of ${key} wrong and keeps the last good value, without one none`, () => {
        const good = cluster([{ [key]: '7' }, client('7'), server('7')])
        const bad = cluster([{ [key]: text }, client('7'), server('7')])
        const before = make(good)
        const after = make(bad, 'n1', {}, before)
        expect([after.local, after.peers]).to.deep.equal([before.local, before.peers])
        const expected = 'is no cluster id: a number from 1 to 4294967295, or an IPv4 address'
        expect(after.findings.map(formatFinding)).to.deep.equal([
          `node/n1 ${key}: "${text}" ${expected}; its last good value stays in use`,
        ])
        const fresh = make(bad)
        expect([fresh.local?.clusterId, peersOf(fresh)]).to.deep.equal([undefined, ['n3']])
        expect(fresh.findings.map(({ message }) => message)).to.deep.equal([`${expected}; it is not used`])
      })
    }
  }

  it('keeps the last good values of other nodes too, so that both sides still agree', () => {
    const good = cluster([server('7'), { ...client('7'), ...asn('64600') }])
    const bad = cluster([server('7'), { ...client('seven'), ...asn('none') }])
    const before = make(good)
    expect(peersOf(before)).to.deep.equal(['n2 client'])
    const after = make(bad, 'n1', {}, before)
    expect(after.peers).to.deep.equal(before.peers)
    expect(after.findings.map(({ object, field }) => `${object} ${field}`)).to.have.members([
      'node/n2 kube-router.io/rr.client',
      'node/n2 kube-router.io/node.asn',
    ])
    expect(make(bad, 'n2', {}, make(good, 'n2')).peers).to.deep.equal(make(good, 'n2').peers)
    expect(make(bad, 'n1', {}, after).peers, 'and on').to.deep.equal(before.peers)
  })

  it('says so when rr.client names its own cluster', () => {
    expect(make(cluster([{ ...server('1'), ...client('0.0.0.1') }])).findings.map(formatFinding)).to.deep.equal([
      'node/n1 kube-router.io/rr.client: "0.0.0.1" is not used: kube-router.io/rr.server makes the node a reflector of this cluster',
    ])
  })

  it('keeps the last good value over changes of the live plan, as the plan from scratch does', () => {
    const settled = { drain: 'withdrawn', gate: undefined } as const
    const live = new LivePlan(options)
    const services = new Set<string>()
    for (const [text, wanted] of [
      ['7', ['n2 client']],
      ['seven', ['n2 client']],
      ['8', []],
    ] as const) {
      const change = { nodes: new Set(['n1', 'n2']), services, endpointSlices: services }
      live.take(cluster([server('7'), client(text)]), change, () => settled)
      expect(peersOf(live.plan!), text).to.deep.equal(wanted)
    }
  })

  for (const text of ['0', '23456', '4294967296', 'AS1', '1.1', '']) {
    it(`refuses "${text}" of kube-router.io/node.asn`, () => {
      const made = make(cluster([asn(text)]), 'n1', { nodesFullMesh: false })
      expect(made.local).to.equal(undefined)
      expect(made.findings[0]?.message).to.equal('is no ASN that a node may have; it is not used')
    })
  }
})
