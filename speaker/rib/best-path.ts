/**
 * The decision process (RFC 4271 section 9.1.2.2): which of the paths to one prefix is best, and why the others are not.
 *
 * MED is compared only among routes of one neighbouring AS, which is no order over all routes: so each AS picks its own best
 * first, and those are then compared without MED. The outcome does not depend on the order in which routes came.
 */

import type { AttributeTable } from './attribute-table.ts'

/** What the process knows of a route's peer. Index 0 is this speaker itself. */
export interface PeerRank {
  readonly originated: boolean
  readonly external: boolean
  /** Unsigned. */
  readonly routerId: number
  /** Position of the peer's address among all: lower address, lower number. */
  readonly addressOrder: number
}

export interface Candidate {
  readonly attributes: number
  readonly peer: PeerRank
  /** Tells several paths of one peer apart (RFC 7911); signed. */
  readonly pathId?: number
}

type Tiebreak = readonly [reason: string, compare: (a: Candidate, b: Candidate, table: AttributeTable) => number]

export const defaultLocalPref = 100

const localPrefOf = (candidate: Candidate, table: AttributeTable) => {
  const value = table.localPref(candidate.attributes)
  return value < 0 ? defaultLocalPref : value
}
/** RFC 4456 section 9: the originator stands for the router that a reflected route comes from. */
const routerIdOf = (candidate: Candidate, table: AttributeTable) =>
  table.originatorId(candidate.attributes) || candidate.peer.routerId

const medName = 'lower MED'

/** From this tie-break on, the choice is only there to be the same every time: it says nothing about the paths. */
const arbitraryFrom = 'lower router id'

/** In order; negative means that `a` is better. The interior cost to the next hop is left out: there is no IGP here. */
export const tiebreaks: readonly Tiebreak[] = [
  // RFC 9494 section 4.3: whatever else speaks for it.
  [
    'not long-lived stale',
    (a, b, table) => Number(table.longLivedStale(a.attributes)) - Number(table.longLivedStale(b.attributes)),
  ],
  ['originated here', (a, b) => Number(b.peer.originated) - Number(a.peer.originated)],
  ['higher local preference', (a, b, table) => localPrefOf(b, table) - localPrefOf(a, table)],
  ['shorter AS path', (a, b, table) => table.pathLength(a.attributes) - table.pathLength(b.attributes)],
  ['lower origin', (a, b, table) => table.origin(a.attributes) - table.origin(b.attributes)],
  [medName, (a, b, table) => table.med(a.attributes) - table.med(b.attributes)],
  ['external over internal', (a, b) => Number(b.peer.external) - Number(a.peer.external)],
  ['lower router id', (a, b, table) => routerIdOf(a, table) - routerIdOf(b, table)],
  [
    'shorter cluster list',
    (a, b, table) => table.clusterListLength(a.attributes) - table.clusterListLength(b.attributes),
  ],
  ['lower peer address', (a, b) => a.peer.addressOrder - b.peer.addressOrder],
  // So that the outcome does not depend on what came first.
  ['lower path identifier', (a, b) => ((a.pathId ?? 0) >>> 0) - ((b.pathId ?? 0) >>> 0)],
]

export interface Comparison {
  /** Negative when the first is better. */
  readonly order: number
  /** The tie-break that decided. */
  readonly reason: string
}

const equal: Comparison = { order: 0, reason: 'equal' }

export function compareCandidates(a: Candidate, b: Candidate, table: AttributeTable): Comparison {
  const sameNeighbour = table.neighbourAsn(a.attributes) === table.neighbourAsn(b.attributes)
  for (const [reason, compare] of tiebreaks) {
    if (reason === medName && !sameNeighbour) continue
    const order = compare(a, b, table)
    if (order !== 0) return { order, reason }
  }
  return equal
}

/** Index of the best of at least one candidate. */
export function bestOf(candidates: readonly Candidate[], table: AttributeTable): number {
  const winners = new Map<number, number>()
  candidates.forEach((candidate, index) => {
    const neighbour = table.neighbourAsn(candidate.attributes)
    const rival = winners.get(neighbour)
    const wins = rival === undefined || compareCandidates(candidate, candidates[rival]!, table).order < 0
    if (wins) winners.set(neighbour, index)
  })
  let best: number | undefined
  for (const index of winners.values()) {
    const wins = best === undefined || compareCandidates(candidates[index]!, candidates[best]!, table).order < 0
    if (wins) best = index
  }
  return best ?? 0
}

/**
 * Indexes of the candidates that are as good as the best one, itself among them, the best first: those that only an arbitrary tie-break, if
 * any, separates from the best path of their own neighbouring AS, and that from the best of all. Traffic may be shared among them.
 */
export function equallyGood(candidates: readonly Candidate[], table: AttributeTable): number[] {
  const isAsGood = (a: Candidate, b: Candidate) => {
    const sameNeighbour = table.neighbourAsn(a.attributes) === table.neighbourAsn(b.attributes)
    for (const [reason, compare] of tiebreaks) {
      if (reason === arbitraryFrom) return true
      if ((reason !== medName || sameNeighbour) && compare(a, b, table) !== 0) return false
    }
    return true
  }
  const best = candidates[bestOf(candidates, table)]!
  const equal = candidates.flatMap((candidate, index) => {
    if (!isAsGood(best, candidate)) return []
    // A lower MED of its own AS rules a path out, even where the best one is another AS's.
    const neighbour = table.neighbourAsn(candidate.attributes)
    const siblings = candidates.filter(({ attributes }) => table.neighbourAsn(attributes) === neighbour)
    return isAsGood(siblings[bestOf(siblings, table)]!, candidate) ? [index] : []
  })
  const order = (a: number, b: number) => compareCandidates(candidates[a]!, candidates[b]!, table).order
  return equal.sort((a, b) => (candidates[b] === best ? 1 : candidates[a] === best ? -1 : order(a, b)))
}

/** The tie-break that a candidate lost by: to the best of its own neighbouring AS where it is not that one itself, else to the best of all. */
export function whyLost(candidate: Candidate, candidates: readonly Candidate[], table: AttributeTable): string {
  const neighbour = table.neighbourAsn(candidate.attributes)
  const siblings = candidates.filter(({ attributes }) => table.neighbourAsn(attributes) === neighbour)
  const first = siblings[bestOf(siblings, table)]!
  const winner = first === candidate ? candidates[bestOf(candidates, table)]! : first
  return compareCandidates(winner, candidate, table).reason
}
