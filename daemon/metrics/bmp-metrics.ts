/** Metrics of the collectors of BMP; there are none where none is declared. */

import type { CollectorSnapshot } from '../../speaker/index.ts'
import { type Metric, metric, type Sample } from './metric.ts'

const endOf = ({ address, port }: CollectorSnapshot) => `${address.includes(':') ? `[${address}]` : address}:${port}`

const row = (
  name: string,
  type: Metric['type'],
  help: string,
  value: (collector: CollectorSnapshot) => number,
): Metric =>
  metric(name, type, help, ['collector'], ({ speaker }) =>
    speaker.collectors.map((one): Sample => [value(one), { collector: endOf(one) }]),
  )

export const bmpMetrics: readonly Metric[] = [
  row('tandem_bmp_collector_up', 'gauge', '1 while a collector of BMP is connected', ({ state }) =>
    Number(state === 'up'),
  ),
  row(
    'tandem_bmp_collector_state_seconds',
    'gauge',
    'How long it has been connected, or away',
    ({ sinceMs }) => sinceMs / 1000,
  ),
  row('tandem_bmp_connections_total', 'counter', 'Connections to a collector that came up', ({ connects }) => connects),
  row('tandem_bmp_messages_total', 'counter', 'BMP messages written to a collector', ({ messages }) => messages),
  row('tandem_bmp_bytes_total', 'counter', 'Octets written to a collector', ({ octets }) => octets),
  row(
    'tandem_bmp_waiting_routes',
    'gauge',
    'Routes that a collector has yet to hear of; many for long, and it is too slow',
    ({ waiting }) => waiting,
  ),
]
