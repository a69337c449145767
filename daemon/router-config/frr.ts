/** The session in the words of FRR 8 and later, as its `vtysh` takes them. */

import type { Family } from 'bgp-ts'
import { remarks } from './remarks.ts'
import { blanks, type RouterSession } from './router-session.ts'

const usualPort = 179
const ipOf = { 'ipv4-unicast': 'ip', 'ipv6-unicast': 'ipv6' } as const
const nameOf = { 'ipv4-unicast': 'ipv4 unicast', 'ipv6-unicast': 'ipv6 unicast' } as const
/** Minutes until a session that brought too much is tried again, and percent of the limit that are worth a warning. */
const afterTooMuch = { warnAt: 80, restartMinutes: 5 }

export function frrConfig(session: RouterSession): string {
  const neighbour = `neighbor ${session.nodeAddress}`
  const name = `tandem-${session.nodeAddress}`
  return [
    ...remarks(session, session.type === 'external' ? 'ebgp-multihop' : undefined).map((line) => `! ${line}`),
    ...ownRemarks(session).map((line) => `! ${line}`),
    ...session.families.flatMap((family) => prefixLists(session, family, name)),
    ...bfdProfile(session, name),
    `router bgp ${session.routerAsn}`,
    ...longLived(session),
    ...sessionLines(session, name).map((line) => ` ${neighbour} ${line}`),
    ...(session.families.includes('ipv4-unicast')
      ? []
      : [' address-family ipv4 unicast', `  no ${neighbour} activate`, ' exit-address-family']),
    ...session.families.flatMap((family) => [
      ` address-family ${nameOf[family]}`,
      ...familyLines(session, family, name).map((line) => `  ${neighbour} ${line}`),
      ' exit-address-family',
    ]),
    'exit',
  ].join('\n')
}

/** What holds for FRR alone. */
function ownRemarks({ routerPort, bfd, ttlSecurity, gracefulRestart }: RouterSession): string[] {
  return [
    ...(routerPort === usualPort
      ? []
      : [`The node dials port ${routerPort}: start bgpd with -p ${routerPort} (bgpd_options in /etc/frr/daemons).`]),
    ...(bfd ? ['BFD needs bfdd: bfdd=yes in /etc/frr/daemons.'] : []),
    ...(bfd?.port === undefined ? [] : [`The node's BFD is on UDP port ${bfd.port}, which FRR does not take.`]),
    ...(bfd && !bfd.multihop && ttlSecurity !== undefined
      ? [
          'With ttl-security the BFD of FRR is that of many hops, on UDP port 4784: the node needs --bfd-multihop for it.',
        ]
      : []),
    ...(gracefulRestart && gracefulRestart.longLived > 0
      ? ['long-lived-graceful-restart is for all sessions of this router.']
      : []),
  ]
}

function prefixLists({ accepts }: RouterSession, family: Family, name: string): string[] {
  const list = `${ipOf[family]} prefix-list`
  const permits = accepts[family].entries.map(({ prefix, upTo }, index) => {
    return `${list} ${name} seq ${5 * (index + 1)} permit ${prefix}${upTo === undefined ? '' : ` le ${upTo}`}`
  })
  const none = `${list} ${name} seq 5 deny any`
  return [...(permits.length > 0 ? permits : [none]), `${list} tandem-nothing seq 5 deny any`]
}

function bfdProfile({ bfd }: RouterSession, name: string): string[] {
  if (!bfd) return []
  const lines = [
    `detect-multiplier ${bfd.multiplier}`,
    `receive-interval ${bfd.minRx}`,
    `transmit-interval ${bfd.minTx}`,
  ]
  return ['bfd', ` profile ${name}`, ...lines.map((line) => `  ${line}`), ' exit', 'exit']
}

function longLived({ gracefulRestart }: RouterSession): string[] {
  if (!gracefulRestart || gracefulRestart.longLived === 0) return []
  return [` bgp long-lived-graceful-restart stale-time ${gracefulRestart.longLived}`]
}

function sessionLines(session: RouterSession, name: string): string[] {
  const { nodeAsn, nodeName, nodePort, linkLocal, routerAddress, type, ttlSecurity, hops, bfd } = session
  return [
    `remote-as ${nodeAsn}`,
    `description Tandem${nodeName === undefined ? '' : ` on ${nodeName}`}`,
    linkLocal ? `interface ${blanks.interface}` : `update-source ${routerAddress}`,
    ...(nodePort === undefined ? ['passive'] : nodePort === usualPort ? [] : [`port ${nodePort}`]),
    ...(session.hasPassword ? [`password ${blanks.password}`] : []),
    ...(ttlSecurity === undefined ? [] : [`ttl-security hops ${ttlSecurity}`]),
    ...(ttlSecurity === undefined && hops !== undefined && type === 'external' ? [`ebgp-multihop ${hops}`] : []),
    `timers ${session.keepalive} ${session.holdTime}`,
    ...(session.gracefulRestart ? ['graceful-restart-helper'] : []),
    ...(bfd ? ['bfd', `bfd profile ${name}`] : []),
    ...(session.extendedNextHop ? ['capability extended-nexthop'] : []),
  ]
}

function familyLines({ accepts, addPath }: RouterSession, family: Family, name: string): string[] {
  const { warnAt, restartMinutes } = afterTooMuch
  return [
    'activate',
    `prefix-list ${name} in`,
    'prefix-list tandem-nothing out',
    `maximum-prefix ${accepts[family].limit} ${warnAt} restart ${restartMinutes}`,
    ...(addPath.includes(family) ? ['addpath-tx-all-paths'] : []),
  ]
}
