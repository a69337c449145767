/** A plan as the speaker takes it. */

import { Address } from 'bgp-ts'
import type { Desired } from '../speaker/index.ts'
import type { Plan } from './plan/model.ts'
import type { PlanOptions } from './plan/options.ts'

const everywhere = [new Address(4, 0), new Address(6, 0)]

/** Undefined while the plan has nothing to say to anybody: the speaker then keeps what it has. */
export function toDesired(
  plan: Pick<Plan, 'local' | 'peers' | 'importPolicy' | 'exportPolicy'>,
  options: PlanOptions,
): Omit<Desired, 'routes'> | undefined {
  const { local } = plan
  if (!local) return undefined
  return {
    local: {
      asn: local.asn,
      routerId: local.routerId,
      listen: (options.listen ?? everywhere).map((address) => ({ address, port: options.bgpPort })),
      addresses: local.addresses,
    },
    peers: plan.peers.map((peer) => ({
      name: peer.name,
      address: peer.address,
      port: peer.port,
      asn: peer.asn,
      ...(peer.localAddress && { localAddress: peer.localAddress }),
      families: peer.families,
      passive: false,
      holdTime: options.holdTime,
      connectRetry: options.connectRetry,
      nextHopSelf: false,
      importPolicy: plan.importPolicy,
      exportPolicy: plan.exportPolicy,
      ...(peer.blocked !== undefined && { blocked: peer.blocked }),
    })),
  }
}
