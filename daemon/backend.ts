/** What a running daemon can be asked, whatever its source: the admin socket and the lab both speak to this. */

import type { Finding, Plan, View } from '../controllers/index.ts'
import type { ApplyReport, Speaker } from '../speaker/index.ts'

export interface Backend {
  readonly speaker: Speaker
  /** Of a daemon that follows Kubernetes objects. */
  readonly plan: Plan | undefined
  readonly view: View | undefined
  readonly findings: readonly Finding[]
  readonly source: string
  /** Takes a new configuration; absent where the source is not a configuration file. Throws `ConfigError`. */
  apply?(name: string, text: string): ApplyReport
}
