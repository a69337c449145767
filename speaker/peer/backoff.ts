/** How long to wait after the nth failure in a row: twice as long each time, one minute at the most. */

const longestSeconds = 60

export function retryDelay(failures: number, firstSeconds: number): number {
  return Math.min(longestSeconds, firstSeconds * 2 ** Math.min(failures - 1, 16))
}
