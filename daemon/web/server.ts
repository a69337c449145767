/**
 * The page over HTTP: read-only, no script but its own, nothing from elsewhere. What it answers is asked for by address or as localhost alone, so
 * that a page of somebody else cannot have a browser read it under a name of theirs.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Address } from 'bgp-ts'
import { parseAddress } from '../../policy/index.ts'
import { createProbeServer, type Listening, listenAt, probeLimits } from '../probe-server.ts'
import type { WebModel } from './model.ts'

const files: Readonly<Record<string, readonly [name: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
}

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Cookies of whatever else runs on localhost come along. */
const headerOctets = 32 * 1024
const longestSubject = 512

/** Throws `ConfigError` where the port cannot be listened on. */
export function serveWeb(model: WebModel, address: Address, port: number): Promise<Listening> {
  const folder = join(import.meta.dirname, 'page')
  const pages = new Map(
    Object.entries(files).map(([path, [name, type]]): [string, Answer] => [
      path,
      { type, body: readFileSync(join(folder, name)) },
    ]),
  )
  const server = createProbeServer(
    (request, response) => {
      response.setHeader('content-security-policy', policy)
      response.setHeader('referrer-policy', 'no-referrer')
      const url = new URL(request.url ?? '/', 'http://tandem')
      const {
        status = 200,
        type,
        body,
      } = isOurName(request.headers.host)
        ? (pages.get(url.pathname) ?? answer(model, url))
        : refusal(403, 'ask by address, or as localhost')
      response.writeHead(status, { 'content-type': type })
      response.end(body)
    },
    { ...probeLimits, headerOctets },
  )
  return listenAt(server, '--web-port', address, port)
}

/** The page asks nobody who they are: what is to be said of an address that others reach too. */
export function exposure(address: Address): string | undefined {
  const { version, w0, w1, w2, w3 } = address
  const isLoopback = version === 4 ? w0 >>> 24 === 127 : (w0 | w1 | w2) === 0 && w3 === 1
  if (isLoopback) return undefined
  return `--web-addr ${address}: whoever reaches this address can read the page, its peers and all routes; 127.0.0.1 or ::1 is for this node alone`
}

interface Answer {
  readonly status?: number
  readonly type: string
  readonly body: string | Buffer
}

function answer(model: WebModel, { pathname, searchParams }: URL): Answer {
  switch (pathname) {
    case '/api/fabric':
      return json(model.fabric())
    case '/api/events': {
      const after = Number(searchParams.get('after') ?? 0)
      return json(model.events(Number.isSafeInteger(after) && after > 0 ? after : 0))
    }
    case '/api/explain': {
      const subject = searchParams.get('subject') ?? ''
      const isOne = subject !== '' && subject.length <= longestSubject
      return isOne ? json(model.explain(subject)) : refusal(400, 'explain what?')
    }
    default:
      return refusal(404, 'no such page')
  }
}

const json = (value: unknown): Answer => ({ type: 'application/json', body: JSON.stringify(value) })
const refusal = (status: number, text: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${text}\n`,
})

/** `Host` without its port. */
function isOurName(host = ''): boolean {
  const name = /^\[(.*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '')
  return name === 'localhost' || parseAddress(name) !== undefined
}
