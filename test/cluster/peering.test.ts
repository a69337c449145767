/** Scenarios that need another router, another start of the daemon, or every reason there is: through the API server, recorded at BIRD. */

import { expect } from 'chai'
import type { KubeObject } from '../support/kube-objects.ts'
import { nodeObject, service, sliceObject } from '../support/kube-objects.ts'
import { eventually } from '../topology/runner.ts'
import { servers } from './given.ts'
import { basicFlags, Stage } from './stage.ts'

const pods = ['10.244.1.0/24 via 10.0.0.2', 'fd00:244:1::/64 via fd00::2']
const vips = ['203.0.113.1/32 via 10.0.0.2', '2001:db8:113::1/128 via fd00::2']
const ingress = [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }]
const balanced = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }

describe('scenarios of their own', () => {
  let stage: Stage

  before(async () => {
    stage = await Stage.set(servers())
    await stage.control.apply(nodeObject(), service('web', balanced, { ingress }))
    stage.startDaemon()
    await stage.routerHas([...pods, ...vips])
  })

  after(async () => stage?.clear())

  it('Peer with one family', async () => {
    await stage.router.stop()
    // Over each transport the other family alone, so that nothing comes by the way that is taken for granted.
    stage.router.start((config) =>
      config
        .replace(/ {2}ipv[46] \{.*\n/g, '')
        .replace('protocol bgp over4 from tor {', 'protocol bgp over4 from tor { ipv6 { import all; export none; };')
        .replace('protocol bgp over6 from tor {', 'protocol bgp over6 from tor { ipv4 { import all; export none; };'),
    )
    await stage.routerHas([...pods, ...vips], 20_000)
    const of4 = stage.router
      .heard()
      .filter(({ what, session, prefix }) => what === 'added' && session === 'over4' && prefix.includes('.'))
    const since = (stage.router.heard().findLast(({ what }) => what === 'State changed to up')?.at ?? 0) - 1
    expect(of4.filter(({ at }) => at > since)).to.deep.equal([])
    expect(await stage.explain('peer/10.0.0.1')).to.include('ipv4-unicast: not negotiated, the peer does not offer it')
    expect(await stage.explain('203.0.113.1')).to.include(
      'not sent to 10.0.0.1: ipv4-unicast was not negotiated with this peer',
    )
    expect(await stage.explain('203.0.113.1')).to.include('sent to fd00::1')
    await stage.router.stop()
    stage.router.start()
    await stage.routerHas([...pods, ...vips], 20_000)
  })

  it('Nothing in, nothing through', async () => {
    await stage.router.stop()
    const routes = Array.from({ length: 2000 }, (_, index) => [
      `route 198.${18 + (index >> 8)}.${index & 255}.0/24 blackhole;`,
      `route 2001:db8:${(0x4000 + index).toString(16)}::/48 blackhole;`,
    ])
    const refused4 = ['0.0.0.0/0', '10.244.1.128/25', '10.96.0.0/16', '203.0.113.1/32']
    const refused6 = ['::/0', 'fd00:244:1:0:8000::/65', 'fd00:96::/112', '2001:db8:113::1/128']
    const block = (name: string, family: string, lines: string[]) =>
      `protocol static ${name} { ${family} { import all; };\n${lines.join('\n')}\n}\n`
    const asRoutes = (prefixes: string[]) => prefixes.map((prefix) => `route ${prefix} blackhole;`)
    stage.router.start(
      (config) =>
        config.replaceAll('export none', 'export where source = RTS_STATIC') +
        block('offered4', 'ipv4', [...routes.map(([v4]) => v4!), ...asRoutes(refused4)]) +
        block('offered6', 'ipv6', [...routes.map(([, v6]) => v6!), ...asRoutes(refused6)]),
    )
    const peers = await eventually('all is received', 20_000, async () => {
      const { peers: now } = await stage.snapshot()
      const whole = now.every(({ routes: by }) => Object.values(by).every(({ received }) => received >= 2004))
      return now.length === 2 && whole && now
    })
    for (const peer of peers) {
      for (const family of ['ipv4-unicast', 'ipv6-unicast'] as const) {
        expect(peer.routes[family], `${peer.name} ${family}`).to.include({ accepted: 2000, rejected: 4 })
        expect(Object.keys(peer.routes[family].rejectedBy)).to.include.members([
          'default route',
          "this node's pod CIDRs",
          "the cluster's service CIDRs",
        ])
      }
    }
    await stage.caughtUp()
    const own = (await stage.router.table()).filter(
      (row) => !row.includes('via fd00::1') && !row.includes('via 10.0.0.1'),
    )
    expect(own).to.deep.equal([...pods, ...vips].sort())
    const through = stage.router
      .heard()
      .filter(
        ({ what, prefix }) => what === 'added' && (prefix.startsWith('198.18.') || prefix.startsWith('2001:db8:4')),
      )
    expect(through).to.deep.equal([])
    await stage.router.stop()
    stage.router.start()
    await stage.routerHas([...pods, ...vips], 20_000)
  })

  it('Not before it is true', async () => {
    // Without the gate it would announce the new Node's VIPs before it is replaced.
    await stage.daemon.stop()
    await stage.control.remove('Node', 'node-1')
    const bare = nodeObject('node-1', { spec: { podCIDR: undefined, podCIDRs: undefined } }) as KubeObject & {
      status: { addresses: object[] }
    }
    const conditions = (ready: string) => [
      { type: 'Ready', status: ready },
      { type: 'NetworkUnavailable', status: ready === 'True' ? 'False' : 'True' },
    ]
    await stage.control.apply({ ...bare, status: { ...bare.status, conditions: conditions('False') } })
    const since = Date.now()
    await stage.restartDaemon([...basicFlags, '--gate=node-ready,network-available,proxy-health'])
    await stage.sessionsUp()
    await stage.routerHas([])
    expect(await stage.explain('203.0.113.1')).to.include('the gate is closed: condition Ready of the Node is False')
    expect(stage.moved(since).filter((one) => one.startsWith('added'))).to.deep.equal([])

    const allocated = Date.now()
    await stage.control.patch('Node', 'node-1', {
      spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'] },
    })
    await stage.routerHas(pods)
    expect(Date.now() - allocated).to.be.below(1000)

    await stage.control.patch('Node', 'node-1', { status: { conditions: conditions('True') } }, '/status')
    await eventually('the proxy is waited for', 5000, async () =>
      (await stage.explain('203.0.113.1')).includes('health port of the proxy'),
    )
    expect(await stage.router.table()).to.deep.equal([...pods].sort())
    const answering = "require('http').createServer((_,r)=>r.end('ok')).listen(10256,'::')"
    const proxy = stage.topology.start('node-1', [process.execPath, '-e', answering])
    await stage.routerHas([...pods, ...vips], 5000)
    await proxy.stop()
    await stage.restartDaemon()
    await stage.sessionsUp()
    await stage.routerHas([...pods, ...vips])
  })

  for (const [transport, router, kept, other, lost] of [
    ['IPv4', '10.0.0.1', '10.0.0.2', 'fd00::2', '2001:db8:113::1'],
    ['IPv6', 'fd00::1', 'fd00::2', '10.0.0.2', '203.0.113.1'],
  ] as const) {
    it(`Next hop of the right family, over ${transport}`, async () => {
      const one = (flag: string) =>
        flag.includes('peer-router-ips')
          ? `--peer-router-ips=${router}`
          : flag.includes('asns')
            ? '--peer-router-asns=65001'
            : flag
      await stage.restartDaemon(basicFlags.map(one))
      await stage.routerHas([...pods, ...vips], 20_000)
      const address = (...texts: string[]) => {
        const addresses = texts.map((text) => ({ type: 'InternalIP', address: text }))
        return stage.control.patch('Node', 'node-1', { status: { addresses } }, '/status')
      }
      await address(kept)
      await stage.routerHas(
        [...pods, ...vips].filter((row) => row.endsWith(`via ${kept}`)),
        20_000,
      )
      const family = other.includes(':') ? 'ipv6-unicast' : 'ipv4-unicast'
      expect(await stage.explain(lost)).to.include(`the node has no address of ${family} to be the next hop`)
      await address('10.0.0.2', 'fd00::2')
      await stage.routerHas([...pods, ...vips], 20_000)
      await stage.restartDaemon()
      await stage.sessionsUp()
    })
  }

  it('Everything live: peers come, change and go by annotation, and only the one that changed is reset', async () => {
    const annotate = (peers: string | null) =>
      stage.control.patch('Node', 'node-1', { metadata: { annotations: { 'kube-router.io/peers': peers } } })
    const over4 = '{ remoteip: 10.0.0.1, remoteasn: 65001 }'
    const over6 = '{ remoteip: "fd00::1", remoteasn: 65001 }'
    await annotate(`[${over4}]`)
    await stage.restartDaemon(basicFlags.filter((flag) => !flag.startsWith('--peer-router')))
    const states = async () =>
      (await stage.snapshot()).peers.map(({ name, state, flaps }) => `${name} ${state} ${flaps}`)
    const become = (...wanted: string[]) =>
      eventually(wanted.join(', '), 20_000, async () => (await states()).join() === wanted.join())
    await become('10.0.0.1 Established 0')
    const since = Date.now()
    await annotate(`[${over4}, ${over6}]`)
    await become('10.0.0.1 Established 0', 'fd00::1 Established 0')
    // Not read at all: everything stays, and the Node says why.
    await annotate(`[${over4}, { remoteip: nonsense`)
    await eventually('the finding', 10_000, async () =>
      (await stage.plan()).findings.some(({ field }) => field === 'kube-router.io/peers'),
    )
    expect(await states()).to.deep.equal(['10.0.0.1 Established 0', 'fd00::1 Established 0'])
    // Another ASN: BGP forces a reset of that session, which BIRD then refuses.
    await annotate(`[${over4}, { remoteip: "fd00::1", remoteasn: 65009 }]`)
    await eventually('it is refused', 10_000, async () => !(await states())[1]?.includes('Established'))
    await annotate(`[${over4}, ${over6}]`)
    await eventually('it is back', 20_000, async () => (await states())[1]?.includes('Established'))
    await annotate(`[${over6}]`)
    await eventually('the other one is gone', 10_000, async () => (await states()).length === 1)
    await annotate(`[${over4}, ${over6}]`)
    await stage.sessionsUp()
    await stage.routerHas([...pods, ...vips])
    const of4 = stage.router
      .heard(since)
      .filter(({ session, what }) => session === 'over4' && what === 'State changed to up')
    expect(of4).to.have.lengthOf(1)
    await annotate(null)
    await stage.restartDaemon()
    await stage.sessionsUp()
    await stage.routerHas([...pods, ...vips])
  })

  it('Explain: names the one rule, the object and the field of every VIP that is not there, and agrees with the router', async () => {
    const off = (kind: string, value = 'false') => ({
      annotations: { [`kube-router.io/service.advertise.${kind}`]: value },
    })
    const one = (externalIp: string, spec: object = {}) => ({
      externalIPs: [externalIp],
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: [externalIp.includes(':') ? 'IPv6' : 'IPv4'],
      ...spec,
    })
    const local = { externalTrafficPolicy: 'Local' }
    // What is asked for, on which object, and the words that must be in the answer.
    const rows: [vip: string, reason: string, object: KubeObject, ...more: KubeObject[]][] = [
      [
        '2001:db8:51::e1',
        'annotation kube-router.io/service.advertise.externalip is "false"',
        service('e1', one('2001:db8:51::e1'), off('externalip')),
      ],
      [
        '2001:db8:51::e2',
        'annotation kube-router.io/service.advertise.externalip is "perhaps"',
        service('e2', one('2001:db8:51::e2'), off('externalip', 'perhaps')),
      ],
      [
        '10.96.3.3',
        '--advertise-cluster-ip is off, and the service has no annotation',
        service('e3', { clusterIP: '10.96.3.3', ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'] }),
      ],
      ['192.0.2.44', 'it is outside --service-external-ip-range', service('e4', one('192.0.2.44'))],
      ['10.96.200.5', 'it lies in --service-cluster-ip-range', service('e5', one('10.96.200.5'))],
      ['2001:db8:51::e6', 'the service is headless', service('e6', one('2001:db8:51::e6', { clusterIP: 'None' }))],
      [
        '2001:db8:51::e7',
        'no ready IPv6 endpoint is on any node, and spec.externalTrafficPolicy: Local',
        service('e7', one('2001:db8:51::e7', local)),
      ],
      [
        '2001:db8:51::e8',
        'no ready IPv6 endpoint is on this node (1 elsewhere)',
        service('e8', one('2001:db8:51::e8', local)),
        sliceObject('e8', 'IPv6', [{ on: 'node-2' }]),
      ],
      [
        '2001:db8:51::e9',
        'kube-router.io/service.local: "true" asks for one',
        service('e9', one('2001:db8:51::e9'), { annotations: { 'kube-router.io/service.local': 'true' } }),
      ],
      [
        '2001:db8:113::ea',
        'its ipMode is Proxy',
        service('ea', balanced, { ingress: [{ ip: '2001:db8:113::ea', ipMode: 'Proxy' }] }),
      ],
      [
        '2001:db8:113::eb',
        'kube-router.io/service.skiplbips',
        service('eb', balanced, {
          ingress: [{ ip: '2001:db8:113::eb' }],
          annotations: { 'kube-router.io/service.skiplbips': '' },
        }),
      ],
      [
        '2001:db8:113::ec',
        'its load-balancer class "example.com/other" is not in --loadbalancer-classes',
        service(
          'ec',
          { ...balanced, loadBalancerClass: 'example.com/other' },
          { ingress: [{ ip: '2001:db8:113::ec' }] },
        ),
      ],
      [
        '203.0.114.1',
        'it is outside --loadbalancer-ip-range',
        service('ed', balanced, { ingress: [{ ip: '203.0.114.1' }] }),
      ],
      [
        '2001:db8:51::ee',
        'its label service.kubernetes.io/service-proxy-name is "other"',
        labelled('ee', one('2001:db8:51::ee')),
      ],
      [
        '2001:db8:51::ef',
        'no ready endpoint of ipv6-unicast is on any node',
        service('ef', one('2001:db8:51::ef'), {
          annotations: { 'tandem.io/service.withdraw-without-endpoints': 'true' },
        }),
      ],
    ]
    await stage.restartDaemon([...basicFlags, '--loadbalancer-classes=,tandem', '--advertise-pod-cidr=false'])
    await stage.sessionsUp()
    for (const [, , ...objects] of rows) await stage.control.apply(...objects)
    await stage.caughtUp()
    for (const [vip, reason, { metadata }] of rows) {
      const said = await stage.explain(vip)
      expect(said, vip).to.include('withheld').and.to.include(reason).and.to.include(`service/default/${metadata.name}`)
      expect(said, vip).to.include('To change it: ')
    }
    expect(await stage.explain('10.244.1.0/24')).to.include('not sent to 10.0.0.1: --advertise-pod-cidr is false')
    await stage.routerHas(vips)
    for (const [, , ...objects] of rows) {
      for (const { kind, metadata } of objects) await stage.control.remove(kind, `default/${metadata.name}`)
    }
    await stage.restartDaemon()
    await stage.sessionsUp()
  })

  it('Numbers are true: a session that is cut has 0 advertised, what is said is what the router has', async () => {
    await stage.routerHas([...pods, ...vips])
    const advertised = async () =>
      (await stage.snapshot()).peers.map(
        ({ name, routes }) => `${name} ${routes['ipv4-unicast'].advertised} ${routes['ipv6-unicast'].advertised}`,
      )
    await eventually('both have all', 20_000, async () => (await advertised()).join() === '10.0.0.1 2 2,fd00::1 2 2')
    await stage.router.stop()
    await eventually(
      'nothing is advertised',
      15_000,
      async () => (await advertised()).join() === '10.0.0.1 0 0,fd00::1 0 0',
    )
    expect(await stage.explain('203.0.113.1')).to.include('not sent to 10.0.0.1: the session is down')
    await eventually('/readyz says so', 5000, async () => (await stage.readyz()).includes('[-] sessions: 0 of 2 up'))
    stage.router.start()
    await stage.routerHas([...pods, ...vips], 20_000)
  })
})

function labelled(name: string, spec: object): KubeObject {
  const object = service(name, spec)
  return {
    ...object,
    metadata: { ...object.metadata, labels: { 'service.kubernetes.io/service-proxy-name': 'other' } },
  }
}
