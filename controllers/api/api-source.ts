/**
 * The API server as a source: one reflector a kind, all filling one store. Nothing is told before each kind was seen whole once;
 * after that every change is told as it comes, and an API server that is away changes nothing.
 */

import type { Finding } from '../findings.ts'
import { identityOf, type Projected } from '../source/project.ts'
import type { ViewListener } from '../source/source.ts'
import { type Kind, Store, watchFinding } from '../source/store.ts'
import { type Reflected, Reflector, type ReflectorHealth, type ReflectorWorld, type Resource } from './reflector.ts'

export interface ApiSourceOptions {
  /** Only this Node is watched; left out, all are. */
  readonly onlyNode?: string
}

export class ApiSource {
  readonly #world: ReflectorWorld
  readonly #store = new Store()
  readonly #reflectors: readonly Reflector[]
  #listener: ViewListener = () => {}
  #telling = false
  #isWhole = false
  #stopped = false
  #startedAt = 0

  constructor(world: ReflectorWorld, options: ApiSourceOptions) {
    this.#world = world
    this.#reflectors = resources(options).map(
      (resource) => new Reflector(world, resource, this.#reflected(resource.kind as Kind), () => this.#soon()),
    )
  }

  start(listener: ViewListener): void {
    this.#listener = listener
    this.#startedAt = this.#world.clock.now()
    for (const reflector of this.#reflectors) reflector.start()
  }

  stop(): void {
    this.#stopped = true
    for (const reflector of this.#reflectors) reflector.stop()
  }

  get health(): readonly ReflectorHealth[] {
    return this.#reflectors.map(({ health }) => health)
  }

  get isSynced(): boolean {
    return this.#reflectors.every(({ health }) => health.synced)
  }

  #reflected(kind: Kind): Reflected {
    return {
      begin: () => {
        const entries = new Map<string, Projected>()
        const seen = new Set<string>()
        return {
          add: (object) => {
            const entry = this.#store.read(object)
            if (entry) entries.set(entry.key, entry)
            const identity = identityOf(object)
            if (identity !== undefined) seen.add(identity)
          },
          commit: () => {
            this.#store.replace(kind, entries)
            this.#store.forgetFindings(kind, seen)
            this.#soon()
          },
        }
      },
      upsert: (object) => {
        this.#store.upsert(object)
        this.#soon()
      },
      remove: (object) => {
        this.#store.remove(object)
        this.#soon()
      },
    }
  }

  /** Once for all that came in one turn of the event loop. */
  #soon(): void {
    if (this.#telling || this.#stopped) return
    this.#telling = true
    this.#world.clock.after(0, () => {
      this.#telling = false
      if (this.#stopped || !this.isSynced) return
      this.#tellFirst()
      this.#listener(this.#store, this.#store.takeChange(), this.#findings())
    })
  }

  #tellFirst(): void {
    if (this.#isWhole) return
    this.#isWhole = true
    const { nodes, services, endpointSlices } = this.#store
    const tookMs = Math.round(this.#world.clock.now() - this.#startedAt)
    const counts = { nodes: nodes.size, services: services.size, endpointSlices: endpointSlices.size }
    this.#world.log.info({ ...counts, tookMs }, 'the first whole view is in')
  }

  #findings(): readonly Finding[] {
    const down = this.health.flatMap(({ path, problem }) =>
      problem === undefined ? [] : [watchFinding(path, problem)],
    )
    return [...this.#store.findings, ...down]
  }
}

function resources({ onlyNode }: ApiSourceOptions): readonly Resource[] {
  return [
    {
      path: '/api/v1/nodes',
      kind: 'Node',
      ...(onlyNode !== undefined && { query: { fieldSelector: `metadata.name=${onlyNode}` } }),
    },
    { path: '/api/v1/services', kind: 'Service' },
    {
      path: '/apis/discovery.k8s.io/v1/endpointslices',
      kind: 'EndpointSlice',
      // A headless service has no VIP that its endpoints could matter to.
      query: { labelSelector: 'kubernetes.io/service-name,!service.kubernetes.io/headless' },
    },
  ]
}
