/** Whether a figure that was looked at now and then stays where it is: least squares over time, and what its own noise allows. */

export interface Sample {
  readonly minute: number
  readonly value: number
}

export interface Trend {
  /** Of the samples that count. */
  readonly mean: number
  /** Change of the value in a minute, and its standard error. */
  readonly slope: number
  readonly error: number
  /** What the value grew by over the samples that count, by the slope. */
  readonly growth: number
  /** What it may have grown by: three standard errors, at least `slack`. */
  readonly allowed: number
  readonly isFlat: boolean
}

/** Caches fill and code is compiled at first: this part of the samples does not count. */
const warmUp = 1 / 3

/** `slack` is what is no growth anyhow, in the unit of the values. Throws for fewer than three samples that count. */
export function trendOf(samples: readonly Sample[], slack: number): Trend {
  const counted = samples.slice(Math.floor(samples.length * warmUp))
  const count = counted.length
  if (count < 3) throw new Error(`${samples.length} samples are too few to say anything: run for longer`)
  const meanOf = (of: (sample: Sample) => number) => counted.reduce((sum, one) => sum + of(one), 0) / count
  const minute = meanOf((one) => one.minute)
  const mean = meanOf((one) => one.value)
  const spread = counted.reduce((sum, one) => sum + (one.minute - minute) ** 2, 0)
  const slope = counted.reduce((sum, one) => sum + (one.minute - minute) * (one.value - mean), 0) / spread
  const residual = counted.reduce((sum, one) => sum + (one.value - mean - slope * (one.minute - minute)) ** 2, 0)
  const error = Math.sqrt(residual / (count - 2) / spread)
  const length = counted.at(-1)!.minute - counted[0]!.minute
  const growth = slope * length
  const allowed = Math.max(3 * error * length, slack)
  return { mean, slope, error, growth, allowed, isFlat: growth <= allowed }
}
