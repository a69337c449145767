/** What a running daemon can be asked, whatever its source: the admin socket and the lab both speak to this. */

import type { Finding, Plan, ReflectorHealth, View } from '../controllers/index.ts'
import type { ApplyReport, Speaker } from '../speaker/index.ts'
import type { EventLog } from './events.ts'
import type { VipRange } from './vip-ranges.ts'

export interface Backend {
  readonly speaker: Speaker
  /** Of a daemon that follows Kubernetes objects. */
  readonly plan: Plan | undefined
  readonly view: View | undefined
  readonly findings: readonly Finding[]
  /** What the VIPs of such a daemon are of. */
  readonly vipRanges?: readonly VipRange[]
  readonly source: string
  /** What happened lately; absent where it is not kept. */
  readonly events?: EventLog
  /** How the source is: whether its first whole view is in, and what it says of itself. */
  readonly sync: SyncState
  /** Takes a new configuration; absent where the source is not a configuration file. Throws `ConfigError`. */
  apply?(name: string, text: string): ApplyReport
}

export interface SyncState {
  readonly synced: boolean
  /** One line for each thing that is waited for, or that is down. */
  readonly problems: readonly string[]
  /** Of a source that watches an API server. */
  readonly watches?: readonly ReflectorHealth[]
}

/** Of sources that are read before the daemon starts. */
export const alwaysSynced: SyncState = { synced: true, problems: [] }
