/** `tandem explain peer/ADDRESS --router NAME`: the text for FRR and BIRD, what is let in, and when it is hinted at. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { families } from 'bgp-ts'
import { expect } from 'chai'
import type { Plan, PlannedPeer } from '../../../controllers/index.ts'
import { alwaysSynced, type Backend } from '../../../daemon/backend.ts'
import { explain } from '../../../daemon/explain.ts'
import { explainRouter } from '../../../daemon/explain-router.ts'
import { peersTable } from '../../../daemon/render/peers-table.ts'
import type { RouterSession } from '../../../daemon/router-config/router-session.ts'
import { type PeerDeclaration, Secret } from '../../../speaker/index.ts'
import { address, Fabric, peerTo, prefix, route } from '../../support/fabric.ts'

const ours = ['10.0.0.2', 'fd00::2']
const podCidrs = ['10.244.1.0/24', 'fd00:244:1::/64']
const ranges = ['203.0.113.0/24', '2001:db8:113::/64'].map((text) => ({ prefix: prefix(text), advertised: true }))

/** Texts that FRR and BIRD take as they are. */
const golden = (name: string) =>
  readFileSync(join(import.meta.dirname, `../../golden/router-config/${name}.conf`), 'utf8').trimEnd()

/** All that a router is told of. */
const all: Partial<PeerDeclaration> = {
  password: new Secret('sesame'),
  ttlSecurity: 1,
  holdTime: 30,
  gracefulRestart: { time: 90, longLived: 600 },
  bfd: { minTx: 200, minRx: 300, multiplier: 4 },
  addPath: ['ipv6-unicast'],
  maximumOut: { 'ipv4-unicast': 50 },
}

describe("a router's own configuration", () => {
  let fabric: Fabric

  beforeEach(() => {
    fabric = new Fabric()
  })

  afterEach(async () => fabric.stop())

  type Parts = Partial<Backend> & { readonly routes?: readonly string[]; readonly addresses?: readonly string[] }

  function given(peers: readonly PeerDeclaration[], parts: Parts = {}) {
    const { routes = podCidrs, addresses = ours, ...more } = parts
    const machine = fabric.machine(64512, addresses, peers)
    machine.apply({ routes: routes.map((text) => route(text)) })
    const { speaker } = machine
    const backend: Backend = {
      speaker,
      plan: undefined,
      view: undefined,
      findings: [],
      source: 'a test',
      sync: alwaysSynced,
      ...more,
    }
    return { machine, backend }
  }

  const planOf = (more: object = {}) => ({ node: 'node-1', peers: [], local: undefined, ...more }) as unknown as Plan
  const text = (backend: Backend, peer: string, router: string) =>
    explainRouter(backend, `peer/${peer}`, router).lines.join('\n')
  const both = (backend: Backend, peer: string) => ['frr', 'bird'].map((router) => text(backend, peer, router))
  const session = (backend: Backend, peer: string) =>
    (explainRouter(backend, `peer/${peer}`, 'frr').data as { session: RouterSession }).session

  it('is this for an external session over IPv4 with all that there is, from Kubernetes', () => {
    const { backend } = given([peerTo('10.0.0.1', 65001, all)], { plan: planOf(), vipRanges: ranges })
    expect(text(backend, '10.0.0.1', 'frr')).to.equal(golden('external-ipv4.frr'))
    expect(text(backend, '10.0.0.1', 'bird')).to.equal(golden('external-ipv4.bird'))
  })

  it('is this for an internal session over IPv6 with nothing special, of a speaker alone', () => {
    const { backend } = given([peerTo('fd00::1', 64512)])
    expect(text(backend, 'fd00::1', 'frr')).to.equal(golden('internal-ipv6.frr'))
    expect(text(backend, 'fd00::1', 'bird')).to.equal(golden('internal-ipv6.bird'))
  })

  for (const [name, own] of [
    ['10.0.0.1', '10.0.0.2'],
    ['fd00::1', 'fd00::2'],
  ] as const) {
    it(`${name}: external and internal differ in the ASN, and in what is said of many hops`, () => {
      const { backend } = given([
        peerTo(name, 65001, { ttl: 3 }),
        { ...peerTo(name, 64512, { ttl: 3 }), name: 'inside' },
      ])
      const [frr = '', bird = ''] = both(backend, name)
      expect(frr).to.include(`neighbor ${own} ebgp-multihop 3`).and.include('router bgp 65001\n')
      expect(bird).to.include('  multihop 3;').and.include(`local ${name} as 65001;`)
      const [frrInside = '', birdInside = ''] = both(backend, 'inside')
      expect(frrInside).to.not.include('multihop')
      expect(frrInside).to.include('router bgp 64512\n')
      expect(birdInside).to.include('  multihop 3;').and.include(`local ${name} as 64512;`)
    })

    it(`${name}: names the ports that are not 179, of both sides`, () => {
      const { machine, backend } = given([peerTo(name, 65001, { port: 1179 })])
      machine.apply({ local: { listen: ours.map((one) => ({ address: address(one), port: 2179 })) } })
      const [frr = '', bird = ''] = both(backend, name)
      expect(frr).to.include(`neighbor ${own} port 2179`).and.include('start bgpd with -p 1179')
      expect(bird).to.include(`local ${name} port 1179 as 65001;`).and.include(`neighbor ${own} port 2179 as 64512;`)
    })

    it(`${name}: has no keepalives without a hold time, of which BIRD takes no 0`, () => {
      const { backend } = given([peerTo(name, 65001, { holdTime: 0 })])
      const [frr = '', bird = ''] = both(backend, name)
      expect(frr).to.include(`neighbor ${own} timers 0 0`)
      expect(bird).to.include('  hold time 0;').and.not.include('keepalive time')
    })

    it(`${name}: waits for a node that does not listen`, () => {
      const { machine, backend } = given([peerTo(name, 65001)])
      machine.apply({ local: { listen: [] } })
      const [frr = '', bird = ''] = both(backend, name)
      expect(frr).to.include(`neighbor ${own} passive`)
      expect(bird).to.include('  passive on;')
    })

    it(`${name}: BFD over many hops is many hops for the router too`, () => {
      const bfd = { minTx: 300, minRx: 300, multiplier: 3, multihop: true }
      const { backend } = given([
        peerTo(name, 65001, { bfd, ttlSecurity: 1 }),
        { ...peerTo(name, 65001, { bfd }), name: 'far' },
      ])
      const [frr = '', bird = ''] = both(backend, name)
      expect(frr).to.include('ttl-security hops 1').and.not.include('--bfd-multihop')
      expect(bird).to.include('  multihop 2;').and.include('ttl security on')
      for (const one of both(backend, 'far')) {
        expect(one)
          .to.match(/multihop 255/)
          .and.include('255 hops: put the number that there are at most.')
      }
    })
  }

  for (const family of families) {
    it(`${family}: alone, the other one is switched off`, () => {
      const { backend } = given([peerTo('10.0.0.1', 65001, { families: [family] })])
      const [frr = '', bird = ''] = both(backend, '10.0.0.1')
      const [on, off] = family === 'ipv4-unicast' ? ['ipv4', 'ipv6'] : ['ipv6', 'ipv4']
      expect(bird).to.include(`  ${on} {`).and.not.include(`  ${off} {`)
      const parts = frr.split(' address-family ').map((part) => part.split('\n'))
      expect(parts.find(([name]) => name === `${on} unicast`)?.[1]).to.equal('  neighbor 10.0.0.2 activate')
      // FRR has IPv4 on for every neighbour, and IPv6 for none.
      const expected = off === 'ipv4' ? '  no neighbor 10.0.0.2 activate' : undefined
      expect(parts.find(([name]) => name === `${off} unicast`)?.[1]).to.equal(expected)
    })

    it(`${family}: lets in a range that flags do not advertise only while something of it is announced`, () => {
      const [range, vip] =
        family === 'ipv4-unicast'
          ? ['198.51.100.0/24', '198.51.100.53/32']
          : ['2001:db8:51::/64', '2001:db8:51::53/128']
      const vipRanges = [{ prefix: prefix(range), advertised: false }]
      const { machine, backend } = given([peerTo('10.0.0.1', 65001)], { plan: planOf(), vipRanges })
      const entries = () => session(backend, '10.0.0.1').accepts[family].entries.map((one) => one.prefix)
      expect(entries()).to.not.include(range)
      machine.apply({ routes: [...podCidrs, vip].map((one) => route(one)) })
      expect(entries()).to.include(range).and.not.include(vip)
    })

    it(`${family}: lets in all of it, and says why, where a list would be too long or the node reflects`, () => {
      const many = Array.from({ length: 65 }, (_, index) =>
        family === 'ipv4-unicast' ? `192.0.2.${index}/32` : `2001:db8::${index.toString(16)}/128`,
      )
      const everything = family === 'ipv4-unicast' ? { prefix: '0.0.0.0/0', upTo: 32 } : { prefix: '::/0', upTo: 128 }
      const { machine, backend } = given([peerTo('10.0.0.1', 65001)], { routes: many.slice(1) })
      expect(session(backend, '10.0.0.1').accepts[family].entries).to.have.length(64)
      machine.apply({ routes: many.map((one) => route(one)) })
      expect(session(backend, '10.0.0.1').accepts[family].entries).to.deep.equal([everything])
      for (const one of both(backend, '10.0.0.1')) {
        expect(one).to.include(`All of ${family} is let in: this node announces 65 prefixes.`)
      }
      machine.apply({ routes: [] })
      const reflecting = { ...backend, plan: planOf({ local: { clusterId: 1 } }) }
      expect(session(reflecting, '10.0.0.1').accepts[family].entries).to.deep.equal([everything])
    })

    it(`${family}: lets in all of it where a speaker alone reflects`, () => {
      const client = peerTo('10.0.0.7', 64512, { reflectorClient: true })
      const { backend } = given([peerTo('10.0.0.1', 65001), client])
      expect(session(backend, '10.0.0.1').accepts[family].open).to.equal('this node reflects the routes of others')
    })

    it(`${family}: lets nothing in where there is nothing to announce`, () => {
      const { backend } = given([peerTo('10.0.0.1', 65001)], { routes: [] })
      const [frr = '', bird = ''] = both(backend, '10.0.0.1')
      const list = family === 'ipv4-unicast' ? 'ip' : 'ipv6'
      expect(frr).to.include(`${list} prefix-list tandem-10.0.0.2 seq 5 deny any`)
      expect(bird.match(/import none;/g)).to.have.length(2)
    })

    it(`${family}: the bound is twice what there is, in thousands`, () => {
      const many = Array.from({ length: 1200 }, (_, index) => {
        const [high, low] = [index >> 8, index & 255]
        return family === 'ipv4-unicast' ? `192.0.${high}.${low}/32` : `2001:db8::${high}:${low}/128`
      })
      const { backend } = given([peerTo('10.0.0.1', 65001)], { routes: many })
      expect(session(backend, '10.0.0.1').accepts[family].limit).to.equal(3000)
    })
  }

  it('has IPv6 next hops of IPv4 routes where the node has no IPv4 address', () => {
    const { backend } = given([peerTo('fd00::1', 65001, { extendedNextHop: true })], { addresses: ['fd00::2'] })
    const [frr = '', bird = ''] = both(backend, 'fd00::1')
    expect(frr).to.include('neighbor fd00::2 capability extended-nexthop')
    expect(bird.match(/extended next hop on;/g)).to.have.length(1)
  })

  it('leaves what only the operator knows to be filled in, over a link', () => {
    const { backend } = given([{ ...peerTo('fe80::1', 65001, { zone: 'eth0' }), name: 'fe80::1%eth0' }])
    const [frr = '', bird = ''] = both(backend, 'fe80::1%eth0')
    for (const one of [frr, bird]) {
      expect(one).to.include(
        "To be filled in: NODE-ADDRESS (the node's address on this link), INTERFACE (this router's interface to the node).",
      )
    }
    expect(frr).to.include('neighbor NODE-ADDRESS interface INTERFACE').and.not.include('update-source')
    expect(bird).to.include('interface "INTERFACE";').and.include('local as 65001;')
  })

  it('never has the key', () => {
    const { backend } = given([peerTo('10.0.0.1', 65001, all)])
    for (const router of ['frr', 'bird']) {
      const answer = JSON.stringify(explainRouter(backend, 'peer/10.0.0.1', router))
      expect(answer).to.include('MD5-PASSWORD').and.not.include('sesame')
    }
  })

  it('is refused, with what would be right, for what is no router', () => {
    const peers = [{ name: '10.0.0.3', role: 'node' } as PlannedPeer]
    const { backend } = given([peerTo('10.0.0.1', 65001), peerTo('10.0.0.3', 64512)], { plan: planOf({ peers }) })
    for (const [subject, router, problem] of [
      ['peer/10.0.0.1', 'junos', '--router: "junos" is not one of frr, bird'],
      ['default/web', 'frr', '--router: "frr" is for peer/ADDRESS, not for default/web'],
      ['peer/fd00::9', 'frr', '--router: "frr" cannot be told of peer/fd00::9: it is no peer of this speaker'],
      [
        'peer/10.0.0.3',
        'bird',
        '--router: "bird" is not for peer/10.0.0.3: it is another node, which finds this one by itself',
      ],
    ] as const) {
      expect(() => explainRouter(backend, subject, router), subject).to.throw(problem)
    }
  })

  describe('is hinted at', () => {
    const hint = (backend: Backend, name: string) =>
      explain(backend, `peer/${name}`).lines.filter((line) => line.includes('--router frr'))
    const router = (name: string) => (name.includes(':') ? ['fd00::1', '10.0.0.1'] : ['10.0.0.1', 'fd00::1'])

    for (const [name, own] of [
      ['10.0.0.1', '10.0.0.2'],
      ['fd00::1', 'fd00::2'],
    ] as const) {
      const line = (cause: string) => [
        `  ${cause}: \`tandem explain peer/${name} --router frr\` (or bird) has what it needs`,
      ]

      it(`${name}: where the router knows no such neighbour`, async () => {
        const { backend } = given([peerTo(name, 65001)])
        fabric.machine(65001, router(name), [])
        await fabric.pass(10_000)
        expect(hint(backend, name)).to.deep.equal(line('the router may have no neighbour with this address'))
      })

      it(`${name}: where one side has another ASN`, async () => {
        const { backend } = given([peerTo(name, 65001)])
        fabric.machine(65001, router(name), [peerTo(own, 64513)])
        await fabric.pass(10_000)
        expect(hint(backend, name)).to.deep.equal(line('the router has another ASN for one of the two sides'))
      })

      it(`${name}: where a router refused the OPEN, and closes connections without a word since`, async () => {
        const { backend, machine } = given([peerTo(name, 65001)])
        const far = fabric.machine(65001, router(name), [peerTo(own, 64513)])
        await fabric.pass(10_000)
        far.apply({ peers: [] })
        await fabric.pass(60_000)
        expect(machine.peer().lastDown?.why).to.equal('connection reset by the peer')
        expect(hint(backend, name)).to.deep.equal(line('the router has another ASN for one of the two sides'))
        expect(peersTable(backend.speaker.snapshot())).to.include('before that: bad peer AS (2/2)')
        await fabric.pass(400_000)
        expect(hint(backend, name)).to.deep.equal(line('the router may have no neighbour with this address'))
      })

      it(`${name}: where the password may be missing`, async () => {
        const { backend } = given([peerTo(name, 65001, { password: new Secret('sesame') })])
        fabric.machine(65001, router(name), [peerTo(own, 64512)])
        await fabric.pass(10_000)
        expect(hint(backend, name)).to.deep.equal(line('the router may have no password here, or another'))
      })

      it(`${name}: where TTL security may be missing, and not where nobody answers without it`, async () => {
        fabric.network.cut(address(name))
        for (const [more, expected] of [
          [{ ttlSecurity: 1 }, line('the router may not have TTL security here')],
          [{}, []],
        ] as const) {
          const { backend, machine } = given([peerTo(name, 65001, more)])
          await fabric.pass(10_000)
          expect(machine.peer().lastDown?.why).to.equal('connection timed out')
          expect(hint(backend, name)).to.deep.equal(expected)
        }
      })

      it(`${name}: where nothing listens, and not where nothing answers, which is said in its place`, async () => {
        const told = (backend: Backend) =>
          explain(backend, `peer/${name}`).lines.filter((one) => one.includes('nothing'))
        const { backend } = given([peerTo(name, 65001)])
        await fabric.pass(10_000)
        expect(hint(backend, name)).to.deep.equal(
          line('nothing listens there: the router may run no BGP, or have no neighbour over this family'),
        )
        fabric.network.cut(address(name))
        await fabric.pass(60_000)
        expect(hint(backend, name)).to.deep.equal([])
        expect(told(backend)).to.deep.equal([
          `  nothing answers at ${name} port 179: a wrong address, a firewall, or a password that only the router has`,
        ])
      })

      it(`${name}: where a family is switched off`, async () => {
        const { backend } = given([peerTo(name, 65001)])
        fabric.machine(65001, router(name), [peerTo(own, 64512, { families: ['ipv6-unicast'] })])
        await fabric.pass(10_000)
        expect(hint(backend, name)).to.deep.equal(line('the router has ipv4-unicast switched off for this neighbour'))
      })

      it(`${name}: not where all is well, nor where it would mend nothing`, async () => {
        const { backend } = given([peerTo(name, 65001)])
        const far = fabric.machine(65001, router(name), [peerTo(own, 64512)])
        await fabric.pass(10_000)
        expect(hint(backend, name)).to.deep.equal([])
        await far.speaker.stop({ reason: 'new firmware' })
        expect(hint(backend, name)).to.deep.equal([])
      })
    }
  })
})
