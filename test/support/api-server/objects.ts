/**
 * The kinds that the server knows, with the rules in which they differ, and the `Status` that says no. Whatever a real server does
 * differently for one kind is a field of `KindRule`, so that the rest of the server treats all kinds alike.
 */

import type { KubeObject } from '../kube-objects.ts'

export type Metadata = KubeObject['metadata'] & {
  readonly uid: string
  readonly resourceVersion: string
  readonly creationTimestamp: string
  readonly deletionTimestamp?: string
  readonly generation?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly finalizers?: readonly string[]
}

export interface StoredObject extends KubeObject {
  readonly metadata: Metadata
}

export interface KindRule {
  readonly kind: string
  readonly plural: string
  /** Empty for the core group. */
  readonly group: string
  readonly namespaced: boolean
  /** Has a `/status`, which alone writes `status`; `whole`: but a POST may bring it. */
  readonly status?: 'apart' | 'whole'
  /** A PUT to a name that does not exist creates it. */
  readonly createdByPut?: true
  /** A PUT has to say which version it replaces. */
  readonly versionNeeded?: true
  /** Counts its generations: of these kinds only EndpointSlice does. */
  readonly generation?: true
  /** A DELETE is answered with the object, not with a `Status`. */
  readonly deletedAnswered?: true
  readonly defaults?: (object: KubeObject) => KubeObject
}

const rules: readonly KindRule[] = [
  { kind: 'Node', plural: 'nodes', group: '', namespaced: false, status: 'whole' },
  {
    kind: 'Service',
    plural: 'services',
    group: '',
    namespaced: true,
    status: 'apart',
    createdByPut: true,
    deletedAnswered: true,
    defaults: serviceDefaults,
  },
  { kind: 'Pod', plural: 'pods', group: '', namespaced: true, status: 'apart', deletedAnswered: true },
  { kind: 'ConfigMap', plural: 'configmaps', group: '', namespaced: true },
  { kind: 'Secret', plural: 'secrets', group: '', namespaced: true },
  { kind: 'Event', plural: 'events', group: '', namespaced: true, createdByPut: true },
  {
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    group: 'discovery.k8s.io',
    namespaced: true,
    generation: true,
    defaults: sliceDefaults,
  },
  {
    kind: 'Lease',
    plural: 'leases',
    group: 'coordination.k8s.io',
    namespaced: true,
    createdByPut: true,
    versionNeeded: true,
  },
]

export const apiVersionOf = ({ group }: KindRule) => (group === '' ? 'v1' : `${group}/v1`)

/** Throws for a kind that the server does not have: it is the test that is wrong. */
export function ruleOfKind(kind: string): KindRule {
  const rule = rules.find((one) => one.kind === kind)
  if (!rule) throw new Error(`the API server of the tests has no kind ${kind}`)
  return rule
}

/** `prefix` is `api/v1` or `apis/GROUP/v1`. */
export function ruleOfPath(prefix: string, plural: string): KindRule | undefined {
  return rules.find(
    (one) => one.plural === plural && prefix === (one.group === '' ? 'api/v1' : `apis/${apiVersionOf(one)}`),
  )
}

// What a writer of the status meets: what it wrote comes back with more in it.
function serviceDefaults(object: KubeObject): KubeObject {
  const status = (object['status'] ?? {}) as { loadBalancer?: { ingress?: { ip?: string; ipMode?: string }[] } }
  const ingress = status.loadBalancer?.ingress?.map((one) => (one.ip ? { ipMode: 'VIP', ...one } : one))
  const loadBalancer = { ...status.loadBalancer, ...(ingress && { ingress }) }
  return { ...object, status: { ...status, loadBalancer } }
}

// Empty lists of a slice are null for those who read them.
function sliceDefaults({ endpoints, ports, ...rest }: KubeObject): KubeObject {
  const given = (endpoints ?? []) as readonly object[]
  const listOrNull = (list: unknown) => (Array.isArray(list) && list.length > 0 ? list : null)
  const withConditions = given.map((endpoint) => ({ conditions: {}, ...endpoint }))
  return { ...rest, endpoints: listOrNull(withConditions), ports: listOrNull(ports) }
}

/** A text is sent as such. */
export interface Answer {
  readonly code: number
  readonly body: object | string
  readonly headers?: Readonly<Record<string, string>>
}

interface RefusalMore {
  readonly details?: object
  readonly retryAfterSeconds?: number
  readonly metadata?: object
}

/** An answer that is no: thrown where it is found, written as a `Status` where the request came in. */
export class Refusal extends Error {
  readonly code: number
  readonly reason: string | undefined
  readonly more: RefusalMore

  constructor(code: number, reason: string | undefined, message: string, more: RefusalMore = {}) {
    super(message)
    this.code = code
    this.reason = reason
    this.more = more
  }

  get status(): object {
    const { details, retryAfterSeconds, metadata = {} } = this.more
    const all = retryAfterSeconds === undefined ? details : { ...details, retryAfterSeconds }
    const said = { message: this.message, reason: this.reason, details: all, code: this.code }
    return { kind: 'Status', apiVersion: 'v1', metadata, status: 'Failure', ...said }
  }
}

/** As `details` name an object: by its resource. */
export const detailsOf = ({ plural, group }: KindRule, name: string) => ({
  name,
  ...(group && { group }),
  kind: plural,
})
const qualified = (name: string, group: string) => (group === '' ? name : `${name}.${group}`)
const resourceOf = ({ plural, group }: KindRule) => qualified(plural, group)

export const noSuchPath = () =>
  new Refusal(404, 'NotFound', 'the server could not find the requested resource', { details: {} })

export const badRequest = (message: string) => new Refusal(400, 'BadRequest', message)

export const methodNotAllowed = () =>
  new Refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {
    details: {},
  })

export const notFound = (rule: KindRule, name: string) =>
  new Refusal(404, 'NotFound', `${resourceOf(rule)} "${name}" not found`, { details: detailsOf(rule, name) })

export const alreadyExists = (rule: KindRule, name: string) =>
  new Refusal(409, 'AlreadyExists', `${resourceOf(rule)} "${name}" already exists`, { details: detailsOf(rule, name) })

export const modified = 'the object has been modified; please apply your changes to the latest version and try again'

export const conflict = (rule: KindRule, name: string, why: string) =>
  new Refusal(409, 'Conflict', `Operation cannot be fulfilled on ${resourceOf(rule)} "${name}": ${why}`, {
    details: detailsOf(rule, name),
  })

/** Of a kind, or of a resource where a real server says that. `why` is e.g. `Forbidden: ...`, `Required value: ...`. */
export function invalid(kind: string, group: string, name: string, field: string, why: string): Refusal {
  const details = { ...(name && { name }), ...(group && { group }), kind, causes: [{ message: why, field }] }
  return new Refusal(422, 'Invalid', `${qualified(kind, group)} "${name}" is invalid: ${field}: ${why}`, { details })
}
