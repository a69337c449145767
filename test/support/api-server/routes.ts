/** The paths of the API: which object or which objects a request is about, and who answers it. */

import { type Answer, badRequest, methodNotAllowed, noSuchPath, notFound, Refusal, ruleOfPath } from './objects.ts'
import { list, type ReadRequest } from './reads.ts'
import type { Store } from './store.ts'
import { create, patch, remove, replace, type Target } from './writes.ts'

export interface Received {
  readonly url: URL
  readonly method: string
  readonly contentType: string
  readonly text: string
}

/** What a path names; without a name, all objects of a kind. */
type Place = Omit<Target, 'name'> & { readonly name: string | undefined }

const ok: Answer = { code: 200, body: 'ok' }
const plainAnswers: Readonly<Record<string, Answer>> = {
  '/readyz': ok,
  '/healthz': ok,
  '/livez': ok,
  '/version': { code: 200, body: { major: '1', minor: '34', gitVersion: 'v1.34.0', platform: 'linux/amd64' } },
}

/** Undefined for what is no watch. Of one object there is none: a real server answers with the object. */
export function watchOf({ url, method }: Received): ReadRequest | undefined {
  if (method !== 'GET' || !['true', '1'].includes(url.searchParams.get('watch') ?? '')) return undefined
  const { rule, namespace, name } = placeOf(url.pathname)
  return name === undefined ? { rule, namespace, query: url.searchParams } : undefined
}

/** Throws a `Refusal`. */
export function answerTo(store: Store, received: Received): Answer {
  const { url, method, contentType, text } = received
  const plain = method === 'GET' ? plainAnswers[url.pathname] : undefined
  if (plain) return plain
  const place = placeOf(url.pathname)
  const { rule, namespace, name } = place
  const mediaType = contentType.split(';')[0]!.trim()
  if (name !== undefined) return answerOfObject(store, { ...place, name }, method, mediaType, text)
  if (method === 'GET') return { code: 200, body: list(store, { rule, namespace, query: url.searchParams }) }
  if (method !== 'POST' || (namespace !== undefined) !== rule.namespaced) throw methodNotAllowed()
  return { code: 201, body: create(store, rule, namespace, bodyOf(text, mediaType)) }
}

function answerOfObject(store: Store, target: Target, method: string, mediaType: string, text: string): Answer {
  const { rule, namespace, name, subresource } = target
  if (method === 'PUT') return replace(store, target, bodyOf(text, mediaType))
  if (method === 'PATCH') return { code: 200, body: patch(store, target, mediaType, parsed(text)) }
  if (method === 'DELETE' && !subresource)
    return { code: 200, body: remove(store, target, text === '' ? {} : bodyOf(text, mediaType)) }
  if (method !== 'GET') throw methodNotAllowed()
  const object = store.get(rule, namespace, name)
  if (!object) throw notFound(rule, name)
  return { code: 200, body: object }
}

const pathForm = /^\/(api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?\/?$/

function placeOf(path: string): Place {
  const [, prefix = '', ...rest] = pathForm.exec(path) ?? []
  const [namespace, plural = '', name, subresource] = rest.map((part) => part && decodeURIComponent(part))
  const rule = ruleOfPath(prefix, plural)
  if (!rule || (subresource !== undefined && (subresource !== 'status' || !rule.status))) throw noSuchPath()
  // Objects of a namespaced kind are named in their namespace alone; of the others never in one.
  if (rule.namespaced ? name !== undefined && namespace === undefined : namespace !== undefined) throw noSuchPath()
  return { rule, namespace, name, subresource: subresource as 'status' | undefined }
}

function bodyOf(text: string, mediaType: string): unknown {
  if (mediaType !== '' && mediaType !== 'application/json')
    throw new Refusal(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format')
  return parsed(text)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw badRequest(`json parse error: ${error instanceof Error ? error.message : error}`)
  }
}
