/**
 * One collector: the connection to it, which is opened from here, tried again ever more rarely, and let go where nothing is read from it.
 * Whatever becomes of it, sessions are not concerned.
 */

import {
  administrativelyClosed,
  encodeBmp,
  formatAddress,
  informationTypes,
  terminationReason,
  textInformation,
} from 'bgp-ts'
import type { CollectorDeclaration } from '../desired.ts'
import type { Jobs } from '../jobs.ts'
import type { Connection, Timer, World } from '../world.ts'
import { Feed, type FeedWorld } from './feed.ts'
import type { MonitoredPeer } from './monitored-peer.ts'

/** RFC 7854 section 3.2: seconds before the first retry, doubled up to the longest pause. */
const firstRetry = 30
const longestRetry = 720
/** The kernel alone would try for minutes. */
const connectMs = 30_000
/** A collector that takes nothing for so long is let go: what waits for it would grow old. It begins anew. */
const stallMs = 60_000
/** A connection that lasted for so long was a good one. */
const goodMs = 60_000
/** Changes of a moment share messages. */
const gatherMs = 50

export interface SystemNames {
  /** Of this router, `sysName`, and what it is, `sysDescr` (RFC 7854 section 4.4). */
  readonly name: string
  readonly description: string
}

export interface CollectorWorld extends Omit<FeedWorld, 'write'> {
  readonly world: Pick<World, 'clock' | 'log' | 'random' | 'transport'>
  readonly jobs: Jobs
  readonly system: SystemNames
  readonly peers: () => Iterable<MonitoredPeer>
  readonly statistics: (peer: MonitoredPeer) => Uint8Array
  /** A feed began or ended. */
  readonly changed: () => void
}

export interface CollectorSnapshot {
  readonly address: string
  readonly port: number
  readonly state: 'connecting' | 'up' | 'waiting'
  /** How long it has been so. */
  readonly sinceMs: number
  /** Why the last connection, or the last attempt, ended. */
  readonly lastError?: string
  readonly connects: number
  /** Since it was declared, over all connections. */
  readonly messages: number
  readonly octets: number
  /** Routes that it has yet to hear of. */
  readonly waiting: number
}

export class Collector {
  readonly declaration: CollectorDeclaration
  readonly #world: CollectorWorld
  #feed: Feed | undefined
  #connection: Connection | undefined
  #state: CollectorSnapshot['state'] = 'connecting'
  #since = 0
  #lastError: string | undefined
  #failures = 0
  #connects = 0
  #messages = 0
  #octets = 0
  /** Of the connection: the next attempt, the end of an attempt, or of a silence. */
  #timer: Timer | undefined
  #gathering: Timer | undefined
  #reporting: Timer | undefined
  #stopped = false

  constructor(world: CollectorWorld, declaration: CollectorDeclaration) {
    this.#world = world
    this.declaration = declaration
  }

  get feed(): Feed | undefined {
    return this.#feed
  }

  /** Whether its connection takes nothing for now. */
  get isSlow(): boolean {
    return this.#feed !== undefined && this.#timer !== undefined
  }

  start(): void {
    const { world } = this.#world
    this.#move('connecting')
    this.#timer = world.clock.after(connectMs, () => this.drop('connection timed out'))
    let current: Connection | undefined
    const mine = () => current === undefined || this.#connection === current
    const { address, port, zone } = this.declaration
    current = world.transport.dial(
      { remote: { address, port, ...(zone !== undefined && { zone }) }, background: true },
      {
        onOpen: () => mine() && this.#safely(() => this.#open()),
        // RFC 7854 section 3.2: a collector has nothing to say.
        onData: () => {},
        onDrain: () => mine() && this.#safely(() => this.#drained()),
        onClose: (why) => mine() && this.#safely(() => this.#lost(why)),
      },
    )
    this.#connection = current
  }

  /** Says that this is the end, and leaves nothing behind. */
  stop(): void {
    this.#stopped = true
    const connection = this.#connection
    if (this.#feed && connection) {
      this.#feed.tell()
      const reason = { type: terminationReason, value: Uint8Array.of(0, administrativelyClosed) }
      this.#write(encodeBmp({ kind: 'termination', information: [reason] }), 1)
      connection.close()
    } else connection?.abort()
    this.#letGo()
  }

  /** Ends the connection at once, and tries again later. */
  drop(why: string): void {
    this.#connection?.abort()
    this.#lost(why)
  }

  /** There is something to write. */
  wake(): void {
    if (this.#gathering || !this.#feed) return
    this.#gathering = this.#world.world.clock.after(gatherMs, () => {
      this.#gathering = undefined
      this.#world.jobs.add(this.#work)
    })
  }

  snapshot(): CollectorSnapshot {
    const { address, port } = this.declaration
    return {
      address: formatAddress(address),
      port,
      state: this.#state,
      sinceMs: Math.round(this.#world.world.clock.now() - this.#since),
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      connects: this.#connects,
      messages: this.#messages,
      octets: this.#octets,
      waiting: this.#feed?.waiting ?? 0,
    }
  }

  readonly #work = (overdue: () => boolean): boolean => {
    const feed = this.#feed
    let finished = true
    if (feed) this.#safely(() => (finished = feed.work(overdue)))
    return finished
  }

  #open(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#connects++
    this.#move('up')
    this.#world.world.log.info({ collector: this.#name }, 'BMP collector connected')
    const { adjRibIn, adjRibOut } = this.declaration
    const { name, description } = this.#world.system
    const { sysDescr, sysName } = informationTypes
    const information = [textInformation(sysDescr, description), textInformation(sysName, name)]
    this.#write(encodeBmp({ kind: 'initiation', information }), 1)
    const write = (bytes: Uint8Array, messages: number) => this.#write(bytes, messages)
    this.#feed = new Feed({ ...this.#world, write }, { in: adjRibIn, out: adjRibOut })
    for (const peer of this.#world.peers()) this.#feed.peerUp(peer)
    this.#world.changed()
    this.#reportLater()
    this.wake()
  }

  #write(bytes: Uint8Array, messages: number): boolean {
    if (!this.#connection) return false
    this.#messages += messages
    this.#octets += bytes.length
    const taken = this.#connection.write(bytes)
    if (!taken && !this.#stopped)
      this.#timer ??= this.#world.world.clock.after(stallMs, () => this.drop('it has read nothing for a minute'))
    return taken
  }

  #drained(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#feed?.drained()
    this.wake()
  }

  #reportLater(): void {
    const { statisticsInterval } = this.declaration
    if (statisticsInterval === 0) return
    this.#reporting = this.#world.world.clock.after(statisticsInterval * 1000, () => {
      this.#safely(() => this.#feed?.report(this.#world.statistics))
      if (this.#feed) this.#reportLater()
    })
  }

  #lost(why: string): void {
    const { clock, log, random } = this.#world.world
    const lasted = this.#state === 'up' && clock.now() - this.#since >= goodMs
    this.#failures = lasted ? 1 : this.#failures + 1
    this.#lastError = why
    this.#letGo()
    if (this.#stopped) return
    this.#move('waiting')
    const seconds = Math.min(longestRetry, firstRetry * 2 ** (this.#failures - 1))
    log.warn({ collector: this.#name, why, seconds }, 'BMP collector is away: it is tried again')
    this.#timer = clock.after(seconds * 1000 * (0.75 + 0.25 * random()), () => this.#safely(() => this.start()))
  }

  #letGo(): void {
    this.#timer?.cancel()
    this.#gathering?.cancel()
    this.#reporting?.cancel()
    this.#timer = this.#gathering = this.#reporting = undefined
    this.#connection = undefined
    if (!this.#feed) return
    this.#feed = undefined
    this.#world.changed()
  }

  #move(state: CollectorSnapshot['state']): void {
    this.#state = state
    this.#since = this.#world.world.clock.now()
  }

  get #name(): string {
    const { address, port } = this.declaration
    return address.version === 6 ? `[${formatAddress(address)}]:${port}` : `${formatAddress(address)}:${port}`
  }

  /** A mistake of ours costs the collector its connection, and no session anything. */
  #safely(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#world.world.log.error({ collector: this.#name, err: error }, 'BMP failed: the connection is made anew')
      this.drop('internal error')
    }
  }
}
