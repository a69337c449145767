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
  readonly internalTrafficPolicy: string
  readonly externalTrafficPolicy: string
  readonly publishNotReadyAddresses: boolean
  /** `status.loadBalancer.ingress`. */
  readonly ingress: readonly { readonly ip?: string; readonly hostname?: string; readonly ipMode?: string }[]
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
  readonly addresses: readonly string[]
  readonly nodeName: string | undefined
  /** `conditions`, with what is nil resolved as the API says: ready is true, serving is ready, terminating is false. */
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
}
