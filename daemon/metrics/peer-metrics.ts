/** Metrics of sessions, and of each family on them: both families are always there, so that the absence of one is a number too. */

import { type Family, families } from 'bgp-ts'
import type { FamilySnapshot, PeerSnapshot } from '../../speaker/index.ts'
import { type Metric, metric, type Sample } from './metric.ts'

type Read<Of> = (of: Of) => Iterable<Sample>

const isUp = ({ state }: PeerSnapshot) => state === 'Established'

function ofPeers(read: Read<PeerSnapshot>): Metric['read'] {
  return ({ speaker }) =>
    speaker.peers.flatMap((peer) =>
      [...read(peer)].map(([value, labels]): Sample => [value, { peer: peer.name, ...labels }]),
    )
}

function ofFamilies(
  read: (of: FamilySnapshot, peer: PeerSnapshot, family: Family) => Iterable<Sample>,
): Metric['read'] {
  return ofPeers((peer) =>
    families.flatMap((family) =>
      [...read(peer.routes[family], peer, family)].map(([value, labels]): Sample => [value, { family, ...labels }]),
    ),
  )
}

const one = (value: number): Sample[] => [[value, {}]]
const entries = (counts: Readonly<Record<string, number | undefined>>, label: string) =>
  Object.entries(counts).map(([name, value]): Sample => [value ?? 0, { [label]: name }])

export const peerMetrics: readonly Metric[] = [
  metric(
    'tandem_peer_info',
    'gauge',
    'Always 1; says who a peer is and how its session stands',
    ['peer', 'asn', 'local_asn', 'type', 'state'],
    ofPeers(({ asn, localAsn, type, state }) => [[1, { asn, local_asn: localAsn, type, state }]]),
  ),
  metric(
    'tandem_peer_up',
    'gauge',
    '1 while the session is established',
    ['peer'],
    ofPeers((peer) => one(Number(isUp(peer)))),
  ),
  metric(
    'tandem_peer_state_seconds',
    'gauge',
    'How long the session has been up or down',
    ['peer'],
    ofPeers(({ sinceMs }) => one(sinceMs / 1000)),
  ),
  metric(
    'tandem_peer_flaps_total',
    'counter',
    'Times that an established session ended',
    ['peer'],
    ofPeers(({ flaps }) => one(flaps)),
  ),
  metric(
    'tandem_peer_last_error_seconds',
    'gauge',
    'How long ago the session ended last, and why; absent for one that never did',
    ['peer', 'why'],
    ofPeers(({ lastDown }) => (lastDown ? [[lastDown.ageMs / 1000, { why: lastDown.why }]] : [])),
  ),
  metric(
    'tandem_peer_messages_total',
    'counter',
    'BGP messages by direction (in, out) and type',
    ['peer', 'direction', 'type'],
    ofPeers(({ messages }) =>
      (['in', 'out'] as const).flatMap((direction) =>
        entries(messages[direction], 'type').map(([value, labels]): Sample => [value, { direction, ...labels }]),
      ),
    ),
  ),
  metric(
    'tandem_peer_malformed_messages_total',
    'counter',
    'Malformed messages by what was done about them (RFC 7606), or by which message it was',
    ['peer', 'kind'],
    ofPeers(({ malformed }) => entries(malformed, 'kind')),
  ),
  metric(
    'tandem_peer_queued_bytes',
    'gauge',
    'Octets that wait for the peer to read them',
    ['peer'],
    ofPeers(({ queuedBytes }) => one(queuedBytes)),
  ),
  metric(
    'tandem_peer_memory_bytes',
    'gauge',
    'Octets of tables on account of the peer: of its routes, and of attribute sets',
    ['peer', 'kind'],
    ofPeers(({ memory }) => entries({ ...memory }, 'kind')),
  ),
  metric(
    'tandem_peer_restarting',
    'gauge',
    '1 while routes of an ended session are kept for the peer to come back (RFC 4724, 9494)',
    ['peer'],
    ofPeers(({ kept }) => one(Number(kept !== undefined))),
  ),
  metric(
    'tandem_bfd_up',
    'gauge',
    '1 while BFD sees the way to the peer as up; absent without BFD',
    ['peer'],
    ofPeers(({ bfd }) => (bfd ? one(Number(bfd.state === 'Up')) : [])),
  ),
  metric(
    'tandem_peer_family_negotiated',
    'gauge',
    '1 while the session carries the family',
    ['peer', 'family'],
    ofFamilies((_routes, peer, family) => one(Number(isUp(peer) && peer.families.includes(family)))),
  ),
  metric(
    'tandem_peer_routes_received_total',
    'counter',
    'Announcements since the session came up',
    ['peer', 'family'],
    ofFamilies(({ received }) => one(received)),
  ),
  metric(
    'tandem_peer_routes_accepted',
    'gauge',
    'Routes of the peer that are held now',
    ['peer', 'family'],
    ofFamilies(({ accepted }) => one(accepted)),
  ),
  metric(
    'tandem_peer_routes_rejected_total',
    'counter',
    'Announcements refused since the session came up, by the statement or rule that refused them',
    ['peer', 'family', 'reason'],
    ofFamilies(({ rejectedBy }) => entries(rejectedBy, 'reason')),
  ),
  metric(
    'tandem_peer_routes_advertised',
    'gauge',
    'Routes that the peer has from us now',
    ['peer', 'family'],
    ofFamilies(({ advertised }) => one(advertised)),
  ),
  metric(
    'tandem_peer_routes_held_back',
    'gauge',
    'Routes that the peer is not sent because it has as many as it may have',
    ['peer', 'family'],
    ofFamilies(({ heldBack }) => one(heldBack)),
  ),
  metric(
    'tandem_peer_prefixes',
    'gauge',
    'Different prefixes that count towards the maximum of the peer',
    ['peer', 'family'],
    ofFamilies(({ prefixes }) => one(prefixes)),
  ),
  metric(
    'tandem_peer_prefixes_limit',
    'gauge',
    'The maximum of prefixes; absent where there is none',
    ['peer', 'family'],
    ofFamilies(({ maxPrefixes }) => (maxPrefixes === undefined ? [] : one(maxPrefixes))),
  ),
  metric(
    'tandem_peer_end_of_rib',
    'gauge',
    '1 once End-of-RIB was received (in) or sent (out)',
    ['peer', 'family', 'direction'],
    ofFamilies(({ endOfRibReceived, endOfRibSent }) => [
      [Number(endOfRibReceived), { direction: 'in' }],
      [Number(endOfRibSent), { direction: 'out' }],
    ]),
  ),
]
