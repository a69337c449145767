/** Tandem monitored by pmacct's collector of BMP, over both transports, beside BIRD: sessions, routes of both families both ways, and their changes. */

import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SpeakerSnapshot } from '../../speaker/index.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'
import { note } from './matrix.ts'
import { routers } from './routers.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const topologies = join(import.meta.dirname, '../topology')
const sessions = ['10.0.0.1', 'fd00::1'] as const
const transports = [
  { over: 'IPv4', address: '10.0.0.1', port: 11019, collector: '10.0.0.1:11019' },
  { over: 'IPv6', address: 'fd00::1', port: 11020, collector: '[fd00::1]:11020' },
] as const

/** What BIRD offers and the node takes, and what the node announces, of both families. */
const taken = ['198.18.0.0/24', '2001:db8:99::/48']
const vips = ['203.0.113.80/32', '2001:db8:113::80/128']
const pods = ['10.244.1.0/24', 'fd00:244:1::/64']

const flags = [
  '--hostname-override=node-1',
  '--cluster-asn=64512',
  `--peer-router-ips=${sessions.join()}`,
  '--peer-router-asns=65001,65001',
  '--bgp-holdtime=9s',
  '--connect-retry=1s',
  '--advertise-loadbalancer-ip',
  '--loadbalancer-ip-range=203.0.113.0/24,2001:db8:113::/64',
  `--bmp-collectors=${transports.map(({ collector }) => collector).join()}`,
  '--bmp-adj-rib-out',
  '--bmp-statistics-interval=2s',
]

/** A line of the collector's log, with the fields that are looked at here. */
interface Line {
  readonly event_type: string
  readonly bmp_msg_type?: string
  readonly peer_ip?: string
  readonly peer_asn?: number
  readonly ip_prefix?: string
  readonly log_type?: string
  readonly is_out?: number
  readonly is_post?: number
  readonly [field: string]: unknown
}

class Collector {
  readonly #topology: Topology
  readonly #log: string
  readonly #config: string
  #program: Program | undefined

  constructor(topology: Topology, address: string, port: number) {
    this.#topology = topology
    this.#log = join(topology.work, `bmp-${port}.json`)
    this.#config = join(topology.work, `pmbmpd-${port}.conf`)
    const settings = {
      daemonize: 'false',
      bmp_daemon_ip: address,
      bmp_daemon_port: port,
      bmp_daemon_msglog_file: this.#log,
      bmp_daemon_msglog_output: 'json',
    }
    const lines = Object.entries(settings).map(([key, value]) => `${key}: ${value}\n`)
    writeFileSync(this.#config, lines.join(''))
  }

  start(): void {
    this.#program = this.#topology.start('tor', ['pmbmpd', '-f', this.#config])
  }

  async stop(): Promise<void> {
    await this.#program?.stop()
  }

  get words(): string {
    return this.#program?.log() ?? ''
  }

  lines(type: string): Line[] {
    if (!existsSync(this.#log)) return []
    const text = readFileSync(this.#log, 'utf8')
    // The last line may be on its way.
    const all = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
    const parsed = all.filter(Boolean).map((line) => JSON.parse(line) as Line)
    return parsed.filter((line) => line.bmp_msg_type === type)
  }

  /** Prefixes that the last word about is an announcement, of a session and a direction. */
  table(session: string, out: boolean): string[] {
    const held = new Set<string>()
    for (const line of this.lines('route_monitor')) {
      if (line.peer_ip !== session || (line.is_out === 1) !== out || line.ip_prefix === undefined) continue
      if (line.log_type === 'withdraw') held.delete(line.ip_prefix)
      else held.add(line.ip_prefix)
    }
    return [...held].sort()
  }
}

describe('beside pmbmpd, a collector of BMP', function () {
  this.timeout(60_000)
  const bird = routers.find(({ name }) => name === 'bird')!
  let topology: Topology
  let manifests: string
  let router: Program
  let tandem: Program
  const collectors = new Map<string, Collector>()

  const ask = async (): Promise<SpeakerSnapshot> => {
    const command = [main, 'peers', '-o', 'json', '--admin-socket', join(topology.work, 'tandem.sock')]
    return JSON.parse(await topology.run('node-1', [process.execPath, ...command])) as SpeakerSnapshot
  }

  before(async () => {
    topology = await Topology.layOut(join(topologies, 'bird.clab.yml'))
    manifests = join(topology.work, 'manifests')
    cpSync(topology.bound('node-1', '/manifests'), manifests, { recursive: true })
    for (const { over, address, port } of transports) {
      const collector = new Collector(topology, address, port)
      collectors.set(over, collector)
      collector.start()
      await eventually(`pmbmpd over ${over}`, 10_000, async () => collector.words.includes('waiting for BMP data'))
    }
    router = await bird.start(topology, topology.bound('tor', bird.config))
    const own = [`--manifests=${manifests}`, `--admin-socket=${join(topology.work, 'tandem.sock')}`]
    tandem = topology.start('node-1', [process.execPath, main, 'run', ...own, ...flags])
  })

  after(async () => {
    await topology?.tearDown()
  })

  afterEach(function () {
    const [feature] = this.currentTest?.title.split(':') ?? []
    note('pmbmpd', `BMP ${feature}`, this.currentTest?.state === 'passed' ? 'ok' : 'FAILED')
  })

  for (const { over } of transports) {
    const collector = () => collectors.get(over)!

    it(`initiation: it knows the node by name, over ${over}`, async () => {
      const [line] = await eventually('initiation', 20_000, async () => {
        const lines = collector().lines('init')
        return lines.length > 0 && lines
      })
      expect(line).to.include({ bmp_init_info_sysname: 'node-1' })
      expect(line?.['bmp_init_info_sysdescr']).to.match(/^Tandem/)
    })

    it(`peer up: sessions of both transports, over ${over}`, async () => {
      const lines = await eventually('both sessions', 40_000, async () => {
        const all = collector().lines('peer_up')
        return sessions.every((session) => all.some((line) => line.peer_ip === session)) && all
      })
      for (const line of lines) expect(line).to.include({ peer_asn: 65001, bgp_id: '10.0.0.1' })
    })

    it(`adj-rib-in: routes of both families after import policy, over ${over}`, async () => {
      for (const session of sessions) {
        let last: string[] = []
        await eventually('the routes', 20_000, async () => {
          last = collector().table(session, false)
          return last.join() === taken.join()
        }).catch((error: unknown) => expect(last, `${session}: ${error}`).to.deep.equal(taken))
      }
      for (const line of collector().lines('route_monitor')) expect(line.is_post).to.equal(1)
    })

    it(`adj-rib-out: what the router is sent, over ${over}`, async () => {
      const wanted = [...vips, ...pods]
      for (const session of sessions) {
        await eventually(`what ${session} is sent`, 20_000, async () => {
          const held = collector().table(session, true)
          return wanted.every((prefix) => held.includes(prefix))
        })
      }
      const line = collector()
        .lines('route_monitor')
        .find(({ ip_prefix, is_out }) => ip_prefix === vips[1] && is_out === 1)
      expect(line).to.include({ bgp_nexthop: 'fd00::2', as_path: '64512', origin: 'i' })
    })

    it(`statistics: counters and gauges of both families, over ${over}`, async () => {
      const lines = await eventually('statistics', 20_000, async () => {
        const all = collector().lines('stats')
        return all.some((line) => line['counter_type'] === 17) && all
      })
      const types = new Set(lines.map((line) => line['counter_type']))
      expect([...types]).to.include.members([0, 7, 9, 11, 15, 17])
    })
  }

  it('changes: a VIP that leaves is withdrawn at each collector, and comes back', async () => {
    const edit = (from: string, to: string) => {
      const path = join(manifests, 'endpoints.yaml')
      writeFileSync(`${path}.new`, readFileSync(path, 'utf8').replaceAll(from, to))
      renameSync(`${path}.new`, path)
    }
    for (const [from, to, there] of [
      ['ready: true', 'ready: false', false],
      ['ready: false', 'ready: true', true],
    ] as const) {
      edit(from, to)
      for (const collector of collectors.values()) {
        for (const session of sessions) {
          await eventually(`VIPs ${there ? 'back' : 'gone'}`, 10_000, async () => {
            const held = collector.table(session, true)
            return vips.every((prefix) => held.includes(prefix) === there)
          })
        }
      }
    }
  })

  it('a collector that dies: no session moves, and it hears of everything when it is back', async () => {
    const collector = collectors.get('IPv6')!
    await collector.stop()
    const away = await eventually('the collector is away', 10_000, async () => {
      const { collectors: shown } = await ask()
      return shown?.find(({ port, state }) => port === 11020 && state === 'waiting')
    })
    expect(away.lastError).to.be.a('string')
    const before = collector.lines('init').length
    collector.start()
    await eventually('the collector is back', 40_000, async () => collector.lines('init').length > before)
    await eventually('all is there', 10_000, async () => {
      const last = collector.lines('peer_up').slice(-2)
      return sessions.every((session) => last.some(({ peer_ip }) => peer_ip === session))
    })
    for (const { name, flaps } of (await ask()).peers) expect({ name, flaps }).to.deep.equal({ name, flaps: 0 })
  })

  it('peer down: the end of a session, with who ended it', async () => {
    await router.stop()
    for (const collector of collectors.values()) {
      const lines = await eventually('both sessions are down', 20_000, async () => {
        const all = collector.lines('peer_down')
        return sessions.every((session) => all.some(({ peer_ip }) => peer_ip === session)) && all
      })
      for (const line of lines) expect(line['reason_type'], 'the peer, with a NOTIFICATION').to.equal(3)
    }
  })

  it('termination: a daemon that stops says so', async () => {
    await tandem.stop()
    for (const collector of collectors.values()) {
      await eventually('termination', 5000, async () => collector.lines('term').length > 0)
      expect(collector.words).not.to.match(/malformed|unsupported|invalid|Unable to decode/i)
    }
  })
})
