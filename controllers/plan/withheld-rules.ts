/**
 * Every rule that withholds a route: its reason, and what to change for the route to be there. Nothing else withholds one, so
 * docs/findings.md is this table. Reason and mend are functions of a few words; the page shows the names of those words.
 */

import type { Obstacle } from './vips.ts'

export interface WithheldRule<Words extends readonly unknown[]> {
  readonly reason: (...words: Words) => string
  readonly mend: (...words: Words) => string
  /** Of which routes, and what the rule is for. */
  readonly when: string
}

type Words<Name extends string> = Readonly<Record<Name, string>>

const rule = <Given extends readonly unknown[]>(row: WithheldRule<Given>) => row

/** The policy that asks for no endpoint: `field` is its name and the value Local. */
const clusterIn = (field: string) => `${field.replace(/: Local$/, '')}: Cluster`
const strictOff = '--strict-external-ip-validation=false'

/** In the order in which they are asked: the first that applies is the one that is shown. */
export const withheldRules = {
  headless: rule({
    reason: () => 'the service is headless: nothing of it is advertised',
    mend: () => 'spec.clusterIP',
    when: 'External and load-balancer addresses of a headless Service: no proxy answers for them.',
  }),
  'mode-proxy': rule<[Words<'field'>]>({
    reason: () => 'its ipMode is Proxy: the load balancer answers for it, not the nodes',
    mend: ({ field }) => `${field}.ipMode`,
    when: 'A load-balancer address with `ipMode: Proxy`.',
  }),
  'load-balancer-skipped': rule({
    reason: ({ annotation }: Words<'annotation'>) => `the service has the annotation ${annotation}`,
    mend: ({ annotation }) => annotation,
    when: 'Load-balancer addresses of a Service with `kube-router.io/service.skiplbips`.',
  }),
  'annotated-off': rule({
    reason: ({ annotation, value }: Words<'annotation' | 'value'>) => `annotation ${annotation} is "${value}"`,
    mend: ({ annotation }) => annotation,
    when: 'An annotation `kube-router.io/service.advertise.*` that is not true.',
  }),
  'switched-off': rule({
    reason: ({ flag, annotation }: Words<'flag' | 'annotation'>) =>
      `${flag} is off, and the service has no annotation ${annotation}`,
    mend: ({ flag, annotation }) => `${flag}, or ${annotation}: "true"`,
    when: 'Addresses of a kind that is not advertised by default.',
  }),
  'proxy-not-named': rule({
    reason: ({ label }: Words<'label'>) => `it has no label ${label}, so the proxy of this node does not answer for it`,
    mend: () => '--service-proxy-name',
    when: '`--service-proxy-name` is given, and the Service has no such label.',
  }),
  'proxy-of-another': rule({
    reason: ({ label, value }: Words<'label' | 'value'>) =>
      `its label ${label} is "${value}", so the proxy of this node does not answer for it`,
    mend: () => '--service-proxy-name',
    when: 'The label of the Service names another proxy than `--service-proxy-name`.',
  }),
  'class-of-another': rule({
    reason: ({ class: name }: Words<'class'>) => `its load-balancer class "${name}" is not in --loadbalancer-classes`,
    mend: () => 'spec.loadBalancerClass, or --loadbalancer-classes',
    when: 'Load-balancer addresses of another load balancer ([howto/beside-metallb.md](howto/beside-metallb.md)).',
  }),
  'in-service-range': rule({
    reason: () => 'it lies in --service-cluster-ip-range',
    mend: () => `another address, or ${strictOff}`,
    when: 'An external or load-balancer address that could be the cluster IP of another Service.',
  }),
  'range-empty': rule({
    reason: ({ range }: Words<'range'>) => `${range} is empty, so no such address is allowed`,
    mend: ({ range }) => `${range}, or ${strictOff}`,
    when: 'An external or load-balancer address, and no range for its kind is given.',
  }),
  'outside-range': rule({
    reason: ({ range }: Words<'range'>) => `it is outside ${range}`,
    mend: ({ range }) => `${range}, or ${strictOff}`,
    when: 'An external or load-balancer address outside the ranges of its kind: whoever may edit Services must not draw the traffic of any address.',
  }),
  'endpoint-elsewhere': rule({
    reason: ({ family, count, field }: Words<'family' | 'field'> & { readonly count: number }) =>
      `no ready ${family} endpoint is on this node (${count} elsewhere), and ${field} asks for one`,
    mend: ({ family, field }) => `a ready ${family} endpoint on this node, or ${clusterIn(field)}`,
    when: 'A VIP under a Local policy, on a node without an endpoint of its family: other nodes advertise it.',
  }),
  'endpoint-nowhere': rule({
    reason: ({ family, field }: Words<'family' | 'field'>) =>
      `no ready ${family} endpoint is on any node, and ${field} asks for one`,
    mend: ({ family, field }) => `a ready ${family} endpoint, or ${clusterIn(field)}`,
    when: 'A VIP under a Local policy, of a Service without endpoints of its family.',
  }),
  'without-endpoint': rule({
    reason: ({ family }: Words<'family' | 'annotation'>) => `no ready endpoint of ${family} is on any node`,
    mend: ({ annotation }) => `a ready endpoint, or ${annotation}: "false"`,
    when: 'A VIP under a Cluster policy, with `--withdraw-without-endpoints` or its annotation.',
  }),
  drained: rule({
    reason: ({ signal }: Words<'signal' | 'mend'>) => `this node is drained: ${signal}`,
    mend: ({ mend }) => mend,
    when: 'All VIPs of a node that is drained ([howto/maintenance.md](howto/maintenance.md)). Pod CIDRs stay.',
  }),
  'gate-closed': rule({
    reason: ({ why }: Words<'why'>) => `the gate is closed: ${why}`,
    mend: () => '--gate, or what it waits for',
    when: 'All VIPs of a node that cannot forward yet, with `--gate`.',
  }),
  'vip-without-next-hop': rule({
    reason: ({ family, address }: Words<'family' | 'address'>) =>
      `the node has no address of ${family} to be the next hop of ${address}`,
    mend: () => 'status.addresses of the Node',
    when: 'VIPs of a family that the node has no address of. Those of the other family are advertised.',
  }),
  'pod-cidr-without-next-hop': rule({
    reason: ({ family }: Words<'family'>) => `the node has no address of ${family} to be the next hop`,
    mend: () => 'status.addresses of the Node',
    when: 'Pod CIDRs of a family that the node has no address of.',
  }),
  aggregated: rule({
    reason: ({ aggregate }: Words<'aggregate' | 'annotation'>) =>
      `it is part of the aggregate ${aggregate}, which is advertised in its place`,
    mend: ({ annotation }) => `--aggregate-vips-components, or ${annotation}: "false"`,
    when: 'VIPs that an aggregate stands for ([annotations.md](annotations.md)).',
  }),
} as const

export type WithheldName = keyof typeof withheldRules

/** `words` are those that the rule says. */
export function obstacle<Name extends WithheldName>(
  name: Name,
  ...words: Parameters<(typeof withheldRules)[Name]['reason']>
): Obstacle {
  const { reason, mend } = withheldRules[name] as WithheldRule<readonly unknown[]>
  return { reason: reason(...words), mend: mend(...words) }
}
