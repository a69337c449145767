/** Columns of typed arrays that grow with their tables, and shrink after them. */

/** A longer copy of a column; what is new is `fill`. */
export function grown(column: Int32Array, length: number, fill = 0): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(length)
  longer.set(column)
  if (fill !== 0) longer.fill(fill, column.length)
  return longer
}

export function grownBytes(column: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(length)
  longer.set(column)
  return longer
}

const worthTrimming = 16384

/** Whether a table is large, and uses less than a quarter of it. */
export function isFarTooLong(length: number, used: number): boolean {
  return length > worthTrimming && used * 4 < length
}

/** The free numbers below `end`, the lowest to be taken first. */
export function freeBelow(end: number, used: Uint8Array): number[] {
  const free: number[] = []
  for (let number = end - 1; number >= 0; number--) if (used[number] === 0) free.push(number)
  return free
}

/** The power of two that is not less. */
export function nextPower(value: number): number {
  return value <= 1 ? 1 : 2 ** (32 - Math.clz32(value - 1))
}
