/**
 * RFC 7606, cell by cell, over a real session: a router announces a route again with one attribute that is wrong.
 * What must come of it: the reaction and nothing more. Its other route, its session and the session beside it go on.
 */

import { type Family, families, hex } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll } from '../../../../policy/index.ts'
import { octets } from '../../../support/bytes.ts'
import { Fabric, type Machine, peerTo } from '../../../support/fabric.ts'
import { type Cell, cells, type Outcome, type Sender } from '../../../support/malformed-attributes.ts'
import { attribute, attributesIn, multiprotocol, WirePeer } from '../../../support/wire-peer.ts'

const ownAsn = 64512
const routerAsn = 65001

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
  async play({ type, octets: wrong }: Cell): Promise<void> {
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

  for (const one of cells) {
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
  { type, octets: wrong }: Cell,
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
