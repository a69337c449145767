/** Attributes, the choice of peers and aggregates, as routers see them: one of another AS and one of the node's own, over both transports. */

import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { PeerSnapshot, SpeakerSnapshot } from '../../speaker/index.ts'
import { eventually, type Program, Topology } from '../topology/runner.ts'
import { type AttributeRouter, bird, frr, type Held, type Place } from './attribute-tables.ts'
import { note } from './matrix.ts'

const main = join(import.meta.dirname, '../../daemon/main.ts')
const topologies = join(import.meta.dirname, '../topology')

const flags = [
  '--hostname-override=node-1',
  '--cluster-asn=64512',
  '--bgp-holdtime=9s',
  '--connect-retry=1s',
  '--drain-wait=60s',
  '--advertise-loadbalancer-ip',
  '--loadbalancer-ip-range=203.0.113.0/24,2001:db8:113::/64',
  '--aggregate-vips-ipv4=24',
  '--aggregate-vips-ipv6=64',
]

const places = ['tor', 'spine'] as const

class Bench {
  readonly router: AttributeRouter
  readonly topology: Topology
  readonly manifests: string
  tandem!: Program

  constructor(router: AttributeRouter, topology: Topology) {
    this.router = router
    this.topology = topology
    this.manifests = join(topology.work, 'manifests')
    cpSync(topology.bound('node-1', '/manifests'), this.manifests, { recursive: true })
  }

  get #socket(): string {
    return join(this.topology.work, 'tandem.sock')
  }

  startTandem(): void {
    const own = [`--manifests=${this.manifests}`, `--admin-socket=${this.#socket}`]
    this.tandem = this.topology.start('node-1', [process.execPath, main, 'run', ...own, ...flags])
  }

  async ask<Answer>(...words: string[]): Promise<Answer> {
    const command = [process.execPath, main, ...words, '-o', 'json', '--admin-socket', this.#socket]
    return JSON.parse(await this.topology.run('node-1', command)) as Answer
  }

  async peers(): Promise<readonly PeerSnapshot[]> {
    return (await this.ask<SpeakerSnapshot>('peers')).peers
  }

  /** Edits a manifest as an editor does: written beside, then renamed. */
  edit(file: string, change: (text: string) => string): void {
    const path = join(this.manifests, file)
    const before = readFileSync(path, 'utf8')
    const after = change(before)
    if (after === before) throw new Error(`${file} has nothing to change`)
    writeFileSync(`${path}.new`, after)
    renameSync(`${path}.new`, path)
  }

  async prefixes(place: Place): Promise<string[]> {
    return Object.keys(await this.router.table(this.topology, place)).sort()
  }

  /** Waits until both routers hold just these; fails with the two lists side by side. */
  async hold(wanted: Readonly<Record<Place, readonly string[]>>): Promise<void> {
    for (const place of places) {
      let last: string[] = []
      const sorted = [...wanted[place]].sort()
      await eventually(`what ${place} holds`, 10_000, async () => {
        last = await this.prefixes(place)
        return last.join() === sorted.join()
      }).catch((error: unknown) => expect(last, `${place}: ${error}`).to.deep.equal(sorted))
    }
  }

  /** Waits until the routes of a prefix are this, over each transport; fails with both side by side. */
  async route(place: Place, prefix: string, wanted: Partial<Held>): Promise<void> {
    let last: readonly Partial<Held>[] = []
    const both = [wanted, wanted]
    await eventually(`${prefix} at ${place}`, 10_000, async () => {
      const held = (await this.router.table(this.topology, place))[prefix] ?? []
      const names = Object.keys(wanted) as (keyof Held)[]
      last = held.map((one) => Object.fromEntries(names.map((name) => [name, one[name]])))
      return JSON.stringify(last) === JSON.stringify(both)
    }).catch((error: unknown) => expect(last, `${prefix} at ${place}: ${error}`).to.deep.equal(both))
  }
}

const dressed = ['203.0.113.10/32', '2001:db8:113::10/128']
const chosen = ['203.0.113.20/32', '2001:db8:113::20/128']
const aggregates = ['203.0.113.0/24', '2001:db8:113::/64']
const usual = {
  tor: ['10.244.1.0/24', ...dressed, ...aggregates],
  spine: [...dressed, ...chosen, ...aggregates],
}

for (const router of [bird, frr]) {
  describe(`attributes at ${router.name}`, function () {
    this.timeout(60_000)
    let bench: Bench

    before(async () => {
      const topology = await Topology.layOut(join(topologies, `attributes-${router.name}.clab.yml`))
      bench = new Bench(router, topology)
      for (const place of places) router.start(topology, place, topology.bound(place, router.config))
      bench.startTandem()
    })

    after(async () => {
      await bench?.topology.tearDown()
    })

    afterEach(function () {
      const [feature] = this.currentTest?.title.split(':') ?? []
      note(router.name, feature ?? '', this.currentTest?.state === 'passed' ? 'ok' : 'FAILED')
    })

    it('iBGP and eBGP: four sessions come up, each with both families', async () => {
      const peers = await eventually('all sessions', 40_000, async () => {
        const all = await bench.peers()
        return all.length === 4 && all.every(({ state }) => state === 'Established') && all
      })
      for (const peer of peers) expect(peer.families, peer.name).to.deep.equal(['ipv4-unicast', 'ipv6-unicast'])
    })

    it('selection: VIPs and pod CIDRs go to the peers that are named, and to no other', async () => {
      await bench.hold(usual)
      const { lines } = await bench.ask<{ lines: string[] }>('explain', chosen[1]!)
      expect(lines.filter((line) => line.includes('tandem.io/bgp.advertise-to names spine alone'))).to.have.lengthOf(2)
      expect(lines.filter((line) => line.startsWith('  sent to'))).to.have.lengthOf(2)
    })

    it('communities: standard, well-known, large and extended, by family, beside those of the node', async () => {
      for (const place of places) {
        const sets = { large: '64512:1:2 4200000000:3:4', extended: 'rt:64512:100 soo:192.0.2.1:7' }
        await bench.route(place, dressed[0]!, { communities: '64512:7 64512:100 65535:65281', ...sets })
        await bench.route(place, dressed[1]!, { communities: '64512:7 64512:106', ...sets })
        for (const aggregate of aggregates) {
          await bench.route(place, aggregate, { communities: '64512:7', large: '64512:0:1', extended: '' })
        }
      }
    })

    it('MED: one value for all, another for the peers that are named', async () => {
      for (const prefix of dressed) {
        await bench.route('tor', prefix, { med: 50 })
        await bench.route('spine', prefix, { med: 60 })
      }
    })

    it('local preference: by family, inside the AS alone', async () => {
      await bench.route('spine', dressed[0]!, { localPref: 200 })
      await bench.route('spine', dressed[1]!, { localPref: 300 })
      for (const prefix of chosen) await bench.route('spine', prefix, { localPref: 100 })
    })

    it('prepend: towards the other AS, more over one session; the path inside the AS stays empty', async () => {
      const table = await router.table(bench.topology, 'tor')
      const path = (count: number) => Array.from({ length: count }, () => '64512').join(' ')
      for (const prefix of dressed) {
        expect(table[prefix]?.map((held) => held.path).sort(), prefix).to.deep.equal([path(3), path(5)])
        await bench.route('spine', prefix, { path: '' })
      }
      for (const aggregate of aggregates) await bench.route('tor', aggregate, { path: '64512' })
    })

    it('a bad value: keeps the last good one, with a finding', async () => {
      bench.edit('services.yaml', (text) => text.replace('"50; spine = 60"', '"much"'))
      const line = await eventually('the finding is logged', 5000, async () =>
        bench.tandem
          .log()
          .split('\n')
          .find((one) => one.includes('"much"')),
      )
      expect(line).to.include('service/default/dressed tandem.io/bgp.med').and.include('its last good value stays')
      for (const prefix of dressed) await bench.route('tor', prefix, { med: 50 })
      bench.edit('services.yaml', (text) => text.replace('"much"', '"70"'))
      for (const prefix of dressed) await bench.route('spine', prefix, { med: 70 })
    })

    it('a new selection: is followed at once, by family', async () => {
      bench.edit('services.yaml', (text) => text.replace('advertise-to: spine', 'advertise-to: "65001; ipv6=internal"'))
      await bench.hold({
        tor: [...usual.tor, chosen[0]!],
        spine: [...dressed, chosen[1]!, ...aggregates],
      })
      bench.edit('services.yaml', (text) => text.replace('advertise-to: "65001; ipv6=internal"', 'advertise-to: spine'))
      await bench.hold(usual)
    })

    it('aggregate: holds while one VIP of it does, and goes with the last, family by family', async () => {
      bench.edit('services.yaml', (text) => text.replace(', { ip: "2001:db8:113::30" }', ''))
      bench.edit('services.yaml', (text) => text.replace(', { ip: "2001:db8:113::31" }', ''))
      await bench.hold({
        tor: usual.tor.filter((one) => one !== aggregates[1]),
        spine: usual.spine.filter((one) => one !== aggregates[1]),
      })
      bench.edit('services.yaml', (text) => text.replace('{ ip: 203.0.113.30 }', ''))
      const { lines } = await eventually('the last VIP', 5000, async () => {
        const answer = await bench.ask<{ lines: string[] }>('explain', aggregates[0]!)
        return answer.lines.filter((line) => line.includes('stands for 203.0.113.31/32')).length === 2 && answer
      })
      expect(lines.filter((line) => line.startsWith('  sent to'))).to.have.lengthOf(4)
      expect(await bench.prefixes('tor')).to.include(aggregates[0])
      bench.edit('services.yaml', (text) => text.replace('{ ip: 203.0.113.31 }', ''))
      const without = (all: readonly string[]) => all.filter((one) => !aggregates.includes(one))
      await bench.hold({ tor: without(usual.tor), spine: without(usual.spine) })
    })

    it('drain: GRACEFUL_SHUTDOWN beside the communities of the service, the lowest preference inside the AS', async () => {
      bench.edit('nodes.yaml', (text) => text.replace('annotations:\n', 'annotations:\n    tandem.io/drain: "true"\n'))
      await bench.route('tor', dressed[1]!, { communities: '64512:7 64512:106 65535:0' })
      await bench.route('spine', dressed[0]!, { communities: '64512:7 64512:100 65535:0 65535:65281', localPref: 0 })
    })

    it('all of it live: every session stayed up', async () => {
      for (const { name, flaps, malformed } of await bench.peers()) {
        expect({ name, flaps, malformed }).to.deep.equal({ name, flaps: 0, malformed: {} })
      }
    })
  })
}
