/**
 * The admin socket: HTTP and JSON over a Unix socket that only its owner can open. The one door through which state can be changed.
 */

import { lstat, mkdir, unlink } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import type { Backend } from '../backend.ts'
import { ConfigError } from '../config/flag.ts'
import { adminRoutes, RequestError } from './routes.ts'

/** A configuration with a full table of routes fits. */
const largestBody = 256 * 1024 * 1024

/** Connections at a time, and milliseconds that the head of a request and all of it may take: whoever may open the socket may still not fill it. */
const limits = { connections: 1000, head: 5000, request: 60_000 }

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

async function handle(backend: Backend, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    reply(response, 200, await answer(backend, request))
  } catch (error) {
    const status = error instanceof RequestError ? error.status : error instanceof ConfigError ? 422 : 500
    const message = error instanceof Error ? error.message : String(error)
    reply(response, status, { error: { code: status, message } })
  }
}

function answer(backend: Backend, request: IncomingMessage): unknown {
  const url = new URL(request.url ?? '/', 'http://tandem')
  const route = adminRoutes.find(({ method, path }) => method === request.method && path === url.pathname)
  if (!route) throw new RequestError(404, `no such thing: ${request.method} ${url.pathname}`)
  return route.answer(backend, { query: url.searchParams, body: () => body(request) })
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
