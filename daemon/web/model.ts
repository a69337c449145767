/** What the page shows, as values: the fabric as it is now. Whoever has a daemon or a lab makes one of these. */

import type { Family } from 'bgp-ts'
import type { EventsAnswer } from '../events.ts'

export interface FabricSession {
  readonly node: string
  readonly router: string
  /** Address of the router's end. */
  readonly address: string
  readonly state: string
  /** Those that it carries. */
  readonly families: readonly Family[]
  readonly sinceMs: number
  /** Why it is not up. */
  readonly why?: string
  readonly advertised: Readonly<Record<Family, number>>
  readonly accepted: Readonly<Record<Family, number>>
}

export interface FabricRoute {
  readonly prefix: string
  readonly family: Family
  readonly kind: string
  /** The object and the field of it that it is advertised for. */
  readonly object: string
  readonly field: string
  /** Nodes that advertise it. */
  readonly nodes: readonly string[]
}

export interface FabricWithheld {
  readonly node: string
  readonly prefix: string
  readonly object: string
  readonly reason: string
  readonly mend: string
}

export interface FabricView {
  readonly title: string
  readonly nodes: readonly string[]
  readonly routers: readonly string[]
  readonly sessions: readonly FabricSession[]
  readonly routes: readonly FabricRoute[]
  /** Routes beyond those that are listed. */
  readonly more: number
  readonly withheld: readonly FabricWithheld[]
  readonly findings: readonly string[]
}

/** Which way traffic for a prefix comes in. */
export interface Way {
  readonly lines: readonly string[]
  /** Sessions over which the prefix is announced, as `node router`. */
  readonly sessions: readonly string[]
}

export interface WebModel {
  fabric(): FabricView
  /** Why: of a prefix, a service, a node or a peer. */
  explain(subject: string): Way
  events(after: number): EventsAnswer
}

/** Routes and what is withheld are listed up to this many: a page is for people. */
export const listed = 500
