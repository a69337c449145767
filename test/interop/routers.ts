/** The real routers: how each is started in a node of the topology, and how its table is read. */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Program, Topology } from '../topology/runner.ts'

export interface Router {
  readonly name: string
  /** Debian packages that bring it. */
  readonly packages: readonly string[]
  /** Sends routes of one family over a session of the other with a next hop that can be used. */
  readonly sendsAcross: boolean
  /** Where the topology binds its configuration. */
  readonly config: string
  start(topology: Topology, config: string): Promise<Program>
  /** Routes learned from the node: `prefix via next hop`, sorted. */
  table(topology: Topology): Promise<string[]>
}

const node = 'tor'
/** How the node's addresses begin. */
const nodes = ['10.0.0.2', 'fd00::2', 'fe80::2']
const inWork = (topology: Topology, name: string) => join(topology.work, name)
const sorted = (rows: Iterable<string>) => [...new Set(rows)].sort()

const bird: Router = {
  name: 'bird',
  sendsAcross: true,
  packages: ['bird2'],
  config: '/etc/bird/bird.conf',
  start: async (topology, config) =>
    topology.start(node, [
      'bird',
      '-f',
      '-c',
      config,
      '-s',
      inWork(topology, 'bird.ctl'),
      '-P',
      inWork(topology, 'bird.pid'),
    ]),
  table: async (topology) => {
    const text = await topology.run(node, ['birdc', '-s', inWork(topology, 'bird.ctl'), 'show', 'route', 'all'])
    const rows: string[] = []
    let prefix = ''
    for (const line of text.split('\n')) {
      prefix = /^(\S+\/\d+)\s/.exec(line)?.[1] ?? prefix
      const hop = /BGP\.next_hop: (\S+)/.exec(line)?.[1]
      if (hop) rows.push(`${prefix} via ${hop}`)
    }
    return sorted(rows)
  },
}

interface FrrTable {
  readonly routes?: Readonly<
    Record<
      string,
      readonly {
        readonly nexthops?: readonly { readonly ip: string; readonly scope?: string }[]
        readonly weight?: number
      }[]
    >
  >
}

/** FRR in a node of the topology. */
export const frrOn = (node: string): Router => ({
  name: 'frr',
  sendsAcross: true,
  packages: ['frr'],
  config: '/etc/frr/frr.conf',
  start: async (topology, config) => {
    const folder = inWork(topology, 'frr')
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o777)
    chmodSync(topology.work, 0o755)
    const sockets = ['-z', join(folder, 'zserv.api'), '--vty_socket', folder, '-i', join(folder, 'bgpd.pid'), '-P', '0']
    return topology.start(node, ['/usr/lib/frr/bgpd', '-n', '-Z', '-S', '-f', config, '--log', 'stdout', ...sockets])
  },
  table: async (topology) => {
    const rows: string[] = []
    for (const family of ['ipv4', 'ipv6']) {
      const command = [
        'vtysh',
        '--vty_socket',
        inWork(topology, 'frr'),
        '-d',
        'bgpd',
        '-c',
        `show bgp ${family} unicast json`,
      ]
      const { routes = {} } = JSON.parse(await topology.run(node, command)) as FrrTable
      for (const [prefix, paths] of Object.entries(routes)) {
        for (const { nexthops = [], weight } of paths) {
          const hop = nexthops.find(({ scope }) => scope !== 'link-local')?.ip
          // What the router originates itself has a weight of its own.
          if (hop && weight !== 32768) rows.push(`${prefix} via ${hop}`)
        }
      }
    }
    return sorted(rows)
  },
})

const offered = {
  ipv4: ['0.0.0.0/0', '198.18.0.0/24', '10.244.1.128/25', '198.51.100.53/32', '172.16.5.0/24'],
  ipv6: ['::/0', '2001:db8:99::/48', 'fd00:244:1:0:8000::/65', '2001:db8:51::53/128', 'fd00:172:16:5::/64'],
} as const

interface GobgpPath {
  readonly attrs: readonly { readonly type: number; readonly nexthop?: string }[]
  readonly 'source-id'?: string
  readonly 'neighbor-ip'?: string
}

const gobgp: Router = {
  name: 'gobgp',
  // Its next hop of an IPv6 route over IPv4 is a mapped address, and of an IPv4 route over IPv6 an IPv6 one, negotiated or not.
  sendsAcross: false,
  packages: ['gobgpd'],
  config: '/etc/gobgp.toml',
  start: async (topology, config) => {
    const program = topology.start(node, ['gobgpd', '-f', config, '--api-hosts', '127.0.0.1:50051', '-p'])
    const add = async (family: 'ipv4' | 'ipv6') => {
      for (const prefix of offered[family]) {
        await topology.run(node, ['gobgp', 'global', 'rib', 'add', prefix, '-a', family])
      }
    }
    // Its API takes a moment to be there.
    for (let attempt = 0; ; attempt++) {
      try {
        await add('ipv4')
        break
      } catch (error) {
        if (attempt > 100) throw error
        await new Promise((done) => setTimeout(done, 50))
      }
    }
    await add('ipv6')
    return program
  },
  table: async (topology) => {
    const rows: string[] = []
    for (const family of ['ipv4', 'ipv6']) {
      const text = await topology.run(node, ['gobgp', 'global', 'rib', '-a', family, '-j'])
      const table = JSON.parse(text.startsWith('{') ? text : '{}') as Record<string, readonly GobgpPath[]>
      for (const [prefix, paths] of Object.entries(table)) {
        for (const { attrs, 'neighbor-ip': from } of paths) {
          const hop = attrs.find(({ nexthop }) => nexthop !== undefined)?.nexthop
          if (hop && from !== undefined && nodes.some((one) => from.startsWith(one))) rows.push(`${prefix} via ${hop}`)
        }
      }
    }
    return sorted(rows)
  },
}

interface OpenbgpdTable {
  readonly rib?: readonly {
    readonly prefix: string
    readonly exit_nexthop?: string
    readonly neighbor?: { readonly remote_addr?: string }
  }[]
}

const openbgpd: Router = {
  name: 'openbgpd',
  // Its next hop of the family that does not carry the session is a loopback address.
  sendsAcross: false,
  packages: ['openbgpd'],
  config: '/etc/bgpd.conf',
  start: async (topology, config) => {
    const own = inWork(topology, 'openbgpd.conf')
    writeFileSync(own, `socket "${inWork(topology, 'openbgpd.sock')}"\n${readFileSync(config, 'utf8')}`)
    chmodSync(own, 0o600)
    // Its user's home, into which it locks itself; the package makes it only when a service manager starts it.
    mkdirSync('/run/openbgpd', { recursive: true })
    return topology.start(node, ['bgpd', '-d', '-v', '-f', own])
  },
  table: async (topology) => {
    const text = await topology.run(node, [
      'bgpctl',
      '-s',
      inWork(topology, 'openbgpd.sock'),
      '-j',
      'show',
      'rib',
      'in',
    ])
    const { rib = [] } = JSON.parse(text) as OpenbgpdTable
    return sorted(
      rib.flatMap(({ prefix, exit_nexthop: hop, neighbor }) => {
        const learned = neighbor?.remote_addr === '10.0.0.2' || neighbor?.remote_addr === 'fd00::2'
        return hop && learned ? [`${prefix} via ${hop}`] : []
      }),
    )
  },
}

interface ExabgpLine {
  readonly neighbor?: {
    readonly address: { readonly peer: string }
    readonly state?: string
    readonly message?: {
      readonly update?: {
        readonly announce?: Readonly<Record<string, Readonly<Record<string, readonly { readonly nlri: string }[]>>>>
        readonly withdraw?: Readonly<Record<string, readonly { readonly nlri: string }[]>>
      }
    }
  }
}

/** ExaBGP keeps no table: what it hears is written down, and added up here. */
const exabgp: Router = {
  name: 'exabgp',
  sendsAcross: true,
  packages: ['exabgp'],
  config: '/etc/exabgp.conf',
  start: async (topology, config) => {
    const script = inWork(topology, 'watch.sh')
    writeFileSync(
      script,
      `#!/bin/sh\n# Not exec: ExaBGP takes a closed standard output for the end of the program.\ncat >> ${inWork(topology, 'heard.json')}\n`,
    )
    chmodSync(script, 0o755)
    writeFileSync(inWork(topology, 'heard.json'), '')
    const own = inWork(topology, 'exabgp.conf')
    writeFileSync(own, readFileSync(config, 'utf8').replace('./watch.sh', script))
    const environment = {
      'exabgp.daemon.user': 'root',
      'exabgp.daemon.drop': 'false',
      'exabgp.api.cli': 'false',
      'exabgp.api.ack': 'false',
      'exabgp.log.level': 'INFO',
    }
    return topology.start(node, ['exabgp', own], environment)
  },
  table: async (topology) => {
    const heard = new Map<string, string>()
    for (const line of readFileSync(inWork(topology, 'heard.json'), 'utf8').split('\n')) {
      if (!line.startsWith('{') || !line.endsWith('}')) continue
      const { neighbor } = JSON.parse(line) as ExabgpLine
      if (neighbor?.state === 'down') {
        for (const key of heard.keys()) if (key.startsWith(`${neighbor.address.peer} `)) heard.delete(key)
      }
      const update = neighbor?.message?.update
      if (!neighbor || !update) continue
      const key = (nlri: string) => `${neighbor.address.peer} ${nlri}`
      for (const prefixes of Object.values(update.withdraw ?? {}))
        for (const { nlri } of prefixes) heard.delete(key(nlri))
      for (const hops of Object.values(update.announce ?? {})) {
        for (const [hop, prefixes] of Object.entries(hops)) {
          for (const { nlri } of prefixes) if (nlri) heard.set(key(nlri), `${nlri} via ${hop}`)
        }
      }
    }
    return sorted(heard.values())
  },
}

export const routers: readonly Router[] = [bird, frrOn(node), gobgp, openbgpd, exabgp]
