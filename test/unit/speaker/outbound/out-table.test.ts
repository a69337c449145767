import { families, reachHeader } from 'bgp-ts'
import { expect } from 'chai'
import { OutTable } from '../../../../speaker/outbound/out-table.ts'
import { address } from '../../../support/fabric.ts'

describe('what routes are sent with', () => {
  const list = Uint8Array.of(0x40, 1, 1, 0)

  for (const family of families) {
    it(`has the header of MP_REACH_NLRI as the codec writes it, whichever was asked for before: ${family} by IPv6`, () => {
      const table = new OutTable(1)
      const hops = ['fd00::1', '2001:db8:ffff:ffff:8000::2', 'fd00::1'].map(address)
      const ids = hops.map((hop) => table.intern(family, list, hop))
      expect(ids[0]).to.equal(ids[2]).and.not.to.equal(ids[1])
      for (const [index, hop] of hops.entries()) {
        expect([...table.reach(ids[index]!)!]).to.deep.equal([...reachHeader(family, hop)])
      }
    })

    it(`has none where the next hop is an IPv4 address: ${family}`, () => {
      const table = new OutTable(1)
      expect(table.reach(table.intern(family, list, address('10.0.0.1')))).to.equal(undefined)
    })
  }
})
