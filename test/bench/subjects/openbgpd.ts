/** OpenBGPD, which keeps what it refuses, so that its own count has to leave that out. It does not touch the kernel's routes here. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Topology } from '../../topology/runner.ts'
import { routerNode, type Subject } from '../subject.ts'

interface Counted {
  readonly count: number
}

/** What there is none of is left out. */
interface Memory {
  readonly memory: Readonly<Partial<Record<'IPv4 unicast' | 'IPv6 unicast' | 'rib', Counted>>>
}

const socketOf = (topology: Topology) => join(topology.work, 'openbgpd.sock')
/** By which what it originates is told from what it learned. */
const own = 'community 64512:1'

export const bgpctl = (topology: Topology, ...words: readonly string[]) =>
  topology.run(routerNode, ['bgpctl', '-s', socketOf(topology), ...words])

/** One more route that it originates, or one less. */
export const setNetwork = (topology: Topology, prefix: string, there: boolean) =>
  bgpctl(topology, 'network', ...(there ? ['add', prefix, ...own.split(' ')] : ['delete', prefix]))

export const openbgpd: Subject = {
  name: 'openbgpd',
  packages: ['openbgpd'],
  originates: true,
  start: (topology, { peers, routes = [], dials = false, exports = 'own', accepts }) => {
    const file = join(topology.work, 'openbgpd.conf')
    const lines = [
      `socket "${socketOf(topology)}"`,
      'AS 64512',
      'router-id 10.0.0.2',
      'fib-update no',
      ...(accepts ? [`prefix-set wanted { ${accepts.join(', ')} }`] : []),
      ...routes.map((route) => `network ${route} set ${own}`),
      ...peers.flatMap(({ address, asn }) => [
        `neighbor ${address} {`,
        `remote-as ${asn}`,
        'announce IPv4 unicast',
        'announce IPv6 unicast',
        'holdtime 180',
        ...(dials ? [] : ['passive']),
        '}',
      ]),
      // The last rule that matches decides.
      ...(accepts ? ['deny from any', 'allow from any prefix-set wanted'] : ['allow from any']),
      ...(exports === 'own' ? ['deny to any', `allow to any ${own}`] : ['allow to any']),
    ]
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 })
    // Its user's home, into which it locks itself; the package makes it only when a service manager starts it.
    mkdirSync('/run/openbgpd', { recursive: true })
    return topology.start(routerNode, ['bgpd', '-d', '-f', file])
  },
  count: async (topology) => {
    const { memory } = JSON.parse(await bgpctl(topology, '-j', 'show', 'rib', 'memory')) as Memory
    // Entries of its two tables: every prefix that came is in the first, the accepted ones are in the second.
    const of = (what: keyof typeof memory) => memory[what]?.count ?? 0
    return of('rib') - of('IPv4 unicast') - of('IPv6 unicast')
  },
}
