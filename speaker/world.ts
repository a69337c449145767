/**
 * What the speaker needs of the world, handed in: time, randomness, connections, a log.
 * Nothing in `speaker/` reaches for these itself, so a test owns them all.
 */

import type { Address } from 'bgp-ts'
import type { Kernel } from './kernel/kernel.ts'
import type { Secret } from './secret.ts'

export interface World {
  readonly clock: Clock
  /** Milliseconds since 1970, for what others put beside their own records; absent where nobody knows the time. */
  readonly wallClock?: () => number
  readonly random: Random
  readonly transport: Transport
  /** Absent where the forwarding path to a peer cannot be watched. */
  readonly bfd?: Bfd
  readonly log: Log
  /** Where learned routes are installed; without it they are only announced. */
  readonly kernel?: Kernel
}

export interface Clock {
  /** Monotonic, in milliseconds. */
  now(): number
  /** Calls `run` once, `delayMs` from now at the earliest. */
  after(delayMs: number, run: () => void): Timer
}

export interface Timer {
  cancel(): void
}

/** A number in [0, 1). */
export type Random = () => number

export interface Transport {
  /** Begins to connect. Exactly one of `onOpen` and `onClose` comes first; after `onClose` nothing comes. */
  dial(target: DialTarget, handlers: ConnectionHandlers): Connection
  /** Listens until closed. Rejects when the address cannot be bound. */
  listen(endpoint: Endpoint, onConnection: (connection: IncomingConnection) => void): Promise<Listener>
}

export interface DialTarget {
  readonly remote: Endpoint
  readonly localAddress?: Address
  readonly localPort?: number
  /** Routing does not hang on it: it asks the network for no precedence. */
  readonly background?: boolean
  readonly options?: SocketOptions
  /** Key of TCP MD5 (RFC 2385). */
  readonly password?: Secret
}

/** What is asked of a connection beyond the ordinary. */
export interface SocketOptions {
  /** Hops that what we send may take, 1 to 255. */
  readonly ttl?: number
  /** What comes with less is dropped (RFC 5082), 0 to 255. */
  readonly minTtl?: number
  /** The interface that the connection is bound to. */
  readonly device?: string
  /** How long what was sent may stay unacknowledged before the connection ends, in milliseconds. */
  readonly userTimeoutMs?: number
}

/** Whose segments have to be signed: one address, or a prefix of addresses. */
export interface KeyedPeer {
  readonly address: Address
  readonly zone?: string
  readonly prefixLength?: number
  readonly password: Secret
}

/** `zone` is the interface name of a link-local address. */
export interface Endpoint {
  readonly address: Address
  readonly zone?: string
  readonly port: number
}

export interface ConnectionHandlers {
  onOpen(): void
  /** `chunk` is only valid during the call. */
  onData(chunk: Uint8Array): void
  /** The queue that made `write` return false is empty again. */
  onDrain(): void
  /** Once, however the connection ended (also when it never opened); not after our own `close` or `abort`. */
  onClose(why: string): void
}

export interface Connection {
  readonly local: Endpoint
  readonly remote: Endpoint
  /** Takes ownership of `bytes`, which must not change afterwards. False: queued; wait for `onDrain` before more. */
  write(bytes: Uint8Array): boolean
  readonly queuedBytes: number
  /** Sends what is queued, then closes; so that a NOTIFICATION arrives (RFC 4271 section 6). Unread input is discarded. */
  close(): void
  /** Closes at once and drops what is queued. */
  abort(): void
  /** Changes options or the key of a connection that is open. Throws when the machine refuses. */
  tune(options: SocketOptions, password: Secret | undefined): void
}

export interface IncomingConnection {
  readonly remote: Endpoint
  /**
   * Takes the connection; without it before the callback returns, the transport closes it.
   * Throws when the machine refuses the options; the connection is then closed.
   */
  accept(handlers: ConnectionHandlers, options?: SocketOptions, password?: Secret): Connection
}

export interface Listener {
  readonly endpoint: Endpoint
  /**
   * Takes all peers whose segments have to be signed, in place of those of the call before; and the hops that answers to
   * connection attempts may take, where a peer judges them (RFC 5082). Throws when the machine refuses.
   */
  expect(peers: readonly KeyedPeer[], ttl?: number): void
  close(): Promise<void>
}

/** Watches forwarding paths to other machines (RFC 5880), asynchronous mode, one hop (RFC 5881) or many (RFC 5883). */
export interface Bfd {
  /**
   * Begins a session; `onChange` is called at each change of state at either end, and when a problem comes or goes. It is never called
   * from within `watch`. A second session with the same remote takes the place of the first.
   */
  watch(target: BfdTarget, onChange: (status: BfdStatus) => void): BfdWatch
  /** Says AdminDown on every session (RFC 5880 section 6.8.16) a moment later, and resolves when that is sent and nothing is left behind. */
  close(): Promise<void>
}

/** Intervals in milliseconds, at least 1; the multiplier from 1 to 255. */
export interface BfdTimers {
  readonly minTx: number
  readonly minRx: number
  readonly multiplier: number
}

export interface BfdTarget extends BfdTimers {
  readonly remote: Address
  /** Interface of a link-local address. */
  readonly zone?: string
  readonly local?: Address
  readonly multihop: boolean
  /** UDP port of both ends; 3784, or 4784 for multihop. */
  readonly port?: number
}

export interface BfdWatch {
  readonly status: BfdStatus
  /** Takes other timers while the session stays up, by a Poll Sequence. */
  update(timers: BfdTimers): void
  /** Says that the session is down on purpose, and keeps it so. */
  adminDown(): void
  /** Ends it: a moment later says AdminDown, for as long as the other end may need to hear of it. */
  stop(): void
}

export type BfdState = 'AdminDown' | 'Down' | 'Init' | 'Up'

/** Times in milliseconds. Those of the other end are 0 until it has said something. */
export interface BfdStatus {
  readonly state: BfdState
  readonly remoteState: BfdState
  /** Why the state last changed, here and as the other end says; codes of RFC 5880 section 4.1. */
  readonly diagnostic: number
  readonly remoteDiagnostic: number
  /** What this side says now: 1 s at least until the session is up. */
  readonly local: BfdTimers
  readonly remote: BfdTimers
  /** Agreed: between two packets to the other end, without jitter. */
  readonly transmitInterval: number
  /** Agreed: silence of the other end that ends the session. */
  readonly detectionTime: number
  readonly packetsIn: number
  readonly packetsOut: number
  /** Packets of the other end that were not valid, and what was wrong with the last one. */
  readonly discarded: number
  readonly lastDiscard?: string
  /** By how much the latest periodic packet was late so far. */
  readonly worstLateness: number
  /** Periodic packets by how late they were, e.g. `<1` and `>=100`. */
  readonly lateness: Readonly<Record<string, number>>
  /** Why nothing can be sent or received. */
  readonly problem?: string
}

/** The shape of pino: fields first, then the sentence. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
