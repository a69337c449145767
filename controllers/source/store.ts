/**
 * The view as a source fills it, object by object. It knows which objects are not what they were since it was asked last,
 * so that whoever follows it does work for those alone; an object that is projected to the same value has not changed.
 */

import { isDeepStrictEqual } from 'node:util'
import { apiServer, type Finding, finding } from '../findings.ts'
import type { EndpointSliceView, NodeView, ServiceView, View, ViewChange } from '../view.ts'
import { identityOf, type Projected, project } from './project.ts'

export type Kind = Projected['kind']

export class Store implements View {
  readonly nodes = new Map<string, NodeView>()
  readonly services = new Map<string, ServiceView>()
  readonly endpointSlices = new Map<string, EndpointSliceView>()
  readonly #changed: Readonly<Record<Kind, Set<string>>> = {
    Node: new Set(),
    Service: new Set(),
    EndpointSlice: new Set(),
  }
  /** Of objects that did not pass the border, by identity. */
  readonly #findings = new Map<string, readonly Finding[]>()

  get findings(): readonly Finding[] {
    return [...this.#findings.values()].flat()
  }

  /** What changed since this was called last. */
  takeChange(): ViewChange {
    const { Node: nodes, Service: services, EndpointSlice: endpointSlices } = this.#changed
    const change = { nodes: new Set(nodes), services: new Set(services), endpointSlices: new Set(endpointSlices) }
    for (const keys of Object.values(this.#changed)) keys.clear()
    return change
  }

  /** Takes an object of any shape. One that is broken keeps its last good form and leaves findings. */
  upsert(object: unknown): void {
    const entry = this.read(object)
    if (entry) this.#put(entry)
  }

  remove(object: unknown): void {
    const identity = identityOf(object)
    if (identity === undefined) return
    this.#findings.delete(identity)
    const [kind, key] = identity.split(' ') as [Kind, string]
    this.#delete(kind, key)
  }

  /** A whole new list of one kind: what is not in it is gone. */
  replace(kind: Kind, entries: ReadonlyMap<string, Projected>): void {
    for (const key of this.#mapOf(kind).keys()) if (!entries.has(key)) this.#delete(kind, key)
    for (const entry of entries.values()) this.#put(entry)
  }

  /** The object as it counts: itself, or its last good form. Undefined when it has none, or is nothing that is read. */
  read(object: unknown): Projected | undefined {
    const identity = identityOf(object)
    const result = project(object, placeOf(identity))
    if (result !== undefined && 'kind' in result) {
      if (identity !== undefined) this.#findings.delete(identity)
      return result
    }
    if (identity === undefined) return undefined
    if (result === undefined) {
      // An object that used to be read and no longer is, such as a slice that lost its label.
      this.remove(object)
      return undefined
    }
    this.#findings.set(identity, result)
    const [kind, key] = identity.split(' ') as [Kind, string]
    const value = this.#mapOf(kind)?.get(key)
    return value === undefined ? undefined : ({ kind, key, value } as Projected)
  }

  /** Forgets findings of objects of a kind that are not in a new list. */
  forgetFindings(kind: Kind, present: ReadonlySet<string>): void {
    for (const identity of this.#findings.keys()) {
      if (identity.startsWith(`${kind} `) && !present.has(identity)) this.#findings.delete(identity)
    }
  }

  #put({ kind, key, value }: Projected): void {
    const map = this.#mapOf(kind)
    if (isDeepStrictEqual(map.get(key), value)) return
    map.set(key, value)
    this.#changed[kind].add(key)
  }

  #delete(kind: Kind, key: string): void {
    if (this.#mapOf(kind)?.delete(key)) this.#changed[kind].add(key)
  }

  #mapOf(kind: Kind): Map<string, unknown> {
    return kind === 'Node' ? this.nodes : kind === 'Service' ? this.services : this.endpointSlices
  }
}

function placeOf(identity: string | undefined): string {
  const [kind = 'object', key = ''] = identity?.split(' ') ?? []
  return `${kind.toLowerCase()}/${key}`
}

/** Which keys differ between two views. */
export function viewChange(before: View | undefined, after: View): ViewChange {
  const differing = (one: ReadonlyMap<string, unknown> | undefined, other: ReadonlyMap<string, unknown>) => {
    const keys = new Set<string>()
    for (const [key, value] of other)
      if (one?.get(key) !== value && !isDeepStrictEqual(one?.get(key), value)) keys.add(key)
    for (const key of one?.keys() ?? []) if (!other.has(key)) keys.add(key)
    return keys
  }
  return {
    nodes: differing(before?.nodes, after.nodes),
    services: differing(before?.services, after.services),
    endpointSlices: differing(before?.endpointSlices, after.endpointSlices),
  }
}

/** A finding about a watch: what is known stays in use. */
export function watchFinding(path: string, problem: string): Finding {
  return finding('watch-down', apiServer, path, problem)
}
