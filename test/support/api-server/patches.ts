/** The bodies of PATCH: what an object becomes by them. Nothing here knows objects of Kubernetes; documents are plain JSON. */

import { isDeepStrictEqual } from 'node:util'
import { badRequest, Refusal } from './objects.ts'

interface Operation {
  readonly op: string
  readonly path: string
  readonly from?: string
  readonly value?: unknown
}

type Container = unknown[] | Record<string, unknown>

/** The document after the patch; throws a `Refusal`, 415 for a type of patch that is none. */
export function patched(document: unknown, contentType: string, patch: unknown): unknown {
  switch (contentType) {
    case 'application/merge-patch+json':
    // A strategic merge differs in lists that it merges by a key, and in `$patch` directives. Here lists are replaced as a whole: nothing
    // may rely on this patch but for maps.
    case 'application/strategic-merge-patch+json':
      if (!isMap(patch)) throw badRequest('error decoding patch: it is no object')
      return merged(document, patch)
    case 'application/json-patch+json':
      if (!Array.isArray(patch)) throw badRequest('error decoding patch: it is no list of operations')
      return operated(document, patch as Operation[])
    default:
      throw new Refusal(415, 'UnsupportedMediaType', '415: Unsupported Media Type', { details: {} })
  }
}

/** RFC 7386. */
function merged(document: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch
  const result = isMap(document) ? { ...document } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else result[name] = merged(result[name], value)
  }
  return result
}

/** RFC 6902. All of it or nothing: the operations work on a copy. */
function operated(document: unknown, operations: readonly Operation[]): unknown {
  const copy = structuredClone(document)
  for (const operation of operations) operate(copy, operation)
  return copy
}

function operate(document: unknown, { op, path, from, value }: Operation): void {
  if (op === 'test') {
    // A real server takes null for what is not there.
    if (!isDeepStrictEqual(valueAt(document, path) ?? null, value ?? null)) throw unprocessable()
  } else if (op === 'add') insert(document, path, value)
  else if (op === 'replace') replace(document, path, value)
  else if (op === 'remove') remove(document, path)
  else if (op === 'copy') insert(document, path, structuredClone(existing(document, from)))
  else if (op === 'move') {
    const moved = existing(document, from)
    remove(document, from!)
    insert(document, path, moved)
  } else throw unprocessable()
}

/** What every operation that cannot be done is answered with, a failed `test` included. */
const unprocessable = () =>
  new Refusal(422, 'Invalid', 'the server rejected our request due to an error in our request', { details: {} })

function insert(document: unknown, path: string, value: unknown): void {
  const [container, name] = placeOf(document, path)
  if (!Array.isArray(container)) container[name] = value
  else container.splice(name === '-' ? container.length : indexIn(container, name, container.length), 0, value)
}

function replace(document: unknown, path: string, value: unknown): void {
  const [container, name] = placeOf(document, path)
  // Of a map also what is not there: RFC 6902 forbids it, a real server does it.
  if (!Array.isArray(container)) container[name] = value
  else container[indexIn(container, name, container.length - 1)] = value
}

function remove(document: unknown, path: string): void {
  existing(document, path)
  const [container, name] = placeOf(document, path)
  if (Array.isArray(container)) container.splice(Number(name), 1)
  else delete container[name]
}

function existing(document: unknown, path: string | undefined): unknown {
  const value = path === undefined ? undefined : valueAt(document, path)
  if (value === undefined) throw unprocessable()
  return value
}

function valueAt(document: unknown, path: string): unknown {
  const [container, name] = placeOf(document, path)
  return Array.isArray(container) ? container[indexIn(container, name, container.length - 1)] : container[name]
}

/** The container that a pointer (RFC 6901) points into, and the last name of it. */
function placeOf(document: unknown, path: string): [container: Container, name: string] {
  if (typeof path !== 'string' || !path.startsWith('/')) throw unprocessable()
  const names = path.split('/').slice(1)
  const last = names.pop()!.replaceAll('~1', '/').replaceAll('~0', '~')
  const container = names.length === 0 ? document : valueAt(document, `/${names.join('/')}`)
  if (!isMap(container) && !Array.isArray(container)) throw unprocessable()
  return [container, last]
}

function indexIn(list: readonly unknown[], name: string, most: number): number {
  const index = /^\d+$/.test(name) ? Number(name) : list.length + 1
  if (index > most) throw unprocessable()
  return index
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
