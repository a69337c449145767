/**
 * The kernel's routing tables as the speaker sees them: what is there, what to change, and word of what others change.
 * Handed in like a transport; `iproute2.ts` is the real one. Which of the routes are ours is said by table and protocol number alone.
 */

import type { Address, Family, Prefix } from 'bgp-ts'

/** Where our routes are, and what makes them ours. */
export interface KernelPlace {
  readonly table: number
  /** Of no other program on this machine: every route of the table that bears it is ours to change and to remove. */
  readonly protocol: number
  /** The kernel tells routes apart by prefix and metric, not by protocol: one that nobody else uses. */
  readonly metric: number
}

/** Where routes are that name no table, those over links among them. */
export const mainTable = 254

export interface KernelHop {
  readonly address: Address
  /** The interface, for a link-local address. */
  readonly zone?: string
}

export interface KernelRoute {
  readonly prefix: Prefix
  readonly table: number
  readonly protocol: number
  readonly metric: number
  /** Gateways. None for a route over a link itself, and for those that drop packets. */
  readonly hops: readonly KernelHop[]
  /** The interface of a unicast route without a gateway: its addresses can be next hops. */
  readonly onLink?: string
  /** The link has no carrier. */
  readonly down: boolean
}

export type KernelChange =
  /** Only where nothing has this prefix and metric. */
  | { readonly kind: 'add'; readonly prefix: Prefix; readonly hops: readonly KernelHop[] }
  /** In the place of one of ours, without a moment between. */
  | { readonly kind: 'replace'; readonly prefix: Prefix; readonly hops: readonly KernelHop[] }
  | { readonly kind: 'remove'; readonly prefix: Prefix; readonly metric: number }

/** A change that was not made. */
export interface KernelFault {
  /** Among the changes of the call. */
  readonly index: number
  /** `exists`: the prefix and metric are taken; `gone`: nothing to remove; `denied`: the right is missing. */
  readonly kind: 'exists' | 'gone' | 'denied' | 'unreachable' | 'refused'
  /** The kernel's words. */
  readonly text: string
}

export type KernelEvent =
  | { readonly kind: 'route'; readonly route: KernelRoute; readonly gone: boolean }
  /** A link or its addresses changed: the kernel drops IPv4 routes then without a word. */
  | { readonly kind: 'link'; readonly device: string }
  /** Something was missed. */
  | { readonly kind: 'lost'; readonly why: string }

export interface Kernel {
  readonly place: KernelPlace
  /** All routes of our table, and of the main one, where links are. Rejects with the reason. */
  dump(family: Family, onRoute: (route: KernelRoute) => void): Promise<void>
  /** Makes changes in order, each alone. Rejects when it is not known which of them were made. */
  apply(family: Family, changes: readonly KernelChange[]): Promise<readonly KernelFault[]>
  /** Tells of changes, our own among them, until the returned function is called. */
  watch(family: Family, listener: (event: KernelEvent) => void): () => void
}

/** Whether a route is one that we made, of whatever metric. */
export function isOurs({ table, protocol }: KernelPlace, route: KernelRoute): boolean {
  return route.table === table && route.protocol === protocol
}

/** What a run of `cleanRoutes` did. */
export interface Cleaned {
  readonly removed: number
  readonly faults: readonly KernelFault[]
}

/** Changes a call: the kernel takes some 100,000 a second, and nothing waits for longer than this many. */
export const batchSize = 4096

/** Removes every route of ours of one family, whatever its metric, and no other. */
export async function cleanRoutes(kernel: Kernel, family: Family): Promise<Cleaned> {
  const changes: KernelChange[] = []
  await kernel.dump(family, (route) => {
    const { prefix, metric } = route
    if (isOurs(kernel.place, route)) changes.push({ kind: 'remove', prefix, metric })
  })
  const faults: KernelFault[] = []
  for (let at = 0; at < changes.length; at += batchSize) {
    const found = await kernel.apply(family, changes.slice(at, at + batchSize))
    faults.push(...found.filter(({ kind }) => kind !== 'gone'))
  }
  return { removed: changes.length - faults.length, faults }
}
