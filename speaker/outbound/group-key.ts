/** Which peers are one update group: those that are sent the same octets. */

import { families, formatAddress } from 'bgp-ts'
import type { RoutedPeer } from '../routed-peer.ts'
import type { ExportTerms } from './export-terms.ts'

/** All that makes a difference in what a peer is sent. */
export function keyOf(terms: ExportTerms, peer: RoutedPeer): string {
  const hops = (of: ExportTerms['self']) =>
    families.map((family) => {
      const address = of[family]
      return address ? formatAddress(address) : '-'
    })
  return JSON.stringify([
    terms.policy.key,
    terms.external,
    terms.localAsn,
    terms.fourOctetAsn,
    terms.extendedNextHop,
    terms.longLived,
    terms.nextHopSelf,
    terms.clusterId,
    terms.client,
    usesSelf(terms) && hops(terms.self),
    hops(terms.declared),
    families.map((family) => terms.maximumOut[family]),
    peer.negotiated?.families,
    [...terms.words].sort(),

    terms.only?.name,
  ])
}

/** Whether our address of the session can end up in a next hop. Where it cannot, it does not keep peers apart. */
function usesSelf({ nextHopSelf, policy, learned, declared }: ExportTerms): boolean {
  return nextHopSelf || policy.setsNextHopSelf || learned || families.some((family) => declared[family] === undefined)
}
