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
  /** Of those, left by an earlier run and not announced again yet. */
  readonly stale: number
  /** Prefixes that are still to be looked at. */
  readonly pending: number
  /** Times that a route was put back which others had removed or changed. */
  readonly repaired: number
  readonly problems: readonly KernelProblem[]
}

/**
 * Why routes are not installed. `trouble`: nothing can be; `unreachable`: no next hop can be reached; `covers`: they would resolve a next hop;
 * `link`: an interface reaches the prefix by itself; `occupied`: somebody else has the prefix and metric; `refused`: by the kernel.
 */
export interface KernelProblem {
  readonly kind: 'trouble' | Exclude<keyof typeof status, 'none'>
  /** How many routes it keeps out; those of a trouble are not counted. */
  readonly count: number
  /** One of them, and why it is not there. */
  readonly example?: string
  readonly reason: string
}

export interface KernelSnapshot extends KernelPlace {
  readonly maximumPaths: number
  readonly families: Readonly<Record<Family, KernelFamilySnapshot>>
}

/** What is known of one prefix. */
export interface KernelVerdict {
  readonly installed: boolean
  readonly nextHops: readonly string[]
  readonly reason: string
}

export function kernelSnapshot(kernel: KernelRoutes): KernelSnapshot {
  const [v4, v6] = families.map((family): KernelFamilySnapshot => {
    const { phase, table, repaired } = kernel.lanes[family]
    const { installedCount: installed, staleCount: stale, pending } = table
    return { phase, installed, stale, pending, repaired, problems: problems(kernel, kernel.lanes[family]) }
  })
  return {
    ...kernel.kernel.place,
    maximumPaths: kernel.options.maximumPaths,
    families: { 'ipv4-unicast': v4!, 'ipv6-unicast': v6! },
  }
}

const kinds = ['unreachable', 'covers', 'link', 'occupied', 'refused'] as const

function problems(kernel: KernelRoutes, { table, trouble }: FamilyRoutes): KernelProblem[] {
  const wrong = kinds.flatMap((kind): KernelProblem[] => {
    const row = table.example(status[kind])
    if (row < 0) return []
    const prefix = table.prefix(row)
    const { reason } = kernelVerdict(kernel, prefix)
    return [{ kind, count: table.count(status[kind]), example: formatPrefix(prefix), reason }]
  })
  return trouble === undefined ? wrong : [{ kind: 'trouble', count: 0, reason: trouble }, ...wrong]
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
  if (now === status.link) return 'an interface of this machine reaches all of it by itself'
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
