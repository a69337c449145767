/**
 * Loaded into the daemon's process before the daemon, in a soak alone: on a Unix socket it collects garbage and says what is left. The daemon
 * knows nothing of it.
 */

import { chmodSync } from 'node:fs'
import { createServer } from 'node:net'

export interface Look {
  /** Octets in use after a collection. */
  readonly heap: number
  /** Octets beside the heap: buffers and typed arrays. */
  readonly external: number
  readonly timers: number
}

const path = process.env['SOAK_PROBE'] ?? ''

createServer((connection) => {
  // Twice: what a first collection finalizes goes with the second.
  for (let round = 0; round < 2; round++) (globalThis as { gc?: () => void }).gc?.()
  const { heapUsed: heap, external } = process.memoryUsage()
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  connection.on('error', () => {})
  connection.end(JSON.stringify({ heap, external, timers } satisfies Look))
}).listen(path, () => chmodSync(path, 0o666))
