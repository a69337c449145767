/**
 * `npm run bench:cluster`: a cluster of 10,000 Services, 20,000 EndpointSlices and 1,000 Nodes on a real API server. How long from the start
 * of the daemon to the last route at the router, how much memory, how long from an endpoint's change to the wire, and that changes that
 * concern nobody cause no UPDATE.
 */

import { readFileSync } from 'node:fs'
import type { KubeObject } from '../support/kube-objects.ts'
import { nodeObject, service, sliceObject } from '../support/kube-objects.ts'
import { eventually } from '../topology/runner.ts'
import { findServers } from './servers.ts'
import { basicFlags, Stage } from './stage.ts'

const services = Number(process.argv[2] ?? 10_000)
const nodes = Math.ceil(services / 10)
const changes = 400
const tell = (line: string) => void process.stdout.write(`${line}\n`)

const vip = (index: number) => ({ v4: `198.18.${index >> 8}.${index & 255}`, v6: `2001:db8:18::${index.toString(16)}` })
const name = (index: number) => `s${String(index).padStart(5, '0')}`

/** Every tenth service is Local with an endpoint on this node; the others are Local elsewhere or Cluster. */
function objectsOf(index: number): KubeObject[] {
  const { v4, v6 } = vip(index)
  const on = index % 10 === 0 ? 'node-1' : `other-${index % nodes}`
  const spec = {
    externalIPs: [v4, v6],
    externalTrafficPolicy: index % 2 === 0 ? 'Local' : 'Cluster',
  }
  const endpoints = [{ on }, { on: `other-${(index + 1) % nodes}` }]
  return [
    service(name(index), spec),
    sliceObject(name(index), 'IPv4', endpoints),
    sliceObject(name(index), 'IPv6', endpoints),
  ]
}

async function inParallel(jobs: readonly (() => Promise<unknown>)[], width: number): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < jobs.length) await jobs[next++]!()
    }),
  )
}

async function create(stage: Stage, object: KubeObject): Promise<void> {
  const group = object.apiVersion === 'v1' ? '/api/v1' : `/apis/${object.apiVersion}`
  const plural = { Node: 'nodes', Service: 'services', EndpointSlice: 'endpointslices' }[object.kind] ?? ''
  const scope = object.kind === 'Node' ? '' : '/namespaces/default'
  await stage.control.must('POST', `${group}${scope}/${plural}`, object)
}

const line = (log: string, words: string) => log.split('\n').find((one) => one.includes(words)) ?? '{}'

function statusOf(pid: number, field: string): number {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}

const found = await findServers(tell)
if ('missing' in found) {
  tell(`this machine lacks ${found.missing}`)
  process.exit(1)
}
const stage = await Stage.set(found)
try {
  tell(`making ${services} Services, ${2 * services} EndpointSlices, ${nodes} Nodes`)
  await stage.control.apply(nodeObject('node-1', { metadata: { annotations: { 'kube-router.io/node.asn': '64512' } } }))
  const objects = [
    ...Array.from({ length: nodes - 1 }, (_, index) => nodeObject(`other-${index}`, { addresses: [] })),
    ...Array.from({ length: services }, (_, index) => objectsOf(index)).flat(),
  ]
  await inParallel(
    objects.map((object) => () => create(stage, object)),
    24,
  )
  const expected =
    2 +
    Array.from({ length: services }, (_, index) => (index % 10 === 0 || index % 2 === 1 ? 2 : 0)).reduce<number>(
      (a, b) => a + b,
      0,
    )

  const flags = basicFlags
    .filter(
      (flag) => !flag.includes('enable-ibgp') && !flag.includes('external-ip-range') && !flag.includes('holdtime'),
    )
    .concat(
      '--service-external-ip-range=198.18.0.0/15,2001:db8:18::/48',
      '--nodes-full-mesh=false',
      '--bgp-holdtime=90s',
    )
  const started = Date.now()
  const daemon = stage.startDaemon(flags)
  await eventually('all routes are at the router', 60_000, async () => {
    const added = new Set(
      stage.router
        .heard(started)
        .filter(({ what }) => what === 'added')
        .map(({ prefix }) => prefix),
    )
    return added.size >= expected
  })
  const heard = stage.router.heard(started)
  const last = Math.max(...heard.filter(({ what }) => what === 'added').map(({ at }) => at))
  tell(`start of the process to the last of ${expected} routes at BIRD: ${last - started} ms`)
  const { tookMs } = JSON.parse(line(daemon.log(), 'the first whole view is in')) as { tookMs: number }
  tell(`of that, the first whole view from the API server: ${tookMs} ms`)
  tell(
    `memory: peak ${(statusOf(daemon.pid, 'VmHWM') / 1024).toFixed(0)} MB, now ${(statusOf(daemon.pid, 'VmRSS') / 1024).toFixed(0)} MB`,
  )

  await stage.sessionsUp()
  // Unrelated changes: endpoints of services whose policy is Cluster.
  let unrelated = 0
  let stop = false
  const makeNoise = async () => {
    while (!stop) {
      const index = 1 + 2 * Math.floor((Math.random() * services) / 2)
      const ready = Math.random() < 0.5
      await stage.control.apply(
        sliceObject(name(index), 'IPv4', [
          { on: `other-${index % nodes}`, ready },
          { on: 'node-1', ready: true },
        ]),
      )
      unrelated++
      await new Promise((done) => setTimeout(done, 12))
    }
  }
  const noise = Promise.all([makeNoise(), makeNoise(), makeNoise()])
  const times: number[] = []
  const noiseFrom = Date.now()
  for (let change = 0; change < changes; change++) {
    const index = 10 * Math.floor((Math.random() * services) / 10)
    const ready = change % 2 === 1
    const [, slice4] = objectsOf(index)
    const endpoints = [{ on: 'node-1', ready: false }, { on: 'other-1' }]
    const before = Date.now()
    await stage.control.apply(ready ? slice4! : sliceObject(name(index), 'IPv4', endpoints))
    const answered = Date.now()
    if (ready) continue
    const { v4 } = vip(index)
    const at = await eventually(
      `${v4} is withdrawn`,
      5000,
      async () =>
        stage.router.heard(before).find(({ what, prefix }) => what === 'removed' && prefix === `${v4}/32`)?.at,
    )
    times.push(at - answered)
    if (at - answered > 20)
      tell(`  change ${change} took ${at - answered} ms, ${answered - before} ms of write before it`)
    await stage.control.apply(slice4!)
  }
  stop = true
  await noise
  const seconds = (Date.now() - noiseFrom) / 1000
  const touched = stage.router.heard(noiseFrom)
  times.sort((a, b) => a - b)
  tell(
    `endpoint unready to withdrawn at BIRD, after the API server answered the write: median ${times[times.length >> 1]} ms, p99 ${times[Math.floor(times.length * 0.99)]} ms, worst ${times.slice(-4).join(', ')} ms (of ${times.length})`,
  )
  tell(
    `${unrelated} unrelated changes (${(unrelated / seconds).toFixed(0)} a second) meanwhile; routes heard that were not asked for: ${touched.length - touched.filter(({ prefix }) => prefix.startsWith('198.18.')).length}`,
  )
  tell(
    `memory now ${(statusOf(daemon.pid, 'VmRSS') / 1024).toFixed(0)} MB, peak ${(statusOf(daemon.pid, 'VmHWM') / 1024).toFixed(0)} MB`,
  )
} finally {
  await stage.clear()
}
