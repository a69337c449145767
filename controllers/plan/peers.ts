/** Whom this node peers with: the routers of flags or annotations, and the other nodes. */

import { families, formatAddress } from 'bgp-ts'
import { familyOfAddress } from '../../policy/index.ts'
import { annotations, type NodeSettings } from '../annotations/node-settings.ts'
import { legacyAnnotations, type PeerSetting, peersAnnotation } from '../annotations/peers.ts'
import { settle } from '../annotations/session-settings.ts'
import { type NodeTopology, readTopology } from '../annotations/topology.ts'
import { type Finding, finding } from '../findings.ts'
import type { NodeView, View } from '../view.ts'
import type { Neighbours, PlannedPeer } from './model.ts'
import { type NodeAddresses, nodeAddresses } from './node-addresses.ts'
import type { PlanOptions } from './options.ts'

export interface PeersPlan {
  readonly peers: readonly PlannedPeer[]
  readonly neighbours: Neighbours
  readonly findings: readonly Finding[]
}

/** All that decides whom this node peers with. */
export interface Ground {
  readonly view: View
  readonly node: NodeView
  readonly settings: NodeSettings
  readonly addresses: NodeAddresses
  readonly asn: number
  readonly options: PlanOptions
  /** What the other nodes' annotations said last. */
  readonly before: Neighbours | undefined
}

export function planPeers(ground: Ground): PeersPlan {
  const routers = externalPeers(ground)
  const nodes = ground.options.enableIbgp ? nodePeers(ground) : { peers: [], neighbours: {}, findings: [] }
  const names = new Set(routers.map(({ name }) => name))
  const findings = [...routers.flatMap(trimmedPassword), ...nodes.findings]
  return { ...nodes, peers: [...routers, ...nodes.peers.filter(({ name }) => !names.has(name))], findings }
}

/** Flags, else `kube-router.io/peers`, else `peer.*`: alternatives, never added up. */
function externalPeers(ground: Ground): PlannedPeer[] {
  const { node, settings, options } = ground
  const fromFlags = options.peerRouters.length > 0
  const annotation = peersAnnotation in node.annotations ? peersAnnotation : legacyAnnotations.ips
  const origin = fromFlags ? '--peer-router-ips' : `node/${node.name} ${annotation}`
  const wanted = fromFlags ? options.peerRouters : settings.peers
  return wanted.map((peer) => routerPeer(peer, origin, ground))
}

function routerPeer(peer: PeerSetting, origin: string, { addresses, asn, options }: Ground): PlannedPeer {
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
    reflectorClient: false,
    // The kernel takes the link's own address to a link-local peer.
    localAddress: peer.zone ? peer.localAddress : localAddress,
    zone: peer.zone,
    password: peer.password,
    session: settle(options.session, type === 'external' ? options.externalSession : {}, peer.session ?? {}),
    families: families.filter((one) => addresses.best[one] !== undefined && (wanted?.includes(one) ?? true)),
    origin,
    blocked,
  }
}

/** As base64 of a file, or of `echo`, has it: no router can be given such a key. */
function trimmedPassword({ name, origin, password }: PlannedPeer): Finding[] {
  if (password?.kind !== 'key' || !password.trimmed) return []
  // Events are about objects, so the annotation is part of the field.
  const [object = origin, annotation] = origin.split(' ')
  const field = `${annotation ? `${annotation}, ` : ''}password of ${name}`
  return [finding('password-with-newline', object, field, '(not shown)')]
}

/** One session a pair of nodes, between their primary addresses. */
function nodePeers(ground: Ground): PeersPlan {
  const { view, node: own, settings, asn, options, before } = ground
  const peers: PlannedPeer[] = []
  const findings: Finding[] = []
  const neighbours: Record<string, NodeTopology> = {}
  for (const node of [...view.nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (node.name === own.name) continue
    const read = readTopology(node, before?.[node.name])
    const { topology } = read
    findings.push(...read.findings)
    if (Object.values(topology).some((value) => value !== undefined)) neighbours[node.name] = topology
    if (!options.nodesFullMesh && topology.asn !== asn) continue
    if (!arePeers(settings, topology)) continue
    const peer = nodePeer(node, topology, ground)
    if ('severity' in peer) findings.push(peer)
    else peers.push(peer)
  }
  const reflectors = Object.values(neighbours).filter((one) => one?.serverOf === settings.clientOf)
  const alone = isClient(settings) && !reflectors.some((one) => options.nodesFullMesh || one?.asn === asn)
  return { peers, neighbours, findings: alone ? [...findings, noReflector(own)] : findings }
}

/** A client and nothing else: a reflector of one cluster that is a client of another peers as a reflector does. */
const isClient = ({ serverOf, clientOf }: NodeTopology) => serverOf === undefined && clientOf !== undefined

/**
 * The same seen from either side. Reflectors and the nodes that take no part in reflection are a full mesh; a client has sessions with the reflectors
 * of its cluster alone (RFC 4456 section 6). kube-router takes a client to be of every cluster.
 */
function arePeers(one: NodeTopology, other: NodeTopology): boolean {
  if (isClient(one)) return one.clientOf === other.serverOf
  if (isClient(other)) return other.clientOf === one.serverOf
  return true
}

function noReflector(own: NodeView): Finding {
  const key = annotations.reflectorClient
  const words = { annotation: annotations.reflectorServer }
  return finding('client-without-reflector', `node/${own.name}`, key, own.annotations[key] ?? '', words)
}

function nodePeer(
  node: NodeView,
  topology: NodeTopology,
  { settings, addresses, asn, options }: Ground,
): PlannedPeer | Finding {
  const theirs = nodeAddresses(node, options)
  const local = addresses.primary
  const remote = theirs.primary
  if (!local || !remote || local.version !== remote.version) {
    const value = remote ? formatAddress(remote) : 'none'
    return finding('node-of-another-family', `node/${node.name}`, 'status.addresses', value)
  }
  return {
    name: formatAddress(remote),
    address: remote,
    asn,
    port: options.bgpPort,
    type: 'internal',
    role: 'node',
    labels: [],
    reflectorClient: settings.serverOf !== undefined && settings.serverOf === topology.clientOf,
    localAddress: local,
    zone: undefined,
    password: undefined,
    session: settle(options.session),
    families: families.filter((family) => theirs.best[family] !== undefined),
    origin: `node/${node.name}`,
    blocked: undefined,
  }
}
