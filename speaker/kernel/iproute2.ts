/**
 * The Linux kernel by way of iproute2: one `ip -force -batch -` a batch, whose end is the answer and whose complaints name their line;
 * one `ip monitor` a family for as long as the speaker lives. The only place of the speaker that starts processes.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Family } from 'bgp-ts'
import { formatChange, parseEvent, parseFaults, parseRoute } from './ip-text.ts'
import { type Kernel, type KernelChange, type KernelEvent, type KernelPlace, mainTable } from './kernel.ts'

/** A batch of the largest size takes some 50 ms; one that takes this long hangs. */
const patienceMs = 30_000
const shortestRestartMs = 1000
const longestRestartMs = 60_000

interface Result {
  readonly code: number | null
  readonly errors: string
}

/** `command` is how to start `ip`: its path, with whatever has to stand before it. */
export function iproute2(place: KernelPlace, command: readonly string[] = ['ip']): Kernel {
  const ip = (family: Family, ...words: string[]) => start(command, [family === 'ipv4-unicast' ? '-4' : '-6', ...words])

  const dumpTable = async (family: Family, table: number, onLine: (line: string) => void) => {
    const child = ip(family, '-o', '-N', 'route', 'show', 'table', String(table))
    child.stdin.end()
    readLines(child.stdout, onLine)
    const { code, errors } = await ended(child)
    // A table comes to be with its first route.
    if (code !== 0 && !errors.includes('FIB table does not exist')) throw new Error(failure(command, code, errors))
  }

  return {
    place,
    dump: async (family, onRoute) => {
      for (const table of new Set([place.table, mainTable])) {
        await dumpTable(family, table, (line) => {
          const route = parseRoute(line, family, table)
          if (route) onRoute(route)
        })
      }
    },
    apply: async (family, changes: readonly KernelChange[]) => {
      const child = ip(family, '-force', '-batch', '-')
      child.stdout.resume()
      child.stdin.end(changes.map((change) => `${formatChange(change, place)}\n`).join(''))
      const { code, errors } = await ended(child)
      const faults = parseFaults(errors)
      // Status 1 says that some lines failed; without a line, it is something else that did.
      if (code === 0 || (code === 1 && faults.length > 0)) return faults
      throw new Error(failure(command, code, errors))
    },
    watch: (family, listener) =>
      keepWatching((onEnd) => {
        const child = ip(family, '-o', '-N', 'monitor', 'link', 'address', 'route')
        readLines(child.stdout, (line) => {
          const event = parseEvent(line, family)
          if (event) listener(event)
        })
        // It says so when the kernel had more to say than it could take, and goes on.
        readLines(child.stderr, (line) => listener({ kind: 'lost', why: line }))
        child.once('close', onEnd)
        child.once('error', onEnd)
        return () => child.kill()
      }, listener),
  }
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

function start(command: readonly string[], words: readonly string[]): Child {
  const [program = 'ip', ...before] = command
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
  const child = spawn(program, [...before, ...words], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PATH: path, LC_ALL: 'C' },
  })
  // A program that ends early says why by its status; a closed pipe adds nothing.
  child.stdin.on('error', () => {})
  return child
}

function ended(child: Child): Promise<Result> {
  return new Promise((resolve, reject) => {
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(new Error(`iproute2 cannot be started: ${error.message}`))
    })
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, errors })
    })
  })
}

function failure(command: readonly string[], code: number | null, errors: string): string {
  const how = code === null ? 'was killed' : `ended with status ${code}`
  const said = errors.trim().split('\n').at(-1) ?? ''
  return `${command.join(' ')} ${how}${said === '' ? '' : `: ${said}`}`
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') onLine(line)
  })
}

/** Starts a watch again when it ends, ever later, and says that something may have been missed. */
function keepWatching(begin: (onEnd: () => void) => () => void, listener: (event: KernelEvent) => void): () => void {
  let stopped = false
  let delayMs = shortestRestartMs
  let timer: ReturnType<typeof setTimeout> | undefined
  let end = () => {}
  const again = () => {
    let over = false
    const started = performance.now()
    end = begin(() => {
      if (over || stopped) return
      over = true
      if (performance.now() - started > longestRestartMs) delayMs = shortestRestartMs
      timer = setTimeout(() => {
        again()
        listener({ kind: 'lost', why: 'the watch ended and was begun anew' })
      }, delayMs)
      delayMs = Math.min(longestRestartMs, delayMs * 2)
    })
  }
  again()
  return () => {
    stopped = true
    clearTimeout(timer)
    end()
  }
}
