/**
 * plan(): Kubernetes objects in, the whole truth of what this node should say out. Pure and total: the same objects give the
 * same plan, whatever the order of events that led there, and no object can make it throw.
 */

import { contains, families, type Prefix } from 'bgp-ts'
import { defaultExport, defaultImport, rejectAll } from '../../policy/index.ts'
import { annotations, type NodeSettings, readNodeSettings } from '../annotations/node-settings.ts'
import { type Finding, finding } from '../findings.ts'
import type { NodeView, View } from '../view.ts'
import { Endpoints } from './endpoints.ts'
import type { Plan, PlannedLocal } from './model.ts'
import { addressFindings, type NodeAddresses, nodeAddresses, routerIdOf } from './node-addresses.ts'
import type { PlanOptions } from './options.ts'
import { planPeers } from './peers.ts'
import { podCidrRoutes, podCidrsOf } from './pod-cidrs.ts'
import { planServices } from './service-vips.ts'

/** `lastGood` is the `settings` of the plan before: what an annotation that no longer parses falls back to. */
export function plan(view: View, options: PlanOptions, lastGood?: NodeSettings): Plan {
  const node = view.nodes.get(options.nodeName)
  if (!node) {
    const message = 'is not among the Nodes: check --hostname-override, and that the Node exists'
    return silent(options, lastGood, [finding(`node/${options.nodeName}`, 'metadata.name', options.nodeName, message)])
  }
  const { settings, findings: settingFindings } = readNodeSettings(node, lastGood)
  const addresses = nodeAddresses(node, options)
  const findings = [...settingFindings, ...addressFindings(node, addresses, options)]
  const local = planLocal(node, settings, addresses, options)
  if ('severity' in local) return silent(options, settings, [...findings, local])
  const own = podCidrsOf(node, settings)
  const pods = podCidrRoutes(node, own.cidrs, addresses)
  const services = planServices(view, addresses, new Endpoints(view, node.name, addresses.all), options)
  const peers = planPeers(view, node, settings, addresses, local.asn, options)
  return {
    node: node.name,
    local,
    peers: peers.peers,
    routes: [...pods.routes, ...services.routes],
    withheld: [...pods.withheld, ...services.withheld],
    findings: [...findings, ...own.findings, ...services.findings, ...peers.findings],
    exportPolicy: defaultExport({
      podCidrsToExternal: options.advertisePodCidr,
      communities: settings.communities,
      ...(settings.prepend && { prepend: settings.prepend }),
      nextHopSelf: options.overrideNextHop,
    }),
    importPolicy: defaultImport({
      default: options.importDefault,
      ownPodCidrs: own.cidrs.map(({ prefix }) => prefix),
      clusterPodCidrs: otherPodCidrs(view, node),
      serviceCidrs: options.serviceClusterIpRanges,
      vips: services.vips.filter((vip) => !options.serviceClusterIpRanges.some((range) => contains(range, vip))),
      customImportReject: settings.customImportReject,
    }),
    settings,
  }
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
    return finding(
      object,
      'status.addresses',
      'none',
      'has no InternalIP and no ExternalIP: without an address there is no peering',
    )
  }
  if (!options.nodesFullMesh && settings.asn === undefined) {
    return finding(object, annotations.asn, 'none', 'is needed with --nodes-full-mesh=false: the ASN of this node')
  }
  return {
    asn: options.nodesFullMesh ? options.clusterAsn : (settings.asn ?? options.clusterAsn),
    routerId,
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
function silent(options: PlanOptions, settings: NodeSettings | undefined, findings: readonly Finding[]): Plan {
  return {
    node: options.nodeName,
    local: undefined,
    peers: [],
    routes: [],
    withheld: [],
    findings,
    importPolicy: rejectAll,
    exportPolicy: rejectAll,
    settings,
  }
}
