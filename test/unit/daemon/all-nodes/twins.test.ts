/** Which router differs from its twin: snapshots of many nodes in, sentences out. */

import { type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import { unevenRoutes } from '../../../../daemon/all-nodes/twin-routes.ts'
import { differences, type NodePeers, type TwinPeer, twinGroups } from '../../../../daemon/all-nodes/twins.ts'

interface Given {
  readonly asn?: number
  readonly down?: string
  readonly families?: readonly Family[]
  readonly ipv4?: number
  readonly ipv6?: number
}

function peer(
  name: string,
  { asn = 65001, down, families: carried = families, ipv4 = 12, ipv6 = 12 }: Given = {},
): TwinPeer {
  return {
    name,
    address: name,
    asn,
    state: down === undefined ? 'Established' : 'Active',
    families: down === undefined ? carried : [],
    ...(down && { lastDown: { ageMs: 1000, why: down } }),
    routes: { 'ipv4-unicast': { advertised: ipv4 }, 'ipv6-unicast': { advertised: ipv6 } },
  }
}

const on = (node: string, ...peers: TwinPeer[]): NodePeers => ({ node, peers })
const said = (nodes: readonly NodePeers[], own: readonly string[] = []) =>
  differences(nodes, new Set(own)).map(({ text }) => text)
const many = (count: number, make: (node: string) => NodePeers) =>
  Array.from({ length: count }, (_, index) => make(`node-${index + 1}`))

describe('which router differs from its twin', () => {
  for (const [over, a, b] of [
    ['IPv4', '10.0.0.1', '10.0.0.2'],
    ['IPv6', 'fd00::1', 'fd00::2'],
  ] as const) {
    const both = (node: string) => on(node, peer(a), peer(b))

    it(`is nobody where all is the same over ${over}`, () => expect(said(many(9, both))).to.deep.equal([]))

    it(`is the one that is down over ${over}, and why, while the other is up`, () => {
      const nodes = [both('node-1'), both('node-2'), on('node-3', peer(a), peer(b, { down: 'hold timer expired' }))]
      expect(said(nodes)).to.deep.equal([`${b} is down on node-3 while ${a} is up: hold timer expired`])
    })

    it(`is one sentence over ${over} where it is so on many nodes`, () => {
      const lost = (node: string) => on(node, peer(a), peer(b, { down: 'refused' }))
      expect(said([...many(2, lost), both('node-3')])).to.deep.equal([
        `${b} is down on node-1 and node-2 while ${a} is up: refused`,
      ])
      expect(said([...many(6, lost), both('node-7')])).to.deep.equal([
        `${b} is down on node-1, node-2, node-3 and 3 more nodes while ${a} is up: refused`,
      ])
      expect(said(many(40, lost))).to.deep.equal([`${b} is down on all 40 nodes while ${a} is up: refused`])
    })

    it(`is both over ${over} where none is up`, () => {
      const dead = on('node-3', peer(a, { down: 'refused' }), peer(b, { down: 'refused' }))
      expect(said([both('node-1'), dead])).to.deep.equal([`${a} and ${b} are both down on node-3: refused`])
    })

    it(`is the one that is sent less of a family over ${over}`, () => {
      expect(said([both('node-1'), on('node-2', peer(a), peer(b, { ipv6: 10 }))])).to.deep.equal([
        `node-2 sends 12 ipv6 to ${a} but 10 to ${b}`,
      ])
      const less = (node: string) => on(node, peer(a, { ipv4: 7 }), peer(b))
      expect(said(many(2, less))).to.deep.equal([`node-1 and node-2 send 12 ipv4 to ${b} but 7 to ${a}`])
    })

    it(`is the one that lacks a family over ${over}`, () => {
      const half = on('node-2', peer(a), peer(b, { families: ['ipv4-unicast'], ipv6: 0 }))
      expect(said([both('node-1'), half])).to.deep.equal([`node-2 has ipv6 with ${a} but not with ${b}`])
    })

    it(`is the one that a node does not know over ${over}, though others do`, () => {
      expect(said([both('node-1'), both('node-2'), on('node-3', peer(a))])).to.deep.equal([
        `node-3 has no peer ${b}, the twin of ${a}`,
      ])
    })
  }

  it('are both that a node does not know, of two routers with a session over each family', () => {
    const whole = (node: string) =>
      on(node, ...['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2'].map((name) => peer(name)))
    expect(said([...many(3, whole), on('node-4', peer('10.0.0.1'), peer('fd00::1'))])).to.deep.equal([
      'node-4 has no peer 10.0.0.2, the twin of 10.0.0.1',
      'node-4 has no peer fd00::2, the twin of fd00::1',
    ])
  })

  it('is found among five thousand nodes as well', () => {
    const rack = (index: number) => [peer(`10.${index >> 8}.${index & 255}.1`), peer(`fd00:${index.toString(16)}::1`)]
    const nodes = Array.from({ length: 5000 }, (_, index) =>
      on(`node-${index}`, peer('10.255.0.1'), peer('fd00:ffff::1'), ...rack(index >> 1)),
    )
    expect(said(nodes)).to.deep.equal([])
  })

  it('of three is the one that is not as the other two', () => {
    const three = on('n', peer('10.0.0.1', { ipv4: 9 }), peer('10.0.0.2', { ipv4: 9 }), peer('10.0.0.3'))
    expect(said([three])).to.deep.equal(['n sends 9 ipv4 to 10.0.0.1 and 10.0.0.2 but 12 to 10.0.0.3'])
  })

  it('is told by what each reason was, but not by all of many', () => {
    const lost = (node: string) => on(node, peer('10.0.0.1'), peer('10.0.0.2', { down: `reason of ${node}` }))
    expect(said(many(3, lost))[0]).to.match(/: reason of node-1; reason of node-2; and others$/)
  })

  it('compares no routers of different racks', () => {
    const rack = (letter: number) => (node: string) => on(node, peer(`10.${letter}.0.1`), peer(`10.${letter}.0.2`))
    expect(
      said([...many(3, rack(1)), ...many(3, rack(2)).map((one) => ({ ...one, node: `b-${one.node}` }))]),
    ).to.deep.equal([])
    const shared = (letter: number) => on(`node-${letter}`, peer('10.9.0.1'), peer(`10.${letter}.0.1`))
    expect(said([shared(1), shared(2)])).to.deep.equal([])
  })

  it('leaves out the sessions that nodes have with each other', () => {
    const node = on(
      'node-1',
      peer('10.0.0.1'),
      peer('10.0.0.2'),
      peer('10.0.0.11', { ipv4: 3 }),
      peer('fd00::11', { down: 'x' }),
    )
    expect(said([node])).to.have.lengthOf(2)
    expect(said([node], ['10.0.0.11', 'fd00::11'])).to.deep.equal([])
  })

  it('groups by ASN, else takes routers of an ASN each for twins, and never asks one over IPv4 for what one over IPv6 carries', () => {
    const names = (peers: readonly TwinPeer[]) =>
      twinGroups(peers).map(
        (group) => `${group.peers.map(({ name }) => name).join(' ')}${group.alike ? '' : ' (mixed)'}`,
      )
    const asn = (number: number) => ({ asn: number })
    expect(names([peer('10.0.0.1'), peer('10.0.0.2'), peer('10.0.9.9', asn(65100))])).to.deep.equal([
      '10.0.0.1 10.0.0.2',
      '10.0.9.9',
    ])
    expect(
      names([peer('10.0.0.1', asn(1)), peer('fd00::1', asn(1)), peer('10.0.0.2', asn(2)), peer('fd00::2', asn(2))]),
    ).to.deep.equal(['10.0.0.1 10.0.0.2', 'fd00::1 fd00::2'])
    const mixed = [peer('10.0.0.1', { families: ['ipv4-unicast'] }), peer('fd00::1', { families: ['ipv6-unicast'] })]
    expect(names(mixed)).to.deep.equal(['10.0.0.1 fd00::1 (mixed)'])
    expect(said([on('n', ...mixed)])).to.deep.equal([])
  })
})

describe('which routes a router lacks that its twin has', () => {
  const sent = (to: Readonly<Record<string, readonly string[]>>) =>
    Object.entries(to).flatMap(([prefix, peers]) =>
      peers.map((name) => ({
        prefix,
        family: prefix.includes(':') ? ('ipv6-unicast' as const) : ('ipv4-unicast' as const),
        peer: name,
      })),
    )
  const [a, b] = ['10.0.0.1', '10.0.0.2']

  it('are named, of both families, and equal ones of many nodes once', () => {
    const routes = sent({
      '203.0.113.1/32': [a, b],
      '203.0.113.2/32': [a],
      '2001:db8::1/128': [a],
      '2001:db8::2/128': [b],
    })
    const node = (name: string) => ({ ...on(name, peer(a), peer(b)), routes })
    expect(unevenRoutes([node('node-1'), node('node-2')], new Set()).map(({ text }) => text)).to.deep.equal([
      'node-1 and node-2 send 203.0.113.2/32 and 2001:db8::1/128 to 10.0.0.1 but not to 10.0.0.2',
      'node-1 and node-2 send 2001:db8::2/128 to 10.0.0.2 but not to 10.0.0.1',
    ])
  })

  it('are none of a router that is down or does not carry their family, and never a list without end', () => {
    const routes = sent(
      Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`2001:db8::${index + 1}/128`, [a]])),
    )
    const text = (other: Given) =>
      unevenRoutes([{ ...on('n', peer(a), peer(b, other)), routes }], new Set()).map((one) => one.text)
    expect(text({ down: 'refused' })).to.deep.equal([])
    expect(text({ families: ['ipv4-unicast'] })).to.deep.equal([])
    expect(text({})).to.deep.equal([
      'n sends 2001:db8::1/128, 2001:db8::2/128, 2001:db8::3/128, 2001:db8::4/128 and 5 more to 10.0.0.1 but not to 10.0.0.2',
    ])
  })
})
