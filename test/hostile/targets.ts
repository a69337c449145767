/** The daemons that can be attacked: Tandem as its user runs it, or a real router with the same peers. */

import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { routers } from '../interop/routers.ts'
import { ownAsn } from '../support/wire-peer.ts'
import type { Program, Topology } from '../topology/runner.ts'
import type { Neighbour } from './case.ts'

export interface Declared extends Neighbour {
  readonly address: string
  readonly asn: number
}

export interface Target {
  readonly name: string
  /** Debian packages that bring it. */
  readonly packages: readonly string[]
  /** How long an ordinary thing may take. */
  readonly patienceMs: number
  start(topology: Topology, peers: readonly Declared[]): Promise<Program>
  /** Asks its own door for its state; there is none to ask where left out. */
  ask?(topology: Topology): Promise<void>
}

const tandem: Target = {
  name: 'tandem',
  packages: [],
  patienceMs: 5000,
  start: async (topology, peers) => {
    const config = {
      asn: ownAsn,
      'router-id': '10.0.0.2',
      addresses: { ipv4: '10.0.0.2', ipv6: 'fd00::2' },
      peers: peers.map(({ address, asn, dialled, password, ttlSecurity, sendHold, holdTime }) => ({
        address,
        asn,
        passive: !dialled,
        import: 'accept-all',
        export: 'accept-all',
        'connect-retry': 0.5,
        ...(password && { password }),
        ...(ttlSecurity && { 'ttl-security': 1 }),
        ...(sendHold && { 'send-hold': sendHold }),
        ...(holdTime && { 'hold-time': holdTime }),
      })),
    }
    const file = join(topology.work, 'tandem.yaml')
    writeFileSync(file, stringify(config))
    const main = join(import.meta.dirname, '../../daemon/main.ts')
    const command = ['run', '--source=none', `--config=${file}`, `--admin-socket=${socketOf(topology)}`]
    // With the small nursery of the image: how much garbage may wait is a setting of V8, not of the daemon.
    return topology.start('tor', [process.execPath, '--max-semi-space-size=2', main, ...command])
  },
  ask: (topology) =>
    new Promise((done, failed) => {
      const asking = request({ socketPath: socketOf(topology), path: '/v1/peers', timeout: 1000 }, (response) => {
        response.resume()
        response.once('end', () => (response.statusCode === 200 ? done() : failed(new Error('no state'))))
      })
      asking.once('timeout', () => asking.destroy(new Error('no answer within a second')))
      asking.once('error', failed)
      asking.end()
    }),
}

const socketOf = (topology: Topology) => join(topology.work, 'tandem.sock')

/** A real router of the interop tests, with a configuration of its own. */
function real(name: string, write: (peers: readonly Declared[]) => string): Target {
  const router = routers.find((one) => one.name === name)!
  return {
    name,
    packages: router.packages,
    patienceMs: 4000,
    start: async (topology, peers) => {
      const file = join(topology.work, 'router.conf')
      writeFileSync(file, write(peers))
      return router.start(topology, file)
    },
  }
}

const bird = real(
  'bird',
  (peers) => `
log stderr { fatal, bug };
router id 10.0.0.2;
protocol device {}
template bgp one {
  local as ${ownAsn};
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  enable extended messages on;
  ipv4 { import all; export all; };
  ipv6 { import all; export all; };
}
${peers
  .map(({ address, asn, dialled, password, ttlSecurity, holdTime }, index) =>
    [
      `protocol bgp n${index} from one { neighbor ${address} as ${asn};`,
      dialled ? '' : 'passive on;',
      password ? `password "${password}";` : '',
      ttlSecurity ? 'ttl security on;' : '',
      holdTime ? `hold time ${holdTime};` : '',
      '}',
    ].join(' '),
  )
  .join('\n')}
`,
)

const frr = real('frr', (peers) => {
  const family = (afi: 'ipv4' | 'ipv6') => ` address-family ${afi} unicast
${peers.map(({ address }) => `  neighbor ${address} activate`).join('\n')}
 exit-address-family`
  return `
router bgp ${ownAsn}
 bgp router-id 10.0.0.2
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
${peers
  .flatMap(({ address, asn, dialled, password, ttlSecurity, holdTime }) => [
    ` neighbor ${address} remote-as ${asn}`,
    ` neighbor ${address} timers connect 1`,
    ...(dialled ? [] : [` neighbor ${address} passive`]),
    ...(password ? [` neighbor ${address} password ${password}`] : []),
    ...(ttlSecurity ? [` neighbor ${address} ttl-security hops 1`] : []),
    ...(holdTime ? [` neighbor ${address} timers ${Math.ceil(holdTime / 3)} ${holdTime}`] : []),
  ])
  .join('\n')}
${family('ipv4')}
${family('ipv6')}
exit
`
})

const gobgp = real(
  'gobgp',
  (peers) => `
[global.config]
  as = ${ownAsn}
  router-id = "10.0.0.2"
${peers
  .map(
    ({ address, asn, dialled, password, ttlSecurity, holdTime = 90 }) => `
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${address}"
    peer-as = ${asn}
    ${password ? `auth-password = "${password}"` : ''}
  [neighbors.timers.config]
    hold-time = ${holdTime}
    connect-retry = 1
    idle-hold-time-after-reset = 1
  ${dialled ? '' : '[neighbors.transport.config]\n    passive-mode = true'}
  ${ttlSecurity ? '[neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255' : ''}
${['ipv4-unicast', 'ipv6-unicast'].map((name) => `  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = "${name}"`).join('\n')}`,
  )
  .join('\n')}
`,
)

const openbgpd = real(
  'openbgpd',
  (peers) => `
AS ${ownAsn}
router-id 10.0.0.2
fib-update no
${peers
  .map(
    ({ address, asn, dialled, password, ttlSecurity, holdTime }) => `neighbor ${address} {
	remote-as ${asn}
	announce IPv4 unicast
	announce IPv6 unicast
	${dialled ? '' : 'passive'}
	${password ? `tcp md5sig password ${password}` : ''}
	${ttlSecurity ? 'ttl-security yes' : ''}
	${holdTime ? `holdtime ${holdTime}` : ''}
}`,
  )
  .join('\n')}
allow from any
allow from ibgp
allow to any
`,
)

export const targets: readonly Target[] = [tandem, bird, frr, gobgp, openbgpd]
