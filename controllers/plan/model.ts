/** The plan: what this node should tell whom, and everything it should not, each with its reason. Plain values. */

import type { Address, Family } from 'bgp-ts'
import type { Policy } from '../../policy/index.ts'
import type { OriginatedRoute } from '../../speaker/index.ts'
import type { NodeSettings } from '../annotations/node-settings.ts'
import type { PeerPassword } from '../annotations/passwords.ts'
import type { ServiceSettings } from '../annotations/service-settings.ts'
import type { SessionTerms } from '../annotations/session-settings.ts'
import type { NodeTopology } from '../annotations/topology.ts'
import type { Finding } from '../findings.ts'
import type { PlannedAggregate } from './aggregates.ts'
import type { Drain } from './node-life.ts'

export interface Plan {
  readonly node: string
  /** Undefined while the node is unknown or has no address: then nothing is said to anybody. */
  readonly local: PlannedLocal | undefined
  readonly peers: readonly PlannedPeer[]
  readonly routes: readonly OriginatedRoute[]
  readonly withheld: readonly Withheld[]
  readonly aggregates: readonly PlannedAggregate[]
  readonly findings: readonly Finding[]
  readonly importPolicy: Policy
  readonly exportPolicy: Policy
  /** Towards routers of our own AS: other nodes are not sent VIPs, these are. */
  readonly routerExportPolicy: Policy
  /** What the node's annotations say now, for the next plan's last good values. */
  readonly settings: NodeSettings | undefined
  /** The same of the services that have any. */
  readonly serviceSettings: ReadonlyMap<string, ServiceSettings>
  /** The same of the other nodes, by name. */
  readonly neighbours: Neighbours
  readonly drain: Drain | undefined
}

/** What the annotations of other nodes say of whom they peer with. */
export type Neighbours = { readonly [node in string]?: NodeTopology }

export interface PlannedLocal {
  readonly asn: number
  readonly routerId: number
  /** Cluster that this node is a route reflector of. */
  readonly clusterId: number | undefined
  readonly addresses: { readonly [family in Family]?: Address }
  readonly families: readonly Family[]
}

export interface PlannedPeer {
  readonly name: string
  readonly address: Address
  readonly asn: number
  readonly port: number
  readonly type: 'external' | 'internal'
  /** Another node, or a router of flags or annotations. */
  readonly role: 'node' | 'router'
  readonly labels: readonly string[]
  /** Routes of other internal peers are reflected to it, and its own to all of them. */
  readonly reflectorClient: boolean
  readonly localAddress: Address | undefined
  /** Interface of a link-local address. */
  readonly zone: string | undefined
  readonly password: PeerPassword | undefined
  readonly session: SessionTerms
  readonly families: readonly Family[]
  /** Which flag, annotation or Node object it comes from. */
  readonly origin: string
  /** Why it may not come up. */
  readonly blocked: string | undefined
}

/** An address or CIDR that is not advertised from here, and what to change for it to be. */
export interface Withheld {
  /** As the object has it: it may be no prefix at all. */
  readonly prefix: string
  readonly kind: string
  readonly object: string
  readonly field: string
  /** The one rule that holds it back, in words. */
  readonly reason: string
  /** Which field or flag to change. */
  readonly mend: string
}
