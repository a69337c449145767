/** Whom this node peers with: the routers of flags or annotations, and the other nodes. */

import { type Address, families, formatAddress } from 'bgp-ts'
import { familyOfAddress } from '../../policy/index.ts'
import { annotations, type NodeSettings } from '../annotations/node-settings.ts'
import { legacyAnnotations, type PeerSetting, peersAnnotation } from '../annotations/peers.ts'
import { readUint32 } from '../annotations/values.ts'
import { type Finding, warning } from '../findings.ts'
import type { NodeView, View } from '../view.ts'
import type { PlannedPeer } from './model.ts'
import { type NodeAddresses, nodeAddresses } from './node-addresses.ts'
import type { PlanOptions } from './options.ts'

export interface PeersPlan {
  readonly peers: readonly PlannedPeer[]
  readonly findings: readonly Finding[]
}

export function planPeers(
  view: View,
  node: NodeView,
  settings: NodeSettings,
  addresses: NodeAddresses,
  asn: number,
  options: PlanOptions,
): PeersPlan {
  const routers = externalPeers(node, settings, addresses, asn, options)
  const nodes = options.enableIbgp ? nodePeers(view, node, addresses, asn, options) : { peers: [], findings: [] }
  const names = new Set(routers.map(({ name }) => name))
  return {
    peers: [...routers, ...nodes.peers.filter(({ name }) => !names.has(name))],
    findings: [...routers.flatMap(trimmedPassword), ...nodes.findings],
  }
}

/** Flags, else `kube-router.io/peers`, else `peer.*`: alternatives, never added up. */
function externalPeers(
  node: NodeView,
  settings: NodeSettings,
  addresses: NodeAddresses,
  asn: number,
  options: PlanOptions,
): PlannedPeer[] {
  const fromFlags = options.peerRouters.length > 0
  const annotation = peersAnnotation in node.annotations ? peersAnnotation : legacyAnnotations.ips
  const origin = fromFlags ? '--peer-router-ips' : `node/${node.name} ${annotation}`
  const wanted = fromFlags ? options.peerRouters : settings.peers
  return wanted.map((peer) => routerPeer(peer, addresses, asn, origin, options))
}

function routerPeer(
  peer: PeerSetting,
  addresses: NodeAddresses,
  asn: number,
  origin: string,
  options: PlanOptions,
): PlannedPeer {
  const family = familyOfAddress(peer.address)
  const localAddress = peer.localAddress ?? addresses.best[family]
  const blocked =
    peer.password?.kind === 'unusable'
      ? `${peer.password.why}: never without authentication`
      : localAddress || peer.zone
        ? undefined
        : `the node has no address of ${family} to peer from`
  const type = peer.asn === asn ? 'internal' : 'external'
  const wanted = peer.session?.families
  return {
    name: formatAddress(peer.address) + (peer.zone ? `%${peer.zone}` : ''),
    address: peer.address,
    asn: peer.asn,
    port: peer.port,
    type,
    role: 'router',
    labels: peer.labels ?? [],
    // The kernel takes the link's own address to a link-local peer.
    localAddress: peer.zone ? peer.localAddress : localAddress,
    zone: peer.zone,
    password: peer.password,
    session: { ...options.session, ...(type === 'external' && options.externalSession), ...peer.session },
    families: families.filter((one) => addresses.best[one] !== undefined && (wanted?.includes(one) ?? true)),
    origin,
    blocked,
  }
}

/** As base64 of a file, or of `echo`, has it: no router can be given such a key. */
function trimmedPassword({ name, origin, password }: PlannedPeer): Finding[] {
  if (password?.kind !== 'key' || !password.trimmed) return []
  return [warning(origin, `password of ${name}`, '(not shown)', 'ends in a newline, which is left out')]
}

/** One session a pair of nodes, between their primary addresses. */
function nodePeers(view: View, own: NodeView, addresses: NodeAddresses, asn: number, options: PlanOptions): PeersPlan {
  const peers: PlannedPeer[] = []
  const findings: Finding[] = []
  for (const node of [...view.nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (node.name === own.name) continue
    if (!options.nodesFullMesh && asnOf(node) !== asn) continue
    const theirs = nodeAddresses(node, options)
    const local = addresses.primary
    const remote = theirs.primary
    if (!local || !remote || local.version !== remote.version) {
      const message = `has no primary address of the family of this node's, so there is no session with it`
      findings.push(warning(`node/${node.name}`, 'status.addresses', remote ? formatAddress(remote) : 'none', message))
      continue
    }
    peers.push(nodePeer(node, local, remote, theirs, asn, options))
  }
  return { peers, findings }
}

function nodePeer(
  node: NodeView,
  local: Address,
  remote: Address,
  theirs: NodeAddresses,
  asn: number,
  options: PlanOptions,
): PlannedPeer {
  return {
    name: formatAddress(remote),
    address: remote,
    asn,
    port: options.bgpPort,
    type: 'internal',
    role: 'node',
    labels: [],
    localAddress: local,
    zone: undefined,
    password: undefined,
    session: options.session,
    families: families.filter((family) => theirs.best[family] !== undefined),
    origin: `node/${node.name}`,
    blocked: undefined,
  }
}

function asnOf(node: NodeView): number | undefined {
  const read = readUint32(node.annotations[annotations.asn] ?? '')
  return read.ok ? read.value : undefined
}
