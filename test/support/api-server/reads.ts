/**
 * Lists and watches. A list is a page of what was at one revision, which its `continue` token holds on to; a watch is an answer without an
 * end, to which every change of its kind is told in the words of its own selector.
 */

import type { ServerResponse } from 'node:http'
import { apiVersionOf, badRequest, invalid, type KindRule, Refusal, type StoredObject } from './objects.ts'
import { type Scope, scopeOf } from './selectors.ts'
import { type Change, type Store, withVersion } from './store.ts'

/** `query` as it came, of a path that names no object. */
export interface ReadRequest {
  readonly rule: KindRule
  readonly namespace: string | undefined
  readonly query: URLSearchParams
}

/** How a watch ends: cleanly, by a reset, not at all though nothing comes any more, or in the middle of a line. */
export type Breakage = 'close' | 'reset' | 'hang' | 'garbage'

export function list(store: Store, { rule, namespace, query }: ReadRequest): object {
  const scope = scopeOf(rule, namespace, query)
  const { revision, after } = positionOf(store, query)
  const all = store.list(rule, revision).filter(([key, object]) => key > after && scope(object))
  // A list of any version comes whole: that is how a real server answers from its cache.
  const limit = query.get('resourceVersion') === '0' ? 0 : numberOf(query, 'limit')
  const page = limit > 0 ? all.slice(0, limit) : all
  const left = all.length - page.length
  const selected = query.get('labelSelector') || query.get('fieldSelector')
  const metadata = {
    resourceVersion: String(revision),
    ...(left > 0 && { continue: tokenOf(revision, page.at(-1)![0]) }),
    ...(left > 0 && !selected && { remainingItemCount: left }),
  }
  // The items do not say what they are: the list does.
  const items = page.map(([, { kind: _kind, apiVersion: _apiVersion, ...item }]) => item)
  return { kind: `${rule.kind}List`, apiVersion: apiVersionOf(rule), metadata, items }
}

/** As of which revision, and behind which key. */
interface Position {
  readonly revision: number
  readonly after: string
}

function positionOf(store: Store, query: URLSearchParams): Position {
  // Loud, not wrong.
  if (query.get('resourceVersionMatch'))
    throw new Refusal(501, undefined, 'the tests know no resourceVersionMatch here')
  const token = query.get('continue') ?? ''
  if (token === '') return { revision: store.revision, after: '' }
  if (numberOf(query, 'resourceVersion') > 0)
    throw badRequest('specifying resource version is not allowed when using continue')
  return continued(store, token)
}

function tokenOf(revision: number, after: string): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: after })).toString('base64url')
}

function continued(store: Store, token: string): Position {
  const { rv, start } = readToken(token)
  // What the refusal below offers: the rest of the list, as of now.
  if (rv === -1) return { revision: store.revision, after: start }
  if (rv >= store.compacted) return { revision: rv, after: start }
  throw new Refusal(410, 'Expired', 'The provided continue parameter is too old to display a consistent list result.', {
    metadata: { continue: tokenOf(-1, start) },
  })
}

function readToken(token: string): { readonly rv: number; readonly start: string } {
  try {
    const { rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Record<string, unknown>
    if (typeof rv === 'number' && typeof start === 'string') return { rv, start }
  } catch {
    // It is none of ours, as below.
  }
  throw badRequest('invalid continue token: continue key is not valid')
}

export class Watch {
  readonly #rule: KindRule
  readonly #scope: Scope
  readonly #response: ServerResponse
  readonly #wantsBookmarks: boolean
  readonly #from: number
  #end: NodeJS.Timeout | undefined
  #hangs = false

  /** Answers, and tells what was before now. Throws a `Refusal` before it has answered. `streamedLists`: whether the server has them. */
  constructor(store: Store, request: ReadRequest, response: ServerResponse, streamedLists: boolean) {
    const { rule, namespace, query } = request
    const streamed = query.get('sendInitialEvents')
    const seconds = numberOf(query, 'timeoutSeconds')
    checkInitialEvents(query, streamedLists)
    this.#rule = rule
    this.#scope = scopeOf(rule, namespace, query)
    this.#response = response
    this.#wantsBookmarks = ['true', '1'].includes(query.get('allowWatchBookmarks') ?? '')
    this.#from = numberOf(query, 'resourceVersion')
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' })
    response.flushHeaders()
    this.#begin(store, streamed)
    if (seconds > 0) this.#end = setTimeout(() => response.end(), seconds * 1000)
    response.on('close', () => clearTimeout(this.#end))
  }

  /** In the words of the selector: what leaves it is deleted, as it was; what enters it is added. */
  tell({ revision, rule, before, after }: Change): void {
    if (rule !== this.#rule) return
    const was = before !== undefined && this.#scope(before)
    if (after && this.#scope(after)) this.#send(was ? 'MODIFIED' : 'ADDED', after)
    else if (was) this.#send('DELETED', withVersion(before, revision))
  }

  /** Only to those that have asked for them. */
  bookmark(revision: number, annotations?: object): void {
    if (!this.#wantsBookmarks) return
    const metadata = { resourceVersion: String(revision), ...(annotations && { annotations }) }
    this.#send('BOOKMARK', { kind: this.#rule.kind, apiVersion: apiVersionOf(this.#rule), metadata })
  }

  break(how: Breakage): void {
    clearTimeout(this.#end)
    if (how === 'hang') this.#hangs = true
    else if (how === 'reset') this.#response.socket?.resetAndDestroy()
    else
      this.#response.end(
        how === 'garbage' ? `{"type":"MODIFIED","object":{"kind":"${this.#rule.kind}","meta` : undefined,
      )
  }

  #begin(store: Store, streamed: string | null): void {
    const asNew = streamed === 'true' || (streamed === null && this.#from === 0)
    if (asNew) for (const [, object] of store.list(this.#rule)) if (this.#scope(object)) this.#send('ADDED', object)
    if (streamed === 'true') this.bookmark(store.revision, { 'k8s.io/initial-events-end': 'true' })
    if (asNew || this.#from === 0) return
    if (this.#from >= store.watchableFrom) {
      for (const change of store.changesSince(this.#from)) this.tell(change)
      return
    }
    // The answer of 200 has gone out: what refuses is an event.
    const why = `too old resource version: ${this.#from} (${store.watchableFrom})`
    this.#send('ERROR', new Refusal(410, 'Expired', why).status)
    this.#response.end()
  }

  #send(type: string, object: StoredObject | object): void {
    if (!this.#hangs && !this.#response.writableEnded) this.#response.write(`${JSON.stringify({ type, object })}\n`)
  }
}

function checkInitialEvents(query: URLSearchParams, streamedLists: boolean): void {
  const match = query.get('resourceVersionMatch') ?? ''
  if (!query.has('sendInitialEvents')) {
    if (match === '') return
    throw badOption('resourceVersionMatch', 'it is forbidden for watch unless sendInitialEvents is provided')
  }
  if (!streamedLists)
    throw badOption('sendInitialEvents', 'it is forbidden for watch unless the WatchList feature gate is enabled')
  if (match !== 'NotOlderThan')
    throw badOption('resourceVersionMatch', 'sendInitialEvents requires setting it to NotOlderThan')
}

const badOption = (field: string, why: string) => invalid('ListOptions', 'meta.k8s.io', '', field, `Forbidden: ${why}`)

/** 0 where it is left out or empty. */
function numberOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? ''
  if (!/^-?\d*$/.test(text)) throw badRequest(`${name}: Invalid value: "${text}": invalid syntax`)
  return Number(text)
}
