/** The session in the words of BIRD 2. */

import type { Family } from 'bgp-ts'
import { remarks } from './remarks.ts'
import { blanks, type RouterSession } from './router-session.ts'

const usualPort = 179
const channelOf = { 'ipv4-unicast': 'ipv4', 'ipv6-unicast': 'ipv6' } as const

export function birdConfig(session: RouterSession): string {
  const name = `tandem_${session.nodeAddress.replaceAll(/[^0-9A-Za-z]/g, '_')}`
  return [
    ...remarks(session, 'multihop in place of direct').map((line) => `# ${line}`),
    ...bfdProtocol(session),
    `protocol bgp ${name} {`,
    ...sessionLines(session).map((line) => `  ${line};`),
    ...session.families.flatMap((family) => channel(session, family).map((line) => `  ${line}`)),
    '}',
  ].join('\n')
}

function bfdProtocol({ bfd }: RouterSession): string[] {
  if (!bfd) return []
  return [
    ...(bfd.port === undefined ? [] : [`# The node's BFD is on UDP port ${bfd.port}, which BIRD does not take.`]),
    '# Once in the whole configuration: leave this line out where it is there already.',
    'protocol bfd {}',
  ]
}

function sessionLines(session: RouterSession): string[] {
  const { nodeAddress, nodeAsn, nodeName, nodePort, linkLocal, routerAddress, routerAsn, routerPort } = session
  const own = linkLocal ? '' : `${routerAddress} `
  const ownPort = routerPort === usualPort ? '' : `port ${routerPort} `
  const port = nodePort === undefined || nodePort === usualPort ? '' : `port ${nodePort} `
  const { ttlSecurity, hops, bfd, gracefulRestart } = session
  return [
    `description "Tandem${nodeName === undefined ? '' : ` on ${nodeName}`}"`,
    `local ${own}${ownPort}as ${routerAsn}`,
    `neighbor ${nodeAddress} ${port}as ${nodeAsn}`,
    ...(linkLocal ? [`interface "${blanks.interface}"`] : []),
    hops === undefined ? 'direct' : `multihop ${hops}`,
    ...(nodePort === undefined ? ['passive on'] : []),
    ...(session.hasPassword ? [`password "${blanks.password}"`] : []),
    ...(ttlSecurity === undefined ? [] : ['ttl security on']),
    `hold time ${session.holdTime}`,
    // BIRD takes no keepalive time of 0, which a hold time of 0 implies.
    ...(session.keepalive > 0 ? [`keepalive time ${session.keepalive}`] : []),
    ...(gracefulRestart ? ['graceful restart aware'] : []),
    ...(gracefulRestart && gracefulRestart.longLived > 0 ? ['long lived graceful restart aware'] : []),
    ...(bfd
      ? [`bfd { min rx interval ${bfd.minRx} ms; min tx interval ${bfd.minTx} ms; multiplier ${bfd.multiplier}; }`]
      : []),
  ]
}

function channel({ accepts, addPath, extendedNextHop }: RouterSession, family: Family): string[] {
  const { entries, limit } = accepts[family]
  const patterns = entries.map(({ prefix, upTo }) => {
    return upTo === undefined ? prefix : `${prefix}{${prefix.split('/')[1]},${upTo}}`
  })
  return [
    `${channelOf[family]} {`,
    patterns.length > 0 ? `  import where net ~ [ ${patterns.join(', ')} ];` : '  import none;',
    `  import limit ${limit} action block;`,
    '  export none;',
    ...(addPath.includes(family) ? ['  add paths tx;'] : []),
    ...(extendedNextHop && family === 'ipv4-unicast' ? ['  extended next hop on;'] : []),
    '};',
  ]
}
