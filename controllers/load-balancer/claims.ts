/**
 * What is known of services beyond the view: a list of addresses that is on its way to the server, or one that the server has and the
 * view does not show yet. Laid over the view, claims keep an address from being given twice.
 */

import type { Timer } from '../../speaker/index.ts'
import type { ServiceView } from '../view.ts'
import { type LoadBalancerService, loadBalancerService } from './allocate.ts'
import { ipsOf, sameIps } from './service-requests.ts'

export interface Claim {
  /** The service as the server had it last, as far as is known. */
  known: ServiceView
  /** What it is to have; undefined once the server has it. */
  wanted: readonly string[] | undefined
  /** `waiting` for the view to show it, or after a failure: until `timer`, then the server is asked. */
  step: 'write' | 'ask' | 'busy' | 'waiting'
  timer: Timer | undefined
  failures: number
  problem: string | undefined
  /** The server had the service before the view did. */
  readonly isAhead: boolean
}

export function newClaim(known: ServiceView, isAhead = false): Claim {
  return { known, wanted: undefined, step: 'waiting', timer: undefined, failures: 0, problem: undefined, isAhead }
}

/** Whether what the view shows is all that the claim says, or leaves nothing to claim. */
export function isOver({ known, wanted, step, isAhead }: Claim, shown: ServiceView | undefined): boolean {
  if (!shown) return !isAhead
  if (shown.uid !== known.uid) return true
  return step !== 'busy' && sameIps(ipsOf(shown), wanted ?? ipsOf(known))
}

/** The services of the view, each with the addresses that it has or is about to have. */
export function* overlaid(
  services: ReadonlyMap<string, ServiceView>,
  claims: ReadonlyMap<string, Claim>,
): Iterable<LoadBalancerService> {
  for (const [key, service] of services) if (!claims.has(key)) yield loadBalancerService(service)
  for (const [key, { known, wanted }] of claims) {
    const shown = services.get(key)
    const service = loadBalancerService(shown ?? known)
    yield { ...service, ingress: (wanted ?? ipsOf(known)).map((ip) => ({ ip })) }
    // What it still has, here or there, is nobody else's yet.
    const externalIps = [...ipsOf(known), ...(shown ? ipsOf(shown) : [])]
    yield { ...service, type: 'ClusterIP', externalIps, ingress: [] }
  }
}
