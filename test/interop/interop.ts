/** Tandem as a user runs it, beside each real router: sessions over both transports, routes of both families, both ways. */

import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { PeerSnapshot, RouteRow, SpeakerSnapshot } from '../../speaker/index.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'
import { note } from './matrix.ts'
import { planned } from './planned.ts'
import { type Router, routers } from './routers.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const topologies = join(import.meta.dirname, '../topology')

const without = (...prefixes: string[]) =>
  planned.filter((row) => !prefixes.some((prefix) => row.startsWith(`${prefix} `)))

const flags = [
  '--hostname-override=node-1',
  '--cluster-asn=64512',
  '--peer-router-ips=10.0.0.1,fd00::1',
  '--peer-router-asns=65001,65001',
  '--bgp-holdtime=9s',
  '--connect-retry=1s',
  '--advertise-cluster-ip',
  '--advertise-external-ip',
  '--advertise-loadbalancer-ip',
  '--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112',
  '--service-external-ip-range=198.51.100.0/24,2001:db8:51::/64',
  '--loadbalancer-ip-range=203.0.113.0/24,2001:db8:113::/64',
]

class Bench {
  readonly topology: Topology
  readonly manifests: string
  tandem!: Program

  constructor(topology: Topology) {
    this.topology = topology
    this.manifests = join(topology.work, 'manifests')
    cpSync(topology.bound('node-1', '/manifests'), this.manifests, { recursive: true })
  }

  get socket(): string {
    return join(this.topology.work, 'tandem.sock')
  }

  startTandem(): void {
    const command = [
      process.execPath,
      main,
      'run',
      `--manifests=${this.manifests}`,
      `--admin-socket=${this.socket}`,
      ...flags,
    ]
    this.tandem = this.topology.start('node-1', command)
  }

  async ask<Answer>(...words: string[]): Promise<Answer> {
    const text = await this.topology.run('node-1', [
      process.execPath,
      main,
      ...words,
      '-o',
      'json',
      '--admin-socket',
      this.socket,
    ])
    return JSON.parse(text) as Answer
  }

  async peers(): Promise<readonly PeerSnapshot[]> {
    return (await this.ask<SpeakerSnapshot>('peers')).peers
  }

  /** Edits a manifest as an editor does: written beside, then renamed. */
  edit(file: string, change: (text: string) => string): void {
    const path = join(this.manifests, file)
    writeFileSync(`${path}.new`, change(readFileSync(path, 'utf8')))
    renameSync(`${path}.new`, path)
  }

  /** Waits until the router's table is this; fails with both side by side. */
  async routerSees(router: Router, wanted: readonly string[], limitMs = 10_000): Promise<number> {
    const started = Date.now()
    let last: string[] = []
    await eventually(`${router.name} sees the planned routes`, limitMs, async () => {
      last = await router.table(this.topology)
      return last.join() === wanted.join()
    }).catch((error: unknown) => {
      expect(last, String(error)).to.deep.equal(wanted)
    })
    return Date.now() - started
  }
}

for (const router of routers) {
  describe(`beside ${router.name}`, function () {
    this.timeout(60_000)
    let bench: Bench

    before(async () => {
      const topology = await Topology.layOut(join(topologies, `${router.name}.clab.yml`))
      bench = new Bench(topology)
      await router.start(topology, topology.bound('tor', router.config))
      bench.startTandem()
    })

    after(async () => {
      await bench?.topology.tearDown()
    })

    afterEach(function () {
      const [feature] = this.currentTest?.title.split(':') ?? []
      note(router.name, feature ?? '', this.currentTest?.state === 'passed' ? 'ok' : 'FAILED')
    })

    it('sessions: one over IPv4 and one over IPv6 come up, each with both families', async () => {
      const peers = await eventually('both sessions', 40_000, async () => {
        const all = await bench.peers()
        return all.every(({ state }) => state === 'Established') && all.length === 2 && all
      })
      for (const peer of peers) expect(peer.families, peer.name).to.deep.equal(['ipv4-unicast', 'ipv6-unicast'])
    })

    it('routes out: pod CIDRs and VIPs of both families, with the next hop of their own family', async () => {
      await bench.routerSees(router, planned)
    })

    it('routes in: what is refused is not in the table, what is not refused is', async () => {
      const wanted = ['198.18.0.0/24', '2001:db8:99::/48']
      const rows = await eventually('the offered routes', 20_000, async () => {
        const all = await bench.ask<RouteRow[]>('routes', 'in')
        const learned = all.filter(({ source }) => source !== 'originated')
        const complete = ['10.0.0.1', 'fd00::1'].every((peer) =>
          wanted
            .filter((prefix) => router.sendsAcross || prefix.startsWith('2001') === peer.includes(':'))
            .every((prefix) => learned.some((row) => row.source === peer && row.prefix === prefix)),
        )
        return complete && learned
      })
      expect([...new Set(rows.map(({ prefix }) => prefix))].sort()).to.deep.equal(wanted)
      const peers = await bench.peers()
      const rules = (family: 'ipv4-unicast' | 'ipv6-unicast') =>
        peers.flatMap(({ routes }) => Object.keys(routes[family].rejectedBy))
      for (const family of ['ipv4-unicast', 'ipv6-unicast'] as const) {
        expect(rules(family), family).to.include.members([
          'default route',
          "this node's pod CIDRs",
          'kube-router.io/node.bgp.customimportreject',
        ])
      }
    })

    it('End-of-RIB: sent to the router for both families', async () => {
      await eventually('End-of-RIB', 10_000, async () => {
        const peers = await bench.peers()
        return peers.every(({ routes }) => Object.values(routes).every(({ endOfRibSent }) => endOfRibSent))
      })
    })

    it('endpoint unready: its family is withdrawn, and the other one stays', async () => {
      bench.edit('endpoints.yaml', (text) => text.replace('{ ready: true } # IPv6', '{ ready: false } # IPv6'))
      await bench.routerSees(router, without('2001:db8:113::80/128'))
      bench.edit('endpoints.yaml', (text) => text.replace('{ ready: true } # IPv4', '{ ready: false } # IPv4'))
      await bench.routerSees(router, without('2001:db8:113::80/128', '203.0.113.80/32'))
    })

    it('endpoint ready: both come back', async () => {
      bench.edit('endpoints.yaml', (text) => text.replaceAll('ready: false', 'ready: true'))
      await bench.routerSees(router, planned)
    })

    it('explain: says which rule let a route out, and to whom', async () => {
      const { lines } = await bench.ask<{ lines: string[] }>('explain', '2001:db8:113::80')
      expect(lines.join('\n')).to.include('service/default/web status.loadBalancer.ingress[1].ip')
      expect(lines.filter((line) => line.includes('sent to'))).to.have.lengthOf(2)
    })

    it('no flap: every session stayed up through all of it', async () => {
      for (const { name, flaps, malformed } of await bench.peers()) {
        expect({ name, flaps, malformed }).to.deep.equal({ name, flaps: 0, malformed: {} })
      }
    })

    it('shutdown: the routes are gone from the router at once', async () => {
      const started = Date.now()
      await bench.tandem.stop()
      expect(Date.now() - started).to.be.below(1500)
      await bench.routerSees(router, [], 3000)
    })
  })
}

describe('beside bird, when things go wrong', function () {
  this.timeout(60_000)
  const bird = routers[0]!
  let bench: Bench

  before(async () => {
    const topology = await Topology.layOut(join(topologies, 'bird.clab.yml'))
    bench = new Bench(topology)
    await bird.start(topology, topology.bound('tor', bird.config))
    await eventually('BIRD answers', 5000, async () => (await bird.table(topology)).length === 0)
  })

  after(async () => {
    await bench?.topology.tearDown()
  })

  it('lists every route within 2 s of the start of the process', async () => {
    const started = Date.now()
    bench.startTandem()
    await bench.routerSees(bird, planned)
    const took = Date.now() - started
    note('bird', 'start to all routes', `${took} ms`)
    expect(took).to.be.below(2000)
  })

  it('follows an edited manifest within 200 ms', async () => {
    const times: number[] = []
    for (const [from, to, wanted] of [
      ['ready: true', 'ready: false', without('203.0.113.80/32', '2001:db8:113::80/128')],
      ['ready: false', 'ready: true', planned],
      ['ready: true', 'ready: false', without('203.0.113.80/32', '2001:db8:113::80/128')],
      ['ready: false', 'ready: true', planned],
    ] as const) {
      bench.edit('endpoints.yaml', (text) => text.replaceAll(from, to))
      times.push(await bench.routerSees(bird, wanted))
    }
    note('bird', 'edit to table', `${Math.max(...times)} ms`)
    expect(Math.max(...times)).to.be.below(200)
  })

  it('keeps every route when a manifest is garbled, and names file and line', async () => {
    const good = readFileSync(join(bench.manifests, 'services.yaml'), 'utf8')
    bench.edit('services.yaml', (text) => text.replace('kind: Service', 'kind: [Service'))
    await eventually('the finding is logged', 5000, async () => /services\.yaml:\d+:\d+/.test(bench.tandem.log()))
    expect(await bird.table(bench.topology)).to.deep.equal(planned)
    writeFileSync(join(bench.manifests, 'services.yaml'), good)
    await eventually('the finding is gone', 5000, async () => bench.tandem.log().includes('a finding is gone'))
    expect(await bird.table(bench.topology)).to.deep.equal(planned)
  })

  it('keeps the last good value of a bad annotation, and names node, key and value', async () => {
    bench.edit('nodes.yaml', (text) => text.replace('172.16.0.0/16,', '172.16.0.0/99,'))
    const line = await eventually('the finding is logged', 5000, async () =>
      bench.tandem
        .log()
        .split('\n')
        .find((one) => one.includes('172.16.0.0/99')),
    )
    expect(line).to.include('node/node-1 kube-router.io/node.bgp.customimportreject')
    expect(line).to.include('its last good value stays in use')
    const rows = await bench.ask<RouteRow[]>('routes', 'in')
    expect(rows.some(({ prefix }) => prefix === '172.16.5.0/24')).to.equal(false)
    expect(await bird.table(bench.topology)).to.deep.equal(planned)
  })

  it('closes a stranger that speaks nonsense, and no session moves', async () => {
    const nonsense =
      "require('net').connect({host:'10.0.0.2',port:179},function(){this.write('GET / HTTP/1.0\\r\\n\\r\\n')}).on('close',()=>process.exit(0)).on('error',()=>process.exit(0))"
    await bench.topology.run('node-1', [process.execPath, '-e', nonsense])
    expect(await bird.table(bench.topology)).to.deep.equal(planned)
    for (const { flaps } of await bench.peers()) expect(flaps).to.equal(0)
  })

  it('refuses an unknown flag with the flag that was meant, and status 2', async () => {
    const failed = await bench.topology.run('node-1', [process.execPath, main, 'run', '--cluster-as', '64512']).then(
      () => undefined,
      (error: { code: number; stderr: string }) => error,
    )
    expect(failed?.code).to.equal(2)
    expect(failed?.stderr).to.equal('tandem: --cluster-as: is no flag of tandem; did you mean --cluster-asn?\n')
  })
})
