/**
 * What BFD says of the path to a peer, and what that means for its session (RFC 5882): a path that fails ends it at once; one that never
 * came up, or was switched off on purpose at either end, does not touch it. With `strict` no session comes up before the path has.
 */

import { formatAddress } from 'bgp-ts'
import { describeDiagnostic, diagnostic } from '../bfd/packet.ts'
import type { BfdDeclaration, PeerDeclaration } from '../desired.ts'
import type { BfdState, BfdStatus, BfdTimers, BfdWatch, World } from '../world.ts'

export interface LivenessOwner {
  /** The path was up and has failed. */
  failed(why: string): void
  /** The path is up, or need not be waited for any more. */
  ready(): void
}

/** Times in milliseconds; states and diagnostics are those of RFC 5880. */
export interface BfdSnapshot {
  readonly state: BfdState
  readonly remoteState: BfdState
  /** How long it has been up, or not up. */
  readonly sinceMs: number
  readonly multihop: boolean
  readonly strict: boolean
  readonly diagnostic: string
  readonly remoteDiagnostic: string
  readonly local: BfdTimers
  readonly remote: BfdTimers
  readonly transmitInterval: number
  readonly detectionTime: number
  /** How often it was up and went down. */
  readonly flaps: number
  readonly lastDown?: { readonly ageMs: number; readonly why: string }
  readonly packets: { readonly in: number; readonly out: number; readonly discarded: number }
  readonly lastDiscard?: string
  readonly worstLateness: number
  /** Periodic packets by how late they were, e.g. `<1` and `>=100`. */
  readonly lateness: Readonly<Record<string, number>>
  /** Why nothing can be sent or received. */
  readonly problem?: string
  /** Why the BGP session may not come up. */
  readonly holdsSession?: string
}

const unwatched: BfdStatus = {
  state: 'Down',
  remoteState: 'Down',
  diagnostic: 0,
  remoteDiagnostic: 0,
  local: { minTx: 0, minRx: 0, multiplier: 0 },
  remote: { minTx: 0, minRx: 0, multiplier: 0 },
  transmitInterval: 0,
  detectionTime: 0,
  packetsIn: 0,
  packetsOut: 0,
  discarded: 0,
  worstLateness: 0,
  lateness: {},
  problem: 'there is no BFD here',
}

export class Liveness {
  readonly #world: World
  readonly #owner: LivenessOwner
  #declared: BfdDeclaration | undefined
  #name = ''
  /** Which session it is: with another path it is another one. */
  #path = ''
  #watch: BfdWatch | undefined
  #state: BfdState = 'Down'
  #problem: string | undefined
  #since: number
  #flaps = 0
  #lastDown: { readonly at: number; readonly why: string } | undefined

  constructor(world: World, owner: LivenessOwner) {
    this.#world = world
    this.#owner = owner
    this.#since = world.clock.now()
  }

  /** Makes what is declared so: begins, ends, or gives a session that stays up other timers. */
  follow(declaration: PeerDeclaration): void {
    const wanted = declaration.blocked === undefined ? declaration.bfd : undefined
    const path = wanted ? pathOf(declaration, wanted) : ''
    this.#name = declaration.name
    const before = this.#declared
    if (path !== this.#path) this.stop()
    this.#declared = wanted
    this.#path = path
    if (!wanted) return
    if (!this.#watch) this.#begin(declaration, wanted)
    else if (before && timersOf(before) !== timersOf(wanted)) this.#watch.update(wanted)
  }

  /** Says AdminDown a moment later, so that the peer does not take the silence for a failure. */
  stop(): void {
    this.#watch?.stop()
    this.#watch = undefined
    this.#declared = undefined
    this.#path = ''
    this.#problem = undefined
    this.#enter('Down')
  }

  get hasFailed(): boolean {
    return this.#flaps > 0
  }

  /** Whether a session that is lost waits until the path is back. */
  get isStrict(): boolean {
    return this.#declared?.strict === true
  }

  /** Why no session may come up now. A peer that has switched BFD off on purpose is not waited for. */
  get holdsSession(): string | undefined {
    if (!this.isStrict || this.#state === 'Up') return undefined
    const { remoteState, problem } = this.#status
    if (remoteState === 'AdminDown') return undefined
    return `waits for BFD, which is ${this.#state}${problem === undefined ? '' : `: ${problem}`}`
  }

  snapshot(now: number): BfdSnapshot | undefined {
    if (!this.#declared) return undefined
    const status = this.#status
    const { holdsSession } = this
    return {
      state: status.state,
      remoteState: status.remoteState,
      sinceMs: Math.round(now - this.#since),
      multihop: this.#declared.multihop === true,
      strict: this.isStrict,
      diagnostic: describeDiagnostic(status.diagnostic),
      remoteDiagnostic: describeDiagnostic(status.remoteDiagnostic),
      local: status.local,
      remote: status.remote,
      transmitInterval: status.transmitInterval,
      detectionTime: status.detectionTime,
      flaps: this.#flaps,
      ...(this.#lastDown && { lastDown: { ageMs: Math.round(now - this.#lastDown.at), why: this.#lastDown.why } }),
      packets: { in: status.packetsIn, out: status.packetsOut, discarded: status.discarded },
      ...(status.lastDiscard !== undefined && { lastDiscard: status.lastDiscard }),
      worstLateness: Math.round(status.worstLateness * 10) / 10,
      lateness: status.lateness,
      ...(status.problem !== undefined && { problem: status.problem }),
      ...(holdsSession !== undefined && { holdsSession }),
    }
  }

  get #status(): BfdStatus {
    return this.#watch?.status ?? unwatched
  }

  #begin(
    { address, zone, localAddress }: PeerDeclaration,
    { multihop = false, port, ...timers }: BfdDeclaration,
  ): void {
    const { minTx, minRx, multiplier } = timers
    const watch = this.#world.bfd?.watch(
      {
        remote: address,
        ...(zone !== undefined && { zone }),
        ...(localAddress && { local: localAddress }),
        ...(port !== undefined && { port }),
        multihop,
        minTx,
        minRx,
        multiplier,
      },
      // What a session that was ended still has to say is not heard.
      (status) => this.#watch === watch && this.#changed(status),
    )
    this.#watch = watch
  }

  #changed(status: BfdStatus): void {
    const fields = { peer: this.#name }
    if (status.problem !== this.#problem) {
      this.#problem = status.problem
      if (status.problem === undefined) this.#world.log.info(fields, 'BFD: packets can be sent again')
      else this.#world.log.warn({ ...fields, problem: status.problem }, 'BFD: no packets')
    }
    const wasUp = this.#state === 'Up'
    this.#enter(status.state)
    const onPurpose = status.state === 'AdminDown' || status.remoteState === 'AdminDown'
    if (status.state === 'Up' && !wasUp) {
      this.#world.log.info(fields, 'BFD up')
      this.#owner.ready()
    } else if (wasUp && status.state !== 'Up') {
      const why = reasonOf(status)
      this.#flaps++
      this.#lastDown = { at: this.#world.clock.now(), why }
      this.#world.log.warn({ ...fields, why }, 'BFD down')
      if (!onPurpose) this.#owner.failed(why)
    } else if (onPurpose) this.#owner.ready()
  }

  #enter(state: BfdState): void {
    if ((state === 'Up') !== (this.#state === 'Up')) this.#since = this.#world.clock.now()
    this.#state = state
  }
}

function pathOf({ address, zone, localAddress }: PeerDeclaration, { multihop = false, port }: BfdDeclaration): string {
  return [formatAddress(address), zone, localAddress && formatAddress(localAddress), multihop, port].join(' ')
}

function timersOf({ minTx, minRx, multiplier }: BfdDeclaration): string {
  return `${minTx} ${minRx} ${multiplier}`
}

/** e.g. `BFD: control detection time expired (1)`. */
function reasonOf(status: BfdStatus): string {
  if (status.state === 'AdminDown') return `BFD: ${status.problem ?? 'switched off here'}`
  const ours = `BFD: ${describeDiagnostic(status.diagnostic)}`
  if (status.diagnostic !== diagnostic.neighbourSignalledDown) return ours
  return `${ours}, which says: ${describeDiagnostic(status.remoteDiagnostic)}`
}
