/** A router under test, as the scenarios see it. */

import { readFileSync } from 'node:fs'
import type { Program, Topology } from '../topology/runner.ts'

export interface BenchPeer {
  readonly address: string
  readonly asn: number
}

export interface Setup {
  readonly peers: readonly BenchPeer[]
  /** Host routes and the like that it originates from its configuration. */
  readonly routes?: readonly string[]
  /** It waits for its peers, unless it dials them. */
  readonly dials?: boolean
  /** What goes out: what it originates, or all that it knows. */
  readonly exports?: 'own' | 'all'
  /** What comes in: all, or these prefixes alone. */
  readonly accepts?: readonly string[]
}

/** Where it runs. */
export const routerNode = 'router'
/** Where its peers run. */
export const peersNode = 'peers'

export interface Subject {
  readonly name: string
  /** Debian packages that bring it. */
  readonly packages: readonly string[]
  /** Whether routes can be given in the configuration; else a peer has to feed them first. */
  readonly originates: boolean
  start(topology: Topology, setup: Setup): Program
  /** Tandem alone: starts it by these flags in place of a configuration file. */
  run?(topology: Topology, flags: readonly string[]): Program
  /** Routes in its table, of both families. */
  count(topology: Topology): Promise<number>
}

/** Of all processes of the router: highest and present resident memory, and what of it is theirs alone, in MB; processor time in seconds. */
export interface Usage {
  readonly peakMb: number
  readonly rssMb: number
  readonly pssMb: number
  readonly cpuSeconds: number
}

const apiFile = '/bench/api-node.ts'
const ticksPerSecond = 100

export async function usageOf(topology: Topology): Promise<Usage> {
  const pids = (await topology.run(routerNode, ['ip', 'netns', 'pids', topology.namespace(routerNode)]))
    .split('\n')
    .filter(Boolean)
  const usage = { peakMb: 0, rssMb: 0, pssMb: 0, cpuSeconds: 0 }
  for (const pid of pids) {
    const read = (name: string) => readOr(`/proc/${pid}/${name}`)
    // What asks is in the namespace too, for a moment, and so is the API server.
    if (read('cmdline').startsWith('ip\0netns') || read('cmdline').includes(apiFile)) continue
    const kilobytes = (text: string, field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)?.[1] ?? 0)
    const status = read('status')
    usage.peakMb += kilobytes(status, 'VmHWM') / 1024
    usage.rssMb += kilobytes(status, 'VmRSS') / 1024
    usage.pssMb += kilobytes(read('smaps_rollup'), 'Pss') / 1024
    const fields = read('stat').split(') ')[1]?.split(' ') ?? []
    usage.cpuSeconds += (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond
  }
  return usage
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
