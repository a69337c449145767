/** Plans as tables. */

import { formatAttributes, formatIpv4, formatPrefix } from 'bgp-ts'
import { formatFinding, type Plan, type PlannedLocal } from '../../controllers/index.ts'
import { typeOf } from './peers-table.ts'
import { wholeTable } from './table.ts'

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
  const withheld = plan.withheld.map(({ prefix, kind, object, field, reason, mend }) => [
    prefix,
    kind,
    `${object} ${field}`,
    `${reason}. To change it: ${mend}`,
  ])
  return [
    ...head,
    '',
    peers.length > 0 ? wholeTable(['PEER', 'AS', 'TYPE', 'FROM', 'HELD DOWN'], peers, width) : 'no peers',
    '',
    routes.length > 0
      ? wholeTable(['ADVERTISED', 'NEXT HOP', 'KIND', 'OBJECT', 'RULE', 'WITH'], routes, width)
      : 'nothing advertised',
    '',
    withheld.length > 0 ? wholeTable(['WITHHELD', 'KIND', 'OBJECT', 'WHY'], withheld, width) : 'nothing withheld',
    ...(plan.findings.length > 0 ? ['', 'FINDINGS', ...plan.findings.map((one) => `  ${formatFinding(one)}`)] : []),
  ].join('\n')
}

const reflection = ({ clusterId }: PlannedLocal) =>
  clusterId === undefined ? '' : `, route reflector of cluster ${formatIpv4(clusterId)}`
