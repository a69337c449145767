/**
 * Whether a node is leaving, and whether it can forward yet: which field of its Node says so, and what that means for its VIPs.
 * Pure. How long a drain has lasted is not in any object: `Circumstances` says it.
 */

import { annotations, type NodeSettings } from '../annotations/node-settings.ts'
import { type Finding, finding } from '../findings.ts'
import type { NodeView } from '../view.ts'
import type { PlanOptions } from './options.ts'

/** What can drain a node (`--drain-on`). */
export const drainSignals = ['annotation', 'exclude-label', 'out-of-service', 'shutdown', 'cordon', 'deletion'] as const
export type DrainSignal = (typeof drainSignals)[number]

/** Those that count unless the operator says otherwise. Never changed quietly: traffic moves by them. */
export const drainsByDefault: readonly DrainSignal[] = drainSignals.filter((signal) => signal !== 'cordon')

/** What can hold VIPs back until the node can forward (`--gate`). */
export const gateConditions = ['node-ready', 'network-available', 'proxy-health'] as const
export type GateCondition = (typeof gateConditions)[number]

export interface Circumstances {
  /** How far a drain has come: VIPs are first announced with GRACEFUL_SHUTDOWN (RFC 8326), then withdrawn. Means nothing without a signal. */
  readonly drain: 'announced' | 'withdrawn'
  /** Why the gate is closed; undefined once it has opened. */
  readonly gate: string | undefined
}

/** Where no time passes, as in `tandem plan`: the end of every drain, and an open gate. */
export const settled: Circumstances = { drain: 'withdrawn', gate: undefined }

export interface Drain {
  readonly signal: string
  readonly field: string
  readonly value: string
  /** What ends it. */
  readonly mend: string
}

export const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers'
const outOfServiceTaint = 'node.kubernetes.io/out-of-service'
const shutdownTaint = 'node.cloudprovider.kubernetes.io/shutdown'

/** The first signal that counts; undefined for a node that stays. */
export function drainOf(node: NodeView, settings: NodeSettings, options: PlanOptions): Drain | undefined {
  const counts = (signal: DrainSignal) => options.drainOn.includes(signal)
  const without = (signal: DrainSignal) => `--drain-on without ${signal}`
  if (counts('deletion') && node.deleting) {
    return {
      signal: 'the Node is deleted',
      field: 'metadata.deletionTimestamp',
      value: 'set',
      mend: without('deletion'),
    }
  }
  if (counts('annotation') && settings.drain) {
    const field = annotations.drain
    return { signal: `annotation ${field}`, field, value: 'true', mend: `annotation ${field}` }
  }
  if (counts('exclude-label') && excludeLabel in node.labels) {
    const mend = `label ${excludeLabel}, or ${without('exclude-label')}`
    return { signal: `label ${excludeLabel}`, field: excludeLabel, value: node.labels[excludeLabel] ?? '', mend }
  }
  if (counts('cordon') && node.unschedulable) {
    const mend = `uncordon it, or ${without('cordon')}`
    return { signal: 'the node is cordoned', field: 'spec.unschedulable', value: 'true', mend }
  }
  return taintOf(node, options)
}

function taintOf(node: NodeView, options: PlanOptions): Drain | undefined {
  const keys = new Map<string, string>(options.drainTaints.map((key) => [key, '--drain-taints without it']))
  if (options.drainOn.includes('out-of-service')) keys.set(outOfServiceTaint, '--drain-on without out-of-service')
  if (options.drainOn.includes('shutdown')) keys.set(shutdownTaint, '--drain-on without shutdown')
  const index = node.taints.findIndex(({ key }) => keys.has(key))
  const taint = node.taints[index]
  if (!taint) return undefined
  const field = `spec.taints[${index}]`
  return { signal: `taint ${taint.key}`, field, value: taint.key, mend: `the taint, or ${keys.get(taint.key)}` }
}

export function drainFinding(node: NodeView, drain: Drain): Finding {
  return finding('node-drained', `node/${node.name}`, drain.field, drain.value, { mend: drain.mend })
}

/** Why the node's own conditions hold the gate closed. */
export function gateObstacle(node: NodeView, gate: readonly GateCondition[]): string | undefined {
  if (gate.includes('node-ready') && node.ready !== 'True') {
    return `condition Ready of the Node is ${node.ready ?? 'not there yet'}`
  }
  if (
    gate.includes('network-available') &&
    node.networkUnavailable !== undefined &&
    node.networkUnavailable !== 'False'
  ) {
    return `condition NetworkUnavailable of the Node is ${node.networkUnavailable}`
  }
  return undefined
}
