/** The ranges that this node's VIPs are of, and whether the flags advertise them. */

import type { Prefix } from 'bgp-ts'
import type { PlanOptions } from '../controllers/index.ts'

export interface VipRange {
  readonly prefix: Prefix
  /** By a flag; where it is not, a Service may still ask for it. */
  readonly advertised: boolean
}

type Ranges = Pick<
  PlanOptions,
  | 'serviceClusterIpRanges'
  | 'serviceExternalIpRanges'
  | 'loadBalancerIpRanges'
  | 'advertiseClusterIp'
  | 'advertiseExternalIp'
  | 'advertiseLoadBalancerIp'
>

export function vipRanges(options: Ranges): VipRange[] {
  const of = (ranges: readonly Prefix[], advertised: boolean) => ranges.map((prefix) => ({ prefix, advertised }))
  return [
    ...of(options.serviceClusterIpRanges, options.advertiseClusterIp),
    ...of(options.serviceExternalIpRanges, options.advertiseExternalIp),
    ...of(options.loadBalancerIpRanges, options.advertiseLoadBalancerIp),
  ]
}
