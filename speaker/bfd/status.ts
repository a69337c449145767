/**
 * The status of a session as a row of numbers, which the thread of BFD writes and others read at any time without asking it: the memory may
 * be shared. Each number is whole by itself; a reader may see a packet more in one than in another.
 */

import type { BfdStatus } from '../world.ts'
import type { Watched } from './engine.ts'
import { type Discard, sessionStates } from './packet.ts'
import { latenessBounds } from './session.ts'

const fields = [
  'state',
  'remoteState',
  'diagnostic',
  'remoteDiagnostic',
  'localMinTx',
  'localMinRx',
  'localMultiplier',
  'remoteMinTx',
  'remoteMinRx',
  'remoteMultiplier',
  'transmitInterval',
  'detectionTime',
  'packetsIn',
  'packetsOut',
  'discarded',
  'lastDiscard',
  'worstLateness',
] as const

const at = Object.fromEntries(fields.map((name, index) => [name, index])) as Readonly<
  Record<(typeof fields)[number], number>
>

const latenessAt = fields.length
const length = latenessAt + latenessBounds.length + 1

export const statusBytes = length * Float64Array.BYTES_PER_ELEMENT

/** In the order of the codes that stand for them; 0 is none. */
const discards: readonly Discard[] = [
  'short packet',
  'version is not 1',
  'bad length field',
  'multiplier is 0',
  'multipoint bit is set',
  'discriminator is 0',
  'no session discriminator in state Init or Up',
  'authentication is not used here',
]

export function writeStatus({ session, discarded, lastDiscard }: Watched<unknown>, row: Float64Array): void {
  row[at.state] = sessionStates.indexOf(session.state)
  row[at.remoteState] = sessionStates.indexOf(session.remoteState)
  row[at.diagnostic] = session.localDiagnostic
  row[at.remoteDiagnostic] = session.remoteDiagnostic
  row[at.localMinTx] = session.desiredMinTx
  row[at.localMinRx] = session.requiredMinRx
  row[at.localMultiplier] = session.multiplier
  row[at.remoteMinTx] = session.remoteMinTx
  row[at.remoteMinRx] = session.remoteMultiplier === 0 ? 0 : session.remoteMinRx
  row[at.remoteMultiplier] = session.remoteMultiplier
  row[at.transmitInterval] = session.transmitInterval
  row[at.detectionTime] = session.detectionTime
  row[at.packetsIn] = session.packetsIn
  row[at.packetsOut] = session.packetsOut
  row[at.discarded] = discarded
  row[at.lastDiscard] = lastDiscard === undefined ? 0 : discards.indexOf(lastDiscard) + 1
  row[at.worstLateness] = session.worstLateness
  row.set(session.lateness, latenessAt)
}

export function readStatus(row: Float64Array, problem?: string): BfdStatus {
  const value = (name: keyof typeof at) => row[at[name]]!
  const lastDiscard = discards[value('lastDiscard') - 1]
  return {
    state: sessionStates[value('state')]!,
    remoteState: sessionStates[value('remoteState')]!,
    diagnostic: value('diagnostic'),
    remoteDiagnostic: value('remoteDiagnostic'),
    local: { minTx: value('localMinTx'), minRx: value('localMinRx'), multiplier: value('localMultiplier') },
    remote: { minTx: value('remoteMinTx'), minRx: value('remoteMinRx'), multiplier: value('remoteMultiplier') },
    transmitInterval: value('transmitInterval'),
    detectionTime: value('detectionTime'),
    packetsIn: value('packetsIn'),
    packetsOut: value('packetsOut'),
    discarded: value('discarded'),
    ...(lastDiscard !== undefined && { lastDiscard }),
    worstLateness: value('worstLateness'),
    lateness: latenessOf(row),
    ...(problem !== undefined && { problem }),
  }
}

function latenessOf(row: Float64Array): Record<string, number> {
  const names = [...latenessBounds.map((bound) => `<${bound}`), `>=${latenessBounds.at(-1)}`]
  const counts = names.map((name, index) => [name, row[latenessAt + index]!] as const)
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

/** Of a session that has not begun: down, and nothing known. */
export function emptyRow(memory: ArrayBufferLike = new ArrayBuffer(statusBytes)): Float64Array {
  const row = new Float64Array(memory)
  row[at.state] = sessionStates.indexOf('Down')
  row[at.remoteState] = sessionStates.indexOf('Down')
  return row
}
