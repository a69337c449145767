/** What every source of Kubernetes objects tells. */

import type { Finding } from '../findings.ts'
import type { View, ViewChange } from '../view.ts'

/**
 * Called once when the view is whole, then at each change. Without `change` the view is a new one, to be compared with the last;
 * with it, it may be the same object as before. `findings` are all that the source has now.
 */
export type ViewListener = (view: View, change: ViewChange | undefined, findings: readonly Finding[]) => void
