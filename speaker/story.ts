/**
 * What the tables know, in plain values for people and programs: lists of routes, and the story of one prefix.
 * Nothing is decided here; the reasons come from where the decisions were made.
 */

import { decodeAttributes, type Family, families, formatAttributes, formatPrefix, type Prefix } from 'bgp-ts'
import { compile, noPolicy, type Policy, type StatementOrigin } from '../policy/index.ts'
import type { Provenance } from './desired.ts'
import { type KernelVerdict, kernelVerdict } from './kernel/kernel-story.ts'
import { none } from './rib/path-table.ts'
import { type FamilyRib, ownIndex } from './rib/rib.ts'
import type { RoutedPeer } from './routed-peer.ts'
import type { Routing } from './routing.ts'

export interface RouteRow {
  readonly prefix: string
  readonly family: Family
  /** Where it comes from: a peer's name, or `originated`. */
  readonly source: string
  /** In the view `out`: to whom. */
  readonly peer?: string
  readonly nextHop: string
  /** In words. */
  readonly attributes: string
  readonly best: boolean
  /** Why it is not best. */
  readonly reason?: string
  readonly origin?: Provenance
  /** Of a learned one, in the story of its prefix: the statement of the import policy that accepted it. */
  readonly acceptedBy?: StatementOrigin
  /** And the rules of the standard that changed it, in words. */
  readonly changedBy?: readonly string[]
}

export interface RouteFilter {
  readonly prefix?: Prefix
  readonly peer?: string
  readonly family?: Family
  readonly limit?: number
}

export type RouteView = 'in' | 'best' | 'out'

export interface PrefixStory {
  readonly prefix: string
  readonly candidates: readonly RouteRow[]
  readonly peers: readonly PeerVerdict[]
  /** Peers that announced it and were refused, with the rule; and where it stands, if it is a statement of the policy. */
  readonly refused: readonly { readonly peer: string; readonly rule: string; readonly statement?: StatementOrigin }[]
  /** Where routes are installed in the kernel. */
  readonly kernel?: KernelVerdict
}

export interface PeerVerdict {
  readonly peer: string
  readonly sent: boolean
  /** The policy statement that let it out, or what holds it back. */
  readonly reason: string
  /** Where that statement stands. */
  readonly statement?: StatementOrigin
  readonly nextHop?: string
  readonly attributes?: string
}

const wide = { fourOctetAsn: true }

export function listRoutes(routing: Routing, view: RouteView, filter: RouteFilter = {}): RouteRow[] {
  const limit = filter.limit ?? Number.POSITIVE_INFINITY
  const rows: RouteRow[] = []
  for (const family of families.filter((one) => filter.family === undefined || one === filter.family)) {
    const rib = routing.rib.families[family]
    for (const row of rowsOf(rib, filter.prefix)) {
      if (rows.length >= limit) return rows
      rows.push(
        ...(view === 'out' ? sentRows(routing, rib, row, filter.peer) : heldRows(routing, rib, row, view, filter.peer)),
      )
    }
  }
  return rows
}

export function tellPrefix(routing: Routing, prefix: Prefix): PrefixStory {
  const rib = routing.rib.families[prefix.family]
  const row = findRow(rib, prefix)
  const text = formatPrefix(prefix)
  const candidates = row < 0 ? [] : heldRows(routing, rib, row, 'in', undefined, true)
  return {
    prefix: text,
    candidates,
    peers: routing.peers.map((peer) => verdictFor(routing, rib, row, peer)),
    refused: routing.peers.flatMap((peer) => {
      // What was refused once may have been accepted since.
      if (candidates.some(({ source }) => source === peer.name)) return []
      const rule = peer.counters[prefix.family].rejectedSample.get(text)
      if (rule === undefined) return []
      const { importPolicy } = peer.link.declaration
      const statement = originOf(
        importPolicy,
        compile(importPolicy).rules.findIndex(({ name }) => name === rule),
      )
      return [{ peer: peer.name, rule, ...(statement && { statement }) }]
    }),
    ...(routing.kernel && { kernel: kernelVerdict(routing.kernel, prefix) }),
  }
}

/** Asked of the policy as it was declared last: one that decides the same may stand on other lines now. */
function originOf(policy: Policy, rule: number): StatementOrigin | undefined {
  return policy === noPolicy ? undefined : compile(policy).rules[rule]?.origin
}

function* rowsOf(rib: FamilyRib, prefix: Prefix | undefined): Generator<number> {
  if (prefix) {
    const row = prefix.family === rib.family ? findRow(rib, prefix) : none
    if (row >= 0) yield row
    return
  }
  for (let row = 0; row < rib.prefixes.rows; row++) if (rib.paths.best(row) !== none) yield row
}

function findRow(rib: FamilyRib, { w0, w1, w2, w3, length }: Prefix): number {
  return rib.prefixes.find(w0, w1, w2, w3, length)
}

/** The paths of a row: the best one, or all that peers announced and that were accepted; and, where it is asked, how each came in. */
function heldRows(
  routing: Routing,
  rib: FamilyRib,
  row: number,
  view: 'in' | 'best',
  only?: string,
  withRules = false,
): RouteRow[] {
  const ranked = routing.rib.ranked(rib, row)
  const shown = view === 'best' ? ranked.slice(0, 1) : ranked
  return shown.flatMap(({ peer, attributes, lostBy }) => {
    const source = peer === ownIndex ? 'originated' : routing.peerAt(peer)?.name
    if (source === undefined || (only !== undefined && source !== only)) return []
    const origin = peer === ownIndex ? rib.originated.get(row)?.origin : undefined
    const nextHop = routing.rib.attributes.nextHop(attributes)
    return [
      {
        prefix: formatPrefix(rib.prefixes.prefix(row)),
        family: rib.family,
        source,
        nextHop: nextHop ? String(nextHop) : 'self',
        attributes: formatAttributes(routing.rib.attributes.attributes(attributes)),
        best: lostBy === undefined,
        ...(lostBy !== undefined && { reason: `the best one has: ${lostBy}` }),
        ...(origin && { origin }),
        ...(withRules && importRules(routing, rib, row, peer, attributes)),
      },
    ]
  })
}

function importRules(
  routing: Routing,
  rib: FamilyRib,
  row: number,
  index: number,
  attributes: number,
): Pick<RouteRow, 'acceptedBy' | 'changedBy'> {
  const peer = routing.peerAt(index)
  if (!peer) return {}
  const { verdict, rules } = routing.imported(peer, rib, row, attributes)
  const acceptedBy = originOf(peer.link.declaration.importPolicy, verdict.rule)
  return { ...(acceptedBy && { acceptedBy }), ...(rules.length > 0 && { changedBy: rules }) }
}

function sentRows(routing: Routing, rib: FamilyRib, row: number, only?: string): RouteRow[] {
  return routing.peers.flatMap((peer) => {
    if (only !== undefined && peer.name !== only) return []
    const sent = routing.outbound.sent(peer, rib, row)
    if (!sent) return []
    const best = rib.paths.best(row)
    const source = best === none ? undefined : rib.paths.peer(best)
    return [
      {
        prefix: formatPrefix(rib.prefixes.prefix(row)),
        family: rib.family,
        source: source === ownIndex ? 'originated' : (routing.peerAt(source ?? none)?.name ?? 'gone'),
        peer: peer.name,
        nextHop: String(sent.nextHop),
        attributes: formatSent(peer, sent.list),
        best: true,
      },
    ]
  })
}

function formatSent(peer: RoutedPeer, list: Uint8Array): string {
  const context = peer.negotiated?.fourOctetAsn === false ? { fourOctetAsn: false } : wide
  return formatAttributes(decodeAttributes(list, 0, list.length, context))
}

function verdictFor(routing: Routing, rib: FamilyRib, row: number, peer: RoutedPeer): PeerVerdict {
  const no = (reason: string, at?: StatementOrigin): PeerVerdict => {
    return { peer: peer.name, sent: false, reason, ...(at && { statement: at }) }
  }
  const { blocked } = peer.link.declaration
  if (blocked !== undefined) return no(`the peer is held down: ${blocked}`)
  if (!peer.negotiated) return no('the session is down')
  if (!peer.negotiated.families.includes(rib.family)) return no(`${rib.family} was not negotiated with this peer`)
  const decision = row < 0 ? undefined : routing.outbound.decision(peer, rib, row)
  const sent = row < 0 ? undefined : routing.outbound.sent(peer, rib, row)
  const statement = decision && originOf(peer.link.declaration.exportPolicy, decision.rule)
  if (!decision || (decision.id === 0 && !sent)) return no(decision?.reason ?? 'no route', statement)
  if (!sent) return no('about to be sent')
  return {
    peer: peer.name,
    sent: true,
    reason: decision.id === 0 ? `about to be withdrawn: ${decision.reason}` : decision.reason,
    ...(statement && decision.id !== 0 && { statement }),
    nextHop: String(sent.nextHop),
    attributes: formatSent(peer, sent.list),
  }
}
