/** What the commands print: snapshots, routes and plans as tables. */

import { families, formatPrefix } from 'bgp-ts'
import { formatFinding, type Plan } from '../../controllers/index.ts'
import type { FamilySnapshot, PeerSnapshot, RouteRow, SpeakerSnapshot } from '../../speaker/index.ts'
import { age, table } from './table.ts'

/** `sent/held/refused` of one family, or `-` where it was not negotiated. */
function counts(negotiated: boolean, { advertised, accepted, rejected }: FamilySnapshot): string {
  return negotiated ? `${advertised}/${accepted}/${rejected}` : '-'
}

export function peersTable({ peers }: SpeakerSnapshot, width?: number): string {
  const headings = ['PEER', 'AS', 'TYPE', 'STATE', 'SINCE', 'IPV4 out/in/ref', 'IPV6 out/in/ref', 'NOTE']
  const rows = peers.map((peer) => [
    peer.name,
    String(peer.asn),
    peer.type,
    peer.state,
    age(peer.sinceMs),
    counts(peer.families.includes('ipv4-unicast'), peer.routes['ipv4-unicast']),
    counts(peer.families.includes('ipv6-unicast'), peer.routes['ipv6-unicast']),
    peer.blocked ?? (peer.state === 'Established' ? policyNote(peer) : (peer.lastDown?.why ?? '')),
  ])
  return peers.length === 0 ? 'no peers' : table(headings, rows, width)
}

/** Why a session that is up carries less than somebody may expect. */
function policyNote({ policies, routes }: PeerSnapshot): string {
  const without = (['import', 'export'] as const).filter((direction) => !policies[direction].declared)
  const held = families.filter((family) => routes[family].heldBack > 0)
  return [
    ...(without.length > 0 ? [`no ${without.join(', no ')} policy`] : []),
    ...held.map((family) => `${routes[family].heldBack} of ${family} held back: maximum-out`),
  ].join('; ')
}

export function routesTable(rows: readonly RouteRow[], width?: number): string {
  if (rows.length === 0) return 'no routes'
  const withPeer = rows.some(({ peer }) => peer !== undefined)
  const headings = ['PREFIX', 'NEXT HOP', 'FROM', ...(withPeer ? ['TO'] : []), 'BEST', 'ATTRIBUTES']
  const body = rows.map(({ prefix, nextHop, source, peer, best, attributes }) => [
    prefix,
    nextHop,
    source,
    ...(withPeer ? [peer ?? ''] : []),
    best ? '*' : '',
    attributes,
  ])
  return table(headings, body, width)
}

export function planText(plan: Plan, width?: number): string {
  const { local } = plan
  const head = local
    ? [`node ${plan.node}: AS ${local.asn}, ${local.families.join(' and ')}`]
    : [`node ${plan.node}: nothing to say to anybody`]
  const peers = plan.peers.map((peer) => [peer.name, String(peer.asn), peer.type, peer.origin, peer.blocked ?? ''])
  const routes = plan.routes.map(({ prefix, nextHop, origin }) => [
    formatPrefix(prefix),
    nextHop ? String(nextHop) : 'self',
    origin.kind,
    `${origin.object} ${origin.field}`,
    origin.rule,
  ])
  const withheld = plan.withheld.map(({ prefix, kind, object, field, reason }) => [
    prefix,
    kind,
    `${object} ${field}`,
    reason,
  ])
  return [
    ...head,
    '',
    peers.length > 0 ? table(['PEER', 'AS', 'TYPE', 'FROM', 'HELD DOWN'], peers, width) : 'no peers',
    '',
    routes.length > 0
      ? table(['ADVERTISED', 'NEXT HOP', 'KIND', 'OBJECT', 'RULE'], routes, width)
      : 'nothing advertised',
    '',
    withheld.length > 0 ? table(['WITHHELD', 'KIND', 'OBJECT', 'WHY'], withheld, width) : 'nothing withheld',
    ...(plan.findings.length > 0 ? ['', 'FINDINGS', ...plan.findings.map((one) => `  ${formatFinding(one)}`)] : []),
  ].join('\n')
}
