/** Routes as a table: of one daemon, or of many with the node of each in front. */

import type { RouteRow } from '../../speaker/index.ts'
import { type Column, columnsTable, type Look } from './columns.ts'

/** `node` where daemons of several nodes were asked. */
export type ListedRoute = RouteRow & { readonly node?: string }

export function routesTable(rows: readonly ListedRoute[], look?: Look): string {
  if (rows.length === 0) return 'no routes'
  const node: Column<ListedRoute> = { heading: 'NODE', cell: ({ node: name }) => name ?? '' }
  const to: Column<ListedRoute> = { heading: 'TO', cell: ({ peer }) => peer ?? '' }
  const columns = {
    usual: [
      ...(rows.some((row) => row.node !== undefined) ? [node] : []),
      { heading: 'PREFIX', cell: ({ prefix }: ListedRoute) => prefix },
      { heading: 'NEXT HOP', cell: ({ nextHop }: ListedRoute) => nextHop },
      { heading: 'FROM', cell: ({ source }: ListedRoute) => source },
      ...(rows.some(({ peer }) => peer !== undefined) ? [to] : []),
      { heading: 'BEST', cell: ({ best }: ListedRoute) => (best ? '*' : '') },
    ],
    wide: [
      { heading: 'KIND', cell: ({ origin }: ListedRoute) => origin?.kind ?? '' },
      { heading: 'OBJECT', cell: ({ origin }: ListedRoute) => origin?.object ?? '' },
      { heading: 'FIELD', cell: ({ origin }: ListedRoute) => origin?.field ?? '' },
      { heading: 'WHY NOT BEST', cell: ({ reason }: ListedRoute) => reason ?? '' },
      { heading: 'RULE', cell: ({ origin }: ListedRoute) => origin?.rule ?? '' },
    ],
    last: { heading: 'ATTRIBUTES', cell: ({ attributes }: ListedRoute) => attributes },
  }
  return columnsTable(rows, columns, look)
}
