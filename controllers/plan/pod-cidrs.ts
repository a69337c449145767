/** The pod CIDRs of a node, in the order of precedence: `kube-router.io/pod-cidr`, `pod-cidrs`, `spec.podCIDRs`, `spec.podCIDR`. */

import { formatPrefix, type Prefix } from 'bgp-ts'
import { parsePrefix } from '../../policy/index.ts'
import type { OriginatedRoute } from '../../speaker/index.ts'
import { annotations, type NodeSettings } from '../annotations/node-settings.ts'
import { type Finding, finding } from '../findings.ts'
import type { NodeView } from '../view.ts'
import type { Withheld } from './model.ts'
import type { NodeAddresses } from './node-addresses.ts'
import { routeAttributes, selectionOf } from './route-attributes.ts'
import { obstacle } from './withheld-rules.ts'

export interface PodCidr {
  readonly prefix: Prefix
  readonly field: string
}

export function podCidrsOf(
  node: NodeView,
  settings: NodeSettings | undefined,
): { cidrs: PodCidr[]; findings: Finding[] } {
  if (settings?.podCidrs) {
    const { field, prefixes } = settings.podCidrs
    return { cidrs: prefixes.map((prefix) => ({ prefix, field })), findings: [] }
  }
  const listed = node.podCidrs.map((text, index) => ({ text, field: `spec.podCIDRs[${index}]` }))
  const single = node.podCidr === undefined ? [] : [{ text: node.podCidr, field: 'spec.podCIDR' }]
  const cidrs: PodCidr[] = []
  const findings: Finding[] = []
  for (const { text, field } of listed.length > 0 ? listed : single) {
    const prefix = parsePrefix(text)
    if (prefix) cidrs.push({ prefix, field })
    else findings.push(finding('pod-cidr-invalid', `node/${node.name}`, field, text))
  }
  return { cidrs, findings }
}

/** The routes of the pod CIDRs, each with the node's address of its family as next hop. */
export function podCidrRoutes(
  node: NodeView,
  settings: NodeSettings,
  cidrs: readonly PodCidr[],
  addresses: NodeAddresses,
): { routes: OriginatedRoute[]; withheld: Withheld[] } {
  const routes: OriginatedRoute[] = []
  const withheld: Withheld[] = []
  const object = `node/${node.name}`
  for (const { prefix, field } of cidrs) {
    const nextHop = addresses.best[prefix.family]
    if (nextHop) {
      const origin = { kind: 'pod-cidr', object, field, rule: 'pod CIDR of this node' }
      const to = selectionOf(annotations.podCidrsTo, settings.podCidrsTo ?? [], prefix.family)
      routes.push({ prefix, nextHop, ...routeAttributes([settings.attributes], prefix.family, false, to), origin })
    } else {
      const why = obstacle('pod-cidr-without-next-hop', { family: prefix.family })
      withheld.push({ prefix: formatPrefix(prefix), kind: 'pod-cidr', object, field, ...why })
    }
  }
  return { routes, withheld }
}
