/** Routes that peers are not sent because of `maximum-out`, as findings. */

import { families } from 'bgp-ts'
import { type Finding, finding } from '../controllers/index.ts'
import type { SpeakerSnapshot } from '../speaker/index.ts'

/** Without a count: a finding that is the same one reads the same. */
export function heldBackFindings({ peers }: Pick<SpeakerSnapshot, 'peers'>): Finding[] {
  return peers.flatMap(({ name, routes }) =>
    families
      .filter((family) => routes[family].heldBack > 0)
      .map((family) => {
        return finding('maximum-out', `peer/${name}`, 'maximum-out', String(routes[family].maximumOut), { family })
      }),
  )
}
