/** `tandem plan`: what would be advertised, to whom, and what is withheld and why, without a session. */

import { formatIpv4 } from 'bgp-ts'
import { type Finding, plan as makePlan, type Plan, type View } from '../../controllers/index.ts'
import { nodeClock, type Timer } from '../../speaker/index.ts'
import { ask } from '../admin/client.ts'
import type { Settings } from '../config/flags.ts'
import { readPeerPolicies } from '../config/kubernetes-file.ts'
import { type Loaded, planOptions } from '../config/settings.ts'
import { newLog } from '../log.ts'
import { planText, routeText } from '../render/views.ts'
import { openSource } from '../sources.ts'

export interface PlanRequest {
  readonly json: boolean
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
  if (document) readPeerPolicies(document)
  const { view, findings } = await readOnce(settings, options.nodeName)
  const own = makePlan(view, options)
  const whole = { ...own, findings: [...findings, ...own.findings] }
  const lines = request.diff ? difference(await ask<Plan>(settings['admin-socket'], '/v1/plan'), whole) : undefined
  const value = lines ? { differences: lines } : whole
  const text = lines ? lines.join('\n') || 'no difference' : planText(whole)
  process.stdout.write(request.json ? `${JSON.stringify(value, undefined, 2)}\n` : `${text}\n`)
}

/** An API server that does not show all it has within this time is not waited for: somebody sits in front of this command. */
const patienceMs = 10_000

async function readOnce(settings: Settings, nodeName: string): Promise<{ view: View; findings: readonly Finding[] }> {
  const source = await openSource(settings, nodeName, newLog('error'))
  let timer: Timer | undefined
  try {
    return await new Promise((resolve, reject) => {
      timer = nodeClock.after(patienceMs, () => {
        reject(new Error(`${source.name} has not shown all it has in time: ${source.sync().problems.join('; ')}`))
      })
      source.start((view, _change, findings) => resolve({ view, findings })).catch(reject)
    })
  } finally {
    timer?.cancel()
    await source.stop()
  }
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
