/** Kernel routes in plain values: counts and problems for tables, and why one prefix is or is not in the kernel. Nothing is decided here. */

import { type Family, families, formatPrefix, type Prefix } from 'bgp-ts'
import type { FamilyRoutes, Phase } from './family-routes.ts'
import { hopText, noSet } from './hop-sets.ts'
import type { KernelPlace } from './kernel.ts'
import type { KernelRoutes } from './kernel-routes.ts'
import { status } from './kernel-table.ts'

export interface KernelFamilySnapshot {
  readonly phase: Phase
  /** Routes of ours in the kernel. */
  readonly installed: number
  /** Of those, left by an earlier run and not yet announced again. */
  readonly stale: number
  /** Changes that are still to be made. */
  readonly pending: number
  /** Routes that are wanted and not there, by why. */
  readonly unreachable: number
  readonly covers: number
  readonly occupied: number
  readonly refused: number
  /** Times that a route was put back which others had removed or changed. */
  readonly repaired: number
}

export interface KernelSnapshot extends KernelPlace {
  readonly maximumPaths: number
  readonly families: Readonly<Record<Family, KernelFamilySnapshot>>
  /** A line each: what is wrong, how many routes it is about, and one of them. */
  readonly problems: readonly string[]
}

/** What is known of one prefix. */
export interface KernelVerdict {
  readonly installed: boolean
  readonly nextHops: readonly string[]
  readonly reason: string
}

export function kernelSnapshot(kernel: KernelRoutes): KernelSnapshot {
  const [v4, v6] = families.map((family) => familySnapshot(kernel.lanes[family]))
  return {
    ...kernel.kernel.place,
    maximumPaths: kernel.options.maximumPaths,
    families: { 'ipv4-unicast': v4!, 'ipv6-unicast': v6! },
    problems: families.flatMap((family) => problems(kernel, kernel.lanes[family])),
  }
}

function familySnapshot({ phase, table, repaired }: FamilyRoutes): KernelFamilySnapshot {
  return {
    phase,
    installed: table.installedCount,
    stale: table.staleCount,
    pending: table.pending,
    unreachable: table.count(status.unreachable),
    covers: table.count(status.covers),
    occupied: table.count(status.occupied),
    refused: table.count(status.refused),
    repaired,
  }
}

function problems(kernel: KernelRoutes, lane: FamilyRoutes): string[] {
  const { table, trouble, family } = lane
  const wrong = [status.unreachable, status.covers, status.occupied, status.refused].flatMap((of) => {
    const row = table.example(of)
    if (row === undefined) return []
    const count = table.count(of)
    const prefix = table.prefix(row)
    const { reason } = kernelVerdict(kernel, prefix)
    return [
      `${count} ${family} ${count === 1 ? 'route is' : 'routes are'} not installed, e.g. ${formatPrefix(prefix)}: ${reason}`,
    ]
  })
  return trouble === undefined ? wrong : [`${family}: ${trouble}`, ...wrong]
}

export function kernelVerdict(kernel: KernelRoutes, prefix: Prefix): KernelVerdict {
  const lane = kernel.lanes[prefix.family]
  const { table, rib, trouble } = lane
  const row = table.find(prefix)
  const installed = row < 0 ? noSet : table.installed(row)
  const nextHops = kernel.sets.hops(installed).map(hopText)
  const verdict = (reason: string): KernelVerdict => ({ installed: installed !== noSet, nextHops, reason })
  if (row >= 0 && table.isStale(row)) return verdict('left by an earlier run, until every peer has sent all it has')
  // What can be reached is not known before.
  if (lane.phase === 'reading') return verdict(trouble ?? 'what the kernel has is still being read')
  const { w0, w1, w2, w3, length } = prefix
  const whyNone = kernel.choice.whyNone(rib, rib.prefixes.find(w0, w1, w2, w3, length))
  if (whyNone !== undefined) return verdict(installed === noSet ? whyNone : `about to be removed: ${whyNone}`)
  if (installed !== noSet && table.wanted(row) === installed) return verdict(placeText(kernel.kernel.place))
  if (trouble !== undefined) return verdict(trouble)
  return verdict((row >= 0 && whyNot(kernel, lane, row)) || 'about to be installed')
}

const placeText = ({ table, protocol, metric }: KernelPlace) => `table ${table}, protocol ${protocol}, metric ${metric}`

function whyNot(kernel: KernelRoutes, lane: FamilyRoutes, row: number): string | undefined {
  const now = lane.table.status(row)
  if (now === status.covers) return whyCovers(kernel, lane.table.prefix(row))
  if (now === status.occupied) {
    const protocol = lane.table.foreign(row)
    const whose = protocol === undefined ? 'somebody else' : `somebody else (protocol ${protocol})`
    return `${whose} has a route with the same prefix and metric, which is left alone`
  }
  return now >= status.refused ? `the kernel refused it: ${lane.table.refusal(row)}` : undefined
}

/** RFC 4271 section 9.1.2.1: routes that resolve their own next hops, or each other's, are of no use. */
function whyCovers(kernel: KernelRoutes, prefix: Prefix): string | undefined {
  const found = kernel.hops.covered(prefix)
  if (!found) return undefined
  const { hop, link } = found
  return `it covers next hop ${hopText(hop)}, which is on ${link.device} by ${formatPrefix(link.prefix)}: routes must not resolve their own next hops (RFC 4271 section 9.1.2.1)`
}
