/**
 * The lab: a small dual-stack cluster from manifests, one real speaker a node, two top-of-rack speakers, real BGP over loopback.
 * What a newcomer sees first: sessions, each router's table, what is withheld and why, and which file to edit.
 */

import { cp, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Address } from 'bgp-ts'
import { ConfigError } from '../config/flag.ts'
import { type EventKind, EventLog } from '../events.ts'
import type { Listening } from '../probe-server.ts'
import { serveWeb } from '../web/server.ts'
import { LabCluster } from './cluster.ts'
import { labModel } from './model.ts'
import { chooseNetwork } from './network.ts'
import { type LabFrame, type LabView, labJson, labText } from './screen.ts'

export interface LabRequest {
  /** Folder to follow; empty for a copy of the built-in one. */
  readonly manifests: string
  readonly once: boolean
  /** Port of the page on loopback; 0 for one that is free, -1 for none. */
  readonly webPort: number
}

const builtIn = join(import.meta.dirname, 'manifests')
const convergeMs = 30_000

export async function lab({ manifests, once, webPort }: LabRequest): Promise<void> {
  const folder = manifests === '' ? await ownCopy() : manifests
  const network = await chooseNetwork()
  const cluster = new LabCluster(folder, network)
  await cluster.start().catch((error: unknown) => {
    throw new ConfigError('--manifests', folder, error instanceof Error ? error.message : String(error))
  })
  if (once) {
    const converged = await cluster.converged(convergeMs)
    process.stdout.write(`${JSON.stringify(labJson(cluster.view()), undefined, 2)}\n`)
    await cluster.stop()
    if (!converged) process.exitCode = 1
    return
  }
  const events = new EventLog(eventsKept, () => new Date())
  const page = webPort < 0 ? undefined : await servePage(cluster, events, webPort)
  show(cluster, { folder, note: network.note, page: page ? `http://127.0.0.1:${page.port}/` : '' }, events)
}

const eventsKept = 1000

/** The usual port, or another one where that is taken. */
function servePage(cluster: LabCluster, events: EventLog, port: number): Promise<Listening> {
  const model = labModel(cluster, events)
  const loopback = new Address(4, 0x7f000001)
  return serveWeb(model, loopback, port).catch(() => serveWeb(model, loopback, 0))
}

/** The built-in manifests where the user may change them. */
async function ownCopy(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-lab-'))
  await cp(builtIn, folder, { recursive: true })
  return folder
}

function show(cluster: LabCluster, frame: Omit<LabFrame, 'changes'>, events: EventLog): void {
  const { folder, note, page } = frame
  const started = Date.now()
  const changes: string[] = []
  let last = ''
  let before: LabView | undefined
  const draw = () => {
    const view = cluster.view()
    const news = before ? newsOf(before, view) : []
    before = view
    const stamp = `${((Date.now() - started) / 1000).toFixed(1)}s`
    changes.push(...news.map(({ text }) => `${stamp}  ${text}`))
    for (const { kind, router, what } of news) events.add(kind, router, what)
    changes.splice(0, Math.max(0, changes.length - 8))
    if (process.stdout.isTTY) {
      const text = labText(view, { ...frame, changes })
      if (text !== last) process.stdout.write(`\u001b[2J\u001b[H${text}\n`)
      last = text
    } else {
      for (const { text } of news) process.stdout.write(`${stamp}  ${text}\n`)
    }
  }
  // A few looks a second: cheap beside four speakers, and no event can be forgotten.
  const timer = setInterval(draw, 100)
  if (!process.stdout.isTTY) {
    process.stdout.write(`lab: manifests in ${folder}${note ? `; ${note}` : ''}${page ? `; page at ${page}` : ''}\n`)
    void cluster.converged(convergeMs).then(() => {
      draw()
      process.stdout.write(`${labText(cluster.view(), { ...frame, changes: [] })}\n`)
    })
  }
  const stop = () => {
    clearInterval(timer)
    void cluster.stop().then(() => process.exit(0))
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

interface News {
  readonly kind: EventKind
  readonly router: string
  readonly what: string
  /** The line for people. */
  readonly text: string
}

/** What is new between two looks. */
function newsOf(before: LabView, after: LabView): News[] {
  return after.routers.flatMap(({ name: router, sessions, routes }, index) => {
    const old = before.routers[index]
    const was = new Set(old?.routes.map(({ text }) => text))
    const is = new Set(routes.map(({ text }) => text))
    const changed = sessions.flatMap(({ peer, state }): News[] => {
      const earlier = old?.sessions.find((one) => one.peer === peer)?.state
      const isUp = state === 'Established'
      if (earlier === state || !(isUp || earlier === 'Established')) return []
      const what = `session with ${peer} is ${isUp ? 'up' : 'down'}`
      return [{ kind: isUp ? 'session-up' : 'session-down', router, what, text: `${router}: ${what}` }]
    })
    const moved = (sign: '+' | '-', text: string): News => {
      return { kind: 'routes', router, what: `${sign} ${text}`, text: `${router} ${sign} ${text}` }
    }
    return [
      ...changed,
      ...[...is].filter((text) => !was.has(text)).map((text) => moved('+', text)),
      ...[...was].filter((text) => !is.has(text)).map((text) => moved('-', text)),
    ]
  })
}
