/** The examples of docs/policy.md: each is a file that is read, and below it stands what it answers. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Attributes, formatAttributes } from 'bgp-ts'
import { expect } from 'chai'
import { plan, toDesired } from '../../../controllers/index.ts'
import { readDocument } from '../../../daemon/config/document.ts'
import { readSpeakerFile } from '../../../daemon/config/speaker-file.ts'
import { PeerPolicies } from '../../../daemon/peer-policies.ts'
import { applyActions, communitiesOf, compile, parseCommunityPattern } from '../../../policy/index.ts'
import type { Desired } from '../../../speaker/index.ts'
import { node, options, view } from '../../support/cluster.ts'
import { peerTo, prefix } from '../../support/fabric.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/policy.md'), 'utf8')
const blocks = [
  ...page.matchAll(/```(yaml|text) (\w+)\n([\s\S]*?)```(?:\n\n```text answers\n([\s\S]*?)```)?/g),
].flatMap(([, language, kind, text, answers]) =>
  language === 'yaml' ? [{ kind, text: text!, answers: answers ?? '' }] : [],
)

/** `from tor-a: 10.0.0.0/8, path 65001, communities 65001:1 -> accept, name; changes` */
const form =
  /^(from|to) (\S+)(?: AS (\d+))?: (\S+?)(?: ([\w-]+))?((?:, (?:path|communities) [^,]+?)*) -> (accept|reject), (.+?)(?:; (.+))?$/

function attributesOf(text: string): Attributes {
  const said = Object.fromEntries(
    text
      .split(', ')
      .filter(Boolean)
      .map((part) => [part.split(' ')[0], part.split(' ').slice(1)]),
  )
  const communities = (said['communities'] ?? []).map((one: string) => parseCommunityPattern(one)!)
  const made = communitiesOf(communities)
  return {
    origin: 'igp',
    asPath: said['path'] ? [{ type: 'sequence', asns: said['path'].map(Number) }] : [],
    ...(communities.length > 0 && 'standard' in made && { communities: made.standard }),
  }
}

function answer(desired: Desired, line: string): string {
  const parts = form.exec(line)
  if (!parts) throw new Error(`not understood: ${line}`)
  const [, direction, name, , text, kind, rest, , , changes] = parts
  const peer = desired.peers.find((one) => one.name === name)!
  const attributes = attributesOf(rest!)
  const { family, w0, w1, w2, w3, length } = prefix(text!)
  const compiled = compile(direction === 'from' ? peer.importPolicy : peer.exportPolicy)
  const { accept, statement, actions } = compiled.evaluate({
    family,
    w0,
    w1,
    w2,
    w3,
    length,
    ...(kind ? { source: 'originated', kind } : { source: 'learned', kind: '' }),
    neighbour: peer.name,
    neighbourAsn: peer.asn,
    neighbourAddress: peer.address,
    external: peer.asn !== desired.local.asn,
    fromExternal: true,
    localAsn: desired.local.asn,
    attributes: () => attributes,
  })
  const after = formatAttributes(applyActions(actions, attributes, desired.local.asn))
  const kept = (changes?.split(', ') ?? []).filter((change) => after.split(', ').includes(change))
  const head = line.slice(0, line.indexOf(' -> '))
  return `${head} -> ${accept ? 'accept' : 'reject'}, ${statement}${kept.length > 0 ? `; ${kept.join(', ')}` : ''}`
}

/** What a node with the peers of these answers would be told. */
function kubernetes(text: string, lines: readonly string[]): Desired {
  const made = plan(view(node('n1', { ips: ['10.0.0.2', 'fd00::2'] })), { ...options, enableIbgp: false })
  const names = new Map(lines.map((line) => [form.exec(line)![2]!, Number(form.exec(line)![3])]))
  const desired = toDesired(made, options)!
  const { importPolicy, exportPolicy } = made
  const peers = [...names].map(([name, asn]) => peerTo(name, asn, { importPolicy, exportPolicy }))
  return new PeerPolicies({}, readDocument('tandem.yaml', text)).place({ ...desired, peers, routes: [] })
}

describe('the examples of docs/policy.md', () => {
  it('are some', () => {
    expect(blocks.length).to.be.at.least(5)
    expect(blocks.map(({ kind }) => kind)).to.include.members(['file', 'kubernetes'])
  })

  for (const { kind, text, answers } of blocks) {
    const lines = answers.split('\n').filter(Boolean)
    const title = /name: ([\w-]+)\n/.exec(text.slice(text.indexOf('policies:')))?.[1]
    it(`J2 answer as the page says: ${title}`, () => {
      const desired = kind === 'file' ? readSpeakerFile(readDocument('tandem.yaml', text)) : kubernetes(text, lines)
      expect(lines.map((line) => answer(desired, line))).to.deep.equal(lines)
    })
  }
})
