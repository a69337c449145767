/**
 * The border where Kubernetes objects come in: an object of any shape becomes a view of it, or findings that name the field.
 * Kinds that the plan does not read are passed over in silence.
 */

import * as z from 'zod'
import { type Finding, finding } from '../findings.ts'
import { orNone, Pool } from '../shared.ts'
import type { EndpointSliceView, EndpointView, NodeView, ServiceView } from '../view.ts'

export type Projected =
  | { readonly kind: 'Node'; readonly key: string; readonly value: NodeView }
  | { readonly kind: 'Service'; readonly key: string; readonly value: ServiceView }
  | { readonly kind: 'EndpointSlice'; readonly key: string; readonly value: EndpointSliceView }

/** What this daemon writes on its Node: reading it back would make each report a change. */
export const statusAnnotation = 'tandem.io/status'

const strings = z.record(z.string(), z.string()).nullish()

const metadata = z.object({
  name: z.string().min(1),
  namespace: z.string().nullish(),
  uid: z.string().nullish(),
  annotations: strings,
  labels: strings,
  deletionTimestamp: z.unknown().optional(),
})

const taint = z.object({ key: z.string(), value: z.string().nullish(), effect: z.string().nullish() })

const nodeSchema = z.object({
  metadata,
  spec: z
    .object({
      podCIDR: z.string().nullish(),
      podCIDRs: z.array(z.string()).nullish(),
      taints: z.array(taint).nullish(),
      unschedulable: z.boolean().nullish(),
    })
    .nullish(),
  status: z
    .object({
      addresses: z.array(z.object({ type: z.string(), address: z.string() })).nullish(),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
    })
    .nullish(),
})

const serviceSchema = z.object({
  metadata,
  spec: z
    .object({
      type: z.string().nullish(),
      clusterIP: z.string().nullish(),
      clusterIPs: z.array(z.string()).nullish(),
      externalIPs: z.array(z.string()).nullish(),
      loadBalancerClass: z.string().nullish(),
      loadBalancerIP: z.string().nullish(),
      ipFamilies: z.array(z.string()).nullish(),
      ipFamilyPolicy: z.string().nullish(),
      internalTrafficPolicy: z.enum(['Cluster', 'Local']).nullish(),
      externalTrafficPolicy: z.enum(['Cluster', 'Local']).nullish(),
      publishNotReadyAddresses: z.boolean().nullish(),
    })
    .nullish(),
  status: z
    .object({
      loadBalancer: z
        .object({
          ingress: z
            .array(
              z.object({ ip: z.string().optional(), hostname: z.string().optional(), ipMode: z.string().optional() }),
            )
            .nullish(),
        })
        .nullish(),
    })
    .nullish(),
})

const conditions = z
  .object({ ready: z.boolean().nullish(), serving: z.boolean().nullish(), terminating: z.boolean().nullish() })
  .nullish()

const endpointSchema = z.object({ addresses: z.array(z.string()), nodeName: z.string().nullish(), conditions })

const endpointSliceSchema = z.object({
  metadata,
  addressType: z.enum(['IPv4', 'IPv6', 'FQDN']),
  endpoints: z.array(endpointSchema).nullish(),
})

/** Undefined for a kind that is not read. `place` is where the object stands, for findings. */
export function project(object: unknown, place: string): Projected | readonly Finding[] | undefined {
  if (typeof object !== 'object' || object === null || !('kind' in object)) {
    return [finding('not-an-object', place, 'kind', object)]
  }
  switch (object.kind) {
    case 'Node':
      return projectNode(object, place)
    case 'Service':
      return projectService(object, place)
    case 'EndpointSlice':
      return projectEndpointSlice(object, place)
    default:
      return undefined
  }
}

/** `Kind namespace/name` of an object that may be broken otherwise, to keep its last good form by. */
export function identityOf(object: unknown): string | undefined {
  const { kind, metadata: meta } = (object ?? {}) as { kind?: unknown; metadata?: Record<string, unknown> | null }
  const name = meta?.['name']
  if (typeof kind !== 'string' || typeof name !== 'string' || name === '') return undefined
  const namespace = typeof meta?.['namespace'] === 'string' ? meta['namespace'] : 'default'
  return `${kind} ${kind === 'Node' ? name : `${namespace}/${name}`}`
}

function projectNode(object: unknown, place: string): Projected | readonly Finding[] {
  const parsed = nodeSchema.safeParse(object)
  if (!parsed.success) return faults(parsed.error, object, place)
  const { metadata: meta, spec, status } = parsed.data
  const value: NodeView = {
    name: meta.name,
    uid: meta.uid ?? '',
    annotations: kept(meta.annotations, readAnnotations),
    labels: kept(meta.labels, readLabels),
    podCidr: spec?.podCIDR ?? undefined,
    podCidrs: orNone(spec?.podCIDRs),
    addresses: orNone(status?.addresses),
    taints: orNone(spec?.taints?.map(({ key, value, effect }) => ({ key, value: value ?? '', effect: effect ?? '' }))),
    unschedulable: spec?.unschedulable ?? false,
    ready: conditionOf('Ready', status?.conditions),
    networkUnavailable: conditionOf('NetworkUnavailable', status?.conditions),
    deleting: isDeleting(meta),
  }
  return { kind: 'Node', key: meta.name, value }
}

function projectService(object: unknown, place: string): Projected | readonly Finding[] {
  const parsed = serviceSchema.safeParse(object)
  if (!parsed.success) return faults(parsed.error, object, place)
  const { metadata: meta, spec, status } = parsed.data
  const namespace = meta.namespace ?? 'default'
  const value: ServiceView = {
    namespace,
    name: meta.name,
    uid: meta.uid ?? '',
    annotations: kept(meta.annotations, readAnnotations),
    labels: kept(meta.labels, readLabels),
    type: spec?.type ?? 'ClusterIP',
    clusterIp: spec?.clusterIP ?? undefined,
    clusterIps: orNone(spec?.clusterIPs),
    externalIps: orNone(spec?.externalIPs),
    loadBalancerClass: spec?.loadBalancerClass ?? undefined,
    loadBalancerIp: spec?.loadBalancerIP || undefined,
    ipFamilies: orNone(spec?.ipFamilies),
    ipFamilyPolicy: spec?.ipFamilyPolicy ?? undefined,
    internalTrafficPolicy: spec?.internalTrafficPolicy ?? 'Cluster',
    externalTrafficPolicy: spec?.externalTrafficPolicy ?? 'Cluster',
    publishNotReadyAddresses: spec?.publishNotReadyAddresses ?? false,
    ingress: orNone(
      status?.loadBalancer?.ingress?.map(({ ip, hostname, ipMode }) => ({
        ...(ip !== undefined && { ip }),
        ...(hostname !== undefined && { hostname }),
        ...(ipMode !== undefined && { ipMode }),
      })),
    ),
    deleting: isDeleting(meta),
  }
  return { kind: 'Service', key: `${namespace}/${meta.name}`, value }
}

function projectEndpointSlice(object: unknown, place: string): Projected | readonly Finding[] | undefined {
  const parsed = endpointSliceSchema.safeParse(object)
  if (!parsed.success) return faults(parsed.error, object, place)
  const { metadata: meta, addressType, endpoints } = parsed.data
  const serviceName = meta.labels?.['kubernetes.io/service-name']
  if (!serviceName) return undefined
  const namespace = meta.namespace ?? 'default'
  const value: EndpointSliceView = {
    namespace,
    name: meta.name,
    serviceName,
    addressType,
    endpoints: orNone(endpoints?.map(projectEndpoint)),
  }
  return { kind: 'EndpointSlice', key: `${namespace}/${meta.name}`, value }
}

const endpointsOfNodes = new Pool<EndpointView>()

/** Endpoints of one node in one state are the same value: where they are is all that counts. */
function projectEndpoint({ addresses, nodeName, conditions: said }: z.infer<typeof endpointSchema>): EndpointView {
  // discovery.k8s.io/v1: nil ready means ready, nil serving means as ready, nil terminating means not.
  const ready = said?.ready ?? true
  const serving = said?.serving ?? ready
  const terminating = said?.terminating ?? false
  if (!nodeName) return { addresses, nodeName: undefined, ready, serving, terminating }
  return endpointsOfNodes.get(`${nodeName} ${ready} ${serving} ${terminating}`, () => {
    return { addresses: orNone<string>([]), nodeName, ready, serving, terminating }
  })
}

/** Keys by how they begin; whatever else an object carries is not kept, and its changes mean nothing here. */
const readAnnotations = /^(kube-router\.io|tandem\.io)\//
const readLabels = /^(node\.kubernetes\.io\/exclude-from-external-load-balancers|service\.kubernetes\.io\/.*)$/
const nothing: Readonly<Record<string, string>> = {}

function kept(all: z.infer<typeof strings>, keys: RegExp): Readonly<Record<string, string>> {
  const read = Object.entries(all ?? {}).filter(([key]) => keys.test(key) && key !== statusAnnotation)
  return read.length > 0 ? Object.fromEntries(read) : nothing
}

function conditionOf(
  type: string,
  conditions: readonly { type: string; status: string }[] | null | undefined,
): string | undefined {
  return conditions?.find((one) => one.type === type)?.status
}

const isDeleting = (meta: z.infer<typeof metadata>) =>
  meta.deletionTimestamp !== undefined && meta.deletionTimestamp !== null

function faults(error: z.ZodError, object: unknown, place: string): Finding[] {
  return error.issues.map((issue) => {
    const value = issue.path.reduce<unknown>(
      (inner, part) =>
        typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[part] : undefined,
      object,
    )
    const problem = issue.message.replace(/^Invalid [a-z]+: /i, '')
    return finding('field-invalid', place, issue.path.join('.'), value, { problem })
  })
}
