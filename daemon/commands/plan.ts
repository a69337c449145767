/** `tandem plan`: what would be advertised, to whom, and what is withheld and why, without a session. */

import { type Finding, ManifestSource, plan as makePlan, type Plan, type View } from '../../controllers/index.ts'
import { ask } from '../admin/client.ts'
import { ConfigError } from '../config/flag.ts'
import { type Loaded, planOptions } from '../config/settings.ts'
import { planText } from '../render/views.ts'

export interface PlanRequest {
  readonly json: boolean
  /** Compare with the running daemon. */
  readonly diff: boolean
}

export async function plan(
  { settings }: Loaded,
  environment: Readonly<Record<string, string | undefined>>,
  request: PlanRequest,
): Promise<void> {
  if (settings.manifests === '')
    throw new ConfigError('--manifests', '', 'is needed: the folder of Kubernetes manifests')
  const { view, findings } = await readOnce(settings.manifests)
  const own = makePlan(view, planOptions(settings, environment))
  const whole = { ...own, findings: [...findings, ...own.findings] }
  const lines = request.diff ? difference(await ask<Plan>(settings['admin-socket'], '/v1/plan'), whole) : undefined
  const value = lines ? { differences: lines } : whole
  const text = lines ? lines.join('\n') || 'no difference' : planText(whole)
  process.stdout.write(request.json ? `${JSON.stringify(value, undefined, 2)}\n` : `${text}\n`)
}

async function readOnce(directory: string): Promise<{ view: View; findings: readonly Finding[] }> {
  const source = new ManifestSource(directory)
  let result: { view: View; findings: readonly Finding[] } | undefined
  try {
    await source.start((view, _change, findings) => {
      result = { view, findings }
    })
  } catch (error) {
    throw new ConfigError('--manifests', directory, error instanceof Error ? error.message : String(error))
  } finally {
    await source.stop()
  }
  if (!result) throw new ConfigError('--manifests', directory, 'could not be read')
  return result
}

/** What would change, one line each; a peer that BGP forces to reset is named. */
function difference(running: Plan, wanted: Plan): string[] {
  const routesOf = (one: Plan) =>
    new Map(one.routes.map((route) => [String(route.prefix), `${route.prefix} via ${route.nextHop ?? 'self'}`]))
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
