/** The incremental plan against the pure one: any sequence of changes ends where a fresh start would. */

import { formatPrefix } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import {
  type EndpointSliceView,
  LivePlan,
  type NodeView,
  type Plan,
  plan,
  type ServiceView,
  type View,
  type ViewChange,
} from '../../controllers/index.ts'
import { compile } from '../../policy/index.ts'
import { endpoint, node, service, options as usual } from '../support/cluster.ts'

const settled = { drain: 'withdrawn', gate: undefined } as const

/** One object that is set or removed. */
type Step =
  | { readonly kind: 'nodes'; readonly key: string; readonly value: NodeView | undefined }
  | { readonly kind: 'services'; readonly key: string; readonly value: ServiceView | undefined }
  | { readonly kind: 'endpointSlices'; readonly key: string; readonly value: EndpointSliceView | undefined }

const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 4 })
const nodeNames = ['n1', 'n2']
const serviceNames = ['a', 'b', 'c']
const policies = fc.constantFrom('Cluster', 'Cluster', 'Local')
const rarely = fc.nat(5).map((value) => value === 0)

/** Annotations about attributes, good and bad ones: what is kept of the last good value has to be the same too. */
const someBgpAnnotations = fc
  .record(
    {
      med: fc.constantFrom('5', '5; ipv6=6', 'border=7', 'much'),
      communities: fc.constantFrom('64512:1', 'no-export; ipv4 65001=none', '64512'),
      'advertise-to': fc.constantFrom('border', 'ipv6=none', 'a b'),
      aggregate: fc.constantFrom('false', 'true', 'no'),
    },
    { requiredKeys: [] },
  )
  .map((values) => Object.fromEntries(Object.entries(values).map(([key, text]) => [`tandem.io/bgp.${key}`, text])))

const bgpAnnotations = fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, someBgpAnnotations)

const reflection = (id: string) => [{ 'kube-router.io/rr.server': id }, { 'kube-router.io/rr.client': id }]

const nodeStep: fc.Arbitrary<Step> = fc
  .record({
    name: fc.constantFrom(...nodeNames),
    drained: rarely,
    podCidrs: fc.subarray(['10.244.1.0/24', 'fd00:244:1::/64', 'not a CIDR']),
    hasIpv6: fc.boolean(),
    label: rarely,
    bgp: bgpAnnotations,
    reflection: fc.constantFrom({}, ...['1', '2', 'x'].flatMap(reflection)),
  })
  .chain(({ name, drained, podCidrs, hasIpv6, label, bgp, reflection: role }) =>
    maybe(
      fc.constant(
        node(name, {
          podCidrs,
          ips: hasIpv6 ? ['10.0.0.1', 'fd00::1'] : ['10.0.0.1'],
          annotations: { ...bgp, ...role, ...(drained && { 'tandem.io/drain': 'true' }) },
          labels: label ? { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } : {},
        }),
      ),
    ).map((value) => ({ kind: 'nodes' as const, key: name, value })),
  )

const serviceStep: fc.Arbitrary<Step> = fc
  .record({
    name: fc.constantFrom(...serviceNames),
    externalIps: fc.subarray(['198.51.100.1', '2001:db8:51::1', '198.51.100.2', 'nonsense']),
    ingress: fc.subarray(['203.0.113.1', '2001:db8:113::1']),
    internal: policies,
    external: policies,
    off: rarely,
    bgp: bgpAnnotations,
  })
  .chain(({ name, externalIps, ingress, internal, external, off, bgp }) =>
    maybe(
      fc.constant(
        service(name, {
          type: 'LoadBalancer',
          externalIps,
          ingress: ingress.map((ip) => ({ ip })),
          internalTrafficPolicy: internal,
          externalTrafficPolicy: external,
          annotations: { ...bgp, ...(off && { 'kube-router.io/service.advertise.clusterip': 'no' }) },
        }),
      ),
    ).map((value) => ({ kind: 'services' as const, key: `default/${name}`, value })),
  )

const sliceStep: fc.Arbitrary<Step> = fc
  .record({
    name: fc.constantFrom('s1', 's2', 's3'),
    serviceName: fc.constantFrom(...serviceNames),
    addressType: fc.constantFrom('IPv4' as const, 'IPv6' as const),
    endpoints: fc.array(
      fc.record({ node: fc.constantFrom(...nodeNames), ready: fc.boolean(), serving: fc.boolean() }),
      { maxLength: 3 },
    ),
  })
  .chain(({ name, serviceName, addressType, endpoints }) =>
    maybe(
      fc.constant<EndpointSliceView>({
        namespace: 'default',
        name,
        serviceName,
        addressType,
        endpoints: endpoints.map(({ node: on, ready, serving }) => endpoint(on, { ready, serving })),
      }),
    ).map((value) => ({ kind: 'endpointSlices' as const, key: `default/${name}`, value })),
  )

/** Several steps are told at once, as events come in bursts. */
const history = fc.array(fc.array(fc.oneof(nodeStep, serviceStep, sliceStep), { minLength: 1, maxLength: 4 }), {
  maxLength: 25,
})

const routeInWords = ({ prefix, nextHop, attributes, to, towards, origin }: Plan['routes'][number]) =>
  `${formatPrefix(prefix)} ${nextHop} ${origin.object} ${origin.rule} ${JSON.stringify([attributes, to, towards])}`

const inWords = (one: Plan) => ({
  local: one.local,
  peers: one.peers,
  routes: one.routes.map(routeInWords).sort(),
  settings: one.settings,
  serviceSettings: one.serviceSettings,
  withheld: one.withheld,
  aggregates: one.aggregates,
  findings: one.findings,
  import: compile(one.importPolicy).key,
  export: compile(one.exportPolicy).key,
})

describe('the plan that is kept up to date', () => {
  const lengths = fc.constantFrom(undefined, 24)
  const aggregation = fc.record({
    v4: lengths,
    v6: fc.constantFrom(undefined, 64, 128),
    aggregateComponents: fc.boolean(),
  })

  it('equals the plan from scratch after any changes, and its differences add up to its routes', () => {
    fc.assert(
      fc.property(history, aggregation, (bursts, { v4, v6, aggregateComponents }) => {
        const aggregateLengths = { ...(v4 && { 'ipv4-unicast': v4 }), ...(v6 && { 'ipv6-unicast': v6 }) }
        const options = { ...usual, aggregateLengths, aggregateComponents }
        const view = { nodes: new Map(), services: new Map(), endpointSlices: new Map() }
        const live = new LivePlan(options)
        const advertised = new Map<string, string>()
        let pure: Plan | undefined
        let lastNode: NodeView | undefined
        for (const burst of bursts) {
          const change = { nodes: new Set<string>(), services: new Set<string>(), endpointSlices: new Set<string>() }
          for (const { kind, key, value } of burst) {
            if (value === undefined) view[kind].delete(key)
            else view[kind].set(key, value)
            change[kind].add(key)
          }
          const { set, withdrawn } = live.take(view as View, change satisfies ViewChange, () => settled)
          for (const prefix of withdrawn) advertised.delete(formatPrefix(prefix))
          for (const route of set) advertised.set(formatPrefix(route.prefix), routeInWords(route))
          lastNode = view.nodes.get('n1') ?? lastNode
          pure = plan(view as View, options, { ...pure, settings: pure?.settings, nodeView: lastNode })
          expect(inWords(live.plan!)).to.deep.equal(inWords(pure))
          expect([...advertised.values()].sort()).to.deep.equal(pure.routes.map(routeInWords).sort())
        }
      }),
      { numRuns: 300 },
    )
  })
})
