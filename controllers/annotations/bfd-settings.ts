/** BFD of a peer in the words of kube-router's `bfd:`, which flags share with the peers annotation; `multihop` and `strict` are ours. */

import * as z from 'zod'
import type { BfdDeclaration } from '../../speaker/index.ts'

/** Where nobody says otherwise; intervals in milliseconds. */
export const usualBfd = { port: 3784, multiplier: 3, minTx: 1000, minRx: 1000 } as const

/** Of an interval in milliseconds: what 32 bits of microseconds hold. */
export const longestBfdInterval = 4_294_967

/** YAML may have it as text. */
const number = (most: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
    z.int().min(1).max(most),
  )

export const bfdAnnotation = z.strictObject({
  enabled: z.boolean().default(false),
  port: number(65535).optional(),
  detection_multiplier: number(255).default(usualBfd.multiplier),
  desired_min_tx_interval: number(longestBfdInterval).default(usualBfd.minTx),
  required_min_rx_interval: number(longestBfdInterval).default(usualBfd.minRx),
  multihop: z.boolean().default(false),
  strict: z.boolean().default(false),
})

/** kube-router names its port always; for us it is one of its own only where it is another one. */
export function bfdPort(port: number | undefined): Pick<BfdDeclaration, 'port'> {
  return port === undefined || port === usualBfd.port ? {} : { port }
}

/** Undefined while it is not enabled. */
export function readBfd(written: z.output<typeof bfdAnnotation> | undefined): BfdDeclaration | undefined {
  if (!written?.enabled) return undefined
  const { port, multihop, strict } = written
  return {
    minTx: written.desired_min_tx_interval,
    minRx: written.required_min_rx_interval,
    multiplier: written.detection_multiplier,
    multihop,
    strict,
    ...bfdPort(port),
  }
}
