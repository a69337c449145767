/**
 * RFC 7606, cell by cell, over a real session: a router announces a route again with one attribute that is wrong.
 * What must come of it: the reaction and nothing more. Its other route, its session and the session beside it go on.
 */

import { type Family, families, hex } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll } from '../../../../policy/index.ts'
import { octets } from '../../../support/bytes.ts'
import { Fabric, type Machine, peerTo } from '../../../support/fabric.ts'
import { attribute, attributesIn, multiprotocol, WirePeer } from '../../../support/wire-peer.ts'

const ownAsn = 64512
const routerAsn = 65001

type Sender = 'an external peer' | 'an internal peer' | 'an external two-octet peer'
const both: readonly Sender[] = ['an external peer', 'an internal peer']
const external: readonly Sender[] = ['an external peer']
const internal: readonly Sender[] = ['an internal peer']
const twoOctet: readonly Sender[] = ['an external two-octet peer']

/** `unused`: not malformed, but no route is made of it. `ignored`: the route stands, without the attribute and without a finding. */
type Outcome = 'withdraw' | 'discard' | 'unused' | 'ignored' | { readonly kept: string } | { readonly reset: string }

interface Case {
  readonly cell: string
  readonly title: string
  /** In place of the good attribute of this type, or beside the others. */
  readonly type: number
  readonly octets: string
  readonly outcome: Outcome
  readonly from: readonly Sender[]
  readonly families: readonly Family[]
}

const row = (
  cell: string,
  title: string,
  type: number,
  octetsOf: string,
  outcome: Outcome,
  from: readonly Sender[] = both,
  of: readonly Family[] = families,
): Case => ({ cell, title, type, octets: octetsOf, outcome, from, families: of })

/** The attribute with each of these flags. */
const flagged = (
  type: number,
  value: string,
  flags: readonly string[],
  outcome: Outcome,
  from = both,
  of: readonly Family[] = families,
) =>
  flags.map((one) =>
    row(`C/${type} flags`, `0x${one} for attribute ${type}`, type, attribute(one, type, value), outcome, from, of),
  )

/** The attribute with a value of each of these lengths. */
const sized = (
  type: number,
  flags: string,
  sizes: readonly number[],
  outcome: Outcome,
  from = both,
  of: readonly Family[] = families,
) =>
  sizes.map((size) => {
    const octetsOf = attribute(flags, type, '01'.repeat(size))
    return row(`C/${type} length`, `${size} octets of attribute ${type}`, type, octetsOf, outcome, from, of)
  })

const path = (value: string) => attribute('40', 2, value)
const as4Path = (value: string) => attribute('c0', 17, value)
const ipv4: readonly Family[] = ['ipv4-unicast']

/** Types that others implement, with values that would be wrong there. */
const elsewhere = [23, 25, 28, 35, 40, 128]

const cases: readonly Case[] = [
  ...flagged(1, '00', ['c0', '80', '00'], 'withdraw'),
  ...sized(1, '40', [0, 2, 255], 'withdraw'),
  ...['03', 'ff'].map((value) => row('C/1 value', `origin 0x${value}`, 1, attribute('40', 1, value), 'withdraw')),

  ...flagged(2, '0201 0000fde9', ['c0', '80', '00'], 'withdraw'),
  row('C/2 length', 'a segment header cut short', 2, path('0201 0000fde9 02'), 'withdraw'),
  row('C/2 length', 'a segment that overruns', 2, path('0202 0000fde9'), 'withdraw'),
  row('C/2 length', 'a segment that ends too early', 2, path('0201 0000fde9 0000'), 'withdraw'),
  row('C/2 length', 'a segment without an ASN', 2, path('0201 0000fde9 0200'), 'withdraw'),
  row('C/2 value', 'segment type 0', 2, path('0201 0000fde9 0001 0000fdea'), 'withdraw'),
  row('C/2 value', 'segment type 5', 2, path('0201 0000fde9 0501 0000fdea'), 'withdraw'),
  row('C/2 value', 'AS 0', 2, path('0202 0000fde9 00000000'), 'withdraw'),
  row('C/2 value', 'an AS_SET', 2, path('0201 0000fde9 0101 0000fdea'), 'withdraw'),
  row('C/2 value', 'an AS_CONFED_SET', 2, path('0201 0000fde9 0401 0000fdea'), 'withdraw'),
  row('C/2 value', 'an AS_CONFED_SEQUENCE', 2, path('0301 0000fde9 0201 0000fde9'), 'withdraw', external),
  row('C/2 value', 'our own AS', 2, path('0202 0000fde9 0000fc00'), 'unused'),
  row('C/2 external', 'another first AS', 2, path('0201 0000fdea'), 'withdraw', external),
  row('C/2 external', 'no AS at all', 2, path(''), 'withdraw', external),

  // IPv6 routes have their next hop in MP_REACH_NLRI.
  ...flagged(3, '0a000001', ['c0', '80', '00'], 'withdraw', both, ipv4),
  ...sized(3, '40', [0, 3, 5, 16], 'withdraw', both, ipv4),
  ...['00000000', '00010203', '7f000001', 'e0000001', 'f0000001', 'ffffffff', '0a000002'].map((hop) =>
    row('C/3 value', `next hop ${hop}`, 3, attribute('40', 3, hop), 'unused', both, ipv4),
  ),

  ...flagged(4, '00000001', ['40', 'c0', '00'], 'withdraw'),
  ...sized(4, '80', [0, 3, 5], 'withdraw'),

  ...flagged(5, '00000001', ['c0', '80', '00'], 'withdraw', internal),
  ...sized(5, '40', [0, 3, 5], 'withdraw', internal),
  row('C/5 external', 'a good one', 5, attribute('40', 5, '00000001'), 'ignored', external),
  row('C/5 external', 'wrong flags', 5, attribute('c0', 5, '00000001'), 'ignored', external),
  row('C/5 external', 'a wrong length', 5, attribute('40', 5, '0001'), 'ignored', external),

  ...flagged(6, '', ['c0', '80', '00'], 'discard'),
  ...sized(6, '40', [1, 4], 'discard'),

  ...flagged(7, '0000fde9 0a000001', ['40', '80', '00'], 'discard'),
  ...sized(7, 'c0', [0, 6, 7, 9], 'discard'),
  row('C/7 value', 'AS 0', 7, attribute('c0', 7, '00000000 0a000001'), 'discard'),

  ...flagged(8, 'fde90001', ['40', '80', '00'], 'withdraw'),
  ...sized(8, 'c0', [0, 3, 5], 'withdraw'),

  ...flagged(9, '0a000009', ['40', 'c0', '00'], 'withdraw', internal),
  ...sized(9, '80', [0, 3, 5], 'withdraw', internal),
  row('C/9 external', 'a good one', 9, attribute('80', 9, '0a000009'), 'ignored', external),
  row('C/9 external', 'a wrong length', 9, attribute('80', 9, '0a'), 'ignored', external),

  ...flagged(10, '0a000009', ['40', 'c0', '00'], 'withdraw', internal),
  ...sized(10, '80', [0, 3, 5], 'withdraw', internal),
  row('C/10 external', 'a good one', 10, attribute('80', 10, '0a000009'), 'ignored', external),
  row('C/10 external', 'a wrong length', 10, attribute('80', 10, '0a'), 'ignored', external),

  ...flagged(16, '0002fde9 00000001', ['40', '80', '00'], 'withdraw'),
  ...sized(16, 'c0', [0, 7, 9], 'withdraw'),
  ...['0102030405060708', 'ffffffffffffffff'.replace('ff', '3f')].map((value) =>
    row('C/16 value', `the community ${value}`, 16, attribute('c0', 16, value), { kept: attribute('c0', 16, value) }),
  ),

  ...flagged(17, '0201 fa56ea01', ['40', '80', '00'], 'withdraw', twoOctet),
  ...sized(17, 'c0', [0, 1, 5], 'discard', twoOctet),
  row('C/17 value', 'a segment without an ASN', 17, as4Path('0200 0201 fa56ea01'), 'discard', twoOctet),
  row('C/17 value', 'segment type 5', 17, as4Path('0501 fa56ea01'), 'discard', twoOctet),
  row('C/17 value', 'AS 0', 17, as4Path('0201 00000000'), 'discard', twoOctet),
  row('C/17 value', 'an AS_SET', 17, as4Path('0101 fa56ea01'), 'withdraw', twoOctet),
  row('C/17 value', 'an AS_CONFED_SET', 17, as4Path('0401 fa56ea01'), 'withdraw', twoOctet),
  row('C/17 value', 'a good one', 17, as4Path('0201 fa56ea01'), 'ignored'),
  row('C/17 value', 'an odd one', 17, as4Path('0101 00'), 'ignored'),

  ...flagged(18, 'fa56ea01 0a000001', ['40', '80', '00'], 'withdraw', twoOctet),
  ...sized(18, 'c0', [0, 6, 9], 'discard', twoOctet),
  row('C/18 value', 'AS 0', 18, attribute('c0', 18, '00000000 0a000001'), 'discard', twoOctet),
  row('C/18 value', 'a good one', 18, attribute('c0', 18, 'fa56ea01 0a000001'), 'ignored'),
  row('C/18 value', 'an odd one', 18, attribute('c0', 18, '00'), 'ignored'),

  ...flagged(26, '01000b 0000000000000001', ['40', 'c0', '00'], 'discard'),
  ...sized(26, '80', [0, 2, 10], 'ignored'),
  row('C/26 value', 'a good one', 26, attribute('80', 26, '01000b 0000000000000001'), 'ignored'),

  ...flagged(32, '0000fde9 00000001 00000002', ['40', '80', '00'], 'withdraw'),
  ...sized(32, 'c0', [0, 11, 13], 'withdraw'),
  row('C/32 value', 'one community twice', 32, attribute('c0', 32, '0000fde9 00000001 00000002'.repeat(2)), {
    kept: attribute('c0', 32, '0000fde9 00000001 00000002'),
  }),

  ...elsewhere.flatMap((type) => [
    row('C/opaque flags', `attribute ${type} with Partial`, type, attribute('e0', type, '0102'), {
      kept: attribute('e0', type, '0102'),
    }),
    row('C/opaque flags', `attribute ${type} that is not transitive`, type, attribute('80', type, '0102'), 'ignored'),
    row('C/opaque length', `no octets of attribute ${type}`, type, attribute('c0', type, ''), {
      kept: attribute('e0', type, ''),
    }),
    row('C/opaque length', `1024 octets of attribute ${type}`, type, attribute('d0', type, '5a'.repeat(1024)), {
      kept: attribute('f0', type, '5a'.repeat(1024)),
    }),
    row('C/opaque value', `attribute ${type} of all ones`, type, attribute('c0', type, 'ff'.repeat(5)), {
      kept: attribute('e0', type, 'ff'.repeat(5)),
    }),
  ]),
  row('C/opaque value', 'attribute 29, which is not transitive', 29, attribute('80', 29, 'ffff'), 'ignored'),

  row('C/transitive value', 'attribute 99', 99, attribute('c0', 99, '010203'), { kept: attribute('e0', 99, '010203') }),
  row('C/transitive value', 'attribute 255', 255, attribute('c0', 255, ''), { kept: attribute('e0', 255, '') }),
  row('C/non-transitive value', 'attribute 99', 99, attribute('80', 99, '010203'), 'ignored'),
  ...['4063020102', '506300020102', '0063020102', '40000100'].map((octetsOf) =>
    row('C/well-known value', octetsOf, Number.parseInt(octetsOf.slice(2, 4), 16), octetsOf, {
      reset: `3/2 ${octetsOf}`,
    }),
  ),
]

const samples: Record<Family, { afi: string; target: string; sibling: string; text: [string, string]; hop: string }> = {
  'ipv4-unicast': {
    afi: '000101',
    target: '18c63364',
    sibling: '18c00002',
    text: ['198.51.100.0/24', '192.0.2.0/24'],
    hop: '0a000001',
  },
  'ipv6-unicast': {
    afi: '000201',
    target: '3020010db80001',
    sibling: '3020010db80002',
    text: ['2001:db8:1::/48', '2001:db8:2::/48'],
    hop: 'fd000000000000000000000000000001',
  },
}

/** A speaker between the router under test and a witness that is told all it learns. */
class Scene {
  readonly fabric = new Fabric()
  readonly sender: Sender
  readonly family: Family
  node!: Machine
  router!: WirePeer
  witness!: WirePeer

  constructor(sender: Sender, family: Family) {
    this.sender = sender
    this.family = family
  }

  async begin(): Promise<void> {
    const asn = this.sender === 'an internal peer' ? ownAsn : routerAsn
    const wide = this.sender !== 'an external two-octet peer'
    this.node = this.fabric.machine(
      ownAsn,
      ['10.0.0.2', 'fd00::2'],
      [
        peerTo('10.0.0.1', asn, { passive: true }),
        peerTo('10.0.0.3', 65003, { passive: true, exportPolicy: acceptAll }),
      ],
    )
    await this.fabric.pass(1000)
    const terms = { to: '10.0.0.2', peerAsn: ownAsn }
    this.router = await WirePeer.up(this.fabric, {
      ...terms,
      at: '10.0.0.1',
      asn,
      ...(!wide && { capabilities: families.map(multiprotocol) }),
    })
    this.witness = await WirePeer.up(this.fabric, { ...terms, at: '10.0.0.3', asn: 65003 })
    await this.announce(this.#good(), 'target')
    await this.announce(this.#good(), 'sibling')
    expect(this.table()).to.have.members([...samples[this.family].text])
  }

  /** Announces the route again with the attribute of the case. */
  async play({ type, octets: wrong }: Case): Promise<void> {
    const list = this.#good()
    list.set(type, wrong)
    await this.announce(list, 'target')
  }

  /** A last word that must still be heard: another route, and one that goes. */
  async goesOn(): Promise<void> {
    const withdrawn = samples[this.family].sibling
    const before = this.table()
    await this.withdraw(withdrawn)
    expect(this.table(), 'a later withdrawal').to.deep.equal(before.filter((one) => one !== this.text('sibling')))
    await this.announce(this.#good(), 'target')
    expect(this.table(), 'a later announcement').to.deep.equal([this.text('target')])
  }

  async announce(list: ReadonlyMap<number, string>, which: 'target' | 'sibling'): Promise<void> {
    const { afi, hop, [which]: prefix } = samples[this.family]
    const attributes = [...list.values()].join('')
    if (this.family === 'ipv4-unicast') this.router.update({ attributes, nlri: prefix })
    else this.router.update({ attributes: `${attribute('80', 14, `${afi}10${hop}00${prefix}`)}${attributes}` })
    await this.fabric.pass(100)
  }

  async withdraw(prefix: string): Promise<void> {
    if (this.family === 'ipv4-unicast') this.router.update({ withdrawn: prefix })
    else this.router.update({ attributes: attribute('80', 15, `${samples[this.family].afi}${prefix}`) })
    await this.fabric.pass(100)
  }

  text(which: 'target' | 'sibling'): string {
    return samples[this.family].text[which === 'target' ? 0 : 1]
  }

  table(): string[] {
    return this.node.speaker
      .routes('best')
      .map(({ prefix }) => prefix)
      .sort()
  }

  peer() {
    return this.node.peer('10.0.0.1')
  }

  #good(): Map<number, string> {
    const asns = this.sender === 'an external two-octet peer' ? '0201 fde9' : '0201 0000fde9'
    return new Map([
      [1, attribute('40', 1, '00')],
      [2, attribute('40', 2, asns)],
      ...(this.family === 'ipv4-unicast' ? ([[3, attribute('40', 3, '0a000001')]] as const) : []),
      ...(this.sender === 'an internal peer' ? ([[5, attribute('40', 5, '00000064')]] as const) : []),
    ])
  }
}

const words = (outcome: Outcome) =>
  typeof outcome === 'string' ? outcome : 'reset' in outcome ? `reset with ${outcome.reset}` : 'passed on'

describe('RFC 7606 over a session', () => {
  let scene: Scene

  afterEach(async () => {
    await scene.fabric.stop()
    expect(scene.fabric.errors).to.deep.equal([])
    expect(scene.fabric.clock.pending, 'timers left behind').to.equal(0)
  })

  for (const one of cases) {
    for (const sender of one.from) {
      for (const family of one.families) {
        it(`${one.cell} ${one.title} from ${sender}: ${words(one.outcome)} (${family})`, async () => {
          scene = new Scene(sender, family)
          await scene.begin()
          await scene.play(one)
          expect(scene.node.peer('10.0.0.3'), 'the session beside it').to.include({ state: 'Established', flaps: 0 })
          if (typeof one.outcome === 'object' && 'reset' in one.outcome) {
            expectReset(scene, one.outcome.reset)
          } else {
            expectGoingOn(scene)
            expectOutcome(scene, one, one.outcome)
            await scene.goesOn()
          }
        })
      }
    }
  }
})

function expectReset(scene: Scene, farewell: string): void {
  expect(scene.router.farewell).to.equal(farewell)
  expect(scene.router.closed).to.equal('closed by the peer')
  expect(scene.table()).to.deep.equal([])
  expect([...scene.witness.routes.keys()]).to.deep.equal([])
}

function expectGoingOn(scene: Scene): void {
  expect(scene.router.farewell).to.equal(undefined)
  expect(scene.peer()).to.include({ state: 'Established', flaps: 0 })
  expect(scene.table(), 'the other route of this peer').to.include(scene.text('sibling'))
  expect([...scene.witness.routes.keys()], 'as the witness has it').to.include(scene.text('sibling'))
}

function expectOutcome(
  scene: Scene,
  { type, octets: wrong }: Case,
  outcome: Exclude<Outcome, { reset: string }>,
): void {
  const target = scene.text('target')
  const { malformed } = scene.peer()
  const held = scene.witness.routes.get(target)
  if (outcome === 'withdraw' || outcome === 'unused') {
    expect(malformed).to.deep.equal(outcome === 'withdraw' ? { 'treat-as-withdraw': 1 } : {})
    expect(scene.table()).to.not.include(target)
    expect(held, 'as the witness has it').to.equal(undefined)
    return
  }
  expect(malformed).to.deep.equal(outcome === 'discard' ? { 'attribute-discard': 1 } : {})
  expect(scene.table()).to.include(target)
  const there = attributesIn(held?.attributes ?? '')
  if (typeof outcome === 'object') expect(there).to.include(outcome.kept.replace(/\s/g, ''))
  else {
    const word = hex(octets(type.toString(16).padStart(2, '0')))
    expect(
      there.filter((one) => one.slice(2, 4) === word),
      wrong,
    ).to.deep.equal([])
  }
}
