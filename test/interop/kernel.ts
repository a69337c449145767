/** Kernel routes on a real kernel, from real routers: what is installed, what a restart leaves alone, and what is never touched. */

import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Explanation } from '../../daemon/explain.ts'
import {
  cleanRoutes,
  iproute2,
  type Kernel,
  type KernelChange,
  type KernelEvent,
  type KernelRoute,
  type SpeakerSnapshot,
} from '../../speaker/index.ts'
import { address, prefix } from '../support/fabric.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'
import { note } from './matrix.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const file = join(import.meta.dirname, '../topology/kernel.clab.yml')
const place = { table: 254, protocol: 178, metric: 1780 }

/** Both routers announce the shared ones, each its own. BIRD's link, and parts of it, are not among them. */
const all = [
  '0.0.0.0/0 via 10.0.1.1 10.0.2.1',
  '198.18.0.0/24 via 10.0.1.1 10.0.2.1',
  '198.18.1.0/24 via 10.0.1.1',
  '198.18.2.0/24 via 10.0.2.1',
  '2001:db8:1::/48 via fd00:1::1',
  '2001:db8:2::/48 via fd00:2::1',
  '2001:db8:99::/48 via fd00:1::1 fd00:2::1',
  '::/0 via fd00:1::1 fd00:2::1',
]
const overA = all.flatMap((line) => {
  const [to, , ...hops] = line.split(' ')
  const left = hops.filter((hop) => hop === '10.0.1.1' || hop === 'fd00:1::1')
  return left.length > 0 ? [`${to} via ${left.join(' ')}`] : []
})
const without = (...prefixes: string[]) => all.filter((line) => !prefixes.includes(line.split(' ')[0]!))

class Bench {
  readonly topology: Topology
  readonly kernel: Kernel
  tandem!: Program

  constructor(topology: Topology) {
    this.topology = topology
    this.kernel = iproute2(place, ['ip', 'netns', 'exec', topology.namespace('node-1'), 'ip'])
  }

  get socket(): string {
    return join(this.topology.work, 'tandem.sock')
  }

  startRouters(): void {
    const { topology } = this
    const bird = ['bird', '-f', '-c', topology.bound('tor-a', '/etc/bird/bird.conf')]
    topology.start('tor-a', [...bird, '-s', join(topology.work, 'bird.ctl'), '-P', join(topology.work, 'bird.pid')])
    const folder = join(topology.work, 'frr')
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    chmodSync(topology.work, 0o755)
    const sockets = ['-z', join(folder, 'zserv.api'), '--vty_socket', folder, '-i', join(folder, 'bgpd.pid'), '-P', '0']
    const config = topology.bound('tor-b', '/etc/frr/frr.conf')
    topology.start('tor-b', ['/usr/lib/frr/bgpd', '-n', '-Z', '-S', '-f', config, '--log', 'stdout', ...sockets])
  }

  start(...flags: string[]): void {
    this.tandem = this.topology.start('node-1', this.command('run', ...flags))
  }

  command(...words: string[]): string[] {
    const config = this.topology.bound('node-1', '/etc/tandem.yaml')
    const run = words[0] === 'run' ? ['--source=none', `--config=${config}`, '--install-routes'] : []
    return [process.execPath, main, ...words, `--admin-socket=${this.socket}`, ...run]
  }

  async ask<Answer>(...words: string[]): Promise<Answer> {
    return JSON.parse(await this.topology.run('node-1', this.command(...words, '-o', 'json'))) as Answer
  }

  async ip(...words: string[]): Promise<void> {
    await this.topology.run('node-1', ['ip', ...words])
  }

  async birdc(...words: string[]): Promise<void> {
    await this.topology.run('tor-a', ['birdc', '-s', join(this.topology.work, 'bird.ctl'), ...words])
  }

  async routes(which: (route: KernelRoute) => boolean, kernel = this.kernel): Promise<string[]> {
    const lines: string[] = []
    for (const family of ['ipv4-unicast', 'ipv6-unicast'] as const) {
      await kernel.dump(family, (route) => {
        const hops = route.hops.map((hop) => String(hop.address)).sort()
        if (which(route)) lines.push(`${route.prefix} via ${hops.join(' ')}`)
      })
    }
    return lines.sort()
  }

  /** Waits until our routes are these; fails with both side by side. */
  async has(wanted: readonly string[], limitMs = 20_000, kernel = this.kernel): Promise<number> {
    const started = Date.now()
    let last: string[] = []
    const { table, protocol } = kernel.place
    await eventually('the kernel has the routes', limitMs, async () => {
      last = await this.routes((route) => route.table === table && route.protocol === protocol, kernel)
      return last.join() === wanted.join()
    }).catch((error: unknown) => {
      expect(last, String(error)).to.deep.equal(wanted)
    })
    return Date.now() - started
  }
}

describe('kernel routes', function () {
  this.timeout(90_000)
  let bench: Bench

  before(async () => {
    bench = new Bench(await Topology.layOut(file))
    bench.startRouters()
    bench.start()
  })

  after(async () => {
    await bench?.topology.tearDown()
  })

  afterEach(function () {
    const [feature = ''] = this.currentTest?.title.replace(/^J13 /, '').split(':') ?? []
    for (const name of ['bird', 'frr']) {
      note(name, `kernel, ${feature}`, this.currentTest?.state === 'passed' ? 'ok' : 'FAILED')
    }
  })

  it('installs: both families, from both routers, over both where they are as good', async () => {
    await bench.has(all, 40_000)
    const { kernel } = await bench.ask<SpeakerSnapshot>('peers')
    expect(kernel?.families['ipv4-unicast']).to.include({ installed: 4, pending: 0 })
    expect(kernel?.families['ipv6-unicast']).to.include({ installed: 4, pending: 0 })
  })

  it("explains: what is there, and why BIRD's own address is not", async () => {
    const there = await bench.ask<Explanation>('explain', '2001:db8:99::/48')
    expect(there.lines).to.include('  in the kernel via fd00:1::1 and fd00:2::1: table 254, protocol 178, metric 1780')
    for (const [one, hop] of [
      ['10.0.1.0/25', '10.0.1.1'],
      ['fd00:1::1', 'fd00:1::1'],
    ] as const) {
      const { lines } = await bench.ask<Explanation>('explain', one)
      expect(lines.join('\n')).to.include(`not in the kernel: it covers next hop ${hop}, which is on eth1`)
    }
  })

  it('follows: what one router withdraws goes, or stays over the other', async () => {
    await bench.birdc('disable', 'shared4')
    await bench.birdc('disable', 'own6')
    await bench.has(without('2001:db8:1::/48').map((line) => line.replace('10.0.1.1 10.0.2.1', '10.0.2.1')))
    await bench.birdc('enable', 'shared4')
    await bench.birdc('enable', 'own6')
    await bench.has(all)
  })

  it('repairs: what somebody flushed is put back', async () => {
    await bench.ip('-4', 'route', 'flush', 'proto', '178')
    await bench.ip('-6', 'route', 'del', '2001:db8:99::/48', 'metric', '1780')
    await bench.ip('-6', 'route', 'replace', '2001:db8:1::/48', 'proto', '178', 'metric', '1780', 'via', 'fd00:1::77')
    const took = await bench.has(all, 10_000)
    note('bird', 'kernel, flush to repair', `${took} ms`)
  })

  it('follows links: a router whose link is down is left out, and comes back', async () => {
    await bench.topology.run('tor-b', ['ip', 'link', 'set', 'eth1', 'down'])
    await bench.has(overA, 5000)
    await bench.topology.run('tor-b', ['ip', 'link', 'set', 'eth1', 'up'])
    await bench.topology.run('tor-b', ['ip', 'addr', 'replace', 'fd00:2::1/64', 'dev', 'eth1'])
    await bench.has(all, 40_000)
  })

  it('follows links: routes that the kernel dropped without a word, with an interface of the node, are put back', async () => {
    await bench.ip('link', 'set', 'eth2', 'down')
    await bench.has(overA, 5000)
    await bench.ip('link', 'set', 'eth2', 'up')
    await bench.ip('addr', 'replace', 'fd00:2::2/64', 'dev', 'eth2')
    await bench.has(all, 40_000)
  })

  it('leaves alone: routes of others with the same prefix, whatever their metric', async () => {
    const others = [
      ['198.18.0.0/24', '5', '10.0.1.9'],
      ['2001:db8:99::/48', '5', 'fd00:1::9'],
      ['198.18.9.0/24', '1780', '10.0.1.9'],
    ] as const
    for (const [to, metric, via] of others)
      await bench.ip('route', 'add', to, 'via', via, 'metric', metric, 'proto', '4')
    await bench.birdc('disable', 'own4')
    await bench.birdc('enable', 'own4')
    await bench.has(all)
    const foreign = await bench.routes(({ protocol }) => protocol === 4)
    expect(foreign).to.deep.equal(others.map(([to, , via]) => `${to} via ${via}`).sort())
    for (const [to, metric] of others) await bench.ip('route', 'del', to, 'metric', metric, 'proto', '4')
  })

  it('names: a route of others that has both prefix and metric, and takes the place when it is free', async () => {
    await bench.birdc('disable', 'own4')
    await bench.birdc('disable', 'own6')
    await bench.has(without('198.18.1.0/24', '2001:db8:1::/48'))
    const others = [
      ['198.18.1.0/24', '10.0.1.9'],
      ['2001:db8:1::/48', 'fd00:1::9'],
    ] as const
    for (const [to, via] of others) await bench.ip('route', 'add', to, 'via', via, 'metric', '1780', 'proto', '4')
    await bench.birdc('enable', 'own4')
    await bench.birdc('enable', 'own6')
    for (const [to] of others) {
      await eventually('the conflict is explained', 10_000, async () => {
        const { lines } = await bench.ask<Explanation>('explain', to)
        return lines.some((line) => line.includes('somebody else (protocol 4)'))
      })
    }
    const foreign = await bench.routes(({ protocol }) => protocol === 4)
    expect(foreign).to.deep.equal(others.map(([to, via]) => `${to} via ${via}`))
    for (const [to] of others) await bench.ip('route', 'del', to, 'metric', '1780', 'proto', '4')
    await bench.has(all)
  })

  it('J13 kill -9: what is right is not touched by the restart, what is wrong is put right', async () => {
    await bench.tandem.stop('SIGKILL')
    await bench.has(all, 1000)
    // As if it had been killed in the middle: one is missing, one is old, one nobody announces any more.
    await bench.ip('route', 'del', '198.18.2.0/24', 'metric', '1780')
    await bench.ip('-6', 'route', 'replace', '2001:db8:99::/48', 'proto', '178', 'metric', '1780', 'via', 'fd00:1::1')
    await bench.ip('route', 'add', '198.18.50.0/24', 'proto', '178', 'metric', '1780', 'via', '10.0.1.1')
    await bench.ip('route', 'add', '2001:db8:50::/48', 'proto', '178', 'metric', '1780', 'via', 'fd00:1::1')
    const touched = new Set<string>()
    const watching = (['ipv4-unicast', 'ipv6-unicast'] as const).map((family) =>
      bench.kernel.watch(family, (event: KernelEvent) => {
        if (event.kind === 'route' && event.route.protocol === 178) touched.add(String(event.route.prefix))
      }),
    )
    // FRR sends no End-of-RIB unless it restarts gracefully itself; so the bounded wait is what ends it.
    bench.start('--install-routes-wait=12s')
    await bench.has(all, 40_000)
    await new Promise((done) => setTimeout(done, 500))
    for (const stop of watching) stop()
    expect([...touched].sort()).to.deep.equal([
      '198.18.2.0/24',
      '198.18.50.0/24',
      '2001:db8:50::/48',
      '2001:db8:99::/48',
    ])
  })

  it('end: the routes stay, and are cleaned on request, and no others', async () => {
    const refused = await bench.topology.run('node-1', bench.command('clean-routes')).then(
      () => '',
      (error: { stderr: string }) => error.stderr,
    )
    expect(refused).to.include('belongs to a daemon that would put the routes back')
    await bench.tandem.stop()
    await bench.has(all, 1000)
    await bench.ip('route', 'add', '198.18.9.0/24', 'via', '10.0.1.9', 'proto', '4', 'metric', '1780')
    const before = await bench.routes(({ protocol }) => protocol !== 178)
    const said = await bench.topology.run('node-1', bench.command('clean-routes'))
    expect(said).to.include('ipv6-unicast: 4 routes of protocol 178 removed from table 254')
    await bench.has([], 1000)
    expect(await bench.routes(({ protocol }) => protocol !== 178)).to.deep.equal(before)
    await bench.ip('route', 'del', '198.18.9.0/24', 'metric', '1780')
  })

  it('another table: filled, and emptied at the end when asked for', async () => {
    const own = { table: 1178, protocol: 177, metric: 20 }
    const kernel = iproute2(own, ['ip', 'netns', 'exec', bench.topology.namespace('node-1'), 'ip'])
    bench.start(
      '--install-routes-table=1178',
      '--install-routes-protocol=177',
      '--install-routes-metric=20',
      '--install-routes-paths=1',
      '--install-routes-on-exit=remove',
    )
    await bench.has(
      all.map((line) => line.split(' ').slice(0, 3).join(' ')),
      40_000,
      kernel,
    )
    expect(await bench.routes((route) => route.table === 254 && route.protocol === 177)).to.deep.equal([])
    await bench.tandem.stop()
    await bench.has([], 1000, kernel)
  })

  it('no right: a finding, and sessions that stay up', async () => {
    const dropped = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin']
    bench.tandem = bench.topology.start('node-1', [...dropped, ...bench.command('run')])
    for (const family of ['ipv4-unicast', 'ipv6-unicast'] as const) {
      const finding = await eventually(`the finding of ${family}`, 40_000, async () => {
        const { peers, kernel } = await bench.ask<SpeakerSnapshot>('peers')
        const trouble = kernel?.families[family].problems.find(({ kind }) => kind === 'trouble')
        return peers.every(({ state }) => state === 'Established') && trouble
      })
      expect(finding.reason).to.equal('Operation not permitted: the capability NET_ADMIN is missing')
    }
    await bench.has([], 100)
    await bench.tandem.stop()
  })
})

describe('iproute2', function () {
  this.timeout(30_000)
  let bench: Bench

  before(async () => {
    bench = new Bench(await Topology.layOut(file))
  })

  after(async () => {
    await bench?.topology.tearDown()
  })

  const hops = (...texts: string[]) => texts.map((text) => ({ address: address(text) }))
  const cases = [
    { family: 'ipv4-unicast', to: ['198.18.1.0/24', '198.18.2.0/24'], via: ['10.0.1.1', '10.0.1.3'], off: '10.9.9.9' },
    { family: 'ipv6-unicast', to: ['2001:db8:1::/48', '::/0'], via: ['fd00:1::1', 'fd00:1::3'], off: 'fd99::9' },
    // RFC 8950.
    { family: 'ipv4-unicast', to: ['0.0.0.0/0', '198.18.4.0/32'], via: ['fd00:1::1', '10.0.1.3'], off: 'fd99::9' },
  ] as const
  for (const { family, to, via, off } of cases) {
    it(`tells each fault by its line: ${family} via ${via.join(' and ')}`, async () => {
      const [first, second] = [prefix(to[0]), prefix(to[1])]
      const changes: KernelChange[] = [
        { kind: 'add', prefix: first, hops: hops(via[0]) },
        { kind: 'add', prefix: first, hops: hops(via[1]) },
        { kind: 'replace', prefix: first, hops: hops(...via) },
        { kind: 'add', prefix: second, hops: hops(off) },
        { kind: 'add', prefix: second, hops: hops(via[0], off) },
        { kind: 'add', prefix: second, hops: hops(...via) },
        { kind: 'replace', prefix: second, hops: hops(via[1]) },
        { kind: 'remove', prefix: second, metric: 99 },
      ]
      const faults = await bench.kernel.apply(family, changes)
      expect(faults.map(({ index, kind }) => `${index} ${kind}`)).to.deep.equal([
        '1 exists',
        '3 unreachable',
        '4 unreachable',
        '7 gone',
      ])
      const wanted = [`${first} via ${[...via].sort().join(' ')}`, `${second} via ${via[1]}`].sort()
      await bench.has(wanted, 1000)
      expect(await cleanRoutes(bench.kernel, family)).to.deep.equal({ removed: 2, faults: [] })
      await bench.has([], 1000)
    })
  }

  it('says what keeps it from working', async () => {
    const missing = await iproute2(place, ['/nonexistent/ip'])
      .dump('ipv4-unicast', () => {})
      .catch(String)
    expect(missing).to.equal('Error: iproute2 cannot be started: spawn /nonexistent/ip ENOENT')
    const failing = await iproute2(place, ['false']).apply('ipv6-unicast', []).catch(String)
    expect(failing).to.equal('Error: false ended with status 1')
  })
})
