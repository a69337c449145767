/** What the operator sets for the whole daemon: one field a flag, checked before it comes here. */

import type { Address, Family, Prefix } from 'bgp-ts'
import type { RestartCircumstances } from '../../speaker/index.ts'
import type { PeerSetting } from '../annotations/peers.ts'
import type { SessionSettings } from '../annotations/session-settings.ts'
import type { DrainSignal, GateCondition } from './node-life.ts'

export interface PlanOptions {
  /** Name of this node's Node object. */
  readonly nodeName: string
  readonly clusterAsn: number
  readonly nodesFullMesh: boolean
  readonly enableIbgp: boolean
  readonly bgpPort: number
  /** Seconds. */
  readonly holdTime: number
  readonly connectRetry: number
  /** Of sessions with routers and with nodes. */
  readonly session: SessionSettings
  /** Of sessions with external peers, where the peer itself says nothing else. */
  readonly externalSession: SessionSettings
  readonly restart: RestartCircumstances
  /** Empty, `generate`, or a dotted quad. */
  readonly routerId: string
  readonly advertiseClusterIp: boolean
  readonly advertiseExternalIp: boolean
  readonly advertiseLoadBalancerIp: boolean
  readonly advertisePodCidr: boolean
  readonly overrideNextHop: boolean
  /** Any of these, and the peers of node annotations do not count. */
  readonly peerRouters: readonly PeerSetting[]
  readonly importDefault: 'accept' | 'reject'
  readonly serviceClusterIpRanges: readonly Prefix[]
  readonly serviceExternalIpRanges: readonly Prefix[]
  readonly loadBalancerIpRanges: readonly Prefix[]
  readonly strictExternalIpValidation: boolean
  /** Which signals drain the node: its VIPs leave, its pod CIDRs stay. */
  readonly drainOn: readonly DrainSignal[]
  /** Keys of further taints that do. */
  readonly drainTaints: readonly string[]
  /** Seconds between GRACEFUL_SHUTDOWN and withdrawal. */
  readonly drainWait: number
  /** What has to hold, once, before VIPs are advertised. */
  readonly gate: readonly GateCondition[]
  /** Under a Cluster policy too, a VIP without a ready endpoint anywhere is withheld. */
  readonly withdrawWithoutEndpoints: boolean
  /** Load-balancer classes whose addresses are advertised; empty for all. */
  readonly loadBalancerClasses: readonly string[]
  /** Value of `service.kubernetes.io/service-proxy-name` that the proxy of this node serves; empty for services without it. */
  readonly serviceProxyName: string
  /** Length of the prefixes that VIPs are aggregated to; a family without one has host routes. */
  readonly aggregateLengths?: { readonly [family in Family]?: number }
  /** The VIPs of an aggregate are advertised beside it. */
  readonly aggregateComponents?: boolean
  /** Left out: the family is used when the node has an address of it. */
  readonly enableIpv4?: boolean
  readonly enableIpv6?: boolean
  /** Where to listen; by default on every address of both families. */
  readonly listen?: readonly Address[]
}
