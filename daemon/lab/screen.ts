/** What the lab shows: the fabric as a value, as text for people and as JSON for programs. */

import type { Family } from 'bgp-ts'
import { type Finding, formatFinding, type Withheld } from '../../controllers/index.ts'
import type { Provenance } from '../../speaker/index.ts'
import { age, table, wholeTable } from '../render/table.ts'

export interface LabView {
  readonly routers: readonly {
    readonly name: string
    readonly sessions: readonly {
      readonly peer: string
      readonly over: string
      readonly state: string
      readonly families: readonly Family[]
      readonly sinceMs: number
    }[]
    readonly routes: readonly {
      readonly prefix: string
      readonly nextHop: string
      readonly from: string
      readonly text: string
    }[]
  }[]
  readonly nodes: readonly {
    readonly name: string
    readonly withheld: readonly Withheld[]
    readonly origins: readonly { readonly prefix: string; readonly origin: Provenance }[]
  }[]
  readonly findings: readonly Finding[]
}

export interface LabFrame {
  readonly folder: string
  readonly note: string
  /** Address of the page; empty where there is none. */
  readonly page: string
  readonly changes: readonly string[]
}

export function labText(view: LabView, { folder, note, page, changes }: LabFrame): string {
  const sessions = view.routers.flatMap((router) =>
    router.sessions.map(({ peer, over, state, families, sinceMs }) => [
      router.name,
      peer,
      over,
      state,
      families.map((family) => family.slice(0, 4)).join('+'),
      age(sinceMs - (sinceMs % 1000)),
    ]),
  )
  return [
    'Tandem lab: a dual-stack cluster and two top-of-rack routers, speaking BGP on this machine.',
    ...(note ? [note] : []),
    ...(page ? [`See it drawn, and ask why: ${page}`] : []),
    '',
    table(['ROUTER', 'NODE', 'OVER', 'STATE', 'CARRIES', 'SINCE'], sessions),
    '',
    ...routeLines(view),
    '',
    ...withheldLines(view),
    ...(view.findings.length > 0 ? ['', 'FINDINGS', ...view.findings.map((one) => `  ${formatFinding(one)}`)] : []),
    ...(changes.length > 0 ? ['', 'LAST CHANGES', ...changes.map((line) => `  ${line}`)] : []),
    '',
    `See a route go and come: edit ${folder}/endpoints.yaml`,
    'Set "ready: true" to "ready: false" for web-local on node-1, save, and watch both routers. Ctrl-C ends the lab.',
  ].join('\n')
}

/** One line a prefix: its object, and by which nodes each router reaches it. */
function routeLines(view: LabView): string[] {
  const prefixes = [...new Set(view.routers.flatMap(({ routes }) => routes.map(({ prefix }) => prefix)))]
  const originOf = (prefix: string) =>
    view.nodes.flatMap(({ origins }) => origins).find((one) => one.prefix === prefix)?.origin
  const rows = prefixes.map((prefix) => {
    const origin = originOf(prefix)
    const via = view.routers.map(({ routes }) =>
      routes
        .filter((route) => route.prefix === prefix)
        .map(({ nextHop }) => nextHop)
        .sort()
        .join(' '),
    )
    return [prefix, ...via, origin ? `${origin.object} ${origin.field}` : '']
  })
  const headings = ['PREFIX', ...view.routers.map(({ name }) => `${name} VIA`), 'BECAUSE OF']
  return rows.length > 0 ? [table(headings, rows)] : ['no routes yet']
}

function withheldLines(view: LabView): string[] {
  const rows = view.nodes.flatMap(({ name, withheld }) =>
    withheld.map(({ prefix, object, reason }) => [name, prefix, object, reason]),
  )
  return rows.length > 0 ? [wholeTable(['WITHHELD BY', 'PREFIX', 'OBJECT', 'WHY'], rows)] : ['nothing is withheld']
}

export function labJson(view: LabView): unknown {
  return {
    routers: view.routers.map(({ name, sessions, routes }) => ({
      name,
      sessions: sessions.map(({ peer, over, state, families }) => ({ peer, over, state, families })),
      routes: routes.map(({ prefix, nextHop, from }) => ({ prefix, nextHop, from })),
    })),
    nodes: view.nodes,
    findings: view.findings,
  }
}
