/** First messages: headers and OPENs that lie, and odd ones that have to be taken. The tables are those of the unit tests. */

import { refused, taken } from '../../support/openings.ts'
import { attribute, keepalive, origin } from '../../support/wire-peer.ts'
import { bothTransports, type Case, type Group, type Transport } from '../case.ts'

const twoOctets = `${origin}${attribute('40', 2, '0201 fde9')}`

/** Titles of the unit tests begin with the row of the conformance table. */
const withoutRow = (title: string) => title.replace(/^\w\d+ (for )?/, '')

const refusals = refused.map(
  ([title, octets, farewell]): Case => ({
    name: withoutRow(title),
    right: [farewell],
    // Both are wrong: the length, and that it comes now.
    also: /KEEPALIVE of 20|REFRESH of 22/.test(title) ? ['5/1'] : [],
    runs: bothTransports,
    play: async (scene) => {
      const peer = await scene.connect()
      peer.send(octets)
    },
  }),
)

const taking = (over: Transport): Case[] =>
  taken(over).map(
    ([title, open, family]): Case => ({
      name: withoutRow(title),
      right: ['up'],
      // RFC 4271 section 6.2: a parameter that is known and malformed.
      also: /^B(8|12|14|15) /.test(title) ? ['2/0'] : [],
      runs: [[over, family]],
      play: async (scene) => {
        // None of them says capability 65.
        scene.attributes = twoOctets
        const peer = await scene.connect()
        peer.send(open, keepalive)
      },
    }),
  )

export const openings: Group = { name: 'opening', cases: [...refusals, ...taking('IPv4'), ...taking('IPv6')] }
