/**
 * What a daemon that follows Kubernetes does beside routing, as far as it is asked to: events, the annotation of its Node, the CNI file,
 * addresses for LoadBalancer services. Each stands alone: none of them can hold up a route. Wiring only.
 */

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Prefix } from 'bgp-ts'
import {
  Allocator,
  type ApiClient,
  CniWriter,
  EventWriter,
  Lease,
  NodeStatus,
  type PlanOptions,
  type Reconciler,
  Reporter,
} from '../controllers/index.ts'
import { type Log, nodeClock, type Speaker, type Timer } from '../speaker/index.ts'
import type { Loaded } from './config/settings.ts'
import { kernelFindings } from './kernel-routes.ts'

export interface Extra {
  start?(): void
  stop(): void | Promise<void>
}

export interface Extended {
  readonly loaded: Loaded
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly options: PlanOptions
  readonly log: Log
  readonly speaker: Speaker
  readonly reconciler: Reconciler
  /** Absent where there is no API server to talk to. */
  readonly api?: ApiClient
}

export function extrasOf(extended: Extended): Extra[] {
  const { loaded, log, api } = extended
  const { settings } = loaded
  const extras: Extra[] = []
  if (settings['enable-cni']) extras.push(cniFile(extended))
  if (settings['install-routes']) extras.push(kernelFindingsOf(extended))
  if (!api) return extras
  if (settings.events) extras.push(events(extended, api))
  if (settings['node-status'] === 'annotation') {
    const { speaker, options } = extended
    extras.push(new NodeStatus({ clock: nodeClock, log, api, snapshot: () => speaker.snapshot() }, options.nodeName))
  }
  if (settings['run-loadbalancer']) extras.push(loadBalancer(extended, api))
  return extras
}

function events({ options, log, speaker, reconciler }: Extended, api: ApiClient): Extra {
  const world = { clock: nodeClock, random: Math.random, log, api, date: () => new Date() }
  const writer = new EventWriter(world, options.nodeName)
  const reporter = new Reporter(writer, options.nodeName, () => reconciler.view)
  reconciler.onPlanned((planned) => reporter.planned(planned))
  speaker.onEvent((event) => reporter.session(event))
  return writer
}

/** Somebody else may put the file there, or over ours: it is looked at again this often. */
const cniLookMs = 10_000

function cniFile({ loaded, log, reconciler }: Extended): Extra {
  const path = loaded.settings['cni-conf-file']
  const writer = new CniWriter(path, log)
  let cidrs: readonly Prefix[] | undefined
  let timer: Timer | undefined
  const look = async (turn: ReturnType<CniWriter['retry']>) => {
    const finding = await turn
    reconciler.noteFindings('cni', finding ? [finding] : [])
  }
  const later = () => {
    timer = nodeClock.after(cniLookMs, () => {
      void look(writer.retry())
      later()
    })
  }
  reconciler.onPlanned(({ node }) => {
    if (!node?.local || node.podCidrs.map(String).join() === cidrs?.map(String).join()) return
    cidrs = node.podCidrs
    void look(writer.update(cidrs))
  })
  return { start: later, stop: () => timer?.cancel() }
}

const kernelLookMs = 10_000

function kernelFindingsOf({ speaker, options, reconciler }: Extended): Extra {
  let before = '[]'
  let timer: Timer | undefined
  const look = () => {
    const findings = kernelFindings(speaker.kernel, `node/${options.nodeName}`)
    const now = JSON.stringify(findings)
    if (now !== before) reconciler.noteFindings('kernel-routes', findings)
    before = now
    timer = nodeClock.after(kernelLookMs, look)
  }
  return { start: look, stop: () => timer?.cancel() }
}

const namespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'

function loadBalancer({ loaded, environment, log, reconciler }: Extended, api: ApiClient): Extra {
  const { settings } = loaded
  const world = { clock: nodeClock, random: Math.random, log, api }
  const options = { pools: settings['loadbalancer-ip-range'], defaultClass: settings['loadbalancer-default-class'] }
  const allocator = new Allocator({ ...world, isLeader: () => lease.isLeader }, options, (findings) =>
    reconciler.noteFindings('load-balancer', findings),
  )
  const lease: Lease = new Lease(
    { ...world, wallClock: () => Date.now() },
    { namespace: ownNamespace(environment), identity: environment['POD_NAME'] || hostname() },
    (leads) => allocator.lead(leads),
  )
  reconciler.onPlanned(({ view, change }) => {
    if (change.services.size > 0) allocator.take(view.services)
  })
  return {
    start: () => lease.start(),
    stop: async () => {
      allocator.stop()
      await lease.stop()
    },
  }
}

export function ownNamespace(environment: Extended['environment']): string {
  const said = environment['POD_NAMESPACE']
  if (said) return said
  try {
    return readFileSync(namespaceFile, 'utf8').trim()
  } catch {
    return 'kube-system'
  }
}
