/** Sessions as a table: of one daemon, or of many with the node of each in front. */

import { families } from 'bgp-ts'
import type { FamilySnapshot, PeerSnapshot, SpeakerSnapshot } from '../../speaker/index.ts'
import { told } from '../router-config/hint.ts'
import { type Column, type Columns, columnsTable, type Look } from './columns.ts'
import { age } from './table.ts'

export interface PeerRow {
  /** Where daemons of several nodes were asked. */
  readonly node?: string
  readonly peer: PeerSnapshot
}

export function peersTable({ peers, dynamic }: Pick<SpeakerSnapshot, 'peers' | 'dynamic'>, look?: Look): string {
  const neighbours = dynamic.map(({ name, prefix, limit, peers: count, refused }) => {
    const turnedAway = refused > 0 ? `, ${refused} connections turned away` : ''
    return `neighbours of ${prefix}${name === prefix ? '' : ` (${name})`}: ${count} of at most ${limit}${turnedAway}`
  })
  return [
    sessionsTable(
      peers.map((peer) => ({ peer })),
      look,
    ),
    ...neighbours,
  ].join('\n')
}

export function sessionsTable(rows: readonly PeerRow[], look?: Look): string {
  return rows.length === 0 ? 'no peers' : columnsTable(rows, columnsFor(rows), look)
}

function columnsFor(rows: readonly PeerRow[]): Columns<PeerRow> {
  const node: Column<PeerRow> = { heading: 'NODE', cell: ({ node: name }) => name ?? '' }
  const bfd: Column<PeerRow> = { heading: 'BFD', cell: ({ peer }) => peer.bfd?.state ?? '-' }
  return {
    usual: [
      ...(rows.some((row) => row.node !== undefined) ? [node] : []),
      { heading: 'PEER', cell: ({ peer }) => peer.name },
      { heading: 'AS', cell: ({ peer }) => String(peer.asn) },
      { heading: 'TYPE', cell: ({ peer }) => typeOf(peer) },
      { heading: 'STATE', cell: ({ peer }) => peer.state },
      { heading: 'SINCE', cell: ({ peer }) => age(peer.sinceMs) },
      ...(rows.some(({ peer }) => peer.bfd !== undefined) ? [bfd] : []),
      { heading: 'IPV4 out/in/ref', cell: ({ peer }) => counts(peer, 'ipv4-unicast') },
      { heading: 'IPV6 out/in/ref', cell: ({ peer }) => counts(peer, 'ipv6-unicast') },
    ],
    wide,
    last: { heading: 'NOTE', cell: ({ peer }) => noteOf(peer) },
    whole: true,
  }
}

const wide: Columns<PeerRow>['wide'] = [
  { heading: 'FLAPS', cell: ({ peer }) => String(peer.flaps) },
  { heading: 'LAST DOWN', cell: ({ peer }) => (peer.lastDown ? `${age(peer.lastDown.ageMs)} ago` : '-') },
  { heading: 'ADDRESS', cell: ({ peer }) => (peer.address === peer.name && peer.port === 179 ? '' : endpoint(peer)) },
  { heading: 'FROM', cell: ({ peer }) => peer.localAddress ?? '-' },
  { heading: 'ROUTER ID', cell: ({ peer }) => peer.routerId ?? '-' },
  { heading: 'OUR AS', cell: ({ peer }) => String(peer.localAsn) },
  { heading: 'HOLD', cell: ({ peer }) => `${peer.holdTime}s` },
  {
    heading: 'UPDATES in/out',
    cell: ({ peer: { messages } }) => `${messages.in['update'] ?? 0}/${messages.out['update'] ?? 0}`,
  },
  { heading: 'RESTART', cell: ({ peer: { gracefulRestart: one } }) => (one ? `${one.restartTime}s` : '-') },
  { heading: 'PROTECTED', cell: ({ peer }) => protection(peer) },
  { heading: 'MOST v4/v6', cell: ({ peer }) => limits(peer) },
  { heading: 'QUEUED', cell: ({ peer }) => octets(peer.queuedBytes) },
  { heading: 'MEMORY', cell: ({ peer: { memory } }) => octets(memory.routes + memory.attributes) },
]

/** `sent/held/refused` of one family, or `-` where it was not negotiated. */
function counts({ families: negotiated, routes }: PeerSnapshot, family: keyof PeerSnapshot['routes']): string {
  const { advertised, accepted, rejected }: FamilySnapshot = routes[family]
  return negotiated.includes(family) ? `${advertised}/${accepted}/${rejected}` : '-'
}

export const typeOf = ({ type, reflectorClient }: Pick<PeerSnapshot, 'type' | 'reflectorClient'>) =>
  reflectorClient ? `${type}, client` : type

function noteOf(peer: PeerSnapshot): string {
  return peer.blocked ?? peer.bfd?.holdsSession ?? (peer.state === 'Established' ? policyNote(peer) : downNote(peer))
}

/** Why it is down, and what is left of it. */
function downNote(peer: PeerSnapshot): string {
  const { kept } = peer
  const left = kept ? `its routes stay for ${Math.ceil(kept.leftMs / 1000)} s` : undefined
  return [told(peer), left].filter(Boolean).join('; ')
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

const endpoint = ({ address, port }: PeerSnapshot) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

function protection({ security: { md5, ttlSecurity } }: PeerSnapshot): string {
  return [...(md5 ? ['MD5'] : []), ...(ttlSecurity === undefined ? [] : [`TTL ${ttlSecurity}`])].join(', ')
}

function limits({ routes }: PeerSnapshot): string {
  const most = families.map((family) => routes[family].maxPrefixes ?? '-')
  return most.every((one) => one === '-') ? '-' : most.join('/')
}

function octets(count: number): string {
  if (count === 0) return '-'
  return count < 1024
    ? `${count}`
    : count < 1 << 20
      ? `${Math.round(count / 1024)}Ki`
      : `${Math.round(count / (1 << 20))}Mi`
}
