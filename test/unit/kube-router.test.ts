/**
 * What a cluster that moves over from kube-router relies on, row by row: flags, annotations and rules that are kept to the letter.
 * What is better on purpose is in the other tests, and listed in controllers/README.md.
 */

import { families, formatAddress, formatPrefix } from 'bgp-ts'
import { expect } from 'chai'
import { generatedRouterId, type Plan, type PlanOptions, plan, type View } from '../../controllers/index.ts'
import { flags, foreignFlags } from '../../daemon/config/flags.ts'
import { loadSettings, planOptions } from '../../daemon/config/settings.ts'
import { compile } from '../../policy/index.ts'
import { endpoint, node, options, service, slice, view } from '../support/cluster.ts'
import { address, prefix } from '../support/fabric.ts'

const make = (cluster: View, change: Partial<PlanOptions> = {}) => plan(cluster, { ...options, ...change })
const advertised = (made: Plan) => made.routes.map((route) => formatPrefix(route.prefix))
const settings = (commandLine: Record<string, string>, environment: Record<string, string> = {}) =>
  loadSettings({ commandLine, environment }).settings
const annotated = (annotations: Record<string, string>) => view(node('n1', { annotations }))
const peersOf = (annotations: Record<string, string>, change: Partial<PlanOptions> = {}) =>
  make(annotated(annotations), { enableIbgp: false, ...change }).peers.map(
    ({ name, asn, port, blocked }) => `${name} ${asn} ${port}${blocked ? ' held down' : ''}`,
  )

describe('kept of kube-router', () => {
  describe('flags', () => {
    const known =
      'advertise-cluster-ip advertise-external-ip advertise-loadbalancer-ip advertise-pod-cidr cluster-asn nodes-full-mesh ' +
      'enable-ibgp bgp-port bgp-holdtime peer-router-ips peer-router-asns peer-router-ports ' +
      'peer-router-passwords peer-router-passwords-file override-nexthop router-id enable-ipv4 enable-ipv6 ' +
      'service-cluster-ip-range service-external-ip-range loadbalancer-ip-range strict-external-ip-validation hostname-override kubeconfig ' +
      'master health-port health-addr'
    it('that are about routes are taken by their names', () => {
      for (const name of known.split(' ')) expect(flags, name).to.have.property(name)
    })

    it('that are about anything else are taken too, and say what became of them', () => {
      for (const name of ['run-router', 'run-firewall', 'run-service-proxy', 'enable-overlay', 'routes-sync-period']) {
        expect(foreignFlags, name).to.have.property(name)
      }
    })

    it('have its defaults: advertise pod CIDRs alone, strict ranges, port 179, 90 s, 10.96.0.0/12, health at 20244', () => {
      const given = settings({})
      const wanted = {
        'advertise-cluster-ip': false,
        'advertise-external-ip': false,
        'advertise-loadbalancer-ip': false,
        'advertise-pod-cidr': true,
        'strict-external-ip-validation': true,
        'nodes-full-mesh': true,
        'enable-ibgp': true,
        'bgp-port': 179,
        'bgp-holdtime': 90,
        'health-port': 20244,
        'override-nexthop': false,
        'router-id': '',
      }
      expect(given).to.deep.include(wanted)
      expect(given['service-cluster-ip-range'].map(String)).to.deep.equal(['10.96.0.0/12'])
    })

    for (const [text, asn] of [
      ['0', 64512],
      ['64512', 64512],
      ['65535', 65535],
      ['4200000000', 4200000000],
      ['4294967294', 4294967294],
      ['64511', undefined],
      ['65536', undefined],
      ['4294967295', undefined],
    ] as const) {
      it(`--cluster-asn ${text} is ${asn ?? 'refused: not a private ASN'}`, () => {
        const read = () => settings({ 'cluster-asn': text })['cluster-asn']
        if (asn === undefined) expect(read).to.throw('--cluster-asn')
        else expect(read()).to.equal(asn)
      })
    }

    for (const [asn, taken] of [
      [1, true],
      [23455, true],
      [23456, false],
      [63999, true],
      [64000, false],
      [64512, true],
      [65534, true],
      [65535, false],
      [131071, false],
      [131072, true],
      [4294967294, true],
      [4294967295, false],
      [0, false],
    ] as const) {
      it(`a peer's ASN ${asn} is ${taken ? 'taken' : 'refused as reserved'}, in flags and in annotations`, () => {
        const read = () => settings({ 'peer-router-ips': '10.0.0.9', 'peer-router-asns': String(asn) })
        if (taken) expect(read()['peer-router-asns']).to.deep.equal([asn])
        else expect(read).to.throw('--peer-router-asns')
        const yaml = `[{ remoteip: 10.0.0.9, remoteasn: ${asn} }]`
        expect(peersOf({ 'kube-router.io/peers': yaml })).to.have.lengthOf(taken ? 1 : 0)
      })
    }

    it('the node name is --hostname-override, else NODE_NAME, else the name of the host', () => {
      const nameOf = (commandLine: Record<string, string>, environment: Record<string, string>) =>
        planOptions(settings(commandLine), environment).nodeName
      expect(nameOf({ 'hostname-override': 'a' }, { NODE_NAME: 'b' })).to.equal('a')
      expect(nameOf({}, { NODE_NAME: 'b' })).to.equal('b')
      expect(nameOf({}, {})).to.not.equal('')
    })
  })

  describe('peers', () => {
    const yaml = '[{ remoteip: 10.0.0.1, remoteasn: 65001 }, { remoteip: "fd00::1", remoteasn: 65001, port: 1179 }]'
    const older = { 'kube-router.io/peer.ips': '10.0.0.2', 'kube-router.io/peer.asns': '65002' }

    it('precedence: flags, else kube-router.io/peers, else peer.*; never added up', () => {
      const all = { 'kube-router.io/peers': yaml, ...older }
      const router = { address: address('10.0.0.3'), asn: 65003, port: 179 }
      expect(peersOf(all, { peerRouters: [router] })).to.deep.equal(['10.0.0.3 65003 179'])
      expect(peersOf(all)).to.deep.equal(['10.0.0.1 65001 179', 'fd00::1 65001 1179'])
      expect(peersOf(older)).to.deep.equal(['10.0.0.2 65002 179'])
    })

    it('the key kube-router.io/peers with any value switches peer.* off', () => {
      expect(peersOf({ 'kube-router.io/peers': '[]', ...older })).to.deep.equal([])
    })

    it('peer.ips without peer.asns is no peer', () => {
      expect(peersOf({ 'kube-router.io/peer.ips': '10.0.0.2' })).to.deep.equal([])
    })

    it('default port 179; ports, passwords and local addresses none or one per peer, blanks allowed in the last two', () => {
      const three = { 'kube-router.io/peer.ips': '10.0.0.2,fd00::2', 'kube-router.io/peer.asns': '65002,65002' }
      expect(peersOf({ ...three, 'kube-router.io/peer.ports': '1179,2179' })).to.deep.equal([
        '10.0.0.2 65002 1179',
        'fd00::2 65002 2179',
      ])
      expect(peersOf({ ...three, 'kube-router.io/peer.ports': '1179' })).to.deep.equal([])
      expect(peersOf({ ...three, 'kube-router.io/peer.passwords': 'c2VjcmV0,' })).to.deep.equal([
        '10.0.0.2 65002 179',
        'fd00::2 65002 179',
      ])
      expect(peersOf({ ...three, 'kube-router.io/peer.localips': ',fd00::1' })).to.have.lengthOf(2)
    })

    it('passwords are base64; one that is not fails the annotation', () => {
      expect(
        peersOf({ 'kube-router.io/peers': '[{ remoteip: 10.0.0.1, remoteasn: 65001, password: "not base64!" }]' }),
      ).to.deep.equal([])
    })

    it('an own ASN without the full mesh comes from kube-router.io/node.asn, 0x allowed', () => {
      const asn = (text: string) =>
        make(annotated({ 'kube-router.io/node.asn': text }), { nodesFullMesh: false }).local?.asn
      expect([asn('65010'), asn('0xfde9'), asn('1.1')]).to.deep.equal([65010, 65001, undefined])
    })
  })

  describe('addresses and router id', () => {
    it('the primary address is the first InternalIP, else the first ExternalIP; the best of a family likewise', () => {
      const addresses = [
        { type: 'Hostname', address: 'n1' },
        { type: 'ExternalIP', address: '192.0.2.1' },
        { type: 'InternalIP', address: 'fd00::1' },
        { type: 'InternalIP', address: 'fd00::2' },
        { type: 'ExternalIP', address: '2001:db8::1' },
      ]
      const best = make(view(node('n1', { addresses }))).local?.addresses
      expect(families.map((family) => best?.[family] && formatAddress(best[family]))).to.deep.equal([
        '192.0.2.1',
        'fd00::1',
      ])
    })

    it('--router-id generate is FNV-1a of the 16-byte primary address', () => {
      expect(generatedRouterId(address('10.0.0.1'))).to.equal(0x000ff8fe)
      expect(make(view(node('n1')), { routerId: 'generate' }).local?.routerId).to.equal(0x000ff8fe)
    })

    it('--router-id with any dotted quad is taken as it is', () => {
      expect(make(view(node('n1')), { routerId: '192.0.2.77' }).local?.routerId).to.equal(0xc000024d)
    })
  })

  describe('service VIPs', () => {
    const all = service('web', {
      type: 'LoadBalancer',
      clusterIps: ['10.96.0.10', 'fd00:96::10'],
      externalIps: ['198.51.100.1', '2001:db8:51::1'],
      ingress: [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }],
    })
    const cluster = ['10.96.0.10/32', 'fd00:96::10/128']
    const external = ['198.51.100.1/32', '2001:db8:51::1/128']
    const balanced = ['203.0.113.1/32', '2001:db8:113::1/128']
    const bare = node('n1', { podCidrs: [] })
    const of = (change: Partial<typeof all>, more: Partial<PlanOptions> = {}, ...slices: ReturnType<typeof slice>[]) =>
      advertised(make(view(bare, { ...all, ...change }, ...slices), more))

    for (const [kind, annotation, flag, own] of [
      ['clusterip', 'kube-router.io/service.advertise.clusterip', 'advertiseClusterIp', cluster],
      ['externalip', 'kube-router.io/service.advertise.externalip', 'advertiseExternalIp', external],
      ['loadbalancerip', 'kube-router.io/service.advertise.loadbalancerip', 'advertiseLoadBalancerIp', balanced],
    ] as const) {
      for (const text of ['1', 't', 'T', 'TRUE', 'true', 'True']) {
        it(`service.advertise.${kind}: "${text}" is true, and beats the flag`, () => {
          expect(of({ annotations: { [annotation]: text } }, { [flag]: false })).to.include.members([...own])
        })
      }
      for (const text of ['0', 'f', 'F', 'FALSE', 'false', 'False', 'yes', '']) {
        it(`service.advertise.${kind}: "${text}" is false, and beats the flag`, () => {
          expect(of({ annotations: { [annotation]: text } })).to.not.include.members([...own])
        })
      }
    }

    for (const text of ['true', 'false', '']) {
      it(`service.skiplbips: "${text}": its presence alone holds back load-balancer addresses, and beats advertise=true`, () => {
        const annotations = {
          'kube-router.io/service.skiplbips': text,
          'kube-router.io/service.advertise.loadbalancerip': 'true',
        }
        expect(of({ annotations })).to.deep.equal([...cluster, ...external])
      })
    }

    for (const type of ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName', 'Unknown']) {
      const wanted =
        {
          ClusterIP: [...cluster, ...external],
          NodePort: [...cluster, ...external],
          LoadBalancer: [...cluster, ...external, ...balanced],
        }[type] ?? []
      it(`type ${type}: ${wanted.length} addresses`, () => expect(of({ type })).to.deep.equal(wanted))
    }

    it('headless: nothing at all, not even external addresses', () => {
      expect(of({ clusterIp: 'None', clusterIps: ['None'] })).to.deep.equal([])
      expect(of({ clusterIp: undefined, clusterIps: [] })).to.deep.equal([])
    })

    it('ingress: ipMode Proxy and host names are passed over', () => {
      const ingress = [
        { ip: '203.0.113.1', ipMode: 'Proxy' },
        { hostname: 'lb.example' },
        { ip: '2001:db8:113::1', ipMode: 'VIP' },
      ]
      expect(of({ ingress })).to.deep.equal([...cluster, ...external, '2001:db8:113::1/128'])
    })

    it('Cluster policies: from every node, with or without endpoints', () => {
      expect(of({})).to.deep.equal([...cluster, ...external, ...balanced])
    })

    it('internalTrafficPolicy Local is about ClusterIPs alone; externalTrafficPolicy Local about the others', () => {
      expect(of({ internalTrafficPolicy: 'Local' })).to.deep.equal([...external, ...balanced])
      expect(of({ externalTrafficPolicy: 'Local' })).to.deep.equal(cluster)
    })

    it('service.local: exactly "true" counts, for external and load-balancer addresses alone', () => {
      const local = (text: string) => of({ annotations: { 'kube-router.io/service.local': text } })
      expect(local('true')).to.deep.equal(cluster)
      expect(local('True')).to.deep.equal([...cluster, ...external, ...balanced])
    })

    it('an endpoint without nodeName is local by any address of the node', () => {
      const slices = (['IPv4', 'IPv6'] as const).map((type) =>
        slice('web', type, endpoint(undefined, { addresses: [type === 'IPv4' ? '10.0.0.1' : 'fd00::1'] })),
      )
      expect(of({ externalTrafficPolicy: 'Local' }, {}, ...slices)).to.deep.equal([
        ...cluster,
        ...external,
        ...balanced,
      ])
    })

    it('strict filter: no range means none, an address in the service range never, off means all', () => {
      expect(of({}, { serviceExternalIpRanges: [], loadBalancerIpRanges: [] })).to.deep.equal(cluster)
      const inside = { externalIps: ['10.96.5.5', 'fd00:96::55'] }
      expect(of(inside, { serviceExternalIpRanges: [prefix('10.0.0.0/8'), prefix('fd00::/16')] })).to.deep.equal([
        ...cluster,
        ...balanced,
      ])
      expect(of(inside, { strictExternalIpValidation: false })).to.include('10.96.5.5/32')
    })

    it('several ranges of each family', () => {
      const ranges = ['192.0.2.0/24', '198.51.100.0/24', '2001:db8:50::/64', '2001:db8:51::/64'].map(prefix)
      expect(of({}, { serviceExternalIpRanges: ranges })).to.include.members([...external])
    })
  })

  describe('policies', () => {
    const judge = (cluster: View, text: string, type: 'external' | 'internal', change: Partial<PlanOptions> = {}) => {
      const { family, w0, w1, w2, w3, length } = prefix(text)
      const policy = compile(make(cluster, change).importPolicy)
      const from = { source: 'learned', kind: '', neighbour: 'x', external: type === 'external' } as const
      const { accept } = policy.evaluate({
        family,
        w0,
        w1,
        w2,
        w3,
        length,
        ...from,
        attributes: () => ({}),
      })
      return accept
    }

    for (const [range, within, without] of [
      ['172.16.0.0/16', ['172.16.0.0/16', '172.16.9.0/24', '172.16.9.9/32'], ['172.0.0.0/8', '172.17.0.0/16']],
      ['fd00:172::/32', ['fd00:172::/32', 'fd00:172:9::/48', 'fd00:172::9/128'], ['fd00::/16', 'fd00:173::/32']],
      ['172.16.5.5/16', ['172.16.0.0/16'], ['172.17.0.0/16']],
    ] as const) {
      it(`node.bgp.customimportreject ${range}: the prefix and all its more specifics, host bits masked off, from every peer`, () => {
        const made = annotated({ 'kube-router.io/node.bgp.customimportreject': ` ${range} , 192.0.2.0/24` })
        for (const type of ['external', 'internal'] as const) {
          expect(within.map((one) => judge(made, one, type))).to.deep.equal(within.map(() => false))
          expect(without.map((one) => judge(made, one, type))).to.deep.equal(without.map(() => true))
        }
      })
    }

    it('import accepts by default; VIPs and default routes of both families are refused', () => {
      const made = view(node('n1'), service('web', { externalIps: ['198.51.100.1', '2001:db8:51::1'] }))
      for (const text of [
        '0.0.0.0/0',
        '::/0',
        '198.51.100.1/32',
        '2001:db8:51::1/128',
        '10.96.0.10/32',
        'fd00:96::10/128',
      ]) {
        expect(judge(made, text, 'external'), text).to.equal(false)
      }
      for (const text of ['192.0.2.0/24', '2001:db8:99::/48'])
        expect(judge(made, text, 'external'), text).to.equal(true)
    })

    for (const [text, wanted] of [
      ['65000:100', [0xfde80064]],
      ['4259840100', [4259840100]],
      ['no-export,NO-ADVERTISE', [0xffffff01, 0xffffff02]],
      ['blackhole', [0xffff029a]],
      ['planned-shut', [0xffff0000]],
      ['llgr-stale,no-llgr', [0xffff0006, 0xffff0007]],
      ['internet,accept-own,no-export-subconfed,no-peer', [0, 0xffff0001, 0xffffff03, 0xffffff04]],
      ['0x10,65536:1,65000:100', [0xfde80064]],
    ] as const) {
      it(`node.bgp.communities ${text}: a wrong item is left out, the others are used`, () => {
        expect(make(annotated({ 'kube-router.io/node.bgp.communities': text })).settings?.communities).to.deep.equal(
          wanted,
        )
      })
    }

    it('path-prepend needs both; repeat-n alone is nothing', () => {
      const prepend = (annotations: Record<string, string>) => make(annotated(annotations)).settings?.prepend
      expect(
        prepend({ 'kube-router.io/path-prepend.as': '65000', 'kube-router.io/path-prepend.repeat-n': '3' }),
      ).to.deep.equal({ asn: 65000, count: 3 })
      expect(prepend({ 'kube-router.io/path-prepend.repeat-n': '3' })).to.equal(undefined)
      expect(make(annotated({ 'kube-router.io/path-prepend.as': '65000' })).findings).to.have.lengthOf(1)
    })
  })
})
