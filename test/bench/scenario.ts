/** What a scenario is: it plays one router once, and says what it saw. */

import { join } from 'node:path'
import type { Program, Topology } from '../topology/runner.ts'
import { peersNode, type Subject } from './subject.ts'

/** One run of one router. */
export interface Result {
  /** What the scenario is about: seconds, or milliseconds where it says so. */
  readonly value: number
  /** The value that one in a hundred exceeds, where there are many. */
  readonly p99?: number
  /** Memory in MB: the highest, or what the scenario says. */
  readonly memoryMb: number
  /** UPDATEs that one peer was sent. */
  readonly updates?: number
  /** Of an idle process. */
  readonly cpuPercent?: number
}

export interface Play {
  readonly topology: Topology
  readonly subject: Subject
  /** Part of the full size. */
  readonly scale: number
  /** Called when the clock starts to run. */
  readonly started: () => Promise<void>
}

export interface Scenario {
  readonly name: string
  readonly what: string
  readonly unit: 's' | 'ms'
  /** Names of the routers that take part. */
  readonly routers: readonly string[]
  /** Routers that are played once, because they take minutes. */
  readonly once?: readonly string[]
  /** Part of `scale` that this one is played at. */
  readonly scale?: number
  readonly memory?: string
  readonly targets: readonly Target[]
  play(play: Play): Promise<Result>
}

/** What Tandem has to reach: `of` another router's figure, or a figure by itself. */
export interface Target {
  readonly figure: 'value' | 'p99' | 'memoryMb' | 'updates' | 'cpuPercent'
  readonly most: number
  readonly of?: string
}

export interface PeerEvent {
  readonly event: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly local?: string
  readonly routes?: number
  readonly updates?: number
}

export interface BenchPeers {
  readonly program: Program
  all(event: string): PeerEvent[]
  first(event: string): PeerEvent | undefined
}

/** Starts the peers' program; its events are lines of its log. */
export function startPeers(topology: Topology, ...words: readonly string[]): BenchPeers {
  const program = topology.start(peersNode, [process.execPath, join(import.meta.dirname, 'peer.ts'), ...words])
  const events = () =>
    program
      .log()
      .split('\n')
      .flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as PeerEvent] : []))
  return {
    program,
    all: (event) => events().filter((one) => one.event === event),
    first: (event) => events().find((one) => one.event === event),
  }
}

/** The same clock as that of `PeerEvent.at`. */
export const nowMs = () => performance.timeOrigin + performance.now()

export const routerAddress = '10.0.0.2'
export const feeder = { address: '10.0.0.1', asn: 65001 }
/** Eight peers that take what they are sent. */
export const sinks = Array.from({ length: 8 }, (_, index) => ({ address: `10.0.0.${11 + index}`, asn: 65001 }))
export const addressesOf = (peers: readonly { readonly address: string }[]) =>
  peers.map(({ address }) => address).join()

/** The host routes of both families that are originated. */
export function hostRoutes(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const high = index >> 16
    const low = index & 0xffff
    return [`100.${64 + high}.${low >> 8}.${low & 255}/32`, `2001:db8:1::${high.toString(16)}:${low.toString(16)}/128`]
  }).flat()
}

export const limitMs = 400_000
