/**
 * One look at what the kernel has of a family, compared with what we left there. The kernel is right: what differs is noted as it is, and
 * marked, so that the next batch puts it right.
 */

import type { Family } from 'bgp-ts'
import { type HopSets, noSet } from './hop-sets.ts'
import { isOurs, type Kernel, type KernelChange, type KernelRoute } from './kernel.ts'
import type { KernelTable } from './kernel-table.ts'

export interface Seen {
  /** Routes of ours that were there and not as they were left. */
  readonly changed: number
  /** Routes of ours that were gone. */
  readonly missing: number
  /** By row, the protocol of the route of somebody else that has our prefix and metric. */
  readonly foreign: Map<number, number>
  /** What removes those that are ours by protocol and have another metric: of a run with other flags. */
  readonly leftovers: KernelChange[]
  readonly links: readonly KernelRoute[]
}

/** The row that a route of somebody else is in the place of, or -1. */
export function contested({ place }: Kernel, own: KernelTable, { prefix, table, metric }: KernelRoute): number {
  return table === place.table && metric === place.metric ? own.find(prefix) : -1
}

/** Reads all of a family. Nothing of it may be on its way meanwhile. With `isFirst`, what is there is from an earlier run. */
export async function look(
  kernel: Kernel,
  family: Family,
  table: KernelTable,
  sets: HopSets,
  isFirst: boolean,
): Promise<Seen> {
  const links: KernelRoute[] = []
  const foreign = new Map<number, number>()
  const leftovers: KernelChange[] = []
  let changed = 0
  table.clearSeen()
  await kernel.dump(family, (route) => {
    if (!isOurs(kernel.place, route)) {
      if (route.onLink !== undefined) links.push(route)
      const row = contested(kernel, table, route)
      if (row >= 0) foreign.set(row, route.protocol)
    } else if (route.metric !== kernel.place.metric) {
      leftovers.push({ kind: 'remove', prefix: route.prefix, metric: route.metric })
    } else if (enter(table, sets, route, isFirst)) {
      changed++
    }
  })
  return { changed, missing: dropUnseen(table), foreign, leftovers, links }
}

/** True if the route is not the one that was left there. */
function enter(table: KernelTable, sets: HopSets, { prefix, hops }: KernelRoute, isStale: boolean): boolean {
  const { w0, w1, w2, w3, length } = prefix
  const row = table.add(w0, w1, w2, w3, length)
  table.setSeen(row)
  if (sets.is(table.installed(row), hops)) return false
  table.setInstalled(row, sets.intern(hops))
  if (isStale) table.setStale(row, true)
  table.mark(row)
  return true
}

function dropUnseen(table: KernelTable): number {
  const rows = table.unseenRows()
  for (const row of rows) {
    table.setInstalled(row, noSet)
    table.mark(row)
  }
  return rows.length
}
