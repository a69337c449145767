/** Each rule that withholds a route, by a cluster in which it does: `explain` names that one rule, object, field and mend, in both families. */

import { families } from 'bgp-ts'
import { expect } from 'chai'
import { type PlanOptions, plan, type ServiceView } from '../../../controllers/index.ts'
import { type WithheldName, withheldRules } from '../../../controllers/plan/withheld-rules.ts'
import { alwaysSynced, type Backend } from '../../../daemon/backend.ts'
import { explain } from '../../../daemon/explain.ts'
import { endpoint, node, options, service, slice, view } from '../../support/cluster.ts'
import { Fabric } from '../../support/fabric.ts'

interface Case {
  /** The address of each family that is withheld; the VIPs of a load balancer by default. */
  readonly held?: readonly [ipv4: string, ipv6: string]
  readonly object?: string
  /** Of the service by default an address of its ingress. */
  readonly field?: (index: number) => string
  readonly service?: Partial<ServiceView>
  readonly endpoints?: readonly string[]
  readonly node?: Parameters<typeof node>[1]
  readonly options?: Partial<PlanOptions>
  readonly gate?: string
  readonly reason: (family: string) => string
  readonly mend: string | ((family: string) => string)
}

const vips = ['203.0.113.1', '2001:db8:113::1'] as const
const external = ['198.51.100.1', '2001:db8:51::1'] as const
const inRange = ['10.96.0.9', 'fd00:96::9'] as const
const outside = ['192.0.2.1', '2001:db8:99::1'] as const
const ingressOf = (addresses: readonly string[]) => ({ ingress: addresses.map((ip) => ({ ip })) })
const advertise = 'kube-router.io/service.advertise.loadbalancerip'
const proxyName = 'service.kubernetes.io/service-proxy-name'
const strictOff = '--strict-external-ip-validation=false'
const local = { externalTrafficPolicy: 'Local' } as const
const nameOf = (family: string) => `${family.toLowerCase()}-unicast`
const [v4Only, v6Only] = [['10.0.0.1'], ['fd00::1']]

const cases: Readonly<Record<WithheldName, Case>> = {
  headless: {
    held: external,
    field: (index) => `spec.externalIPs[${index}]`,
    service: { clusterIp: 'None', clusterIps: ['None'], externalIps: [...external], ingress: [] },
    reason: () => 'the service is headless: nothing of it is advertised',
    mend: 'spec.clusterIP',
  },
  'mode-proxy': {
    service: { ingress: vips.map((ip) => ({ ip, ipMode: 'Proxy' })) },
    reason: () => 'its ipMode is Proxy: the load balancer answers for it, not the nodes',
    mend: (family) => `status.loadBalancer.ingress[${family === 'IPv4' ? 0 : 1}].ipMode`,
  },
  'load-balancer-skipped': {
    service: { annotations: { 'kube-router.io/service.skiplbips': 'true' } },
    reason: () => 'the service has the annotation kube-router.io/service.skiplbips',
    mend: 'kube-router.io/service.skiplbips',
  },
  'annotated-off': {
    service: { annotations: { [advertise]: 'false' } },
    reason: () => `annotation ${advertise} is "false"`,
    mend: advertise,
  },
  'switched-off': {
    options: { advertiseLoadBalancerIp: false },
    reason: () => `--advertise-loadbalancer-ip is off, and the service has no annotation ${advertise}`,
    mend: `--advertise-loadbalancer-ip, or ${advertise}: "true"`,
  },
  'proxy-not-named': {
    options: { serviceProxyName: 'ours' },
    reason: () => `it has no label ${proxyName}, so the proxy of this node does not answer for it`,
    mend: '--service-proxy-name',
  },
  'proxy-of-another': {
    service: { labels: { [proxyName]: 'theirs' } },
    reason: () => `its label ${proxyName} is "theirs", so the proxy of this node does not answer for it`,
    mend: '--service-proxy-name',
  },
  'class-of-another': {
    service: { loadBalancerClass: 'theirs' },
    options: { loadBalancerClasses: ['ours'] },
    reason: () => 'its load-balancer class "theirs" is not in --loadbalancer-classes',
    mend: 'spec.loadBalancerClass, or --loadbalancer-classes',
  },
  'in-service-range': {
    held: inRange,
    service: ingressOf(inRange),
    reason: () => 'it lies in --service-cluster-ip-range',
    mend: `another address, or ${strictOff}`,
  },
  'range-empty': {
    options: { loadBalancerIpRanges: [] },
    reason: () => '--loadbalancer-ip-range is empty, so no such address is allowed',
    mend: `--loadbalancer-ip-range, or ${strictOff}`,
  },
  'outside-range': {
    held: outside,
    service: ingressOf(outside),
    reason: () => 'it is outside --loadbalancer-ip-range',
    mend: `--loadbalancer-ip-range, or ${strictOff}`,
  },
  'endpoint-elsewhere': {
    service: local,
    endpoints: ['n2'],
    reason: (family) =>
      `no ready ${family} endpoint is on this node (1 elsewhere), and spec.externalTrafficPolicy: Local asks for one`,
    mend: (family) => `a ready ${family} endpoint on this node, or spec.externalTrafficPolicy: Cluster`,
  },
  'endpoint-nowhere': {
    service: local,
    reason: (family) =>
      `no ready ${family} endpoint is on any node, and spec.externalTrafficPolicy: Local asks for one`,
    mend: (family) => `a ready ${family} endpoint, or spec.externalTrafficPolicy: Cluster`,
  },
  'without-endpoint': {
    options: { withdrawWithoutEndpoints: true },
    reason: (family) => `no ready endpoint of ${nameOf(family)} is on any node`,
    mend: 'a ready endpoint, or tandem.io/service.withdraw-without-endpoints: "false"',
  },
  drained: {
    node: { annotations: { 'tandem.io/drain': 'true' } },
    reason: () => 'this node is drained: annotation tandem.io/drain',
    mend: 'annotation tandem.io/drain',
  },
  'gate-closed': {
    options: { gate: ['node-ready'] },
    gate: 'the Node is not Ready',
    reason: () => 'the gate is closed: the Node is not Ready',
    mend: '--gate, or what it waits for',
  },
  'vip-without-next-hop': {
    reason: (family) =>
      `the node has no address of ${nameOf(family)} to be the next hop of ${family === 'IPv4' ? vips[0] : vips[1]}`,
    mend: 'status.addresses of the Node',
  },
  'pod-cidr-without-next-hop': {
    held: ['10.244.1.0/24', 'fd00:244:1::/64'],
    object: 'node/n1',
    field: (index) => `spec.podCIDRs[${index}]`,
    reason: (family) => `the node has no address of ${nameOf(family)} to be the next hop`,
    mend: 'status.addresses of the Node',
  },
  aggregated: {
    options: { aggregateLengths: { 'ipv4-unicast': 24, 'ipv6-unicast': 64 } },
    reason: (family) =>
      `it is part of the aggregate ${family === 'IPv4' ? '203.0.113.0/24' : '2001:db8:113::/64'}, which is advertised in its place`,
    mend: '--aggregate-vips-components, or tandem.io/bgp.aggregate: "false"',
  },
}

/** The node lacks the family where that is the rule. */
function nodeOf(name: WithheldName, one: Case, family: string) {
  const lacks = name === 'vip-without-next-hop' || name === 'pod-cidr-without-next-hop'
  return node('n1', { ...one.node, ...(lacks && { ips: family === 'IPv4' ? v6Only : v4Only }) })
}

describe('explain, of a route that is withheld', () => {
  const fabric = new Fabric()
  after(async () => fabric.stop())

  it('has a case for each rule that there is', () => {
    expect(Object.keys(cases)).to.deep.equal(Object.keys(withheldRules))
  })

  for (const [name, one] of Object.entries(cases) as [WithheldName, Case][]) {
    for (const [index] of families.entries()) {
      const family = index === 0 ? 'IPv4' : 'IPv6'

      it(`${name}: names the one rule, its object, field and mend, of ${family}`, () => {
        const slices = (one.endpoints ?? []).map((on) => slice('web', family, endpoint(on)))
        const web = service('web', { type: 'LoadBalancer', ...ingressOf(vips), ...one.service })
        const cluster = view(nodeOf(name, one, family), node('n2', { ips: ['10.0.0.2', 'fd00::2'] }), web, ...slices)
        const circumstances = { drain: 'withdrawn', gate: one.gate } as const
        const made = plan(cluster, { ...options, ...one.options }, undefined, circumstances)
        const { speaker } = fabric.machine(64512, [`10.0.${Object.keys(cases).indexOf(name)}.${index + 1}`], [])
        const backend: Backend = {
          speaker,
          plan: made,
          view: cluster,
          findings: made.findings,
          source: 'a test',
          sync: alwaysSynced,
        }
        const held = (one.held ?? vips)[index]!
        const field = (one.field ?? ((at: number) => `status.loadBalancer.ingress[${at}].ip`))(index)
        const object = one.object ?? 'service/default/web'
        const mend = typeof one.mend === 'string' ? one.mend : one.mend(family)
        const lines = explain(backend, held).lines.filter((line) => line.includes('withheld'))
        expect(lines).to.deep.equal([`  withheld: ${object} ${field}: ${one.reason(family)}. To change it: ${mend}`])
        const ofObject = explain(backend, object.replace('service/', '')).lines
        const said = ofObject.filter((line) => line.includes(`(${field}) is withheld: ${one.reason(family)}`))
        expect(said, ofObject.join('\n')).to.have.lengthOf(1)
        const prefixes = made.routes.map(({ prefix }) => String(prefix))
        expect(prefixes.some((prefix) => prefix.startsWith(held))).to.equal(false)
      })
    }
  }
})
