/** The objects of a source as they are now, for commands that look and go. */

import type { Finding, View } from '../controllers/index.ts'
import { nodeClock, type Timer } from '../speaker/index.ts'
import type { Settings } from './config/flags.ts'
import { newLog } from './log.ts'
import { openSource } from './sources.ts'

/** An API server that does not show all it has within this time is not waited for: somebody sits in front of this command. */
const patienceMs = 10_000

export async function readOnce(
  settings: Settings,
  nodeName: string,
): Promise<{ view: View; findings: readonly Finding[] }> {
  const source = await openSource(settings, nodeName, newLog('error'))
  let timer: Timer | undefined
  try {
    return await new Promise((resolve, reject) => {
      timer = nodeClock.after(patienceMs, () => {
        reject(new Error(`${source.name} has not shown all it has in time: ${source.sync().problems.join('; ')}`))
      })
      source.start((view, _change, findings) => resolve({ view, findings })).catch(reject)
    })
  } finally {
    timer?.cancel()
    await source.stop()
  }
}
