import { expect } from 'chai'
import { Dice } from '../../fuzz/dice.ts'
import { trendOf } from '../../soak/trend.ts'

/** Megabytes, two looks a minute for half an hour. */
const series = (of: (minute: number, dice: Dice) => number, seed = 1) => {
  const dice = new Dice(seed)
  return Array.from({ length: 60 }, (_, index) => ({ minute: index / 2, value: of(index / 2, dice) }))
}
const noise = (dice: Dice) => dice.below(1000) / 1000 - 0.5

describe('the trend of a soak', () => {
  it('is flat for noise alone, whatever its seed', () => {
    for (let seed = 1; seed <= 50; seed++) {
      expect(
        trendOf(
          series((_, dice) => 40 + noise(dice), seed),
          0.5,
        ).isFlat,
        `seed ${seed}`,
      ).to.equal(true)
    }
  })

  it('is not for a leak of 100 KB a minute within noise of ten times as much', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const leaking = series((minute, dice) => 40 + 0.1 * minute + noise(dice), seed)
      expect(trendOf(leaking, 0.5).isFlat, `seed ${seed}`).to.equal(false)
    }
  })

  it('is flat for what shrinks, and for what grows only at first', () => {
    expect(
      trendOf(
        series((minute) => 40 - minute),
        0,
      ).isFlat,
    ).to.equal(true)
    expect(
      trendOf(
        series((minute) => Math.min(40, 10 + 4 * minute)),
        0.1,
      ).isFlat,
    ).to.equal(true)
  })

  it('says slope and growth in the units of the samples', () => {
    const { slope, growth, mean, error } = trendOf(
      series((minute) => 10 + 2 * minute),
      0,
    )
    expect(slope).to.be.closeTo(2, 1e-9)
    expect(growth).to.be.closeTo(39, 1e-9)
    expect(mean).to.be.closeTo(49.5, 1e-9)
    expect(error).to.be.closeTo(0, 1e-9)
  })

  it('is not guessed from too few samples', () => {
    expect(() => trendOf([{ minute: 0, value: 1 }], 0)).to.throw('1 samples are too few')
  })
})
