/**
 * The pair of policies that a Kubernetes node runs with: out goes only what the node originates, and nothing that is
 * the node's or the cluster's own ever comes in, from the first message of the first session.
 */

import type { Prefix } from 'bgp-ts'
import type { Actions, Policy, Statement } from './policy.ts'
import { defaultRoutes, exactEntry, insideEntry, type PrefixEntry, PrefixSet } from './prefix-set.ts'

/** `aggregate` is a prefix that stands for VIPs. */
export const vipKinds = ['cluster-ip', 'external-ip', 'load-balancer-ip', 'aggregate'] as const
export const podCidrKind = 'pod-cidr'

export interface DefaultExportOptions {
  /** `--advertise-pod-cidr`: to external peers; internal ones always get the pod CIDRs. */
  readonly podCidrsToExternal: boolean
  readonly communities: readonly number[]
  readonly prepend?: { readonly asn: number; readonly count: number }
  /** `--override-nexthop`, towards external peers. */
  readonly nextHopSelf: boolean
  /** `kube-router.io/rr.server`: routes of internal peers to internal peers, as far as RFC 4456 lets them. */
  readonly reflects?: boolean
}

/**
 * VIPs to external peers only; pod CIDRs to internal peers, and to external ones unless switched off. Never transit: even a route reflector
 * passes on within the AS alone, and nothing of what an external peer said.
 */
export function defaultExport(options: DefaultExportOptions): Policy {
  const { communities, prepend, nextHopSelf, reflects } = options
  const set: Actions = {
    ...(communities.length > 0 && { addCommunities: communities }),
    ...(prepend && { prepend }),
    ...(nextHopSelf && { nextHop: 'self' as const }),
  }
  const accept = (name: string, kinds: readonly string[], peerType: 'external' | 'internal'): Statement => ({
    name,
    match: { source: 'originated', kinds, peerType },
    action: 'accept',
    ...(peerType === 'external' && Object.keys(set).length > 0 && { set }),
  })
  const reject = (name: string, match: Statement['match']): Statement => ({ name, match, action: 'reject' })
  return {
    name: 'default export',
    default: 'reject',
    statements: [
      accept('pod CIDRs to internal peers', [podCidrKind], 'internal'),
      accept('service VIPs to external peers', vipKinds, 'external'),
      ...(options.podCidrsToExternal
        ? [accept('pod CIDRs to external peers', [podCidrKind], 'external')]
        : [
            reject('--advertise-pod-cidr is false', {
              source: 'originated',
              kinds: [podCidrKind],
              peerType: 'external',
            }),
          ]),
      reject('service VIPs go to external peers only', { source: 'originated', kinds: vipKinds, peerType: 'internal' }),
      ...(reflects ? [reflection] : []),
      reject('not originated by this node', { source: 'learned' }),
    ],
  }
}

const reflection: Statement = {
  name: 'route reflection, kube-router.io/rr.server',
  match: { source: 'learned', learnedFrom: 'internal', peerType: 'internal' },
  action: 'accept',
}

export interface DefaultImportOptions {
  readonly default: 'accept' | 'reject'
  /** `kube-router.io/rr.server`: what is not taken in cannot be reflected, so the pod CIDRs of other nodes are, whatever the default. */
  readonly reflects?: boolean
  /** This node's pod CIDRs: nothing inside them comes from outside. */
  readonly ownPodCidrs: readonly Prefix[]
  /** The cluster's service ranges, whole. */
  readonly serviceCidrs: readonly Prefix[]
  /** External and load-balancer addresses, and ClusterIPs outside the ranges. */
  readonly vips: readonly Prefix[]
  /** Pod CIDRs of other nodes: rejected from external peers, learned from internal ones. */
  readonly clusterPodCidrs: readonly Prefix[]
  /** `kube-router.io/node.bgp.customimportreject`: each prefix and all its more specifics. */
  readonly customImportReject: readonly Prefix[]
}

/**
 * The same towards a router of our own AS, as kube-router has it: VIPs too, which other nodes are not sent. The path stays as it is,
 * because inside the AS nobody prepends (RFC 4271 section 5.1.2). What is reflected are pod CIDRs of nodes, so one switch is for both.
 */
export function internalRouterExport(options: DefaultExportOptions): Policy {
  const { podCidrsToExternal, communities, nextHopSelf, reflects } = options
  const set: Actions = {
    ...(communities.length > 0 && { addCommunities: communities }),
    ...(nextHopSelf && { nextHop: 'self' as const }),
  }
  const statement = (name: string, kinds: readonly string[], action: 'accept' | 'reject'): Statement => ({
    name,
    match: { source: 'originated', kinds },
    action,
    ...(action === 'accept' && Object.keys(set).length > 0 && { set }),
  })
  return {
    name: 'default export to routers of this AS',
    default: 'reject',
    statements: [
      statement('service VIPs to routers of this AS', vipKinds, 'accept'),
      podCidrsToExternal
        ? statement('pod CIDRs to routers of this AS', [podCidrKind], 'accept')
        : statement('--advertise-pod-cidr is false', [podCidrKind], 'reject'),
      ...(reflects && podCidrsToExternal ? [reflection] : []),
      { name: 'not originated by this node', match: { source: 'learned' }, action: 'reject' },
    ],
  }
}

/** The rejects that always hold, in both families, then the default of `--import-default`. */
export function defaultImport(options: DefaultImportOptions): Policy {
  const reject = (
    name: string,
    prefixes: readonly Prefix[],
    entry: (prefix: Prefix) => PrefixEntry,
    peerType?: 'external',
  ): Statement[] => {
    if (prefixes.length === 0) return []
    const match = { prefixes: new PrefixSet(prefixes.map(entry)), ...(peerType && { peerType }) }
    return [{ name, match, action: 'reject' }]
  }
  return {
    name: 'default import',
    default: options.default,
    statements: [
      ...reject('default route', defaultRoutes, exactEntry),
      ...reject("this node's pod CIDRs", options.ownPodCidrs, insideEntry),
      ...reject("the cluster's pod CIDRs", options.clusterPodCidrs, insideEntry, 'external'),
      ...reject("the cluster's service CIDRs", options.serviceCidrs, insideEntry),
      ...reject('service VIPs', options.vips, exactEntry),
      ...reject('kube-router.io/node.bgp.customimportreject', options.customImportReject, insideEntry),
      ...(options.reflects && options.default === 'reject' ? toReflect(options.clusterPodCidrs) : []),
    ],
  }
}

function toReflect(podCidrs: readonly Prefix[]): Statement[] {
  if (podCidrs.length === 0) return []
  const match = { prefixes: new PrefixSet(podCidrs.map(insideEntry)), peerType: 'internal' } as const
  return [{ name: "the cluster's pod CIDRs, to reflect them", match, action: 'accept' }]
}
