/** What routes and attribute sets take, exactly: the constants of docs/limits.md. And that it is given back. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeAttributes, encodeUpdate, type Family, families, summarize } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll } from '../../../../policy/index.ts'
import { costOf, noNextHop } from '../../../../speaker/rib/attribute-entry.ts'
import { AttributeTable } from '../../../../speaker/rib/attribute-table.ts'
import { PathTable } from '../../../../speaker/rib/path-table.ts'
import { PrefixTable } from '../../../../speaker/rib/prefix-table.ts'
import { Routing } from '../../../../speaker/routing.ts'
import { address, negotiatedWith, peerTo, prefix } from '../../../support/fabric.ts'
import { VirtualClock } from '../../../support/virtual-clock.ts'

const count = 2 ** 17

/** Tables with so many prefixes and a path to each. */
function filled(family: Family, size: number) {
  const prefixes = new PrefixTable(family, 7)
  const paths = new PathTable()
  for (let index = 0; index < size; index++) {
    const row =
      family === 'ipv4-unicast'
        ? prefixes.add(0x0a000000 + index, 0, 0, 0, 32)
        : prefixes.add(0x20010db8, 0, index, 0, 96)
    paths.add(row, 1, 1)
  }
  return { prefixes, paths }
}

const page = () => readFileSync(join(import.meta.dirname, '../../../../docs/limits.md'), 'utf8')

describe('memory', () => {
  const perRoute: Record<Family, number> = { 'ipv4-unicast': 40, 'ipv6-unicast': 52 }

  for (const family of families) {
    it(`of a ${family} route is ${perRoute[family]} octets in tables that are just full, as documented`, () => {
      const { prefixes, paths } = filled(family, count)
      expect((prefixes.bytes + paths.bytes) / count).to.equal(perRoute[family])
      expect(page()).to.include(`| ${family} route | ${perRoute[family]} |`)
    })

    it(`of ${family} routes is given back when most of them go; those that stay keep their rows`, () => {
      const { prefixes, paths } = filled(family, count)
      const full = prefixes.bytes + paths.bytes
      for (let row = 10; row < count; row++) {
        paths.remove(paths.best(row))
        prefixes.remove(row)
      }
      prefixes.trim()
      paths.trim(prefixes.capacity)
      expect(prefixes.bytes + paths.bytes).to.be.below(full / 50)
      for (let row = 0; row < 10; row++) {
        const { w0, w1, w2, w3, length } = prefixes.prefix(row)
        expect(prefixes.find(w0, w1, w2, w3, length)).to.equal(row)
        expect(paths.row(paths.best(row))).to.equal(row)
      }
      // And it grows again.
      const next = family === 'ipv4-unicast' ? prefixes.add(1, 0, 0, 0, 32) : prefixes.add(1, 0, 0, 0, 128)
      expect(next).to.equal(10)
      expect(prefixes.size).to.equal(11)
    })
  }

  it('of an attribute set is 96 octets and its list, twice where it is kept in another form, as documented', () => {
    expect(costOf(0)).to.equal(96 + 16)
    expect(costOf(60)).to.equal(96 + 64)
    expect(costOf(60, 61)).to.equal(96 + 64 + 64)
    expect(page()).to.include('| attribute set | 96 |')
  })

  it('of attribute sets is given back; those that stay keep their ids, and a reused id is another generation', () => {
    const table = new AttributeTable(7)
    const enter = (med: number) => {
      const list = encodeAttributes({ origin: 'igp', med }, { fourOctetAsn: true })
      return table.add(list, 0, list.length, 8, noNextHop, summarize(list, 0, list.length, 64512))
    }
    const ids = Array.from({ length: 2 ** 15 }, (_, med) => enter(med))
    const full = table.bytes
    const generations = new Map(ids.map((id) => [id, table.generation(id)]))
    for (const id of ids) table.retain(id)
    for (const id of ids.slice(10)) table.release(id)
    table.trim()
    expect(table.bytes).to.be.below(full / 20)
    expect(ids.slice(0, 10).map((id) => table.attributes(id).med)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    for (let med = 100; med < 200; med++) {
      const id = enter(med)
      expect(table.generation(id)).to.be.above(generations.get(id) ?? -1)
      expect(table.attributes(id).med).to.equal(med)
    }
  })

  it('of a peer is given back a moment after its session has ended, and what others have stays', () => {
    const silent = () => {}
    const clock = new VirtualClock()
    const log = { debug: silent, info: silent, warn: silent, error: silent }
    const transport = { dial: () => expect.fail('no dialling'), listen: () => expect.fail('no listening') }
    const routing = new Routing({ clock, random: () => 0.5, transport, log }, { endOfRibHeld: false })
    routing.setLocal({ asn: 64512, routerId: 1, listen: [], addresses: {} })
    const links = [65001, 65002].map((asn, index) => {
      const negotiated = negotiatedWith(asn, asn)
      const declaration = peerTo(`10.0.0.${index + 1}`, asn, { importPolicy: acceptAll })
      const link = { name: declaration.name, declaration, negotiated, localAddress: undefined, queuedBytes: 0 }
      return { ...link, send: () => true }
    })
    const bytes = () =>
      families.reduce((sum, family) => {
        const { prefixes, paths } = routing.rib.families[family]
        return sum + prefixes.bytes + paths.bytes
      }, routing.rib.attributes.bytes)
    for (const link of links) {
      routing.addPeer(link)
      routing.sessionUp(link, link.negotiated)
    }
    const announce = (which: number, from: number, size: number) => {
      for (let index = from; index < from + size; index++) {
        const message = encodeUpdate({
          attributes: {
            origin: 'igp',
            asPath: [{ type: 'sequence', asns: [65001 + which, index] }],
            nextHop: address('10.0.0.9'),
          },
          nlri: [prefix(`10.${index >>> 8}.${index & 255}.0/24`)],
        })
        routing.update(links[which]!, message, 19, message.length)
      }
    }
    announce(1, 1, 100)
    const before = bytes()
    announce(0, 1000, 20_000)
    expect(bytes()).to.be.above(before * 10)
    routing.sessionDown(links[0]!, false)
    clock.pass(20_000)
    expect(bytes()).to.be.below(before * 2)
    expect(routing.rib.families['ipv4-unicast'].paths.size).to.equal(100)
    routing.stop()
  }).timeout(20_000)

  it('of attribute sets does not grow with the number of lengths that they have had, while the session goes on', () => {
    const silent = () => {}
    const clock = new VirtualClock()
    const log = { debug: silent, info: silent, warn: silent, error: silent }
    const transport = { dial: () => expect.fail('no dialling'), listen: () => expect.fail('no listening') }
    const routing = new Routing({ clock, random: () => 0.5, transport, log }, { endOfRibHeld: false })
    routing.setLocal({ asn: 64512, routerId: 1, listen: [], addresses: { 'ipv4-unicast': address('10.0.0.2') } })
    const links = [65001, 65002].map((asn, index) => {
      const declaration = peerTo(`10.0.0.${index + 11}`, asn, { importPolicy: acceptAll, exportPolicy: acceptAll })
      const link = { name: declaration.name, declaration, negotiated: negotiatedWith(asn, asn), queuedBytes: 0 }
      return { ...link, localAddress: undefined, send: () => true }
    })
    for (const link of links) {
      routing.addPeer(link)
      routing.sessionUp(link, link.negotiated)
    }
    clock.pass(1000)
    const nlri = Array.from({ length: 400 }, (_, index) => prefix(`10.${index >>> 8}.${index & 255}.0/24`))
    const say = (update: Parameters<typeof encodeUpdate>[0]) => {
      const message = encodeUpdate(update)
      expect(routing.update(links[0]!, message, 19, message.length)).to.equal(undefined)
    }
    let most = 0
    for (let turn = 0; turn < 100; turn++) {
      // 32 octets more each time: two sizes of blocks further.
      const largeCommunities = Array.from({ length: 20 + turn * 2 }, (_, index) => [1, 0, index] as const)
      nlri.forEach((one, index) => {
        const asPath = [{ type: 'sequence', asns: [65001, index + 1] } as const]
        say({ attributes: { origin: 'igp', asPath, nextHop: address('10.0.0.9'), largeCommunities }, nlri: [one] })
      })
      clock.pass(100)
      say({ withdrawn: nlri })
      clock.pass(100)
      most = Math.max(most, routing.rib.attributes.bytes, routing.outbound.table.bytes)
    }
    // Of all turns there are 55 megabytes.
    expect(most / 2 ** 20).to.be.within(16, 20)
    expect(routing.outbound.table.size).to.equal(0)
    routing.stop()
  }).timeout(20_000)
})
