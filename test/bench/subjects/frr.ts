/** FRR's bgpd without zebra, its best case. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { routerNode, type Subject } from '../subject.ts'

interface Summary {
  readonly ipv4Unicast?: { readonly ribCount?: number }
  readonly ipv6Unicast?: { readonly ribCount?: number }
}

export const frr: Subject = {
  name: 'frr',
  packages: ['frr'],
  originates: false,
  start: (topology, { peers, accepts, dials = false, exports = 'own' }) => {
    const folder = join(topology.work, 'frr')
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o777)
    chmodSync(topology.work, 0o755)
    const file = join(topology.work, 'frr.conf')
    const lists = (accepts ?? []).map(
      (prefix) => `${prefix.includes(':') ? 'ipv6' : 'ip'} prefix-list wanted permit ${prefix}`,
    )
    const none = exports === 'own' ? ['ip prefix-list none deny any', 'ipv6 prefix-list none deny any'] : []
    const activate = ({ address }: { address: string }) => [
      `  neighbor ${address} activate`,
      ...(accepts ? [`  neighbor ${address} prefix-list wanted in`] : []),
      ...(exports === 'own' ? [`  neighbor ${address} prefix-list none out`] : []),
    ]
    const lines = [
      ...lists,
      ...none,
      'router bgp 64512',
      ' bgp router-id 10.0.0.2',
      ' no bgp ebgp-requires-policy',
      ' no bgp default ipv4-unicast',
      ' timers bgp 60 180',
      ...peers.flatMap(({ address, asn }) => [
        ` neighbor ${address} remote-as ${asn}`,
        ` neighbor ${address} advertisement-interval 0`,
        ...(dials ? [` neighbor ${address} timers connect 1`] : [` neighbor ${address} passive`]),
      ]),
      ...['ipv4', 'ipv6'].flatMap((family) => [
        ` address-family ${family} unicast`,
        ...peers.flatMap(activate),
        ' exit-address-family',
      ]),
      'exit',
    ]
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o644 })
    const sockets = ['-z', join(folder, 'zserv.api'), '--vty_socket', folder, '-i', join(folder, 'bgpd.pid'), '-P', '0']
    return topology.start(routerNode, ['/usr/lib/frr/bgpd', '-n', '-Z', '-S', '-f', file, ...sockets])
  },
  count: async (topology) => {
    const command = ['vtysh', '--vty_socket', join(topology.work, 'frr'), '-d', 'bgpd', '-c', 'show bgp summary json']
    const { ipv4Unicast, ipv6Unicast } = JSON.parse(await topology.run(routerNode, command)) as Summary
    return (ipv4Unicast?.ribCount ?? 0) + (ipv6Unicast?.ribCount ?? 0)
  },
}
