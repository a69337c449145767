/** `tandem plan`: what would be advertised, to whom, and what is withheld and why, without a session. */

import { formatIpv4 } from 'bgp-ts'
import { plan as makePlan, type Plan } from '../../controllers/index.ts'
import { ask } from '../admin/client.ts'
import { readKubernetesFile } from '../config/kubernetes-file.ts'
import { type Loaded, planOptions } from '../config/settings.ts'
import { readOnce } from '../read-once.ts'
import { type Format, written } from '../render/format.ts'
import { planText, routeText } from '../render/plan-text.ts'

export interface PlanRequest {
  readonly format: Format
  /** Compare with the running daemon. */
  readonly diff: boolean
}

export async function plan(
  { settings, document }: Loaded,
  environment: Readonly<Record<string, string | undefined>>,
  request: PlanRequest,
): Promise<void> {
  const options = planOptions(settings, environment)
  // Policies come after the plan; that they are wrong is to be known before.
  if (document) readKubernetesFile(document)
  const { view, findings } = await readOnce(settings, options.nodeName)
  const own = makePlan(view, options)
  const whole = { ...own, findings: [...findings, ...own.findings] }
  const lines = request.diff ? difference(await ask<Plan>(settings['admin-socket'], '/v1/plan'), whole) : undefined
  const value = lines ? { differences: lines } : whole
  const text = () => (lines ? lines.join('\n') || 'no difference' : planText(whole))
  process.stdout.write(`${written(request.format, value, text)}\n`)
}

/** What would change, one line each; a peer that BGP forces to reset is named. */
function difference(running: Plan, made: Plan): string[] {
  // As the running one came: what is undefined does not.
  const wanted = JSON.parse(JSON.stringify(made)) as Plan
  const routesOf = (one: Plan) =>
    new Map(
      one.routes.map((route) => {
        const said = routeText(route)
        return [String(route.prefix), `${route.prefix} via ${route.nextHop ?? 'self'}${said && ` with ${said}`}`]
      }),
    )
  const peersOf = (one: Plan) =>
    new Map(
      one.peers.map((peer) => [
        peer.name,
        `${peer.asn} ${peer.port} ${peer.localAddress ?? ''} ${[...peer.families].join(' ')}`,
      ]),
    )
  const forced =
    running.local &&
    wanted.local &&
    (running.local.asn !== wanted.local.asn || running.local.routerId !== wanted.local.routerId)
  return [
    ...changes(routesOf(running), routesOf(wanted)).map(({ sign, value }) => `${sign} ${value}`),
    ...changes(peersOf(running), peersOf(wanted)).map(({ sign, key, value }) =>
      sign === '~' ? `resets peer ${key}: ${value}` : `${sign} peer ${key}`,
    ),
    ...(forced ? ['resets every peer: the ASN or the router id changes'] : []),
    ...reflectionDifference(running, wanted),
  ]
}

/** What no session is reset for. */
function reflectionDifference(running: Plan, wanted: Plan): string[] {
  const roleOf = ({ local }: Plan) =>
    local?.clusterId === undefined ? 'no route reflector' : `route reflector of cluster ${formatIpv4(local.clusterId)}`
  const clientsOf = ({ peers }: Plan) =>
    new Map(peers.flatMap(({ name, reflectorClient }) => (reflectorClient ? [[name, name]] : [])))
  return [
    ...(roleOf(running) === roleOf(wanted) ? [] : [`~ ${roleOf(wanted)}`]),
    ...changes(clientsOf(running), clientsOf(wanted)).map(({ sign, key }) => `${sign} client ${key}`),
  ]
}

function changes(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) {
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort()
  return keys.flatMap((key) => {
    const [old, now] = [before.get(key), after.get(key)]
    if (old === now) return []
    if (old === undefined) return [{ sign: '+', key, value: now ?? '' }]
    return now === undefined ? [{ sign: '-', key, value: old }] : [{ sign: '~', key, value: now }]
  })
}
