/** What the decision process and the export rules read of an attribute list, as columns. */

import { type AsPath, asPath, asPathLength } from './attributes/as-path.ts'
import { localPref, med, nextHop, origin } from './attributes/basic.ts'
import { communities, wellKnownCommunities } from './attributes/communities.ts'
import { clusterList, originatorId } from './attributes/reflection.ts'
import { walkAttributes } from './attributes/registry.ts'
import { u32, word } from './bytes.ts'

/** What the decision process and the export rules read of a list. */
export interface AttributeSummary {
  /** 0 igp, 1 egp, 2 incomplete. */
  origin: number
  asPathLength: number
  /** The first ASN of a path that begins with a sequence; 0 for a route of our own AS. */
  neighbourAsn: number
  /** Our ASN stands in the path: not eligible (RFC 4271 section 9.1.2). */
  looped: boolean
  /** 0 where absent: the lowest (RFC 4271 section 9.1.2.2 c). */
  med: number
  /** -1 where absent. */
  localPref: number
  /** 0 where absent. */
  originatorId: number
  clusterListLength: number
  hasNextHop: boolean
  /** NEXT_HOP as a signed word. */
  nextHop: number
  noExport: boolean
  noAdvertise: boolean
  gracefulShutdown: boolean
  blackhole: boolean
  /** There is an AS_SET in the path. */
  asSet: boolean
  /** Communities of RFC 9494. */
  longLivedStale: boolean
  noLongLived: boolean
}

export function newSummary(): AttributeSummary {
  return {
    origin: 2,
    asPathLength: 0,
    neighbourAsn: 0,
    looped: false,
    med: 0,
    localPref: -1,
    originatorId: 0,
    clusterListLength: 0,
    hasNextHop: false,
    nextHop: 0,
    noExport: false,
    noAdvertise: false,
    gracefulShutdown: false,
    blackhole: false,
    asSet: false,
    longLivedStale: false,
    noLongLived: false,
  }
}

/** The columns of a canonical list. */
export function summarize(bytes: Uint8Array, at: number, end: number, localAsn: number): AttributeSummary {
  const summary = newSummary()
  walkAttributes(bytes, at, end, (_flags, type, valueAt, valueEnd) => {
    switch (type) {
      case origin.type:
        summary.origin = bytes[valueAt]!
        break
      case asPath.type:
        summarizePath(asPath.decode(bytes, valueAt, valueEnd, { fourOctetAsn: true }), localAsn, summary)
        break
      case nextHop.type:
        summary.hasNextHop = true
        summary.nextHop = word(bytes, valueAt)
        break
      case med.type:
        summary.med = u32(bytes, valueAt)
        break
      case localPref.type:
        summary.localPref = u32(bytes, valueAt)
        break
      case communities.type:
        for (let value = valueAt; value < valueEnd; value += 4) summarizeCommunity(u32(bytes, value), summary)
        break
      case originatorId.type:
        summary.originatorId = u32(bytes, valueAt)
        break
      case clusterList.type:
        summary.clusterListLength = (valueEnd - valueAt) / 4
        break
    }
  })
  return summary
}

function summarizePath(path: AsPath, localAsn: number, summary: AttributeSummary): void {
  summary.asPathLength = asPathLength(path)
  const first = path[0]
  summary.neighbourAsn = first?.type === 'sequence' ? first.asns[0]! : 0
  summary.asSet = path.some(({ type }) => type === 'set' || type === 'confed-set')
  summary.looped = path.some((segment) => segment.asns.includes(localAsn))
}

export function summarizeCommunity(value: number, summary: AttributeSummary): void {
  if (value === wellKnownCommunities['no-export'] || value === wellKnownCommunities['no-export-subconfed']) {
    summary.noExport = true
  }
  if (value === wellKnownCommunities['no-advertise']) summary.noAdvertise = true
  if (value === wellKnownCommunities['graceful-shutdown']) summary.gracefulShutdown = true
  if (value === wellKnownCommunities.blackhole) summary.blackhole = true
  if (value === wellKnownCommunities['llgr-stale']) summary.longLivedStale = true
  if (value === wellKnownCommunities['no-llgr']) summary.noLongLived = true
}
