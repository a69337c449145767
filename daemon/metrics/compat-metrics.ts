/**
 * kube-router's names for those of its metrics that a router has, so that dashboards move over (`--compat-metrics`). What it counts by the call, and
 * its timings of other work than routing, has no counterpart.
 */

import { families } from 'bgp-ts'
import { type Metric, metric, type Reading, type Sample } from './metric.ts'

/** UPDATEs of all peers. */
const updates = ({ speaker }: Reading, direction: 'in' | 'out') =>
  speaker.peers.reduce((sum, { messages }) => sum + (messages[direction]['update'] ?? 0), 0)

export const compatMetrics: readonly Metric[] = [
  metric('kube_router_build_info', 'gauge', 'Always 1', ['goversion', 'version'], () => [
    [1, { goversion: `node ${process.version}`, version: 'tandem' }],
  ]),
  metric(
    'kube_router_bgp_peer_info',
    'gauge',
    'Always 1; the ASN is the real one, also between nodes, and the state is that of now',
    ['address', 'type', 'asn', 'state'],
    ({ speaker }) =>
      speaker.peers.map(
        ({ address, type, asn, state }): Sample => [1, { address, type, asn, state: state.toUpperCase() }],
      ),
  ),
  metric(
    'kube_router_controller_bgp_advertisements_received',
    'counter',
    'UPDATEs received, of all peers',
    [],
    (reading) => [[updates(reading, 'in'), {}]],
  ),
  metric(
    'kube_router_controller_bgp_advertisements_sent',
    'counter',
    'UPDATEs sent, to all peers',
    ['type'],
    (reading) => [[updates(reading, 'out'), { type: 'update' }]],
  ),
  metric(
    'kube_router_host_routes_synced',
    'gauge',
    'Routes in the kernel; 0 where none are installed',
    [],
    ({ speaker }) => [
      [families.reduce((sum, family) => sum + (speaker.kernel?.families[family]?.installed ?? 0), 0), {}],
    ],
  ),
]
