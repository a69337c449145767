/** Policies and well-known communities on live sessions: what comes in, what goes out, what a change of policy sends, and what is said of it. */

import { families, wellKnownCommunities } from 'bgp-ts'
import { expect } from 'chai'
import {
  type Actions,
  AsPathPattern,
  AsPathSet,
  acceptAll,
  CommunitySet,
  insideEntry,
  type Match,
  NeighbourSet,
  noPolicy,
  type Policy,
  PrefixSet,
  parseCommunityPattern,
  parseNeighbour,
  rejectAll,
  type Statement,
} from '../../../policy/index.ts'
import type { OriginatedAttributes, PeerDeclaration } from '../../../speaker/index.ts'
import { address, Fabric, type Machine, peerTo, prefix, route } from '../../support/fabric.ts'

const ipv4 = ['192.0.2.1/32', '192.0.2.2/32', '198.51.100.0/24']
const ipv6 = ['2001:db8::1/128', '2001:db8::2/128', '2001:db8:100::/48']
const texts = [...ipv4, ...ipv6]
/** The first two of each family. */
const near = new PrefixSet(['192.0.2.0/24', '2001:db8::/64'].map((text) => insideEntry(prefix(text))))
const far = texts.filter((text) => !near.has(prefix(text)))

const at = { left: 1, middle: 2, right: 3, inner: 4 } as const
type Place = keyof typeof at
const asns: Record<Place, number> = { left: 65001, middle: 64512, right: 65003, inner: 64512 }
const outer = ['left', 'right', 'inner'] as const

const statement = (name: string, action: Statement['action'], match: Match = {}, set?: Actions): Statement => {
  return { name, match, action, ...(set && { set }) }
}
const policy = (otherwise: Policy['default'], ...statements: Statement[]): Policy => {
  return { name: 'test', statements, default: otherwise }
}
const communities = (...patterns: string[]) => new CommunitySet(patterns.map((text) => parseCommunityPattern(text)!))

for (const over of ['IPv4', 'IPv6'] as const) {
  describe(`policies on sessions over ${over}`, () => {
    let fabric: Fabric
    let machines: Record<Place, Machine>
    const addressOf = (place: Place) => (over === 'IPv4' ? `10.0.0.${at[place]}` : `fd00::${at[place]}`)
    const towards = (place: Place, more: Partial<PeerDeclaration> = {}) =>
      peerTo(addressOf(place), asns[place], { exportPolicy: acceptAll, name: place, ...more })

    /** Declares the peers of the middle anew: `more` for the one, all as it was for the others. */
    const declare = (place: Place, more: Partial<PeerDeclaration>) =>
      machines.middle.apply({ peers: outer.map((one) => towards(one, one === place ? more : {})) })
    const pass = () => fabric.pass(2000)
    const originate = async (
      from: Place,
      attributes: OriginatedAttributes | ((text: string) => OriginatedAttributes),
    ) => {
      const of = typeof attributes === 'function' ? attributes : () => attributes
      machines[from].apply({ routes: texts.map((text) => route(text, { attributes: of(text) })) })
      await pass()
    }
    /** What a machine has of a source, as `prefix, attributes`. */
    const heldBy = (place: Place) =>
      machines[place].speaker.routes('best').map((row) => `${row.prefix}, ${row.attributes}`)
    /** In the order of `texts`; what is not in it comes last. */
    const inOrder = (list: readonly string[]) =>
      [...list].sort((a, b) => (texts.indexOf(a) + 1 || 99) - (texts.indexOf(b) + 1 || 99))
    const prefixesOf = (place: Place) => inOrder(machines[place].speaker.routes('best').map((row) => row.prefix))
    const story = (text: string) => machines.middle.speaker.explain(prefix(text))
    const peer = (place: Place) => machines.middle.peer(place)
    const updates = (place: Place) => machines[place].peer('middle').messages.in['update']!
    const flaps = () => outer.map((place) => peer(place).flaps)

    beforeEach(async () => {
      fabric = new Fabric()
      const machine = (place: Place, peers: readonly PeerDeclaration[]) =>
        fabric.machine(asns[place], [`10.0.0.${at[place]}`, `fd00::${at[place]}`], peers)
      machines = {
        middle: machine(
          'middle',
          outer.map((place) => towards(place)),
        ),
        left: machine('left', [towards('middle')]),
        right: machine('right', [towards('middle')]),
        inner: machine('inner', [towards('middle')]),
      }
      await fabric.pass(15_000)
    })

    afterEach(async () => {
      expect(flaps(), 'sessions that were reset').to.deep.equal([0, 0, 0])
      await fabric.stop()
      expect(fabric.errors).to.deep.equal([])
      expect(fabric.clock.pending, 'timers left behind').to.equal(0)
    })

    describe('without a policy', () => {
      it('J1 take nothing from an external peer, and say why', async () => {
        await originate('left', {})
        declare('left', { importPolicy: noPolicy })
        await pass()
        expect(prefixesOf('middle')).to.deep.equal([])
        expect(peer('left').policies.import).to.include({ declared: false })
        expect(peer('left').policies.export).to.include({ declared: true })
        for (const text of texts) {
          const refused = [{ peer: 'left', rule: 'no policy in this direction, RFC 8212' }]
          expect(story(text).refused).to.deep.equal(refused)
        }
        declare('left', {})
        await pass()
        expect(prefixesOf('middle')).to.deep.equal(texts)
        for (const text of texts) expect(story(text).refused).to.deep.equal([])
      })

      it('J1 give nothing to an external peer, and say why', async () => {
        await originate('middle', {})
        declare('right', { exportPolicy: noPolicy })
        await pass()
        expect([prefixesOf('right'), prefixesOf('left')]).to.deep.equal([[], texts])
        expect(peer('right').policies.export).to.include({ declared: false })
        for (const text of texts) {
          const to = story(text).peers.find((one) => one.peer === 'right')
          expect(to).to.deep.equal({ peer: 'right', sent: false, reason: 'no policy in this direction, RFC 8212' })
        }
      })
    })

    describe('well-known communities', () => {
      const cases = [
        ['no-export', ['inner'], 'community NO_EXPORT'],
        ['no-export-subconfed', ['inner'], 'community NO_EXPORT'],
        ['no-advertise', [], 'community NO_ADVERTISE'],
        ['no-peer', ['right', 'inner'], ''],
      ] as const
      for (const [name, reaches, reason] of cases) {
        it(`H11 obeys ${name} without being told, and says so`, async () => {
          await originate('left', { communities: [wellKnownCommunities[name]] })
          expect(prefixesOf('middle')).to.deep.equal(texts)
          const reached = (['right', 'inner'] as const).filter((place) => prefixesOf(place).length > 0)
          expect(reached).to.deep.equal(reaches)
          for (const text of texts) {
            const whys = story(text)
              .peers.filter((one) => one.peer !== 'left' && !one.sent)
              .map((one) => one.reason)
            expect(new Set(whys)).to.deep.equal(new Set(reason === '' ? [] : [reason]))
          }
        })
      }

      it('H11 sends its own routes with them, for the peer to obey', async () => {
        await originate('middle', { communities: [wellKnownCommunities['no-export']] })
        expect(prefixesOf('right')).to.deep.equal(texts)
        for (const held of heldBy('right')) expect(held).to.include('COMMUNITIES 65535:65281')
      })

      it('H14 makes a route with GRACEFUL_SHUTDOWN the last choice, whatever the policy prefers', async () => {
        const prefer = policy('accept', statement('preferred', 'next', {}, { localPref: 500 }))
        declare('left', { importPolicy: prefer })
        await originate('right', { asPath: [65050, 65051] })
        await originate('left', {})
        for (const text of texts) {
          const [best] = story(text).candidates
          expect(best).to.include({ source: 'left', best: true })
        }
        await originate('left', { communities: [wellKnownCommunities['graceful-shutdown']] })
        for (const text of texts) {
          const { candidates } = story(text)
          const byName = Object.fromEntries(candidates.map((one) => [one.source, one]))
          expect(byName['right']).to.include({ best: true })
          expect(byName['left']).to.include({ best: false, reason: 'the best one has: higher local preference' })
          expect(byName['left']!.attributes).to.include('LOCAL_PREF 0')
          expect(byName['left']!.changedBy).to.deep.equal(['community GRACEFUL_SHUTDOWN: local preference 0, RFC 8326'])
        }
      })

      it('H14 takes it as any other route where the peer is declared so, at once', async () => {
        await originate('left', { communities: [wellKnownCommunities['graceful-shutdown']] })
        expect(heldBy('middle').every((held) => held.includes('LOCAL_PREF 0'))).to.equal(true)
        const asked = peer('left').messages.out['route-refresh']
        declare('left', { obeysGracefulShutdown: false })
        await pass()
        expect(heldBy('middle').some((held) => held.includes('LOCAL_PREF'))).to.equal(false)
        declare('left', {})
        await pass()
        expect(heldBy('middle').every((held) => held.includes('LOCAL_PREF 0'))).to.equal(true)
        expect(peer('left').messages.out['route-refresh'], 'asked for what is stored').to.equal(asked)
      })

      it('H16 refuses BLACKHOLE unless a statement asks for it, and then keeps it inside', async () => {
        await originate('left', { communities: [wellKnownCommunities.blackhole] })
        expect(prefixesOf('middle')).to.deep.equal([])
        const rule = 'community BLACKHOLE, and no statement that asks for it, RFC 7999'
        expect(story(texts[0]!).refused).to.deep.equal([{ peer: 'left', rule }])
        const asking = policy(
          'accept',
          statement('holes', 'accept', { communities: communities('blackhole'), prefixes: near }),
        )
        declare('left', { importPolicy: asking })
        await pass()
        // The wildcard of a set is no request: it has to be named.
        expect(prefixesOf('middle')).to.deep.equal(texts.filter((text) => near.has(prefix(text))))
        for (const held of heldBy('middle')) expect(held).to.include('COMMUNITIES 65535:666 65535:65281')
        expect([prefixesOf('right'), prefixesOf('inner').length]).to.deep.equal([[], 4])
        const [candidate] = story('192.0.2.1/32').candidates
        expect(candidate!.changedBy).to.deep.equal(['community BLACKHOLE: NO_EXPORT added, RFC 7999'])
        expect(candidate!.acceptedBy).to.deep.equal({ policy: 'test', statement: 'holes' })
      })
    })

    describe('a change of policy', () => {
      const tagged = (text: string): OriginatedAttributes => ({
        med: near.has(prefix(text)) ? 10 : 20,
        communities: near.has(prefix(text)) ? [0xfde90001] : [0xfde90002],
        largeCommunities: near.has(prefix(text)) ? [[65001, 1, 1]] : [[65001, 1, 2]],
        asPath: near.has(prefix(text)) ? [65010] : [65011, 65012],
      })
      const matches: [title: string, match: Match][] = [
        ['communities with a range', { communities: communities('65001:0-1') }],
        ['large communities with a wildcard', { communities: communities('65001:*:1') }],
        ['all communities of a list', { allCommunities: communities('65001:1', '65001:1:1') }],
        ['a pattern of AS paths', { asPath: new AsPathSet([new AsPathPattern('_65010$')]) }],
        ['the length of the path', { pathLength: { min: 2, max: 2 } }],
        ['the MED', { med: { min: 1, max: 10 } }],
        ['what is not in a set', { not: { communities: communities('65001:2') } }],
      ]
      for (const [title, match] of matches) {
        it(`H7 of import by ${title} judges the stored routes, and asks for nothing that is there`, async () => {
          await originate('left', tagged)
          const before = peer('left').messages.out['route-refresh']
          const [there, here] = [updates('right'), updates('inner')]
          declare('left', { importPolicy: policy('accept', statement('near', 'next', match, { localPref: 300 })) })
          await pass()
          const changed = heldBy('middle')
            .filter((held) => held.includes('LOCAL_PREF 300'))
            .map((held) => held.split(',')[0])
          expect(changed).to.deep.equal(texts.filter((text) => near.has(prefix(text))))
          expect(peer('left').messages.out['route-refresh']).to.equal(before)
          // A local preference is for internal peers: the external one has nothing new to hear.
          expect([updates('right') - there, updates('inner') - here]).to.deep.equal([0, 2])
          declare('left', {})
          await pass()
          expect(heldBy('middle').some((held) => held.includes('LOCAL_PREF'))).to.equal(false)
          expect(peer('left').messages.out['route-refresh']).to.equal(before)
        })

        it(`H7 of export by ${title} sends exactly the routes whose result changed`, async () => {
          await originate('left', tagged)
          const before = updates('right')
          declare('right', { exportPolicy: policy('accept', statement('near', 'reject', match)) })
          await pass()
          expect(prefixesOf('right')).to.deep.equal(far)
          // One message of withdrawals for each family.
          expect(updates('right') - before).to.equal(2)
          declare('right', { exportPolicy: acceptAll })
          await pass()
          expect(prefixesOf('right')).to.deep.equal(texts)
          expect(updates('right') - before).to.equal(4)
          expect(peer('right').routes['ipv4-unicast'].advertised).to.equal(3)
        })
      }

      it('H7 of export by the next hop, and by who the peer is, sends that peer the difference alone', async () => {
        await originate('left', tagged)
        const before = [updates('right'), updates('inner')]
        const hops = new PrefixSet(['10.0.0.1/32', 'fd00::1/128'].map((text) => insideEntry(prefix(text))))
        const toRight = new NeighbourSet([parseNeighbour(addressOf('right'))])
        const exportPolicy = policy(
          'accept',
          statement('not by the left', 'reject', { nextHop: hops, neighbours: toRight, prefixes: near }),
        )
        machines.middle.apply({ peers: outer.map((one) => towards(one, one === 'left' ? {} : { exportPolicy })) })
        await pass()
        expect([prefixesOf('right'), prefixesOf('inner')]).to.deep.equal([far, texts])
        expect([updates('right') - before[0]!, updates('inner') - before[1]!]).to.deep.equal([2, 0])
      })

      it('H7 of import judges what came, and not what the last policy made of it', async () => {
        await originate('left', tagged)
        const strip = policy('accept', statement('strip', 'next', {}, { removeAllCommunities: true, med: 99 }))
        declare('left', { importPolicy: strip })
        await pass()
        expect(heldBy('middle').some((held) => held.includes('COMMUNITIES'))).to.equal(false)
        const picky = policy('reject', statement('tagged', 'accept', { communities: communities('65001:1') }))
        declare('left', { importPolicy: picky })
        await pass()
        expect(prefixesOf('middle')).to.deep.equal(texts.filter((text) => near.has(prefix(text))))
        for (const held of heldBy('middle'))
          expect(held).to.include('MULTI_EXIT_DISC 10').and.include('COMMUNITIES 65001:1')
      })

      it('sets communities of all sorts, MED by addition, origin, and our own ASN before the path', async () => {
        await originate('middle', { med: 10, communities: [0xfde90001, 0xfde90002], largeCommunities: [[65001, 1, 1]] })
        const set: Actions = {
          removeCommunities: communities('65001:1', '65001:*:*'),
          addCommunities: [wellKnownCommunities['no-export']],
          addLargeCommunities: [[64512, 7, 7]],
          addExtendedCommunities: [{ high: 0x0002fc00, low: 5 }],
          addMed: -3,
          origin: 'incomplete',
          prepend: { asn: 'self', count: 2 },
        }
        declare('right', { exportPolicy: policy('reject', statement('changed', 'accept', {}, set)) })
        await pass()
        expect(heldBy('right')).to.have.lengthOf(texts.length)
        for (const held of heldBy('right')) {
          expect(held).to.include('ORIGIN incomplete').and.include('AS_PATH 64512 64512 64512')
          expect(held).to.include('MULTI_EXIT_DISC 7').and.include('COMMUNITIES 65001:2 65535:65281')
          expect(held).to.include('EXTENDED_COMMUNITIES rt:64512:5').and.include('LARGE_COMMUNITIES 64512:7:7')
        }
      })

      it('E8 sets next hops in either direction: ours, one of each family, or the one that came', async () => {
        const hopsOf = (place: Place) => new Set(machines[place].speaker.routes('best').map((row) => row.nextHop))
        const given = { 'ipv4-unicast': address('10.0.0.77'), 'ipv6-unicast': address('fd00::77') }
        const every = (set: Actions) => policy('reject', statement('all', 'accept', {}, set))
        await originate('left', {})
        declare('left', { importPolicy: every({ nextHop: given }) })
        await pass()
        expect(hopsOf('middle')).to.deep.equal(new Set(['10.0.0.77', 'fd00::77']))
        expect(hopsOf('inner')).to.deep.equal(new Set(['10.0.0.77', 'fd00::77']))
        declare('inner', { exportPolicy: every({ nextHop: 'self' }) })
        await pass()
        expect(hopsOf('inner')).to.deep.equal(new Set(['10.0.0.2', 'fd00::2']))
        declare('right', { exportPolicy: every({ nextHop: 'unchanged' }) })
        await pass()
        expect(hopsOf('right')).to.deep.equal(new Set(['10.0.0.1', 'fd00::1']))
        declare('left', { importPolicy: every({ nextHop: 'self' }) })
        await pass()
        expect(hopsOf('middle')).to.deep.equal(new Set(['10.0.0.2', 'fd00::2']))
      })
    })

    describe('what is said of them', () => {
      const placed = (name: string, lines: number): Statement => ({
        ...statement(`ours: ${name}`, 'accept', { prefixes: near }),
        origin: { policy: 'ours', statement: name, place: `tandem.yaml:${lines}:9` },
      })
      const from = (line: number): Policy => policy('reject', placed('near', line))

      it('names policy, statement and line, for each peer and direction', async () => {
        await originate('left', {})
        declare('left', { importPolicy: from(7) })
        await pass()
        const [candidate] = story('192.0.2.1/32').candidates
        expect(candidate!.acceptedBy).to.deep.equal({ policy: 'ours', statement: 'near', place: 'tandem.yaml:7:9' })
        expect(story(far[0]!).refused).to.deep.equal([
          { peer: 'left', rule: 'default', statement: { policy: 'test', statement: 'default' } },
        ])
        declare('right', { exportPolicy: from(9) })
        await pass()
        const to = story('2001:db8::1/128').peers.find((one) => one.peer === 'right')
        expect(to).to.deep.include({
          sent: true,
          reason: 'ours: near',
          statement: { policy: 'ours', statement: 'near', place: 'tandem.yaml:9:9' },
        })
      })

      it('follows a statement that only moved in its file, without a word to anybody', async () => {
        await originate('left', {})
        declare('left', { importPolicy: from(7) })
        await pass()
        const before = [updates('right'), updates('inner')]
        declare('left', { importPolicy: from(70) })
        await pass()
        expect(story('192.0.2.1/32').candidates[0]!.acceptedBy!.place).to.equal('tandem.yaml:70:9')
        expect([updates('right'), updates('inner')]).to.deep.equal(before)
      })

      it('counts what each statement matched', async () => {
        declare('left', { importPolicy: from(7) })
        declare('left', { importPolicy: from(7), exportPolicy: rejectAll })
        await originate('left', {})
        await pass()
        const { statements } = peer('left').policies.import
        expect(statements.map(({ statement: name, action, matched }) => `${name} ${action} ${matched}`)).to.deep.equal([
          'near accept 4',
          'default reject 2',
        ])
        const inward = peer('right').policies.export.statements
        expect(inward.map(({ statement: name, matched }) => `${name} ${matched}`)).to.deep.equal(['default 4'])
      })

      it('counts for a policy that takes everything, too', async () => {
        await originate('left', {})
        expect(peer('left').policies.import.statements.map(({ matched }) => matched)).to.deep.equal([texts.length])
      })
    })

    describe('as many routes as a peer may be sent', () => {
      const limits = (ipv4Most: number, ipv6Most: number) => ({
        maximumOut: { 'ipv4-unicast': ipv4Most, 'ipv6-unicast': ipv6Most },
      })
      const announce = async (...list: string[]) => {
        machines.middle.apply({ routes: list.map((text) => route(text)) })
        await pass()
      }
      const more = ['192.0.2.3/32', '2001:db8::3/128']
      const heldBack = (place: Place) => families.map((family) => peer(place).routes[family].heldBack)

      it('are sent, the first ones first; the rest is held back, and said so', async () => {
        const news: string[] = []
        machines.middle.speaker.onHeldBack(({ peer: name, family, held, limit }) =>
          news.push(`${name} ${family} ${held} ${limit}`),
        )
        declare('right', limits(2, 1))
        await announce(...texts)
        expect(prefixesOf('right')).to.deep.equal(['192.0.2.1/32', '192.0.2.2/32', '2001:db8::1/128'])
        expect(prefixesOf('left')).to.deep.equal(texts)
        expect([heldBack('right'), heldBack('left')]).to.deep.equal([
          [1, 2],
          [0, 0],
        ])
        expect(news).to.deep.equal(['right ipv4-unicast 1 2', 'right ipv6-unicast 2 1'])
        const why = story('198.51.100.0/24').peers.find((one) => one.peer === 'right')
        expect(why).to.deep.equal({
          peer: 'right',
          sent: false,
          reason: 'held back: 2 routes of ipv4-unicast are the most for this peer',
        })
      })

      it('stay the same when more come, and follow in their order when places come free', async () => {
        declare('right', limits(2, 2))
        await announce(...texts)
        await announce(...more, ...texts)
        const first = ['192.0.2.1/32', '192.0.2.2/32', '2001:db8::1/128', '2001:db8::2/128']
        expect(prefixesOf('right')).to.deep.equal(first)
        const without = (...gone: string[]) => [...more, ...texts].filter((text) => !gone.includes(text))
        await announce(...without('192.0.2.1/32', '2001:db8::1/128'))
        // What waited longest goes first.
        expect(prefixesOf('right')).to.have.members([
          '192.0.2.2/32',
          '198.51.100.0/24',
          '2001:db8::2/128',
          '2001:db8:100::/48',
        ])
        await announce('192.0.2.2/32', '2001:db8::2/128')
        expect(heldBack('right')).to.deep.equal([0, 0])
      })

      it('never become more on the wire, not even for a moment', async () => {
        machines.right.apply({ peers: [towards('middle')] })
        declare('right', limits(2, 2))
        await announce(...texts)
        for (let round = 0; round < 20; round++) {
          const gone = texts[round % texts.length]!
          machines.middle.apply({
            routes: [...more, ...texts].filter((text) => text !== gone).map((text) => route(text)),
          })
          for (let step = 0; step < 20; step++) {
            await fabric.pass(1)
            for (const family of families) {
              const count = machines.right.speaker.routes('in', { family }).length
              expect(count).to.be.at.most(2)
            }
          }
        }
        await pass()
        expect(families.map((family) => machines.right.speaker.routes('in', { family }).length)).to.deep.equal([2, 2])
      })

      it('become fewer and more while the session stays', async () => {
        await announce(...texts)
        declare('right', limits(1, 2))
        await pass()
        expect(prefixesOf('right')).to.deep.equal(['192.0.2.1/32', '2001:db8::1/128', '2001:db8::2/128'])
        declare('right', limits(2, 1))
        await pass()
        expect(prefixesOf('right')).to.deep.equal(['192.0.2.1/32', '192.0.2.2/32', '2001:db8::1/128'])
        declare('right', {})
        await pass()
        expect(prefixesOf('right')).to.deep.equal(texts)
        expect([heldBack('right'), peer('right').routes['ipv4-unicast'].maximumOut]).to.deep.equal([[0, 0], undefined])
      })

      it('count what a policy lets out alone', async () => {
        declare('right', {
          ...limits(2, 2),
          exportPolicy: policy('reject', statement('far', 'accept', { not: { prefixes: near } })),
        })
        await announce(...texts)
        expect([prefixesOf('right'), heldBack('right')]).to.deep.equal([far, [0, 0]])
      })
    })
  })
}
