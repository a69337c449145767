/** The state of a speaker as plain values: what the admin API, the tables for people and the lab show. Ages in milliseconds. */

import {
  type Family,
  families,
  formatAddress,
  formatCapability,
  formatIpv4,
  offeredFamilies,
  type PeerRestart,
} from 'bgp-ts'
import { compile, noPolicy, type Policy, type StatementOrigin } from '../policy/index.ts'
import type { CollectorSnapshot } from './bmp/collector.ts'
import type { LocalDeclaration } from './desired.ts'
import type { DynamicSnapshot } from './dynamic-peers.ts'
import { type KernelSnapshot, kernelSnapshot } from './kernel/kernel-story.ts'
import type { Malformed } from './malformed.ts'
import { keepaliveSeconds } from './peer/fsm.ts'
import type { BfdSnapshot } from './peer/liveness.ts'
import type { Peer } from './peer/peer.ts'
import type { NotificationRecord } from './peer/peer-news.ts'
import type { Kept } from './retention.ts'
import type { RoutedPeer } from './routed-peer.ts'
import type { Routing } from './routing.ts'

export interface FamilySnapshot {
  /** Announcements since the session came up. */
  readonly received: number
  /** Routes held now. */
  readonly accepted: number
  /** Announcements refused since the session came up, and by which statement or rule. */
  readonly rejected: number
  readonly rejectedBy: Readonly<Record<string, number>>
  /** Routes that the peer has from us now. */
  readonly advertised: number
  /** Routes that are held back, because the peer is sent as many as it may be: `maximumOut`. */
  readonly heldBack: number
  readonly maximumOut?: number
  readonly endOfRibReceived: boolean
  readonly endOfRibSent: boolean
  /** Different prefixes that count towards the limit, and the limit. */
  readonly prefixes: number
  readonly maxPrefixes?: number
}

export interface PolicySnapshot {
  readonly name: string
  /** False where none is declared: then nothing passes in this direction (RFC 8212). */
  readonly declared: boolean
  /** In the order in which they are asked. */
  readonly statements: readonly (StatementOrigin & {
    readonly action: 'accept' | 'reject' | 'next'
    /** Routes that it matched: on import since the session came up, on export since the peer has this policy. */
    readonly matched: number
  })[]
}

export interface NotificationSnapshot {
  readonly ageMs: number
  readonly code: number
  readonly subcode: number
  readonly text: string
}

export interface PeerSnapshot {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly asn: number
  readonly localAsn: number
  readonly type: 'external' | 'internal'
  /** Routes of other internal peers are reflected to it, and its own to all of them. */
  readonly reflectorClient: boolean
  readonly state: string
  /** How long the session has been up or down. */
  readonly sinceMs: number
  readonly blocked?: string
  readonly localAddress?: string
  readonly routerId?: string
  readonly holdTime: number
  /** Seconds; 0 for none. */
  readonly keepalive: number
  /** Negotiated ones. */
  readonly families: readonly Family[]
  readonly offered: { readonly byUs: readonly Family[]; readonly byPeer: readonly Family[] }
  readonly capabilities: readonly string[]
  readonly flaps: number
  readonly lastDown?: { readonly ageMs: number; readonly why: string }
  readonly lastNotificationSent?: NotificationSnapshot
  readonly lastNotificationReceived?: NotificationSnapshot
  readonly messages: {
    readonly in: Readonly<Record<string, number>>
    readonly out: Readonly<Record<string, number>>
  }
  readonly routes: Readonly<Record<Family, FamilySnapshot>>
  readonly policies: { readonly import: PolicySnapshot; readonly export: PolicySnapshot }
  readonly malformed: Malformed['counts']
  readonly lastMalformed?: { readonly ageMs: number; readonly text: string; readonly octets: string }
  readonly queuedBytes: number
  /** Octets of tables that are there for its routes. */
  readonly memory: { readonly routes: number; readonly attributes: number }
  /** How the session is protected. */
  readonly security: { readonly md5: boolean; readonly ttlSecurity?: number }
  /** What two restarts mean on this session (RFC 4724, 8538, 9494); absent where it was not agreed on. */
  readonly gracefulRestart?: PeerRestart
  /** Routes that the last session left, and until when they stay. */
  readonly kept?: { readonly phase: Kept['phase']; readonly families: readonly Family[]; readonly leftMs: number }
  readonly bfd?: BfdSnapshot
}

export interface SpeakerSnapshot {
  readonly asn: number
  readonly routerId: string
  /** While this speaker is a route reflector. */
  readonly clusterId?: string
  readonly addresses: { readonly [family in Family]?: string }
  readonly listening: readonly { readonly address: string; readonly port: number; readonly problem?: string }[]
  readonly routes: Readonly<
    Record<Family, { readonly prefixes: number; readonly paths: number; readonly originated: number }>
  >
  /** Neighbours that are declared by a prefix. */
  readonly dynamic: readonly DynamicSnapshot[]
  readonly attributeSets: number
  /** Octets of the tables: prefixes and paths of both families, and attribute sets. */
  readonly memory: { readonly routes: number; readonly attributes: number }
  readonly peers: readonly PeerSnapshot[]
  /** Where routes are installed in the kernel. */
  readonly kernel?: KernelSnapshot
  /** Collectors of BMP. */
  readonly collectors: readonly CollectorSnapshot[]
}

export function takeSnapshot(
  now: number,
  local: LocalDeclaration | undefined,
  peers: readonly Peer[],
  routing: Routing,
  listening: SpeakerSnapshot['listening'],
  dynamic: SpeakerSnapshot['dynamic'],
): SpeakerSnapshot {
  const addresses = families.flatMap((family) => {
    const address = local?.addresses[family]
    return address ? [[family, formatAddress(address)]] : []
  })
  return {
    asn: local?.asn ?? 0,
    routerId: formatIpv4(local?.routerId ?? 0),
    ...(routing.clusterId !== undefined && { clusterId: formatIpv4(routing.clusterId) }),
    addresses: Object.fromEntries(addresses),
    listening,
    routes: byFamily((family) => {
      const { prefixes, paths, originated } = routing.rib.families[family]
      return { prefixes: prefixes.size, paths: paths.size, originated: originated.size }
    }),
    dynamic,
    attributeSets: routing.rib.attributes.size,
    memory: {
      routes: families.reduce((sum, family) => sum + tableOctets(routing, family), 0),
      attributes: routing.rib.attributes.bytes,
    },
    peers: peers.map((peer) => peerSnapshot(now, local, peer, routing)),
    ...(routing.kernel && { kernel: kernelSnapshot(routing.kernel) }),
    collectors: routing.monitor.snapshot(),
  }
}

/** Octets of the prefixes and paths of a family. */
function tableOctets({ rib }: Routing, family: Family): number {
  const { prefixes, paths } = rib.families[family]
  return prefixes.bytes + paths.bytes
}

/** Octets of the tables that are there for the routes of a peer: its part of the paths, and the attributes that it brought. */
function peerMemory(routing: Routing, routed: RoutedPeer | undefined): PeerSnapshot['memory'] {
  const routes = families.reduce((sum, family) => {
    const { size } = routing.rib.families[family].paths
    return sum + (size === 0 ? 0 : (tableOctets(routing, family) * (routed?.counters[family].accepted ?? 0)) / size)
  }, 0)
  return { routes: Math.round(routes), attributes: routed?.share.octets ?? 0 }
}

function peerSnapshot(now: number, local: LocalDeclaration | undefined, peer: Peer, routing: Routing): PeerSnapshot {
  const { declaration, negotiated, lastDown, lastSent, lastReceived, localAddress } = peer
  const routed = routing.routed(peer)
  const localAsn = declaration.localAsn ?? local?.asn ?? 0
  const records = [peer.malformed.last, routed?.malformed.last].filter((one) => one !== undefined)
  const malformed = records.sort((one, other) => other.at - one.at)[0]
  const kept = routed?.kept
  const blocked = declaration.blocked ?? peer.heldDown
  const bfd = peer.bfd.snapshot(now)
  return {
    name: peer.name,
    address: formatAddress(declaration.address) + (declaration.zone ? `%${declaration.zone}` : ''),
    port: declaration.port,
    asn: declaration.asn,
    localAsn,
    type: declaration.asn === localAsn ? 'internal' : 'external',
    reflectorClient: declaration.reflectorClient ?? false,
    state: peer.state,
    sinceMs: Math.round(now - peer.since),
    ...(blocked !== undefined && { blocked }),
    ...(localAddress && { localAddress: formatAddress(localAddress) }),
    ...(negotiated && { routerId: formatIpv4(negotiated.peerRouterId) }),
    holdTime: negotiated?.holdTime ?? declaration.holdTime,
    keepalive: negotiated ? keepaliveSeconds(negotiated) : 0,
    families: negotiated?.families ?? [],
    offered: { byUs: declaration.families, byPeer: negotiated ? offeredFamilies(negotiated.peerCapabilities) : [] },
    capabilities: negotiated?.peerCapabilities.map(formatCapability) ?? [],
    flaps: peer.flaps,
    ...(lastDown && { lastDown: { ageMs: Math.round(now - lastDown.at), why: lastDown.why } }),
    ...(lastSent && { lastNotificationSent: aged(now, lastSent) }),
    ...(lastReceived && { lastNotificationReceived: aged(now, lastReceived) }),
    messages: { in: { ...peer.messages.in }, out: { ...peer.messages.out, update: routed?.updatesSent ?? 0 } },
    routes: byFamily((family) => familySnapshot(peer, routing, family)),
    policies: {
      import: policySnapshot(declaration.importPolicy, routed?.importHits),
      export: policySnapshot(declaration.exportPolicy, routed && routing.outbound.exportHits(routed)),
    },
    malformed: { ...peer.malformed.counts, ...routed?.malformed.counts },
    ...(malformed && {
      lastMalformed: { ageMs: Math.round(now - malformed.at), text: malformed.text, octets: malformed.octets },
    }),
    queuedBytes: peer.queuedBytes,
    memory: peerMemory(routing, routed),
    security: {
      md5: declaration.password !== undefined,
      ...(declaration.ttlSecurity !== undefined && { ttlSecurity: declaration.ttlSecurity }),
    },
    ...(negotiated?.gracefulRestart && { gracefulRestart: negotiated.gracefulRestart }),
    ...(kept && {
      kept: { phase: kept.phase, families: [...kept.families], leftMs: Math.max(0, Math.round(kept.until - now)) },
    }),
    ...(bfd && { bfd }),
  }
}

function familySnapshot(peer: Peer, routing: Routing, family: Family): FamilySnapshot {
  const routed = routing.routed(peer)
  const counters = routed?.counters[family]
  const maximumOut = peer.declaration.maximumOut?.[family]
  const limit = peer.declaration.maxPrefixes?.limit[family]
  return {
    received: counters?.received ?? 0,
    accepted: counters?.accepted ?? 0,
    rejected: counters?.rejected ?? 0,
    rejectedBy: Object.fromEntries(counters?.rejectedBy ?? []),
    advertised: routed ? routing.outbound.advertised(routed, family) : 0,
    heldBack: routed ? routing.outbound.heldBack(routed, family) : 0,
    ...(maximumOut !== undefined && { maximumOut }),
    endOfRibReceived: counters?.endOfRibReceived ?? false,
    endOfRibSent: counters?.endOfRibSent ?? false,
    prefixes: (counters?.accepted ?? 0) + (counters?.refused.size ?? 0),
    ...(limit !== undefined && { maxPrefixes: limit }),
  }
}

function policySnapshot(policy: Policy, hits: Float64Array | undefined): PolicySnapshot {
  const statements = compile(policy).rules.map(({ action, origin }, index) => {
    return { ...origin, action, matched: hits?.[index] ?? 0 }
  })
  return { name: policy.name, declared: policy !== noPolicy, statements }
}

function aged(now: number, { at, code, subcode, text }: NotificationRecord): NotificationSnapshot {
  return { ageMs: Math.round(now - at), code, subcode, text }
}

function byFamily<Value>(of: (family: Family) => Value): Record<Family, Value> {
  return { 'ipv4-unicast': of('ipv4-unicast'), 'ipv6-unicast': of('ipv6-unicast') }
}
