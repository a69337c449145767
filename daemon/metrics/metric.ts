/** What a metric is, before anybody asks for it: a row of the tables beside this file, of which the page and the registry are made. */

import type { Plan } from '../../controllers/index.ts'
import type { SpeakerSnapshot } from '../../speaker/index.ts'
import type { SyncState } from '../backend.ts'
import type { LoopDelays } from './loop-delay.ts'

export type Labels = Readonly<Record<string, string | number>>
export type Sample = readonly [value: number, labels: Labels]

/** What all rows read at one scrape. */
export interface Reading {
  readonly speaker: SpeakerSnapshot
  readonly plan: Plan | undefined
  readonly findings: readonly { readonly severity: string }[]
  readonly sync: SyncState
  /** Since the scrape before. */
  readonly loopDelays: LoopDelays
}

export interface Metric {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly labels: readonly string[]
  /** Values as they are now: what counts is counted where it happens, and only read here. */
  readonly read: (reading: Reading) => Iterable<Sample>
}

/** A row. */
export function metric(
  name: string,
  type: Metric['type'],
  help: string,
  labels: readonly string[],
  read: Metric['read'],
): Metric {
  return { name, type, help, labels, read }
}
