/**
 * The answer to "why": the chain from object and field over the rule of the plan and the statement of the policy to each peer.
 * Nothing is decided here; every reason was made where the decision was.
 */

import { contains, type Family, families, formatPrefix, hostPrefix, Prefix } from 'bgp-ts'
import {
  Endpoints,
  formatFinding,
  nodeAddresses,
  type Plan,
  type ServiceView,
  slicesByService,
} from '../controllers/index.ts'
import { formatOrigin, parseAddress, parsePrefix, type StatementOrigin } from '../policy/index.ts'
import type { PeerSnapshot, PrefixStory, RouteRow } from '../speaker/index.ts'
import type { Backend } from './backend.ts'
import { sessionLines } from './explain-session.ts'
import { namesakes, someOf, unknown } from './explain-unknown.ts'
import { age } from './render/table.ts'
import { routerHint } from './router-config/hint.ts'

export interface Explanation {
  readonly subject: string
  readonly kind: 'prefix' | 'service' | 'node' | 'peer' | 'unknown'
  /** For people, in order. */
  readonly lines: readonly string[]
  /** For programs. */
  readonly data: unknown
}

export function explain(backend: Backend, subject: string): Explanation {
  const address = parseAddress(subject)
  const prefix = address ? hostPrefix(address) : parsePrefix(subject)
  if (prefix) return explainPrefix(backend, prefix)
  if (subject.startsWith('peer/')) return explainPeer(backend, subject.slice('peer/'.length))
  if (subject.startsWith('node/')) return explainNode(backend, subject)
  const service = backend.view?.services.get(subject.replace(/^service\//, ''))
  if (service) return explainService(backend, service)
  return unknown(
    subject,
    `${subject} is nothing that this daemon knows.`,
    ...namesakes(backend, subject),
    'Ask for a prefix or address, NAMESPACE/SERVICE, node/NAME or peer/ADDRESS.',
  )
}

function explainPrefix(backend: Backend, prefix: Prefix): Explanation {
  const text = formatPrefix(prefix)
  const story = backend.speaker.explain(prefix)
  const withheld = backend.plan?.withheld.filter((one) => one.prefix === text) ?? []
  const originated = story.candidates.find(({ source }) => source === 'originated')
  const aggregates = backend.plan?.aggregates.filter((one) => contains(one.prefix, prefix)) ?? []
  const lines = [
    text,
    ...(originated?.origin
      ? [`  advertised because of ${originated.origin.object} ${originated.origin.field}: ${originated.origin.rule}`]
      : []),
    ...withheld.map(
      ({ object, field, reason, mend }) => `  withheld: ${object} ${field}: ${reason}. To change it: ${mend}`,
    ),
    ...aggregates.flatMap((one) => aggregateLines(one, text)),
    ...candidateLines(story),
    ...kernelLine(story),
    ...story.refused.map(({ peer, rule, statement }) => `  refused from ${peer}: ${ruleText(rule, statement)}`),
    ...peerLines(backend, story, originated !== undefined || story.candidates.length > 0),
  ]
  if (lines.length === 1)
    lines.push(
      '  no object of the plan has it, no peer sent it, and none was refused it',
      ...coveringLine(backend, prefix),
    )
  return { subject: text, kind: 'prefix', lines, data: { ...story, withheld, aggregates } }
}

/** So many of what an aggregate stands for are shown to people; programs get them all. */
const shownParts = 20

function aggregateLines({ prefix, parts }: Plan['aggregates'][number], subject: string): string[] {
  const text = formatPrefix(prefix)
  if (text !== subject) return [`  inside the aggregate ${text}, which is advertised from here: ask for it to see why`]
  const more = parts.length - shownParts
  return [
    ...parts.slice(0, shownParts).map((one) => `  stands for ${one.prefix}: ${one.object} ${one.field}`),
    ...(more > 0 ? [`  and for ${more} more`] : []),
  ]
}

/** The longest route around what has none of its own: packets to it take that one. */
function coveringLine({ speaker }: Backend, { family, length, w0, w1, w2, w3 }: Prefix): string[] {
  for (let shorter = length - 1; shorter >= 0; shorter--) {
    const [route] = speaker.routes('best', { prefix: new Prefix(family, shorter, w0, w1, w2, w3) })
    if (route) return [`  lies in ${route.prefix}, which is ${whence(route)}: ask for that one`]
  }
  return []
}

const whence = ({ source, origin }: RouteRow) =>
  origin ? `advertised because of ${origin.object} ${origin.field}` : `learned from ${source}`

function candidateLines(story: PrefixStory): string[] {
  return story.candidates
    .filter(({ source }) => source !== 'originated')
    .map(
      ({ source, nextHop, best, reason, acceptedBy, changedBy = [] }) =>
        `  learned from ${source} via ${nextHop}${best ? ', best' : `, not best: ${reason}`}` +
        `${acceptedBy ? `; accepted: ${formatOrigin(acceptedBy)}` : ''}${changedBy.map((rule) => `; ${rule}`).join('')}`,
    )
}

function kernelLine({ kernel, candidates }: PrefixStory): string[] {
  if (!kernel || (candidates.length === 0 && !kernel.installed)) return []
  const { installed, nextHops, reason } = kernel
  return [installed ? `  in the kernel via ${nextHops.join(' and ')}: ${reason}` : `  not in the kernel: ${reason}`]
}

function peerLines({ speaker }: Backend, story: PrefixStory, exists: boolean): string[] {
  if (!exists) return []
  const snapshots = new Map(speaker.snapshot().peers.map((peer) => [peer.name, peer]))
  return story.peers.map(({ peer, sent, reason, statement, nextHop }) => {
    const why = ruleText(reason, statement)
    if (sent) return `  sent to ${peer} with next hop ${nextHop}: ${why}`
    return `  not sent to ${peer}: ${why}${obstacle(snapshots.get(peer), story.prefix)}`
  })
}

/** What is known of a session that does not carry a route: since when it is down and why, or who does not want the family. */
function obstacle(peer: PeerSnapshot | undefined, prefix: string): string {
  if (!peer) return ''
  if (peer.state !== 'Established') {
    const { state, sinceMs, lastDown, blocked } = peer
    const why = blocked === undefined && lastDown ? `; last: ${lastDown.why}` : ''
    return `, ${state} for ${age(sinceMs)}${why}`
  }
  const family: Family = prefix.includes(':') ? 'ipv6-unicast' : 'ipv4-unicast'
  return peer.families.includes(family) ? '' : `: ${whoDoesNot(peer, family)}`
}

function whoDoesNot({ offered }: PeerSnapshot, family: Family): string {
  return offered.byUs.includes(family) ? 'the peer does not offer it' : 'this side does not offer it'
}

/** A statement with where it stands; any other rule in its own words. */
function ruleText(rule: string, statement: StatementOrigin | undefined): string {
  return statement ? formatOrigin(statement) : rule
}

function explainService(backend: Backend, service: ServiceView): Explanation {
  const key = `${service.namespace}/${service.name}`
  const object = `service/${key}`
  const { plan, view } = backend
  const routes = plan?.routes.filter(({ origin }) => origin.object === object) ?? []
  const withheld = plan?.withheld.filter((one) => one.object === object) ?? []
  const findings = backend.findings.filter((one) => one.object === object)
  const node = plan && view?.nodes.get(plan.node)
  const shared = withheld.length + routes.length === 0
  const lines = [
    `${object} (${service.type})`,
    ...(node && view && plan ? families.map((family) => endpointLine(backend, plan, service, family)) : []),
    ...routes.flatMap(({ prefix, origin }) => [
      `  ${formatPrefix(prefix)} (${origin.field}) is advertised by ${plan?.node}: ${origin.rule}`,
      ...peerLines(backend, backend.speaker.explain(prefix), true).map((line) => `  ${line}`),
    ]),
    ...withheld.map(withheldLine),
    ...missingAddress(service),
    ...(shared ? ['  no address of its own is advertised or withheld here'] : []),
    ...findings.map((one) => `  finding: ${formatFinding(one)}`),
  ]
  return { subject: key, kind: 'service', lines, data: { routes, withheld, findings } }
}

/** What has not been given out is in no plan, and withheld by no rule. */
function missingAddress({ type, ingress }: ServiceView): string[] {
  if (type !== 'LoadBalancer' || ingress.length > 0) return []
  return [
    '  status.loadBalancer.ingress is empty: what gives out addresses (--run-loadbalancer, or another) gave it none',
  ]
}

const withheldLine = ({ prefix, field, reason, mend }: Plan['withheld'][number]) =>
  `  ${prefix} (${field}) is withheld: ${reason}. To change it: ${mend}`

function endpointLine(backend: Backend, plan: Plan, service: ServiceView, family: Family): string {
  const { view } = backend
  const node = view?.nodes.get(plan.node)
  if (!view || !node) return ''
  const own = nodeAddresses(node, {}).all
  const { ready, localReady } = new Endpoints(slicesByService(view), plan.node, own).count(service, family)
  return `  endpoints of ${family}: ${ready} ready, ${localReady} of them on ${plan.node}`
}

function explainNode(backend: Backend, subject: string): Explanation {
  const { plan } = backend
  const routes = plan?.routes.filter(({ origin }) => origin.object === subject) ?? []
  const withheld = plan?.withheld.filter(({ object }) => object === subject) ?? []
  const findings = backend.findings.filter(({ object }) => object === subject)
  const lines = [
    plan?.node === subject.slice('node/'.length) ? `${subject} (this node)` : subject,
    ...routes.map(({ prefix, origin }) => `  ${formatPrefix(prefix)} is advertised: ${origin.rule}, ${origin.field}`),
    ...withheld.map(withheldLine),
    ...findings.map((one) => `  finding: ${formatFinding(one)}`),
  ]
  if (lines.length === 1 && !backend.view?.nodes.has(subject.slice('node/'.length)))
    return unknown(subject, `${subject} is no Node that this daemon knows.`)
  if (lines.length === 1) lines.push('  nothing of it is advertised from here')
  return { subject, kind: 'node', lines, data: { routes, withheld, findings } }
}

function explainPeer(backend: Backend, name: string): Explanation {
  const { peers } = backend.speaker.snapshot()
  const peer = peers.find((one) => one.name === name || one.address === name)
  const subject = `peer/${name}`
  if (!peer) {
    const names = peers.map((one) => one.name)
    const others = names.length > 0 ? `Its peers: ${someOf(names)}.` : 'It has no peers.'
    return unknown(subject, `${subject} is no peer of this speaker.`, others)
  }
  const origin = backend.plan?.peers.find((one) => one.name === peer.name)?.origin
  const lines = [
    `${subject}: ${peer.type}${peer.reflectorClient ? ', client of our route reflection' : ''}, AS ${peer.asn}, ${peer.state} for ${age(peer.sinceMs)}${origin ? `, from ${origin}` : ''}`,
    ...stateLines(peer),
    ...hintLines(backend, peer),
    ...sessionLines(peer),
    ...bfdLines(peer),
    ...families.map((family) => `  ${familyLine(peer, family)}`),
    ...policyLines(peer),
    ...(peer.capabilities.length > 0 ? [`  it offers: ${peer.capabilities.join('; ')}`] : []),
    ...malformedLines(peer),
  ]
  return { subject, kind: 'peer', lines, data: peer }
}

/** Another node needs no hand to be configured. */
function hintLines({ plan }: Backend, peer: PeerSnapshot): string[] {
  return plan?.peers.some(({ name, role }) => name === peer.name && role === 'node') ? [] : routerHint(peer)
}

function stateLines(peer: PeerSnapshot): string[] {
  const { blocked, lastDown, lastNotificationReceived: received, lastNotificationSent: sent } = peer
  return [
    ...(blocked ? [`  held down: ${blocked}`] : []),
    ...(lastDown ? [`  last down ${age(lastDown.ageMs)} ago: ${lastDown.why}`] : []),
    ...(sent ? [`  last NOTIFICATION sent ${age(sent.ageMs)} ago: ${sent.text}`] : []),
    ...(received ? [`  last NOTIFICATION received ${age(received.ageMs)} ago: ${received.text}`] : []),
  ]
}

function bfdLines({ bfd }: PeerSnapshot): string[] {
  if (!bfd) return []
  const { state, remoteState, transmitInterval, detectionTime, local, remote, packets, lastDown, flaps } = bfd
  const agreed = `sends every ${transmitInterval} ms, takes the path to have failed after ${detectionTime} ms of silence`
  const said = ({ minTx, minRx, multiplier }: typeof local) => `tx ${minTx} ms, rx ${minRx} ms, x ${multiplier}`
  const isHeard = remote.multiplier > 0
  return [
    `  BFD ${state} for ${age(bfd.sinceMs)}${isHeard ? `, ${remoteState} at the peer` : ', nothing heard of the peer'}${isHeard ? `: ${agreed}` : ''}`,
    ...(local.multiplier === 0
      ? []
      : [`    here ${said(local)}${isHeard ? `; the peer ${said(remote)}` : ''}${bfd.multihop ? '; many hops' : ''}`]),
    `    ${packets.in} packets in, ${packets.out} out; ${flaps} ${flaps === 1 ? 'flap' : 'flaps'}; last diagnostic here: ${bfd.diagnostic}, at the peer: ${bfd.remoteDiagnostic}`,
    ...(lastDown ? [`    last down ${age(lastDown.ageMs)} ago: ${lastDown.why}`] : []),
    ...(bfd.lastDiscard
      ? [`    ${packets.discarded} packets of the peer discarded, the last one because: ${bfd.lastDiscard}`]
      : []),
    ...(bfd.problem ? [`    no packets: ${bfd.problem}`] : []),
    ...(bfd.holdsSession ? [`    the session ${bfd.holdsSession}`] : []),
  ]
}

function familyLine(peer: PeerSnapshot, family: Family): string {
  if (peer.state !== 'Established') return `${family}: no session`
  if (!peer.families.includes(family)) {
    return `${family}: not negotiated, ${whoDoesNot(peer, family)}`
  }
  const { received, accepted, rejected, rejectedBy, advertised, heldBack } = peer.routes[family]
  const rules = Object.entries(rejectedBy).map(([rule, count]) => `${count} by "${rule}"`)
  const held = heldBack > 0 ? ` (the most for it), ${heldBack} held back` : ''
  return `${family}: ${advertised} sent${held}; ${received} received, ${accepted} held, ${rejected} refused${rules.length > 0 ? ` (${rules.join(', ')})` : ''}`
}

/** The policies of both directions, with the statements that routes met. */
function policyLines({ policies }: PeerSnapshot): string[] {
  return (['import', 'export'] as const).flatMap((direction) => {
    const { name, declared, statements } = policies[direction]
    if (!declared)
      return [`  ${direction}: no policy, so nothing ${direction === 'import' ? 'comes in' : 'goes out'} (RFC 8212)`]
    const met = statements.filter(({ matched }) => matched > 0)
    return [
      `  ${direction} policy ${name}`,
      ...met.map((one) => `    ${one.matched} matched by ${formatOrigin(one)}: ${one.action}`),
    ]
  })
}

function malformedLines(peer: PeerSnapshot): string[] {
  const counts = Object.entries(peer.malformed).map(([kind, count]) => `${count} ${kind}`)
  if (counts.length === 0) return []
  const last = peer.lastMalformed
  return [
    `  malformed messages: ${counts.join(', ')}${last ? `; ${age(last.ageMs)} ago: ${last.text}, ${last.octets}` : ''}`,
  ]
}
