/**
 * plan(): Kubernetes objects in, the whole truth of what this node should say out. Pure and total: the same objects give the
 * same plan, whatever the order of events that led there, and no object can make it throw.
 */

import { type Family, families, formatPrefix, type Prefix } from 'bgp-ts'
import {
  type DefaultExportOptions,
  type DefaultImportOptions,
  defaultExport,
  defaultImport,
  internalRouterExport,
  type Policy,
  rejectAll,
} from '../../policy/index.ts'
import type { OriginatedRoute } from '../../speaker/index.ts'
import { annotations, type NodeSettings, readNodeSettings } from '../annotations/node-settings.ts'
import type { ServiceSettings } from '../annotations/service-settings.ts'
import { type Finding, finding } from '../findings.ts'
import type { NodeView, View } from '../view.ts'
import { planAggregates } from './aggregates.ts'
import { Endpoints, type SlicesOf, slicesByService } from './endpoints.ts'
import type { Neighbours, Plan, PlannedLocal } from './model.ts'
import { addressFindings, type NodeAddresses, nodeAddresses, routerIdOf } from './node-addresses.ts'
import { type Circumstances, drainFinding, drainOf, settled } from './node-life.ts'
import type { PlanOptions } from './options.ts'
import { planPeers } from './peers.ts'
import { podCidrRoutes, podCidrsOf } from './pod-cidrs.ts'
import { planService, type ServiceContext, type ServicePlan, vipAttributes } from './service-vips.ts'

/** Of the plan before. */
export interface Before {
  readonly settings: NodeSettings | undefined
  readonly neighbours?: Neighbours
  readonly nodeView?: NodeView | undefined
  readonly serviceSettings?: ReadonlyMap<string, ServiceSettings>
}

/** `before` is the plan before this one: an annotation that no longer parses falls back to it, and a Node that is gone. */
export function plan(view: View, options: PlanOptions, before?: Before, circumstances: Circumstances = settled): Plan {
  const node = planNode(view, options, before)
  const context = serviceContext(node, slicesByService(view), circumstances, options)
  const keys = [...view.services.keys()].sort()
  const planned = (key: string) => planService(view.services.get(key)!, context!, before?.serviceSettings?.get(key))
  return assemble(node, new Map(context ? keys.map((key) => [key, planned(key)]) : []))
}

type Shown = 'node' | 'local' | 'peers' | 'settings' | 'neighbours' | 'drain' | 'findings'

/** All of a plan that is not about services. */
export interface NodePlan extends Pick<Plan, Shown> {
  /** The Node as it was seen last: it counts, as deleted, once it is gone. No part of the plan that is shown: it has passwords. */
  readonly nodeView: NodeView | undefined
  readonly addresses: NodeAddresses
  readonly podCidrs: readonly Prefix[]
  readonly pods: Pick<Plan, 'routes' | 'withheld'>
  readonly exportPolicy: Policy
  readonly routerExportPolicy: Policy
  readonly importRules: DefaultImportOptions
}

export function planNode(view: View, options: PlanOptions, before?: Before): NodePlan {
  const node = view.nodes.get(options.nodeName) ?? gone(before?.nodeView)
  if (!node) {
    const { nodeName } = options
    return silent(options, [finding('node-unknown', `node/${nodeName}`, 'metadata.name', nodeName)])
  }
  const { settings, findings: settingFindings } = readNodeSettings(node, before?.settings)
  const addresses = nodeAddresses(node, options)
  const drain = drainOf(node, settings, options)
  const findings = [
    ...settingFindings,
    ...addressFindings(node, addresses, options),
    ...(drain ? [drainFinding(node, drain)] : []),
  ]
  const local = planLocal(node, settings, addresses, options)
  if ('severity' in local) {
    const neighbours = before?.neighbours ?? {}
    return { ...silent(options, [...findings, local]), settings, neighbours, nodeView: node, drain }
  }
  const own = podCidrsOf(node, settings)
  const peers = planPeers({ view, node, settings, addresses, asn: local.asn, options, before: before?.neighbours })
  const reflects = local.clusterId !== undefined
  const exporting: DefaultExportOptions = {
    podCidrsToExternal: options.advertisePodCidr,
    communities: settings.communities,
    ...(settings.prepend && { prepend: settings.prepend }),
    nextHopSelf: options.overrideNextHop,
    reflects,
  }
  return {
    node: node.name,
    local,
    peers: peers.peers,
    settings,
    neighbours: peers.neighbours,
    nodeView: node,
    drain,
    addresses,
    podCidrs: own.cidrs.map(({ prefix }) => prefix),
    pods: podCidrRoutes(node, settings, own.cidrs, addresses),
    findings: [...findings, ...own.findings, ...peers.findings],
    exportPolicy: defaultExport(exporting),
    routerExportPolicy: internalRouterExport(exporting),
    importRules: {
      default: options.importDefault,
      reflects,
      ownPodCidrs: own.cidrs.map(({ prefix }) => prefix),
      clusterPodCidrs: otherPodCidrs(view, node),
      serviceCidrs: options.serviceClusterIpRanges,
      vips: [],
      customImportReject: settings.customImportReject,
    },
  }
}

/** Undefined while nothing is said to anybody. */
export function serviceContext(
  { local, nodeView, addresses, drain, settings }: NodePlan,
  slicesOf: SlicesOf,
  circumstances: Circumstances,
  options: PlanOptions,
): ServiceContext | undefined {
  if (!local || !nodeView || !settings) return undefined
  const endpoints = new Endpoints(slicesOf, nodeView.name, addresses.all)
  const { attributes } = settings
  const plain = (family: Family) => vipAttributes({ attributes, drain }, family)
  return {
    addresses,
    endpoints,
    drain,
    circumstances,
    attributes,
    plain: { 'ipv4-unicast': plain('ipv4-unicast'), 'ipv6-unicast': plain('ipv6-unicast') },
    options,
  }
}

/** The parts as one plan; services in the order of their names. */
export function assemble(node: NodePlan, byName: ReadonlyMap<string, ServicePlan>): Plan {
  const { local, peers, settings, neighbours, drain, pods, exportPolicy, routerExportPolicy, importRules } = node
  const services = [...byName.values()]
  const aggregated = planAggregates(
    node.node,
    services.flatMap(({ parts }) => parts),
  )
  const vips = new Map<string, Prefix>()
  for (const vip of services.flatMap((service) => service.vips)) vips.set(formatPrefix(vip), vip)
  return {
    node: node.node,
    local,
    peers,
    routes: local
      ? withoutRepeats([...pods.routes, ...services.flatMap(({ routes }) => routes), ...aggregated.routes])
      : [],
    aggregates: aggregated.aggregates,
    withheld: [...pods.withheld, ...services.flatMap(({ withheld }) => withheld)],
    findings: [...node.findings, ...services.flatMap(({ findings }) => findings)],
    exportPolicy,
    routerExportPolicy,
    importPolicy: local ? defaultImport({ ...importRules, vips: [...vips.values()] }) : rejectAll,
    settings,
    serviceSettings: settingsOf(byName),
    neighbours,
    drain,
  }
}

/** What services' annotations say, of those that say anything: the memory of the next plan. */
export function settingsOf(services: ReadonlyMap<string, ServicePlan>): ReadonlyMap<string, ServiceSettings> {
  return new Map([...services].flatMap(([key, { settings }]) => (settings ? [[key, settings] as const] : [])))
}

/** Several objects may justify one prefix: the first of them gives it its provenance. */
function withoutRepeats(routes: readonly OriginatedRoute[]): OriginatedRoute[] {
  const first = new Map<string, OriginatedRoute>()
  for (const route of routes) {
    const key = formatPrefix(route.prefix)
    if (!first.has(key)) first.set(key, route)
  }
  return [...first.values()]
}

/** A Node that was there and no longer is: it leaves as one that is being deleted. */
function gone(node: NodeView | undefined): NodeView | undefined {
  return node && { ...node, deleting: true }
}

function planLocal(
  node: NodeView,
  settings: NodeSettings,
  addresses: NodeAddresses,
  options: PlanOptions,
): PlannedLocal | Finding {
  const object = `node/${node.name}`
  const routerId = routerIdOf(addresses, options)
  if (routerId === undefined) {
    return finding('node-without-address', object, 'status.addresses', 'none')
  }
  if (!options.nodesFullMesh && settings.asn === undefined) {
    return finding('node-without-asn', object, annotations.asn, 'none')
  }
  return {
    asn: options.nodesFullMesh ? options.clusterAsn : (settings.asn ?? options.clusterAsn),
    routerId,
    clusterId: settings.serverOf,
    addresses: addresses.best,
    families: families.filter((family) => addresses.best[family] !== undefined),
  }
}

function otherPodCidrs(view: View, own: NodeView): Prefix[] {
  return [...view.nodes.values()]
    .filter((node) => node.name !== own.name)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((node) => podCidrsOf(node, readNodeSettings(node, undefined).settings).cidrs.map(({ prefix }) => prefix))
}

/** Nothing to anybody, with the reason. */
function silent(options: PlanOptions, findings: readonly Finding[]): NodePlan {
  const nothing: readonly Prefix[] = []
  return {
    node: options.nodeName,
    local: undefined,
    peers: [],
    settings: undefined,
    neighbours: {},
    nodeView: undefined,
    drain: undefined,
    addresses: { primary: undefined, best: {}, all: [] },
    podCidrs: nothing,
    pods: { routes: [], withheld: [] },
    findings,
    exportPolicy: rejectAll,
    routerExportPolicy: rejectAll,
    importRules: {
      default: 'reject',
      reflects: false,
      ownPodCidrs: nothing,
      clusterPodCidrs: nothing,
      serviceCidrs: nothing,
      vips: nothing,
      customImportReject: nothing,
    },
  }
}
