/**
 * How long a speaker that has just started waits for what its peers know, before it says that it has sent all (RFC 4724 section 4.1).
 * A peer that restarts with us, or that is dead, holds nobody back for long.
 */

import type { RoutedPeer } from './routed-peer.ts'
import type { Clock, Timer } from './world.ts'

/** Peers that are not up by then are not waited for. */
const arrivalMs = 30_000

export interface DeferralOptions {
  /** However little has come by then, it is over. */
  readonly longestMs: number
}

export class Deferral {
  readonly #peers: () => readonly RoutedPeer[]
  readonly #over: () => void
  #active = true
  #arrivalsOver = false
  readonly #timers: readonly Timer[]

  /** `over` is called once, unless it is stopped before. */
  constructor(clock: Clock, options: DeferralOptions, peers: () => readonly RoutedPeer[], over: () => void) {
    this.#peers = peers
    this.#over = over
    const arrivals = clock.after(Math.min(arrivalMs, options.longestMs), () => {
      this.#arrivalsOver = true
      this.look()
    })
    this.#timers = [arrivals, clock.after(options.longestMs, () => this.#end())]
  }

  get isActive(): boolean {
    return this.#active
  }

  /** To be called when a peer came up, went down, or sent an End-of-RIB. */
  look(): void {
    if (!this.#active) return
    const waited = this.#peers().filter((peer) => !isComplete(peer) && (peer.negotiated || !this.#arrivalsOver))
    if (waited.length === 0) this.#end()
  }

  stop(): void {
    this.#active = false
    for (const timer of this.#timers) timer.cancel()
  }

  #end(): void {
    if (!this.#active) return
    this.stop()
    this.#over()
  }
}

/** It has sent all, or does not say when it has; one that has just restarted too waits for us in turn. */
function isComplete({ link, negotiated, counters }: RoutedPeer): boolean {
  if (link.declaration.blocked !== undefined) return true
  if (!negotiated) return false
  if (!negotiated.gracefulRestart || negotiated.gracefulRestart.restarting) return true
  return negotiated.families.every((family) => counters[family].endOfRibReceived)
}
