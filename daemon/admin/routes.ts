/**
 * Everything that the admin socket can be asked, one row each: what it takes, what it answers, what it refuses. The server looks requests up
 * here, and docs/admin-api.md is this table.
 */

import { type Family, families, hostPrefix, type Prefix } from 'bgp-ts'
import type { Plan } from '../../controllers/index.ts'
import { parseAddress, parsePrefix } from '../../policy/index.ts'
import type { RouteView } from '../../speaker/index.ts'
import type { Backend } from '../backend.ts'
import type { EventsAnswer } from '../events.ts'
import { type Explanation, explain } from '../explain.ts'
import { explainRouter } from '../explain-router.ts'
import type { AnyFields } from '../reference/shape.ts'
import * as shapes from './shapes.ts'
import { speaker } from './speaker-shapes.ts'

/** Answered with this status. */
export class RequestError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export interface Asked {
  readonly query: URLSearchParams
  /** What was sent along. */
  readonly body: () => Promise<string>
}

export interface AdminRoute {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly does: string
  /** Of the query. */
  readonly parameters: Readonly<Record<string, string>>
  readonly body?: string
  readonly shape: AnyFields
  /** Where another answer has all that it holds. */
  readonly shapeIsOf?: string
  /** When it is refused, by status. */
  readonly refuses: Readonly<Record<number, string>>
  /** Query of an example. */
  readonly example: string
  readonly answer: (backend: Backend, asked: Asked) => unknown
}

export const adminRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/v1/status',
    does: 'The speaker, its peers, and every finding.',
    parameters: {},
    shape: shapes.status,
    refuses: {},
    example: '',
    answer: (backend) => {
      return { source: backend.source, findings: backend.findings, ...backend.speaker.snapshot() }
    },
  },
  {
    method: 'GET',
    path: '/v1/peers',
    does: 'The same without source and findings: what `tandem peers` shows.',
    parameters: {},
    shape: speaker,
    shapeIsOf: '/v1/status',
    refuses: {},
    example: '',
    answer: (backend) => backend.speaker.snapshot(),
  },
  {
    method: 'GET',
    path: '/v1/routes',
    does: 'Routes of one view: what `tandem routes` shows.',
    parameters: {
      view: '`in`: all that peers announced and that was accepted; `best`, the default: one a prefix; `out`: what peers are sent',
      prefix: 'this one alone; an address stands for its host route',
      peer: 'of this peer, in the view `out` to it',
      family: '`ipv4-unicast` or `ipv6-unicast`; both without it',
      limit: 'stop at this many, 1 at least',
    },
    shape: shapes.routes,
    refuses: { 400: 'the view, the prefix, the family or the limit is none' },
    example: 'view=out&family=ipv6-unicast',
    answer: (backend, { query }) => ({ routes: routes(backend, query) }),
  },
  {
    method: 'GET',
    path: '/v1/events',
    does: 'What happened lately: what `tandem events` shows.',
    parameters: { after: 'events with a greater id alone; 0, the default, for all that are kept' },
    shape: shapes.events,
    refuses: { 400: '`after` is no number of an event' },
    example: 'after=0',
    answer: (backend, { query }) => eventsAfter(backend, Number(query.get('after') ?? 0)),
  },
  {
    method: 'GET',
    path: '/v1/explain',
    does: 'Why something is there or not: what `tandem explain` shows. What is not known is answered too, with the kind `unknown`.',
    parameters: {
      subject: 'a prefix or address, `NAMESPACE/SERVICE`, `node/NAME` or `peer/ADDRESS`',
      router: '`frr` or `bird`: the configuration of that router for the session with the peer, instead',
    },
    shape: shapes.explanation,
    refuses: { 422: 'the router is none of the two, or the subject is no peer' },
    example: 'subject=203.0.113.80',
    answer: (backend, { query }) => explained(backend, query),
  },
  {
    method: 'GET',
    path: '/v1/plan',
    does: 'What is advertised to whom, and what is withheld: what `tandem plan -o json` makes without a daemon.',
    parameters: {},
    shape: shapes.plan,
    refuses: { 404: 'the source is a configuration file: there is no plan' },
    example: '',
    answer: planOf,
  },
  {
    method: 'POST',
    path: '/v1/apply',
    does: 'Takes a new configuration: what `tandem apply` sends. All of it by the speaker alone, else its policies. One with an error changes nothing.',
    parameters: { name: 'how faults call the text; `request` by default' },
    body: 'The file, YAML or JSON, up to 256 MiB.',
    shape: shapes.report,
    refuses: {
      409: 'this daemon takes none',
      413: 'the body is too large',
      422: 'the configuration is wrong; the message names line, value and what would be right',
      429: 'another configuration is on its way',
    },
    example: 'name=tandem.yaml',
    answer: apply,
  },
]

function planOf({ plan, source }: Backend): Plan {
  if (!plan) throw new RequestError(404, `there is no plan: the source is ${source}`)
  return plan
}

/** Where a configuration is being received: one at a time, because each may be large. */
const bodies = new WeakSet<Backend>()

async function apply(backend: Backend, { query, body }: Asked): Promise<unknown> {
  if (!backend.apply) throw new RequestError(409, `the source is ${backend.source}: change it there`)
  if (bodies.has(backend)) throw new RequestError(429, 'another configuration is on its way: try again')
  bodies.add(backend)
  try {
    return backend.apply(query.get('name') ?? 'request', await body())
  } finally {
    bodies.delete(backend)
  }
}

function explained(backend: Backend, query: URLSearchParams): Explanation {
  const subject = query.get('subject') ?? ''
  const router = query.get('router')
  return router === null ? explain(backend, subject) : explainRouter(backend, subject, router)
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
  const family = familyOf(query.get('family'))
  const limit = limitOf(query.get('limit'))
  return backend.speaker.routes(view satisfies RouteView, {
    ...(prefix && { prefix }),
    ...(peer !== null && { peer }),
    ...(family && { family }),
    ...(limit !== undefined && { limit }),
  })
}

function familyOf(text: string | null): Family | undefined {
  const family = families.find((one) => one === text)
  if (text !== null && !family) throw new RequestError(400, `family "${text}" is not ${families.join(' or ')}`)
  return family
}

function limitOf(text: string | null): number | undefined {
  if (text === null) return undefined
  const limit = Number(text)
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RequestError(400, `limit "${text}" is no number of routes`)
  return limit
}

function prefixOf(text: string): Prefix {
  const address = parseAddress(text)
  const prefix = address ? hostPrefix(address) : parsePrefix(text)
  if (!prefix) throw new RequestError(400, `"${text}" is no prefix`)
  return prefix
}
