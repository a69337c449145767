import { type Attributes, encodeAttributes, type Family, families, summarize } from 'bgp-ts'
import { expect } from 'chai'
import { Choice, unreachable } from '../../../speaker/kernel/choice.ts'
import { HopSets, hopText, noSet } from '../../../speaker/kernel/hop-sets.ts'
import type { KernelHop } from '../../../speaker/kernel/kernel.ts'
import { KernelTable, status } from '../../../speaker/kernel/kernel-table.ts'
import { NextHops } from '../../../speaker/kernel/next-hops.ts'
import { noNextHop } from '../../../speaker/rib/attribute-entry.ts'
import { ContextIds } from '../../../speaker/rib/context-ids.ts'
import { Rib } from '../../../speaker/rib/rib.ts'
import { address, prefix } from '../../support/fabric.ts'

const hop = (text: string): KernelHop => {
  const [one = '', zone] = text.split('%')
  return { address: address(one), ...(zone !== undefined && { zone }) }
}

const link = (text: string, device: string, down = false) => ({
  prefix: prefix(text),
  table: 254,
  protocol: 2,
  metric: 0,
  hops: [],
  onLink: device,
  down,
})

const samples: Record<Family, { hops: [string, string, string]; link: string; inside: string; outside: string }> = {
  'ipv4-unicast': {
    hops: ['10.0.0.1', '10.0.0.3', '10.7.0.1'],
    link: '10.0.0.0/24',
    inside: '10.0.0.0/25',
    outside: '10.0.0.128/25',
  },
  'ipv6-unicast': {
    hops: ['fd00::1', 'fd00::3', 'fd07::1'],
    link: 'fd00::/64',
    inside: 'fd00::/96',
    outside: 'fd00::1:0:0/96',
  },
}

for (const family of families) {
  const { hops, link: connected, inside, outside } = samples[family]

  describe(`sets of next hops of ${family}`, () => {
    it('are one number in whatever order, and are given up with the last row', () => {
      const told: string[] = []
      const sets = new HopSets((one, isWanted) => told.push(`${hopText(one)} ${isWanted}`))
      const [a, b] = [hop(hops[0]), hop(hops[1])]
      const both = sets.intern([a, b])
      expect(sets.intern([b, a])).to.equal(both)
      expect(sets.is(both, [b, a])).to.equal(true)
      expect(sets.is(both, [a])).to.equal(false)
      expect(sets.is(noSet, [])).to.equal(false)
      sets.want(both, noSet)
      sets.want(both, noSet)
      sets.retain(both)
      expect(told).to.deep.equal([`${hops[0]} true`, `${hops[1]} true`])
      const one = sets.intern([a])
      sets.want(one, both)
      expect(told.slice(2)).to.deep.equal([`${hops[0]} true`])
      sets.want(noSet, both)
      expect(told.slice(3)).to.deep.equal([`${hops[0]} false`, `${hops[1]} false`])
      expect(sets.size).to.equal(2)
      sets.release(both)
      expect(sets.size, 'held by the kernel until then').to.equal(1)
    })
  })

  describe(`reaching next hops of ${family}`, () => {
    it('takes the longest link that is up', () => {
      const next = new NextHops(1, () => {})
      expect(next.link(hop(hops[0]))).to.equal(undefined)
      expect(next.setLinks(family, [link(connected, 'eth1'), link(inside, 'eth2')])).to.equal(true)
      expect(next.link(hop(hops[0]))).to.deep.include({ device: 'eth2' })
      expect(next.link(hop(hops[2]))).to.equal(undefined)
      expect(next.setLinks(family, [link(connected, 'eth1'), link(inside, 'eth2')]), 'the same').to.equal(false)
      expect(next.changeLink(link(inside, 'eth2', true), false), 'no carrier').to.equal(true)
      expect(next.link(hop(hops[0]))).to.deep.include({ device: 'eth1' })
      expect(next.changeLink(link(outside, 'eth3'), false), 'elsewhere').to.equal(false)
      expect(next.changeLink(link(connected, 'eth1'), true)).to.equal(true)
      expect(next.link(hop(hops[0]))).to.equal(undefined)
    })

    it('guards what covers a wanted one and is as long as its link, or longer', () => {
      const guarded = new Set<string>()
      const next = new NextHops(1, (one) => guarded.add(String(one)))
      const is = (text: string) => {
        const { w0, w1, w2, w3, length } = prefix(text)
        return next.isGuarded(family, w0, w1, w2, w3, length)
      }
      next.setLinks(family, [link(connected, 'eth1')])
      next.want(hop(hops[0]), true)
      expect([is(connected), is(inside), is(outside)]).to.deep.equal([true, true, false])
      expect(is(family === 'ipv4-unicast' ? '0.0.0.0/0' : '::/0'), 'the default route').to.equal(false)
      expect(guarded).to.include(connected).and.include(inside)
      next.want(hop(hops[1]), true)
      next.want(hop(hops[0]), false)
      expect(is(inside), 'covers the other one').to.equal(true)
      next.want(hop(hops[1]), false)
      expect([is(connected), is(inside)]).to.deep.equal([false, false])
      next.want(hop(hops[0]), true)
      next.setLinks(family, [])
      expect(is(inside), 'out of reach').to.equal(false)
    })

    it('forgets next hops that nobody wants, however many there are', () => {
      const next = new NextHops(1, () => {})
      next.setLinks(family, [link(connected, 'eth1')])
      next.want(hop(hops[0]), true)
      const at = (index: number) =>
        family === 'ipv4-unicast' ? `10.${100 + (index >> 8)}.${index & 255}.1` : `fd99::${index.toString(16)}`
      for (let index = 0; index < 9000; index++) next.link(hop(at(index)))
      expect(next.link(hop(hops[0]))).to.deep.include({ device: 'eth1' })
      // What was forgotten may be what the new link is for.
      expect(next.changeLink(link(family === 'ipv4-unicast' ? '10.100.0.0/24' : 'fd99::/64', 'eth2'), false)).to.equal(
        true,
      )
    })
  })

  describe(`the table of ${family}`, () => {
    it('gives rows back only when nothing is on its way, wanted, installed or to be said', () => {
      const sets = new HopSets(() => {})
      const table = new KernelTable(family, 1, sets)
      const { w0, w1, w2, w3, length } = prefix(connected)
      const row = table.add(w0, w1, w2, w3, length)
      const isThere = () => {
        table.free(row)
        return table.find(prefix(connected)) === row
      }
      table.mark(row)
      expect(isThere(), 'marked').to.equal(true)
      expect(table.take()).to.equal(row)
      table.setSent(row, true)
      expect(isThere(), 'sent').to.equal(true)
      table.setSent(row, false)
      table.setInstalled(row, sets.intern([hop(hops[0])]))
      expect(isThere(), 'installed').to.equal(true)
      table.setInstalled(row, noSet)
      table.setRefused(row, 'Invalid argument')
      expect(isThere(), 'refused').to.equal(true)
      expect(table.refusal(row)).to.equal('Invalid argument')
      expect([table.count(status.refused), table.example(status.refused)]).to.deep.equal([1, row])
      table.setStatus(row, status.none)
      table.setForeign(row, 4)
      expect(table.take()).to.equal(row)
      expect(isThere()).to.equal(false)
      const again = table.add(w0, w1, w2, w3, length)
      expect(again, 'the same row').to.equal(row)
      expect(table.foreign(again), 'and nothing of its forerunner').to.equal(undefined)
    })
  })
}

describe('the choice of next hops', () => {
  const contexts = new ContextIds()
  const rib = new Rib(
    () => 0.5,
    () => {},
  )
  const next = new NextHops(1, () => {})
  const sets = new HopSets(() => {})
  const choice = (maximumPaths: number) =>
    new Choice(rib, (peer) => (peer < 10 ? `eth${peer}` : undefined), next, sets, maximumPaths)

  before(() => {
    for (let peer = 1; peer < 20; peer++) {
      rib.setRank(peer, { originated: false, external: peer % 2 === 1, routerId: 100 - peer, addressOrder: peer })
    }
    next.setLinks('ipv4-unicast', [link('10.0.0.0/24', 'eth1')])
    next.setLinks('ipv6-unicast', [link('fd00::/64', 'eth1'), link('fe80::/64', 'eth1'), link('fe80::/64', 'eth3')])
  })

  function announce(to: string, peer: number, via: string, more: Partial<Attributes> = {}, asns = [65001]): number {
    const attributes: Attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns }], ...more }
    const list = encodeAttributes(attributes, { fourOctetAsn: true })
    const at = address(via)
    const context = contexts.derived(at.version)
    const words = { ...noNextHop, version: at.version, w0: at.w0, w1: at.w1, w2: at.w2, w3: at.w3 }
    const table = rib.attributes
    const summary = summarize(list, 0, list.length, 64512)
    const id =
      table.find(list, 0, list.length, context, words) || table.add(list, 0, list.length, context, words, summary)
    const { family, w0, w1, w2, w3, length } = prefix(to)
    rib.announce(rib.families[family], peer, w0, w1, w2, w3, length, id)
    return rib.families[family].prefixes.find(w0, w1, w2, w3, length)
  }

  const chosen = (to: string, row: number, maximumPaths = 16) => {
    const set = choice(maximumPaths).of(rib.families[prefix(to).family], row)
    return set === unreachable ? 'unreachable' : sets.hops(set).map(hopText).sort()
  }
  const whyNone = (to: string, row: number) => choice(16).whyNone(rib.families[prefix(to).family], row)

  it('takes an IPv6 next hop of an IPv4 route (RFC 8950), and a link-local one with its interface', () => {
    announce('198.18.0.0/24', 1, 'fe80::1')
    const row = announce('198.18.0.0/24', 3, 'fd00::3')
    expect(chosen('198.18.0.0/24', row)).to.deep.equal(['fd00::3', 'fe80::1%eth1'])
  })

  it('takes one link-local address on two links as two next hops', () => {
    announce('2001:db8::/48', 1, 'fe80::1')
    const row = announce('2001:db8::/48', 3, 'fe80::1')
    expect(chosen('2001:db8::/48', row)).to.deep.equal(['fe80::1%eth1', 'fe80::1%eth3'])
  })

  it('takes no link-local next hop without an interface, nor one whose link is gone', () => {
    const row = announce('2001:db8:1::/48', 11, 'fe80::1')
    expect(chosen('2001:db8:1::/48', row)).to.equal('unreachable')
    expect(whyNone('2001:db8:1::/48', row)).to.equal('next hop fe80::1 is link-local, and the interface is not known')
    const other = announce('2001:db8:2::/48', 5, 'fe80::1')
    expect(whyNone('2001:db8:2::/48', other)).to.include('next hop fe80::1%eth5 cannot be reached')
  })

  it('takes no IPv4 next hop of an IPv6 route', () => {
    const row = announce('2001:db8:3::/48', 1, '10.0.0.1')
    expect(whyNone('2001:db8:3::/48', row)).to.include('no IPv6 over an IPv4 gateway')
  })

  it('counts a next hop once, whoever names it, and stops at the most that is allowed', () => {
    for (const [peer, via] of [
      [1, '10.0.0.1'],
      [3, '10.0.0.1'],
      [5, '10.0.0.5'],
      [7, '10.0.0.7'],
    ] as const)
      announce('198.18.1.0/24', peer, via)
    const row = announce('198.18.1.0/24', 9, '10.0.0.9')
    expect(chosen('198.18.1.0/24', row)).to.deep.equal(['10.0.0.1', '10.0.0.5', '10.0.0.7', '10.0.0.9'])
    // The best one is that of the lowest router id: the last one.
    expect(chosen('198.18.1.0/24', row, 2)).to.deep.equal(['10.0.0.7', '10.0.0.9'])
    expect(chosen('198.18.1.0/24', row, 1)).to.deep.equal(['10.0.0.9'])
  })

  for (const [what, more, asns, isAsGood] of [
    ['another router, all else the same', {}, [65001], true],
    ['another AS, the same length', {}, [65002], true],
    ['a longer path', {}, [65001, 7], false],
    ['another origin', { origin: 'incomplete' }, [65001], false],
    ['a lower local preference', { localPref: 50 }, [65001], false],
    ['a higher MED of the same AS', { med: 7 }, [65001], false],
    ['a higher MED of another AS', { med: 7 }, [65002], true],
  ] as [string, Partial<Attributes>, number[], boolean][]) {
    for (const [to, vias] of [
      ['198.18.77.0/24', ['10.0.0.1', '10.0.0.3']],
      ['2001:db8:77::/48', ['fd00::1', 'fd00::3']],
    ] as const) {
      it(`${isAsGood ? 'shares with' : 'does not share with'} ${what}: ${to}`, () => {
        announce(to, 3, vias[0])
        const row = announce(to, 1, vias[1], more, asns)
        expect(chosen(to, row)).to.deep.equal(isAsGood ? [...vias] : [vias[0]])
      })
    }
  }

  it('does not share between external and internal, nor with what loses to its own AS by MED', () => {
    announce('198.18.78.0/24', 1, '10.0.0.1')
    expect(chosen('198.18.78.0/24', announce('198.18.78.0/24', 2, '10.0.0.2'))).to.deep.equal(['10.0.0.1'])
    announce('198.18.79.0/24', 9, '10.0.0.9', { med: 5 }, [65001])
    announce('198.18.79.0/24', 1, '10.0.0.1', { med: 5 }, [65002])
    const row = announce('198.18.79.0/24', 3, '10.0.0.3', { med: 6 }, [65002])
    expect(chosen('198.18.79.0/24', row)).to.deep.equal(['10.0.0.1', '10.0.0.9'])
  })
})
