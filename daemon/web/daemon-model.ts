/** One daemon as a fabric: its node below, its peers above. */

import { families } from 'bgp-ts'
import { formatFinding } from '../../controllers/index.ts'
import type { PeerSnapshot, PrefixStory } from '../../speaker/index.ts'
import type { Backend } from '../backend.ts'
import { explain } from '../explain.ts'
import { type FabricSession, type FabricView, listed, type WebModel } from './model.ts'

export function daemonModel(backend: Backend, node: string): WebModel {
  return {
    fabric: () => fabricOf(backend, node),
    explain: (subject) => {
      const { lines, kind, data } = explain(backend, subject)
      const sent = kind === 'prefix' ? (data as PrefixStory).peers.filter((peer) => peer.sent) : []
      return { lines, sessions: sent.map(({ peer }) => `${node} ${peer}`) }
    },
    events: (after) => ({ events: backend.events?.after(after) ?? [], last: backend.events?.last ?? 0 }),
  }
}

function fabricOf({ speaker, plan, findings, source }: Backend, node: string): FabricView {
  const { peers } = speaker.snapshot()
  const routes = plan
    ? plan.routes.map(({ prefix, origin }) => ({ prefix: String(prefix), family: prefix.family, origin }))
    : speaker
        .routes('best', { limit: listed })
        .flatMap(({ prefix, family, origin }) => (origin ? [{ prefix, family, origin }] : []))
  return {
    title: `${node}, ${source}`,
    nodes: [node],
    routers: peers.map(({ name }) => name),
    sessions: peers.map((peer) => sessionOf(peer, node, peer.name)),
    routes: routes.slice(0, listed).map(({ prefix, family, origin: { kind, object, field } }) => {
      return { prefix, family, kind, object, field, nodes: [node] }
    }),
    more: Math.max(0, routes.length - listed),
    withheld: (plan?.withheld ?? []).slice(0, listed).map(({ prefix, object, reason, mend }) => {
      return { node, prefix, object, reason, mend }
    }),
    findings: findings.slice(0, listed).map(formatFinding),
  }
}

export function sessionOf(peer: PeerSnapshot, node: string, router: string): FabricSession {
  const { address, state, families: carried, sinceMs, blocked, lastDown, routes } = peer
  const why = state === 'Established' ? undefined : (blocked ?? lastDown?.why)
  const count = (what: 'advertised' | 'accepted') => {
    const [v4, v6] = families.map((family) => routes[family][what])
    return { 'ipv4-unicast': v4!, 'ipv6-unicast': v6! }
  }
  return {
    node,
    router,
    address,
    state,
    families: state === 'Established' ? carried : [],
    sinceMs,
    ...(why !== undefined && { why }),
    advertised: count('advertised'),
    accepted: count('accepted'),
  }
}
