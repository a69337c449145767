import { inspect } from 'node:util'
import { expect } from 'chai'
import fc from 'fast-check'
import {
  formatFinding,
  generatedRouterId,
  type Plan,
  type PlanOptions,
  plan,
  toDesired,
  type View,
} from '../../../controllers/index.ts'
import { compile } from '../../../policy/index.ts'
import { Secret } from '../../../speaker/index.ts'
import { dualStack, endpoint, node, options, service, slice, view } from '../../support/cluster.ts'
import { address, prefix } from '../../support/fabric.ts'

const make = (cluster: View, change: Partial<PlanOptions> = {}, lastGood?: Plan) =>
  plan(cluster, { ...options, ...change }, lastGood)
const routes = (of: Plan) => of.routes.map((route) => `${route.prefix} via ${route.nextHop}`)
const held = (of: Plan, text: string) => of.withheld.filter((one) => one.prefix === text).map(({ reason }) => reason)
const vips = (of: Plan) => routes(of).filter((text) => !text.includes('244'))

const v4 = '10.0.0.1'
const v6 = 'fd00::1'

describe('pod CIDRs', () => {
  const rows: [title: string, made: ReturnType<typeof node>, wanted: string[]][] = [
    ['spec.podCIDRs of both families', node('n1'), [`10.244.1.0/24 via ${v4}`, `fd00:244:1::/64 via ${v6}`]],
    [
      'spec.podCIDR where there is no list',
      node('n1', { podCidr: '10.244.7.0/24', podCidrs: [] }),
      [`10.244.7.0/24 via ${v4}`],
    ],
    [
      'kube-router.io/pod-cidrs before spec, spaces trimmed',
      node('n1', { annotations: { 'kube-router.io/pod-cidrs': 'fd00:9::/64, 10.9.0.0/24' } }),
      [`fd00:9::/64 via ${v6}`, `10.9.0.0/24 via ${v4}`],
    ],
    [
      'kube-router.io/pod-cidr before pod-cidrs',
      node('n1', {
        annotations: { 'kube-router.io/pod-cidr': '10.8.0.0/24', 'kube-router.io/pod-cidrs': '10.9.0.0/24' },
      }),
      [`10.8.0.0/24 via ${v4}`],
    ],
    [
      'several of one family',
      node('n1', { podCidrs: ['10.1.0.0/24', '10.2.0.0/24', 'fd00:1::/64'] }),
      [`10.1.0.0/24 via ${v4}`, `10.2.0.0/24 via ${v4}`, `fd00:1::/64 via ${v6}`],
    ],
  ]
  for (const [title, made, wanted] of rows) {
    it(`are ${title}`, () => expect(routes(make(view(made)))).to.deep.equal(wanted))
  }

  for (const [ips, kept, gone] of [
    [[v4], `10.244.1.0/24 via ${v4}`, 'fd00:244:1::/64'],
    [[v6], `fd00:244:1::/64 via ${v6}`, '10.244.1.0/24'],
  ] as const) {
    it(`of a family without a node address are withheld, and the other family is unharmed (${ips})`, () => {
      const made = make(view(node('n1', { ips })))
      expect(routes(made)).to.deep.equal([kept])
      expect(held(made, gone)[0]).to.match(/^the node has no address of ipv[46]-unicast/)
    })
  }
})

describe('router id', () => {
  for (const [text, id] of [
    ['10.0.0.1', '0.15.248.254'],
    ['192.168.1.10', '47.29.204.12'],
    ['2001:db8::1', '110.91.4.244'],
    ['fd00::10', '163.2.116.104'],
  ] as const) {
    it(`"generate" makes ${id} of ${text}, as kube-router does`, () => {
      const word = generatedRouterId(address(text))
      expect([24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.')).to.equal(id)
    })
  }

  it('is the IPv4 address, also where IPv6 is primary', () => {
    for (const ips of [dualStack, [...dualStack].reverse()]) {
      expect(make(view(node('n1', { ips }))).local?.routerId).to.equal(0x0a000001)
    }
  })

  it('is derived and acceptable everywhere on an IPv6-only node', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0xffff }), (last) => {
        const id = make(view(node('n1', { ips: [`fd00::${last.toString(16)}`] }))).local?.routerId ?? 0
        expect(id >>> 24).to.be.within(1, 223)
        expect(id >>> 24).not.to.equal(127)
      }),
    )
  })
})

describe('service VIPs', () => {
  const all = service('web', {
    type: 'LoadBalancer',
    externalIps: ['198.51.100.1', '2001:db8:51::1'],
    ingress: [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }, { hostname: 'lb.example' }],
  })
  const six = [
    `10.96.0.10/32 via ${v4}`,
    `fd00:96::10/128 via ${v6}`,
    `198.51.100.1/32 via ${v4}`,
    `2001:db8:51::1/128 via ${v6}`,
    `203.0.113.1/32 via ${v4}`,
    `2001:db8:113::1/128 via ${v6}`,
  ]
  const planOf = (
    change: Parameters<typeof service>[1],
    with_: Partial<PlanOptions> = {},
    ...slices: ReturnType<typeof slice>[]
  ) => make(view(node('n1'), { ...all, ...change }, ...slices), with_)

  it('of all kinds and both families are host routes with the next hop of their family', () => {
    expect(vips(planOf({}))).to.deep.equal(six)
  })

  it('are advertised under the Cluster policy with no endpoint at all', () => {
    expect(vips(planOf({}))).to.have.lengthOf(6)
  })

  const switches: [
    title: string,
    change: Parameters<typeof service>[1],
    with_: Partial<PlanOptions>,
    indexes: number[],
  ][] = [
    ['--advertise-cluster-ip=false', {}, { advertiseClusterIp: false }, [2, 3, 4, 5]],
    ['--advertise-external-ip=false', {}, { advertiseExternalIp: false }, [0, 1, 4, 5]],
    ['--advertise-loadbalancer-ip=false', {}, { advertiseLoadBalancerIp: false }, [0, 1, 2, 3]],
    [
      'the annotation over the flag',
      { annotations: { 'kube-router.io/service.advertise.clusterip': 'T' } },
      { advertiseClusterIp: false },
      [0, 1, 2, 3, 4, 5],
    ],
    [
      'an annotation that does not parse as false',
      { annotations: { 'kube-router.io/service.advertise.externalip': 'yes' } },
      {},
      [0, 1, 4, 5],
    ],
    ['skiplbips with any value', { annotations: { 'kube-router.io/service.skiplbips': 'false' } }, {}, [0, 1, 2, 3]],
    ['ExternalName', { type: 'ExternalName' }, {}, []],
    ['headless', { clusterIp: 'None', clusterIps: ['None'] }, {}, []],
    ['NodePort without its ingress', { type: 'NodePort' }, {}, [0, 1, 2, 3]],
    [
      'ipMode Proxy',
      { ingress: [{ ip: '203.0.113.1', ipMode: 'Proxy' }, { ip: '2001:db8:113::1' }] },
      {},
      [0, 1, 2, 3, 5],
    ],
    ['strict: outside the ranges', { externalIps: ['192.0.2.1', '2001:db8:51::1'] }, {}, [0, 1, 3, 4, 5]],
    ['strict: no range at all', {}, { loadBalancerIpRanges: [] }, [0, 1, 2, 3]],
  ]
  for (const [title, change, with_, indexes] of switches) {
    it(`obey ${title}`, () => expect(vips(planOf(change, with_))).to.deep.equal(indexes.map((index) => six[index])))
  }

  it('outside the ranges are advertised when validation is off', () => {
    const made = planOf({ externalIps: ['192.0.2.1', '2001:db8:9::1'] }, { strictExternalIpValidation: false })
    expect(vips(made)).to.include.members([`192.0.2.1/32 via ${v4}`, `2001:db8:9::1/128 via ${v6}`])
  })

  it('say the rule and the field to change when withheld', () => {
    const made = planOf({}, { advertiseClusterIp: false })
    expect(made.withheld[0]).to.deep.equal({
      prefix: '10.96.0.10/32',
      kind: 'cluster-ip',
      object: 'service/default/web',
      field: 'spec.clusterIPs[0]',
      reason:
        '--advertise-cluster-ip is off, and the service has no annotation kube-router.io/service.advertise.clusterip',
      mend: '--advertise-cluster-ip, or kube-router.io/service.advertise.clusterip: "true"',
    })
  })

  describe('under a Local policy', () => {
    const local = { externalTrafficPolicy: 'Local' }
    const kept = (made: Plan) => [made, '203.0.113.1', '2001:db8:113::1'] as const
    const has = ([made, ...texts]: readonly [Plan, string, string]) =>
      texts.map((text) => vips(made).some((row) => row.startsWith(`${text}/`)))
    const rows: [title: string, slices: ReturnType<typeof slice>[], v4: boolean, v6: boolean][] = [
      ['no slice', [], false, false],
      [
        'a ready endpoint of both families',
        [slice('web', 'IPv4', endpoint('n1')), slice('web', 'IPv6', endpoint('n1'))],
        true,
        true,
      ],
      ['IPv4 endpoints alone', [slice('web', 'IPv4', endpoint('n1'))], true, false],
      ['IPv6 endpoints alone', [slice('web', 'IPv6', endpoint('n1'))], false, true],
      [
        'endpoints elsewhere',
        [slice('web', 'IPv4', endpoint('n2')), slice('web', 'IPv6', endpoint('n2'))],
        false,
        false,
      ],
      [
        'IPv6 not ready here and ready elsewhere',
        [slice('web', 'IPv4', endpoint('n1')), slice('web', 'IPv6', endpoint('n1', { ready: false }), endpoint('n2'))],
        true,
        false,
      ],
      [
        'only terminating ones that serve, anywhere',
        [
          slice('web', 'IPv4', endpoint('n1', { ready: false, serving: true, terminating: true })),
          slice('web', 'IPv6', endpoint('n1', { ready: false, serving: true, terminating: true })),
        ],
        true,
        true,
      ],
      [
        'terminating here, ready elsewhere',
        [slice('web', 'IPv4', endpoint('n1', { ready: false, serving: true, terminating: true }), endpoint('n2'))],
        false,
        false,
      ],
      [
        'no node name, but an address of the node',
        [
          slice('web', 'IPv4', endpoint(undefined, { addresses: [v4] })),
          slice('web', 'IPv6', endpoint(undefined, { addresses: [v6] })),
        ],
        true,
        true,
      ],
    ]
    for (const [title, slices, wanted4, wanted6] of rows) {
      it(`with ${title}: IPv4 ${wanted4}, IPv6 ${wanted6}`, () => {
        expect(has(kept(planOf(local, {}, ...slices)))).to.deep.equal([wanted4, wanted6])
      })
    }

    it('leave the ClusterIPs alone', () => {
      expect(vips(planOf(local)).slice(0, 2)).to.deep.equal(six.slice(0, 2))
    })

    it('follow kube-router.io/service.local for external and load-balancer addresses', () => {
      const made = planOf({ annotations: { 'kube-router.io/service.local': 'true' } })
      expect(vips(made)).to.deep.equal(six.slice(0, 2))
    })

    it('follow internalTrafficPolicy for ClusterIPs', () => {
      expect(vips(planOf({ internalTrafficPolicy: 'Local' }))).to.deep.equal(six.slice(2))
    })
  })

  it('shared by two services are advertised while one of them justifies it, and the other one is told why not', () => {
    const a = service('a', {
      clusterIps: [],
      clusterIp: '10.96.0.1',
      externalIps: ['198.51.100.1', '2001:db8:51::1'],
      externalTrafficPolicy: 'Local',
    })
    const b = service('b', { clusterIps: [], clusterIp: '10.96.0.2', externalIps: ['198.51.100.1', '2001:db8:51::1'] })
    const made = make(view(node('n1'), a, b))
    expect(vips(made)).to.include.members([`198.51.100.1/32 via ${v4}`, `2001:db8:51::1/128 via ${v6}`])
    expect(made.withheld.map(({ object }) => object)).to.deep.equal(['service/default/a', 'service/default/a'])
  })

  it('of a broken service do not touch another', () => {
    const made = make(view(node('n1'), service('bad', { clusterIps: ['10.96.0.999'] }), service('good')))
    expect(vips(made)).to.deep.equal(six.slice(0, 2))
    expect(made.findings.map(formatFinding)).to.deep.equal([
      'service/default/bad spec.clusterIPs[0]: "10.96.0.999" is not an IP address; it is not advertised',
    ])
  })
})

describe('peers', () => {
  const peersYaml = (yaml: string) => node('n1', { annotations: { 'kube-router.io/peers': yaml } })
  const two = '- {remoteip: 10.0.0.254, remoteasn: 65001}\n- {remoteip: "fd00::fe", remoteasn: 65001, port: 1790}'

  it('come from kube-router.io/peers, each with the local address of its own family', () => {
    const { peers } = make(view(peersYaml(two)))
    expect(peers.map(({ name, asn, port, localAddress }) => [name, asn, port, String(localAddress)])).to.deep.equal([
      ['10.0.0.254', 65001, 179, v4],
      ['fd00::fe', 65001, 1790, v6],
    ])
  })

  it('come from the older lists, spaces trimmed', () => {
    const made = make(
      view(
        node('n1', {
          annotations: {
            'kube-router.io/peer.ips': '10.0.0.254, fd00::fe',
            'kube-router.io/peer.asns': '65001, 65002',
          },
        }),
      ),
    )
    expect(made.peers.map(({ name, asn }) => [name, asn])).to.deep.equal([
      ['10.0.0.254', 65001],
      ['fd00::fe', 65002],
    ])
  })

  it('of flags replace those of annotations', () => {
    const flags = [{ address: address('192.0.2.1'), asn: 65009, port: 179 }]
    expect(make(view(peersYaml(two)), { peerRouters: flags }).peers.map(({ name }) => name)).to.deep.equal([
      '192.0.2.1',
    ])
  })

  it('keep their last good value when the annotation breaks, with a finding that names it', () => {
    const good = make(view(peersYaml(two)))
    const broken = make(view(peersYaml('- {remoteip: 10.0.0.300, remoteasn: 65001}')), {}, good)
    expect(broken.peers).to.deep.equal(good.peers)
    expect(broken.findings.map(formatFinding)).to.deep.equal([
      'node/n1 kube-router.io/peers: "10.0.0.300" is not an IP address of a peer; its last good value stays in use',
    ])
  })

  for (const [yaml, expected] of [
    ['- {remoteip: 10.0.0.9}', 'is wrong at 0.remoteasn'],
    ['- {remoteip: 10.0.0.9, remoteasn: 23456}', 'is not an ASN that a peer may have'],
    ['- {remoteip: 10.0.0.9, remoteasn: 65001, port: 0}', 'is not a port'],
    ['- {remoteip: 10.0.0.9, remoteasn: 65001, localip: "fd00::1"}', 'is not of the family of the peer'],
    ['- {remoteip: 10.0.0.9, remoteasn: 65001, colour: red}', 'Unrecognized key'],
    ['- {remoteip: 10.0.0.9, remoteasn: 65001, ttl: 2, ttl-security: 1}', 'ttl and ttl-security are alternatives'],
    ['remoteip: [', 'is no valid YAML'],
  ] as const) {
    it(`refuse ${yaml}`, () => {
      const made = make(view(peersYaml(yaml)))
      expect(made.peers).to.deep.equal([])
      expect(made.findings.map(formatFinding).join()).to.include(expected)
    })
  }

  it('say more of their sessions than the flags do, and what they say counts', () => {
    const session = { gracefulRestart: { time: 90, longLived: 0 } }
    for (const [said, flags, expected] of [
      ['graceful-restart: false', {}, {}],
      ['ttl: 5', { ttlSecurity: 1 }, { ...session, ttl: 5 }],
      ['ttl-security: 2', { ttl: 5 }, { ...session, ttlSecurity: 2 }],
      ['user-timeout: 9', { ttl: 5 }, { ...session, ttl: 5, userTimeout: 9 }],
    ] as const) {
      const yaml = `- {remoteip: 10.0.0.254, remoteasn: 65001, ${said}}\n- {remoteip: "fd00::fe", remoteasn: 65001, ${said}}`
      const made = make(view(peersYaml(yaml)), { session, externalSession: flags })
      for (const peer of made.peers) expect(peer.session, said).to.deep.equal(expected)
      expect(made.peers).to.have.length(2)
    }
  })

  for (const [wrong, yaml] of [
    ['an alias', '- {remoteip: 10.0.0.9, remoteasn: 65001, password: *sesame}'],
    ['a tag', '- {remoteip: 10.0.0.9, remoteasn: 65001, password: !sesame}'],
    ['a tag before another one', '- {remoteip: 10.0.0.9, remoteasn: 65001, password: !sesame c2VzYW1l}'],
    ['part of the address', '- {remoteip: 10.0.0.9 password:sesame, remoteasn: 65001}'],
    ['part of the ASN', '- {remoteip: 10.0.0.9, remoteasn: 65001 password:sesame}'],
    ['part of the port', '- {remoteip: 10.0.0.9, remoteasn: 65001, port: 179 password:sesame}'],
  ] as const) {
    it(`J8 refuse a password that is ${wrong}, and show nothing of it`, () => {
      const made = make(view(peersYaml(yaml)))
      expect(made.peers).to.deep.equal([])
      const told = made.findings.map(formatFinding).join()
      expect(told).to.contain('not shown')
      expect(told).not.to.contain('sesame')
    })
  }

  it('J8 have a password that nothing prints', () => {
    const made = make(view(peersYaml('- {remoteip: 10.0.0.254, remoteasn: 65001, password: c2VzYW1l}')))
    const desired = toDesired(made, options)
    expect(desired?.peers[0]?.password?.reveal()).to.equal('sesame')
    for (const text of [JSON.stringify([made, desired]), inspect([made, desired], { depth: 9 })])
      expect(text).not.to.match(/c2VzYW1l|sesame/)
  })

  for (const [password, problem] of [
    ['Cg==', 'its password is empty'],
    [Buffer.from('x'.repeat(81)).toString('base64'), 'its password has 81 octets, and TCP MD5 takes 80'],
  ] as const) {
    it(`J6 are held down, never unauthenticated, when ${problem}`, () => {
      const made = make(view(peersYaml(`- {remoteip: 10.0.0.254, remoteasn: 65001, password: "${password}"}`)))
      expect(toDesired(made, options)?.peers[0]?.blocked).to.equal(`${problem}: never without authentication`)
    })
  }

  it('J6 lose the newline at the end of a password, and a finding says so', () => {
    const made = make(view(peersYaml('- {remoteip: 10.0.0.254, remoteasn: 65001, password: c2VjcmV0Cg==}')))
    expect(toDesired(made, options)?.peers[0]?.password?.reveal()).to.equal('secret')
    expect(made.findings.map(formatFinding)).to.deep.equal([
      'node/n1 kube-router.io/peers, password of 10.0.0.254: "(not shown)" ends in a newline, which is left out',
    ])
  })

  it('J6 name a password that is kept elsewhere, and are held down while it is not there', () => {
    const made = make(view(peersYaml('- {remoteip: 10.0.0.254, remoteasn: 65001, password-from: tor-1}')))
    const kept = (get: (name: string) => Secret | string) =>
      toDesired(made, options, { get, onChange: () => {} })?.peers[0]
    expect(kept((name) => new Secret(`key of ${name}`))?.password?.reveal()).to.equal('key of tor-1')
    expect(kept(() => 'it is empty')?.blocked).to.equal('password tor-1: it is empty; never without authentication')
  })

  it('say how their session is to be, by peer', () => {
    const entry =
      'remoteip: fe80::1%eth0, remoteasn: 65001, hold-time: 9, families: [ipv6], ttl-security: 1, graceful-restart: true, max-prefixes: {ipv4: 10, beyond: reset}'
    const [peer] = toDesired(make(view(peersYaml(`- {${entry}}`))), options)?.peers ?? []
    expect(peer).to.deep.include({
      name: 'fe80::1%eth0',
      zone: 'eth0',
      holdTime: 9,
      families: ['ipv6-unicast'],
      ttlSecurity: 1,
      gracefulRestart: { time: 90, longLived: 0 },
      maxPrefixes: { limit: { 'ipv4-unicast': 10, 'ipv6-unicast': 200_000 }, warnAt: 75, beyond: 'reset' },
    })
  })

  it('are the other nodes too, between primary addresses, unless switched off', () => {
    const cluster = view(node('n1'), node('n2', { ips: ['10.0.0.2', 'fd00::2'] }), node('n3', { ips: ['fd00::3'] }))
    const made = make(cluster)
    expect(made.peers.map(({ name, type, asn }) => [name, type, asn])).to.deep.equal([['10.0.0.2', 'internal', 64512]])
    expect(made.findings.map(({ object }) => object)).to.deep.equal(['node/n3'])
    expect(make(cluster, { enableIbgp: false }).peers).to.deep.equal([])
  })

  it('need kube-router.io/node.asn without the full mesh, and are the nodes of the same ASN', () => {
    const asn = (value: string) => ({ annotations: { 'kube-router.io/node.asn': value } })
    const cluster = view(
      node('n1', asn('64600')),
      node('n2', { ips: ['10.0.0.2'], ...asn('64600') }),
      node('n3', { ips: ['10.0.0.3'], ...asn('64601') }),
    )
    const made = make(cluster, { nodesFullMesh: false })
    expect([made.local?.asn, made.peers.map(({ name }) => name)]).to.deep.equal([64600, ['10.0.0.2']])
    expect(make(view(node('n1')), { nodesFullMesh: false }).local).to.equal(undefined)
  })
})

describe('import policy', () => {
  const cluster = view(
    node('n1', { annotations: { 'kube-router.io/node.bgp.customimportreject': 'fd00:172::/32, 172.16.0.0/12' } }),
    node('n2', { ips: ['10.0.0.2'], podCidrs: ['10.244.2.0/24', 'fd00:244:2::/64'] }),
    service('web', { externalIps: ['198.51.100.1', '2001:db8:51::1'] }),
  )
  const judge = (text: string, external: boolean, change: Partial<PlanOptions> = {}) => {
    const { family, w0, w1, w2, w3, length } = prefix(text)
    const subject = {
      family,
      w0,
      w1,
      w2,
      w3,
      length,
      source: 'learned',
      kind: '',
      neighbour: '',
      external,
      attributes: () => ({}),
    } as const
    const { accept, statement } = compile(make(cluster, change).importPolicy).evaluate({ ...subject })
    return accept ? 'accept' : statement
  }
  const rows: [rule: string, v4: string, v6: string][] = [
    ['default route', '0.0.0.0/0', '::/0'],
    ["this node's pod CIDRs", '10.244.1.0/24', 'fd00:244:1::/64'],
    ["this node's pod CIDRs", '10.244.1.128/25', 'fd00:244:1::1/128'],
    ["the cluster's pod CIDRs", '10.244.2.0/24', 'fd00:244:2::/64'],
    ["the cluster's service CIDRs", '10.96.5.5/32', 'fd00:96::5/128'],
    ['service VIPs', '198.51.100.1/32', '2001:db8:51::1/128'],
    ['kube-router.io/node.bgp.customimportreject', '172.20.1.0/24', 'fd00:172:5::/48'],
    ['accept', '192.0.2.0/24', '2001:db8:9::/48'],
  ]
  for (const [rule, first, second] of rows) {
    it(`gives "${rule}" for ${first} and ${second} from a router`, () => {
      expect([judge(first, true), judge(second, true)]).to.deep.equal([rule, rule])
    })
  }

  it("takes other nodes' pod CIDRs from internal peers", () => {
    expect([judge('10.244.2.0/24', false), judge('fd00:244:2::/64', false)]).to.deep.equal(['accept', 'accept'])
  })

  it('refuses all else with --import-default=reject', () => {
    expect(judge('192.0.2.0/24', true, { importDefault: 'reject' })).to.equal('default')
  })

  it('keeps the last good customimportreject, and the good items where there is none', () => {
    const bad = view(
      node('n1', { annotations: { 'kube-router.io/node.bgp.customimportreject': '172.16.0.0/99, fd00:172::/32' } }),
    )
    expect(make(bad).settings?.customImportReject.map(String)).to.deep.equal(['fd00:172::/32'])
    expect(make(bad, {}, make(cluster)).settings?.customImportReject.map(String)).to.deep.equal([
      'fd00:172::/32',
      '172.16.0.0/12',
    ])
  })
})

describe('plan()', () => {
  it('says nothing to anybody while the node is unknown or has no address, and why', () => {
    for (const cluster of [view(), view(node('n1', { ips: [] }))]) {
      const made = make(cluster)
      expect([made.local, made.routes, made.peers]).to.deep.equal([undefined, [], []])
      expect(made.findings).to.have.lengthOf(1)
    }
  })

  it('switches a family off with --enable-ipv4 or --enable-ipv6 set to false', () => {
    const cluster = view(node('n1'), service('web'))
    expect(routes(make(cluster, { enableIpv6: false })).every((row) => !row.includes('fd00'))).to.equal(true)
    expect(routes(make(cluster, { enableIpv4: false })).every((row) => row.includes('fd00'))).to.equal(true)
  })

  it('is the same for the same objects in any order', () => {
    const objects = [
      node('n1'),
      node('n2', { ips: ['10.0.0.2', 'fd00::2'] }),
      service('a', { externalIps: ['198.51.100.1', '2001:db8:51::1'] }),
      service('b', { externalIps: ['198.51.100.1', '2001:db8:51::1'], clusterIps: ['10.96.0.11', 'fd00:96::11'] }),
      slice('a', 'IPv4', endpoint('n1')),
      slice('b', 'IPv6', endpoint('n2')),
    ]
    const wanted = make(view(...objects))
    fc.assert(
      fc.property(fc.shuffledSubarray(objects, { minLength: objects.length }), (shuffled) => {
        expect(make(view(...shuffled))).to.deep.equal(wanted)
      }),
    )
  })
})
