/** A daemon that can be started and stopped, whatever its source. */

import type { Applied, Planned } from '../controllers/index.ts'
import type { Backend } from './backend.ts'

export interface Running {
  readonly backend: Backend
  readonly start: () => Promise<void>
  /** `toReturn`: the process will be started again, and its routes may stay where peers keep them. */
  readonly stop: (toReturn: boolean) => Promise<void>
  /** Of a daemon that makes plans. */
  readonly onApplied?: (listener: (applied: Applied) => void) => void
  readonly onPlanned?: (listener: (planned: Planned) => void) => void
  /** Reads its configuration again (SIGHUP). */
  readonly reload?: () => void
}
