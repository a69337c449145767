/** What a peer may choose freely must not cost more than it sends: path identifiers (RFC 7911), and attribute lists that come to nothing. */

import { type Capability, families } from 'bgp-ts'
import { expect } from 'chai'
import type { Policy } from '../../../../policy/index.ts'
import { pathsOfOnePrefix } from '../../../../speaker/rib/importer.ts'
import { address } from '../../../support/fabric.ts'
import {
  asPath,
  attribute,
  type MeetingTerms,
  meet,
  multiprotocol,
  origin,
  part,
  type WireRoute,
  wireRoutes,
} from '../../../support/wire-peer.ts'

const identified: Capability = {
  kind: 'add-path',
  families: families.map((family) => {
    const { afi, safi } = multiprotocol(family) as { afi: number; safi: number }
    return { afi, safi, send: true, receive: false }
  }),
}
const severalPaths: MeetingTerms = {
  declared: { addPath: families },
  said: { capabilities: [...families.map(multiprotocol), { kind: 'four-octet-asn', asn: 65001 }, identified] },
}

const eight = (value: number) => value.toString(16).padStart(8, '0')

/** A field of the one prefix with these identifiers. */
const under = (one: WireRoute, ids: readonly number[]) => ids.map((id) => `${eight(id)}${one.prefix}`).join('')

function announced(one: WireRoute, ids: readonly number[]) {
  const field = under(one, ids)
  if (one.family === 'ipv4-unicast') {
    return { attributes: `${origin}${asPath}${attribute('40', 3, '0a000001')}`, nlri: field }
  }
  return { attributes: `${attribute('90', 14, `${one.afi}${one.hop}00${field}`)}${origin}${asPath}` }
}

function withdrawn(one: WireRoute, ids: readonly number[]) {
  const field = under(one, ids)
  if (one.family === 'ipv4-unicast') return { withdrawn: field }
  return { attributes: attribute('90', 15, `${one.afi}${field}`) }
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)

for (const family of families) {
  const [one, two] = wireRoutes[family]

  describe(`path identifiers of ${family}`, () => {
    it('H8 keep paths to one prefix apart, and the lowest is the best of equals', async () => {
      const meeting = await meet(severalPaths)
      meeting.router.update(announced(one, [7, 0xffffffff, 3]))
      await meeting.fabric.pass(100)
      expect(meeting.node.speaker.routes('in')).to.have.length(3)
      meeting.router.update(withdrawn(one, [3, 9]))
      await meeting.fabric.pass(100)
      expect(meeting.node.peer().routes[family].accepted).to.equal(2)
      meeting.router.update(withdrawn(one, [7, 0xffffffff]))
      await meeting.fabric.pass(100)
      expect(meeting.node.speaker.routes('in')).to.deep.equal([])
      await part(meeting)
    })

    it('cost the same each, be there ever so many', async () => {
      const meeting = await meet(severalPaths)
      const began = performance.now()
      // Of other prefixes, so that it is the number of identifiers that is large.
      for (let turn = 0; turn < 400; turn++) {
        meeting.router.update(withdrawn(two, range(turn * 100 + 1, 100)))
        meeting.router.update(announced(one, [turn + 1]))
        meeting.router.update(withdrawn(one, [turn + 1]))
      }
      await meeting.fabric.pass(100)
      expect(performance.now() - began).to.be.below(1500)
      expect(meeting.node.peer().routes[family].accepted).to.equal(0)
      await part(meeting)
    })

    it('beyond what one prefix may have are refused, until one of them goes', async () => {
      const meeting = await meet(severalPaths)
      for (let turn = 0; turn < 5; turn++) meeting.router.update(announced(one, range(turn * 100 + 1, 100)))
      await meeting.fabric.pass(100)
      const { accepted, rejected, rejectedBy } = meeting.node.peer().routes[family]
      expect({ accepted, rejected }).to.deep.equal({ accepted: pathsOfOnePrefix, rejected: 500 - pathsOfOnePrefix })
      expect(Object.keys(rejectedBy)).to.deep.equal(['maximum number of paths to one prefix'])
      meeting.router.update(withdrawn(one, [1]))
      meeting.router.update(announced(one, [500, 501]))
      meeting.router.update(announced(two, [1]))
      await meeting.fabric.pass(100)
      expect(meeting.node.peer().routes[family].accepted).to.equal(pathsOfOnePrefix + 1)
      await part(meeting)
    })
  })

  describe(`attribute lists of ${family} routes`, () => {
    it('are let go where a policy rewrites them for a prefix that is refused after all', async () => {
      const rewrite: Policy = {
        name: 'marks',
        statements: [{ name: 'mark', match: {}, set: { localPref: 50 }, action: 'accept' }],
        default: 'accept',
      }
      const meeting = await meet({ declared: { importPolicy: rewrite } })
      const before = meeting.node.speaker.snapshot().attributeSets
      const multicast = family === 'ipv4-unicast' ? '18e00001' : '30ff0200000000'
      for (let med = 0; med < 20; med++) {
        const fields = one.announced(`${origin}${asPath}${attribute('80', 4, eight(med))}`)
        meeting.router.update(JSON.parse(JSON.stringify(fields).replaceAll(one.prefix, multicast)))
      }
      await meeting.fabric.pass(100)
      expect(meeting.node.peer().routes[family]).to.include({ accepted: 0, rejected: 20 })
      expect(meeting.node.speaker.snapshot().attributeSets).to.equal(before)
      await part(meeting)
    })

    it('are let go once, where a route is refused whose list nobody else has', async () => {
      const meeting = await meet()
      meeting.router.update(one.announced())
      await meeting.fabric.pass(100)
      expect(meeting.node.peer().routes[family].accepted).to.equal(1)
      // The next hop of the route becomes an address of our own.
      const hop = family === 'ipv4-unicast' ? '10.0.0.1' : 'fd00::1'
      const addresses = { ...meeting.node.desired.local.addresses, [family]: address(hop) }
      meeting.node.apply({ local: { addresses } })
      meeting.router.update(one.announced())
      meeting.router.update(two.announced())
      await meeting.fabric.pass(100)
      expect(meeting.node.peer().routes[family].accepted).to.equal(0)
      expect(meeting.node.speaker.snapshot().attributeSets).to.equal(0)
      await part(meeting)
    })
  })
}
