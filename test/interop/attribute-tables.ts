/** BIRD and FRR as tellers of attributes: how each is started in a place of the topology, and what it says of the routes that it has. */

import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Topology } from '../topology/runner.ts'

export type Place = 'tor' | 'spine'

/** A route as a router has it; sets in the order of their numbers, as `64512:100`. */
export interface Held {
  readonly path: string
  readonly med: number | undefined
  readonly localPref: number | undefined
  readonly communities: string
  readonly large: string
  readonly extended: string
}

/** By prefix, what each session brought: over IPv4 and over IPv6. */
export type Table = Readonly<Record<string, readonly Held[]>>

export interface AttributeRouter {
  readonly name: string
  readonly config: string
  start(topology: Topology, place: Place, config: string): void
  table(topology: Topology, place: Place): Promise<Table>
}

const numbers = (text: string) =>
  text
    .replaceAll(/[(),]+/g, ' ')
    .trim()
    .split(/\s+/)

/** `(64512,100) (64512, 1, 2)` in the form of the others. */
const tuples = (text: string) => [...text.matchAll(/\(([^)]*)\)/g)].map((one) => numbers(one[1]!).join(':')).join(' ')

export const bird: AttributeRouter = {
  name: 'bird',
  config: '/etc/bird/bird.conf',
  start: (topology, place, config) => {
    const own = (name: string) => join(topology.work, `${place}-${name}`)
    topology.start(place, ['bird', '-f', '-c', config, '-s', own('bird.ctl'), '-P', own('bird.pid')])
  },
  table: async (topology, place) => {
    const control = join(topology.work, `${place}-bird.ctl`)
    const text = await topology.run(place, [
      'birdc',
      '-s',
      control,
      'show',
      'route',
      'all',
      'where',
      'source = RTS_BGP',
    ])
    const table: Record<string, Held[]> = {}
    let prefix = ''
    for (const route of text.split(/\n(?=\S|\s+unicast|\s+unreachable)/)) {
      prefix = /^(\S+\/\d+)\s/.exec(route)?.[1] ?? prefix
      const field = (name: string) => new RegExp(`BGP\\.${name}: ?(.*)`).exec(route)?.[1]?.trim()
      if (field('next_hop') === undefined) continue
      const number = (name: string) => (field(name) === undefined ? undefined : Number(field(name)))
      const held: Held = {
        path: field('as_path') ?? '',
        med: number('med'),
        localPref: number('local_pref'),
        communities: tuples(field('community') ?? ''),
        large: tuples(field('large_community') ?? ''),
        extended: tuples(field('ext_community') ?? '').replaceAll('ro:', 'soo:'),
      }
      table[prefix] = [...(table[prefix] ?? []), held]
    }
    return table
  },
}

interface FrrRoute {
  readonly paths?: readonly {
    readonly aspath?: { readonly string: string }
    readonly metric?: number
    readonly locPrf?: number
    readonly community?: { readonly list: readonly string[] }
    readonly largeCommunity?: { readonly list: readonly string[] }
    readonly extendedCommunity?: { readonly string: string }
  }[]
}

/** FRR says well-known communities by name. */
const wellKnown: Readonly<Record<string, string>> = { noExport: '65535:65281', gracefulShutdown: '65535:0' }

export const frr: AttributeRouter = {
  name: 'frr',
  config: '/etc/frr/frr.conf',
  start: (topology, place, config) => {
    const folder = join(topology.work, `${place}-frr`)
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    chmodSync(topology.work, 0o755)
    const sockets = ['-z', join(folder, 'zserv.api'), '--vty_socket', folder, '-i', join(folder, 'bgpd.pid'), '-P', '0']
    topology.start(place, ['/usr/lib/frr/bgpd', '-n', '-Z', '-S', '-f', config, '--log', 'stdout', ...sockets])
  },
  table: async (topology, place) => {
    const ask = async <Answer>(command: string): Promise<Answer> => {
      const folder = join(topology.work, `${place}-frr`)
      return JSON.parse(
        await topology.run(place, ['vtysh', '--vty_socket', folder, '-d', 'bgpd', '-c', `${command} json`]),
      ) as Answer
    }
    const table: Record<string, Held[]> = {}
    for (const family of ['ipv4', 'ipv6']) {
      const { routes = {} } = await ask<{ routes?: Record<string, unknown> }>(`show bgp ${family} unicast`)
      for (const prefix of Object.keys(routes)) {
        const { paths = [] } = await ask<FrrRoute>(`show bgp ${family} unicast ${prefix}`)
        table[prefix] = paths.map((path) => ({
          path: path.aspath?.string.replace('Local', '') ?? '',
          med: path.metric,
          localPref: path.locPrf,
          communities: (path.community?.list ?? []).map((one) => wellKnown[one] ?? one).join(' '),
          large: (path.largeCommunity?.list ?? []).join(' '),
          extended: (path.extendedCommunity?.string ?? '').toLowerCase(),
        }))
      }
    }
    return table
  },
}
