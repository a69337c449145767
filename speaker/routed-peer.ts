/** What the routing half keeps of a peer: its index among paths, its compiled policies, and what it counted. */

import { type Family, families, type Negotiated, type Reaction, type SenderContext } from 'bgp-ts'
import { type CompiledPolicy, compile } from '../policy/index.ts'
import type { PeerLink } from './peer-link.ts'

/** Announcements are counted since the session came up; `accepted` and `advertised` are the routes that stand now. */
export interface FamilyCounters {
  received: number
  accepted: number
  rejected: number
  advertised: number
  /** Refused announcements, by the statement or rule that refused them. */
  readonly rejectedBy: Map<string, number>
  /** A bounded sample of what was refused, for `explain`: prefix to rule. */
  readonly rejectedSample: Map<string, string>
  endOfRibReceived: boolean
  endOfRibSent: boolean
}

/** Refused prefixes remembered per peer and family. */
export const sampleSize = 1000

export class RoutedPeer {
  readonly link: PeerLink
  /** Among the peers of paths; a new one for each session, so that the routes of the last one can go in slices. */
  index = -1
  negotiated: Negotiated | undefined
  sender: SenderContext = { external: true, fourOctetAsn: true, localAsn: 0, firstAsn: 0 }
  exportPolicy: CompiledPolicy
  #importPolicy: CompiledPolicy
  /** How many announcements each rule of the import policy matched, by its index. */
  importHits: Float64Array
  obeysGracefulShutdown: boolean
  readonly counters: Record<Family, FamilyCounters>
  readonly malformed: Partial<Record<Reaction, number>> = {}
  updatesSent = 0
  lastMalformed: { at: number; text: string; octets: string } | undefined

  constructor(link: PeerLink) {
    this.link = link
    this.#importPolicy = compile(link.declaration.importPolicy)
    this.importHits = new Float64Array(this.#importPolicy.rules.length)
    this.exportPolicy = compile(link.declaration.exportPolicy)
    this.obeysGracefulShutdown = link.declaration.obeysGracefulShutdown ?? true
    this.counters = newCounters()
  }

  get name(): string {
    return this.link.name
  }

  get importPolicy(): CompiledPolicy {
    return this.#importPolicy
  }

  /** One that decides as the last one did goes on with its counts. */
  set importPolicy(policy: CompiledPolicy) {
    if (policy.key !== this.#importPolicy.key) this.importHits = new Float64Array(policy.rules.length)
    this.#importPolicy = policy
  }

  get external(): boolean {
    return this.negotiated?.external ?? true
  }

  /** Forgets what the last session counted. */
  restart(): void {
    Object.assign(this.counters, newCounters())
    this.importHits.fill(0)
    this.updatesSent = 0
  }

  /** Notes a refused announcement. `text` is only called while the sample has room. */
  refused(family: Family, rule: string, text: () => string): void {
    const counters = this.counters[family]
    counters.rejected++
    counters.rejectedBy.set(rule, (counters.rejectedBy.get(rule) ?? 0) + 1)
    if (counters.rejectedSample.size < sampleSize) counters.rejectedSample.set(text(), rule)
  }
}

function newCounters(): Record<Family, FamilyCounters> {
  const [v4, v6] = families.map(
    (): FamilyCounters => ({
      received: 0,
      accepted: 0,
      rejected: 0,
      advertised: 0,
      rejectedBy: new Map(),
      rejectedSample: new Map(),
      endOfRibReceived: false,
      endOfRibSent: false,
    }),
  )
  return { 'ipv4-unicast': v4!, 'ipv6-unicast': v6! }
}
