/** BIRD, from a configuration file. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Topology } from '../../topology/runner.ts'
import { routerNode, type Subject } from '../subject.ts'

const inWork = (topology: Topology, name: string) => join(topology.work, name)

export const birdc = (topology: Topology, ...words: readonly string[]) =>
  topology.run(routerNode, ['birdc', '-s', inWork(topology, 'bird.ctl'), ...words])

export const bird: Subject = {
  name: 'bird',
  packages: ['bird2'],
  originates: true,
  start: (topology, { peers, routes = [], dials = false, exports = 'own', accepts }) => {
    const file = inWork(topology, 'bird.conf')
    const of = (all: readonly string[], ipv6: boolean) => all.filter((route) => route.includes(':') === ipv6)
    const statics = (ipv6: boolean) =>
      of(routes, ipv6)
        .map((route) => `route ${route} blackhole;`)
        .join('\n')
    const importing = (ipv6: boolean) => (accepts ? `where net ~ [ ${of(accepts, ipv6).join(', ')} ]` : 'all')
    const exporting = exports === 'own' ? 'where source = RTS_STATIC' : 'all'
    const channel = (ipv6: boolean) =>
      `${ipv6 ? 'ipv6' : 'ipv4'} { import ${importing(ipv6)}; export ${exporting}; next hop address ${ipv6 ? 'fd00::2' : '10.0.0.2'}; };`
    const lines = [
      'router id 10.0.0.2;',
      'log stderr { error };',
      'protocol device {}',
      ...(routes.length > 0
        ? [`protocol static s4 { ipv4; ${statics(false)} }`, `protocol static s6 { ipv6; ${statics(true)} }`]
        : []),
      // One of each family by itself, which can be switched off and on.
      'protocol static churn4 { disabled; ipv4; route 100.127.0.1/32 blackhole; }',
      'protocol static churn6 { disabled; ipv6; route 2001:db8:1:ffff::1/128 blackhole; }',
      ...peers.map(
        ({ address, asn }, index) =>
          `protocol bgp p${index} { local as 64512; neighbor ${address} as ${asn}; ${dials ? '' : 'passive;'} hold time 180; ${channel(false)} ${channel(true)} }`,
      ),
    ]
    writeFileSync(file, `${lines.join('\n')}\n`)
    const sockets = ['-s', inWork(topology, 'bird.ctl'), '-P', inWork(topology, 'bird.pid')]
    return topology.start(routerNode, ['bird', '-f', '-c', file, ...sockets])
  },
  count: async (topology) => {
    const text = await birdc(topology, 'show', 'route', 'count')
    return Number(
      /Total: (\d+) of/.exec(text)?.[1] ??
        [...text.matchAll(/^(\d+) of/gm)].reduce((sum, match) => sum + Number(match[1]), 0),
    )
  },
}
