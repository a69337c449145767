/** The reference of the metrics, made from the rows that they are. */

import { compatMetrics } from './compat-metrics.ts'
import type { Metric } from './metric.ts'
import { metrics } from './registry.ts'
import { timingRows } from './timings.ts'

const row = ({ name, type, labels, help }: Metric) =>
  `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ') || '-'} | ${help} |`

export function metricsPage(): string {
  const header = ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |']
  return [
    '# Metrics',
    '',
    'Made by `npm run docs` from the code. Do not edit.',
    '',
    '`tandem run --metrics-port 20241` answers Prometheus at `/metrics`, in OpenMetrics where that is asked for. It listens on loopback unless',
    '`--metrics-addr` says otherwise: `docker/kustomize/components/metrics` and the Helm chart (`config.metrics-port`) put it at the address of the node.',
    'The labels `family` and `peer` are everywhere spelt alike, and both families are always there. Names and addresses of peers, statements and',
    'rules are labels; passwords never are.',
    '',
    ...header,
    ...metrics.map(row),
    ...timingRows.map(([name, help]) => `| \`${name}\` | histogram | - | ${help} |`),
    '',
    'Beside these are what every Node program says of itself: `process_resident_memory_bytes`, `process_cpu_seconds_total`',
    'and their like.',
    '',
    "## kube-router's names",
    '',
    'With `--compat-metrics`. What kube-router counts by the call of a function, and its timings of other work than routing, has no counterpart.',
    '',
    ...header,
    ...compatMetrics.map(row),
    '',
    '## Dashboard and alerts',
    '',
    '`docker/monitoring/` has a dashboard for Grafana (`dashboard.json`), alert rules (`alerts.yaml`) for a Prometheus that reads files, and for the',
    'Prometheus operator a PodMonitor and the same rules as a PrometheusRule (`kubectl apply -k docker/monitoring`).',
    '',
  ].join('\n')
}
