/**
 * The lab: a small dual-stack cluster from manifests, one real speaker a node, two top-of-rack speakers, real BGP over loopback.
 * What a newcomer sees first: sessions, each router's table, what is withheld and why, and which file to edit.
 */

import { cp, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../config/flag.ts'
import { LabCluster } from './cluster.ts'
import { chooseNetwork } from './network.ts'
import { type LabView, labJson, labText } from './screen.ts'

export interface LabRequest {
  /** Folder to follow; empty for a copy of the built-in one. */
  readonly manifests: string
  readonly once: boolean
}

const builtIn = join(import.meta.dirname, 'manifests')
const convergeMs = 30_000

export async function lab({ manifests, once }: LabRequest): Promise<void> {
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
  show(cluster, folder, network.note)
}

/** The built-in manifests where the user may change them. */
async function ownCopy(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-lab-'))
  await cp(builtIn, folder, { recursive: true })
  return folder
}

function show(cluster: LabCluster, folder: string, note: string): void {
  const started = Date.now()
  const changes: string[] = []
  let last = ''
  let before: LabView | undefined
  const draw = () => {
    const view = cluster.view()
    const news = before ? newsOf(before, view) : []
    before = view
    const stamp = `${((Date.now() - started) / 1000).toFixed(1)}s`
    changes.push(...news.map((line) => `${stamp}  ${line}`))
    changes.splice(0, Math.max(0, changes.length - 8))
    if (process.stdout.isTTY) {
      const text = labText(view, { folder, note, changes })
      if (text !== last) process.stdout.write(`\u001b[2J\u001b[H${text}\n`)
      last = text
    } else {
      for (const line of news) process.stdout.write(`${stamp}  ${line}\n`)
    }
  }
  // A few looks a second: cheap beside four speakers, and no event can be forgotten.
  const timer = setInterval(draw, 100)
  if (!process.stdout.isTTY) {
    process.stdout.write(`lab: manifests in ${folder}${note ? `; ${note}` : ''}\n`)
    void cluster.converged(convergeMs).then(() => {
      draw()
      process.stdout.write(`${labText(cluster.view(), { folder, note, changes: [] })}\n`)
    })
  }
  const stop = () => {
    clearInterval(timer)
    void cluster.stop().then(() => process.exit(0))
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

/** What is new between two looks, one line each. */
function newsOf(before: LabView, after: LabView): string[] {
  return after.routers.flatMap((router, index) => {
    const old = before.routers[index]
    const was = new Set(old?.routes.map(({ text }) => text))
    const is = new Set(router.routes.map(({ text }) => text))
    const sessions = router.sessions.flatMap(({ peer, state }) => {
      const earlier = old?.sessions.find((one) => one.peer === peer)?.state
      const matters = state === 'Established' || earlier === 'Established'
      return earlier !== state && matters
        ? [`${router.name}: session with ${peer} is ${state === 'Established' ? 'up' : 'down'}`]
        : []
    })
    return [
      ...sessions,
      ...[...is].filter((text) => !was.has(text)).map((text) => `${router.name} + ${text}`),
      ...[...was].filter((text) => !is.has(text)).map((text) => `${router.name} - ${text}`),
    ]
  })
}
