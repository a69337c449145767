/**
 * Which router differs from its twin, in words. Twins are the routers that one node has sessions with for the same purpose: of one ASN, else
 * of an ASN each. They are compared on the same node alone, because nodes differ in what they announce; equal differences of many nodes are
 * one sentence.
 */

import { type Family, families } from 'bgp-ts'
import { parseAddress } from '../../policy/index.ts'
import type { FamilySnapshot, PeerSnapshot } from '../../speaker/index.ts'
import { byName } from './whom.ts'

export type TwinPeer = Pick<
  PeerSnapshot,
  'name' | 'address' | 'asn' | 'state' | 'families' | 'lastDown' | 'blocked'
> & {
  readonly routes: Readonly<Record<Family, Pick<FamilySnapshot, 'advertised'>>>
}

export interface NodePeers {
  readonly node: string
  readonly peers: readonly TwinPeer[]
}

export interface TwinGroup {
  readonly peers: readonly TwinPeer[]
  /** False where one is reached over IPv4 and the other over IPv6: then each may carry another family on purpose. */
  readonly alike: boolean
}

export interface Difference {
  readonly text: string
  readonly nodes: readonly string[]
}

/** What was seen on one node; those with the same key become one sentence. */
interface Sighting {
  readonly key: string
  readonly node: string
  readonly why?: string
  readonly say: (nodes: Subject) => string
}

export interface Subject {
  readonly text: string
  readonly many: boolean
}

export const isUp = ({ state }: Pick<PeerSnapshot, 'state'>) => state === 'Established'

/** The twins of one node, among its peers that are routers: each peer is in one group. */
export function twinGroups(peers: readonly TwinPeer[]): TwinGroup[] {
  const transport = ({ address }: TwinPeer) => (address.includes(':') ? 'ipv6' : 'ipv4')
  const byAsn = [...Map.groupBy(peers, (peer) => `${transport(peer)} ${peer.asn}`).values()]
  const byTransport = [...Map.groupBy(alone(byAsn), transport).values()]
  const rest = alone(byTransport)
  const pairs = [...byAsn, ...byTransport].filter(({ length }) => length > 1)
  return [
    ...pairs.map((group) => ({ peers: group, alike: true })),
    ...(rest.length > 0 ? [{ peers: rest, alike: rest.length === 1 }] : []),
  ]
}

const alone = (groups: readonly (readonly TwinPeer[])[]) => groups.filter(({ length }) => length === 1).flat()

/** Without the sessions that nodes have with each other. */
export function routersOf({ peers }: NodePeers, nodeAddresses: ReadonlySet<string>): TwinPeer[] {
  return peers.filter(({ address }) => !nodeAddresses.has(canonical(address)))
}

/** As one address is written by everybody: Node objects may have it otherwise. */
export function canonical(address: string): string {
  const parsed = parseAddress(address.replace(/%.*$/, ''))
  return parsed ? String(parsed) : address
}

export function differences(all: readonly NodePeers[], nodeAddresses: ReadonlySet<string>): Difference[] {
  const fleet = all.map((one) => ({ node: one.node, groups: twinGroups(routersOf(one, nodeAddresses)) }))
  const sightings = [
    ...fleet.flatMap(({ node, groups }) => groups.flatMap((group) => down(node, group))),
    ...undeclared(fleet),
    ...fleet.flatMap(({ node, groups }) => groups.flatMap((group) => uneven(node, group))),
  ]
  return sentences(sightings, all.length)
}

export function sentences(sightings: readonly Sighting[], answered: number): Difference[] {
  return [...Map.groupBy(sightings, ({ key }) => key).values()].map((same) => {
    const nodes = same.map(({ node }) => node).sort(byName)
    const whys = [...new Set(same.flatMap(({ why }) => why ?? []))]
    const more = whys.length > 2 ? [...whys.slice(0, 2), 'and others'] : whys
    const text = same[0]!.say({ text: named(nodes, answered), many: nodes.length > 1 })
    return { text: more.length > 0 ? `${text}: ${more.join('; ')}` : text, nodes }
  })
}

/** Nodes in a sentence, not more of them than one reads. */
export function named(nodes: readonly string[], answered: number): string {
  if (nodes.length === answered && answered > 2) return `all ${answered} nodes`
  return nodes.length <= 4 ? list(nodes) : `${nodes.slice(0, 3).join(', ')} and ${nodes.length - 3} more nodes`
}

export function list(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

export const names = (peers: readonly TwinPeer[]) => peers.map(({ name }) => name).sort(byName)
const whyDown = ({ blocked, lastDown }: TwinPeer) => blocked ?? lastDown?.why

function down(node: string, { peers }: TwinGroup): Sighting[] {
  const up = names(peers.filter(isUp))
  const lost = peers.filter((peer) => !isUp(peer))
  if (up.length === 0 && lost.length > 1) {
    const whys = [...new Set(lost.flatMap((peer) => whyDown(peer) ?? []))]
    const text = list(names(lost))
    const why = whys.length === 0 ? {} : { why: whys.join('; ') }
    return [
      {
        key: `none ${text}`,
        node,
        ...why,
        say: (on) => `${text} are ${lost.length > 2 ? 'all' : 'both'} down on ${on.text}`,
      },
    ]
  }
  const beside = up.length === 0 ? '' : ` while ${list(up)} ${up.length > 1 ? 'are' : 'is'} up`
  return lost.map((peer) => {
    const why = whyDown(peer)
    const say = (on: Subject) => `${peer.name} is down on ${on.text}${beside}`
    return { key: `down ${peer.name} ${up.join()}`, node, ...(why !== undefined && { why }), say }
  })
}

interface Declared {
  readonly node: string
  readonly twins: readonly string[]
}

/** A peer that a node does not have at all, although others that have its twin do. */
function undeclared(fleet: readonly { readonly node: string; readonly groups: readonly TwinGroup[] }[]): Sighting[] {
  const all = fleet.flatMap(({ node, groups }) =>
    groups.flatMap(({ peers, alike }): Declared[] =>
      // Of two that differ in their transport each is alone: its twin is missing.
      alike ? [{ node, twins: names(peers) }] : names(peers).map((name) => ({ node, twins: [name] })),
    ),
  )
  const known = Map.groupBy(all, ({ node }) => node)
  const hasAnywhere = (node: string, name: string) => known.get(node)?.some(({ twins }) => twins.includes(name))
  const withPeer = Map.groupBy(
    all.flatMap((declared) => declared.twins.map((name) => ({ name, declared }))),
    ({ name }) => name,
  )
  const found = new Map<string, Sighting>()
  for (const [twin, entries] of withPeer) {
    const those = entries.map(({ declared }) => declared)
    for (const other of new Set(those.flatMap(({ twins }) => twins))) {
      const both = those.filter(({ twins }) => twins.includes(other))
      // Racks share a router at times: where only some have this pair, it is no rule that others break.
      if (both.length * 2 < those.length) continue
      const most = both.reduce((size, { twins }) => Math.max(size, twins.length), 0)
      for (const { node, twins } of those) {
        if (twins.length >= most || hasAnywhere(node, other) || found.has(`${node} ${other}`)) continue
        const say = ({ text, many }: Subject) =>
          `${text} ${many ? 'have' : 'has'} no peer ${other}, the twin of ${twin}`
        found.set(`${node} ${other}`, { key: `undeclared ${other} ${twin}`, node, say })
      }
    }
  }
  return [...found.values()]
}

const short = (family: Family) => family.replace('-unicast', '')

/** Families and counts of the twins that are up. */
function uneven(node: string, { peers, alike }: TwinGroup): Sighting[] {
  const up = peers.filter(isUp)
  return families.flatMap((family) => {
    const having = up.filter((peer) => peer.families.includes(family))
    const lacking = up.filter((peer) => !peer.families.includes(family))
    const [has, lacks] = [list(names(having)), list(names(lacking))]
    const missing: Sighting[] =
      alike && having.length > 0 && lacking.length > 0
        ? [
            {
              key: `family ${family} ${has} ${lacks}`,
              node,
              say: ({ text, many }) =>
                `${text} ${many ? 'have' : 'has'} ${short(family)} with ${has} but not with ${lacks}`,
            },
          ]
        : []
    return [...missing, ...unevenCounts(node, family, having)]
  })
}

function unevenCounts(node: string, family: Family, peers: readonly TwinPeer[]): Sighting[] {
  const byCount = [...Map.groupBy(peers, ({ routes }) => routes[family].advertised)]
  // What most of them are sent is taken to be right; of as many, what is more.
  const [usual, ...others] = byCount.sort(([more, many], [less, few]) => few.length - many.length || less - more)
  if (!usual) return []
  const [count, same] = usual
  return others.map(([other, some]) => {
    const [to, but] = [list(names(same)), list(names(some))]
    return {
      key: `count ${family} ${count} ${to} ${other} ${but}`,
      node,
      say: ({ text, many }) =>
        `${text} ${many ? 'send' : 'sends'} ${count} ${short(family)} to ${to} but ${other} to ${but}`,
    }
  })
}
