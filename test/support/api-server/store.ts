/**
 * The objects, one rising revision over all kinds, and every change since the last compaction. The history is the one source of watches
 * and of lists as of an earlier revision; objects are never changed once they are stored.
 */

import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '../kube-objects.ts'
import { apiVersionOf, type KindRule, type Metadata, type StoredObject } from './objects.ts'

export interface Change {
  readonly revision: number
  readonly rule: KindRule
  readonly key: string
  readonly before: StoredObject | undefined
  readonly after: StoredObject | undefined
}

export class Store {
  readonly #objects = new Map<string, StoredObject>()
  #history: Change[] = []
  #revision = 100
  #compacted = 0
  #watchableFrom = 0
  readonly #onChange: (change: Change) => void

  constructor(onChange: (change: Change) => void) {
    this.#onChange = onChange
  }

  get revision(): number {
    return this.#revision
  }

  /** Lists as of a revision below this one can no longer be had. */
  get compacted(): number {
    return this.#compacted
  }

  /** Watches from below this one can no longer be had. */
  get watchableFrom(): number {
    return this.#watchableFrom
  }

  get(rule: KindRule, namespace: string | undefined, name: string): StoredObject | undefined {
    return this.#objects.get(keyOf(rule, { name, ...(namespace !== undefined && { namespace }) }))
  }

  /** All of a kind as they were at `revision`, in the order of their keys. */
  list(rule: KindRule, revision = this.#revision): [key: string, object: StoredObject][] {
    const then = new Map(this.#objects)
    for (const { key, before } of this.changesSince(revision).reverse()) {
      if (before) then.set(key, before)
      else then.delete(key)
    }
    return [...then]
      .filter(([key]) => key.startsWith(`${rule.plural}/`))
      .sort(([one], [other]) => (one < other ? -1 : 1))
  }

  changesSince(revision: number): Change[] {
    return this.#history.filter((change) => change.revision > revision)
  }

  /** Creates or replaces. A write that changes nothing is none: the version stays, and no watch hears of it. */
  put(rule: KindRule, given: KubeObject): StoredObject {
    const key = keyOf(rule, given.metadata)
    const before = this.#objects.get(key)
    const after = stamped(rule, given, before)
    if (before && isDeepStrictEqual(after, before)) return before
    return this.#write(rule, key, before, after)!
  }

  /** The object as it was, with the version of its deletion. */
  delete(rule: KindRule, object: StoredObject): StoredObject {
    this.#write(rule, keyOf(rule, object.metadata), object, undefined)
    return withVersion(object, this.#revision)
  }

  /** All versions handed out so far become too old, for watches and for lists. */
  compact(): void {
    // As if anything else had been written: what a client saw last is then older than what is kept, as it mostly is in a cluster.
    this.#compacted = ++this.#revision
    this.#watchableFrom = this.#compacted
    this.#history = []
  }

  /** Watches from earlier versions can't be had any more, lists as of them can: as after a restart of the server above its database. */
  forgetWatchable(): void {
    this.#watchableFrom = this.#revision
  }

  #write(rule: KindRule, key: string, before: StoredObject | undefined, object: StoredObject | undefined) {
    const revision = ++this.#revision
    const after = object && withVersion(object, revision)
    if (after) this.#objects.set(key, after)
    else this.#objects.delete(key)
    const change = { revision, rule, key, before, after }
    this.#history.push(change)
    this.#onChange(change)
    return after
  }
}

function keyOf({ plural }: KindRule, { namespace = '', name }: { readonly namespace?: string; readonly name: string }) {
  return `${plural}/${namespace}/${name}`
}

export function withVersion(object: StoredObject, revision: number): StoredObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
}

/** The object with what the server itself says about it, and still the version of before. */
function stamped(rule: KindRule, given: KubeObject, before: StoredObject | undefined): StoredObject {
  // A copy that nobody else holds, without the fields that are undefined.
  const object = JSON.parse(JSON.stringify(rule.defaults?.(given) ?? given)) as KubeObject
  const own = {
    uid: before?.metadata.uid ?? object.metadata['uid'] ?? randomUUID(),
    creationTimestamp: before?.metadata.creationTimestamp ?? object.metadata['creationTimestamp'] ?? timestamp(),
    resourceVersion: before?.metadata.resourceVersion ?? '',
  }
  const metadata = { ...withoutEmpty(object.metadata), ...own } as Metadata
  const after = { ...object, apiVersion: apiVersionOf(rule), kind: rule.kind, metadata }
  return rule.generation ? { ...after, metadata: { ...metadata, generation: generationOf(after, before) } } : after
}

/** Metadata does not count, but labels do. */
function generationOf(after: StoredObject, before: StoredObject | undefined): number {
  if (!before) return 1
  const counted = ({ metadata, ...rest }: StoredObject) => ({ ...rest, labels: metadata.labels })
  return (before.metadata.generation ?? 0) + (isDeepStrictEqual(counted(after), counted(before)) ? 0 : 1)
}

/** Empty labels, annotations and finalizers are as none. */
function withoutEmpty(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => !isEmpty(value))) as typeof metadata
}

/** Of a whole second, as the API writes its times. */
export function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}
