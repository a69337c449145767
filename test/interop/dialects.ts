/** The same session in the language of each router: what a test wants to be agreed on, and the configuration that asks for it. */

export interface Wanted {
  readonly password?: string
  readonly ttlSecurity?: boolean
  /** Seconds. */
  readonly gracefulRestart?: number
  readonly longLived?: number
  /** Sends all paths of a prefix. */
  readonly addPath?: boolean
  /** IPv4 routes with IPv6 next hops. */
  readonly extendedNextHop?: boolean
  /** The router's sessions, of these that there are. */
  readonly sessions?: readonly ('over4' | 'over6' | 'link')[]
  /** The router dials, or waits. */
  readonly passive?: boolean
  readonly holdTime?: number
  /** Routes of its own to announce. */
  readonly routes?: readonly string[]
  /** Sends everything again when it is asked. */
  readonly refresh?: boolean
  /** A session with the monitor too, which is sent everything. */
  readonly monitor?: boolean
}

/** The configuration, or undefined where the router knows no such thing. */
export type Dialect = (wanted: Wanted) => string | undefined

const usual = ['over4', 'over6'] as const
const node = { over4: '10.0.0.2', over6: 'fd00::2', link: 'fe80::2%eth1' } as const
const isIpv6 = (text: string) => text.includes(':')

/** Another path to a prefix of each family that a first one blackholes. */
const second = `
protocol static a4 { ipv4; route 203.0.113.0/24 blackhole; }
protocol static b4 { ipv4 { preference 150; }; route 203.0.113.0/24 unreachable; }
protocol static a6 { ipv6; route 2001:db8:77::/48 blackhole; }
protocol static b6 { ipv6 { preference 150; }; route 2001:db8:77::/48 unreachable; }
`

const bird: Dialect = (wanted) => {
  const { sessions = usual, routes = [], gracefulRestart, longLived, holdTime = 9 } = wanted
  const of = (family: 4 | 6) => routes.filter((route) => isIpv6(route) === (family === 6))
  const channel = (name: string, extra = '') =>
    `${name} { import all; export all; ${wanted.addPath ? 'add paths tx; ' : ''}${extra} };`
  return `
log stderr all;
router id 10.0.0.1;
${gracefulRestart ? `graceful restart wait 10;` : ''}
protocol device {}
protocol static s4 { ipv4; ${of(4)
    .map((route) => `route ${route} blackhole;`)
    .join(' ')} }
protocol static s6 { ipv6; ${of(6)
    .map((route) => `route ${route} blackhole;`)
    .join(' ')} }
${wanted.addPath ? second : ''}
template bgp session {
  local as 65001;
  hold time ${holdTime};
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  ${wanted.passive ? 'passive on;' : ''}
  ${wanted.password ? `password "${wanted.password}";` : ''}
  ${wanted.ttlSecurity ? 'ttl security on;' : ''}
  ${gracefulRestart ? `graceful restart on; graceful restart time ${gracefulRestart};` : ''}
  ${longLived ? `long lived graceful restart on; long lived stale time ${longLived};` : ''}
  ${channel('ipv4', wanted.extendedNextHop ? 'extended next hop on;' : '')}
  ${channel('ipv6')}
}
${sessions.map((name) => `protocol bgp session_${name} from session { neighbor ${node[name]} as 64512; }`).join('\n')}
${wanted.monitor ? monitors.map(([name, address]) => `protocol bgp ${name} { local as 65001; neighbor ${address} as 65009; ipv4 { import all; export all; extended next hop on; }; ipv6 { import all; export all; }; }`).join('\n') : ''}
`
}

const monitors = [
  ['monitor4', '10.1.0.2'],
  ['monitor6', 'fd01::2'],
] as const

const frr: Dialect = (wanted) => {
  // It learns of interfaces from another daemon of its family, which is not started here; and it originates one path a prefix.
  if (wanted.sessions?.includes('link') || wanted.addPath) return undefined
  const { sessions = usual, routes = [], gracefulRestart, longLived, holdTime = 9 } = wanted
  const names = sessions.map((name) => node[name])
  const all = [...names, ...(wanted.monitor ? monitors.map(([, address]) => address) : [])]
  const family = (afi: 'ipv4' | 'ipv6') => `
 address-family ${afi} unicast
${all.map((name) => `  neighbor ${name} activate`).join('\n')}
${names.map((name) => (wanted.extendedNextHop ? '' : `  neighbor ${name} route-map hop-${afi} out`)).join('\n')}
${routes
  .filter((route) => isIpv6(route) === (afi === 'ipv6'))
  .map((route) => `  network ${route}`)
  .join('\n')}
 exit-address-family`
  const session = (name: string) => `
 neighbor ${name} remote-as 64512
 neighbor ${name} timers connect 1
 ${wanted.password ? `neighbor ${name} password ${wanted.password}` : ''}
 ${wanted.ttlSecurity ? `neighbor ${name} ttl-security hops 1` : ''}
 ${wanted.passive ? `neighbor ${name} passive` : ''}
 ${wanted.extendedNextHop ? `neighbor ${name} capability extended-nexthop` : ''}`
  return `
router bgp 65001
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 ${wanted.refresh ? 'no bgp suppress-duplicates' : ''}
 timers bgp ${Math.ceil(holdTime / 3)} ${holdTime}
 ${gracefulRestart ? `bgp graceful-restart\n bgp graceful-restart preserve-fw-state\n bgp graceful-restart restart-time ${gracefulRestart}\n bgp graceful-restart stalepath-time 60` : ''}
 ${longLived ? `bgp long-lived-graceful-restart stale-time ${longLived}` : ''}
${names.map(session).join('')}
${wanted.monitor ? monitors.map(([, address]) => ` neighbor ${address} remote-as 65009`).join('\n') : ''}
${family('ipv4')}
${family('ipv6')}
exit
route-map hop-ipv4 permit 10
 set ip next-hop 10.0.0.1
route-map hop-ipv6 permit 10
 set ipv6 next-hop global fd00::1
`
}

const gobgp: Dialect = (wanted) => {
  // Over one session it has no next hop that can be used for the other family.
  if (wanted.refresh) return undefined
  if (wanted.extendedNextHop || wanted.longLived || wanted.monitor) return undefined
  const { sessions = usual, holdTime = 9, gracefulRestart } = wanted
  return `
[global.config]
  as = 65001
  router-id = "10.0.0.1"
${sessions
  .map(
    (name) => `
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${node[name]}"
    peer-as = 64512
    ${wanted.password ? `auth-password = "${wanted.password}"` : ''}
  [neighbors.timers.config]
    hold-time = ${holdTime}
    keepalive-interval = ${Math.ceil(holdTime / 3)}
    connect-retry = 1
    idle-hold-time-after-reset = 1
  ${wanted.passive ? '[neighbors.transport.config]\n    passive-mode = true' : ''}
  ${wanted.ttlSecurity ? '[neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255' : ''}
  ${gracefulRestart ? `[neighbors.graceful-restart.config]\n    enabled = true\n    restart-time = ${gracefulRestart}` : ''}
${['ipv4-unicast', 'ipv6-unicast']
  .map(
    (family) => `  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${family}"
    ${wanted.addPath ? '[neighbors.afi-safis.add-paths.config]\n      receive = false\n      send-max = 8' : ''}
    ${gracefulRestart ? '[neighbors.afi-safis.mp-graceful-restart.config]\n      enabled = true' : ''}`,
  )
  .join('\n')}`,
  )
  .join('\n')}
`
}

const openbgpd: Dialect = (wanted) => {
  if (
    wanted.sessions?.includes('link') ||
    wanted.extendedNextHop ||
    wanted.longLived ||
    wanted.monitor ||
    wanted.addPath
  )
    return undefined
  // It helps a peer that restarts, but keeps no routes over a restart of its own, and its capability has a time of zero.
  if (wanted.gracefulRestart) return undefined
  // It counts the request, and sends nothing.
  if (wanted.refresh) return undefined
  const { sessions = usual, routes = [], holdTime = 9 } = wanted
  return `
AS 65001
router-id 10.0.0.1
holdtime ${holdTime}
fib-update no
${routes.map((route) => `network ${route}`).join('\n')}
${sessions
  .map(
    (name) => `neighbor ${node[name]} {
	remote-as 64512
	announce IPv4 unicast
	announce IPv6 unicast
	${wanted.passive ? 'passive' : ''}
	${wanted.password ? `tcp md5sig password ${wanted.password}` : ''}
	${wanted.ttlSecurity ? 'ttl-security yes' : ''}
}`,
  )
  .join('\n')}
allow from any
allow to any
`
}

const exabgp: Dialect = (wanted) => {
  const { sessions = usual, routes = [], holdTime = 9 } = wanted
  if (wanted.sessions?.includes('link') || wanted.extendedNextHop || wanted.longLived || wanted.monitor)
    return undefined
  // It waits only where its environment says on which address.
  if (wanted.addPath || wanted.gracefulRestart || wanted.passive || wanted.refresh) return undefined
  return `
process watch {
	run ./watch.sh;
	encoder json;
}
${sessions
  .map(
    (name) => `neighbor ${node[name]} {
	router-id 10.0.0.1;
	local-address ${name === 'over4' ? '10.0.0.1' : 'fd00::1'};
	local-as 65001;
	peer-as 64512;
	hold-time ${holdTime};
	${wanted.passive ? 'passive true;' : ''}
	${wanted.password ? `md5-password "${wanted.password}"; md5-base64 false;` : ''}
	${wanted.ttlSecurity ? 'outgoing-ttl 255; incoming-ttl 255;' : ''}
	family { ipv4 unicast; ipv6 unicast; }
	api { processes [ watch ]; neighbor-changes; receive { parsed; update; } }
	static { ${routes.map((route) => `route ${route} next-hop ${isIpv6(route) ? 'fd00::1' : '10.0.0.1'};`).join(' ')} }
}`,
  )
  .join('\n')}
`
}

export const dialects: Readonly<Record<string, Dialect>> = { bird, frr, gobgp, openbgpd, exabgp }
