/** An import policy that looks at prefixes alone is asked before the attributes of a message are entered. */

import { type Attributes, encodeUpdate, type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import { type Policy, PrefixSet } from '../../../../policy/index.ts'
import type { Routing } from '../../../../speaker/routing.ts'
import { address, prefix } from '../../../support/fabric.ts'
import { bareRouting, joined } from '../../../support/routing.ts'

const samples: Record<Family, { wanted: string; unwanted: string; hop: string }> = {
  'ipv4-unicast': { wanted: '192.0.2.0/24', unwanted: '198.51.100.0/24', hop: '10.0.0.99' },
  'ipv6-unicast': { wanted: '2001:db8::/48', unwanted: '2001:db8:1::/48', hop: 'fd00::99' },
}
const only = Object.values(samples).map(({ wanted }) => {
  const one = prefix(wanted)
  return { prefix: one, ge: one.length, le: one.length }
})
const importPolicy: Policy = {
  name: 'wanted',
  statements: [{ name: 'what is wanted', match: { prefixes: new PrefixSet(only) }, action: 'accept', set: { med: 7 } }],
  default: 'reject',
}

for (const family of families) {
  const { wanted, unwanted, hop } = samples[family]

  describe(`a policy of prefixes, and routes of ${family}`, () => {
    let routing: Routing
    let link: ReturnType<typeof joined>

    beforeEach(() => {
      routing = bareRouting()
      link = joined(routing, '10.0.0.1', 65001, { importPolicy })
    })

    const announce = (texts: readonly string[], attributes: Attributes = {}) => {
      const nextHop = address(hop)
      const asPath = [{ type: 'sequence', asns: [65001] }] as const
      const common: Attributes = { origin: 'igp', asPath, ...attributes }
      const prefixes = texts.map(prefix)
      const bytes =
        family === 'ipv4-unicast'
          ? encodeUpdate({ attributes: { ...common, nextHop }, nlri: prefixes })
          : encodeUpdate({ attributes: common, reach: { family, nextHop, prefixes } })
      expect(routing.update(link, bytes, 19, bytes.length)).to.equal(undefined)
    }
    const peer = () => routing.routed(link)!
    const refused = () => [...peer().counters[family].rejectedBy]
    const stored = () => routing.rib.attributes.size

    it('enters nothing for what is refused', () => {
      announce([unwanted])
      expect(stored()).to.equal(0)
      expect(refused()).to.deep.equal([['default', 1]])
      expect([...peer().importHits]).to.deep.equal([0, 1])
    })

    it('enters the attributes once for what is taken among it, as they came and as they became', () => {
      announce([unwanted, wanted])
      expect(stored()).to.equal(2)
      expect(routing.rib.families[family].paths.size).to.equal(1)
      expect([...peer().importHits]).to.deep.equal([1, 1])
    })

    it('forgets the route that is announced again and may no longer be taken, and its attributes', () => {
      announce([wanted])
      announce([wanted], { asPath: [{ type: 'sequence', asns: [65001, 64512] }] })
      expect(refused()).to.deep.equal([['own AS in the path', 1]])
      expect([stored(), routing.rib.families[family].paths.size]).to.deep.equal([0, 0])
    })

    it('names the policy first where both it and the attributes stand against a route', () => {
      announce([unwanted], { asPath: [{ type: 'sequence', asns: [65001, 64512] }] })
      expect(refused()).to.deep.equal([['default', 1]])
    })

    it('still judges the attributes of what it refuses (RFC 7606)', () => {
      announce([wanted])
      announce([wanted, unwanted], { asPath: [{ type: 'set', asns: [65001] }] })
      expect(peer().malformed.counts).to.deep.include({ 'treat-as-withdraw': 1 })
      expect([stored(), routing.rib.families[family].paths.size]).to.deep.equal([0, 0])
    })
  })
}
