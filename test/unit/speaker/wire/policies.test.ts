/** What policies let in and out of a session: nothing without them, and what they filter with them, in both directions. */

import { families } from 'bgp-ts'
import { expect } from 'chai'
import { type Match, noPolicy, type Policy, type PrefixEntry, PrefixSet } from '../../../../policy/index.ts'
import { prefix, route } from '../../../support/fabric.ts'
import { asPath, attribute, meet, origin, part, prefixesOf, wireRoutes } from '../../../support/wire-peer.ts'

const own = { 'ipv4-unicast': '203.0.113.1/32', 'ipv6-unicast': '2001:db8:113::1/128' } as const
const tag = 0xfde90001
const tagged = attribute('c0', 8, 'fde90001')

for (const over of ['IPv4', 'IPv6'] as const) {
  it(`J1 an external peer without policies gives nothing and gets nothing, and that is shown, over ${over}`, async () => {
    const meeting = await meet({ over, declared: { importPolicy: noPolicy, exportPolicy: noPolicy } })
    const { fabric, node, router } = meeting
    node.apply({ routes: Object.values(own).map((text) => route(text)) })
    for (const family of families) router.update(wireRoutes[family][0].announced())
    await fabric.pass(1000)
    expect([...router.routes.keys()]).to.deep.equal([])
    expect(prefixesOf(node)).to.deep.equal(Object.values(own).sort())
    const { name, routes } = node.peer()
    const rule = 'no policy in this direction, RFC 8212'
    for (const family of families) {
      expect(routes[family]).to.deep.include({ received: 1, accepted: 0, advertised: 0, rejectedBy: { [rule]: 1 } })
      const { peers, refused } = node.speaker.explain(prefix(own[family]))
      expect([peers[0]?.sent, peers[0]?.reason, refused]).to.deep.equal([false, rule, []])
      expect(node.speaker.explain(prefix(wireRoutes[family][0].text)).refused).to.deep.equal([{ peer: name, rule }])
    }
    await part(meeting)
  })
}

/** A prefix with the lengths of its more specifics that are meant. */
const within = (text: string, ge: number, le: number): PrefixEntry => ({ prefix: prefix(text), ge, le })

for (const family of families) {
  const [one, other] = wireRoutes[family]
  const length = family === 'ipv4-unicast' ? 24 : 48

  const filters: [title: string, match: Match][] = [
    ['prefix and length', { prefixes: new PrefixSet([within(one.text, length, length)]) }],
    ['community', { communities: [tag] }],
    ['ASN in the path', { asns: [65010] }],
  ]
  for (const [title, match] of filters) {
    it(`J2 a policy refuses by ${title}, on the way in and on the way out (${family})`, async () => {
      const policy: Policy = {
        name: 'a filter',
        statements: [{ name: title, match, action: 'reject' }],
        default: 'accept',
      }
      const announced = () => [
        one.announced(`${origin}${attribute('40', 2, '0202 0000fde9 0000fdf2')}${tagged}`),
        other.announced(`${origin}${asPath}`),
      ]
      const inward = await meet({ declared: { importPolicy: policy } })
      for (const update of announced()) inward.router.update(update)
      await inward.fabric.pass(1000)
      expect(prefixesOf(inward.node)).to.deep.equal([other.text])
      expect(inward.node.peer().routes[family].rejectedBy).to.deep.equal({ [title]: 1 })
      await part(inward)

      const outward = await meet({ witness: 65003 })
      const peers = outward.node.desired.peers.map((peer) => ({ ...peer, exportPolicy: policy }))
      outward.node.apply({ peers })
      for (const update of announced()) outward.router.update(update)
      await outward.fabric.pass(1000)
      expect(prefixesOf(outward.node)).to.have.lengthOf(2)
      expect([...outward.witness!.routes.keys()]).to.deep.equal([other.text])
      await part(outward)
    })
  }
}
