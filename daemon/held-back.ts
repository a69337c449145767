/** Routes that peers are not sent because of `maximum-out`, as findings. */

import { families } from 'bgp-ts'
import { type Finding, warning } from '../controllers/index.ts'
import type { SpeakerSnapshot } from '../speaker/index.ts'

/** Without a count: a finding that is the same one reads the same. */
export function heldBackFindings({ peers }: Pick<SpeakerSnapshot, 'peers'>): Finding[] {
  return peers.flatMap(({ name, routes }) =>
    families
      .filter((family) => routes[family].heldBack > 0)
      .map((family) => {
        const message = `routes of ${family} are the most for this peer, and there are more: those that came last are held back`
        return warning(`peer/${name}`, 'maximum-out', String(routes[family].maximumOut), message)
      }),
  )
}
