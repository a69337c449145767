/** RFC 7606, attribute by attribute: the table of the unit tests, octet for octet, to a daemon. */

import { families } from 'bgp-ts'
import { type Cell, cells, type Outcome, type Sender } from '../../support/malformed-attributes.ts'
import { asPath, attribute, multiprotocol, nextHop, origin } from '../../support/wire-peer.ts'
import { byTurns, type Case, type Group } from '../case.ts'
import type { Scene } from '../scene.ts'

function right(outcome: Outcome): readonly string[] {
  if (typeof outcome === 'object') return 'reset' in outcome ? [outcome.reset] : [`stands with ${outcome.kept}`]
  return [outcome === 'withdraw' || outcome === 'unused' ? 'withdrawn' : 'stands without it']
}

/** Where the RFCs leave a choice, by the start of a row, and what others may do beside what Tandem does. */
const choices: readonly [cell: RegExp, title: RegExp, also: readonly string[]][] = [
  // RFC 7606 section 3 f against c.
  [/^C\/[67] flags/, /./, ['withdrawn']],
  // RFC 4271 section 6.3 says "may" of the first AS; RFC 9774 is younger than most daemons.
  [/^C\/2/, /first AS|an AS_SET/, ['stands']],
  // One who implements them reads the value.
  [/^C\/opaque/, /./, ['withdrawn', 'stands']],
  [/^C\/transitive/, /attribute 255/, ['withdrawn', 'stands']],
  // RFC 7606 section 3 does not name it, and to withdraw serves the same end.
  [/^C\/well-known/, /./, ['withdrawn']],
]

const also = ({ cell, title }: Cell) =>
  choices.flatMap(([ofCell, ofTitle, more]) => (ofCell.test(cell) && ofTitle.test(title) ? more : []))

async function play(scene: Scene, type: number, wrong: string, sender: Sender): Promise<void> {
  const twoOctet = sender === 'an external two-octet peer'
  const list = new Map([
    [1, origin],
    [
      2,
      twoOctet
        ? attribute('40', 2, '0201 fde9')
        : sender === 'an internal peer'
          ? attribute('40', 2, '0201 0000fde9')
          : asPath,
    ],
    ...(sender === 'an internal peer' ? ([[5, attribute('40', 5, '00000064')]] as const) : []),
  ])
  scene.attributes = [...list.values()].join('')
  await scene.announced(twoOctet ? { capabilities: families.map(multiprotocol) } : {})
  scene.looksFor = type
  if (scene.family === 'ipv4-unicast' && type === 3) {
    const good = scene.target.announced(scene.attributes)
    scene.update({ ...good, attributes: good.attributes!.replace(nextHop, wrong) })
    return
  }
  list.set(type, wrong)
  scene.update(scene.target.announced([...list.values()].join('')))
}

export const malformedAttributes: Group = {
  name: 'RFC 7606',
  cases: cells.flatMap((one, index): Case[] => {
    const {
      title,
      type,
      octets,
      outcome,
      from: [sender],
      families: of,
    } = one
    return sender === undefined
      ? []
      : [
          {
            name: `${title} from ${sender}`,
            right: right(outcome),
            also: also(one),
            runs: byTurns(index).filter(([, family]) => of.includes(family)),
            ...(sender === 'an internal peer' && { neighbour: { internal: true } }),
            play: (scene) => play(scene, type, octets, sender),
          },
        ]
  }),
}
