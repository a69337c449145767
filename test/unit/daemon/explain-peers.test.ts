/** Why a route is not at a peer: since when its session is down and what ended it, or which side does not want the family. */

import { type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import { alwaysSynced, type Backend } from '../../../daemon/backend.ts'
import { explain } from '../../../daemon/explain.ts'
import { Fabric, peerTo, route } from '../../support/fabric.ts'

const prefixes: Record<Family, string> = { 'ipv4-unicast': '192.0.2.0/24', 'ipv6-unicast': '2001:db8::/48' }
const routes = Object.values(prefixes).map((text) => route(text))

describe('explain, of a route that a peer does not have', () => {
  let fabric: Fabric

  beforeEach(() => {
    fabric = new Fabric()
  })

  afterEach(async () => fabric.stop())

  const backendOf = ({ speaker }: ReturnType<Fabric['machine']>): Backend => {
    return { speaker, plan: undefined, view: undefined, findings: [], source: 'a test', sync: alwaysSynced }
  }

  for (const family of families) {
    it(`${family}: says since when the session is down, and what ended it`, async () => {
      const node = fabric.machine(64512, ['10.0.0.2', 'fd00::2'], [peerTo('10.0.0.1', 65001)])
      const router = fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512)])
      node.apply({ routes })
      await fabric.pass(10_000)
      await router.speaker.stop({ reason: 'new firmware' })
      await fabric.pass(90_000)
      const line = explain(backendOf(node), prefixes[family]).lines.find((one) => one.includes('10.0.0.1'))
      expect(line).to.match(/^ {2}not sent to 10\.0\.0\.1: the session is down, \w+ for 1m\d\ds; last: .+/)
    })

    it(`${family}: says which side does not offer it`, async () => {
      const other = families.filter((one) => one !== family)
      const node = fabric.machine(
        64512,
        ['10.0.0.2', 'fd00::2'],
        [peerTo('10.0.0.1', 65001), peerTo('10.0.0.3', 65003, { families: other })],
      )
      fabric.machine(65001, ['10.0.0.1', 'fd00::1'], [peerTo('10.0.0.2', 64512, { families: other })])
      fabric.machine(65003, ['10.0.0.3', 'fd00::3'], [peerTo('10.0.0.2', 64512)])
      node.apply({ routes })
      await fabric.pass(10_000)
      expect(explain(backendOf(node), prefixes[family]).lines.slice(-2)).to.deep.equal([
        `  not sent to 10.0.0.1: ${family} was not negotiated with this peer: the peer does not offer it`,
        `  not sent to 10.0.0.3: ${family} was not negotiated with this peer: this side does not offer it`,
      ])
    })
  }
})
