/** Every address that a service could be reached by from outside of its pods, with the field that has it. None is judged here. */

import type { ServiceView } from '../view.ts'
import { obstacle } from './withheld-rules.ts'

export type VipKind = 'cluster-ip' | 'external-ip' | 'load-balancer-ip'

export interface Vip {
  readonly kind: VipKind
  readonly text: string
  readonly field: string
  /** A reason of the field itself. */
  readonly obstacle?: Obstacle
}

/** What holds something back, and what would mend it. */
export interface Obstacle {
  readonly reason: string
  readonly mend: string
}

/** Every address that the service could be reached by; none for types that have no VIP. */
export function vipsOf(service: ServiceView): Vip[] {
  if (!['ClusterIP', 'NodePort', 'LoadBalancer'].includes(service.type)) return []
  const headless = service.clusterIp === 'None' || (!service.clusterIp && service.clusterIps.length === 0)
  const nothing = headless ? obstacle('headless') : undefined
  const external = service.externalIps.map((text, index): Vip => {
    return { kind: 'external-ip', text, field: `spec.externalIPs[${index}]`, ...(nothing && { obstacle: nothing }) }
  })
  return [...(headless ? [] : clusterIps(service)), ...external, ...loadBalancerIps(service, nothing)]
}

function clusterIps(service: ServiceView): Vip[] {
  const listed = service.clusterIps.map(
    (text, index): Vip => ({ kind: 'cluster-ip', text, field: `spec.clusterIPs[${index}]` }),
  )
  const { clusterIp } = service
  if (!clusterIp || service.clusterIps.includes(clusterIp)) return listed
  return [...listed, { kind: 'cluster-ip', text: clusterIp, field: 'spec.clusterIP' }]
}

function loadBalancerIps(service: ServiceView, headless: Obstacle | undefined): Vip[] {
  if (service.type !== 'LoadBalancer') return []
  return service.ingress.flatMap(({ ip, ipMode }, index): Vip[] => {
    if (ip === undefined) return []
    const field = `status.loadBalancer.ingress[${index}]`
    const held = headless ?? (ipMode === 'Proxy' ? obstacle('mode-proxy', { field }) : undefined)
    return [{ kind: 'load-balancer-ip', text: ip, field: `${field}.ip`, ...(held && { obstacle: held }) }]
  })
}
