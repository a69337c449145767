/**
 * Aggregates of VIPs: one prefix in place of many host routes, while at least one of them is justified. An aggregate attracts traffic for
 * every address in it, so only VIPs that any node answers for at any time are taken in, and none is wider than the range that they are of.
 */

import { contains, type Family, formatPrefix, Prefix } from 'bgp-ts'
import type { OriginatedRoute } from '../../speaker/index.ts'
import { attributeKeys } from '../annotations/attributes.ts'
import { type ServiceSettings, serviceAggregate } from '../annotations/service-settings.ts'
import type { Obstacle } from './vips.ts'
import { obstacle } from './withheld-rules.ts'

/** A VIP that counts for an aggregate: the host route that it would be. */
export interface AggregatePart {
  readonly aggregate: Prefix
  readonly route: OriginatedRoute
  /** VIP and service. Made once: the parts of an aggregate are put in order at each change of one. */
  readonly name: string
}

export const aggregateKind = 'aggregate'

const flags: Readonly<Record<Family, string>> = {
  'ipv4-unicast': '--aggregate-vips-ipv4',
  'ipv6-unicast': '--aggregate-vips-ipv6',
}

export interface Candidate {
  readonly prefix: Prefix
  /** Of the aggregate. */
  readonly length: number
  readonly settings: ServiceSettings | undefined
  /** What makes the VIP come and go with endpoints: then its coming and going is what routers have to hear of. */
  readonly endpointRule: string | undefined
  /** The ranges that VIPs of this kind are of, and their flag. */
  readonly ranges: readonly Prefix[]
  readonly rangeFlag: string
}

/** The aggregate that a VIP is part of, or why it stays a host route. */
export function aggregateOf(candidate: Candidate): Prefix | string {
  const { prefix, length, settings, endpointRule, ranges, rangeFlag } = candidate
  const { family, w0, w1, w2, w3 } = prefix
  if (endpointRule !== undefined) return endpointRule
  if (settings?.aggregate === false) return `${serviceAggregate}: "false"`
  // An aggregate has one set of attributes and one set of peers: those of the node.
  if (settings && attributeKeys(settings).length > 0) return 'its service has attributes or peers of its own'
  const aggregate = new Prefix(family, length, w0, w1, w2, w3)
  if (ranges.some((range) => contains(range, aggregate))) return aggregate
  return `${formatPrefix(aggregate)} is wider than ${rangeFlag}`
}

export function partOf(aggregate: Prefix): Obstacle {
  return obstacle('aggregated', { aggregate: formatPrefix(aggregate), annotation: serviceAggregate })
}

/** So many parts are named in the rule of an aggregate; the plan has them all. */
const named = 4

/** The route of an aggregate of at least one part. All parts have the same attributes, peers and next hop: those of the node. */
export function aggregateRoute(node: string, parts: readonly AggregatePart[]): OriginatedRoute {
  const [{ aggregate, route }] = parts as [AggregatePart]
  const first = firstNames(parts)
  const more = parts.length > first.length ? ` and ${parts.length - first.length} more` : ''
  const rule = `stands for ${first.join(', ')}${more}`
  const origin = { kind: aggregateKind, object: `node/${node}`, field: flags[aggregate.family], rule }
  return { ...route, prefix: aggregate, origin }
}

/** In order, without sorting what may be thousands. */
function firstNames(parts: readonly AggregatePart[]): string[] {
  const first: string[] = []
  for (const { name } of parts) {
    if (first.length === named && name >= first[named - 1]!) continue
    first.push(name)
    first.sort()
    first.length = Math.min(first.length, named)
  }
  return first
}

/** The parts by aggregate, kept up to date service by service. */
export class Aggregates {
  readonly #parts = new Map<string, Map<string, readonly AggregatePart[]>>()
  readonly #routes = new Map<string, OriginatedRoute>()
  readonly #changed = new Set<string>()

  /** What a service contributes, in place of what it did before. */
  replace(owner: string, before: readonly AggregatePart[], now: readonly AggregatePart[]): void {
    if (before.length === 0 && now.length === 0) return
    for (const { aggregate } of before) {
      const key = formatPrefix(aggregate)
      this.#changed.add(key)
      const owners = this.#parts.get(key)
      owners?.delete(owner)
      if (owners?.size === 0) this.#parts.delete(key)
    }
    for (const part of now) {
      const key = formatPrefix(part.aggregate)
      this.#changed.add(key)
      const owners = this.#parts.get(key) ?? new Map<string, readonly AggregatePart[]>()
      this.#parts.set(key, owners.set(owner, [...(owners.get(owner) ?? []), part]))
    }
  }

  /** The routes that are not what they were. */
  takeChanges(node: string): { readonly before: readonly OriginatedRoute[]; readonly now: readonly OriginatedRoute[] } {
    const before = [...this.#changed].flatMap((key) => this.#routes.get(key) ?? [])
    const now = [...this.#changed].flatMap((key) => {
      const parts = [...(this.#parts.get(key)?.values() ?? [])].flat()
      if (parts.length === 0) {
        this.#routes.delete(key)
        return []
      }
      const route = aggregateRoute(node, parts)
      this.#routes.set(key, route)
      return [route]
    })
    this.#changed.clear()
    return { before, now }
  }
}

/** An aggregate that is advertised, with all that it stands for. */
export interface PlannedAggregate {
  readonly prefix: Prefix
  readonly parts: readonly { readonly prefix: string; readonly object: string; readonly field: string }[]
}

/** All at once, in the order of their text. */
export function planAggregates(
  node: string,
  parts: readonly AggregatePart[],
): { readonly routes: readonly OriginatedRoute[]; readonly aggregates: readonly PlannedAggregate[] } {
  const byPrefix = new Map<string, AggregatePart[]>()
  for (const part of parts) {
    const key = formatPrefix(part.aggregate)
    const known = byPrefix.get(key)
    if (known) known.push(part)
    else byPrefix.set(key, [part])
  }
  const groups = [...byPrefix].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
  return {
    routes: groups.map((group) => aggregateRoute(node, group)),
    aggregates: groups.map((group) => ({
      prefix: group[0]!.aggregate,
      parts: group.map(({ route: { prefix, origin } }) => {
        return { prefix: formatPrefix(prefix), object: origin.object, field: origin.field }
      }),
    })),
  }
}
