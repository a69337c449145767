/** The lab as the page shows it: all nodes, both routers, and the way to each prefix through all of them. */

import { formatFinding } from '../../controllers/index.ts'
import type { Speaker } from '../../speaker/index.ts'
import { alwaysSynced, type Backend } from '../backend.ts'
import type { EventLog } from '../events.ts'
import { explain } from '../explain.ts'
import { sessionOf } from '../web/daemon-model.ts'
import { type FabricRoute, type FabricView, listed, type Way, type WebModel } from '../web/model.ts'
import type { LabCluster, LabNode } from './cluster.ts'

export function labModel(cluster: LabCluster, events: EventLog): WebModel {
  return {
    fabric: () => fabricOf(cluster),
    explain: (subject) => explainIn(cluster, subject),
    events: (after) => ({ events: events.after(after), last: events.last }),
  }
}

function fabricOf(cluster: LabCluster): FabricView {
  const nodes = [...cluster.nodes]
  const routes = new Map<string, FabricRoute>()
  for (const { name, reconciler } of nodes) {
    for (const { prefix, origin } of reconciler.plan?.routes ?? []) {
      const text = String(prefix)
      const known = routes.get(text)
      const { kind, object, field } = origin
      const first = { prefix: text, family: prefix.family, kind, object, field, nodes: [] }
      routes.set(text, { ...(known ?? first), nodes: [...(known?.nodes ?? []), name] })
    }
  }
  const all = [...routes.values()]
  const { findings } = cluster.view()
  return {
    title: `the lab: ${nodes.length} nodes and ${cluster.routers.length} routers on this machine`,
    nodes: nodes.map(({ name }) => name),
    routers: cluster.routers.map(({ name }) => name),
    sessions: nodes.flatMap((node) =>
      node.speaker.snapshot().peers.map((peer) => sessionOf(peer, node.name, cluster.routerAt(peer.address))),
    ),
    routes: all.slice(0, listed),
    more: Math.max(0, all.length - listed),
    withheld: nodes
      .flatMap(({ name, reconciler }) =>
        (reconciler.plan?.withheld ?? []).map(({ prefix, object, reason, mend }) => {
          return { node: name, prefix, object, reason, mend }
        }),
      )
      .slice(0, listed),
    findings: findings.map(formatFinding),
  }
}

/** What each node says of it, and which sessions carry it. Of a node, that node alone. */
function explainIn(cluster: LabCluster, subject: string): Way {
  const asked = [...cluster.nodes].filter(({ name }) => !subject.startsWith('node/') || subject === `node/${name}`)
  const answers = asked.map((node) => ({ node, answer: explain(backendOf(cluster, node), subject) }))
  const known = answers.filter(({ answer }) => answer.kind !== 'unknown')
  if (known.length === 0)
    return { lines: answers[0]?.answer.lines ?? [`${subject} is no node of the lab.`], sessions: [] }
  return {
    lines: known.flatMap(({ node, answer }) => [`— as ${node.name} sees it —`, ...answer.lines, '']),
    sessions: known.flatMap(({ node, answer }) =>
      sentBy(cluster, node.speaker, answer.subject).map((to) => `${node.name} ${to}`),
    ),
  }
}

function sentBy(cluster: LabCluster, speaker: Speaker, prefix: string): string[] {
  return speaker
    .routes('out')
    .flatMap((row) => (row.prefix === prefix && row.peer !== undefined ? [cluster.routerAt(row.peer)] : []))
}

function backendOf(cluster: LabCluster, { speaker, reconciler }: LabNode): Backend {
  const { plan, findings } = reconciler
  return { speaker, plan, view: cluster.objects, findings, source: 'the lab', sync: alwaysSynced }
}
