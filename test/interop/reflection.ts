/**
 * Route reflection beside real routers of the same AS: Tandem as the reflector of BIRD, as the client of BIRD and FRR, and as one of several
 * reflectors; and nodes that run nothing but Tandem. Nodes are what Node objects say they are: routers have one too.
 */

import { expect } from 'chai'
import type { PeerSnapshot } from '../../speaker/index.ts'
import { eventually } from '../topology/runner.ts'
import { note } from './matrix.ts'
import { type Annotations, type Over, type Place, SameAs, type Seen, torAsn, transportOf, v4, v6 } from './same-as.ts'

const server = (id: string): Annotations => ({ 'kube-router.io/rr.server': id })
const client = (id: string): Annotations => ({ 'kube-router.io/rr.client': id })
const routersOf = (over: Over) => [`--peer-router-ips=${transportOf('tor', over)}`, `--peer-router-asns=${torAsn}`]

/** One prefix a family, by who originates them. */
const routes = {
  'bird-1': ['192.0.2.0/24', '2001:db8:11::/48'],
  'bird-2': ['198.18.0.0/24', '2001:db8:12::/48'],
  'frr-1': ['198.19.0.0/24', '2001:db8:21::/48'],
  tor: ['198.51.100.0/24', '2001:db8:254::/48'],
} as const satisfies Partial<Record<Place, readonly [string, string]>>
const podCidrs = (last: number) => [`10.244.${last}.0/24`, `fd00:244:${last}::/64`] as const
const onceEach = (...prefixes: string[]) => prefixes.sort().map((prefix): [string, number] => [prefix, 1])
const hopsOf = (place: Place) => [v4(place), v6(place)] as const

/** A route of a router as everybody in its AS should see it, through these clusters. */
const reflected = (from: Place, family: 0 | 1, clusters: string): Seen => ({
  nextHop: hopsOf(from)[family],
  asPath: '65077',
  localPref: 250,
  med: 7,
  originator: v4(from),
  clusters,
})

/** Waits until what is seen is this; fails with both side by side. */
async function becomes<Value>(
  what: string,
  look: () => Promise<Value>,
  wanted: Value,
  limitMs = 15_000,
): Promise<void> {
  let last: Value | undefined
  await eventually(what, limitMs, async () => {
    last = await look()
    return JSON.stringify(last) === JSON.stringify(wanted)
  }).catch((error: unknown) => {
    expect(last, String(error)).to.deep.equal(wanted)
  })
}

const updates = (peers: readonly PeerSnapshot[]) =>
  peers.map(({ name, messages }) => `${name} ${messages.in['update']}`)
const flapsOf = (peers: readonly PeerSnapshot[]) =>
  peers.map(({ name, flaps, malformed }) => ({ name, flaps, malformed }))
const steady = (peers: readonly PeerSnapshot[]) => peers.map(({ name }) => ({ name, flaps: 0, malformed: {} }))
const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds))

/** No UPDATE comes in for three seconds: nothing goes in circles. */
async function isQuiet(as: SameAs, ...places: Place[]): Promise<void> {
  const all = async () => (await Promise.all(places.map((place) => as.peers(place)))).map(updates)
  const before = await all()
  await pause(3000)
  expect(await all()).to.deep.equal(before)
}

for (const over of ['IPv4', 'IPv6'] as const) {
  const names = ['bird', 'frr'] as const
  const failures = new Set<string>()
  let as: SameAs
  const tandemSees = (place: Place, prefix: string) => as.tandemSees(place, prefix)

  const recorded = (feature: string) =>
    function (this: Mocha.Context) {
      if (this.currentTest?.state !== 'passed') failures.add(feature)
      for (const name of names) note(name, `${feature} over ${over}`, failures.has(feature) ? 'FAILED' : 'ok')
    }

  describe(`Tandem as reflector of two BIRD clients beside FRR and a router of another AS, over ${over}`, function () {
    this.timeout(60_000)
    /** Of the session with the router; the node's own are others. */
    const session = over === 'IPv4' ? '10.0.0.101' : 'fd00::101'
    const toRouter = { remoteip: transportOf('tor', over), remoteasn: torAsn, localip: session }
    const reflector = (id: string) => ({ ...server(id), 'kube-router.io/peers': JSON.stringify([toRouter]) })
    const roles = (more: Partial<Record<Place, Annotations>> = {}) => ({
      'node-1': reflector('42'),
      'bird-1': client('42'),
      'bird-2': client('0.0.0.42'),
      'frr-1': {},
      ...more,
    })

    before(async () => {
      as = await SameAs.layOut(over)
      as.annotate(roles())
      const neighbours = [{ place: 'node-1' }] as const
      await as.startBird('bird-1', { neighbours, routes: routes['bird-1'] })
      await as.startBird('bird-2', { neighbours, routes: routes['bird-2'] })
      await as.startFrr('frr-1', { neighbours, routes: routes['frr-1'] })
      await as.startBird('tor', { neighbours: [{ place: 'node-1', address: session }], routes: routes.tor })
      as.startTandem('node-1', '--override-nexthop')
    })

    after(async () => {
      await as?.tearDown()
    })

    afterEach(recorded('reflects'))

    for (const family of [0, 1] as const) {
      const name = ['IPv4', 'IPv6'][family]

      it(`C32 C34 clients hear of each other and of the others, ${name}: all as it was, with originator and cluster`, async () => {
        for (const [to, from] of [
          ['bird-2', 'bird-1'],
          ['bird-1', 'bird-2'],
          ['bird-1', 'frr-1'],
          ['bird-2', 'frr-1'],
        ] as const) {
          const look = () => as.birdSees(to, routes[from][family])
          await becomes(`${to} sees ${from}`, look, reflected(from, family, '0.0.0.42'))
        }
      })

      it(`C31 others hear of clients, ${name}`, async () => {
        for (const from of ['bird-1', 'bird-2'] as const) {
          const look = () => as.frrSees('frr-1', routes[from][family])
          await becomes(`frr-1 sees ${from}`, look, reflected(from, family, '0.0.0.42'))
        }
      })
    }

    it('C31 nobody gets its own back, and nothing crosses the border of the AS', async () => {
      const [own, others] = [podCidrs(1), [...routes['bird-2'], ...routes['frr-1']]]
      expect([...(await as.birdTable('bird-1'))]).to.deep.equal(onceEach(...own, ...others))
      expect([...(await as.birdTable('tor'))]).to.deep.equal(onceEach(...own))
      const taken = await Promise.all(routes.tor.map((one) => as.tandemSees('node-1', one)))
      expect(taken.map((seen) => seen?.asPath)).to.deep.equal(['65001 65077', '65001 65077'])
    })

    it('E8 --override-nexthop is for routers: the address of the session where it is of the family, else of the node', async () => {
      const hops = await Promise.all(podCidrs(1).map(async (prefix) => (await as.birdSees('tor', prefix))?.nextHop))
      expect(hops).to.deep.equal(over === 'IPv4' ? [session, v6('node-1')] : [v4('node-1'), session])
      const inside = await Promise.all(
        podCidrs(1).map(async (prefix) => (await as.birdSees('bird-1', prefix))?.nextHop),
      )
      expect(inside).to.deep.equal(hopsOf('node-1'))
    })

    it('explain names the statement that reflects, and what holds a route back', async () => {
      const lines = async (prefix: string) =>
        (await as.ask<{ lines: string[] }>('node-1', 'explain', prefix)).lines.join('\n')
      for (const family of [0, 1] as const) {
        const story = await lines(routes['frr-1'][family])
        const hop = hopsOf('frr-1')[family]
        const to = (place: Place) => transportOf(place, over)
        expect(story).to.include(
          `sent to ${to('bird-1')} with next hop ${hop}: route reflection, kube-router.io/rr.server`,
        )
        expect(story).to.include(`not sent to ${to('frr-1')}: learned from this peer`)
        expect(story).to.include(`not sent to ${to('tor')}: not originated by this node`)
      }
    })

    it('a client that is one no more hears of clients alone, and hears all once it is one again', async () => {
      const heard = async () => [...(await as.birdTable('bird-2')).keys()]
      const pods = podCidrs(1)
      as.annotate(roles({ 'bird-2': {} }))
      await becomes('only clients', heard, [...pods, ...routes['bird-1']].sort())
      as.annotate(roles({ 'bird-2': client('forty-two'), 'frr-1': client('42') }))
      await becomes('the client FRR too', heard, [...pods, ...routes['bird-1'], ...routes['frr-1']].sort())
      as.annotate(roles())
      await becomes('all of it', () => as.birdSees('bird-2', routes['frr-1'][1]), reflected('frr-1', 1, '0.0.0.42'))
    })

    it('a new cluster id is on every reflected route, and a bad one changes nothing', async () => {
      const clusters = { 'node-1': reflector('0.0.0.43'), 'bird-1': client('43'), 'bird-2': client('43') }
      as.annotate(roles(clusters))
      const all = (from: Place & keyof typeof routes, ...to: ('bird-1' | 'bird-2')[]) =>
        to.map((place) => routes[from].map((_, family) => [place, reflected(from, family as 0 | 1, '0.0.0.43')]))
      const look = (from: keyof typeof routes, ...to: ('bird-1' | 'bird-2')[]) =>
        Promise.all(
          to.map((place) => Promise.all(routes[from].map(async (prefix) => [place, await as.birdSees(place, prefix)]))),
        )
      await becomes(
        'cluster 43',
        () => look('frr-1', 'bird-1', 'bird-2') as never,
        all('frr-1', 'bird-1', 'bird-2') as never,
      )
      as.annotate(roles({ ...clusters, 'node-1': reflector('none') }))
      await eventually('the finding is logged', 5000, async () =>
        as.tandems.get('node-1')!.log().includes('is no cluster id'),
      )
      await pause(500)
      expect(await look('frr-1', 'bird-1', 'bird-2')).to.deep.equal(all('frr-1', 'bird-1', 'bird-2'))
    })

    it('no session moved through all of it', async () => {
      const peers = await as.peers('node-1')
      expect(peers).to.have.lengthOf(4)
      expect(flapsOf(peers)).to.deep.equal(steady(peers))
    })

    it('a client that is gone is forgotten everywhere', async () => {
      await as.topology.run('bird-1', ['birdc', '-s', `${as.topology.work}/bird-1.ctl`, 'down'])
      for (const prefix of routes['bird-1']) {
        await becomes('gone at BIRD', () => as.birdSees('bird-2', prefix), undefined)
        await becomes('gone at FRR', () => as.frrSees('frr-1', prefix), undefined)
      }
    })
  })

  for (const [title, frrCluster] of [
    ['of one cluster id', '0.0.0.42'],
    ['of different cluster ids', '0.0.0.77'],
  ] as const) {
    describe(`Tandem as client of BIRD and FRR, two reflectors ${title}, over ${over}`, function () {
      this.timeout(60_000)

      before(async () => {
        as = await SameAs.layOut(over)
        as.annotate({ 'node-1': client('42'), 'node-2': client('42'), 'bird-1': server('42'), 'frr-1': server('42') })
        const clients = [
          { place: 'node-1', client: true },
          { place: 'node-2', client: true },
        ] as const
        await as.startBird('bird-1', { neighbours: [...clients, { place: 'frr-1' }], cluster: '0.0.0.42' })
        await as.startFrr('frr-1', { neighbours: [...clients, { place: 'bird-1' }], cluster: frrCluster })
        as.startTandem('node-1')
        as.startTandem('node-2')
      })

      after(async () => {
        await as?.tearDown()
      })

      afterEach(recorded('is reflected'))

      it('has sessions with the reflectors alone, and the pod CIDRs of the other client through both', async () => {
        for (const family of [0, 1] as const) {
          for (const [here, there, last] of [
            ['node-1', 'node-2', 2],
            ['node-2', 'node-1', 1],
          ] as const) {
            const prefix = podCidrs(last)[family]
            // Equal but for the address of the reflector: the lower one wins.
            const wanted = {
              nextHop: hopsOf(there)[family],
              asPath: '',
              localPref: 100,
              med: 0,
              originator: v4(there),
              clusters: '0.0.0.42',
            }
            await becomes(`${here} sees ${prefix}`, () => tandemSees(here, prefix), wanted)
            const paths = async () => (await as.ask<{ prefix: string }[]>(here, 'routes', 'in', prefix)).length
            await becomes('both reflectors', paths, 2)
          }
        }
        const wanted = (['bird-1', 'frr-1'] as const).map((place) => transportOf(place, over))
        for (const place of ['node-1', 'node-2'] as const) {
          expect((await as.peers(place)).map(({ name }) => name)).to.deep.equal(wanted)
        }
      })

      it('C33 nothing goes in circles', async () => {
        await isQuiet(as, 'node-1', 'node-2')
        for (const place of ['node-1', 'node-2'] as const) {
          const peers = await as.peers(place)
          expect(flapsOf(peers)).to.deep.equal(steady(peers))
        }
      })

      it('nothing is left of a client that is gone', async () => {
        await as.tandems.get('node-2')!.stop()
        for (const prefix of podCidrs(2)) {
          await becomes('gone at the other client', () => tandemSees('node-1', prefix), undefined)
          await becomes('gone at BIRD', () => as.birdSees('bird-1', prefix), undefined)
          await becomes('gone at FRR', () => as.frrSees('frr-1', prefix), undefined)
        }
        await isQuiet(as, 'node-1')
      })
    })

    describe(`Tandem, BIRD and FRR as reflectors ${title} and of the same clients, over ${over}`, function () {
      this.timeout(60_000)
      const reflectors = ['node-1', 'bird-1', 'frr-1'] as const
      const clients = ['node-2', 'bird-2'] as const

      before(async () => {
        as = await SameAs.layOut(over)
        as.annotate({
          ...Object.fromEntries(reflectors.map((place) => [place, server('42')])),
          ...Object.fromEntries(clients.map((place) => [place, client('42')])),
        })
        const asReflector = (place: Place) => [
          ...reflectors.filter((other) => other !== place).map((other) => ({ place: other })),
          ...clients.map((other) => ({ place: other, client: true })),
        ]
        await as.startBird('bird-1', { neighbours: asReflector('bird-1'), cluster: '0.0.0.42' })
        await as.startFrr('frr-1', { neighbours: asReflector('frr-1'), cluster: frrCluster })
        await as.startBird('bird-2', { neighbours: reflectors.map((place) => ({ place })), routes: routes['bird-2'] })
        as.startTandem('node-1')
        as.startTandem('node-2')
      })

      after(async () => {
        await as?.tearDown()
      })

      afterEach(recorded('settles'))

      it('each reflector has each client at first hand, and each client has the other through all three', async () => {
        for (const family of [0, 1] as const) {
          const prefix = routes['bird-2'][family]
          const direct = { ...reflected('bird-2', family, ''), originator: '' }
          await becomes('node-1', () => tandemSees('node-1', prefix), direct)
          await becomes('bird-1', () => as.birdSees('bird-1', prefix), direct)
          await becomes('frr-1', () => as.frrSees('frr-1', prefix), direct)
          // The lowest address of the three reflectors wins.
          await becomes('node-2', () => tandemSees('node-2', prefix), reflected('bird-2', family, '0.0.0.42'))
          const paths = async () => (await as.ask<{ prefix: string }[]>('node-2', 'routes', 'in', prefix)).length
          await becomes('all three reflectors', paths, 3)
          const pods = podCidrs(2)[family]
          await becomes('bird-2', async () => (await as.birdTable('bird-2')).get(pods), 3)
        }
      })

      it('C33 nothing goes in circles', async () => {
        await isQuiet(as, 'node-1', 'node-2')
        const peers = [...(await as.peers('node-1')), ...(await as.peers('node-2'))]
        expect(peers.map(({ state }) => state)).to.deep.equal(peers.map(() => 'Established'))
        expect(flapsOf(peers)).to.deep.equal(steady(peers))
      })

      it('nothing is left of a client that is gone', async () => {
        await as.topology.run('bird-2', ['birdc', '-s', `${as.topology.work}/bird-2.ctl`, 'down'])
        for (const prefix of routes['bird-2']) {
          await becomes('gone at node-1', () => tandemSees('node-1', prefix), undefined)
          await becomes('gone at node-2', () => tandemSees('node-2', prefix), undefined)
          await becomes('gone at BIRD', () => as.birdSees('bird-1', prefix), undefined)
          await becomes('gone at FRR', () => as.frrSees('frr-1', prefix), undefined)
        }
        await isQuiet(as, 'node-1', 'node-2')
      })
    })
  }

  describe(`three nodes with Tandem and a router, over ${over}`, function () {
    this.timeout(60_000)
    const nodes = ['node-1', 'node-2', 'node-3'] as const
    const roles = (...annotations: readonly Annotations[]) =>
      Object.fromEntries(nodes.map((place, index) => [place, annotations[index] ?? {}]))
    const podsAt = async (place: Place) => {
      const rows = await as.ask<{ prefix: string; nextHop: string; source: string }[]>(place, 'routes', 'best')
      return rows
        .filter(({ source, prefix }) => source !== 'originated' && prefix.includes('244'))
        .map(({ prefix, nextHop }) => `${prefix} via ${nextHop}`)
        .sort()
    }
    const podsOfOthers = (place: Place) =>
      nodes
        .flatMap((other, index) =>
          other === place ? [] : podCidrs(index + 1).map((prefix, family) => `${prefix} via ${hopsOf(other)[family]}`),
        )
        .sort()
    const internal = async (place: Place) => {
      const peers = (await as.peers(place)).filter(({ type }) => type === 'internal')
      return [peers.length, peers.filter(({ state }) => state === 'Established').length]
    }
    const everywhere = async (sessions: readonly number[]) => {
      for (const [index, place] of nodes.entries()) {
        await becomes(`sessions of ${place}`, () => internal(place), [sessions[index]!, sessions[index]!])
        await becomes(`pod CIDRs at ${place}`, () => podsAt(place), podsOfOthers(place))
      }
    }

    before(async () => {
      as = await SameAs.layOut(over)
      as.annotate(roles())
      await as.startBird('tor', { neighbours: nodes.map((place) => ({ place })), routes: routes.tor })
      for (const place of nodes) as.startTandem(place, ...routersOf(over))
    })

    after(async () => {
      await as?.tearDown()
    })

    afterEach(recorded('mesh'))

    const atRouter = onceEach(...podCidrs(1), ...podCidrs(2), ...podCidrs(3))
    const routerTable = async () => [...(await as.birdTable('tor'))]

    it('have the pod CIDRs of all in both families, each once at the router, from the node that has it', async () => {
      await everywhere([2, 2, 2])
      await becomes('the table of the router', routerTable, atRouter)
    })

    it('have the same with a reflector, made one while they run, and without it again', async () => {
      as.annotate(roles(server('1'), client('1'), client('1')))
      await everywhere([2, 1, 1])
      as.annotate(roles(server('1'), server('2'), client('2')))
      await everywhere([1, 2, 1])
      expect(await routerTable()).to.deep.equal(atRouter)
      as.annotate(roles())
      await everywhere([2, 2, 2])
    })

    it('reset no session with the router for it', async () => {
      for (const place of nodes) {
        const router = (await as.peers(place)).find(({ type }) => type === 'external')
        expect(router, place).to.include({ state: 'Established', flaps: 0 })
      }
    })
  })
}
