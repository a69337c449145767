/**
 * The plan, kept up to date at the cost of what changed. It is made of the same parts as `plan()`, one of the node and one a service, and
 * judges again only those whose objects changed; after any sequence of changes it equals `plan()` from scratch, which the tests hold it to.
 */

import { isDeepStrictEqual } from 'node:util'
import { formatPrefix, type Prefix } from 'bgp-ts'
import { defaultImport, type Policy, rejectAll } from '../policy/index.ts'
import type { OriginatedRoute } from '../speaker/index.ts'
import type { Finding } from './findings.ts'
import { Aggregates } from './plan/aggregates.ts'
import type { Plan } from './plan/model.ts'
import type { Circumstances } from './plan/node-life.ts'
import type { PlanOptions } from './plan/options.ts'
import { assemble, type Before, type NodePlan, planNode, serviceContext, settingsOf } from './plan/plan.ts'
import { planService, type ServiceContext, type ServicePlan } from './plan/service-vips.ts'
import { RouteOwners } from './route-owners.ts'
import type { EndpointSliceView, View, ViewChange } from './view.ts'

export interface PlanChange {
  /** Whether peers, policies or the local declaration may be other than they were. */
  readonly sessions: boolean
  readonly set: readonly OriginatedRoute[]
  readonly withdrawn: readonly Prefix[]
}

/** What of the node part the judgment of services rests on. */
type Ground = Pick<ServiceContext, 'addresses' | 'drain' | 'circumstances' | 'attributes'> & {
  readonly name: string | undefined
}

export class LivePlan {
  readonly #options: PlanOptions
  /** Of the plan before this one, until the first view has been judged. */
  #memory: Before | undefined
  readonly #slices = new SliceIndex()
  readonly #services = new Map<string, ServicePlan>()
  readonly #routes = new RouteOwners()
  readonly #vips = new Vips()
  readonly #aggregates = new Aggregates()
  readonly #withFindings = new Set<string>()
  #node: NodePlan | undefined
  #ground: Ground | undefined
  #podRoutes: readonly OriginatedRoute[] = []
  #importPolicy: Policy = rejectAll
  #whole: Plan | undefined

  /** `memory` is of an earlier plan: its last good values. */
  constructor(options: PlanOptions, memory?: Before) {
    this.#options = options
    this.#memory = memory
  }

  /** The node's part, its policies with it; undefined before the first view. */
  get node(): (NodePlan & { readonly importPolicy: Policy }) | undefined {
    return this.#node && { ...this.#node, importPolicy: this.#importPolicy }
  }

  get findings(): readonly Finding[] {
    const ofServices = [...this.#withFindings].sort().flatMap((key) => this.#services.get(key)?.findings ?? [])
    return [...(this.#node?.findings ?? []), ...ofServices]
  }

  /** All of it as one value, made when it is asked for. */
  get plan(): Plan | undefined {
    if (!this.#node) return undefined
    const keys = [...this.#services.keys()].sort()
    this.#whole ??= assemble(this.#node, new Map(keys.map((key) => [key, this.#services.get(key)!])))
    return this.#whole
  }

  /** What a plan after this one needs to know of it: the last good values. */
  get memory(): Before | undefined {
    return this.#node && { ...this.#node, serviceSettings: settingsOf(this.#services) }
  }

  /** Takes a view of which only this changed since the last one. How far a drain has come is asked once it is known whether there is one. */
  take(view: View, change: ViewChange, circumstancesOf: (node: NodePlan) => Circumstances): PlanChange {
    this.#whole = undefined
    const before = this.#node
    const isNew = before === undefined || change.nodes.size > 0
    const node = isNew ? planNode(view, this.#options, before ?? this.#memory) : before
    this.#node = node
    const moved = this.#slices.take(view, change.endpointSlices)
    const context = serviceContext(node, (service) => this.#slices.of(service), circumstancesOf(node), this.#options)
    const ground = groundOf(node, context)
    const all = !isDeepStrictEqual(ground, this.#ground)
    this.#ground = ground
    this.#judge(view, all ? view.services.keys() : union(change.services, moved), context, all)
    this.#takePods(node)
    this.#takeAggregates(node)
    // Asked each time: what is not asked stays, and would make the next change look like one.
    const vipsChanged = this.#vips.takeChanged()
    const sessions = vipsChanged || before === undefined || (isNew && !isDeepStrictEqual(before, node))
    if (sessions) this.#importPolicy = importPolicyOf(node, this.#vips, this.#importPolicy)
    return { sessions, ...this.#routes.takeChange() }
  }

  /** Judges services again; those that are no more are forgotten. */
  #judge(view: View, keys: Iterable<string>, context: ServiceContext | undefined, all: boolean): void {
    const judged = all ? [...new Set([...keys, ...this.#services.keys()])] : keys
    for (const key of judged) {
      const service = context && view.services.get(key)
      const before = this.#services.get(key)
      const last = before ? before.settings : this.#memory?.serviceSettings?.get(key)
      const now = service && planService(service, context, last)
      if (now) this.#services.set(key, now)
      else this.#services.delete(key)
      this.#routes.replace(key, before?.routes ?? [], now?.routes ?? [])
      this.#aggregates.replace(key, before?.parts ?? [], now?.parts ?? [])
      this.#vips.replace(before?.vips ?? [], now?.vips ?? [])
      if (now && now.findings.length > 0) this.#withFindings.add(key)
      else this.#withFindings.delete(key)
    }
    if (context) this.#memory = undefined
  }

  #takeAggregates(node: NodePlan): void {
    const { before, now } = this.#aggregates.takeChanges(node.node)
    // After any name of a service, as in the whole plan.
    this.#routes.replace('~', before, now)
  }

  #takePods(node: NodePlan): void {
    const routes = node.local ? node.pods.routes : []
    if (routes === this.#podRoutes) return
    // Before any name of a service, as in the whole plan.
    this.#routes.replace('', this.#podRoutes, routes)
    this.#podRoutes = routes
  }
}

function groundOf(node: NodePlan, context: ServiceContext | undefined): Ground | undefined {
  if (!context) return undefined
  const { addresses, drain, circumstances, attributes } = context
  return { addresses, drain, circumstances, attributes, name: node.nodeView?.name }
}

function importPolicyOf(node: NodePlan, vips: Vips, before: Policy): Policy {
  const policy = node.local ? defaultImport({ ...node.importRules, vips: vips.list }) : rejectAll
  return isDeepStrictEqual(policy, before) ? before : policy
}

function* union(one: ReadonlySet<string>, other: ReadonlySet<string>): Generator<string> {
  yield* one
  for (const key of other) if (!one.has(key)) yield key
}

/** Which slices a service has; a slice may change its service, and the object that says so may be gone. */
class SliceIndex {
  readonly #byService = new Map<string, Map<string, EndpointSliceView>>()
  readonly #serviceOf = new Map<string, string>()

  of(service: string): Iterable<EndpointSliceView> {
    return this.#byService.get(service)?.values() ?? []
  }

  /** The services whose slices are other than they were. */
  take(view: View, changed: ReadonlySet<string>): ReadonlySet<string> {
    const services = new Set<string>()
    for (const key of changed) {
      const slice = view.endpointSlices.get(key)
      const now = slice && `${slice.namespace}/${slice.serviceName}`
      const before = this.#serviceOf.get(key)
      if (before !== undefined) {
        services.add(before)
        const group = this.#byService.get(before)
        group?.delete(key)
        if (group?.size === 0) this.#byService.delete(before)
      }
      if (slice && now !== undefined) {
        services.add(now)
        const group = this.#byService.get(now) ?? new Map<string, EndpointSliceView>()
        this.#byService.set(now, group.set(key, slice))
        this.#serviceOf.set(key, now)
      } else this.#serviceOf.delete(key)
    }
    return services
  }
}

/** The VIPs that the import policy names, counted: services share them. */
class Vips {
  readonly #counts = new Map<string, { readonly prefix: Prefix; count: number }>()
  #changed = false

  get list(): readonly Prefix[] {
    return [...this.#counts.values()].map(({ prefix }) => prefix)
  }

  takeChanged(): boolean {
    const changed = this.#changed
    this.#changed = false
    return changed
  }

  replace(before: readonly Prefix[], now: readonly Prefix[]): void {
    for (const prefix of now) {
      const key = formatPrefix(prefix)
      const known = this.#counts.get(key)
      if (known) known.count++
      else {
        this.#counts.set(key, { prefix, count: 1 })
        this.#changed = true
      }
    }
    for (const prefix of before) {
      const key = formatPrefix(prefix)
      const known = this.#counts.get(key)
      if (!known || --known.count > 0) continue
      this.#counts.delete(key)
      this.#changed = true
    }
  }
}
