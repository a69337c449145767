/**
 * A Kubernetes API server for tests: in this process, over real HTTP, with the ways in which a real one says no, forgets and goes away.
 * This file is its face to tests; what a client can see was compared with kube-apiserver 1.34, answer by answer.
 *
 * It knows kinds and metadata, no schemas: fields are stored as they come, neither checked nor (but for a few) defaulted.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeObject } from '../kube-objects.ts'
import { ExecServer } from './exec.ts'
import { type Answer, type KindRule, Refusal, ruleOfKind, type StoredObject } from './objects.ts'
import { type Breakage, type ReadRequest, Watch } from './reads.ts'
import { answerTo, watchOf } from './routes.ts'
import { Store } from './store.ts'

export interface FakeApiServerOptions {
  /** False: as a server that has no streamed lists, which refuses `sendInitialEvents` with 422. */
  readonly watchList?: boolean
}

export interface LoggedRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly userAgent: string
  /** 0 until it is answered. */
  readonly status: number
}

interface Fault {
  readonly refusal: Refusal
  readonly path: RegExp | undefined
  left: number
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

export class FakeApiServer {
  readonly #http: Server
  readonly #store: Store
  readonly #streamedLists: boolean
  readonly #watches = new Map<Watch, LoggedRequest>()
  readonly #requests: LoggedRequest[] = []
  #faults: Fault[] = []
  /** What is run in pods, and how it goes. */
  readonly exec = new ExecServer()
  #port = 0
  /** When set, a request without it is answered with 401 (a real server may take one for the anonymous user's, and say 403). */
  token: string | undefined

  static async start(options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
    const server = new FakeApiServer(options)
    await server.resume()
    return server
  }

  private constructor({ watchList = true }: FakeApiServerOptions) {
    this.#streamedLists = watchList
    this.#store = new Store((change) => {
      for (const watch of this.#watches.keys()) watch.tell(change)
    })
    this.#http = createServer((request, response) => {
      this.#receive(request, response).catch(() => response.destroy())
    })
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    // Longer than a test: a pooled connection that ends by itself between two requests would be one more fault.
    this.#http.keepAliveTimeout = 90_000
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** All that were received, in their order. */
  get requests(): readonly LoggedRequest[] {
    return this.#requests
  }

  /** The requests whose watches are open, hanging ones included. */
  get openWatches(): readonly LoggedRequest[] {
    return [...this.#watches.values()]
  }

  /** Creates or replaces, status and all; a namespaced object that says none is in `default`. */
  apply(object: KubeObject): StoredObject {
    const rule = ruleOfKind(object.kind)
    const { namespace: _, ...metadata } = object.metadata
    const namespace = namespaceFor(rule, object.metadata.namespace)
    return this.#store.put(rule, {
      ...object,
      metadata: { ...metadata, ...(namespace && { namespace }) },
    } as KubeObject)
  }

  /** Deletes at once, finalizers or not; undefined when there was no such object. */
  remove(kind: string, namespace: string | undefined, name: string): StoredObject | undefined {
    const object = this.get(kind, namespace, name)
    return object && this.#store.delete(ruleOfKind(kind), object)
  }

  get(kind: string, namespace: string | undefined, name: string): StoredObject | undefined {
    const rule = ruleOfKind(kind)
    return this.#store.get(rule, namespaceFor(rule, namespace), name)
  }

  /** By namespace and name. */
  list(kind: string): readonly StoredObject[] {
    return this.#store.list(ruleOfKind(kind)).map(([, object]) => object)
  }

  /** Every version handed out so far is too old from now on: for a new watch and for a `continue` token. Open watches stay. */
  compact(): void {
    this.#store.compact()
  }

  /** Closes the port and every connection. */
  async pause(): Promise<void> {
    if (!this.#http.listening) return
    const closed = new Promise((resolve) => this.#http.close(resolve))
    this.exec.cut()
    this.#http.closeAllConnections()
    await closed
  }

  /** Opens the same port again; watches go on from any version that was not compacted. */
  async resume(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject)
      this.#http.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (this.#http.address() as AddressInfo).port
  }

  /** As a new process above the same database: its cache of changes begins anew, so that a watch from an earlier version gets 410. */
  async restart({ downMs = 0 }: { readonly downMs?: number } = {}): Promise<void> {
    await this.pause()
    await sleep(downMs)
    this.#store.forgetWatchable()
    await this.resume()
  }

  async stop(): Promise<void> {
    await this.pause()
  }

  breakWatches(how: Breakage): void {
    for (const watch of this.#watches.keys()) watch.break(how)
  }

  /** To every watch that has asked for bookmarks. */
  bookmark(): void {
    for (const watch of this.#watches.keys()) watch.bookmark(this.#store.revision)
  }

  /** The next `times` requests whose path and query match are answered with this status and do nothing. */
  answer(
    status: number,
    options: { readonly times?: number; readonly path?: RegExp; readonly retryAfterSeconds?: number } = {},
  ): void {
    const { times = 1, path, retryAfterSeconds } = options
    const more = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
    const refusal = new Refusal(status, reasons[status], `the test wants ${status}`, { details: {}, ...more })
    this.#faults.push({ refusal, path, left: times })
  }

  #log({ method = '', headers }: IncomingMessage, url: URL) {
    const query = Object.fromEntries(url.searchParams)
    const logged = { method, path: url.pathname, query, userAgent: headers['user-agent'] ?? '', status: 0 }
    this.#requests.push(logged)
    return logged
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', this.url)
    const logged = this.#log(request, url)
    socket.on('error', () => socket.destroy())
    try {
      this.#refuseAsAsked(url, request.headers.authorization)
      this.exec.upgrade(this.#store, request, url, socket, head)
      logged.status = 101
    } catch (error) {
      const { code, body } = refusalAnswer(error)
      logged.status = code
      const text = JSON.stringify(body)
      const lines = [
        `HTTP/1.1 ${code} Refused`,
        'content-type: application/json',
        `content-length: ${Buffer.byteLength(text)}`,
      ]
      socket.end(`${[...lines, 'connection: close'].join('\r\n')}\r\n\r\n${text}`)
    }
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    const { method = '', headers } = request
    const logged = this.#log(request, url)
    const received = { url, method, contentType: headers['content-type'] ?? '', text: await textOf(request) }
    try {
      this.#refuseAsAsked(url, headers.authorization)
      const watched = watchOf(received)
      if (watched) this.#watch(watched, response, logged)
      else answer(response, answerTo(this.#store, received))
    } catch (error) {
      answer(response, refusalAnswer(error))
    }
    logged.status = response.statusCode
  }

  #refuseAsAsked({ pathname, search }: URL, authorization: string | undefined): void {
    const fault = this.#faults.find(({ path }) => path?.test(pathname + search) ?? true)
    if (fault) {
      fault.left--
      this.#faults = this.#faults.filter(({ left }) => left > 0)
      throw fault.refusal
    }
    if (this.token !== undefined && authorization !== `Bearer ${this.token}`)
      throw new Refusal(401, 'Unauthorized', 'Unauthorized')
  }

  #watch(request: ReadRequest, response: ServerResponse, logged: LoggedRequest): void {
    const watch = new Watch(this.#store, request, response, this.#streamedLists)
    this.#watches.set(watch, logged)
    response.on('close', () => this.#watches.delete(watch))
  }
}

function namespaceFor(rule: KindRule, namespace: string | undefined): string | undefined {
  return rule.namespaced ? (namespace ?? 'default') : undefined
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function answer(response: ServerResponse, { code, body, headers }: Answer): void {
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json'
  response.writeHead(code, { 'content-type': type, ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

function refusalAnswer(error: unknown): Answer {
  const refusal = error instanceof Refusal ? error : new Refusal(500, 'InternalError', String(error))
  const seconds = refusal.more.retryAfterSeconds
  const headers = seconds === undefined ? {} : { 'retry-after': String(seconds) }
  return { code: refusal.code, body: refusal.status, headers }
}
