/** Metrics of the daemon: its tables, its plan, where its objects come from. */

import { families } from 'bgp-ts'
import { type Metric, metric, type Sample } from './metric.ts'

/** How many there are of each set of labels. */
function counted<Item>(items: Iterable<Item>, labels: (item: Item) => Record<string, string>): Sample[] {
  const counts = new Map<string, { labels: Record<string, string>; count: number }>()
  for (const item of items) {
    const own = labels(item)
    const key = Object.values(own).join('\0')
    const known = counts.get(key)
    if (known) known.count++
    else counts.set(key, { labels: own, count: 1 })
  }
  return [...counts.values()].map(({ count, labels: own }) => [count, own])
}

/** A reason without the names and numbers of its case: labels that never end would fill the memory of whoever scrapes. */
const ruleOf = (reason: string) => reason.replaceAll(/"[^"]*"/g, '"..."').replaceAll(/\b\d+\b/g, 'N')

/** What is withheld may be no prefix at all. */
const familyOfText = (prefix: string) => (prefix.includes(':') ? 'ipv6-unicast' : 'ipv4-unicast')

const tables: Metric['read'] = ({ speaker }) =>
  families.flatMap((family) =>
    Object.entries(speaker.routes[family]).map(([kind, value]): Sample => [value, { family, kind }]),
  )

export const daemonMetrics: readonly Metric[] = [
  metric(
    'tandem_event_loop_late_seconds',
    'gauge',
    'How late the event loop was since the scrape before, whoever that was for',
    ['percentile'],
    ({ loopDelays }) => loopDelays.map(({ percentile, seconds }): Sample => [seconds, { percentile }]),
  ),
  metric(
    'tandem_routes',
    'gauge',
    'The routing table: prefixes, paths to them, and routes that this speaker originates',
    ['family', 'kind'],
    tables,
  ),
  metric('tandem_attribute_sets', 'gauge', 'Different attribute lists in the table', [], ({ speaker }) => [
    [speaker.attributeSets, {}],
  ]),
  metric('tandem_table_bytes', 'gauge', 'Octets of the tables', ['kind'], ({ speaker }) =>
    Object.entries(speaker.memory).map(([kind, value]): Sample => [value, { kind }]),
  ),
  metric('tandem_plan_routes', 'gauge', 'Routes of the plan, by what they are', ['family', 'kind'], ({ plan }) =>
    counted(plan?.routes ?? [], ({ prefix, origin }) => ({ family: prefix.family, kind: origin.kind })),
  ),
  metric(
    'tandem_plan_withheld',
    'gauge',
    'What the plan holds back, by the one rule that does, without its names and numbers; tandem plan has those',
    ['family', 'kind', 'reason'],
    ({ plan }) =>
      counted(plan?.withheld ?? [], ({ prefix, kind, reason }) => ({
        family: familyOfText(prefix),
        kind,
        reason: ruleOf(reason),
      })),
  ),
  metric('tandem_plan_peers', 'gauge', 'Peers of the plan', ['type'], ({ plan }) =>
    counted(plan?.peers ?? [], ({ type }) => ({ type })),
  ),
  metric('tandem_drained', 'gauge', '1 while this node is drained or not ready for traffic', [], ({ plan }) => [
    [Number(plan?.drain !== undefined), {}],
  ]),
  metric(
    'tandem_findings',
    'gauge',
    'What is wrong with objects and settings now; tandem plan has the words',
    ['severity'],
    ({ findings }) =>
      ['error', 'warning'].map((severity) => [
        findings.filter((finding) => finding.severity === severity).length,
        { severity },
      ]),
  ),
  metric(
    'tandem_source_synced',
    'gauge',
    '1 once the first whole view of the objects is in; until then no End-of-RIB is sent',
    [],
    ({ sync }) => [[Number(sync.synced), {}]],
  ),
  metric('tandem_watch_up', 'gauge', '1 while a watch of the API server stands', ['resource'], ({ sync }) =>
    (sync.watches ?? []).map(({ path, watching }) => [Number(watching), { resource: path }]),
  ),
  metric(
    'tandem_watch_silent_seconds',
    'gauge',
    'How long a watch has said nothing, bookmarks included',
    ['resource'],
    ({ sync }) => (sync.watches ?? []).map(({ path, silentMs }) => [silentMs / 1000, { resource: path }]),
  ),
  metric('tandem_watch_lists_total', 'counter', 'Times that a resource was listed whole', ['resource'], ({ sync }) =>
    (sync.watches ?? []).map(({ path, lists }) => [lists, { resource: path }]),
  ),
  metric(
    'tandem_watch_connections_total',
    'counter',
    'Connections that a watch was begun on',
    ['resource'],
    ({ sync }) => (sync.watches ?? []).map(({ path, connections }) => [connections, { resource: path }]),
  ),
  metric(
    'tandem_kernel_routes',
    'gauge',
    'Routes in the kernel, those there from before that are still to be confirmed, and those that wait; absent where none are installed',
    ['family', 'kind'],
    ({ speaker }) =>
      Object.entries(speaker.kernel?.families ?? {}).flatMap(([family, { installed, stale, pending }]) =>
        Object.entries({ installed, stale, pending }).map(([kind, value]): Sample => [value, { family, kind }]),
      ),
  ),
  metric(
    'tandem_kernel_routes_repaired_total',
    'counter',
    'Routes of ours that somebody else took from the kernel, and that were put back',
    ['family'],
    ({ speaker }) =>
      Object.entries(speaker.kernel?.families ?? {}).map(([family, { repaired }]) => [repaired, { family }]),
  ),
]
