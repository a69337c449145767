/** A routing table that behaves as the kernel's does, one route per prefix and metric, and fails when it is told to. */

import { type Family, families, formatAddress, formatPrefix, type Prefix } from 'bgp-ts'
import type {
  Kernel,
  KernelChange,
  KernelEvent,
  KernelFault,
  KernelHop,
  KernelPlace,
  KernelRoute,
} from '../../speaker/index.ts'
import { address, prefix } from './fabric.ts'

const hopText = ({ address: one, zone }: KernelHop) => formatAddress(one) + (zone ? `%${zone}` : '')

export class FakeKernel implements Kernel {
  readonly place: KernelPlace = { table: 254, protocol: 178, metric: 1780 }
  readonly #routes = new Map<string, KernelRoute>()
  readonly #listeners: Record<Family, Set<(event: KernelEvent) => void>> = {
    'ipv4-unicast': new Set(),
    'ipv6-unicast': new Set(),
  }
  /** What was asked of it, e.g. `add 198.18.0.0/24 10.0.0.1`. */
  readonly log: string[] = []
  dumps = 0
  /** Rejects everything with this. */
  broken: string | undefined
  /** The next call makes half of its changes, and says only that something went wrong. */
  isCrashing = false
  /** Refuses changes for want of the right. */
  isDenied = false
  /** Says nothing of changes. */
  isMute = false
  /** The kernel's word on routes to these prefixes. */
  readonly refusing = new Map<string, Pick<KernelFault, 'kind' | 'text'>>()
  #held: (() => void)[] | undefined
  #late: (() => void)[] | undefined

  /** With links `10.0.0.0/24 eth1` and so on. */
  constructor(...links: readonly string[]) {
    for (const link of links) {
      const [to = '', device = ''] = link.split(' ')
      this.put(to, { onLink: device, protocol: 2, metric: 0 })
    }
  }

  /** Puts a route there as somebody else would; ours by protocol unless it says otherwise. */
  put(to: string, more: Partial<KernelRoute> & { via?: readonly string[] } = {}): void {
    const { via = [], ...rest } = more
    const hops = via.map((text): KernelHop => {
      const [one = '', zone] = text.split('%')
      return { address: address(one), ...(zone !== undefined && { zone }) }
    })
    const route: KernelRoute = { prefix: prefix(to), ...this.place, hops, down: false, ...rest }
    this.#routes.set(keyOf(route.prefix, route.metric), route)
    this.#tell(route.prefix.family, { kind: 'route', route, gone: false })
  }

  /** Takes a route away as somebody else would. */
  take(to: string, metric = this.place.metric): void {
    const route = this.#routes.get(keyOf(prefix(to), metric))
    if (!route) throw new Error(`no route to ${to}`)
    this.#routes.delete(keyOf(route.prefix, metric))
    this.#tell(route.prefix.family, { kind: 'route', route, gone: true })
  }

  /** A link goes down or comes up: IPv4 routes over it go without a word. Those of others are taken to be over another link. */
  link(device: string, isDown: boolean): void {
    for (const [key, route] of this.#routes) {
      const isOurs = route.protocol === this.place.protocol && route.prefix.family === 'ipv4-unicast'
      if (route.onLink === device) this.#routes.set(key, { ...route, down: isDown })
      else if (isDown && isOurs) this.#routes.delete(key)
    }
    for (const family of families) this.#tell(family, { kind: 'link', device })
  }

  lose(family: Family, why = 'no buffer space'): void {
    this.#tell(family, { kind: 'lost', why })
  }

  get watchers(): number {
    return families.reduce((sum, family) => sum + this.#listeners[family].size, 0)
  }

  /** Routes of ours, e.g. `198.18.0.0/24 via 10.0.0.1 10.0.0.3`. */
  get ours(): string[] {
    return this.#lines(({ protocol }) => protocol === this.place.protocol)
  }

  get foreign(): string[] {
    return this.#lines(({ protocol, onLink }) => protocol !== this.place.protocol && onLink === undefined)
  }

  /** From now on nobody hears of changes before `deliver`, which tells all in order. */
  delay(): void {
    this.#late ??= []
  }

  deliver(): void {
    const late = this.#late ?? []
    this.#late = undefined
    for (const tell of late) tell()
  }

  /** From now on changes stay on their way, until `release`. */
  hold(): void {
    this.#held ??= []
  }

  release(): void {
    const waiting = this.#held ?? []
    this.#held = undefined
    for (const go of waiting) go()
  }

  async dump(family: Family, onRoute: (route: KernelRoute) => void): Promise<void> {
    this.dumps++
    if (this.broken !== undefined) throw new Error(this.broken)
    for (const route of this.#routes.values()) if (route.prefix.family === family) onRoute(route)
  }

  async apply(family: Family, changes: readonly KernelChange[]): Promise<readonly KernelFault[]> {
    const held = this.#held
    if (held) await new Promise<void>((go) => held.push(go))
    if (this.broken !== undefined) throw new Error(this.broken)
    if (this.isCrashing && changes.length > 0) {
      this.isCrashing = false
      for (const change of changes.slice(0, Math.ceil(changes.length / 2))) this.#change(family, change)
      throw new Error('ip was killed')
    }
    return changes.flatMap((change, index) => {
      const hops = change.kind === 'remove' ? [] : change.hops.map(hopText).sort()
      this.log.push([change.kind, formatPrefix(change.prefix), ...hops].join(' '))
      const fault = this.#change(family, change)
      return fault ? [{ index, ...fault }] : []
    })
  }

  watch(family: Family, listener: (event: KernelEvent) => void): () => void {
    this.#listeners[family].add(listener)
    return () => void this.#listeners[family].delete(listener)
  }

  #change(family: Family, change: KernelChange): Pick<KernelFault, 'kind' | 'text'> | undefined {
    if (change.prefix.family !== family) throw new Error(`${change.prefix} is not of ${family}`)
    if (this.isDenied) return { kind: 'denied', text: 'Operation not permitted' }
    const refusal = this.refusing.get(formatPrefix(change.prefix))
    if (refusal && change.kind !== 'remove') return refusal
    const metric = change.kind === 'remove' ? change.metric : this.place.metric
    const key = keyOf(change.prefix, metric)
    const before = this.#routes.get(key)
    if (change.kind === 'remove') {
      if (before?.protocol !== this.place.protocol) return { kind: 'gone', text: 'No such process' }
      this.#routes.delete(key)
      this.#tell(family, { kind: 'route', route: before, gone: true })
      return undefined
    }
    if (change.kind === 'add' && before) return { kind: 'exists', text: 'File exists' }
    if (before && before.protocol !== this.place.protocol) throw new Error(`a route of others was replaced: ${key}`)
    const route: KernelRoute = { ...this.place, prefix: change.prefix, hops: change.hops, down: false }
    this.#routes.set(key, route)
    this.#tell(family, { kind: 'route', route, gone: false })
    return undefined
  }

  #lines(which: (route: KernelRoute) => boolean): string[] {
    return [...this.#routes.values()]
      .filter(which)
      .map(({ prefix: to, hops, metric }) => {
        const other = metric === this.place.metric ? '' : ` metric ${metric}`
        return `${formatPrefix(to)} via ${hops.map(hopText).sort().join(' ')}${other}`
      })
      .sort()
  }

  #tell(family: Family, event: KernelEvent): void {
    if (this.isMute) return
    const tell = () => {
      for (const listener of this.#listeners[family]) listener(event)
    }
    if (this.#late) this.#late.push(tell)
    else tell()
  }
}

const keyOf = (to: Prefix, metric: number) => `${formatPrefix(to)} ${metric}`
