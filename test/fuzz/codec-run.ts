/** A run of the codec's fuzzer: inputs from the corpus by mutation, those that reach something new kept, those that break something made small. */

import { hex } from 'bgp-ts'
import { allocated } from './allocation.ts'
import { checkCodec, readOnly } from './codec.ts'
import { corpus } from './corpus.ts'
import { Coverage, reaching } from './coverage.ts'
import { Dice } from './dice.ts'
import { mutated } from './mutate.ts'

export interface Finding {
  readonly turn: number
  readonly what: string
  readonly input: Uint8Array
}

export interface CodecReport {
  inputs: number
  octets: number
  readonly findings: Finding[]
  /** Inputs that reached blocks which the corpus did not. */
  readonly kept: Uint8Array[]
  blocks: number
  /** The most that reading a batch took from the heap, as a multiple of its octets. */
  worstAllocation: number
}

export interface CodecTerms {
  readonly seed: number
  /** Whether to go on after so many inputs. */
  readonly goesOn: (inputs: number) => boolean
  /** How many inputs are chosen by what they reach. Asking makes the codec much slower, and soon there is nothing new. */
  readonly guided: number
  readonly beginning?: (input: Uint8Array) => void
  readonly progress?: (report: CodecReport) => void
}

const batchSize = 2000
/** Batches between two that are asked what they reached; it makes a batch slower. */
const askEvery = 5
const measureEvery = 100
/** What is long is slow, and seldom says more than its beginning. */
const longestKept = 512

/** Octets of heap that reading may take for each octet read, over a batch. */
export const allocationLimit = 200

export function fuzzCodec({ seed, goesOn, guided, beginning, progress }: CodecTerms): CodecReport {
  const pool = corpus()
  const report: CodecReport = { inputs: 0, octets: 0, findings: [], kept: [], blocks: 0, worstAllocation: 0 }
  let coverage = guided > 0 ? new Coverage() : undefined
  const seen = new Set<string>()
  const complaint = (input: Uint8Array, turn: number) => {
    beginning?.(input)
    return wrongWith(input, turn)
  }
  const check = (input: Uint8Array, turn: number) => {
    const what = complaint(input, turn)
    if (what === undefined || seen.has(kindOf(what))) return
    seen.add(kindOf(what))
    const least = smallest(input, (candidate) => kindOf(complaint(candidate, turn) ?? '') === kindOf(what))
    report.findings.push({ turn, what, input: least })
  }
  const again = (input: Uint8Array) => void complaint(input, 0)
  for (const [turn, input] of pool.entries()) for (let way = 0; way < 32; way++) check(input, turn * 32 + way)
  coverage?.note(coverage.fresh())
  for (let batch = 0; goesOn(report.inputs); batch++) {
    const inputs = Array.from({ length: batchSize }, (_, index) => {
      const dice = new Dice(seed, report.inputs + index)
      return mutated(dice, dice.pick(pool), dice.pick(pool))
    })
    for (const [index, input] of inputs.entries()) check(input, report.inputs + index)
    report.inputs += batchSize
    report.octets += inputs.reduce((sum, { length }) => sum + length, 0)
    if (coverage && batch % askEvery === 0) {
      const fresh = reaching(coverage, inputs, again).filter(({ length }) => length <= longestKept)
      pool.push(...fresh)
      report.kept.push(...fresh)
      report.blocks = coverage.blocks
      if (report.inputs >= guided) {
        coverage.stop()
        coverage = undefined
      }
    }
    if (batch % measureEvery === 1) {
      const total = inputs.reduce((sum, { length }) => sum + length, 0)
      const taken = allocated(() => {
        for (const [index, input] of inputs.entries()) readOnly(input, index)
      })
      report.worstAllocation = Math.max(report.worstAllocation, taken / total)
      if (taken / total > allocationLimit) {
        const what = `reading took ${Math.round(taken / total)} octets of heap for each octet read`
        report.findings.push({ turn: report.inputs, what, input: new Uint8Array(0) })
      }
      progress?.(report)
    }
  }
  coverage?.stop()
  return report
}

function wrongWith(input: Uint8Array, turn: number): string | undefined {
  try {
    checkCodec(input, turn)
    return undefined
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
}

/** Findings that differ in numbers alone are one. */
const kindOf = (what: string) => what.replace(/\d+/g, 'N')

/** Leaves out whatever is not needed for the finding to stay. */
export function smallest(input: Uint8Array, stays: (input: Uint8Array) => boolean): Uint8Array {
  let least = input
  for (let size = least.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= least.length; ) {
      const shorter = new Uint8Array(least.length - size)
      shorter.set(least.subarray(0, at))
      shorter.set(least.subarray(at + size), at)
      if (stays(shorter)) least = shorter
      else at += size
    }
  }
  return least
}

export const asLine = ({ input, what, turn }: Finding, seed: number) =>
  `${hex(input)} # ${what} (seed ${seed}, input ${turn})`
