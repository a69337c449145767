/** The routers under test: how each is configured for a scenario, started, and asked how many routes it has. */

import { chmodSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { SpeakerSnapshot } from '../../speaker/index.ts'
import type { Program, Topology } from '../topology/runner.ts'

export interface BenchPeer {
  readonly address: string
  readonly asn: number
}

export interface Subject {
  readonly name: string
  /** Starts it so that these peers may connect; with `routes` it originates them. */
  start(topology: Topology, peers: readonly BenchPeer[], routes: readonly string[]): Program
  /** Routes in its table, of both families. */
  count(topology: Topology): Promise<number>
  /** Whether routes are given in the configuration; else a peer has to feed them first. */
  readonly originates: boolean
}

const node = 'router'
const main = join(import.meta.dirname, '../../daemon/main.ts')

const tandem: Subject = {
  name: 'tandem',
  originates: true,
  start: (topology, peers, routes) => {
    const file = join(topology.work, 'tandem.json')
    const config = {
      asn: 64512,
      'router-id': '10.0.0.2',
      addresses: { ipv4: '10.0.0.2', ipv6: 'fd00::2' },
      peers: peers.map(({ address, asn }) => ({
        address,
        asn,
        import: 'accept-all',
        'max-prefixes': 0,
        export: 'originated-only',
        passive: true,
        'hold-time': 180,
      })),
      routes: routes.length > 0 ? [{ prefixes: routes }] : [],
    }
    writeFileSync(file, JSON.stringify(config))
    const socket = join(topology.work, 'tandem.sock')
    return topology.start(node, [
      process.execPath,
      main,
      'run',
      '--source',
      'none',
      '--config',
      file,
      '--admin-socket',
      socket,
    ])
  },
  count: async (topology) => {
    const { routes } = await ask<SpeakerSnapshot>(join(topology.work, 'tandem.sock'))
    return routes['ipv4-unicast'].paths + routes['ipv6-unicast'].paths
  },
}

export function ask<Answer>(socketPath: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: '/v1/peers' }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString()) as Answer))
    })
    asking.on('error', reject)
    asking.end()
  })
}

const bird: Subject = {
  name: 'bird',
  originates: true,
  start: (topology, peers, routes) => {
    const file = join(topology.work, 'bird.conf')
    const of = (ipv6: boolean) =>
      routes.filter((route) => route.includes(':') === ipv6).map((route) => `route ${route} blackhole;`)
    const lines = [
      'router id 10.0.0.2;',
      'log stderr { error };',
      'protocol device {}',
      ...(routes.length > 0
        ? [
            `protocol static s4 { ipv4; ${of(false).join('\n')} }`,
            `protocol static s6 { ipv6; ${of(true).join('\n')} }`,
          ]
        : []),
      ...peers.map(
        ({ address, asn }, index) =>
          `protocol bgp p${index} { local as 64512; neighbor ${address} as ${asn}; passive; hold time 180; ipv4 { import all; export where source = RTS_STATIC; next hop address 10.0.0.2; }; ipv6 { import all; export where source = RTS_STATIC; next hop address fd00::2; }; }`,
      ),
    ]
    writeFileSync(file, `${lines.join('\n')}\n`)
    return topology.start(node, [
      'bird',
      '-f',
      '-c',
      file,
      '-s',
      join(topology.work, 'bird.ctl'),
      '-P',
      join(topology.work, 'bird.pid'),
    ])
  },
  count: async (topology) => {
    const text = await topology.run(node, ['birdc', '-s', join(topology.work, 'bird.ctl'), 'show', 'route', 'count'])
    return Number(
      /Total: (\d+) of/.exec(text)?.[1] ??
        [...text.matchAll(/^(\d+) of/gm)].reduce((sum, match) => sum + Number(match[1]), 0),
    )
  },
}

const gobgp: Subject = {
  name: 'gobgp',
  originates: false,
  start: (topology, peers) => {
    const file = join(topology.work, 'gobgp.toml')
    const families = ['ipv4-unicast', 'ipv6-unicast'].map(
      (name) => `[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = "${name}"`,
    )
    const neighbours = peers.map(
      ({ address, asn }) =>
        `[[neighbors]]\n[neighbors.config]\nneighbor-address = "${address}"\npeer-as = ${asn}\n[neighbors.transport.config]\npassive-mode = true\n[neighbors.timers.config]\nhold-time = 180\n${families.join('\n')}`,
    )
    writeFileSync(file, `[global.config]\nas = 64512\nrouter-id = "10.0.0.2"\n${neighbours.join('\n')}\n`)
    chmodSync(topology.work, 0o755)
    return topology.start(node, ['gobgpd', '-f', file, '--api-hosts', '127.0.0.1:50051', '-p', '-l', 'error'])
  },
  count: async (topology) => {
    const counts = await Promise.all(
      ['ipv4', 'ipv6'].map(async (family) => {
        const text = await topology.run(node, ['gobgp', 'global', 'rib', 'summary', '-a', family])
        return Number(/Path: (\d+)/.exec(text)?.[1] ?? 0)
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  },
}

export const subjects: readonly Subject[] = [bird, tandem, gobgp]
