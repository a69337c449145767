/**
 * Nodes of one AS on one switch, for the scenarios of reflection.ts: each with a program of its own, Tandem, BIRD or FRR,
 * started with a configuration made from a few words, and asked for one route at a time.
 */

import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PeerSnapshot, RouteRow, SpeakerSnapshot } from '../../speaker/index.ts'
import { type Program, Topology } from '../topology/runner.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const topologies = join(import.meta.dirname, '../topology')

export const nodeAsn = 64512
export const torAsn = 65001

/** Last part of the addresses in the topology, written alike in both families. */
const lasts = { 'node-1': 1, 'node-2': 2, 'node-3': 3, 'bird-1': 11, 'bird-2': 12, 'frr-1': 21, tor: 254 } as const
export type Place = keyof typeof lasts
export type Over = 'IPv4' | 'IPv6'
export type Annotations = Readonly<Record<string, string>>

export const v4 = (place: Place) => `10.0.0.${lasts[place]}`
export const v6 = (place: Place) => `fd00::${lasts[place]}`
/** The address that sessions of this transport are between. */
export const transportOf = (place: Place, over: Over) => (over === 'IPv4' ? v4(place) : v6(place))

/** A route as a router has it, in the words of none of them. */
export interface Seen {
  readonly nextHop: string
  readonly asPath: string
  readonly localPref: number
  readonly med: number
  readonly originator: string
  readonly clusters: string
}

export interface Neighbour {
  readonly place: Place
  readonly client?: boolean
  /** If it is not that of its place. */
  readonly address?: string
}

/** What BIRD and FRR are told. */
export interface RouterConfig {
  readonly neighbours: readonly Neighbour[]
  /** Cluster id as a dotted quad. */
  readonly cluster?: string
  /** Prefixes to originate, one a family; with local preference 250, MED 7 and a path of 65077. */
  readonly routes?: readonly [string, string]
}

export class SameAs {
  readonly topology: Topology
  readonly over: Over
  readonly tandems = new Map<Place, Program>()

  private constructor(topology: Topology, over: Over) {
    this.topology = topology
    this.over = over
  }

  static async layOut(over: Over): Promise<SameAs> {
    return new SameAs(await Topology.layOut(join(topologies, 'reflection.clab.yml')), over)
  }

  /** Writes the Node objects that every Tandem reads. */
  annotate(nodes: Partial<Record<Place, Annotations>>): void {
    const documents = Object.entries(nodes).map(([place, annotations]) => this.#nodeObject(place as Place, annotations))
    mkdirSync(this.#manifests, { recursive: true })
    const path = join(this.#manifests, 'nodes.yaml')
    writeFileSync(`${path}.new`, documents.join('---\n'))
    renameSync(`${path}.new`, path)
  }

  startTandem(place: Place, ...flags: readonly string[]): Program {
    const own = [
      `--hostname-override=${place}`,
      `--manifests=${this.#manifests}`,
      `--admin-socket=${this.#socket(place)}`,
    ]
    const timing = ['--bgp-holdtime=9s', '--connect-retry=1s']
    const program = this.topology.start(place, [process.execPath, main, 'run', ...own, ...timing, ...flags])
    this.tandems.set(place, program)
    return program
  }

  async ask<Answer>(place: Place, ...words: string[]): Promise<Answer> {
    const command = [process.execPath, main, ...words, '-o', 'json', '--admin-socket', this.#socket(place)]
    return JSON.parse(await this.topology.run(place, command)) as Answer
  }

  async peers(place: Place): Promise<readonly PeerSnapshot[]> {
    return (await this.ask<SpeakerSnapshot>(place, 'peers')).peers
  }

  async tandemSees(place: Place, prefix: string): Promise<Seen | undefined> {
    const rows = await this.ask<RouteRow[]>(place, 'routes', 'best', prefix)
    const row = rows.find(({ source }) => source !== 'originated')
    if (!row) return undefined
    const value = (name: string) => new RegExp(`${name} ([^,]*)`).exec(row.attributes)?.[1] ?? ''
    return {
      nextHop: row.nextHop,
      asPath: value('AS_PATH'),
      localPref: Number(value('LOCAL_PREF')),
      med: Number(value('MULTI_EXIT_DISC')),
      originator: value('ORIGINATOR_ID'),
      clusters: value('CLUSTER_LIST'),
    }
  }

  async startBird(place: Place, config: RouterConfig): Promise<Program> {
    const path = join(this.topology.work, `${place}.conf`)
    writeFileSync(path, this.#birdConfig(place, config))
    const files = ['-s', join(this.topology.work, `${place}.ctl`), '-P', join(this.topology.work, `${place}.pid`)]
    return this.topology.start(place, ['bird', '-f', '-c', path, ...files])
  }

  /** The best route of BIRD to a prefix that it did not originate. */
  async birdSees(place: Place, prefix: string): Promise<Seen | undefined> {
    const socket = join(this.topology.work, `${place}.ctl`)
    const filter = ['where', 'source', '=', 'RTS_BGP']
    const text = await this.topology
      .run(place, ['birdc', '-s', socket, 'show', 'route', prefix, 'primary', 'all', ...filter])
      .catch(() => '')
    if (!text.includes('BGP.next_hop')) return undefined
    const value = (name: string) => new RegExp(`BGP\\.${name}: (.*)`).exec(text)?.[1]?.trim() ?? ''
    return {
      // With a link-local address after it, for IPv6.
      nextHop: value('next_hop').split(' ')[0]!,
      asPath: value('as_path'),
      localPref: Number(value('local_pref')),
      med: Number(value('med')),
      originator: value('originator_id'),
      clusters: value('cluster_list'),
    }
  }

  /** Prefixes in BIRD's table that it learned, sorted, each with the number of paths. */
  async birdTable(place: Place): Promise<Map<string, number>> {
    const socket = join(this.topology.work, `${place}.ctl`)
    const text = await this.topology.run(place, [
      'birdc',
      '-s',
      socket,
      'show',
      'route',
      'where',
      'source',
      '=',
      'RTS_BGP',
    ])
    const counts = new Map<string, number>()
    let prefix = ''
    for (const line of text.split('\n')) {
      prefix = /^(\S+\/\d+)\s/.exec(line)?.[1] ?? prefix
      if (/\[\S+ \d/.test(line)) counts.set(prefix, (counts.get(prefix) ?? 0) + 1)
    }
    return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  async startFrr(place: Place, config: RouterConfig): Promise<Program> {
    const folder = join(this.topology.work, place)
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    chmodSync(this.topology.work, 0o755)
    const path = join(folder, 'frr.conf')
    writeFileSync(path, this.#frrConfig(place, config))
    const sockets = ['-z', join(folder, 'zserv.api'), '--vty_socket', folder, '-i', join(folder, 'bgpd.pid'), '-P', '0']
    return this.topology.start(place, [
      '/usr/lib/frr/bgpd',
      '-n',
      '-Z',
      '-S',
      '-f',
      path,
      '--log',
      'stdout',
      ...sockets,
    ])
  }

  /** The best route of FRR to a prefix that it did not originate. */
  async frrSees(place: Place, prefix: string): Promise<Seen | undefined> {
    const family = prefix.includes(':') ? 'ipv6' : 'ipv4'
    const folder = join(this.topology.work, place)
    const command = `show bgp ${family} unicast ${prefix} json`
    const text = await this.topology
      .run(place, ['vtysh', '--vty_socket', folder, '-d', 'bgpd', '-c', command])
      .catch(() => '')
    const { paths = [] } = (text.trim() ? JSON.parse(text) : {}) as { paths?: readonly FrrPath[] }
    const path = paths.find(({ bestpath, sourced }) => bestpath?.overall && !sourced)
    if (!path) return undefined
    return {
      nextHop: path.nexthops.find(({ scope }) => scope !== 'link-local')?.ip ?? '',
      asPath: path.aspath.string === 'Local' ? '' : path.aspath.string,
      localPref: path.locPrf ?? 0,
      med: path.metric ?? 0,
      originator: path.originatorId ?? '',
      clusters: path.clusterList?.list.join(' ') ?? '',
    }
  }

  tearDown(): Promise<void> {
    return this.topology.tearDown()
  }

  get #manifests(): string {
    return join(this.topology.work, 'manifests')
  }

  #socket(place: Place): string {
    return join(this.topology.work, `${place}.sock`)
  }

  #nodeObject(place: Place, annotations: Annotations = {}): string {
    const last = lasts[place]
    // The primary address is the first one.
    const ips = this.over === 'IPv4' ? [v4(place), v6(place)] : [v6(place), v4(place)]
    const object = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: place, annotations },
      spec: { podCIDRs: [`10.244.${last}.0/24`, `fd00:244:${last}::/64`] },
      status: { addresses: ips.map((address) => ({ type: 'InternalIP', address })) },
    }
    // JSON is YAML.
    return `${JSON.stringify(object)}\n`
  }

  #birdConfig(place: Place, { neighbours, cluster, routes }: RouterConfig): string {
    const asn = place === 'tor' ? torAsn : nodeAsn
    const sessions = neighbours.map(({ place: other, client, address = transportOf(other, this.over) }, index) => {
      const as = other === 'tor' ? torAsn : nodeAsn
      const reflection = client ? `rr client;${cluster ? ` rr cluster id ${cluster};` : ''}` : ''
      return `protocol bgp peer${index} from one { neighbor ${address} as ${as}; ${reflection} }`
    })
    const own = routes?.map((prefix, index) => {
      const attributes = '{ bgp_local_pref = 250; bgp_med = 7; }'
      return `protocol static own${index} { ipv${index === 0 ? 4 : 6}; route ${prefix} blackhole ${attributes}; }`
    })
    return [
      'log stderr all;',
      `router id ${v4(place)};`,
      'protocol device {}',
      'protocol direct { ipv4; ipv6; }',
      'filter ours {',
      '  if source = RTS_STATIC then { bgp_path.prepend(65077); accept; }',
      '  if source = RTS_BGP then accept;',
      '  reject;',
      '}',
      'template bgp one {',
      `  local ${transportOf(place, this.over)} as ${asn};`,
      // Next hops over several hops, as is usual inside an AS: with a link-local address in them FRR without zebra resets the session.
      '  hold time 9; connect delay time 1; error wait time 1, 2; error forget time 1;',
      '  ipv4 { import all; export filter ours; };',
      '  ipv6 { import all; export filter ours; };',
      '}',
      ...(own ?? []),
      ...sessions,
      '',
    ].join('\n')
  }

  #frrConfig(place: Place, { neighbours, cluster, routes }: RouterConfig): string {
    const addresses = neighbours.map(({ place: other }) => transportOf(other, this.over))
    const clients = new Set(
      neighbours.flatMap(({ place: other, client }) => (client ? [transportOf(other, this.over)] : [])),
    )
    const familyLines = (family: 'ipv4' | 'ipv6', prefix: string | undefined) => [
      ` address-family ${family} unicast`,
      ...addresses.flatMap((address) => [
        `  neighbor ${address} activate`,
        `  neighbor ${address} route-map out-${family} out`,
        ...(clients.has(address) ? [`  neighbor ${address} route-reflector-client`] : []),
      ]),
      ...(prefix ? [`  network ${prefix}`] : []),
      ' exit-address-family',
    ]
    return [
      `router bgp ${nodeAsn}`,
      ` bgp router-id ${v4(place)}`,
      ...(cluster ? [` bgp cluster-id ${cluster}`] : []),
      ' no bgp network import-check',
      ' no bgp default ipv4-unicast',
      ' timers bgp 3 9',
      ...addresses.map((address) => ` neighbor ${address} remote-as ${nodeAsn}`),
      ...addresses.map((address) => ` neighbor ${address} timers connect 1`),
      ...familyLines('ipv4', routes?.[0]),
      ...familyLines('ipv6', routes?.[1]),
      'exit',
      // Of what it originates: reflected routes are left alone (RFC 4456 section 10).
      'route-map out-ipv4 permit 10',
      ` set ip next-hop ${v4(place)}`,
      ' set local-preference 250',
      ' set metric 7',
      ' set as-path prepend 65077',
      'exit',
      'route-map out-ipv6 permit 10',
      ` set ipv6 next-hop global ${v6(place)}`,
      ' set local-preference 250',
      ' set metric 7',
      ' set as-path prepend 65077',
      'exit',
      '',
    ].join('\n')
  }
}

interface FrrPath {
  readonly aspath: { readonly string: string }
  readonly metric?: number
  readonly locPrf?: number
  readonly sourced?: boolean
  readonly originatorId?: string
  readonly clusterList?: { readonly list: readonly string[] }
  readonly bestpath?: { readonly overall?: boolean }
  readonly nexthops: readonly { readonly ip: string; readonly scope?: string }[]
}
