/** The commands that ask a running daemon: peers, routes, explain, apply. A table for people, JSON or YAML for programs. */

import type { ApplyReport, RouteRow, SpeakerSnapshot } from '../../speaker/index.ts'
import { ask } from '../admin/client.ts'
import { readText } from '../config/document.ts'
import { ConfigError } from '../config/flag.ts'
import type { Explanation } from '../explain.ts'
import { kernelLines } from '../kernel-routes.ts'
import { type Format, written } from '../render/format.ts'
import { peersTable } from '../render/peers-table.ts'
import { routesTable } from '../render/routes-table.ts'

export interface Asking {
  readonly socket: string
  readonly format: Format
  /** All columns that there is room for. */
  readonly wide?: boolean
}

function print({ format }: Asking, value: unknown, text: () => string): void {
  process.stdout.write(`${written(format, value, text)}\n`)
}

const look = ({ wide = false }: Asking) => ({ wide })

export async function peers(asking: Asking): Promise<void> {
  const snapshot = await ask<SpeakerSnapshot>(asking.socket, '/v1/peers')
  print(asking, snapshot, () => {
    const problems = snapshot.listening.filter(({ problem }) => problem !== undefined)
    const notes = problems.map(({ address, port, problem }) => `not listening on ${address} port ${port}: ${problem}`)
    const kernel = snapshot.kernel ? kernelLines(snapshot.kernel) : []
    return [
      `AS ${snapshot.asn}, router id ${snapshot.routerId}`,
      peersTable(snapshot, look(asking)),
      ...notes,
      ...collectorLines(snapshot),
      ...kernel,
    ].join('\n')
  })
}

/** Those alone that hear nothing. */
export function collectorLines({ collectors }: Pick<SpeakerSnapshot, 'collectors'>): string[] {
  return collectors
    .filter(({ state }) => state !== 'up')
    .map(({ address, port, lastError }) => {
      const where = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
      return `BMP collector ${where} is not connected${lastError === undefined ? '' : `: ${lastError}`}`
    })
}

export interface RoutesQuery {
  readonly view: string
  readonly prefix?: string
  readonly peer?: string
  readonly family?: string
  readonly limit?: string
}

/** `[VIEW] [PREFIX]`, each of which may be left out, and flags of the same names. */
export function routesQuery(
  first: string | undefined,
  second: string | undefined,
  options: Readonly<Record<string, unknown>>,
): RoutesQuery {
  const isView = first !== undefined && ['in', 'best', 'out'].includes(first)
  if (second !== undefined && !isView) throw new ConfigError('VIEW', first, 'is not in, best or out')
  const prefix = isView ? second : first
  const text = (name: string) => (typeof options[name] === 'string' ? { [name]: options[name] } : {})
  return {
    view: isView ? first : 'best',
    ...(prefix !== undefined && { prefix }),
    ...text('peer'),
    ...text('family'),
    ...text('limit'),
  }
}

export async function routes(asking: Asking, query: RoutesQuery): Promise<void> {
  const known = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const answer = await ask<{ routes: RouteRow[] }>(asking.socket, `/v1/routes?${new URLSearchParams(known)}`)
  print(asking, answer.routes, () => routesTable(answer.routes, look(asking)))
}

/** Exit status 1 when the daemon does not know the subject. With `router`, the configuration of that router for the session. */
export async function explain(asking: Asking, subject: string, router?: string): Promise<void> {
  const query = new URLSearchParams({ subject, ...(router !== undefined && { router }) })
  const answer = await ask<Explanation>(asking.socket, `/v1/explain?${query}`)
  print(asking, answer, () => answer.lines.join('\n'))
  if (answer.kind === 'unknown') process.exitCode = 1
}

export async function apply(asking: Asking, file: string): Promise<void> {
  const path = `/v1/apply?${new URLSearchParams({ name: file })}`
  const report = await ask<ApplyReport>(asking.socket, path, readText('FILE', file))
  print(asking, report, () => {
    const { added, withdrawn, changed } = report.routes
    const resets = report.peers.reset.map(({ name, why }) => `peer ${name} was reset: ${why}`)
    const peerChanges = [
      ...report.peers.added.map((name) => `peer ${name} added`),
      ...report.peers.removed.map((name) => `peer ${name} removed`),
      ...report.peers.changed.map((name) => `peer ${name} changed live`),
    ]
    return [`routes: ${added} added, ${changed} changed, ${withdrawn} withdrawn`, ...peerChanges, ...resets].join('\n')
  })
}
