/** RFC 7606, attribute by attribute: the table of the unit tests, octet for octet, to a daemon. */

import { families } from 'bgp-ts'
import { cells, type Outcome, type Sender } from '../../support/malformed-attributes.ts'
import { asPath, attribute, multiprotocol, nextHop, origin } from '../../support/wire-peer.ts'
import { byTurns, type Case, type Group } from '../case.ts'
import type { Scene } from '../scene.ts'

function right(outcome: Outcome): readonly string[] {
  if (typeof outcome === 'object') return 'reset' in outcome ? [outcome.reset] : [`stands with ${outcome.kept}`]
  return [outcome === 'withdraw' || outcome === 'unused' ? 'withdrawn' : 'stands without it']
}

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
  cases: cells.flatMap(({ title, type, octets, outcome, from: [sender], families: of }, index): Case[] =>
    sender === undefined
      ? []
      : [
          {
            name: `${title} from ${sender}`,
            right: right(outcome),
            runs: byTurns(index).filter(([, family]) => of.includes(family)),
            ...(sender === 'an internal peer' && { neighbour: { internal: true } }),
            play: (scene) => play(scene, type, octets, sender),
          },
        ],
  ),
}
