/** What an UPDATE costs the collector: nothing to speak of, once its attributes are known or its prefixes unwanted. Octets are counted, time is not. */

import { encodeUpdate, type Family, families } from 'bgp-ts'
import { expect } from 'chai'
import { acceptAll, type Policy, PrefixSet } from '../../../../policy/index.ts'
import { allocated } from '../../../fuzz/allocation.ts'
import { address, prefix } from '../../../support/fabric.ts'
import { bareRouting, joined } from '../../../support/routing.ts'

const messages = 20_000
/**
 * Octets an UPDATE at most: nothing is decoded, and no object is made for a prefix. What there is, is a summary of new attributes, the next hop of
 * MP_REACH_NLRI, and what the engine makes of numbers before it has optimised the code; a list that is decoded each time is far beyond.
 */
const most: Record<Family, { known: number; refused: number }> = {
  'ipv4-unicast': { known: 450, refused: 700 },
  'ipv6-unicast': { known: 800, refused: 1000 },
}

const few: Policy = {
  name: 'few',
  statements: [
    {
      name: 'one',
      match: { prefixes: new PrefixSet([{ prefix: prefix('203.0.113.0/24'), ge: 24, le: 24 }]) },
      action: 'accept',
    },
  ],
  default: 'reject',
}

/** An UPDATE with one prefix of its own. */
function update(family: Family, index: number): Uint8Array {
  const attributes = { origin: 'igp', asPath: [{ type: 'sequence', asns: [65001, 65002] }], med: 7 } as const
  const [high, low] = [index >>> 8, index & 255]
  if (family === 'ipv4-unicast') {
    const nextHop = address('10.0.0.9')
    return encodeUpdate({ attributes: { ...attributes, nextHop }, nlri: [prefix(`10.${high}.${low}.0/24`)] })
  }
  const prefixes = [prefix(`2001:db8:${high.toString(16)}:${low.toString(16)}::/64`)]
  return encodeUpdate({ attributes, reach: { family, nextHop: address('fd00::9'), prefixes } })
}

function receiver(importPolicy: Policy): (bytes: Uint8Array) => void {
  const routing = bareRouting()
  const link = joined(routing, '10.0.0.1', 65001, { importPolicy })
  return (bytes) => {
    const wrong = routing.update(link, bytes, 19, bytes.length)
    if (wrong) throw new Error(wrong.text)
  }
}

describe('an UPDATE', () => {
  for (const family of families) {
    const all = Array.from({ length: messages }, (_, index) => update(family, index))

    for (const [what, kind, policy] of [
      ['announces again what is known', 'known', acceptAll],
      ['is refused by its prefix', 'refused', few],
    ] as const) {
      it(`that ${what} makes no garbage to speak of (${family})`, () => {
        const receive = receiver(policy)
        // Twice before: tables have grown, code is warm, samples are full.
        for (let round = 0; round < 2; round++) for (const bytes of all) receive(bytes)
        // The least of several: what the engine allocates for itself meanwhile is not the message's.
        const measured = Array.from({ length: 5 }, () =>
          allocated(() => {
            for (const bytes of all) receive(bytes)
          }),
        )
        expect(Math.min(...measured) / messages).to.be.below(most[family][kind])
      }).timeout(20_000)
    }
  }
})
