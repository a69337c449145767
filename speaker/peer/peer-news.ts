/** What a peer tells those who watch it: events, counts, and the last NOTIFICATION each way. */

import type { Message, Negotiated } from 'bgp-ts'

export interface NotificationRecord {
  readonly at: number
  readonly code: number
  readonly subcode: number
  /** e.g. `administrative shutdown (6/2), "maintenance"`. */
  readonly text: string
}

export type MessageCounts = Record<Message['kind'], number>
export const noCounts = (): MessageCounts => ({ open: 0, update: 0, notification: 0, keepalive: 0, 'route-refresh': 0 })

export type PeerEvent =
  | { readonly kind: 'up'; readonly peer: string; readonly negotiated: Negotiated }
  | {
      readonly kind: 'down'
      readonly peer: string
      readonly why: string
      readonly established: boolean
      readonly graceful: boolean
    }
