/** What `tandem explain peer/ADDRESS --router NAME` prints, given to that router as it is: the session comes up with all that was asked for. */

import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Explanation } from '../../daemon/explain.ts'
import type { PeerSnapshot, SpeakerSnapshot } from '../../speaker/index.ts'
import { eventually, Topology } from '../topology/runner.ts'
import { note } from './matrix.ts'
import { planned } from './planned.ts'
import { frrOn, type Router, routers } from './routers.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const topologies = join(import.meta.dirname, '../topology')
const over = ['10.0.0.1', 'fd00::1'] as const
const password = 'sesame'

const flags = [
  '--hostname-override=node-1',
  '--cluster-asn=64512',
  '--peer-router-ips=10.0.0.1,fd00::1',
  '--connect-retry=1s',
  '--advertise-cluster-ip',
  '--advertise-external-ip',
  '--advertise-loadbalancer-ip',
  '--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112',
  '--service-external-ip-range=198.51.100.0/24,2001:db8:51::/64',
  '--loadbalancer-ip-range=203.0.113.0/24,2001:db8:113::/64',
]

/** A router that is configured while it runs, from nothing but its id. */
interface Blank {
  readonly name: string
  table(topology: Topology): ReturnType<Router['table']>
  start(topology: Topology): Promise<void>
  take(topology: Topology, config: string): Promise<void>
}

const inFrr = (topology: Topology, name: string) => join(topology.work, 'frr', name)

const frr: Blank = {
  name: 'frr',
  table: (topology) => frrOn('tor').table(topology),
  start: async (topology) => {
    const folder = join(topology.work, 'frr')
    mkdirSync(folder)
    // Its daemons give up root before they make their sockets.
    chmodSync(folder, 0o777)
    chmodSync(topology.work, 0o755)
    const shared = ['-z', inFrr(topology, 'zserv.api'), '--vty_socket', folder, '-P', '0', '--log', 'stdout']
    const start = (name: string, ...more: readonly string[]) =>
      topology.start('tor', [
        `/usr/lib/frr/${name}`,
        ...shared,
        '-i',
        inFrr(topology, `${name}.pid`),
        '-f',
        '/dev/null',
        ...more,
      ])
    const isUp = (name: string) =>
      eventually(`${name} answers`, 10_000, async () => {
        await topology.run('tor', ['vtysh', '--vty_socket', folder, '-d', name, '-c', 'show version'])
        return true
      })
    start('zebra')
    await isUp('zebra')
    start('bfdd', '--bfdctl', inFrr(topology, 'bfdd.sock'))
    start('bgpd', '-n')
    for (const name of ['bfdd', 'bgpd']) await isUp(name)
  },
  take: async (topology, config) => {
    const file = inFrr(topology, 'taken.conf')
    writeFileSync(file, config)
    await topology.run('tor', ['vtysh', '--vty_socket', join(topology.work, 'frr'), '-f', file])
  },
}

const birdConfig = 'log stderr all;\nrouter id 10.0.0.1;\nprotocol device {}\n'

const bird: Blank = {
  name: 'bird',
  table: (topology) => routers.find(({ name }) => name === 'bird')!.table(topology),
  start: async (topology) => {
    const file = join(topology.work, 'bird.conf')
    writeFileSync(file, birdConfig)
    const control = join(topology.work, 'bird.ctl')
    topology.start('tor', ['bird', '-f', '-c', file, '-s', control, '-P', join(topology.work, 'bird.pid')])
    await eventually('BIRD answers', 10_000, () => topology.run('tor', ['birdc', '-s', control, 'show', 'status']))
  },
  take: async (topology, config) => {
    writeFileSync(join(topology.work, 'bird.conf'), `${birdConfig}${config}`)
    const answer = await topology.run('tor', ['birdc', '-s', join(topology.work, 'bird.ctl'), 'configure'])
    if (!/Reconfigur/.test(answer)) throw new Error(answer)
  },
}

class Bench {
  readonly topology: Topology
  readonly router: Blank

  private constructor(topology: Topology, router: Blank) {
    this.topology = topology
    this.router = router
  }

  static async layOut(router: Blank, more: readonly string[]): Promise<Bench> {
    const bench = new Bench(await Topology.layOut(join(topologies, 'sessions.clab.yml')), router)
    await router.start(bench.topology)
    const manifests = join(bench.topology.work, 'manifests')
    cpSync(join(topologies, 'manifests'), manifests, { recursive: true })
    const own = [`--manifests=${manifests}`, `--admin-socket=${bench.#socket}`]
    bench.topology.start('node-1', [process.execPath, main, 'run', ...own, ...flags, ...more])
    await eventually('Tandem has its peers', 10_000, async () => (await bench.peers()).length === over.length)
    return bench
  }

  async ask(...words: string[]): Promise<string> {
    return this.topology.run('node-1', [process.execPath, main, ...words, '--admin-socket', this.#socket])
  }

  async peers(): Promise<readonly PeerSnapshot[]> {
    return (JSON.parse(await this.ask('peers', '-o', 'json')) as SpeakerSnapshot).peers
  }

  async explain(address: string): Promise<string> {
    const { lines } = JSON.parse(await this.ask('explain', `peer/${address}`, '-o', 'json')) as Explanation
    return lines.join('\n')
  }

  /** Both sessions' parts as they are printed, one behind the other, with what is to be filled in. */
  async configuration(): Promise<string> {
    const parts = await Promise.all(over.map((one) => this.ask('explain', `peer/${one}`, '--router', this.router.name)))
    // The operator's part: the key, and the line that says of itself that it may stand once.
    const [first = '', second = ''] = parts.map((part) => part.replaceAll('MD5-PASSWORD', password))
    return `${first}${second.replace('protocol bfd {}\n', '')}`
  }

  async up(): Promise<readonly PeerSnapshot[]> {
    let last: readonly PeerSnapshot[] = []
    return eventually('both sessions', 60_000, async () => {
      last = await this.peers()
      return last.every(({ state }) => state === 'Established') && last
    }).catch((error: unknown) => {
      throw new Error(`${error} ${JSON.stringify(last.map(({ state, lastDown, bfd }) => ({ state, lastDown, bfd })))}`)
    })
  }

  async routerSeesAll(): Promise<void> {
    let last: string[] = []
    await eventually('the router has all routes', 20_000, async () => {
      last = await this.router.table(this.topology)
      return last.join() === planned.join()
    }).catch((error: unknown) => {
      expect(last, String(error)).to.deep.equal(planned)
    })
  }

  get #socket(): string {
    return join(this.topology.work, 'tandem.sock')
  }
}

interface Story {
  readonly title: string
  readonly flags: readonly string[]
  /** Of a router that takes more of them for the same. */
  readonly flagsFor?: Readonly<Record<string, readonly string[]>>
  readonly check?: (peer: PeerSnapshot) => void
}

const watched =
  (multihop: boolean) =>
  ({ name, bfd }: PeerSnapshot) =>
    expect([bfd?.state, bfd?.multihop], name).to.deep.equal(['Up', multihop])
const asns = (asn: number) => `--peer-router-asns=${asn},${asn}`
const key = Buffer.from(password).toString('base64')
const stories: readonly Story[] = [
  { title: 'an external session', flags: [asns(65001)] },
  { title: 'an internal session', flags: [asns(64512), '--enable-ibgp=false'] },
  {
    title: 'with a password, TTL security, graceful restart and BFD',
    flags: [
      asns(65001),
      `--peer-router-passwords=${key},${key}`,
      '--peer-router-ttl-security=1',
      '--bgp-graceful-restart',
      '--bgp-long-lived-time=600s',
      '--bgp-holdtime=30s',
      '--enable-bfd',
    ],
    // With TTL security its BFD is that of many hops, and its part says so.
    flagsFor: { frr: ['--bfd-multihop'] },
    check: ({ name, security, gracefulRestart, holdTime, bfd }) => {
      expect(security, name).to.deep.equal({ md5: true, ttlSecurity: 1 })
      expect(gracefulRestart, name).to.not.equal(undefined)
      expect(holdTime, name).to.equal(30)
      expect(bfd?.state, name).to.equal('Up')
    },
  },
  { title: 'an external session with BFD', flags: [asns(65001), '--enable-bfd'], check: watched(false) },
  {
    title: 'an internal session with BFD',
    flags: [asns(64512), '--enable-ibgp=false', '--enable-bfd'],
    check: watched(false),
  },
  {
    title: 'many hops, with BFD',
    flags: [asns(65001), '--peer-router-multihop-ttl=3', '--enable-bfd', '--bfd-multihop'],
    check: watched(true),
  },
]

for (const router of [frr, bird]) {
  describe(`a router's own configuration: ${router.name}`, function () {
    this.timeout(120_000)
    let bench: Bench | undefined

    afterEach(async function () {
      note(router.name, 'its own configuration', this.currentTest?.state === 'passed' ? 'ok' : 'FAILED')
      await bench?.topology.tearDown()
      bench = undefined
    })

    for (const { title, flags: wanted, flagsFor, check } of stories) {
      it(`${title}: comes up with both families, and every route is let in`, async () => {
        bench = await Bench.layOut(router, [...wanted, ...(flagsFor?.[router.name] ?? [])])
        await router.take(bench.topology, await bench.configuration())
        const peers = await bench.up()
        for (const { name, families } of peers) {
          expect(families, name).to.deep.equal(['ipv4-unicast', 'ipv6-unicast'])
        }
        if (check) {
          for (const { name } of peers) {
            await eventually(`all is agreed on with ${name}`, 20_000, async () => {
              check((await bench!.peers()).find((one) => one.name === name)!)
              return true
            })
          }
        }
        await bench.routerSeesAll()
      })
    }

    it('is hinted at while the router knows no such neighbour, and gone from the answer when it does', async () => {
      bench = await Bench.layOut(router, [asns(65001)])
      for (const one of over) {
        await eventually(`the hint for ${one}`, 20_000, async () =>
          (await bench!.explain(one)).includes(`explain peer/${one} --router frr`),
        )
      }
      await router.take(bench.topology, await bench.configuration())
      await bench.up()
      for (const one of over) expect(await bench.explain(one)).to.not.include('--router')
    })

    it('is hinted at while the router takes the node for another AS', async () => {
      bench = await Bench.layOut(router, [asns(65001)])
      const right = await bench.configuration()
      await router.take(
        bench.topology,
        right.replaceAll(/remote-as 64512|as 64512;/g, (as) => as.replace('64512', '64513')),
      )
      for (const one of over) {
        await eventually(`the hint for ${one}`, 30_000, async () =>
          (await bench!.explain(one)).includes('another ASN for one of the two sides'),
        )
      }
    })
  })
}
