/** POST, PUT, PATCH and DELETE of one object: what a real server takes of the body, and when it refuses. */

import type { KubeObject } from '../kube-objects.ts'
import {
  type Answer,
  alreadyExists,
  badRequest,
  conflict,
  detailsOf,
  invalid,
  type KindRule,
  modified,
  notFound,
  Refusal,
  type StoredObject,
} from './objects.ts'
import { patched } from './patches.ts'
import { type Store, timestamp } from './store.ts'

/** Where a request points: an object, or its status. */
export interface Target {
  readonly rule: KindRule
  readonly namespace: string | undefined
  readonly name: string
  readonly subresource: 'status' | undefined
}

export function create(store: Store, rule: KindRule, namespace: string | undefined, body: unknown): StoredObject {
  const { status, metadata: given, ...rest } = readObject(rule, namespace, body)
  const { resourceVersion, ...metadata } = withoutServerFields(given)
  if (resourceVersion) throw new Refusal(500, undefined, 'resourceVersion should not be set on objects to be created')
  const name = metadata.name || generatedName(metadata['generateName'])
  checkName(rule, name)
  if (store.get(rule, namespace, name)) throw alreadyExists(rule, name)
  const keepsStatus = rule.status !== 'apart' && status !== undefined
  return store.put(rule, { ...rest, ...(keepsStatus && { status }), metadata: { ...metadata, name } } as KubeObject)
}

/** 201 where the PUT has created. */
export function replace(store: Store, target: Target, body: unknown): Answer {
  const { rule, namespace, name, subresource } = target
  const wanted = readObject(rule, namespace, body)
  checkSameName(wanted, name)
  const { uid, resourceVersion, ...metadata } = wanted.metadata
  const before = store.get(rule, namespace, name)
  if (!before) {
    if (!rule.createdByPut || subresource) throw notFound(rule, name)
    // A version alone is not looked at; one who says the uid means an object that is gone.
    if (uid) throw conflict(rule, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: `)
    return { code: 201, body: create(store, rule, namespace, { ...wanted, metadata }) }
  }
  if (uid && uid !== before.metadata.uid) {
    const { uid: is } = before.metadata
    throw conflict(rule, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${is}`)
  }
  if (!resourceVersion && rule.versionNeeded)
    throw invalid(
      rule.plural,
      rule.group,
      name,
      'metadata.resourceVersion',
      'Invalid value: 0: must be specified for an update',
    )
  return { code: 200, body: write(store, target, before, wanted) }
}

export function patch(store: Store, target: Target, contentType: string, body: unknown): StoredObject {
  const { rule, namespace, name } = target
  const before = store.get(rule, namespace, name)
  if (!before) throw notFound(rule, name)
  const wanted = readObject(rule, namespace, patched(before, contentType, body))
  checkSameName(wanted, name)
  const { uid } = wanted.metadata
  if (uid !== before.metadata.uid)
    throw invalid(rule.kind, rule.group, name, 'metadata.uid', `Invalid value: "${uid}": field is immutable`)
  return write(store, target, before, wanted)
}

/** The answer to a DELETE. Finalizers keep the object, marked, until the last of them is taken off. */
export function remove(store: Store, { rule, namespace, name }: Target, options: unknown): object {
  const object = store.get(rule, namespace, name)
  if (!object) throw notFound(rule, name)
  const { preconditions = {} } = (options ?? {}) as { preconditions?: { uid?: string; resourceVersion?: string } }
  for (const field of ['uid', 'resourceVersion'] as const) {
    const [asked, is] = [preconditions[field], object.metadata[field]]
    if (asked !== undefined && asked !== is)
      throw conflict(rule, name, `the ${field} in the precondition (${asked}) does not match the one in record (${is})`)
  }
  const { finalizers = [], deletionTimestamp = timestamp() } = object.metadata
  if (finalizers.length > 0) {
    const marks = { deletionTimestamp, deletionGracePeriodSeconds: 0 }
    return store.put(rule, { ...object, metadata: { ...object.metadata, ...marks } })
  }
  const deleted = store.delete(rule, object)
  if (rule.deletedAnswered) return deleted
  const details = { ...detailsOf(rule, name), uid: object.metadata.uid }
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }
}

/** Of what is wanted, what this writer may say. */
function write(store: Store, target: Target, before: StoredObject, wanted: KubeObject): StoredObject {
  const { rule, name, subresource } = target
  const { resourceVersion } = wanted.metadata
  if (resourceVersion && resourceVersion !== before.metadata.resourceVersion) throw conflict(rule, name, modified)
  const { deletionTimestamp, deletionGracePeriodSeconds } = before.metadata
  const metadata = { ...wanted.metadata, name, deletionTimestamp, deletionGracePeriodSeconds }
  // The status writes its own half and the metadata; the object itself everything but the status.
  const halves = subresource ? { ...before, status: wanted['status'] } : { ...wanted, status: before['status'] }
  const after = { ...(rule.status ? halves : wanted), metadata } as KubeObject
  const finalizers = (wanted.metadata['finalizers'] ?? []) as readonly string[]
  if (deletionTimestamp === undefined || finalizers.length > 0) return store.put(rule, after)
  store.delete(rule, before)
  const { uid, creationTimestamp, resourceVersion: last } = before.metadata
  return { ...after, metadata: { ...metadata, uid, creationTimestamp, resourceVersion: last } } as StoredObject
}

/** The body as an object of this kind and namespace: what it does not say is taken from the path. */
function readObject(rule: KindRule, namespace: string | undefined, body: unknown): KubeObject {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest(`the object provided is unrecognized (must be of type ${rule.kind})`)
  const { kind = rule.kind, metadata, ...rest } = body as Partial<KubeObject>
  if (kind !== rule.kind) throw badRequest(`${kind} in version "v1" cannot be handled as a ${rule.kind}`)
  if ((metadata?.namespace || namespace) !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  return { ...rest, kind, metadata: { ...metadata, ...(namespace !== undefined && { namespace }) } } as KubeObject
}

function checkSameName({ metadata: { name } }: KubeObject, wanted: string): void {
  if (name && name !== wanted)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${wanted})`)
}

function checkName(rule: KindRule, name: string): void {
  const field = 'metadata.name'
  if (name === '') throw invalid(rule.kind, rule.group, name, field, 'Required value: name or generateName is required')
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name))
    throw invalid(
      rule.kind,
      rule.group,
      name,
      field,
      `Invalid value: "${name}": a lowercase RFC 1123 subdomain is wanted`,
    )
}

function generatedName(prefix: unknown): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789'
  const letter = () => letters[Math.floor(Math.random() * letters.length)]
  return typeof prefix === 'string' ? `${prefix}${Array.from({ length: 5 }, letter).join('')}` : ''
}

function withoutServerFields(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  const { uid: _, creationTimestamp: _c, deletionTimestamp: _d, generation: _g, ...rest } = metadata
  return rest as KubeObject['metadata']
}
