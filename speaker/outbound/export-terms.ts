/** What the peers of an update group have in common, and how it follows from one of them. */

import { type Address, type Family, families, formatAddress } from 'bgp-ts'
import type { CompiledPolicy } from '../../policy/index.ts'
import type { LocalDeclaration } from '../desired.ts'
import { isLinkLocal } from '../rib/usable.ts'
import type { RoutedPeer } from '../routed-peer.ts'
import { wordsOf } from './peer-words.ts'

/** By what originated routes tell peers apart. */
export interface StatedPeers {
  /** Next hops that they name: a peer with such an address is sent other routes than others. */
  readonly nextHops: ReadonlySet<string>
  readonly words: ReadonlySet<string>
}

/** What the peers of an update group have in common. */
export interface ExportTerms {
  readonly policy: CompiledPolicy
  readonly external: boolean
  readonly localAsn: number
  readonly fourOctetAsn: boolean
  /** IPv4 routes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean
  /** They know routes of last resort (RFC 9494). */
  readonly longLived: boolean
  readonly nextHopSelf: boolean
  /** Whether the policy could ever let a learned route out to them. */
  readonly learned: boolean
  /** Our cluster id towards internal peers, while this speaker is a route reflector (RFC 4456). */
  readonly clusterId: number | undefined
  /** They are clients of it. */
  readonly client: boolean
  /** Our address of each family towards these peers: of the session where it fits, else the speaker's own. */
  readonly self: { readonly [family in Family]?: Address }
  /** The speaker's declared address of each family. */
  readonly declared: { readonly [family in Family]?: Address }
  /** Routes that these peers are sent at most, by family. */
  readonly maximumOut: { readonly [family in Family]?: number }
  /** How many routes each rule of the policy matched, by its index. */
  readonly hits: Float64Array
  /** Of the words by which routes name peers, those that these peers bear. */
  readonly words: ReadonlySet<string>
  /** The only member, where the policy or split horizon makes a difference between peers. */
  readonly only: RoutedPeer | undefined
}

/** `clusterId` is ours, while this speaker is a route reflector; `stated` is what originated routes say of peers. */
export function termsOf(
  peer: RoutedPeer,
  local: LocalDeclaration | undefined,
  clusterId: number | undefined,
  stated: StatedPeers,
): ExportTerms {
  const { negotiated, link, exportPolicy } = peer
  const external = negotiated?.external ?? true
  const session = link.localAddress
  const self = Object.fromEntries(
    families.flatMap((family) => {
      const version = family === 'ipv4-unicast' ? 4 : 6
      const declared = local?.addresses[family]
      // A link-local address of the session is a next hop only where there is no better one.
      const fits = session?.version === version && !(isLinkLocal(session) && declared)
      const address = fits ? session : declared
      return address ? [[family, address]] : []
    }),
  )
  const learned = exportPolicy.acceptsLearnedTowards[external ? 'external' : 'internal']
  return {
    policy: exportPolicy,
    external,
    learned,
    clusterId: external ? undefined : clusterId,
    client: peer.isClient,
    localAsn: negotiated?.localAsn ?? 0,
    fourOctetAsn: negotiated?.fourOctetAsn ?? true,
    extendedNextHop: negotiated?.extendedNextHop ?? false,
    longLived: negotiated?.peerCapabilities.some(({ kind }) => kind === 'long-lived-graceful-restart') ?? false,
    nextHopSelf: link.declaration.nextHopSelf,
    self,
    declared: local?.addresses ?? {},
    maximumOut: link.declaration.maximumOut ?? {},
    hits: new Float64Array(exportPolicy.rules.length),
    words: new Set(wordsOf(link.declaration, external).filter((word) => stated.words.has(word))),
    only: learned || standsAlone(peer, stated) ? peer : undefined,
  }
}

/** Whether what this peer is sent depends on who it is, apart from split horizon: by policy, or because routes have its address as next hop (RFC 4271 section 5.1.3). */
function standsAlone({ exportPolicy, link }: RoutedPeer, { nextHops }: StatedPeers): boolean {
  const { address } = link.declaration
  return exportPolicy.usesNeighbour || nextHops.has(formatAddress(address))
}
