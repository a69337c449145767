/**
 * What a router has to let in from this node: its own routes as they are, and the ranges of its VIPs, so that a service that comes tomorrow needs no
 * change on the router. A bound on their number beside it.
 */

import { comparePrefixes, contains, type Family, familyNumbers, formatPrefix, type Prefix } from 'bgp-ts'
import type { Backend } from '../backend.ts'
import type { VipRange } from '../vip-ranges.ts'

/** Prefixes from `prefix` itself down to `upTo` bits within it; without `upTo` this one alone. */
export interface AcceptedEntry {
  readonly prefix: string
  readonly upTo?: number
}

export interface Accepted {
  readonly entries: readonly AcceptedEntry[]
  /** Why all of the family may come in; absent where only the entries may. */
  readonly open?: string
  /** Prefixes that the session may bring. */
  readonly limit: number
}

/** A longer list is one that nobody reads: then all of the family may come in, up to the limit. */
const mostEntries = 64
const leastLimit = 1000

export function accepted({ speaker, plan, vipRanges = [] }: Backend, family: Family, maximumOut?: number): Accepted {
  const own = [...speaker.originated(family)].map(({ prefix }) => prefix)
  const { clusterId, routes } = speaker.snapshot()
  const reflects = clusterId !== undefined || plan?.local?.clusterId !== undefined
  const limit = maximumOut ?? bound(reflects ? routes[family].prefixes : own.length)
  if (reflects) return { ...everything(family, limit), open: 'this node reflects the routes of others' }
  const ranges = vipRanges.filter((range) => isUsed(range, family, own)).map(({ prefix }) => prefix)
  const outside = own.filter((prefix) => !ranges.some((range) => contains(range, prefix)))
  if (outside.length + ranges.length > mostEntries) {
    const what = vipRanges.length > 0 ? ' outside the ranges of VIPs' : ''
    return { ...everything(family, limit), open: `this node announces ${outside.length} prefixes${what}` }
  }
  const alone = outside.sort(comparePrefixes).map((prefix) => ({ prefix: formatPrefix(prefix) }))
  const within = ranges.map((prefix) => entry(prefix, familyNumbers[family].bits))
  return { entries: [...alone, ...within], limit }
}

const isUsed = ({ prefix, advertised }: VipRange, family: Family, own: readonly Prefix[]) =>
  prefix.family === family && (advertised || own.some((one) => contains(prefix, one)))

const entry = (prefix: Prefix, upTo: number): AcceptedEntry => ({
  prefix: formatPrefix(prefix),
  ...(prefix.length < upTo && { upTo }),
})

function everything(family: Family, limit: number): Accepted {
  const prefix = family === 'ipv4-unicast' ? '0.0.0.0/0' : '::/0'
  return { entries: [{ prefix, upTo: familyNumbers[family].bits }], limit }
}

/** Twice what there is, in thousands: room to grow, and far from what would hurt a router. */
const bound = (known: number) => Math.max(leastLimit, Math.ceil((2 * known) / 1000) * 1000)
