/**
 * The VIPs of services, one host route each, judged per service, per kind and per family. Each VIP is either a route with its
 * provenance or withheld with the one rule that holds it back. One broken service never affects another.
 */

import { type Address, contains, type Family, formatAddress, formatPrefix, hostPrefix, type Prefix } from 'bgp-ts'
import { familyOfAddress, parseAddress } from '../../policy/index.ts'
import type { OriginatedRoute } from '../../speaker/index.ts'
import { type AttributeSettings, attributeAnnotations, attributeKeys } from '../annotations/attributes.ts'
import { readServiceSettings, type ServiceSettings, serviceAggregate } from '../annotations/service-settings.ts'
import { unknownAnnotations } from '../annotations/unknown.ts'
import { readBool } from '../annotations/values.ts'
import { type Finding, finding } from '../findings.ts'
import { orNone, sharedText } from '../shared.ts'
import type { ServiceView } from '../view.ts'
import { type AggregatePart, aggregateOf, partOf } from './aggregates.ts'
import type { Endpoints } from './endpoints.ts'
import type { Withheld } from './model.ts'
import type { NodeAddresses } from './node-addresses.ts'
import type { Circumstances, Drain } from './node-life.ts'
import type { PlanOptions } from './options.ts'
import { type RouteAttributes, routeAttributes, selectionOf } from './route-attributes.ts'
import { type Obstacle, type Vip, type VipKind, vipsOf } from './vips.ts'
import { obstacle } from './withheld-rules.ts'

export const serviceAnnotations = {
  clusterIp: 'kube-router.io/service.advertise.clusterip',
  externalIp: 'kube-router.io/service.advertise.externalip',
  loadBalancerIp: 'kube-router.io/service.advertise.loadbalancerip',
  local: 'kube-router.io/service.local',
  skipLoadBalancerIps: 'kube-router.io/service.skiplbips',
  withdrawWithoutEndpoints: 'tandem.io/service.withdraw-without-endpoints',
  loadBalancerIps: 'tandem.io/load-balancer-ips',
} as const

const serviceKeys = [...Object.values(serviceAnnotations), ...Object.values(attributeAnnotations), serviceAggregate]

interface KindRule {
  readonly annotation: string
  readonly flag: string
  readonly on: (options: PlanOptions) => boolean
}

const rules: Readonly<Record<VipKind, KindRule>> = {
  'cluster-ip': {
    annotation: serviceAnnotations.clusterIp,
    flag: '--advertise-cluster-ip',
    on: (options) => options.advertiseClusterIp,
  },
  'external-ip': {
    annotation: serviceAnnotations.externalIp,
    flag: '--advertise-external-ip',
    on: (options) => options.advertiseExternalIp,
  },
  'load-balancer-ip': {
    annotation: serviceAnnotations.loadBalancerIp,
    flag: '--advertise-loadbalancer-ip',
    on: (options) => options.advertiseLoadBalancerIp,
  },
}

/** What of one service is said and not said. */
export interface ServicePlan {
  readonly routes: readonly OriginatedRoute[]
  /** Of the VIPs that are advertised, those that an aggregate stands for. */
  readonly parts: readonly AggregatePart[]
  readonly withheld: readonly Withheld[]
  readonly findings: readonly Finding[]
  /** Every VIP of it that no service range covers, advertised or not: none of them may come in from a peer. */
  readonly vips: readonly Prefix[]
  /** What its annotations say now, for the next plan's last good values; undefined where they say nothing. */
  readonly settings: ServiceSettings | undefined
}

/** What a service is judged by, beside itself. */
export interface ServiceContext {
  readonly addresses: NodeAddresses
  readonly endpoints: Endpoints
  readonly drain: Drain | undefined
  readonly circumstances: Circumstances
  /** What the Node says of all its routes. */
  readonly attributes: AttributeSettings
  /** What follows from it for services that say nothing themselves: nearly all. */
  readonly plain: Readonly<Record<Family, RouteAttributes>>
  readonly options: PlanOptions
}

/** `lastGood` is what the service's annotations said in the plan before. */
export function planService(service: ServiceView, context: ServiceContext, lastGood?: ServiceSettings): ServicePlan {
  const object = `service/${service.namespace}/${service.name}`
  const routes: OriginatedRoute[] = []
  const parts: AggregatePart[] = []
  const withheld: Withheld[] = []
  const findings = annotationFindings(service, object)
  findings.push(...unknownAnnotations(service.annotations, object, serviceKeys))
  const settings = readServiceSettings(service, object, findings, lastGood)
  const vips: Prefix[] = []
  const { options } = context
  for (const vip of vipsOf(service)) {
    const address = parseAddress(vip.text)
    if (!address) {
      findings.push(finding('vip-invalid', object, vip.field, vip.text))
      continue
    }
    const prefix = hostPrefix(address)
    const aggregated = aggregationOf(service, vip.kind, prefix, settings, options)
    const aggregate = typeof aggregated === 'object' ? aggregated : undefined
    for (const one of aggregate ? [prefix, aggregate] : [prefix]) {
      if (!options.serviceClusterIpRanges.some((range) => contains(range, one))) vips.push(one)
    }
    const field = sharedText(vip.field)
    const hold = ({ reason, mend }: Obstacle) => {
      const why = { reason: sharedText(reason), mend: sharedText(mend) }
      withheld.push({ prefix: formatPrefix(prefix), kind: vip.kind, object, field, ...why })
    }
    const nextHop = context.addresses.best[prefix.family]
    const held = vip.obstacle ?? judge(service, vip, address, context)
    if (held) hold(held)
    else if (nextHop) {
      const host = typeof aggregated === 'string' ? `; not aggregated: ${aggregated}` : ''
      const rule = sharedText(ruleOf(service, vip.kind, settings, context) + host)
      const said = settings ? vipAttributes(context, prefix.family, settings) : context.plain[prefix.family]
      const route = { prefix, nextHop, ...said, origin: { kind: vip.kind, object, field, rule } }
      if (aggregate) parts.push({ aggregate, route, name: `${formatPrefix(prefix)} of ${object}` })
      if (aggregate && !options.aggregateComponents) hold(partOf(aggregate))
      else routes.push(route)
    }
  }
  return {
    routes: orNone(routes),
    parts: orNone(parts),
    withheld: orNone(withheld),
    findings: orNone(findings),
    vips: orNone(vips),
    settings,
  }
}

/** Where a VIP is part of an aggregate, or why it is not. */
function aggregationOf(
  service: ServiceView,
  kind: VipKind,
  prefix: Prefix,
  settings: ServiceSettings | undefined,
  options: PlanOptions,
): Prefix | string | undefined {
  // Asked first: where nobody wants aggregates, nothing else need be known.
  const length = options.aggregateLengths?.[prefix.family] ?? prefix.length
  if (length >= prefix.length) return undefined
  const endpointRule =
    localField(service, kind) ?? (withdrawsWithoutEndpoints(service, options) ? 'it goes without endpoints' : undefined)
  return aggregateOf({ prefix, length, settings, endpointRule, ...rangesOf(kind, options) })
}

/** What a VIP is sent with, and to whom. */
export function vipAttributes(
  { attributes, drain }: Pick<ServiceContext, 'attributes' | 'drain'>,
  family: Family,
  settings: ServiceSettings = {},
): RouteAttributes {
  const clauses = [...(attributes.to ?? []), ...(settings.to ?? [])]
  const to = selectionOf(attributeAnnotations.to, clauses, family)
  return routeAttributes([attributes, settings], family, drain !== undefined, to)
}

/** The first rule that holds a VIP back, in the order in which an operator would mend them. */
function judge(service: ServiceView, vip: Vip, address: Address, context: ServiceContext): Obstacle | undefined {
  const { addresses, endpoints, options } = context
  return (
    switchedOff(service, vip.kind, options) ??
    ofOthers(service, vip.kind, options) ??
    outsideRanges(vip.kind, address, options) ??
    withoutEndpoint(service, vip.kind, address, endpoints, options) ??
    nodeCannot(context) ??
    withoutNextHop(address, addresses)
  )
}

/** The node leaves, or is not there yet. */
function nodeCannot({ drain, circumstances }: ServiceContext): Obstacle | undefined {
  if (drain && circumstances.drain === 'withdrawn') {
    return obstacle('drained', { signal: drain.signal, mend: drain.mend })
  }
  if (circumstances.gate === undefined) return undefined
  return obstacle('gate-closed', { why: circumstances.gate })
}

const proxyNameLabel = 'service.kubernetes.io/service-proxy-name'

/** Services that another proxy or another load balancer answers for. */
function ofOthers(service: ServiceView, kind: VipKind, options: PlanOptions): Obstacle | undefined {
  const proxy = service.labels[proxyNameLabel] ?? ''
  if (proxy !== options.serviceProxyName) {
    if (proxy === '') return obstacle('proxy-not-named', { label: proxyNameLabel })
    return obstacle('proxy-of-another', { label: proxyNameLabel, value: proxy })
  }
  const { loadBalancerClass = '' } = service
  const classes = options.loadBalancerClasses
  if (kind !== 'load-balancer-ip' || classes.length === 0 || classes.includes(loadBalancerClass)) return undefined
  return obstacle('class-of-another', { class: loadBalancerClass })
}

function switchedOff(service: ServiceView, kind: VipKind, options: PlanOptions): Obstacle | undefined {
  if (kind === 'load-balancer-ip' && serviceAnnotations.skipLoadBalancerIps in service.annotations) {
    return obstacle('load-balancer-skipped', { annotation: serviceAnnotations.skipLoadBalancerIps })
  }
  const { annotation, flag, on } = rules[kind]
  const text = service.annotations[annotation]
  if (text !== undefined) {
    // As in kube-router, what does not parse is false: a VIP is not advertised on a guess.
    return readBool(text) ? undefined : obstacle('annotated-off', { annotation, value: text })
  }
  if (on(options)) return undefined
  return obstacle('switched-off', { flag, annotation })
}

function outsideRanges(kind: VipKind, address: Address, options: PlanOptions): Obstacle | undefined {
  if (kind === 'cluster-ip' || !options.strictExternalIpValidation) return undefined
  const host = hostPrefix(address)
  const inside = (ranges: readonly Prefix[]) => ranges.some((range) => contains(range, host))
  if (inside(options.serviceClusterIpRanges)) return obstacle('in-service-range')
  const { ranges, rangeFlag } = rangesOf(kind, options)
  if (inside(ranges)) return undefined
  return obstacle(ranges.length === 0 ? 'range-empty' : 'outside-range', { range: rangeFlag })
}

function rangesOf(kind: VipKind, options: PlanOptions): { ranges: readonly Prefix[]; rangeFlag: string } {
  switch (kind) {
    case 'cluster-ip':
      return { ranges: options.serviceClusterIpRanges, rangeFlag: '--service-cluster-ip-range' }
    case 'external-ip':
      return { ranges: options.serviceExternalIpRanges, rangeFlag: '--service-external-ip-range' }
    case 'load-balancer-ip':
      return { ranges: options.loadBalancerIpRanges, rangeFlag: '--loadbalancer-ip-range' }
  }
}

function withoutEndpoint(
  service: ServiceView,
  kind: VipKind,
  address: Address,
  endpoints: Endpoints,
  options: PlanOptions,
): Obstacle | undefined {
  const family = familyOfAddress(address)
  const field = localField(service, kind)
  if (field) {
    const elsewhere = endpoints.elsewhere(service, family)
    if (elsewhere === undefined) return undefined
    const words = { family: family === 'ipv4-unicast' ? 'IPv4' : 'IPv6', field }
    return elsewhere > 0
      ? obstacle('endpoint-elsewhere', { ...words, count: elsewhere })
      : obstacle('endpoint-nowhere', words)
  }
  if (!withdrawsWithoutEndpoints(service, options) || endpoints.count(service, family).ready > 0) return undefined
  return obstacle('without-endpoint', { family, annotation: serviceAnnotations.withdrawWithoutEndpoints })
}

function withdrawsWithoutEndpoints(service: ServiceView, options: PlanOptions): boolean {
  const text = service.annotations[serviceAnnotations.withdrawWithoutEndpoints]
  return (text === undefined ? undefined : readBool(text)) ?? options.withdrawWithoutEndpoints
}

/** What makes the VIP Local, or undefined for a Cluster policy. */
function localField(service: ServiceView, kind: VipKind): string | undefined {
  if (kind === 'cluster-ip') {
    return service.internalTrafficPolicy === 'Local' ? 'spec.internalTrafficPolicy: Local' : undefined
  }
  if (service.externalTrafficPolicy === 'Local') return 'spec.externalTrafficPolicy: Local'
  return service.annotations[serviceAnnotations.local] === 'true' ? `${serviceAnnotations.local}: "true"` : undefined
}

function withoutNextHop(address: Address, addresses: NodeAddresses): Obstacle | undefined {
  const family = familyOfAddress(address)
  if (addresses.best[family]) return undefined
  return obstacle('vip-without-next-hop', { family, address: formatAddress(address) })
}

function ruleOf(
  service: ServiceView,
  kind: VipKind,
  settings: ServiceSettings | undefined,
  { drain, attributes }: ServiceContext,
): string {
  const { annotation, flag } = rules[kind]
  const why = annotation in service.annotations ? `annotation ${annotation}` : flag
  const local = localField(service, kind)
  const leaving = drain ? `; leaving (GRACEFUL_SHUTDOWN), because of ${drain.signal}` : ''
  const said = [...new Set([...attributeKeys(attributes), ...attributeKeys(settings ?? {})])]
  const withThem = said.length > 0 ? `; with ${said.join(', ')}` : ''
  return `${why}${local ? `; ${local}, and an endpoint is here` : ''}${withThem}${leaving}`
}

function annotationFindings(service: ServiceView, object: string): Finding[] {
  const wrong = (annotation: string, kind: 'advertise-not-boolean' | 'withdraw-not-boolean') => {
    const text = service.annotations[annotation]
    if (text === undefined || readBool(text) !== undefined) return []
    return [finding(kind, object, annotation, text)]
  }
  return [
    ...Object.values(rules).flatMap(({ annotation }) => wrong(annotation, 'advertise-not-boolean')),
    ...wrong(serviceAnnotations.withdrawWithoutEndpoints, 'withdraw-not-boolean'),
  ]
}
