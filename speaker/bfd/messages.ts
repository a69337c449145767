/** What the main thread and the thread of BFD say to each other: plain values. Packets and counters are never among them. */

import type { BfdStatus, BfdTarget, BfdTimers } from '../world.ts'
import type { Priority } from './priority.ts'

export type Command =
  | { readonly do: 'watch'; readonly id: number; readonly target: BfdTarget; readonly row: Float64Array }
  | { readonly do: 'update'; readonly id: number; readonly timers: BfdTimers }
  | { readonly do: 'admin-down'; readonly id: number }
  | { readonly do: 'stop'; readonly id: number }
  | { readonly do: 'close' }

export type Report =
  | { readonly kind: 'status'; readonly id: number; readonly status: BfdStatus }
  | { readonly kind: 'started'; readonly priority: Priority }
  /** There will never be BFD in this process. */
  | { readonly kind: 'unavailable'; readonly why: string }
