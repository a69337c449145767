/**
 * Kubernetes as this daemon sees it: the fields that the plan reads, and nothing else of an object.
 * Sources project into these; values are kept as the object has them, so that the plan can name the field that is wrong.
 */

export interface View {
  readonly nodes: ReadonlyMap<string, NodeView>
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, ServiceView>
  /** By `namespace/name` of the slice. */
  readonly endpointSlices: ReadonlyMap<string, EndpointSliceView>
}

export interface NodeView {
  readonly name: string
  readonly uid: string
  readonly annotations: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  /** `spec.podCIDR` and `spec.podCIDRs`. */
  readonly podCidr: string | undefined
  readonly podCidrs: readonly string[]
  /** `status.addresses`, in the object's order. */
  readonly addresses: readonly { readonly type: string; readonly address: string }[]
  readonly taints: readonly { readonly key: string; readonly value: string; readonly effect: string }[]
  /** `spec.unschedulable`: the node is cordoned. */
  readonly unschedulable: boolean
  /** `status` of the conditions Ready and NetworkUnavailable: True, False or Unknown; undefined where there is none. */
  readonly ready: string | undefined
  readonly networkUnavailable: string | undefined
  /** Being deleted (`metadata.deletionTimestamp`), or gone. */
  readonly deleting: boolean
}

export interface ServiceView {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly annotations: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly type: string
  readonly clusterIp: string | undefined
  readonly clusterIps: readonly string[]
  readonly externalIps: readonly string[]
  readonly loadBalancerClass: string | undefined
  /** `spec.loadBalancerIP`: the address that is asked for. */
  readonly loadBalancerIp: string | undefined
  readonly ipFamilies: readonly string[]
  readonly ipFamilyPolicy: string | undefined
  readonly internalTrafficPolicy: string
  readonly externalTrafficPolicy: string
  readonly publishNotReadyAddresses: boolean
  /** `status.loadBalancer.ingress`. */
  readonly ingress: readonly { readonly ip?: string; readonly hostname?: string; readonly ipMode?: string }[]
  readonly deleting: boolean
}

export interface EndpointSliceView {
  readonly namespace: string
  readonly name: string
  /** Label `kubernetes.io/service-name`. */
  readonly serviceName: string
  /** IPv4, IPv6 or FQDN. */
  readonly addressType: string
  readonly endpoints: readonly EndpointView[]
}

export interface EndpointView {
  /** Kept only where there is no `nodeName`: they then say where the endpoint is. */
  readonly addresses: readonly string[]
  readonly nodeName: string | undefined
  /** `conditions`, with what is nil resolved as the API says: ready is true, serving is ready, terminating is false. */
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
}

/** Which objects of a view are not what they were, by the keys of its maps; gone ones among them. */
export interface ViewChange {
  readonly nodes: ReadonlySet<string>
  readonly services: ReadonlySet<string>
  readonly endpointSlices: ReadonlySet<string>
}
