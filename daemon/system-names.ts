/** What collectors of BMP know this daemon by. */

import type { SystemNames } from '../speaker/index.ts'

/** `name`: of the node, or of the machine. */
export function systemNames(name: string): SystemNames {
  return { name, description: `Tandem, BGP for dual-stack Kubernetes, on Node ${process.version}` }
}
