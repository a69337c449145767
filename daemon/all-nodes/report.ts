/** What was gathered, as one table with the node of each row, those that are missing, and what it comes to in words. */

import type { RouteRow, SpeakerSnapshot } from '../../speaker/index.ts'
import { kernelLines } from '../kernel-routes.ts'
import type { Look } from '../render/columns.ts'
import { sessionsTable } from '../render/peers-table.ts'
import { routesTable } from '../render/routes-table.ts'
import { table } from '../render/table.ts'
import type { Answered, Gathered } from './gather.ts'
import { unevenRoutes } from './twin-routes.ts'
import { canonical, type Difference, differences, isUp, named } from './twins.ts'
import type { Missing, NodeObject } from './whom.ts'

export interface RoutesAnswer {
  readonly routes: readonly RouteRow[]
  /** Of the same node, where routes are compared between the peers that they are sent to. */
  readonly sessions?: SpeakerSnapshot
}

export interface Report {
  /** For programs: answers by node. */
  readonly value: {
    readonly nodes: Readonly<Record<string, unknown>>
    readonly missing: readonly Missing[]
    readonly differences: readonly Difference[]
  }
  readonly text: (look?: Look) => string
}

export function peersReport({ answered, missing }: Gathered<SpeakerSnapshot>, nodes: readonly NodeObject[]): Report {
  const rows = answered.flatMap(({ node, answer }) => answer.peers.map((peer) => ({ node, peer })))
  const found = differences(
    answered.map(({ node, answer }) => ({ node, peers: answer.peers })),
    addressesOf(nodes, answered),
  )
  const up = rows.filter(({ peer }) => isUp(peer)).length
  const headline = `${share(answered, missing)}; ${up} of ${rows.length} sessions are up`
  const words = found.length > 0 || rows.length === 0 ? found : [{ text: 'no router differs from its twin', nodes: [] }]
  return {
    value: { nodes: byNode(answered), missing, differences: found },
    text: (look) =>
      paragraphs(
        sessionsTable(rows, look),
        missingTable(missing),
        [headline, ...words.map(({ text }) => text), ...answered.flatMap(troubles)].join('\n'),
      ),
  }
}

export function routesReport(
  gathered: Gathered<RoutesAnswer>,
  nodes: readonly NodeObject[],
  prefix: string | undefined,
): Report {
  const { answered, missing } = gathered
  const rows = answered.flatMap(({ node, answer }) => answer.routes.map((route) => ({ node, ...route })))
  const sessions = answered.flatMap(({ answer }) => answer.sessions ?? [])
  const addresses = addressesOf(
    nodes,
    sessions.map((answer) => ({ answer })),
  )
  const found = unevenRoutes(
    answered.flatMap(({ node, answer: { routes, sessions: one } }) =>
      one ? [{ node, routes, peers: one.peers }] : [],
    ),
    addresses,
  )
  const without = answered.filter(({ answer }) => answer.routes.length === 0).map(({ node }) => node)
  const having = `${rows.length} ${rows.length === 1 ? 'route' : 'routes'} on ${answered.length - without.length} of them`
  const lacking =
    prefix !== undefined && without.length > 0 && without.length < answered.length
      ? [`no such route on ${named(without, answered.length)}`]
      : []
  return {
    value: {
      nodes: byNode(answered.map((one) => ({ ...one, answer: one.answer.routes }))),
      missing,
      differences: found,
    },
    text: (look) =>
      paragraphs(
        routesTable(rows, look),
        missingTable(missing),
        [
          `${share(answered, missing)}; ${having}`,
          ...lacking,
          ...found.map(({ text }) => text),
          ...answered.flatMap(({ node, doubt }) => (doubt === undefined ? [] : [`${node}: ${doubt}`])),
        ].join('\n'),
      ),
  }
}

const byNode = (answered: readonly Answered<unknown>[]) =>
  Object.fromEntries(answered.map(({ node, answer }) => [node, answer]))

function share(answered: readonly unknown[], missing: readonly unknown[]): string {
  return `${answered.length} of ${answered.length + missing.length} nodes answered`
}

/** As wide as its reasons: one that is cut off is none. */
function missingTable(missing: readonly Missing[]): string {
  const rows = missing.map(({ node, reason }) => [node, reason])
  return rows.length === 0 ? '' : table(['MISSING', 'WHY'], rows, Number.POSITIVE_INFINITY)
}

const paragraphs = (...texts: readonly string[]) => texts.filter((text) => text !== '').join('\n\n')

/** What each daemon says below its own table. */
function troubles({ node, answer, doubt }: Answered<SpeakerSnapshot>): string[] {
  const deaf = answer.listening.flatMap(({ address, port, problem }) =>
    problem === undefined ? [] : [`not listening on ${address} port ${port}: ${problem}`],
  )
  // The first line only counts.
  const kernel = answer.kernel ? kernelLines(answer.kernel).slice(1) : []
  return [...(doubt === undefined ? [] : [doubt]), ...deaf, ...kernel].map((line) => `${node}: ${line}`)
}

/** Of Node objects, and what the daemons themselves take for the node's. */
function addressesOf(
  nodes: readonly NodeObject[],
  answered: readonly { readonly answer: SpeakerSnapshot }[],
): ReadonlySet<string> {
  return new Set(
    [
      ...nodes.flatMap(({ status }) => status?.addresses?.map(({ address }) => address) ?? []),
      ...answered.flatMap(({ answer }) => Object.values(answer.addresses ?? {})),
    ].map(canonical),
  )
}
