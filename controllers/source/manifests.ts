/**
 * A folder of Kubernetes manifests as a source: YAML or JSON files, several documents each, watched for changes.
 * What is broken keeps its last good form, by file, document or object, and leaves a finding; everything else is applied.
 */

import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import { type Document, LineCounter, parseAllDocuments } from 'yaml'
import { type Finding, finding } from '../findings.ts'
import type { EndpointSliceView, NodeView, ServiceView } from '../view.ts'
import { identityOf, type Projected, project } from './project.ts'
import type { ViewListener } from './source.ts'

/** Changes that follow each other this closely are read once. */
const settleMs = 15
/** A file that is suddenly shorter is most likely being written, and may be whole YAML at any line: it gets this long before that counts. */
const shorterMs = 80

/** The objects of one document, by identity. */
type DocumentObjects = ReadonlyMap<string, Projected>

interface ManifestFile {
  /** Length of its text. */
  readonly length: number
  readonly documents: readonly DocumentObjects[]
  readonly findings: readonly Finding[]
}

export class ManifestSource {
  readonly #directory: string
  readonly #files = new Map<string, ManifestFile>()
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #watcher: FSWatcher | undefined
  #listener: ViewListener = () => {}
  /** A file that changes while the others are still being read may not be told as all that there is. */
  #isWhole = false
  #stopped = false

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Reads everything, tells it, then tells every change. Rejects when the folder cannot be read. */
  async start(listener: ViewListener): Promise<void> {
    const about = await stat(this.#directory).catch(() => undefined)
    if (!about?.isDirectory())
      throw new Error(`${this.#directory} is no folder: a folder of Kubernetes manifests is expected`)
    this.#listener = listener
    // The watcher first, so that nothing falls between reading and watching.
    this.#watcher = watch(this.#directory, { ignoreInitial: true, atomic: true })
    const ready = new Promise<void>((resolve) => this.#watcher?.once('ready', resolve))
    this.#watcher.on('all', (event, path) => {
      if (event === 'addDir' || event === 'unlinkDir' || !isManifest(path)) return
      this.#soon(path, settleMs)
    })
    await ready
    const names = await readdir(this.#directory, { recursive: true })
    for (const name of names.filter(isManifest).sort()) await this.#read(join(this.#directory, name))
    this.#isWhole = true
    this.#tell()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    await this.#watcher?.close()
  }

  #soon(path: string, delayMs: number): void {
    clearTimeout(this.#timers.get(path))
    const timer = setTimeout(() => {
      this.#timers.delete(path)
      this.#change(path, delayMs).catch(() => {})
    }, delayMs)
    this.#timers.set(path, timer)
  }

  async #change(path: string, waitedMs: number): Promise<void> {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (this.#stopped) return
    const { length } = this.#files.get(path) ?? { length: 0 }
    if (text !== undefined && text.length < length && waitedMs < shorterMs) return this.#soon(path, shorterMs)
    this.#take(path, text)
    this.#tell()
  }

  async #read(path: string): Promise<void> {
    this.#take(path, await readFile(path, 'utf8').catch(() => undefined))
  }

  #take(path: string, text: string | undefined): void {
    if (text === undefined) this.#files.delete(path)
    else this.#files.set(path, parseFile(relative(this.#directory, path), text, this.#files.get(path)))
  }

  #tell(): void {
    if (!this.#isWhole) return
    const nodes = new Map<string, NodeView>()
    const services = new Map<string, ServiceView>()
    const endpointSlices = new Map<string, EndpointSliceView>()
    const findings: Finding[] = []
    const from = new Map<string, string>()
    for (const [path, file] of [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      findings.push(...file.findings)
      for (const [identity, object] of file.documents.flatMap((document) => [...document])) {
        const earlier = from.get(identity)
        if (earlier !== undefined && earlier !== path) {
          const words = { earlier: basename(earlier), later: basename(path) }
          const place = relative(this.#directory, path)
          findings.push(finding('object-twice', place, 'metadata.name', identity, words))
        }
        from.set(identity, path)
        if (object.kind === 'Node') nodes.set(object.key, object.value)
        else if (object.kind === 'Service') services.set(object.key, object.value)
        else endpointSlices.set(object.key, object.value)
      }
    }
    this.#listener({ nodes, services, endpointSlices }, undefined, findings)
  }
}

function isManifest(path: string): boolean {
  return /\.(ya?ml|json)$/.test(path) && !basename(path).startsWith('.')
}

function parseFile(name: string, text: string, before: ManifestFile | undefined): ManifestFile {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  const documents = Array.isArray(parsed) ? (parsed as Document[]) : []
  const findings: Finding[] = []
  const lastGood = new Map(before?.documents.flatMap((document) => [...document]) ?? [])
  const objects = documents.map((document, index): DocumentObjects => {
    const place = `${name}:${lines.linePos(document.contents?.range?.[0] ?? 0).line}`
    const wrong = document.errors[0]
    if (wrong) {
      const { line, col } = lines.linePos(wrong.pos[0])
      const at = `${name}:${line}:${col}`
      const words = { problem: wrong.message }
      findings.push(finding('yaml-invalid', at, `document ${index + 1}`, lineOf(text, line), words))
      return before?.documents[index] ?? new Map()
    }
    const kept = new Map<string, Projected>()
    for (const object of itemsOf(document.toJS() as unknown)) {
      const result = project(object, place)
      const identity = identityOf(object)
      if (result === undefined) continue
      if ('kind' in result) {
        kept.set(`${result.kind} ${result.key}`, result)
        continue
      }
      findings.push(...result)
      const good = identity === undefined ? undefined : lastGood.get(identity)
      if (identity !== undefined && good) kept.set(identity, good)
    }
    return kept
  })
  return { length: text.length, documents: objects, findings }
}

/** The objects of a document: none, one, or the items of a List. */
function itemsOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return []
  const list = value as { kind?: unknown; items?: unknown }
  const isList = typeof list.kind === 'string' && list.kind.endsWith('List') && Array.isArray(list.items)
  return isList ? (list.items as unknown[]) : [value]
}

function lineOf(text: string, line: number): string {
  return text.split('\n')[line - 1]?.trim() ?? ''
}
