/**
 * An HTTP server on TCP for short questions without a body, such as probes: read-only, and bounded whatever its clients do. A client that is slow
 * or says too much is cut off, and where there are too many connections the oldest gives way: so those who hold many cannot keep a probe out.
 */

import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import { type Address, formatAddress } from 'bgp-ts'
import { ConfigError } from './config/flag.ts'

export interface ProbeLimits {
  readonly connections: number
  /** For a whole request, from the first octet or the last answer on. */
  readonly requestMs: number
  readonly headerOctets: number
}

export const probeLimits: ProbeLimits = { connections: 64, requestMs: 5000, headerOctets: 4096 }

/** What is answered is for probes, programs and people, and nothing that a browser runs, frames or keeps. */
const headers: OutgoingHttpHeaders = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
}

/** `answer` is called for GET and HEAD alone. */
export function createProbeServer(answer: RequestListener, limits: ProbeLimits = probeLimits): Server {
  const { connections, requestMs, headerOctets } = limits
  const server = createServer(
    {
      maxHeaderSize: headerOctets,
      headersTimeout: requestMs,
      requestTimeout: requestMs,
      keepAliveTimeout: requestMs,
      connectionsCheckingInterval: Math.min(1000, requestMs),
    },
    (request, response) => respond(answer, request, response),
  )
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    if (open.size > connections) for (const oldest of [...open].slice(0, open.size - connections)) oldest.destroy()
  })
  return server
}

export interface Listening {
  readonly port: number
  close(): Promise<void>
}

/** Throws `ConfigError`, which names the flag of the port, where it cannot be listened on. */
export async function listenAt(server: Server, flag: string, address: Address, port: number): Promise<Listening> {
  const host = formatAddress(address)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new ConfigError(flag, String(port), `cannot be listened on at ${host}: ${error.message}`)),
    )
    server.listen(port, host, () => resolve())
  })
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

function respond(answer: RequestListener, request: IncomingMessage, response: ServerResponse): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value!)
  if (request.method === 'GET' || request.method === 'HEAD') {
    answer(request, response)
    return
  }
  // With the connection goes what is still to come of a body.
  response.writeHead(405, { allow: 'GET, HEAD', connection: 'close', 'content-type': 'text/plain; charset=utf-8' })
  response.end('only GET and HEAD\n')
}
