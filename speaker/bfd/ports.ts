/** The numbers of RFC 5881 and 5883: ports, hop limit, and how a target is told from others by them. */

import { Address } from 'bgp-ts'
import type { BfdTarget } from '../world.ts'
import type { Source } from './engine.ts'

export const singleHopPort = 3784
export const multihopPort = 4784
/** RFC 5881 section 5: sent with it, and over one hop received with nothing less. */
export const highestHopLimit = 255
/** RFC 5881 section 4: one source port a session, of the dynamic ones. */
export const sourcePorts = { first: 49152, last: 65535 }
/** DSCP CS6, as control traffic of the network. */
export const trafficClass = 0xc0

export function portOf({ port, multihop }: Pick<BfdTarget, 'port' | 'multihop'>): number {
  return port ?? (multihop ? multihopPort : singleHopPort)
}

/** Where packets of this address come from. */
export function sourceOf({ version, w0, w1, w2, w3 }: Address, scope: number, port: number): Source {
  return { version, w0, w1, w2, w3, scope, port }
}

/** The address that stands for all of a family. */
export function anywhere(version: 4 | 6): Address {
  return new Address(version, 0)
}
