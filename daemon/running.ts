/** A daemon that can be started and stopped, whatever its source. */

import type { Backend } from './backend.ts'

export interface Running {
  readonly backend: Backend
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  /** Reads its configuration again (SIGHUP). */
  readonly reload?: () => void
}
