/** Kubernetes objects as tests write them, whole enough for a real API server. */

/** What the tests write: enough of any object to find its place. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string; readonly namespace?: string }
  readonly [field: string]: unknown
}

export function nodeObject(
  name = 'node-1',
  more: { metadata?: object; spec?: object; addresses?: readonly string[] } = {},
): KubeObject {
  const addresses = more.addresses ?? ['10.0.0.2', 'fd00::2']
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, ...more.metadata },
    spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'], ...more.spec },
    status: {
      addresses: addresses.map((address) => ({ type: 'InternalIP', address })),
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }],
    },
  }
}

export function service(
  name: string,
  spec: object = {},
  more: { annotations?: object; ingress?: readonly object[] } = {},
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', ...(more.annotations && { annotations: more.annotations }) },
    spec: {
      type: 'ClusterIP',
      ipFamilyPolicy: 'RequireDualStack',
      ipFamilies: ['IPv4', 'IPv6'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      ...spec,
    },
    ...(more.ingress && { status: { loadBalancer: { ingress: more.ingress } } }),
  }
}

export interface EndpointSetting {
  readonly on: string
  readonly ready?: boolean
  readonly serving?: boolean
  readonly terminating?: boolean
}

export function sliceObject(
  serviceName: string,
  family: 'IPv4' | 'IPv6',
  endpoints: readonly EndpointSetting[],
  name = `${serviceName}-${family.toLowerCase()}`,
): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': serviceName } },
    addressType: family,
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    endpoints: endpoints.map(({ on, ready = true, serving = ready, terminating = false }, index) => ({
      addresses: [family === 'IPv4' ? `10.244.9.${index + 1}` : `fd00:244:9::${index + 1}`],
      nodeName: on,
      conditions: { ready, serving, terminating },
    })),
  }
}

/** A pod of the DaemonSet, on a node, as it is when all is well. */
export function daemonPod(
  node: string,
  more: { name?: string; labels?: object; spec?: object; status?: object } = {},
): KubeObject {
  const { name = `tandem-${node}`, labels = { 'app.kubernetes.io/name': 'tandem' } } = more
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'tandem-system', labels },
    spec: { nodeName: node, containers: [{ name: 'tandem', image: 'tandem:latest' }], ...more.spec },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'tandem', ready: true, state: { running: {} } }],
      ...more.status,
    },
  }
}
