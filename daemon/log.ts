/** Log lines as JSON on standard error, so that standard output stays for answers. */

import { pino } from 'pino'
import type { Log, PeerEvent, Speaker } from '../speaker/index.ts'

export function newLog(level: string): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** One line for each session that comes up or goes down; attempts that never came up are for debugging. */
export function logSessions(speaker: Speaker, log: Log): void {
  speaker.onEvent((event: PeerEvent) => {
    if (event.kind === 'up') {
      log.info(
        { peer: event.peer, families: event.negotiated.families, holdTime: event.negotiated.holdTime },
        'session up',
      )
    } else if (event.established) {
      log.warn({ peer: event.peer, why: event.why }, 'session down')
    } else {
      log.debug({ peer: event.peer, why: event.why }, 'no session')
    }
  })
}
