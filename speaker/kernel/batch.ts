/**
 * What has to change in the kernel, row by row, and what becomes of it there. A row is entered as it will be when its change is sent, so that
 * the echo of our own change is none; what fails is entered back.
 */

import type { FamilyRib } from '../rib/rib.ts'
import { type Choice, unreachable } from './choice.ts'
import { type HopSets, noSet } from './hop-sets.ts'
import type { KernelChange, KernelFault } from './kernel.ts'
import { type KernelTable, status } from './kernel-table.ts'
import type { NextHops } from './next-hops.ts'

export interface Sent {
  readonly change: KernelChange
  /** -1 for what is in no row. */
  readonly row: number
  /** The set of next hops that it had. */
  readonly before: number
}

/** What decides about a row. */
export interface Terms {
  readonly rib: FamilyRib
  readonly table: KernelTable
  readonly choice: Choice
  readonly hops: NextHops
  readonly sets: HopSets
  readonly metric: number
  /** What was there before us stays as it is. */
  readonly isSettling: boolean
}

/** The change that a row needs, entered as made. Undefined when it needs none, or not yet. */
export function decide(terms: Terms, row: number): Sent | undefined {
  const { table, rib, sets, metric } = terms
  const { prefixes } = table
  const length = prefixes.length(row)
  const [w0, w1, w2, w3] = [prefixes.word0(row), prefixes.word1(row), prefixes.word2(row), prefixes.word3(row)]
  const known = rib.prefixes.find(w0, w1, w2, w3, length)
  const chosen = known < 0 ? noSet : terms.choice.of(rib, known)
  table.setWanted(row, chosen === unreachable ? noSet : chosen)
  const isGuarded = terms.hops.isGuarded(rib.family, w0, w1, w2, w3, length)
  table.setStatus(row, statusOf(terms, row, chosen, isGuarded))
  const target = table.status(row) === status.none ? table.wanted(row) : noSet
  const before = table.installed(row)
  if (table.isStale(row)) {
    if (terms.isSettling && target !== before) return undefined
    table.setStale(row, false)
  }
  if (target === before) {
    table.free(row)
    return undefined
  }
  sets.retain(before)
  table.setInstalled(row, target)
  table.setSent(row, true)
  const prefix = table.prefix(row)
  const kind = before === noSet ? 'add' : 'replace'
  const change: KernelChange =
    target === noSet ? { kind: 'remove', prefix, metric } : { kind, prefix, hops: sets.hops(target) }
  return { change, row, before }
}

function statusOf({ table, hops }: Terms, row: number, chosen: number, isGuarded: boolean): number {
  if (chosen === noSet) return status.none
  if (chosen === unreachable) return status.unreachable
  if (isGuarded) return hops.isLink(table.prefix(row)) ? status.link : status.covers
  if (table.foreign(row) !== undefined) return status.occupied
  const before = table.status(row)
  return before >= status.occupied ? before : status.none
}

/** A batch has been made, but for these faults. */
export function land(table: KernelTable, sets: HopSets, batch: readonly Sent[], faults: readonly KernelFault[]): void {
  for (const { row } of batch) if (row >= 0) table.setSent(row, false)
  for (const fault of faults) {
    const sent = batch[fault.index]
    if (sent && sent.row >= 0) fail(table, sent, fault)
  }
  for (const { row, before } of batch) {
    sets.release(before)
    if (row >= 0) table.free(row)
  }
}

function fail(table: KernelTable, { row, change, before }: Sent, { kind, text }: KernelFault): void {
  if (kind === 'gone' && change.kind === 'remove') return
  if (kind === 'exists') {
    table.setInstalled(row, noSet)
    table.setStatus(row, status.occupied)
    return
  }
  table.setInstalled(row, before)
  if (kind !== 'denied') table.setRefused(row, text)
  // What was there before is not what the peers say: better no route than a wrong one.
  if (kind === 'denied' || change.kind === 'replace') table.mark(row)
}

/** Nobody knows which changes of a batch were made: each row is looked at again, once it is known what is there. */
export function wreck(table: KernelTable, sets: HopSets, batch: readonly Sent[]): void {
  for (const { row, before } of batch) {
    if (row >= 0) {
      table.setSent(row, false)
      table.setInstalled(row, before)
      table.mark(row)
    }
    sets.release(before)
  }
}
