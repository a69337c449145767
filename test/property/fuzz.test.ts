/** The fuzzer of `npm run fuzz`, for a moment: its whole corpus, which holds what it ever found, and a few inputs from a fixed seed. */

import { expect } from 'chai'
import { allocationLimit, fuzzCodec, smallest } from '../fuzz/codec-run.ts'
import { corpus } from '../fuzz/corpus.ts'
import { Dice } from '../fuzz/dice.ts'
import { fuzzFiles } from '../fuzz/files-run.ts'
import { mutated } from '../fuzz/mutate.ts'
import { playSession } from '../fuzz/session.ts'

describe('fuzzing', () => {
  it('C29 finds nothing in the corpus, nor in mutations of it: no exception, no octet read outside, no heap beyond a multiple', () => {
    const report = fuzzCodec({ seed: 7606, guided: 0, goesOn: (inputs) => inputs < 6000 })
    expect(report.findings).to.deep.equal([])
    expect(report.inputs).to.equal(6000)
    expect(report.worstAllocation).to.be.within(0.1, allocationLimit)
  }).timeout(30_000)

  it('C29 finds nothing in games with a whole speaker: one router behaves, and notices none of it', async () => {
    const pool = corpus()
    for (let turn = 0; turn < 25; turn++) await playSession(7606, turn, pool)
  }).timeout(30_000)

  it('finds nothing in files, nor in damaged ones: no exception, the same in pieces, no octet read outside', async () => {
    const report = await fuzzFiles({ seed: 6396, goesOn: (inputs) => inputs < 3000 })
    expect(report.findings).to.deep.equal([])
    expect(report.inputs).to.equal(3000)
  }).timeout(30_000)

  it('throws the same inputs from the same seed', () => {
    const pool = corpus()
    const once = () => {
      const dice = new Dice(5, 6)
      return mutated(dice, dice.pick(pool), dice.pick(pool))
    }
    expect(once()).to.deep.equal(once())
  })

  it('makes a finding small', () => {
    const input = Uint8Array.from({ length: 100 }, (_, at) => at)
    expect([...smallest(input, (octets) => octets.includes(42) && octets.includes(77))]).to.deep.equal([42, 77])
  })
})
