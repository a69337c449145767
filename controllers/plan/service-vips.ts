/**
 * The VIPs of services, one host route each, judged per service, per kind and per family. Each VIP is either a route with its
 * provenance or withheld with the one rule that holds it back. One broken service never affects another.
 */

import { type Address, contains, type Family, formatAddress, formatPrefix, hostPrefix, type Prefix } from 'bgp-ts'
import { familyOfAddress, parseAddress } from '../../policy/index.ts'
import type { OriginatedRoute } from '../../speaker/index.ts'
import { type AttributeSettings, attributeAnnotations, attributeKeys } from '../annotations/attributes.ts'
import { readServiceSettings, type ServiceSettings } from '../annotations/service-settings.ts'
import { readBool } from '../annotations/values.ts'
import { type Finding, finding } from '../findings.ts'
import { orNone, sharedText } from '../shared.ts'
import type { ServiceView } from '../view.ts'
import type { Endpoints } from './endpoints.ts'
import type { Withheld } from './model.ts'
import type { NodeAddresses } from './node-addresses.ts'
import type { Circumstances, Drain } from './node-life.ts'
import type { PlanOptions } from './options.ts'
import { type RouteAttributes, routeAttributes, selectionOf } from './route-attributes.ts'

export const serviceAnnotations = {
  clusterIp: 'kube-router.io/service.advertise.clusterip',
  externalIp: 'kube-router.io/service.advertise.externalip',
  loadBalancerIp: 'kube-router.io/service.advertise.loadbalancerip',
  local: 'kube-router.io/service.local',
  skipLoadBalancerIps: 'kube-router.io/service.skiplbips',
  withdrawWithoutEndpoints: 'tandem.io/service.withdraw-without-endpoints',
} as const

type VipKind = 'cluster-ip' | 'external-ip' | 'load-balancer-ip'

interface Vip {
  readonly kind: VipKind
  readonly text: string
  readonly field: string
  /** A reason of the field itself. */
  readonly obstacle?: Obstacle
}

interface Obstacle {
  readonly reason: string
  readonly mend: string
}

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
  const withheld: Withheld[] = []
  const findings = annotationFindings(service, object)
  const settings = readServiceSettings(service, object, findings, lastGood)
  const vips: Prefix[] = []
  const { options } = context
  for (const vip of vipsOf(service)) {
    const address = parseAddress(vip.text)
    if (!address) {
      findings.push(finding(object, vip.field, vip.text, 'is not an IP address; it is not advertised'))
      continue
    }
    const prefix = hostPrefix(address)
    if (!options.serviceClusterIpRanges.some((range) => contains(range, prefix))) vips.push(prefix)
    const nextHop = context.addresses.best[prefix.family]
    const obstacle = vip.obstacle ?? judge(service, vip, address, context)
    if (obstacle) {
      const [field, reason, mend] = [vip.field, obstacle.reason, obstacle.mend].map(sharedText) as [
        string,
        string,
        string,
      ]
      withheld.push({ prefix: formatPrefix(prefix), kind: vip.kind, object, field, reason, mend })
    } else if (nextHop) {
      const rule = sharedText(ruleOf(service, vip.kind, settings, context))
      const field = sharedText(vip.field)
      const said = settings ? vipAttributes(context, prefix.family, settings) : context.plain[prefix.family]
      routes.push({ prefix, nextHop, ...said, origin: { kind: vip.kind, object, field, rule } })
    }
  }
  return {
    routes: orNone(routes),
    withheld: orNone(withheld),
    findings: orNone(findings),
    vips: orNone(vips),
    settings,
  }
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

/** Every address that the service could be reached by; none for types that have no VIP. */
function vipsOf(service: ServiceView): Vip[] {
  if (!['ClusterIP', 'NodePort', 'LoadBalancer'].includes(service.type)) return []
  const headless = service.clusterIp === 'None' || (!service.clusterIp && service.clusterIps.length === 0)
  const obstacle = headless
    ? { reason: 'the service is headless: nothing of it is advertised', mend: 'spec.clusterIP' }
    : undefined
  const external = service.externalIps.map((text, index): Vip => {
    return { kind: 'external-ip', text, field: `spec.externalIPs[${index}]`, ...(obstacle && { obstacle }) }
  })
  return [...(headless ? [] : clusterIps(service)), ...external, ...loadBalancerIps(service, obstacle)]
}

function clusterIps(service: ServiceView): Vip[] {
  const listed = service.clusterIps.map(
    (text, index): Vip => ({ kind: 'cluster-ip', text, field: `spec.clusterIPs[${index}]` }),
  )
  const { clusterIp } = service
  if (!clusterIp || service.clusterIps.includes(clusterIp)) return listed
  return [...listed, { kind: 'cluster-ip', text: clusterIp, field: 'spec.clusterIP' }]
}

function loadBalancerIps(service: ServiceView, headless: Obstacle | undefined): Vip[] {
  if (service.type !== 'LoadBalancer') return []
  return service.ingress.flatMap(({ ip, ipMode }, index): Vip[] => {
    if (ip === undefined) return []
    const field = `status.loadBalancer.ingress[${index}].ip`
    const proxied = {
      reason: 'its ipMode is Proxy: the load balancer answers for it, not the nodes',
      mend: `status.loadBalancer.ingress[${index}].ipMode`,
    }
    const obstacle = headless ?? (ipMode === 'Proxy' ? proxied : undefined)
    return [{ kind: 'load-balancer-ip', text: ip, field, ...(obstacle && { obstacle }) }]
  })
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
    return { reason: `this node is drained: ${drain.signal}`, mend: drain.mend }
  }
  if (circumstances.gate === undefined) return undefined
  return { reason: `the gate is closed: ${circumstances.gate}`, mend: '--gate, or what it waits for' }
}

const proxyNameLabel = 'service.kubernetes.io/service-proxy-name'

/** Services that another proxy or another load balancer answers for. */
function ofOthers(service: ServiceView, kind: VipKind, options: PlanOptions): Obstacle | undefined {
  const proxy = service.labels[proxyNameLabel] ?? ''
  if (proxy !== options.serviceProxyName) {
    const reason = proxy === '' ? `it has no label ${proxyNameLabel}` : `its label ${proxyNameLabel} is "${proxy}"`
    return { reason: `${reason}, so the proxy of this node does not answer for it`, mend: '--service-proxy-name' }
  }
  const { loadBalancerClass = '' } = service
  const classes = options.loadBalancerClasses
  if (kind !== 'load-balancer-ip' || classes.length === 0 || classes.includes(loadBalancerClass)) return undefined
  const reason = `its load-balancer class "${loadBalancerClass}" is not in --loadbalancer-classes`
  return { reason, mend: 'spec.loadBalancerClass, or --loadbalancer-classes' }
}

function switchedOff(service: ServiceView, kind: VipKind, options: PlanOptions): Obstacle | undefined {
  if (kind === 'load-balancer-ip' && serviceAnnotations.skipLoadBalancerIps in service.annotations) {
    const key = serviceAnnotations.skipLoadBalancerIps
    return { reason: `the service has the annotation ${key}`, mend: key }
  }
  const { annotation, flag, on } = rules[kind]
  const text = service.annotations[annotation]
  if (text !== undefined) {
    // As in kube-router, what does not parse is false: a VIP is not advertised on a guess.
    return readBool(text) ? undefined : { reason: `annotation ${annotation} is "${text}"`, mend: annotation }
  }
  if (on(options)) return undefined
  return {
    reason: `${flag} is off, and the service has no annotation ${annotation}`,
    mend: `${flag}, or ${annotation}: "true"`,
  }
}

function outsideRanges(kind: VipKind, address: Address, options: PlanOptions): Obstacle | undefined {
  if (kind === 'cluster-ip' || !options.strictExternalIpValidation) return undefined
  const host = hostPrefix(address)
  const inside = (ranges: readonly Prefix[]) => ranges.some((range) => contains(range, host))
  const off = '--strict-external-ip-validation=false'
  if (inside(options.serviceClusterIpRanges)) {
    return { reason: 'it lies in --service-cluster-ip-range', mend: `another address, or ${off}` }
  }
  const external = kind === 'external-ip'
  const ranges = external ? options.serviceExternalIpRanges : options.loadBalancerIpRanges
  const flag = external ? '--service-external-ip-range' : '--loadbalancer-ip-range'
  if (inside(ranges)) return undefined
  const reason = ranges.length === 0 ? `${flag} is empty, so no such address is allowed` : `it is outside ${flag}`
  return { reason, mend: `${flag}, or ${off}` }
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
    const obstacle = endpoints.obstacle(service, family)
    return obstacle === undefined ? undefined : { reason: `${obstacle}, and ${field} asks for one`, mend: field }
  }
  if (!withdrawsWithoutEndpoints(service, options) || endpoints.count(service, family).ready > 0) return undefined
  const mend = `a ready endpoint, or ${serviceAnnotations.withdrawWithoutEndpoints}: "false"`
  return { reason: `no ready endpoint of ${family} is on any node`, mend }
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
  return {
    reason: `the node has no address of ${family} to be the next hop of ${formatAddress(address)}`,
    mend: 'status.addresses of the Node',
  }
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
  const wrong = (annotation: string, meanwhile: string) => {
    const text = service.annotations[annotation]
    if (text === undefined || readBool(text) !== undefined) return []
    return [finding(object, annotation, text, `is neither "true" nor "false"; ${meanwhile}`)]
  }
  return [
    ...Object.values(rules).flatMap(({ annotation }) => wrong(annotation, 'it counts as false')),
    ...wrong(serviceAnnotations.withdrawWithoutEndpoints, 'the flag of the same name counts'),
  ]
}
