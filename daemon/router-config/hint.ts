/** When a session is down, or lacks a family, for a cause that the router's configuration would mend: what it may be, in a line. */

import type { PeerSnapshot } from '../../speaker/index.ts'

const causes: readonly {
  readonly sign: RegExp
  readonly cause: string
  readonly isLikely?: (peer: PeerSnapshot) => boolean
}[] = [
  { sign: /bad peer AS/, cause: 'the router has another ASN for one of the two sides' },
  {
    sign: /connection refused/,
    cause: 'nothing listens there: the router may run no BGP, or have no neighbour over this family',
  },
  {
    sign: /connection rejected|closed by the peer|reset by the peer/,
    cause: 'the router may have no neighbour with this address',
  },
  {
    sign: /connection timed out/,
    cause: 'the router may have no password here, or another',
    isLikely: ({ security }) => security.md5,
  },
  {
    sign: /connection timed out/,
    cause: 'the router may not have TTL security here',
    isLikely: ({ security }) => security.ttlSecurity !== undefined,
  },
]

/** Empty where nothing points at the router. */
export function routerHint(peer: PeerSnapshot): string[] {
  const cause = causeOf(peer)
  if (cause === undefined) return wayHint(peer)
  return [`  ${cause}: \`tandem explain peer/${peer.name} --router frr\` (or bird) has what it needs`]
}

/** Milliseconds for which a router that refused an OPEN may close connections without a word; BIRD does for up to five minutes. */
const sulkMs = 300_000

/** Why it is down. What the NOTIFICATION before said counts where the last attempt was only closed. */
export function told({ lastDown, lastNotificationReceived, lastNotificationSent }: PeerSnapshot): string {
  const why = lastDown?.why ?? ''
  if (!/^(closed|connection reset) by the peer$/.test(why)) return why
  const [last] = [lastNotificationReceived, lastNotificationSent]
    .filter((one) => one !== undefined)
    .sort((a, b) => a.ageMs - b.ageMs)
  return last && last.code === openError && last.ageMs <= sulkMs ? `${why}; before that: ${last.text}` : why
}

const openError = 2

/** What its configuration for this neighbour would not mend. */
function wayHint({ state, address, port, lastDown, blocked }: PeerSnapshot): string[] {
  if (state === 'Established' || blocked !== undefined) return []
  if (lastDown?.why === 'connection timed out')
    return [
      `  nothing answers at ${address} port ${port}: a wrong address, a firewall, or a password that only the router has`,
    ]
  return []
}

function causeOf(peer: PeerSnapshot): string | undefined {
  if (peer.blocked !== undefined) return undefined
  if (peer.state === 'Established') {
    const missing = peer.offered.byUs.filter((family) => !peer.offered.byPeer.includes(family))
    return missing.length > 0 ? `the router has ${missing.join(' and ')} switched off for this neighbour` : undefined
  }
  if (peer.bfd?.holdsSession !== undefined && peer.bfd.remote.multiplier === 0)
    return 'the router may not have BFD here'
  const why = told(peer)
  return causes.find(({ sign, isLikely }) => sign.test(why) && (isLikely?.(peer) ?? true))?.cause
}
