/**
 * The admin socket: HTTP and JSON over a Unix socket that only its owner can open. The one door through which state can be changed.
 */

import { lstat, mkdir, unlink } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { families, hostPrefix, type Prefix } from 'bgp-ts'
import { parseAddress, parsePrefix } from '../../policy/index.ts'
import type { RouteView } from '../../speaker/index.ts'
import type { Backend } from '../backend.ts'
import { ConfigError } from '../config/flag.ts'
import type { EventsAnswer } from '../events.ts'
import { explain } from '../explain.ts'

/** A configuration with a full table of routes fits. */
const largestBody = 256 * 1024 * 1024

/** Connections at a time, and milliseconds that the head of a request and all of it may take: whoever may open the socket may still not fill it. */
const limits = { connections: 1000, head: 5000, request: 60_000 }

class RequestError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export interface AdminServer {
  close(): Promise<void>
}

/** Listens on `path`, mode 0600. A socket that nobody answers on is taken over; one that is in use is an error, and so is anything else at that place. */
export async function serveAdmin(backend: Backend, path: string): Promise<AdminServer> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 }).catch((error: unknown) => {
    throw new ConfigError('--admin-socket', path, `cannot be made: ${error instanceof Error ? error.message : error}`)
  })
  await clear(path)
  const server = createServer((request, response) => void handle(backend, request, response))
  server.maxConnections = limits.connections
  server.headersTimeout = limits.head
  server.requestTimeout = limits.request
  // The mode has to hold from the first moment: a later chmod would leave a gap.
  const before = process.umask(0o177)
  try {
    await listening(server, path)
  } finally {
    process.umask(before)
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** What is no socket belongs to somebody, and a link leads to where others want us to listen: neither is touched. */
async function clear(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined)
  if (!there) return
  if (!there.isSocket())
    throw new ConfigError('--admin-socket', path, `is ${there.isSymbolicLink() ? 'a link' : 'there and no socket'}`)
  if (await answers(path)) throw new ConfigError('--admin-socket', path, 'is in use by another tandem')
  await unlink(path).catch(() => {})
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new ConfigError('--admin-socket', path, `cannot be listened on: ${error.message}`)),
    )
    server.listen(path, () => resolve())
  })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Where a configuration is being received: one at a time, because each may be large. */
const bodies = new WeakSet<Backend>()

async function handle(backend: Backend, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    reply(response, 200, await answer(backend, request))
  } catch (error) {
    const status = error instanceof RequestError ? error.status : error instanceof ConfigError ? 422 : 500
    const message = error instanceof Error ? error.message : String(error)
    reply(response, status, { error: { code: status, message } })
  }
}

async function answer(backend: Backend, request: IncomingMessage): Promise<unknown> {
  const url = new URL(request.url ?? '/', 'http://tandem')
  const ask = `${request.method} ${url.pathname}`
  switch (ask) {
    case 'GET /v1/status':
      return { source: backend.source, findings: backend.findings, ...backend.speaker.snapshot() }
    case 'GET /v1/peers':
      return backend.speaker.snapshot()
    case 'GET /v1/routes':
      return { routes: routes(backend, url.searchParams) }
    case 'GET /v1/events':
      return eventsAfter(backend, Number(url.searchParams.get('after') ?? 0))
    case 'GET /v1/explain':
      return explain(backend, url.searchParams.get('subject') ?? '')
    case 'GET /v1/plan':
      if (!backend.plan) throw new RequestError(404, `there is no plan: the source is ${backend.source}`)
      return backend.plan
    case 'POST /v1/apply': {
      if (!backend.apply) throw new RequestError(409, `the source is ${backend.source}: change it there`)
      if (bodies.has(backend)) throw new RequestError(429, 'another configuration is on its way: try again')
      bodies.add(backend)
      try {
        return backend.apply(url.searchParams.get('name') ?? 'request', await body(request))
      } finally {
        bodies.delete(backend)
      }
    }
    default:
      throw new RequestError(404, `no such thing: ${ask}`)
  }
}

/** `last` tells who follows that the daemon has begun anew. */
function eventsAfter({ events }: Backend, id: number): EventsAnswer {
  if (!Number.isSafeInteger(id) || id < 0) throw new RequestError(400, `after "${id}" is no number of an event`)
  return { events: events?.after(id) ?? [], last: events?.last ?? 0 }
}

function routes(backend: Backend, query: URLSearchParams) {
  const view = query.get('view') ?? 'best'
  if (view !== 'in' && view !== 'best' && view !== 'out')
    throw new RequestError(400, `view "${view}" is not in, best or out`)
  const prefixText = query.get('prefix')
  const prefix = prefixText === null ? undefined : prefixOf(prefixText)
  const peer = query.get('peer')
  const family = families.find((one) => one === query.get('family'))
  const limit = Number(query.get('limit') ?? Number.NaN)
  return backend.speaker.routes(view satisfies RouteView, {
    ...(prefix && { prefix }),
    ...(peer !== null && { peer }),
    ...(family && { family }),
    ...(limit > 0 && { limit }),
  })
}

function prefixOf(text: string): Prefix {
  const address = parseAddress(text)
  const prefix = address ? hostPrefix(address) : parsePrefix(text)
  if (!prefix) throw new RequestError(400, `"${text}" is no prefix`)
  return prefix
}

async function body(request: IncomingMessage): Promise<string> {
  // What says that it is too large is not waited for.
  let size = Number(request.headers['content-length'] ?? 0)
  if (size > largestBody) throw new RequestError(413, 'the configuration is too large')
  const chunks: Buffer[] = []
  size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestBody) throw new RequestError(413, 'the configuration is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  // With the connection goes what is still to come of a body.
  response.writeHead(status, { 'content-type': 'application/json', ...(status === 413 && { connection: 'close' }) })
  response.end(`${JSON.stringify(value)}\n`)
}
