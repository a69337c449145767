/**
 * Everything that a node's annotations set. One that does not parse keeps its last good value and leaves a finding;
 * the others are not touched by it. Pure: the last good values come in and go out as a value.
 */

import type { Prefix } from 'bgp-ts'
import { type Finding, finding } from '../findings.ts'
import type { NodeView } from '../view.ts'
import { type AttributeSettings, attributeAnnotations, readAttributes, readSelection } from './attributes.ts'
import type { Clauses } from './clauses.ts'
import { type Keep, keeper, readOnce } from './keep.ts'
import { legacyAnnotations, type PeerSetting, peersAnnotation, readLegacyPeers, readPeers } from './peers.ts'
import { type NodeTopology, readTopology, topologyAnnotations } from './topology.ts'
import { unknownAnnotations } from './unknown.ts'
import { type Read, readCidr, readCommunity, readList, readSwitch, readUint32, splitList } from './values.ts'

export interface NodeSettings extends NodeTopology {
  /** From `kube-router.io/pod-cidr`, else `pod-cidrs`; undefined where neither is there. */
  readonly podCidrs: { readonly field: string; readonly prefixes: readonly Prefix[] } | undefined
  readonly peers: readonly PeerSetting[]
  readonly communities: readonly number[]
  readonly prepend: { readonly asn: number; readonly count: number } | undefined
  readonly customImportReject: readonly Prefix[]
  /** `tandem.io/drain`. */
  readonly drain: boolean
  /** `tandem.io/bgp.*`: the defaults of all that the node advertises. */
  readonly attributes: AttributeSettings
  /** `tandem.io/bgp.advertise-pod-cidrs-to`. */
  readonly podCidrsTo: Clauses<readonly string[]> | undefined
}

export const annotations = {
  ...topologyAnnotations,
  podCidr: 'kube-router.io/pod-cidr',
  podCidrs: 'kube-router.io/pod-cidrs',
  communities: 'kube-router.io/node.bgp.communities',
  prependAsn: 'kube-router.io/path-prepend.as',
  prependCount: 'kube-router.io/path-prepend.repeat-n',
  customImportReject: 'kube-router.io/node.bgp.customimportreject',
  drain: 'tandem.io/drain',
  podCidrsTo: 'tandem.io/bgp.advertise-pod-cidrs-to',
} as const

const nodeKeys = [...Object.values(annotations), ...Object.values(attributeAnnotations)]

export interface SettledNode {
  readonly settings: NodeSettings
  readonly findings: readonly Finding[]
}

/** The settings of a node, with `lastGood` where an annotation is wrong. */
export function readNodeSettings(node: NodeView, lastGood: NodeSettings | undefined): SettledNode {
  const findings: Finding[] = []
  const object = `node/${node.name}`
  const keep = keeper(object, findings)
  const text = (key: string) => node.annotations[key]
  const read = <Value>(key: string, how: (value: string) => Read<Value>) => {
    const value = text(key)
    return value === undefined ? undefined : how(value)
  }
  const { topology, findings: topologyFindings } = readTopology(node, lastGood)
  findings.push(...topologyFindings)
  const settings: NodeSettings = {
    ...topology,
    podCidrs: readPodCidrs(node, keep, lastGood),
    peers: readNodePeers(node, keep, lastGood),
    communities: readCommunities(node, object, findings),
    prepend: keep(annotations.prependAsn, readPrepend(node), lastGood?.prepend, undefined),
    customImportReject: readImportReject(node, object, findings, lastGood),
    drain: keep(annotations.drain, read(annotations.drain, readSwitch), lastGood?.drain, false),
    attributes: readAttributes(node.annotations, keep, lastGood?.attributes),
    podCidrsTo: keep(
      annotations.podCidrsTo,
      read(annotations.podCidrsTo, (value) => readOnce(annotations.podCidrsTo, value, readSelection)),
      lastGood?.podCidrsTo,
      undefined,
    ),
  }
  findings.push(...unknownAnnotations(node.annotations, object, nodeKeys))
  return { settings, findings }
}

function readPodCidrs(node: NodeView, keep: Keep, lastGood: NodeSettings | undefined): NodeSettings['podCidrs'] {
  for (const field of [annotations.podCidr, annotations.podCidrs]) {
    const text = node.annotations[field]
    if (text === undefined) continue
    const last = lastGood?.podCidrs?.field === field ? lastGood.podCidrs.prefixes : undefined
    const prefixes = keep<readonly Prefix[] | undefined>(field, readList(text, readCidr), last, undefined)
    if (prefixes) return { field, prefixes }
  }
  return undefined
}

function readNodePeers(node: NodeView, keep: Keep, lastGood: NodeSettings | undefined): readonly PeerSetting[] {
  const yaml = node.annotations[peersAnnotation]
  if (yaml !== undefined) return keep<readonly PeerSetting[]>(peersAnnotation, readPeers(yaml), lastGood?.peers, [])
  return keep<readonly PeerSetting[]>(legacyAnnotations.ips, readLegacyPeers(node.annotations), lastGood?.peers, [])
}

/** Wrong items are left out one by one, as kube-router does: a community too few harms less than none. */
function readCommunities(node: NodeView, object: string, findings: Finding[]): number[] {
  const text = node.annotations[annotations.communities]
  if (text === undefined) return []
  return splitList(text).flatMap((item) => {
    const community = readCommunity(item)
    if (community.ok) return [community.value]
    findings.push(
      finding('community-left-out', object, annotations.communities, item, { expected: community.expected }),
    )
    return []
  })
}

function readPrepend(node: NodeView): Read<NodeSettings['prepend']> | undefined {
  const asnText = node.annotations[annotations.prependAsn]
  const countText = node.annotations[annotations.prependCount]
  if (asnText === undefined) return undefined
  const asn = readUint32(asnText)
  if (!asn.ok) return asn
  const count = /^\d+$/.test(countText ?? '') ? Number(countText) : 0
  if (count < 1 || count > 255 || asn.value === 0) {
    const expected = `needs ${annotations.prependCount} from 1 to 255 beside it, and an ASN above 0`
    return { ok: false, item: `${asnText} x ${countText ?? 'nothing'}`, expected }
  }
  return { ok: true, value: { asn: asn.value, count } }
}

/** Both families in one list. Without a last good value the good items still count: refusing too little would let routes in. */
function readImportReject(
  node: NodeView,
  object: string,
  findings: Finding[],
  lastGood: NodeSettings | undefined,
): readonly Prefix[] {
  const text = node.annotations[annotations.customImportReject]
  if (text === undefined || text.trim() === '') return []
  const items = splitList(text).map(readCidr)
  const wrong = items.filter((item) => !item.ok)
  const right = items.flatMap((item) => (item.ok ? [item.value] : []))
  if (wrong.length === 0) return right
  const kept = lastGood?.customImportReject ?? right
  const kind = lastGood ? 'annotation-kept' : 'import-reject-in-part'
  for (const item of wrong) {
    if (item.ok) continue
    findings.push(finding(kind, object, annotations.customImportReject, item.item, { expected: item.expected }))
  }
  return kept
}
