/** GoBGP, which takes no routes from its configuration. */

import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { routerNode, type Subject } from '../subject.ts'

export const gobgp: Subject = {
  name: 'gobgp',
  packages: ['gobgpd'],
  originates: false,
  start: (topology, { peers, accepts, dials = false }) => {
    const file = join(topology.work, 'gobgp.toml')
    const families = ['ipv4-unicast', 'ipv6-unicast']
      .map((name) => `[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = "${name}"`)
      .join('\n')
    const neighbours = peers.map(
      ({ address, asn }) =>
        `[[neighbors]]\n[neighbors.config]\nneighbor-address = "${address}"\npeer-as = ${asn}\n[neighbors.transport.config]\npassive-mode = ${!dials}\n[neighbors.timers.config]\nhold-time = 180\n${families}`,
    )
    const wanted = (ipv6: boolean) =>
      (accepts ?? []).filter((one) => one.includes(':') === ipv6).map((prefix) => `{ ip-prefix = "${prefix}" }`)
    const sets = [false, true].map(
      (ipv6) =>
        `[[defined-sets.prefix-sets]]\nprefix-set-name = "wanted${ipv6 ? 6 : 4}"\nprefix-list = [${wanted(ipv6).join(', ')}]`,
    )
    const statements = ['wanted4', 'wanted6'].map(
      (name) =>
        `[[policy-definitions.statements]]\nname = "${name}"\n[policy-definitions.statements.conditions.match-prefix-set]\nprefix-set = "${name}"\n[policy-definitions.statements.actions]\nroute-disposition = "accept-route"`,
    )
    const policy = accepts
      ? `[global.apply-policy.config]\nimport-policy-list = ["wanted"]\ndefault-import-policy = "reject-route"\n${sets.join('\n')}\n[[policy-definitions]]\nname = "wanted"\n${statements.join('\n')}\n`
      : ''
    writeFileSync(file, `[global.config]\nas = 64512\nrouter-id = "10.0.0.2"\n${policy}${neighbours.join('\n')}\n`)
    chmodSync(topology.work, 0o755)
    return topology.start(routerNode, ['gobgpd', '-f', file, '--api-hosts', '127.0.0.1:50051', '-p', '-l', 'error'])
  },
  count: async (topology) => {
    const counts = await Promise.all(
      ['ipv4', 'ipv6'].map(async (family) => {
        const text = await topology.run(routerNode, ['gobgp', 'global', 'rib', 'summary', '-a', family])
        return Number(/Path: (\d+)/.exec(text)?.[1] ?? 0)
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  },
}
