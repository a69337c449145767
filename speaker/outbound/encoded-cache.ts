/**
 * Which encoded list an attribute list became, by the rule of the policy that let it through. A row is the latest answer for its question, and is
 * good while all else that made a difference is as it was. Rows of words: a full table asks a hundred thousand different questions.
 */

import { type Address, families } from 'bgp-ts'
import type { Verdict } from '../../policy/index.ts'
import { Records } from '../rib/records.ts'
import { SlotIndex } from '../rib/slot-index.ts'
import type { ExportedRoute } from './encoder.ts'

const initialRows = 64

/** Words of a row: the question, then what the answer holds for, then the answer. */
const attributes = 0
const rule = 1
const generation = 2
/** Index of the family, and above it the version of the next hop. */
const kind = 3
const hop0 = 4
const hop1 = 5
const hop2 = 6
const hop3 = 7
const originator = 8
const id = 9
const idGeneration = 10
const rowWords = 11

/** Prefixes that share attributes come one after the other: the row of the last question is looked at first. */
const noRow = 0

export class EncodedCache {
  readonly #records = new Records(rowWords, initialRows)
  readonly #index = new SlotIndex(initialRows)
  readonly #verdicts: (Verdict | undefined)[] = []
  #last = noRow
  /** Of the id that `find` returned, when it was put here. */
  generation = 0

  /** The out id, or 0: to be used while its generation is `generation`. */
  find(route: Readonly<ExportedRoute>, attributesGeneration: number, verdict: Verdict, nextHop: Address): number {
    const row = this.#rowOf(route.attributes, verdict.rule)
    if (row === noRow || this.#verdicts[row] !== verdict) return 0
    const records = this.#records
    const holds =
      records.get(row, generation) === attributesGeneration &&
      records.get(row, kind) === kindOf(route, nextHop) &&
      records.get(row, hop0) === nextHop.w0 &&
      records.get(row, hop1) === nextHop.w1 &&
      records.get(row, hop2) === nextHop.w2 &&
      records.get(row, hop3) === nextHop.w3 &&
      records.get(row, originator) === ((route.originator ?? 0) | 0)
    if (!holds) return 0
    this.generation = records.get(row, idGeneration)
    return records.get(row, id)
  }

  put(
    route: Readonly<ExportedRoute>,
    attributesGeneration: number,
    verdict: Verdict,
    nextHop: Address,
    outId: number,
    outGeneration: number,
  ): void {
    const row = this.#rowOf(route.attributes, verdict.rule) || this.#newRow(route.attributes, verdict.rule)
    const records = this.#records
    this.#verdicts[row] = verdict
    records.set(row, generation, attributesGeneration)
    records.set(row, kind, kindOf(route, nextHop))
    records.set(row, hop0, nextHop.w0)
    records.set(row, hop1, nextHop.w1)
    records.set(row, hop2, nextHop.w2)
    records.set(row, hop3, nextHop.w3)
    records.set(row, originator, (route.originator ?? 0) | 0)
    records.set(row, id, outId)
    records.set(row, idGeneration, outGeneration)
  }

  #rowOf(list: number, byRule: number): number {
    if (this.#is(this.#last, list, byRule)) return this.#last
    const hash = hashOf(list, byRule)
    for (let row = this.#index.first(hash); row !== noRow; row = this.#index.next(hash)) {
      if (!this.#is(row, list, byRule)) continue
      this.#last = row
      return row
    }
    return noRow
  }

  #is(row: number, list: number, byRule: number): boolean {
    return row !== noRow && this.#records.get(row, attributes) === list && this.#records.get(row, rule) === byRule
  }

  #newRow(list: number, byRule: number): number {
    const row = this.#index.size + 1
    this.#records.reach(row)
    this.#records.set(row, attributes, list)
    this.#records.set(row, rule, byRule)
    this.#index.add(row, hashOf(list, byRule))
    this.#last = row
    return row
  }
}

/** No key needed: both numbers are ours, given out in order. */
function hashOf(list: number, byRule: number): number {
  const mixed = Math.imul(list, 0x9e3779b1) ^ Math.imul(byRule + 1, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}

const kindOf = ({ family }: Readonly<ExportedRoute>, { version }: Address) => families.indexOf(family) | (version << 1)
