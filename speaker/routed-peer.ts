/** What the routing half keeps of a peer: its index among paths, its compiled policies, and what it counted. */

import { type Family, families, formatPrefix, type Negotiated, Prefix, type SenderContext } from 'bgp-ts'
import { type CompiledPolicy, compile } from '../policy/index.ts'
import type { PeerDeclaration } from './desired.ts'
import { Malformed } from './malformed.ts'
import type { PeerLink } from './peer-link.ts'
import type { Kept } from './retention.ts'
import type { Share } from './rib/attribute-entry.ts'
import { Fingerprints } from './rib/fingerprints.ts'
import { newSeed } from './rib/keyed-hash.ts'
import { Tally } from './tally.ts'
import type { Random } from './world.ts'

/** Announcements are counted since the session came up; `accepted` and `advertised` are the routes that stand now. */
export interface FamilyCounters {
  received: number
  accepted: number
  rejected: number
  advertised: number
  /** Refused announcements, by the statement or rule that refused them. */
  readonly rejectedBy: Tally
  /** A bounded sample of what was refused, for `explain`: prefix to rule. */
  readonly rejectedSample: Map<string, string>
  /** Different prefixes that were refused; counted while there is a limit. */
  readonly refused: Fingerprints
  /** More prefixes came than its limit warns at. */
  nearLimit: boolean
  endOfRibReceived: boolean
  endOfRibSent: boolean
}

/** Refused prefixes remembered per peer and family. */
export const sampleSize = 1000

/** ASNs of a path, where a peer's declaration says nothing: ten times what the Internet has. */
export const usualPathLength = 500
/** Octets of attributes at the expense of one peer, where its declaration says nothing: three times those of a full table. */
export const usualAttributeOctets = 64 * 1024 * 1024

/** Rules that refuse what is beyond a limit, each in words. */
export const limitRules = [
  'maximum number of prefixes',
  'maximum length of the AS path',
  'maximum memory for the attributes of one peer',
] as const
export const [beyondLimit, pathTooLong, tooMuchMemory] = limitRules

/** In the order of the rules. */
function limitsOf({
  maxPrefixes,
  maxPathLength = usualPathLength,
  attributeOctets = usualAttributeOctets,
}: PeerDeclaration) {
  const prefixes = families.map((family) => maxPrefixes?.limit[family] ?? Number.POSITIVE_INFINITY)
  return [prefixes, [maxPathLength], [attributeOctets]]
}

export class RoutedPeer {
  readonly link: PeerLink
  /** Among the peers of paths; a new one for each session, so that the routes of the last one can go in slices. */
  index = -1
  /** What is left of its last session. */
  kept: Kept | undefined
  /** Routes of the last session that may be there beside those of this one, until they are swept: no limit counts them. */
  readonly left: Record<Family, number> = { 'ipv4-unicast': 0, 'ipv6-unicast': 0 }
  readonly staleEpochs: Record<Family, number> = { 'ipv4-unicast': 0, 'ipv6-unicast': 0 }
  /** Of the last session, where none is up: its routes may have stayed. */
  external = true
  routerId = 0
  negotiated: Negotiated | undefined
  sender: SenderContext = { external: true, fourOctetAsn: true, localAsn: 0, firstAsn: 0 }
  exportPolicy: CompiledPolicy
  #importPolicy: CompiledPolicy
  /** How many announcements each rule of the import policy matched, by its index. */
  importHits: Float64Array
  obeysGracefulShutdown: boolean
  /** Whether routes are reflected to it, and its own to others (RFC 4456): asked of internal peers alone. */
  isClient: boolean
  readonly counters: Record<Family, FamilyCounters>
  /** Outlives sessions: others may hold on to the attributes that an earlier one brought. */
  readonly share: Share = { octets: 0 }
  readonly malformed = new Malformed()
  updatesSent = 0

  readonly #random: Random
  #limits: ReturnType<typeof limitsOf>

  constructor(link: PeerLink, random: Random) {
    this.link = link
    this.#random = random
    this.#importPolicy = compile(link.declaration.importPolicy)
    this.importHits = new Float64Array(this.#importPolicy.rules.length)
    this.exportPolicy = compile(link.declaration.exportPolicy)
    this.obeysGracefulShutdown = link.declaration.obeysGracefulShutdown ?? true
    this.isClient = link.declaration.reflectorClient ?? false
    this.counters = newCounters(random)
    this.#limits = limitsOf(link.declaration)
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

  /** Takes what can be declared anew while the session stays up. Says which limits were raised: routes that they refused are not stored. */
  redeclare(): (typeof limitRules)[number][] {
    const { importPolicy, exportPolicy, reflectorClient = false, obeysGracefulShutdown = true } = this.link.declaration
    this.importPolicy = compile(importPolicy)
    this.exportPolicy = compile(exportPolicy)
    this.obeysGracefulShutdown = obeysGracefulShutdown
    this.isClient = reflectorClient
    const before = this.#limits
    this.#limits = limitsOf(this.link.declaration)
    return limitRules.filter((_, index) => this.#limits[index]!.some((limit, which) => limit > before[index]![which]!))
  }

  /** Families of which routes were refused by any of these rules. */
  refusedBy(rules: readonly string[]): Family[] {
    return families.filter((family) => rules.some((rule) => this.counters[family].rejectedBy.has(rule)))
  }

  /** Forgets what the last session counted, but not the routes that it left. */
  restart(): void {
    this.importHits.fill(0)
    const before = this.counters
    const fresh = newCounters(this.#random)
    for (const family of families) fresh[family].accepted = before[family].accepted
    Object.assign(this.counters, fresh)
    this.updatesSent = 0
  }

  /** Notes a refused announcement. */
  refused(family: Family, rule: string, w0: number, w1: number, w2: number, w3: number, length: number): void {
    const counters = this.counters[family]
    counters.rejected++
    counters.rejectedBy.add(rule)
    if (counters.rejectedSample.size >= sampleSize) return
    counters.rejectedSample.set(formatPrefix(new Prefix(family, length, w0, w1, w2, w3)), rule)
  }
}

function newCounters(random: Random): Record<Family, FamilyCounters> {
  const [v4, v6] = families.map(
    (): FamilyCounters => ({
      received: 0,
      accepted: 0,
      rejected: 0,
      advertised: 0,
      rejectedBy: new Tally(),
      rejectedSample: new Map(),
      refused: new Fingerprints(newSeed(random)),
      nearLimit: false,
      endOfRibReceived: false,
      endOfRibSent: false,
    }),
  )
  return { 'ipv4-unicast': v4!, 'ipv6-unicast': v6! }
}
