/** Plans of several nodes, played by speakers on a virtual clock: who learns what from whom, and what a change of annotations costs. */

import { families } from 'bgp-ts'
import { expect } from 'chai'
import { type NodeView, type Plan, type PlanOptions, plan, toDesired } from '../../../controllers/index.ts'
import { acceptAll, rejectAll } from '../../../policy/index.ts'
import { node, options, service, view } from '../../support/cluster.ts'
import { address, Fabric, type Machine, peerTo, prefix } from '../../support/fabric.ts'

const nodeAsn = 64512
const torAsn = 65001
const tor = { v4: '10.0.0.254', v6: 'fd00::fe' }
const versions = ['IPv4', 'IPv6'] as const
type Over = (typeof versions)[number]

type Annotations = Readonly<Record<string, string>>
const server = (id: string): Annotations => ({ 'kube-router.io/rr.server': id })
const client = (id: string): Annotations => ({ 'kube-router.io/rr.client': id })

const addressesOf = (last: number) => [`10.0.0.${last}`, `fd00::${last}`]

class Mesh {
  readonly fabric = new Fabric()
  readonly tor: Machine
  readonly #over: Over
  readonly #change: Partial<PlanOptions>
  readonly #machines = new Map<string, Machine>()
  readonly #plans = new Map<string, Plan>()
  /** Names of sessions that a change reset, as `node peer`. */
  readonly resets: string[] = []

  constructor(over: Over, size: number, change: Partial<PlanOptions> = {}) {
    this.#over = over
    this.#change = change
    for (let last = 1; last <= size; last++) {
      const own = [...addressesOf(last), `10.0.9.${last}`, `fd00:9::${last}`]
      this.#machines.set(`n${last}`, this.fabric.machine(nodeAsn, own, []))
    }
    const peers = [...this.#machines.keys()].map((name) =>
      peerTo(addressesOf(Number(name.slice(1)))[over === 'IPv4' ? 0 : 1]!, nodeAsn, {
        exportPolicy: rejectAll,
        passive: true,
      }),
    )
    this.tor = this.fabric.machine(torAsn, [tor.v4, tor.v6], peers)
  }

  /** Gives every node its plan for nodes with these annotations, one each. */
  async annotate(...annotations: readonly Annotations[]): Promise<void> {
    const nodes = annotations.map((one, index): NodeView => {
      const last = index + 1
      const ips = addressesOf(last)
      return node(`n${last}`, {
        annotations: one,
        ips: this.#over === 'IPv4' ? ips : ips.toReversed(),
        podCidrs: [`10.244.${last}.0/24`, `fd00:244:${last}::/64`],
      })
    })
    const web = service('web', { type: 'LoadBalancer', ingress: [{ ip: '203.0.113.1' }, { ip: '2001:db8:113::1' }] })
    const router = this.#over === 'IPv4' ? tor.v4 : tor.v6
    for (const [name, machine] of this.#machines) {
      const own: PlanOptions = {
        ...options,
        nodeName: name,
        listen: [...addressesOf(Number(name.slice(1)))].map(address),
        peerRouters: [{ address: address(router), asn: torAsn, port: 179 }],
        ...this.#change,
      }
      const made = plan(view(...nodes, web), own, this.#plans.get(name))
      this.#plans.set(name, made)
      const report = machine.speaker.apply({ ...toDesired(made, own)!, routes: made.routes })
      this.resets.push(...report.peers.reset.map((one) => `${name} ${one.name}`))
    }
    await this.fabric.pass(20_000)
  }

  machine(name: string): Machine {
    return this.#machines.get(name)!
  }

  /** Pod CIDRs of other nodes in the table, as `prefix via next hop`. */
  pods(name: string): string[] {
    return this.machine(name)
      .speaker.routes('best')
      .filter(({ source, prefix: text }) => source !== 'originated' && text.includes('244'))
      .map((row) => `${row.prefix} via ${row.nextHop}`)
      .sort()
  }

  /** What `name` should hold: the pod CIDRs of all others, each by its own node. */
  others(name: string): string[] {
    return [...this.#machines.keys()]
      .filter((other) => other !== name)
      .flatMap((other) => {
        const last = other.slice(1)
        return [`10.244.${last}.0/24 via 10.0.0.${last}`, `fd00:244:${last}::/64 via fd00::${last}`]
      })
      .sort()
  }

  /** Established sessions with other nodes. */
  sessions(name: string): number {
    const { peers } = this.machine(name).speaker.snapshot()
    return peers.filter(({ type, state }) => type === 'internal' && state === 'Established').length
  }
}

for (const over of versions) {
  describe(`a cluster over ${over}`, () => {
    let mesh: Mesh
    const names = ['n1', 'n2', 'n3', 'n4']
    const expectAllPods = () => {
      for (const name of names) expect(mesh.pods(name), name).to.deep.equal(mesh.others(name))
    }
    /** The router hears of each pod CIDR and VIP from the nodes that have it, and nothing at second hand. */
    const expectNoTransit = () => {
      const rows = mesh.tor.speaker.routes('in')
      for (const row of rows) expect(row.attributes, row.prefix).to.match(/AS_PATH 64512(,|$)/)
      const of = (text: string) => rows.filter(({ prefix: one }) => one.includes(text)).length
      expect([of('10.244.'), of('fd00:244:'), of('203.0.113.1/'), of('2001:db8:113::1/')]).to.deep.equal([4, 4, 4, 4])
    }

    beforeEach(() => {
      mesh = new Mesh(over, 4)
    })

    afterEach(async () => {
      await mesh.fabric.stop()
      expect(mesh.fabric.errors).to.deep.equal([])
      expect(mesh.fabric.clock.pending).to.equal(0)
    })

    it('as a full mesh has every pod CIDR of both families at every node, and VIPs at the router alone', async () => {
      await mesh.annotate({}, {}, {}, {})
      expectAllPods()
      expectNoTransit()
      expect(names.map((name) => mesh.sessions(name))).to.deep.equal([3, 3, 3, 3])
    })

    it('with a reflector has the same routes over fewer sessions', async () => {
      await mesh.annotate(server('1'), client('1'), client('1'), {})
      expectAllPods()
      expectNoTransit()
      expect(names.map((name) => mesh.sessions(name))).to.deep.equal([3, 1, 1, 1])
    })

    it('with two clusters has the same routes, each through both reflectors', async () => {
      await mesh.annotate(server('1'), client('1'), server('2'), client('2'))
      expectAllPods()
      expectNoTransit()
      const [row] = mesh.machine('n2').speaker.routes('best', { prefix: prefix('fd00:244:4::/64') })
      expect(row?.attributes).to.include('ORIGINATOR_ID 10.0.0.4, CLUSTER_LIST 0.0.0.1 0.0.0.2')
    })

    it('goes from the mesh to reflectors and back without a session that stays being reset', async () => {
      await mesh.annotate({}, {}, {}, {})
      const steps: [annotations: Annotations[], sessions: number[]][] = [
        [
          [server('1'), {}, {}, {}],
          [3, 3, 3, 3],
        ],
        [
          [server('1'), client('1'), {}, {}],
          [3, 1, 2, 2],
        ],
        [
          [server('1'), client('1'), client('1'), client('1')],
          [3, 1, 1, 1],
        ],
        [
          [server('9'), client('9'), client('9'), client('9')],
          [3, 1, 1, 1],
        ],
        [
          [server('9'), server('9'), client('9'), client('9')],
          [3, 3, 2, 2],
        ],
        [
          [server('nine'), server('9'), client('?'), client('9')],
          [3, 3, 2, 2],
        ],
        [
          [{}, {}, {}, {}],
          [3, 3, 3, 3],
        ],
      ]
      for (const [annotations, sessions] of steps) {
        const uptime = () =>
          mesh
            .machine('n1')
            .speaker.snapshot()
            .peers.filter(({ type }) => type === 'internal')
        const before = uptime().map(({ sinceMs }) => sinceMs)
        await mesh.annotate(...annotations)
        const title = annotations.map((one) => Object.values(one).join()).join(' ')
        expect(
          names.map((name) => mesh.sessions(name)),
          title,
        ).to.deep.equal(sessions)
        for (const name of names) expect(mesh.pods(name), `${title}: ${name}`).to.deep.equal(mesh.others(name))
        // n1 keeps all its sessions, whatever the others become.
        expect(uptime().map(({ sinceMs }) => sinceMs)).to.deep.equal(before.map((one) => one + 20_000))
      }
      expectNoTransit()
      expect(mesh.resets).to.deep.equal([])
      expect(mesh.tor.speaker.snapshot().peers.every(({ flaps }) => flaps === 0)).to.equal(true)
    })

    it('reflects pod CIDRs also where nothing else is taken in', async () => {
      await mesh.fabric.stop()
      mesh = new Mesh(over, 4, { importDefault: 'reject' })
      await mesh.annotate(server('1'), client('1'), client('1'), {})
      expect(mesh.pods('n1')).to.deep.equal(mesh.others('n1'))
      const held = (name: string) => {
        const { peers } = mesh.machine(name).speaker.snapshot()
        return families.map((family) => peers.reduce((sum, { routes }) => sum + routes[family].received, 0))
      }
      expect([held('n2'), held('n4')]).to.deep.equal([
        [3, 3],
        [3, 3],
      ])
    })

    for (const overrideNextHop of [false, true]) {
      it(`E8 E9 sends ${overrideNextHop ? 'the address of the session' : 'the address of the node'} to routers, of the family of the route, and to nodes its own`, async () => {
        await mesh.fabric.stop()
        const router = over === 'IPv4' ? tor.v4 : tor.v6
        // The session with the router is between other addresses than the node's own.
        const special = over === 'IPv4' ? '10.0.9.1' : 'fd00:9::1'
        const peerRouter = {
          address: address(router),
          asn: torAsn,
          port: 179,
          hasPassword: false,
          localAddress: address(special),
        }
        mesh = new Mesh(over, 1, { overrideNextHop, peerRouters: [peerRouter] })
        const inner = mesh.fabric.machine(nodeAsn, addressesOf(2), [
          peerTo(addressesOf(1)[over === 'IPv4' ? 0 : 1]!, nodeAsn),
        ])
        mesh.tor.apply({ peers: [peerTo(special, nodeAsn, { exportPolicy: acceptAll })] })
        await mesh.annotate(server('1'), client('1'))
        const hops = { 'ipv4-unicast': '10.0.0.1', 'ipv6-unicast': 'fd00::1' }
        expect(inner.table().sort()).to.deep.equal([
          `10.244.1.0/24 via ${hops['ipv4-unicast']}`,
          `fd00:244:1::/64 via ${hops['ipv6-unicast']}`,
        ])
        const toRouter = overrideNextHop
          ? { ...hops, [over === 'IPv4' ? 'ipv4-unicast' : 'ipv6-unicast']: special }
          : hops
        const rows = mesh.tor.speaker.routes('best')
        expect(rows.length).to.equal(6)
        for (const row of rows)
          expect(`${row.prefix} via ${row.nextHop}`).to.equal(`${row.prefix} via ${toRouter[row.family]}`)
      })
    }
  })
}
