import { type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import fc from 'fast-check'
import { originatedOnly } from '../../../../policy/index.ts'
import type { OriginatedRoute, PeerAttributes, PeerDeclaration, World } from '../../../../speaker/index.ts'
import type { PeerLink } from '../../../../speaker/peer-link.ts'
import { Routing } from '../../../../speaker/routing.ts'
import { address, Fabric, type Machine, negotiatedWith, peerTo, prefix, route } from '../../../support/fabric.ts'
import { VirtualClock } from '../../../support/virtual-clock.ts'

const samples: Record<Family, readonly [string, string]> = {
  'ipv4-unicast': ['192.0.2.1/32', '192.0.2.2/32'],
  'ipv6-unicast': ['2001:db8::1/128', '2001:db8::2/128'],
}
const every = families.flatMap((family) => samples[family])

/** Two external routers of one ASN, one of another, and one of our own. */
const around = {
  left: { address: '10.0.0.1', asn: 65001, labels: ['border', 'rack-1'] },
  right: { address: '10.0.0.2', asn: 65001, labels: [] },
  far: { address: '10.0.0.3', asn: 65003, labels: ['border'] },
  inner: { address: '10.0.0.4', asn: 64512, labels: [] },
} as const
type Place = keyof typeof around
const places = Object.keys(around) as Place[]
const rule = 'for the chosen alone'

describe('routes that name peers', () => {
  let fabric: Fabric
  let middle: Machine
  let routers: Record<Place, Machine>

  const towards = (place: Place, more: Partial<PeerDeclaration> = {}) => {
    const { address: text, asn, labels } = around[place]
    return peerTo(text, asn, { labels, ...more })
  }
  const heldBy = (place: Place) =>
    Object.fromEntries(routers[place].speaker.routes('best').map((row) => [row.prefix, row.attributes]))
  const holders = (text: string) => places.filter((place) => text in heldBy(place))
  const originate = async (...routes: OriginatedRoute[]) => {
    middle.apply({ routes })
    await fabric.pass(2000)
  }
  const reasons = (text: string) =>
    Object.fromEntries(middle.speaker.explain(prefix(text)).peers.map(({ peer, reason }) => [peer, reason]))

  beforeEach(async () => {
    fabric = new Fabric()
    middle = fabric.machine(
      64512,
      ['10.0.0.9', 'fd00::9'],
      places.map((place) => towards(place)),
    )
    const machine = (place: Place) => {
      const { address: own, asn } = around[place]
      return fabric.machine(asn, [own, `fd00::${own.at(-1)}`], [peerTo('10.0.0.9', 64512)])
    }
    routers = { left: machine('left'), right: machine('right'), far: machine('far'), inner: machine('inner') }
    await fabric.pass(15_000)
  })

  afterEach(async () => {
    await fabric.stop()
    expect(fabric.errors).to.deep.equal([])
    expect(fabric.clock.pending, 'timers left behind').to.equal(0)
  })

  const rows: [words: string[], wanted: Place[]][] = [
    [['external'], ['left', 'right', 'far']],
    [['internal'], ['inner']],
    [['65001'], ['left', 'right']],
    [['10.0.0.2'], ['right']],
    [['border'], ['left', 'far']],
    [
      ['rack-1', 'internal'],
      ['left', 'inner'],
    ],
    [['nobody'], []],
    [[], []],
  ]
  for (const [peers, wanted] of rows) {
    it(`go to those that bear one of "${peers.join(', ')}", in both families, and say why to the others`, async () => {
      await originate(...every.map((text) => route(text, { to: { peers, rule } })))
      for (const text of every) {
        expect(holders(text), text).to.deep.equal(wanted)
        for (const place of places) {
          const expected = wanted.includes(place) ? 'originated here' : rule
          expect(reasons(text)[around[place].address], `${text} ${place}`).to.equal(expected)
        }
      }
    })
  }

  it('come and go with the selection alone, without a reset and without a word about other routes', async () => {
    const [first, second] = every as [string, string]
    await originate(route(first), route(second))
    const before = routers.right.peer().messages.in['update']!
    await originate(route(first, { to: { peers: ['border'], rule } }), route(second))
    expect([holders(first), holders(second)]).to.deep.equal([['left', 'far'], places])
    expect(routers.right.peer().messages.in['update']).to.equal(before + 1)
    await originate(route(first), route(second))
    expect(holders(first)).to.deep.equal(places)
    for (const place of places) expect(routers[place].peer().flaps).to.equal(0)
  })

  it('follow the labels of a peer while its session stays up', async () => {
    await originate(...every.map((text) => route(text, { to: { peers: ['border'], rule } })))
    middle.apply({ peers: places.map((place) => towards(place, { labels: place === 'right' ? ['border'] : [] })) })
    await fabric.pass(2000)
    for (const text of every) expect(holders(text)).to.deep.equal(['right'])
    for (const place of places) expect(routers[place].peer().flaps).to.equal(0)
  })

  for (const family of families) {
    const [text] = samples[family]
    describe(`with attributes of their own, ${family}`, () => {
      it('have the last of those that fit, attribute by attribute', async () => {
        const towards: PeerAttributes[] = [
          { peers: ['65001'], attributes: { med: 1, communities: [0xfde90001] } },
          { peers: ['rack-1'], attributes: { med: 2 } },
          { peers: ['internal'], attributes: { med: undefined, localPref: 300, largeCommunities: [[1, 2, 3]] } },
        ]
        await originate(
          route(text, { attributes: { med: 9, extendedCommunities: [{ high: 0x0002fc00, low: 7 }] }, towards }),
        )
        expect(heldBy('left')[text]).to.include('MULTI_EXIT_DISC 2').and.include('COMMUNITIES 65001:1')
        expect(heldBy('right')[text]).to.include('MULTI_EXIT_DISC 1').and.include('COMMUNITIES 65001:1')
        expect(heldBy('far')[text]).to.include('MULTI_EXIT_DISC 9').and.not.include('65001:1')
        expect(heldBy('inner')[text]).to.include('LOCAL_PREF 300').and.include('LARGE_COMMUNITIES 1:2:3')
        expect(heldBy('inner')[text]).not.to.include('MULTI_EXIT_DISC')
        for (const place of places) expect(heldBy(place)[text]).to.include('EXTENDED_COMMUNITIES rt:64512:7')
      })

      it('H12 H13 have extended communities of every type, and those that are not transitive inside the AS alone', async () => {
        const extendedCommunities = [
          { high: 0x0002fc00, low: 100 },
          { high: 0x0103c000, low: 0x02010007 },
          { high: 0x0202fa56, low: 0xea000009 },
          { high: 0x4004fc00, low: 0x49742400 },
        ]
        await originate(route(text, { attributes: { extendedCommunities } }))
        const transitive = 'EXTENDED_COMMUNITIES rt:64512:100 soo:192.0.2.1:7 rt:4200000000:9'
        expect(heldBy('inner')[text]).to.include(`${transitive} 0x4004fc0049742400`)
        expect(heldBy('left')[text]).to.include(transitive).and.not.include('0x4004')
      })

      it('C26 prepend our ASN towards external peers alone: it would look like a loop inside the AS', async () => {
        const towards: PeerAttributes[] = [
          { peers: ['external', 'internal'], attributes: { prepend: 1 } },
          { peers: ['far'], attributes: { prepend: 9 } },
          { peers: ['65003'], attributes: { prepend: 3 } },
        ]
        await originate(route(text, { attributes: { asPath: [65009] }, towards }))
        expect(heldBy('left')[text]).to.match(/AS_PATH 64512 64512 65009(,|$)/)
        expect(heldBy('far')[text]).to.match(/AS_PATH 64512 64512 64512 64512 65009(,|$)/)
        expect(heldBy('inner')[text]).to.match(/AS_PATH 65009(,|$)/)
      })

      it('C24 have no local preference towards external peers, whatever is asked', async () => {
        await originate(route(text, { towards: [{ peers: ['external'], attributes: { localPref: 300 } }] }))
        expect(heldBy('left')[text]).not.to.include('LOCAL_PREF')
      })

      it('tell a change of them alone', async () => {
        const withMed = (med: number) => route(text, { towards: [{ peers: ['65003'], attributes: { med } }] })
        await originate(withMed(1))
        const before = routers.left.peer().messages.in['update']
        await originate(withMed(2))
        expect(heldBy('far')[text]).to.include('MULTI_EXIT_DISC 2')
        expect(routers.left.peer().messages.in['update']).to.equal(before)
      })
    })
  }

  it('end, after any changes told whole or as a difference, where the declared routes say', async () => {
    const words = fc.subarray(['external', 'internal', '65001', '65003', 'border', 'rack-1', '10.0.0.2'])
    const one = fc.record({
      text: fc.constantFrom(...every),
      to: fc.option(words, { nil: undefined }),
      towards: fc.option(fc.array(fc.tuple(words, fc.integer({ min: 1, max: 3 })), { maxLength: 2 }), {
        nil: undefined,
      }),
      gone: fc.boolean(),
    })
    const bears = (place: Place, peers: readonly string[]) => {
      const { address: own, asn, labels } = around[place]
      const borne: string[] = [place === 'inner' ? 'internal' : 'external', own, String(asn), ...labels]
      return peers.some((word) => borne.includes(word))
    }
    const steps = fc.array(fc.tuple(fc.array(one, { minLength: 1, maxLength: 3 }), fc.boolean()), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const declared = new Map<string, OriginatedRoute>()
        middle.apply({ routes: [] })
        await fabric.pass(100)
        for (const [changes, whole] of taken) {
          const changed = new Map<string, OriginatedRoute | undefined>()
          for (const { text, to, towards, gone } of changes) {
            const made = route(text, {
              ...(to && { to: { peers: to, rule } }),
              ...(towards && { towards: towards.map(([peers, med]) => ({ peers, attributes: { med } })) }),
            })
            if (gone) declared.delete(text)
            else declared.set(text, made)
            changed.set(text, gone ? undefined : made)
          }
          if (whole) middle.apply({ routes: [...declared.values()] })
          else {
            middle.speaker.change({
              ...middle.desired,
              set: [...changed.values()].filter((made) => made !== undefined),
              withdrawn: [...changed].flatMap(([text, made]) => (made ? [] : [prefix(text)])),
            })
          }
          await fabric.pass(100)
        }
        for (const place of places) {
          const wanted = [...declared].flatMap(([text, { to, towards = [] }]) => {
            if (to && !bears(place, to.peers)) return []
            const med = towards.findLast(({ peers }) => bears(place, peers))?.attributes.med
            return [`${text} ${med ?? 'none'}`]
          })
          const held = Object.entries(heldBy(place)).map(
            ([text, attributes]) => `${text} ${/MULTI_EXIT_DISC (\d+)/.exec(attributes)?.[1] ?? 'none'}`,
          )
          expect(held.sort(), place).to.deep.equal(wanted.sort())
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('update groups', () => {
  const routing = (labels: readonly (readonly string[])[]) => {
    const silent = () => {}
    const clock = new VirtualClock()
    const world: World = {
      clock,
      random: () => 0.5,
      transport: { dial: () => expect.fail('no dialling here'), listen: () => expect.fail('no listening here') },
      log: { debug: silent, info: silent, warn: silent, error: silent },
    }
    const made = new Routing(world, { endOfRibHeld: false })
    const addresses = { 'ipv4-unicast': address('10.0.0.9'), 'ipv6-unicast': address('fd00::9') }
    made.setLocal({ asn: 64512, routerId: 1, listen: [], addresses })
    labels.forEach((own, index) => {
      const negotiated = negotiatedWith(65001, index + 1)
      const text = `10.0.1.${index}`
      const declaration = peerTo(text, 65001, { exportPolicy: originatedOnly, labels: own })
      const localAddress = address('10.0.0.9')
      const link: PeerLink = { name: text, declaration, negotiated, localAddress, queuedBytes: 0, send: () => true }
      made.addPeer(link)
      made.sessionUp(link, negotiated)
    })
    return { made, clock }
  }

  it('keep peers apart only by words that some route uses', () => {
    const { made, clock } = routing([['a'], ['a'], ['b'], []])
    const groupsWith = (...routes: OriginatedRoute[]) => {
      made.origination.setRoutes(routes)
      clock.pass(1000)
      return made.outbound.groups
    }
    const to = (...peers: string[]) => ({ to: { peers, rule } })
    expect(groupsWith(route('192.0.2.1/32'))).to.equal(1)
    expect(groupsWith(route('192.0.2.1/32', to('external', '65001')))).to.equal(1)
    expect(groupsWith(route('192.0.2.1/32', to('a')))).to.equal(2)
    expect(groupsWith(route('192.0.2.1/32', to('a')), route('2001:db8::1/128', to('b')))).to.equal(3)
    expect(groupsWith(route('192.0.2.1/32', { towards: [{ peers: ['10.0.1.0'], attributes: { med: 1 } }] }))).to.equal(
      2,
    )
    expect(groupsWith(route('192.0.2.1/32'))).to.equal(1)
  })
})
