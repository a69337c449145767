/** Policies of the file with Kubernetes as the source: from the file over the plan to what a router hears, and what a change of the file does. */

import { expect } from 'chai'
import { Reconciler } from '../../../controllers/index.ts'
import { readDocument } from '../../../daemon/config/document.ts'
import { ConfigError } from '../../../daemon/config/flag.ts'
import { loadSettings } from '../../../daemon/config/settings.ts'
import { heldBackFindings } from '../../../daemon/held-back.ts'
import { PeerPolicies } from '../../../daemon/peer-policies.ts'
import { acceptAll } from '../../../policy/index.ts'
import { node, options, service, view } from '../../support/cluster.ts'
import { address, Fabric, type Machine, peerTo, prefix, route } from '../../support/fabric.ts'

const file = (change: (text: string) => string = (text) => text) =>
  readDocument(
    'tandem.yaml',
    change(`policies:
  - name: out
    default: next
    statements:
      - { name: not these, match: { prefixes: [203.0.113.2/32, "2001:db8:113::2/128"] }, action: reject }
      - { name: farther, match: { kinds: [load-balancer-ip] }, action: next, set: { med: 50 } }
  - name: in
    default: accept
    statements:
      - { name: no tests, match: { prefixes: [198.18.0.0/15 le 32, "2001:2::/48 le 128"] }, action: reject }
peer-policies:
  - { neighbours: "AS65001", import: in, export: out }
`),
  )

const vips = [{ ip: '203.0.113.1' }, { ip: '203.0.113.2' }, { ip: '2001:db8:113::1' }, { ip: '2001:db8:113::2' }]
const pods = ['10.244.1.0/24', 'fd00:244:1::/64']
const cluster = view(
  node('n1', { ips: ['10.0.0.2', 'fd00::2'] }),
  service('web', { type: 'LoadBalancer', ingress: vips }),
)

for (const [over, tor, spine] of [
  ['IPv4', '10.0.0.1', '10.0.0.3'],
  ['IPv6', 'fd00::1', 'fd00::3'],
] as const) {
  describe(`policies in front of the built-in pair, over ${over}`, () => {
    let fabric: Fabric
    let machine: Machine
    let routers: Record<'tor' | 'spine', Machine>
    let policies: PeerPolicies
    let reconciler: Reconciler
    const own = over === 'IPv4' ? '10.0.0.2' : 'fd00::2'

    const start = async (maximumOut = {}) => {
      policies = new PeerPolicies(maximumOut, file())
      const silent = () => {}
      const log = { debug: silent, info: silent, warn: silent, error: silent }
      const listen = machine.desired.local.listen
      const world = {
        log,
        clock: fabric.clock,
        speaker: machine.speaker,
        place: (desired: Parameters<PeerPolicies['place']>[0]) => {
          const placed = policies.place(desired)
          return { ...placed, local: { ...placed.local, listen } }
        },
      }
      const peerRouters = [
        { address: address(tor), asn: 65001, port: 179, hasPassword: false },
        { address: address(spine), asn: 65002, port: 179, hasPassword: false },
      ]
      reconciler = new Reconciler(world, { ...options, enableIbgp: false, advertiseClusterIp: false, peerRouters })
      reconciler.take(cluster, undefined, [])
      await fabric.pass(15_000)
    }
    const table = (name: keyof typeof routers) => routers[name].speaker.routes('best').map((row) => row.prefix)
    const peer = (name: string) => machine.peer(name)

    beforeEach(() => {
      fabric = new Fabric()
      machine = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [])
      const router = (asn: number, ...addresses: string[]) =>
        fabric.machine(asn, addresses, [peerTo(own, 64512, { exportPolicy: acceptAll })])
      routers = { tor: router(65001, '10.0.0.1', 'fd00::1'), spine: router(65002, '10.0.0.3', 'fd00::3') }
    })

    afterEach(async () => {
      expect(machine.speaker.snapshot().peers.map(({ flaps }) => flaps)).to.deep.equal([0, 0])
      reconciler.stop()
      await fabric.stop()
      expect(fabric.errors).to.deep.equal([])
    })

    it('refuse and change for the peers of their entry alone', async () => {
      await start()
      expect(table('tor')).to.have.members([...pods, '203.0.113.1/32', '2001:db8:113::1/128'])
      expect(table('spine')).to.have.members([...pods, ...vips.map(({ ip }) => `${ip}/${ip.includes(':') ? 128 : 32}`)])
      const [v4] = routers.tor.speaker.routes('best', { prefix: prefix('203.0.113.1/32') })
      expect(v4!.attributes).to.include('MULTI_EXIT_DISC 50')
      const [withheld] = machine.speaker.explain(prefix('2001:db8:113::2/128')).peers
      expect(withheld).to.deep.include({
        peer: tor,
        sent: false,
        statement: { policy: 'out', statement: 'not these', place: 'tandem.yaml:5:9' },
      })
    })

    it('let the pair refuse what it refuses', async () => {
      await start()
      const offered = [
        '0.0.0.0/0',
        '10.244.1.128/25',
        '198.18.1.0/24',
        '192.0.2.0/24',
        '::/0',
        '2001:2::/64',
        '2001:db8::/64',
      ]
      routers.tor.apply({ routes: offered.map((text) => route(text)) })
      await fabric.pass(2000)
      expect(machine.speaker.routes('in', { peer: tor }).map((row) => row.prefix)).to.deep.equal([
        '192.0.2.0/24',
        '2001:db8::/64',
      ])
      expect(peer(tor).routes['ipv4-unicast'].rejectedBy).to.deep.equal({
        'default route': 1,
        "this node's pod CIDRs": 1,
        'in: no tests': 1,
      })
      const [candidate] = machine.speaker.explain(prefix('192.0.2.0/24')).candidates
      expect(candidate!.acceptedBy).to.deep.equal({ policy: 'in', statement: 'default', place: 'tandem.yaml:8:14' })
    })

    it('are taken anew, live, and the difference alone is sent', async () => {
      await start()
      const before = routers.spine.peer().messages.in['update']
      policies.take(file((text) => text.replace('203.0.113.2/32, "2001:db8:113::2/128"', '203.0.113.1/32')))
      const report = reconciler.declareAgain()
      expect(report?.peers).to.deep.include({ reset: [], changed: [tor] })
      await fabric.pass(2000)
      expect(table('tor')).to.have.members([...pods, '203.0.113.2/32', '2001:db8:113::1/128', '2001:db8:113::2/128'])
      expect(routers.spine.peer().messages.in['update']).to.equal(before)
    })

    it('stay as they were when the new file is wrong', async () => {
      await start()
      const wrong = () => policies.take(file((text) => text.replace('export: out', 'export: aut')))
      expect(wrong).to.throw(
        ConfigError,
        'tandem.yaml:12:50 peer-policies[0].export: "aut" is no policy; did you mean "out"?',
      )
      reconciler.declareAgain()
      await fabric.pass(2000)
      expect(table('tor')).to.have.members([...pods, '203.0.113.1/32', '2001:db8:113::1/128'])
    })

    it('keep what is sent below the limit of the fabric, with a finding', async () => {
      const { settings } = loadSettings({ commandLine: { 'maximum-out': 'ipv4=2' }, environment: {} })
      await start(settings['maximum-out'])
      expect(table('spine').filter((text) => !text.includes(':'))).to.have.lengthOf(2)
      expect(table('spine').filter((text) => text.includes(':'))).to.have.lengthOf(3)
      expect(heldBackFindings(machine.speaker.snapshot())).to.deep.equal([
        {
          severity: 'warning',
          object: `peer/${spine}`,
          field: 'maximum-out',
          value: '2',
          message:
            'routes of ipv4-unicast are the most for this peer, and there are more: those that came last are held back',
        },
      ])
    })
  })
}
