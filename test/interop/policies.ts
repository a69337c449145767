/** Policies of the configuration file beside BIRD and FRR, both ways, over both transports; and the limits of routers that must not trip. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { PeerSnapshot, RouteRow, SpeakerSnapshot } from '../../speaker/index.ts'
import { eventually, Topology } from '../topology/runner.ts'
import { type AttributeRouter, bird, frr, type Held } from './attribute-tables.ts'
import { note } from './matrix.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const topologies = join(import.meta.dirname, '../topology')
const sessions = ['tor4', 'tor6'] as const

/** What the router announces, IPv4 and IPv6 of each kind. */
const theirs = {
  customer: ['192.0.2.0/24', '2001:db8:2::/48'],
  plain: ['198.51.100.0/24', '2001:db8:51::/48'],
  leaving: ['203.0.113.0/24', '2001:db8:77::/48'],
  hole: ['203.0.113.66/32', '2001:db8:77::66/128'],
  bogon: ['198.18.0.0/15', '2001:2::/48'],
} as const
const dressed = ['10.9.1.0/24', 'fd09:1::/48'] as const
const sent = [...dressed, '10.9.2.0/24', 'fd09:2::/48', '10.9.3.0/24', 'fd09:3::/48'].sort()

class Bench {
  readonly router: AttributeRouter
  readonly topology: Topology
  readonly #file: string
  readonly #socket: string

  constructor(router: AttributeRouter, topology: Topology) {
    this.router = router
    this.topology = topology
    this.#file = join(topology.work, 'tandem.yaml')
    this.#socket = join(topology.work, 'tandem.sock')
    writeFileSync(this.#file, readFileSync(topology.bound('node-1', '/etc/tandem.yaml')))
  }

  start(): void {
    this.router.start(this.topology, 'tor', this.topology.bound('tor', this.router.config))
    const command = ['run', '--source=none', `--config=${this.#file}`, `--admin-socket=${this.#socket}`]
    this.topology.start('node-1', [process.execPath, main, ...command])
  }

  async ask<Answer>(...words: string[]): Promise<Answer> {
    const command = [process.execPath, main, ...words, '-o', 'json', '--admin-socket', this.#socket]
    return JSON.parse(await this.topology.run('node-1', command)) as Answer
  }

  async peers(): Promise<readonly PeerSnapshot[]> {
    return (await this.ask<SpeakerSnapshot>('peers')).peers
  }

  async explain(prefix: string): Promise<readonly string[]> {
    return (await this.ask<{ lines: string[] }>('explain', prefix)).lines
  }

  /** Gives the daemon the file with this change; it stays, unless the daemon refuses it. */
  async apply(change: (text: string) => string): Promise<void> {
    const before = readFileSync(this.#file, 'utf8')
    const after = change(before)
    if (after === before) throw new Error('the file has nothing to change')
    writeFileSync(this.#file, after)
    try {
      await this.ask('apply', this.#file)
    } catch (error) {
      writeFileSync(this.#file, before)
      throw error
    }
  }

  /** By prefix and session, the attributes of what came in. */
  async learned(): Promise<Record<string, Record<string, string>>> {
    const table: Record<string, Record<string, string>> = {}
    for (const { prefix, source, attributes } of await this.ask<RouteRow[]>('routes', 'in')) {
      if (source !== 'originated') table[prefix] = { ...table[prefix], [source]: attributes }
    }
    return table
  }

  /** What the router has of ours. */
  async prefixes(): Promise<string[]> {
    const table = await this.router.table(this.topology, 'tor')
    const own = new Set<string>(Object.values(theirs).flat())
    return Object.keys(table)
      .filter((prefix) => !own.has(prefix))
      .sort()
  }

  /** Waits until the router has just these of ours; fails with the two lists side by side. */
  async hold(wanted: readonly string[]): Promise<void> {
    let last: string[] = []
    const sorted = [...wanted].sort()
    await eventually('what the router holds', 10_000, async () => {
      last = await this.prefixes()
      return last.join() === sorted.join()
    }).catch((error: unknown) => expect(last, String(error)).to.deep.equal(sorted))
  }

  /** Waits until a route of ours is this at the router, over each transport. */
  async route(prefix: string, wanted: Partial<Held>): Promise<void> {
    let last: readonly Partial<Held>[] = []
    await eventually(`${prefix} at the router`, 10_000, async () => {
      const held = (await this.router.table(this.topology, 'tor'))[prefix] ?? []
      const names = Object.keys(wanted) as (keyof Held)[]
      last = held.map((one) => Object.fromEntries(names.map((name) => [name, one[name]])))
      return JSON.stringify(last) === JSON.stringify([wanted, wanted])
    }).catch((error: unknown) => expect(last, `${prefix}: ${error}`).to.deep.equal([wanted, wanted]))
  }

  /** Waits until a route came in over both sessions with all of these words in its attributes, or, without words, over none. */
  async comesIn(prefix: string, words: readonly string[] | undefined, without: readonly string[] = []): Promise<void> {
    let last: Record<string, string> | undefined
    await eventually(`${prefix} over both sessions`, 20_000, async () => {
      last = (await this.learned())[prefix]
      if (words === undefined) return last === undefined
      return sessions.every((session) => {
        const text = last?.[session]
        return text && words.every((word) => text.includes(word)) && !without.some((word) => text.includes(word))
      })
    }).catch((error: unknown) => {
      throw new Error(`${String(error)} ${JSON.stringify(last)}`)
    })
  }
}

const inTheFile = /\(.*tandem\.yaml:\d+:\d+\)/

for (const router of [bird, frr]) {
  describe(`policies beside ${router.name}`, function () {
    this.timeout(60_000)
    let bench: Bench

    before(async () => {
      bench = new Bench(router, await Topology.layOut(join(topologies, `policies-${router.name}.clab.yml`)))
      bench.start()
    })

    after(async () => {
      await bench?.topology.tearDown()
    })

    afterEach(function () {
      const [, feature] = /^(?:[A-Z]\d+ )?(.*?):/.exec(this.currentTest?.title ?? '') ?? []
      note(router.name, `policy: ${feature}`, this.currentTest?.state === 'passed' ? 'ok' : 'FAILED')
    })

    it('J2 import: paths, communities of every sort, metrics and next hops are matched, and changed', async () => {
      for (const prefix of theirs.customer) {
        const words = ['LOCAL_PREF 300', '64512:650', '64512:0:65010', '65001:1:1', 'AS_PATH 65001 65010']
        await bench.comesIn(prefix, words, ['65001:100', 'rt:65001:5'])
      }
      for (const prefix of theirs.plain) await bench.comesIn(prefix, ['LOCAL_PREF 150'])
      for (const prefix of theirs.bogon) await bench.comesIn(prefix, undefined)
    })

    it('explain: each verdict with policy, statement and line', async () => {
      const cases = [
        [theirs.customer, '  learned from', 'customers, policy "from-tor"'],
        [theirs.bogon, '  refused from', 'bogons, policy "sane"'],
        [dressed, '  sent to', 'dressed, policy "to-tor"'],
      ] as const
      for (const [prefixes, what, statement] of cases) {
        for (const prefix of prefixes) {
          const lines = (await bench.explain(prefix)).filter((line) => line.includes(what))
          expect(lines, prefix).to.have.lengthOf(2)
          for (const line of lines) expect(line).to.include(statement).and.match(inTheFile)
        }
      }
    })

    it('H14 GRACEFUL_SHUTDOWN: makes a route the last choice, after every policy', async () => {
      for (const prefix of theirs.leaving) await bench.comesIn(prefix, ['LOCAL_PREF 0', '65535:0'], ['LOCAL_PREF 150'])
    })

    it('H16 BLACKHOLE: comes in where a statement asks for it, with NO_EXPORT, and nowhere else', async () => {
      for (const prefix of theirs.hole) await bench.comesIn(prefix, ['65535:666', '65535:65281'])
      await bench.apply((text) => text.replace('communities: blackhole, ', ''))
      for (const prefix of theirs.hole) await bench.comesIn(prefix, undefined)
      await bench.apply((text) =>
        text.replace('name: holes, match: { ', 'name: holes, match: { communities: blackhole, '),
      )
      for (const prefix of theirs.hole) await bench.comesIn(prefix, ['65535:666', '65535:65281'])
    })

    it('J2 export: what is sent, with the path, the MED and communities of every sort changed', async () => {
      await bench.hold(sent)
      for (const prefix of dressed) {
        await bench.route(prefix, {
          path: '64512 64512 64512',
          med: 50,
          communities: '64512:7 65535:65281',
          large: '64512:1:2',
          extended: 'rt:64512:9',
        })
      }
    })

    it('maximum-out: keeps below the limit of the router, which ends the session otherwise', async () => {
      const held = (peers: readonly PeerSnapshot[]) =>
        peers.map(({ routes }) => Object.values(routes).map(({ heldBack }) => heldBack))
      const more = async (wanted: readonly number[]) =>
        eventually('what is held back', 5000, async () => {
          return JSON.stringify(held(await bench.peers())) === JSON.stringify([wanted, wanted])
        })
      await more([1, 1])
      await bench.apply((text) =>
        text
          .replace('10.9.4.0/24]', '10.9.4.0/24, 10.9.5.0/24, 10.9.6.0/24]')
          .replace('"fd09:4::/48"]', '"fd09:4::/48", "fd09:5::/48"]'),
      )
      await more([3, 2])
      await bench.hold(sent)
      // A place that comes free is taken by the one that waited longest.
      await bench.apply((text) => text.replace('10.9.2.0/24, ', '').replace('"fd09:2::/48", ', ''))
      const after = sent.filter((prefix) => !['10.9.2.0/24', 'fd09:2::/48'].includes(prefix))
      await bench.hold([...after, '10.9.4.0/24', 'fd09:4::/48'])
    })

    it('H7 change of export: sends exactly what changed', async () => {
      const updates = async () => (await bench.peers()).map(({ messages }) => messages.out['update']!)
      const before = await updates()
      await bench.apply((text) => text.replace('med: 40', 'med: 60'))
      for (const prefix of dressed) await bench.route(prefix, { med: 70 })
      // One message a family, for the one route that is other than it was.
      expect((await updates()).map((count, index) => count - before[index]!)).to.deep.equal([2, 2])
    })

    it('H7 change of import: judges stored routes, and asks for those that were refused', async () => {
      const asked = async () => (await bench.peers()).map(({ messages }) => messages.out['route-refresh']!)
      const before = await asked()
      await bench.apply((text) => text.replace('local-pref: 150', 'local-pref: 170'))
      for (const prefix of theirs.plain) await bench.comesIn(prefix, ['LOCAL_PREF 170'])
      await bench.apply((text) =>
        text.replace('198.18.0.0/15 le 32, "2001:2::/48 le 128"', '198.18.0.0/15 ge 16, "2001:2::/48 ge 49"'),
      )
      for (const prefix of theirs.bogon) await bench.comesIn(prefix, ['LOCAL_PREF 170'])
      for (const [index, count] of (await asked()).entries()) expect(count).to.be.above(before[index]!)
      for (const prefix of theirs.customer) await bench.comesIn(prefix, ['LOCAL_PREF 300', '65001:1:1'], ['65001:100'])
    })

    it('a file with an error: changes nothing, and says where it is wrong', async () => {
      const wrong = await bench
        .apply((text) => text.replace('as-path: customers', 'as-path: custmers'))
        .then(
          () => 'taken',
          (error: unknown) => String(error),
        )
      expect(wrong).to.match(/tandem\.yaml:\d+:\d+ .*"custmers" is no set of AS paths; did you mean "customers"\?/)
      for (const prefix of theirs.customer) await bench.comesIn(prefix, ['LOCAL_PREF 300'])
    })

    it('all of it live: both sessions stayed up', async () => {
      for (const { name, flaps, malformed } of await bench.peers()) {
        expect({ name, flaps, malformed }).to.deep.equal({ name, flaps: 0, malformed: {} })
      }
    })
  })
}
