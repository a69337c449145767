/** What the commands print: snapshots, routes and plans as tables. */

import { families, formatAttributes, formatIpv4, formatPrefix } from 'bgp-ts'
import { formatFinding, type Plan, type PlannedLocal } from '../../controllers/index.ts'
import type { FamilySnapshot, PeerSnapshot, RouteRow, SpeakerSnapshot } from '../../speaker/index.ts'
import { age, table } from './table.ts'

/** `sent/held/refused` of one family, or `-` where it was not negotiated. */
function counts(negotiated: boolean, { advertised, accepted, rejected }: FamilySnapshot): string {
  return negotiated ? `${advertised}/${accepted}/${rejected}` : '-'
}

const typeOf = ({ type, reflectorClient }: Pick<PeerSnapshot, 'type' | 'reflectorClient'>) =>
  reflectorClient ? `${type}, client` : type

export function peersTable({ peers, dynamic }: Pick<SpeakerSnapshot, 'peers' | 'dynamic'>, width?: number): string {
  const withBfd = peers.some(({ bfd }) => bfd !== undefined)
  const bfdHeading = withBfd ? ['BFD'] : []
  const headings = ['PEER', 'AS', 'TYPE', 'STATE', 'SINCE', ...bfdHeading, 'IPV4 out/in/ref', 'IPV6 out/in/ref', 'NOTE']
  const rows = peers.map((peer) => [
    peer.name,
    String(peer.asn),
    typeOf(peer),
    peer.state,
    age(peer.sinceMs),
    ...(withBfd ? [peer.bfd?.state ?? '-'] : []),
    counts(peer.families.includes('ipv4-unicast'), peer.routes['ipv4-unicast']),
    counts(peer.families.includes('ipv6-unicast'), peer.routes['ipv6-unicast']),
    peer.blocked ?? peer.bfd?.holdsSession ?? (peer.state === 'Established' ? policyNote(peer) : downNote(peer)),
  ])
  const neighbours = dynamic.map(({ name, prefix, limit, peers: count, refused }) => {
    const turnedAway = refused > 0 ? `, ${refused} connections turned away` : ''
    return `neighbours of ${prefix}${name === prefix ? '' : ` (${name})`}: ${count} of at most ${limit}${turnedAway}`
  })
  return [peers.length === 0 ? 'no peers' : table(headings, rows, width), ...neighbours].join('\n')
}

/** Why it is down, and what is left of it. */
function downNote({ lastDown, kept }: PeerSnapshot): string {
  const left = kept ? `its routes stay for ${Math.ceil(kept.leftMs / 1000)} s` : undefined
  return [lastDown?.why, left].filter(Boolean).join('; ')
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

/** What a route is sent with, and to whom, beyond the ordinary. */
export function routeText({ attributes, towards = [], to }: Plan['routes'][number]): string {
  const { asPath: _path, ...plain } = attributes
  const one = ([name, value]: [string, unknown]) =>
    value === undefined ? `no ${name}` : name === 'prepend' ? `prepend ${value}` : formatAttributes({ [name]: value })
  return [
    formatAttributes(plain),
    ...towards.map(
      ({ peers, attributes: own }) => `to ${peers.join(', ')}: ${Object.entries(own).map(one).join(', ')}`,
    ),
    to ? `for ${to.peers.join(', ') || 'nobody'} alone` : '',
  ]
    .filter(Boolean)
    .join('; ')
}

export function planText(plan: Plan, width?: number): string {
  const { local } = plan
  const head = local
    ? [`node ${plan.node}: AS ${local.asn}, ${local.families.join(' and ')}${reflection(local)}`]
    : [`node ${plan.node}: nothing to say to anybody`]
  const peers = plan.peers.map((peer) => [peer.name, String(peer.asn), typeOf(peer), peer.origin, peer.blocked ?? ''])
  const routes = plan.routes.map((route) => [
    formatPrefix(route.prefix),
    route.nextHop ? String(route.nextHop) : 'self',
    route.origin.kind,
    `${route.origin.object} ${route.origin.field}`,
    route.origin.rule,
    routeText(route),
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
      ? table(['ADVERTISED', 'NEXT HOP', 'KIND', 'OBJECT', 'RULE', 'WITH'], routes, width)
      : 'nothing advertised',
    '',
    withheld.length > 0 ? table(['WITHHELD', 'KIND', 'OBJECT', 'WHY'], withheld, width) : 'nothing withheld',
    ...(plan.findings.length > 0 ? ['', 'FINDINGS', ...plan.findings.map((one) => `  ${formatFinding(one)}`)] : []),
  ].join('\n')
}

const reflection = ({ clusterId }: PlannedLocal) =>
  clusterId === undefined ? '' : `, route reflector of cluster ${formatIpv4(clusterId)}`
