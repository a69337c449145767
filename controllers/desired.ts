/** A plan as the speaker takes it. */

import { Address } from 'bgp-ts'
import type { Desired, PeerDeclaration } from '../speaker/index.ts'
import type { Passwords } from './annotations/passwords.ts'
import type { Plan, PlannedPeer } from './plan/model.ts'
import type { PlanOptions } from './plan/options.ts'

const everywhere = [new Address(4, 0), new Address(6, 0)]

/** Undefined while the plan has nothing to say to anybody: the speaker then keeps what it has. */
export function toDesired(
  plan: Pick<Plan, 'local' | 'peers' | 'importPolicy' | 'exportPolicy' | 'routerExportPolicy'>,
  options: PlanOptions,
  passwords?: Passwords,
): Omit<Desired, 'routes'> | undefined {
  const { local } = plan
  if (!local) return undefined
  return {
    local: {
      asn: local.asn,
      routerId: local.routerId,
      ...(local.clusterId !== undefined && { clusterId: local.clusterId }),
      listen: (options.listen ?? everywhere).map((address) => ({ address, port: options.bgpPort })),
      addresses: local.addresses,
      restart: options.restart,
    },
    peers: plan.peers.map((peer) => ({
      name: peer.name,
      address: peer.address,
      port: peer.port,
      asn: peer.asn,
      ...(peer.localAddress && { localAddress: peer.localAddress }),
      passive: false,
      holdTime: options.holdTime,
      connectRetry: options.connectRetry,
      nextHopSelf: false,
      ...peer.session,
      ...(peer.zone !== undefined && { zone: peer.zone }),
      families: peer.families,
      ...(peer.reflectorClient && { reflectorClient: true }),
      importPolicy: plan.importPolicy,
      exportPolicy: peer.role === 'router' && peer.type === 'internal' ? plan.routerExportPolicy : plan.exportPolicy,
      ...(peer.labels.length > 0 && { labels: peer.labels }),
      ...authentication(peer, passwords),
    })),
  }
}

/** The key, or why the peer may not come up: never without one that is asked for. */
function authentication(
  { password, blocked }: PlannedPeer,
  passwords: Passwords | undefined,
): Pick<PeerDeclaration, 'password' | 'blocked'> {
  if (blocked !== undefined) return { blocked }
  if (password?.kind === 'key') return { password: password.secret }
  if (password?.kind !== 'named') return {}
  const found = passwords?.get(password.name) ?? 'there is no folder of passwords (--peer-passwords-dir)'
  if (typeof found !== 'string') return { password: found }
  return { blocked: `password ${password.name}: ${found}; never without authentication` }
}
