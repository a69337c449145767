/** What two sides of a session agreed on beside its families, in lines for people: protection, restarts, limits. */

import { families } from 'bgp-ts'
import type { PeerSnapshot } from '../speaker/index.ts'

export function sessionLines(peer: PeerSnapshot): string[] {
  return [...securityLine(peer), ...restartLine(peer), ...keptLine(peer), ...limitLines(peer)]
}

function securityLine({ security: { md5, ttlSecurity } }: PeerSnapshot): string[] {
  const parts = [
    ...(md5 ? ['signed with TCP MD5'] : []),
    ...(ttlSecurity === undefined ? [] : [`from at most ${hops(ttlSecurity)} away (TTL security)`]),
  ]
  return parts.length > 0 ? [`  protected: ${parts.join(', ')}`] : []
}

const hops = (count: number) => (count === 1 ? '1 hop' : `${count} hops`)

function restartLine({ gracefulRestart: terms }: PeerSnapshot): string[] {
  if (!terms) return []
  const named = terms.families.map(({ family }) => family)
  const kept = named.length > 0 ? `its routes of ${named.join(' and ')} stay ${terms.restartTime} s` : 'its routes go'
  const lastResort = families.flatMap((family) => {
    const seconds = terms.longLived[family]
    return seconds === undefined ? [] : [`${family} ${seconds} s more as a last resort`]
  })
  const notified = terms.notification ? ', also after a NOTIFICATION' : ''
  return [`  graceful restart: ${[`${kept} while it restarts${notified}`, ...lastResort].join(', ')}`]
}

const phases = {
  restarting: 'the peer is expected back',
  'long-lived': 'the peer is away for longer than its restart time: they are a last resort',
  resending: 'the peer is back and sends them again',
} as const

function keptLine({ kept }: PeerSnapshot): string[] {
  if (!kept) return []
  return [
    `  stale routes of ${kept.families.join(' and ')} for ${Math.ceil(kept.leftMs / 1000)} s: ${phases[kept.phase]}`,
  ]
}

/** Only where it matters: most peers are far below their limit. */
function limitLines({ routes }: PeerSnapshot): string[] {
  return families.flatMap((family) => {
    const { prefixes, maxPrefixes } = routes[family]
    const near = maxPrefixes !== undefined && prefixes * 4 >= maxPrefixes * 3
    return near ? [`  ${family}: ${prefixes} prefixes of at most ${maxPrefixes}`] : []
  })
}
