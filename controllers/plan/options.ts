/** What the operator sets for the whole daemon: one field a flag, checked before it comes here. */

import type { Address, Prefix } from 'bgp-ts'
import type { PeerSetting } from '../annotations/peers.ts'

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
  /** Left out: the family is used when the node has an address of it. */
  readonly enableIpv4?: boolean
  readonly enableIpv6?: boolean
  /** Where to listen; by default on every address of both families. */
  readonly listen?: readonly Address[]
}
