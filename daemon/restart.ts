/**
 * Whether this start is a restart, as peers are told (RFC 4724 section 4.1): a mark beside the admin socket outlives the process, and
 * the machine's own uptime says whether packets were forwarded meanwhile.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { dirname, join } from 'node:path'
import type { Log, RestartCircumstances } from '../speaker/index.ts'

export interface RestartSettings {
  readonly adminSocket: string
  /** Seconds that peers keep our routes. */
  readonly time: number
}

/** Seconds: no restart time is longer (RFC 4724 section 3). */
export const longestRestart = 4095

const bootIdFile = '/proc/sys/kernel/random/boot_id'

/** Read once, at start, before the mark of this one is left. */
export function circumstancesOfStart({ adminSocket, time }: RestartSettings): Omit<RestartCircumstances, 'deferral'> {
  const boot = read(bootIdFile)
  const restarting = boot !== undefined && read(markBeside(adminSocket)) === boot
  // Where the mark did not last, a machine that is up for longer than routes are kept has forwarded for as long as they are.
  return { restarting, forwarding: restarting || uptime() > time }
}

/** For the next start. Only a daemon that has started leaves it: after one that could not, nobody has anything of ours. */
export function leaveMark({ adminSocket }: Pick<RestartSettings, 'adminSocket'>, log: Log): void {
  const mark = markBeside(adminSocket)
  const boot = read(bootIdFile)
  if (boot === undefined || read(mark) === boot) return
  try {
    writeFileSync(mark, `${boot}\n`, { mode: 0o600 })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    log.warn({ why }, 'the next start will not be known as a restart: peers are not told that it is one')
  }
}

const markBeside = (adminSocket: string) => join(dirname(adminSocket), 'started')

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
