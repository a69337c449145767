/**
 * An API server for tests, in this process and over real HTTP: objects by kind, one rising revision, lists in pages, watches with
 * bookmarks, streamed lists, and the ways in which the real one says no. It is held to the same client suite as the real one.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'

export interface FakeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata
  readonly [field: string]: unknown
}

interface Metadata {
  readonly name: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly resourceVersion?: string
  readonly [field: string]: unknown
}

interface Change {
  readonly revision: number
  readonly kind: string
  readonly before: FakeObject | undefined
  readonly after: FakeObject | undefined
}

interface Watch {
  readonly kind: string
  readonly selects: (object: FakeObject) => boolean
  readonly response: ServerResponse
}

const kinds: Readonly<Record<string, string>> = {
  nodes: 'Node',
  services: 'Service',
  endpointslices: 'EndpointSlice',
  events: 'Event',
  leases: 'Lease',
}

export interface FakeOptions {
  /** False: as a server before 1.32, which refuses `sendInitialEvents`. */
  readonly streamedLists?: boolean
}

export class FakeApiServer {
  readonly #server: Server
  readonly #options: FakeOptions
  readonly #objects = new Map<string, FakeObject>()
  readonly #history: Change[] = []
  readonly #watches = new Set<Watch>()
  #revision = 100
  #compacted = 0
  /** Requests have to bear it; left out, anybody may ask. */
  token: string | undefined
  readonly requests: { readonly method: string; readonly url: string; readonly status: number }[] = []

  private constructor(options: FakeOptions) {
    this.#options = options
    this.#server = createServer((request, response) => void this.#handle(request, response))
  }

  static async start(options: FakeOptions = {}): Promise<FakeApiServer> {
    const fake = new FakeApiServer(options)
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve))
    return fake
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  apply(object: FakeObject): void {
    const key = keyOf(object)
    const before = this.#objects.get(key)
    const { resourceVersion: _, uid, ...metadata } = object.metadata
    const kept = { uid: before?.metadata['uid'] ?? uid ?? `uid-${this.#revision}`, ...metadata }
    // A write that changes nothing is none: the version stays.
    if (before && isDeepStrictEqual({ ...object, metadata: kept }, { ...before, metadata: without(before.metadata) }))
      return
    const after = { ...object, metadata: { ...kept, resourceVersion: String(++this.#revision) } }
    this.#objects.set(key, after)
    this.#tell({ revision: this.#revision, kind: object.kind, before, after })
  }

  remove(kind: string, name: string): void {
    const [first = '', second] = name.split('/')
    const metadata = second === undefined ? { name: first } : { namespace: first, name: second }
    const key = keyOf({ apiVersion: '', kind, metadata })
    const before = this.#objects.get(key)
    if (!before) return
    this.#objects.delete(key)
    this.#tell({ revision: ++this.#revision, kind, before, after: undefined })
  }

  /** Every version before now is forgotten: watches from them end with 410. */
  compact(): void {
    this.#compacted = ++this.#revision
    this.#history.length = 0
  }

  cutWatches(): void {
    for (const { response } of this.#watches) response.socket?.destroy()
    this.#watches.clear()
  }

  bookmark(): void {
    for (const watch of this.#watches) send(watch, 'BOOKMARK', bookmarkOf(watch.kind, this.#revision))
  }

  #tell(change: Change): void {
    this.#history.push(change)
    for (const watch of this.#watches) tell(watch, change)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake')
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    response.on('close', () => {
      this.requests.push({ method: request.method ?? '', url: request.url ?? '', status: response.statusCode })
    })
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) {
      return refuse(response, 401, 'Unauthorized', 'Unauthorized')
    }
    const place = placeOf(url.pathname)
    if (!place) return refuse(response, 404, 'NotFound', 'the server could not find the requested resource')
    const body = chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString('utf8')) as FakeObject) : undefined
    if (request.method === 'GET' && place.name === '') {
      return url.searchParams.get('watch') === 'true'
        ? this.#watch(url, place.kind, response)
        : this.#list(url, place.kind, response)
    }
    this.#write(request.method ?? '', place, body, response)
  }

  #list(url: URL, kind: string, response: ServerResponse) {
    const [revision, after] = (url.searchParams.get('continue') ?? `${this.#revision} `).split(' ') as [string, string]
    if (Number(revision) < this.#compacted) return refuse(response, 410, 'Expired', 'the continue token is too old')
    const limit = Number(url.searchParams.get('limit') ?? Number.POSITIVE_INFINITY)
    const all = this.#selected(url, kind).filter((object) => keyOf(object) > after)
    const page = all.slice(0, limit)
    const next = all.length > page.length ? `${revision} ${keyOf(page.at(-1)!)}` : undefined
    // Items of a list do not say their kind, as those of the real one.
    const items = page.map(({ kind: _kind, apiVersion: _version, ...rest }) => rest)
    answer(response, 200, {
      kind: `${kind}List`,
      metadata: { resourceVersion: revision, ...(next && { continue: next }) },
      items,
    })
  }

  #watch(url: URL, kind: string, response: ServerResponse) {
    const streamed = url.searchParams.get('sendInitialEvents') === 'true'
    if (streamed && this.#options.streamedLists === false) {
      return refuse(response, 422, 'Invalid', 'sendInitialEvents: Forbidden: the feature gate WatchList is off')
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const watch: Watch = { kind, selects: selectorOf(url), response }
    const from = Number(url.searchParams.get('resourceVersion') ?? '0')
    if (streamed) {
      for (const object of this.#selected(url, kind)) send(watch, 'ADDED', object)
      send(watch, 'BOOKMARK', bookmarkOf(kind, this.#revision, { 'k8s.io/initial-events-end': 'true' }))
    } else if (from < this.#compacted) {
      // The usual form: an answer of 200, and the refusal as its first event.
      send(watch, 'ERROR', {
        kind: 'Status',
        status: 'Failure',
        code: 410,
        reason: 'Expired',
        message: `too old resource version: ${from}`,
      })
      response.end()
      return
    } else for (const change of this.#history) if (change.revision > from) tell(watch, change)
    this.#watches.add(watch)
    const seconds = Number(url.searchParams.get('timeoutSeconds') ?? 3600)
    const end = setTimeout(() => response.end(), seconds * 1000)
    response.on('close', () => {
      clearTimeout(end)
      this.#watches.delete(watch)
    })
  }

  #selected(url: URL, kind: string): FakeObject[] {
    const selects = selectorOf(url)
    return [...this.#objects.values()]
      .filter((one) => one.kind === kind && selects(one))
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  }

  /** Creation and merge patches: all that the daemon writes here. */
  #write(method: string, place: Place, body: FakeObject | undefined, response: ServerResponse) {
    if (!body) return refuse(response, 400, 'BadRequest', 'a body is needed')
    if (method === 'POST') {
      const object = {
        ...body,
        kind: place.kind,
        metadata: { ...body.metadata, ...(place.namespace && { namespace: place.namespace }) },
      }
      if (this.#objects.has(keyOf(object)))
        return refuse(response, 409, 'AlreadyExists', `${body.metadata.name} already exists`)
      this.apply(object)
      return answer(response, 201, this.#objects.get(keyOf(object)))
    }
    const metadata = { name: place.name, ...(place.namespace && { namespace: place.namespace }) }
    const known = this.#objects.get(keyOf({ apiVersion: '', kind: place.kind, metadata }))
    if (!known) return refuse(response, 404, 'NotFound', `${place.name} not found`)
    this.apply(merged(known, body) as FakeObject)
    answer(response, 200, this.#objects.get(keyOf(known)))
  }
}

interface Place {
  readonly kind: string
  readonly namespace: string
  /** Empty for a collection. */
  readonly name: string
}

function placeOf(path: string): Place | undefined {
  const match = /^\/(?:api\/v1|apis\/[^/]+\/v1)(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?(?:\/status)?$/.exec(
    path,
  )
  const kind = kinds[match?.[2] ?? '']
  return kind === undefined ? undefined : { kind, namespace: match?.[1] ?? '', name: match?.[3] ?? '' }
}

function keyOf({ kind, metadata }: FakeObject): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`
}

function without({ resourceVersion: _, ...rest }: Metadata): Omit<Metadata, 'resourceVersion'> {
  return rest
}

/** `a`, `!a`, `a=b` between commas, and `metadata.name=x`. */
function selectorOf(url: URL): (object: FakeObject) => boolean {
  const parts = (url.searchParams.get('labelSelector') ?? '').split(',').filter(Boolean)
  const name = /^metadata\.name=(.+)$/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1]
  return ({ metadata }) =>
    (name === undefined || metadata.name === name) &&
    parts.every((part) => {
      const labels = metadata.labels ?? {}
      const [key = '', value] = part.replace('!', '').split('=')
      if (part.startsWith('!')) return !(key in labels)
      return value === undefined ? key in labels : labels[key] === value
    })
}

/** What a watch hears of a change: an object that leaves its selector is deleted for it, one that enters is added. */
function tell(watch: Watch, { revision, kind, before, after }: Change): void {
  if (kind !== watch.kind) return
  const [was, is] = [before && watch.selects(before), after && watch.selects(after)]
  if (is && after) send(watch, was ? 'MODIFIED' : 'ADDED', after)
  else if (was && before)
    send(watch, 'DELETED', {
      ...(after ?? before),
      metadata: { ...(after ?? before).metadata, resourceVersion: String(revision) },
    })
}

function send({ response }: Watch, type: string, object: unknown): void {
  response.write(`${JSON.stringify({ type, object })}\n`)
}

function bookmarkOf(kind: string, revision: number, annotations?: object): object {
  return { kind, metadata: { resourceVersion: String(revision), ...(annotations && { annotations }) } }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function refuse(response: ServerResponse, code: number, reason: string, message: string): void {
  answer(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code })
}

/** RFC 7386. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result = { ...(typeof target === 'object' && target !== null ? target : {}) } as Record<string, unknown>
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = merged(result[key], value)
  }
  return result
}
