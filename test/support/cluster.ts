/** A cluster in a few words, as the view that sources make of it. */

import {
  drainsByDefault,
  type EndpointSliceView,
  type EndpointView,
  type NodeView,
  type PlanOptions,
  type ServiceView,
  type View,
} from '../../controllers/index.ts'
import { prefix } from './fabric.ts'

export const dualStack = ['10.0.0.1', 'fd00::1']

export function node(name: string, more: Partial<NodeView> & { ips?: readonly string[] } = {}): NodeView {
  const { ips = dualStack, ...rest } = more
  return {
    name,
    uid: name,
    annotations: {},
    labels: {},
    podCidr: undefined,
    podCidrs: ['10.244.1.0/24', 'fd00:244:1::/64'],
    addresses: ips.map((address) => ({ type: 'InternalIP', address })),
    taints: [],
    unschedulable: false,
    ready: 'True',
    networkUnavailable: undefined,
    deleting: false,
    ...rest,
  }
}

export function service(name: string, more: Partial<ServiceView> = {}): ServiceView {
  return {
    namespace: 'default',
    name,
    uid: name,
    annotations: {},
    labels: {},
    type: 'ClusterIP',
    clusterIp: undefined,
    clusterIps: ['10.96.0.10', 'fd00:96::10'],
    externalIps: [],
    loadBalancerClass: undefined,
    loadBalancerIp: undefined,
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'RequireDualStack',
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    publishNotReadyAddresses: false,
    ingress: [],
    deleting: false,
    ...more,
  }
}

export function endpoint(nodeName: string | undefined, more: Partial<EndpointView> = {}): EndpointView {
  const ready = more.ready ?? true
  return { addresses: ['10.244.1.9'], nodeName, ready, serving: ready, terminating: false, ...more }
}

export function slice(
  serviceName: string,
  addressType: 'IPv4' | 'IPv6',
  ...endpoints: EndpointView[]
): EndpointSliceView {
  return { namespace: 'default', name: `${serviceName}-${addressType}`, serviceName, addressType, endpoints }
}

export function view(...objects: (NodeView | ServiceView | EndpointSliceView)[]): View {
  const nodes = new Map<string, NodeView>()
  const services = new Map<string, ServiceView>()
  const endpointSlices = new Map<string, EndpointSliceView>()
  for (const object of objects) {
    if ('serviceName' in object) endpointSlices.set(`${object.namespace}/${object.name}`, object)
    else if ('clusterIps' in object) services.set(`${object.namespace}/${object.name}`, object)
    else nodes.set(object.name, object)
  }
  return { nodes, services, endpointSlices }
}

export const options: PlanOptions = {
  nodeName: 'n1',
  clusterAsn: 64512,
  nodesFullMesh: true,
  enableIbgp: true,
  bgpPort: 179,
  holdTime: 90,
  connectRetry: 5,
  session: {},
  externalSession: {},
  restart: { restarting: false, forwarding: false, deferral: 0 },
  routerId: '',
  advertiseClusterIp: true,
  advertiseExternalIp: true,
  advertiseLoadBalancerIp: true,
  advertisePodCidr: true,
  overrideNextHop: false,
  peerRouters: [],
  importDefault: 'accept',
  serviceClusterIpRanges: [prefix('10.96.0.0/16'), prefix('fd00:96::/112')],
  serviceExternalIpRanges: [prefix('198.51.100.0/24'), prefix('2001:db8:51::/64')],
  loadBalancerIpRanges: [prefix('203.0.113.0/24'), prefix('2001:db8:113::/64')],
  strictExternalIpValidation: true,
  drainOn: drainsByDefault,
  drainTaints: [],
  drainWait: 10,
  gate: [],
  withdrawWithoutEndpoints: false,
  loadBalancerClasses: [],
  serviceProxyName: '',
}
