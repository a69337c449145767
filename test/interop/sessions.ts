/** What sessions can agree on, beside each real router that knows it, over both transports: a cell of the matrix each. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { stringify } from 'yaml'
import type { PeerSnapshot, RouteRow, SpeakerSnapshot } from '../../speaker/index.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'
import { dialects, type Wanted } from './dialects.ts'
import { note } from './matrix.ts'
import { type Router, routers } from './routers.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const laidOut = join(import.meta.dirname, '../topology/sessions.clab.yml')

const over4 = '10.0.0.1'
const over6 = 'fd00::1'
const ours = ['192.0.2.0/24', '2001:db8:2::/48']
const theirs = ['198.18.0.0/24', '2001:db8:99::/48']

type Peer = Readonly<Record<string, unknown>>

/** Tandem in one namespace, a router in the next, and perhaps a monitor behind it. */
class Bench {
  readonly topology: Topology
  readonly router: Router
  #tandem: Program | undefined
  #router: Program | undefined

  private constructor(topology: Topology, router: Router) {
    this.topology = topology
    this.router = router
  }

  static async layOut(router: Router): Promise<Bench> {
    return new Bench(await Topology.layOut(laidOut), router)
  }

  async startRouter(wanted: Wanted): Promise<void> {
    const file = join(this.topology.work, 'router.conf')
    writeFileSync(file, dialects[this.router.name]!(wanted)!)
    this.#router = await this.router.start(this.topology, file)
  }

  async killRouter(): Promise<void> {
    await this.#router?.stop('SIGKILL')
  }

  /** Returns when it listens. */
  async startTandem(peers: readonly Peer[], more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const command = ['run', '--source=none', `--config=${this.#declare(peers, more)}`, `--admin-socket=${this.#socket}`]
    this.#tandem = this.topology.start('node-1', [process.execPath, main, ...command])
    await eventually('Tandem answers', 10_000, () => this.peers())
  }

  /** Another configuration, while it runs. */
  async apply(peers: readonly Peer[], more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.ask('apply', this.#declare(peers, more))
  }

  #declare(peers: readonly Peer[], more: Readonly<Record<string, unknown>>): string {
    const file = join(this.topology.work, 'tandem.yaml')
    const usual = { 'hold-time': 9, 'connect-retry': 1, import: 'accept-all', export: 'originated-only', asn: 65001 }
    const config = {
      asn: 64512,
      'router-id': '10.0.0.2',
      addresses: { ipv4: '10.0.0.2', ipv6: 'fd00::2' },
      peers: peers.map((peer) => ({ ...usual, ...peer })),
      routes: [{ prefixes: ours }],
      ...more,
    }
    writeFileSync(file, stringify(config))
    return file
  }

  async stopTandem(signal: NodeJS.Signals): Promise<void> {
    await this.#tandem?.stop(signal)
  }

  get log(): string {
    return this.#tandem?.log() ?? ''
  }

  get routerLog(): string {
    return this.#router?.log() ?? ''
  }

  async ask<Answer>(...words: string[]): Promise<Answer> {
    const command = [process.execPath, main, ...words, '-o', 'json', '--admin-socket', this.#socket]
    return JSON.parse(await this.topology.run('node-1', command)) as Answer
  }

  async peers(): Promise<readonly PeerSnapshot[]> {
    return (await this.ask<SpeakerSnapshot>('peers')).peers
  }

  async up(count: number, limitMs = 30_000): Promise<readonly PeerSnapshot[]> {
    return eventually(`${count} sessions`, limitMs, async () => {
      const up = (await this.peers()).filter(({ state }) => state === 'Established')
      return up.length === count && up
    })
  }

  async learned(): Promise<string[]> {
    const rows = await this.ask<RouteRow[]>('routes', 'best')
    return rows.filter(({ source }) => source !== 'originated').map(({ prefix }) => prefix)
  }

  /** Waits for both directions: what the router announces is here, and ours is there. */
  async exchanged(limitMs = 20_000): Promise<void> {
    let state: unknown
    await eventually('routes both ways', limitMs, async () => {
      const table = await this.router.table(this.topology)
      const there = ours.every((one) => table.some((row) => row.startsWith(`${one} via`)))
      const learned = await this.learned()
      state = { table, learned }
      return there && theirs.every((one) => learned.includes(one))
    }).catch(async (error: unknown) => {
      const counted = (await this.peers()).map(({ name, messages, routes: of }) => ({ name, messages, of }))
      throw new Error(`${String(error)} ${JSON.stringify(state)} ${JSON.stringify(counted)}`)
    })
  }

  async startMonitor(): Promise<void> {
    const file = join(this.topology.work, 'monitor.conf')
    const session = (name: string, address: string) =>
      `protocol bgp ${name} { local as 65009; neighbor ${address} as 65001; ipv4 { import all; export none; extended next hop on; }; ipv6 { import all; export none; }; }`
    writeFileSync(
      file,
      `log stderr all;\nrouter id 10.1.0.2;\ndebug protocols { routes, states };\nprotocol device {}\n${session('over4', '10.1.0.1')}\n${session('over6', 'fd01::1')}\n`,
    )
    this.#monitor = this.topology.start('monitor', [
      'bird',
      '-f',
      '-c',
      file,
      '-s',
      join(this.topology.work, 'monitor.ctl'),
      '-P',
      join(this.topology.work, 'monitor.pid'),
    ])
    await eventually('the monitor hears our routes', 30_000, async () => {
      const added = this.heard('added')
      return ours.every((one) => added.some((line) => line.includes(one)))
    })
  }

  #monitor: Program | undefined

  /** What the monitor wrote down about our routes. */
  heard(what: 'added' | 'removed'): string[] {
    const lines = (this.#monitor?.log() ?? '').split('\n')
    return lines.filter((line) => line.includes(` > ${what}`) && ours.some((one) => line.includes(one)))
  }

  get #socket(): string {
    return join(this.topology.work, 'tandem.sock')
  }
}

const both = (more: Peer = {}): Peer[] => [over4, over6].map((address) => ({ address, ...more }))

function feature(name: string, wanted: Wanted, run: (bench: Bench) => Promise<void>): void {
  describe(name, function () {
    this.timeout(120_000)
    for (const router of routers) {
      if (dialects[router.name]!({ routes: theirs, ...wanted }) === undefined) {
        note(router.name, name, 'not in it')
        continue
      }
      it(`${name}: ${router.name}`, async () => {
        const bench = await Bench.layOut(router)
        try {
          await run(bench)
          note(router.name, name, 'ok')
        } catch (error) {
          note(router.name, name, 'FAILED')
          throw new Error(
            `${error instanceof Error ? error.message : error}\n${bench.log.slice(-1500)}\n${bench.routerLog.slice(-1500)}`,
          )
        } finally {
          await bench.topology.tearDown()
        }
      })
    }
  })
}

const routes = theirs

feature('TCP MD5, both dial', { password: 'sesame' }, async (bench) => {
  await bench.startRouter({ password: 'sesame', routes })
  await bench.startTandem(both({ password: 'sesame' }))
  for (const { security } of await bench.up(2)) expect(security.md5).to.equal(true)
  await bench.exchanged()
})

feature('TCP MD5, the router waits', { password: 'sesame', passive: true }, async (bench) => {
  await bench.startRouter({ password: 'sesame', passive: true, routes })
  await bench.startTandem(both({ password: 'sesame' }))
  await bench.up(2)
})

feature('TCP MD5, Tandem waits', { password: 'sesame' }, async (bench) => {
  await bench.startTandem(both({ password: 'sesame', passive: true }))
  await bench.startRouter({ password: 'sesame', routes })
  await bench.up(2)
})

feature('TCP MD5, another key', { password: 'sesame' }, async (bench) => {
  await bench.startRouter({ password: 'sesame', routes })
  await bench.startTandem(both({ password: 'other', 'user-timeout': 2 }))
  await eventually('attempts end', 20_000, async () => {
    const all = await bench.peers()
    return all.length === 2 && all.every(({ lastDown }) => lastDown !== undefined)
  })
  for (const { messages } of await bench.peers()) expect(messages.in['open']).to.equal(0)
})

feature('TTL security', { ttlSecurity: true }, async (bench) => {
  await bench.startRouter({ ttlSecurity: true, routes })
  await bench.startTandem(both({ 'ttl-security': 1 }))
  await bench.up(2)
  await bench.exchanged()
})

feature('TTL security and MD5, Tandem waits', { ttlSecurity: true, password: 'sesame' }, async (bench) => {
  await bench.startTandem(both({ 'ttl-security': 1, password: 'sesame', passive: true }))
  await bench.startRouter({ ttlSecurity: true, password: 'sesame', routes })
  await bench.up(2)
})

feature('neighbours of a prefix', {}, async (bench) => {
  await bench.startTandem([
    { name: 'racks-4', address: '10.0.0.0/24', limit: 5 },
    { name: 'racks-6', address: 'fd00::/64', limit: 5 },
  ])
  await bench.startRouter({ routes })
  const names = (await bench.up(2)).map(({ name }) => name).sort()
  expect(names).to.deep.equal([over4, over6])
  await bench.exchanged()
})

feature('link-local peers', { sessions: ['link'] }, async (bench) => {
  await bench.startRouter({ sessions: ['link'], routes })
  await bench.startTandem([{ address: 'fe80::1%eth1' }])
  const [peer] = await bench.up(1)
  expect(peer?.address).to.equal('fe80::1%eth1')
  await bench.exchanged()
})

feature('IPv4 by an IPv6 next hop', { extendedNextHop: true, sessions: ['over6'] }, async (bench) => {
  await bench.startRouter({ extendedNextHop: true, sessions: ['over6'], routes })
  await bench.startTandem([{ address: over6 }], { addresses: { ipv6: 'fd00::2' } })
  await bench.up(1)
  await bench.exchanged()
  const table = await bench.router.table(bench.topology)
  expect(table).to.include('192.0.2.0/24 via fd00::2')
  const rows = await bench.ask<RouteRow[]>('routes', 'in')
  expect(rows.find(({ prefix }) => prefix === theirs[0])?.nextHop).to.equal(over6)
})

feature('several paths a prefix', { addPath: true }, async (bench) => {
  await bench.startRouter({ addPath: true, routes })
  if (bench.router.name === 'gobgp') {
    for (const [prefix, family] of [
      ['203.0.113.0/24', 'ipv4'],
      ['2001:db8:77::/48', 'ipv6'],
    ] as const) {
      for (const identifier of ['7', '8']) {
        const path = [prefix, 'identifier', identifier, 'med', identifier, '-a', family]
        await bench.topology.run('tor', ['gobgp', 'global', 'rib', 'add', ...path])
      }
    }
  }
  await bench.startTandem(both({ 'add-path': ['ipv4', 'ipv6'] }))
  await bench.up(2)
  let seen: string[] = []
  const paths = async () => {
    const rows = await bench.ask<RouteRow[]>('routes', 'in')
    seen = rows.map(({ prefix, source, attributes }) => `${source} ${prefix} ${attributes}`)
    return (source: string, prefix: string) => seen.filter((row) => row.startsWith(`${source} ${prefix} `)).length
  }
  await eventually('two paths of a prefix of each family', 20_000, async () => {
    const count = await paths()
    return count(over4, '203.0.113.0/24') === 2 && count(over6, '2001:db8:77::/48') === 2
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${seen.join('\n')}`)
  })
})

feature('maximum prefixes', {}, async (bench) => {
  await bench.startRouter({ routes: [...routes, '198.18.1.0/24', '2001:db8:98::/48'] })
  await bench.startTandem(both({ 'max-prefixes': { ipv4: 1, ipv6: 1, beyond: 'reset' } }))
  const peers = await eventually('both are left alone', 30_000, async () => {
    const all = await bench.peers()
    return all.length === 2 && all.every(({ blocked }) => blocked !== undefined) && all
  })
  for (const { lastNotificationSent } of peers) expect(lastNotificationSent).to.include({ code: 6, subcode: 1 })
})

feature('helper while the router restarts', { gracefulRestart: 60 }, async (bench) => {
  const wanted = { gracefulRestart: 60, routes }
  await bench.startRouter(wanted)
  await bench.startTandem(both({ 'graceful-restart': { time: 60 } }))
  await bench.up(2)
  await bench.exchanged()
  await bench.killRouter()
  await eventually('both sessions are down', 20_000, async () =>
    (await bench.peers()).every(({ state, kept }) => state !== 'Established' && kept?.phase === 'restarting'),
  )
  expect(await bench.learned()).to.include.members(theirs)
  await bench.startRouter(wanted)
  const whileKept: string[][] = []
  await eventually('the router is back', 40_000, async () => {
    const learned = await bench.learned()
    const all = await bench.peers()
    // Read after the routes: what was kept here was kept there.
    if (all.every(({ kept }) => kept !== undefined)) whileKept.push(learned)
    return all.every(({ state, kept }) => state === 'Established' && kept === undefined)
  })
  for (const learned of whileKept) expect(learned).to.include.members(theirs)
  // FRR 8.4 may send End-of-RIB before its routes: what it did not send again by then has to go (RFC 4724 section 4.2).
  await eventually('its routes are here', 20_000, async () => {
    const learned = await bench.learned()
    return theirs.every((one) => learned.includes(one))
  })
})

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  feature(`restart by ${signal}, nothing withdrawn`, { gracefulRestart: 60, monitor: true }, async (bench) => {
    await bench.startRouter({ gracefulRestart: 60, monitor: true, routes })
    const peers = both({ 'graceful-restart': { time: 60 } })
    await bench.startTandem(peers)
    await bench.up(2)
    await bench.startMonitor()
    for (let round = 0; round < 2; round++) {
      await bench.stopTandem(signal)
      await bench.startTandem(peers)
      const up = await bench.up(2)
      expect(up.map(({ state }) => state)).to.deep.equal(['Established', 'Established'])
      await eventually('End-of-RIB is out', 10_000, async () =>
        (await bench.peers()).every(({ routes: of }) => Object.values(of).every(({ endOfRibSent }) => endOfRibSent)),
      )
    }
    await bench.exchanged()
    expect(bench.heard('removed')).to.deep.equal([])
  })
}

feature('leaving for good takes routes along', { gracefulRestart: 60, monitor: true }, async (bench) => {
  await bench.startRouter({ gracefulRestart: 60, monitor: true, routes })
  await bench.startTandem(both({ 'graceful-restart': { time: 60 } }))
  await bench.up(2)
  await bench.startMonitor()
  await bench.stopTandem('SIGINT')
  await eventually('the routes are withdrawn', 5000, async () => {
    const removed = bench.heard('removed')
    return ours.every((one) => removed.some((line) => line.includes(one)))
  })
})

feature('last resort after the restart time', { gracefulRestart: 2, longLived: 60, monitor: true }, async (bench) => {
  await bench.startRouter({ gracefulRestart: 2, longLived: 60, monitor: true, routes })
  await bench.startTandem(both({ 'graceful-restart': { time: 2, 'long-lived': 60 } }))
  await bench.up(2)
  await bench.startMonitor()
  await bench.stopTandem('SIGKILL')
  await eventually('the routes are marked', 20_000, async () => {
    const text =
      bench.router.name === 'bird'
        ? await bench.topology.run('tor', [
            'birdc',
            '-s',
            join(bench.topology.work, 'bird.ctl'),
            'show',
            'route',
            'all',
          ])
        : await bench.topology.run('tor', [
            'vtysh',
            '--vty_socket',
            join(bench.topology.work, 'frr'),
            '-d',
            'bgpd',
            '-c',
            'show bgp ipv4 unicast 192.0.2.0/24',
          ])
    return /65535[:,]6|llgr-stale/.test(text)
  })
})

/** How each router is told to ask its peers for everything again. */
const askAgain: Readonly<Record<string, (work: (name: string) => string) => readonly (readonly string[])[]>> = {
  bird: (work) => [['birdc', '-s', work('bird.ctl'), 'reload', 'in', 'all']],
  frr: (work) => [['vtysh', '--vty_socket', work('frr'), '-d', 'bgpd', '-c', 'clear bgp * soft in']],
}

for (const [over, session, address] of [
  ['IPv4', 'over4', over4],
  ['IPv6', 'over6', over6],
] as const) {
  // One session a run: FRR answers two at once in one of its update groups only now and then.
  feature(`refresh over ${over}, both ways`, { refresh: true }, async (bench) => {
    await bench.startRouter({ routes, sessions: [session] })
    await bench.startTandem([{ address, import: 'reject-all' }])
    await bench.up(1)
    await eventually('all is refused', 10_000, async () => {
      const [peer] = await bench.peers()
      return Object.values(peer!.routes).every(({ rejected }) => rejected > 0)
    })
    // What was refused is not stored: the router is asked for it.
    await bench.apply([{ address }])
    await bench.exchanged()
    const commands = askAgain[bench.router.name]?.((name) => join(bench.topology.work, name)) ?? []
    const asked = () => bench.peers().then(([peer]) => peer!.messages.in['route-refresh']!)
    const before = await asked()
    for (const command of commands) await bench.topology.run('tor', command)
    if (commands.length > 0) await eventually('the router asks too', 10_000, async () => (await asked()) > before)
    await bench.exchanged()
    expect((await bench.peers())[0]?.flaps).to.equal(0)
  })
}

feature('another policy, exactly what it changes', { monitor: true }, async (bench) => {
  await bench.startRouter({ monitor: true, routes })
  const prefixes = Array.from({ length: 20 }, (_, index) => [`192.0.${index + 10}.0/24`, `2001:db8:${index + 10}::/48`])
  const declared = { routes: [{ prefixes: [...ours, ...prefixes.flat()] }] }
  await bench.startTandem(both(), declared)
  await bench.up(2)
  await bench.startMonitor()
  await eventually('all routes', 10_000, async () => (await bench.router.table(bench.topology)).length >= 42)
  const sent = () => bench.peers().then((all) => all.map(({ messages }) => messages.out['update']!))
  const before = await sent()
  const policy = {
    name: 'some',
    default: 'reject',
    statements: [
      { name: 'marked', match: { prefixes: ours }, action: 'accept', set: { med: 77 } },
      { name: 'the rest', match: { source: 'originated' }, action: 'accept' },
    ],
  }
  await bench.apply(both({ export: 'some' }), { ...declared, policies: [policy] })
  await eventually('the new ones are out', 10_000, async () => {
    const now = await sent()
    return now.every((count, index) => count > before[index]!)
  })
  await bench.exchanged()
  // One message a family, and nothing about the other forty.
  expect((await sent()).map((count, index) => count - before[index]!)).to.deep.equal([2, 2])
  for (const { flaps } of await bench.peers()) expect(flaps).to.equal(0)
  expect(bench.heard('removed')).to.deep.equal([])
})

feature('a reason at the end', {}, async (bench) => {
  await bench.startRouter({ routes })
  await bench.startTandem(both())
  await bench.up(2)
  await bench.stopTandem('SIGINT')
  const words: Readonly<Record<string, RegExp>> = {
    bird: /Received: Administrative shutdown: "tandem is stopping"/i,
    openbgpd: /tandem is stopping/i,
  }
  const wanted = words[bench.router.name]
  if (wanted) await eventually('the router says why', 5000, async () => wanted.test(bench.routerLog))
  await eventually('the routes are gone from the router', 5000, async () => {
    const table = await bench.router.table(bench.topology)
    return !table.some((row) => ours.some((one) => row.startsWith(one)))
  })
})
