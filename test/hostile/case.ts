/**
 * What a case is: a name, what the peer does, and the reactions that the RFCs allow. A reaction is a text, as the peer itself and the
 * well-behaved peers beside it see it: `up`, `stands`, `withdrawn`, `closed`, `reset`, `silent`, or a NOTIFICATION as `3/1 data`.
 */

import type { Family } from 'bgp-ts'
import type { Scene } from './scene.ts'

export type Transport = 'IPv4' | 'IPv6'

/** How the peer of a case is declared at the daemon, beyond the usual: external, waited for, no password. */
export interface Neighbour {
  /** Of the same AS as the daemon. */
  readonly internal?: true
  /** The daemon connects. */
  readonly dialled?: true
  readonly password?: string
  readonly ttlSecurity?: true
  /** Seconds that it may read nothing. */
  readonly sendHold?: number
  readonly holdTime?: number
}

export interface Case {
  readonly name: string
  /** What is to come of it. Data of a NOTIFICATION is compared for Tandem alone. */
  readonly right: readonly string[]
  /** What the RFCs let another daemon do instead; `stands` is any way in which the route stands. */
  readonly also?: readonly string[]
  /** What is done. A text that comes of it is the reaction that was seen; else it is what becomes of the session and its routes. */
  readonly play: (scene: Scene) => Promise<unknown>
  readonly neighbour?: Neighbour
  /** Over which transport, with which family: all four where left out. */
  readonly runs?: readonly (readonly [Transport, Family])[]
  /** Takes its time: played beside others of its kind. */
  readonly patient?: true
}

export interface Group {
  readonly name: string
  readonly cases: readonly Case[]
}

const four: readonly (readonly [Transport, Family])[] = [
  ['IPv4', 'ipv4-unicast'],
  ['IPv6', 'ipv6-unicast'],
  ['IPv4', 'ipv6-unicast'],
  ['IPv6', 'ipv4-unicast'],
]

/** For cases without routes. */
export const bothTransports = four.slice(0, 2)

/** For tables with many rows: both transports and both families, two of the four by turns. */
export const byTurns = (index: number) => (index % 2 === 0 ? four.slice(0, 2) : four.slice(2))

export interface Run {
  readonly group: string
  readonly what: Case
  readonly over: Transport
  readonly family: Family
  /** Of the peer and its routes, from 0. */
  readonly index: number
}

/** Every case over each transport and with each family that it asks for, in whose title the words are. */
export function runsOf(groups: readonly Group[], words: string): Run[] {
  const runs: Run[] = []
  for (const { name: group, cases } of groups) {
    for (const what of cases) {
      for (const [over, family] of what.runs ?? four) {
        const run = { group, what, over, family, index: runs.length }
        if (titleOf(run).includes(words)) runs.push(run)
      }
    }
  }
  return runs
}

export const titleOf = ({ group, what, over, family }: Omit<Run, 'index'>) =>
  `${group}: ${what.name} (${family} over ${over})`

/** The address of a peer, by number. */
export function addressOf(over: Transport, index: number): string {
  return over === 'IPv4'
    ? `10.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`
    : `fd00::1:${(index + 1).toString(16)}`
}

/** Whether a reaction is a right one: of Tandem by the letter, of another daemon by what the RFCs leave open. */
export function isRight(seen: string, { right, also = [] }: Case, exact: boolean): boolean {
  if (exact) return right.includes(seen)
  return [...right, ...also].some((one) => bare(one) === bare(seen) || (one === 'stands' && seen.startsWith('stands')))
}

/** A NOTIFICATION by its numbers alone. */
const bare = (text: string) => /^\d+\/\d+/.exec(text)?.[0] ?? text
