/**
 * Runs one state machine against the world: turns its actions into calls, and what happens into its events. It decides nothing.
 * In Established an UPDATE goes from the framer straight to the owner, without a message object or a step of the machine.
 */

import {
  decodeMessage,
  encodeMessage,
  extendedMaximumLength,
  type Fault,
  Framer,
  fault,
  headerLength,
  hex,
  isFault,
  type Message,
  messageTypes,
  type Negotiated,
  type Notification,
} from 'bgp-ts'
import { type MalformedKind, shownOctets } from '../malformed.ts'
import type { Connection, ConnectionHandlers, Endpoint, World } from '../world.ts'
import { Deadlines } from './deadlines.ts'
import { type Action, type Event, idle, type MachineConfig, type State, step, type TimerName } from './fsm.ts'

/** What a session tells its peer. */
export interface SessionOwner {
  /** The terms at this moment: read at each step, so that a change holds from the next attempt on. */
  config(): MachineConfig
  dial(handlers: ConnectionHandlers): Connection
  /** After every step that changed the state. */
  moved(from: State, to: State): void
  up(negotiated: Negotiated): void
  down(why: string, established: boolean, graceful: boolean): void
  /** The body of an UPDATE, while Established. */
  update(bytes: Uint8Array, at: number, end: number): Fault | undefined
  deliver(message: Message): void
  drained(): void
  counted(direction: 'in' | 'out', kind: Message['kind']): void
  notified(direction: 'in' | 'out', message: Notification): void
  /** Any malformed message but an UPDATE while Established; `octets` gives it in hexadecimal. */
  malformed(kind: MalformedKind, text: string, octets: () => string): void
}

/** Both ends of a connection, and the OPENs that were exchanged on it as they were on the wire. */
export interface Conversation {
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly sentOpen: Uint8Array
  readonly receivedOpen: Uint8Array
}

/** Who ended a session, and with which NOTIFICATION, if not without a word: the whole message. */
export interface SessionEnding {
  readonly by: 'us' | 'peer'
  readonly notification?: Uint8Array
}

/** By the type of the message. */
const kinds: Readonly<Record<number, Message['kind']>> = {
  [messageTypes.open]: 'open',
  [messageTypes.update]: 'update',
  [messageTypes.notification]: 'notification',
  [messageTypes.keepalive]: 'keepalive',
  [messageTypes.routeRefresh]: 'route-refresh',
}

export class Session {
  readonly #world: World
  readonly #owner: SessionOwner
  readonly #deadlines: Deadlines<TimerName>
  #state: State = idle
  #connection: Connection | undefined
  #framer = new Framer()
  /** An UPDATE was among the octets that are being read. */
  #updated = false
  #holdMs = 0
  #sendHoldMs = 0
  #generation = 0
  #sentOpen: Uint8Array | undefined
  #receivedOpen: Uint8Array | undefined
  #farewell: SessionEnding | undefined

  constructor(world: World, owner: SessionOwner) {
    this.#world = world
    this.#owner = owner
    this.#deadlines = new Deadlines(world.clock, (timer) => this.#guarded(() => this.#due(timer)))
  }

  get state(): State {
    return this.#state
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Once both OPENs were exchanged. */
  get conversation(): Conversation | undefined {
    const [connection, sentOpen, receivedOpen] = [this.#connection, this.#sentOpen, this.#receivedOpen]
    if (!connection || !sentOpen || !receivedOpen) return undefined
    return { local: connection.local, remote: connection.remote, sentOpen, receivedOpen }
  }

  /** How the last connection ended. Where nobody said a word, a machine that does not try again was told to let go. */
  get ending(): SessionEnding {
    return this.#farewell ?? { by: this.#state.name === 'Idle' ? 'us' : 'peer' }
  }

  handle(event: Event): void {
    const from = this.#state
    const [to, actions] = step(from, event, this.#owner.config())
    this.#state = to
    for (const action of actions) this.#perform(action)
    if (to !== from) this.#owner.moved(from, to)
  }

  /** Takes a connection that the peer opened. */
  adopt(accept: (handlers: ConnectionHandlers) => Connection): void {
    this.#state = { name: 'Connect', failures: 0 }
    this.#framer = new Framer()
    this.#connection = accept(this.#handlers())
    this.handle({ kind: 'connected' })
  }

  send(bytes: Uint8Array): boolean {
    const connection = this.#connection
    if (!connection) return false
    const taken = connection.write(bytes)
    if (!taken) this.#watchQueue()
    return taken
  }

  /** RFC 9687: a peer that reads nothing for so long is gone, however lively its keepalives are. */
  #watchQueue(): void {
    if (this.#sendHoldMs > 0 && !this.#deadlines.isArmed('send-hold'))
      this.#deadlines.arm('send-hold', this.#sendHoldMs)
  }

  #perform(action: Action): void {
    switch (action.do) {
      case 'connect':
        this.#framer = new Framer()
        this.#connection = this.#owner.dial(this.#handlers())
        break
      case 'disconnect': {
        const connection = this.#connection
        this.#connection = undefined
        connection?.close()
        break
      }
      case 'send': {
        const bytes = encodeMessage(action.message)
        this.#owner.counted('out', action.message.kind)
        if (action.message.kind === 'open') this.#sentOpen = bytes
        if (action.message.kind === 'notification') {
          this.#farewell = { by: 'us', notification: bytes }
          this.#owner.notified('out', action.message)
        }
        this.send(bytes)
        break
      }
      case 'arm':
        this.#deadlines.arm(action.timer, this.#milliseconds(action.timer, action.seconds))
        break
      case 'disarm':
        this.#deadlines.disarm(action.timer)
        break
      case 'up':
        this.#holdMs = action.negotiated.holdTime * 1000
        this.#sendHoldMs = this.#owner.config().sendHold(action.negotiated.holdTime) * 1000
        if (action.negotiated.extendedMessages) this.#framer.maximumLength = extendedMaximumLength
        this.#owner.up(action.negotiated)
        break
      case 'down':
        this.#owner.down(action.why, action.established, action.graceful)
        break
      case 'deliver':
        this.#owner.deliver(action.message)
        break
    }
  }

  #due(timer: TimerName): void {
    if (timer !== 'hold') {
      this.handle({ kind: 'timer', timer })
      return
    }
    // After a stall of the process the timer is due before the socket was read: what lies there counts first.
    const generation = this.#generation
    this.#world.clock.after(0, () => {
      if (generation === this.#generation && !this.#deadlines.isArmed('hold'))
        this.#guarded(() => this.handle({ kind: 'timer', timer }))
    })
  }

  /** RFC 4271 section 10: 75 to 100 percent of the value, so that peers do not fall into step; the hold time is exact. */
  #milliseconds(timer: TimerName, seconds: number): number {
    const jitter = timer === 'hold' || timer === 'send-hold' ? 1 : 0.75 + 0.25 * this.#world.random()
    // RFC 4271 section 4.4: keepalives no more often than once a second, jitter or not.
    return Math.max(timer === 'keepalive' ? 1000 : 0, seconds * 1000 * jitter)
  }

  /** The handlers of one connection. Once another took its place, what this one still says is not heard. */
  #handlers(): ConnectionHandlers {
    const generation = ++this.#generation
    this.#sentOpen = this.#receivedOpen = this.#farewell = undefined
    const current = () => generation === this.#generation && this.#connection !== undefined
    return {
      onOpen: () => current() && this.#guarded(() => this.handle({ kind: 'connected' })),
      onData: (chunk) => current() && this.#guarded(() => this.#read(chunk)),
      onDrain: () => {
        if (!current()) return
        this.#deadlines.disarm('send-hold')
        this.#guarded(() => this.#owner.drained())
      },
      onClose: (why) => {
        if (!current()) return
        this.#connection = undefined
        this.#guarded(() => this.handle({ kind: 'disconnected', why }))
      },
    }
  }

  #read(chunk: Uint8Array): void {
    this.#updated = false
    const wrong = this.#framer.push(chunk, (type, bytes, at, end) => this.#message(type, bytes, at, end))
    // Once for all that came together: the timer need not move for each of a thousand messages.
    if (this.#updated && this.#holdMs > 0 && this.#state.name === 'Established')
      this.#deadlines.arm('hold', this.#holdMs)
    if (!wrong) return
    this.#owner.malformed('header', wrong.text, () => hex(this.#framer.wrongHeader))
    this.handle({ kind: 'malformed', fault: wrong })
  }

  /** Our own mistake must cost this peer's session and nobody else's. */
  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#world.log.error({ err: error }, 'an event of a session could not be handled')
      this.handle({ kind: 'malformed', fault: fault('cease', 'internal error') })
    }
  }

  /** False once the connection is no longer ours to read from. */
  #message(type: number, bytes: Uint8Array, at: number, end: number): boolean {
    const connection = this.#connection
    if (type === messageTypes.update && this.#state.name === 'Established') {
      this.#owner.counted('in', 'update')
      this.#updated = true
      const wrong = this.#owner.update(bytes, at, end)
      if (wrong) this.handle({ kind: 'malformed', fault: wrong })
    } else {
      const message = decodeMessage(type, bytes, at, end)
      if (isFault(message)) {
        this.#owner.malformed(kinds[type] ?? 'header', message.text, () =>
          hex(bytes, at, Math.min(end, at + shownOctets)),
        )
        this.handle({ kind: 'malformed', fault: message })
      } else {
        this.#owner.counted('in', message.kind)
        if (message.kind === 'open') this.#receivedOpen = bytes.slice(at - headerLength, end)
        if (message.kind === 'notification') {
          this.#farewell = { by: 'peer', notification: bytes.slice(at - headerLength, end) }
          this.#owner.notified('in', message)
        }
        this.handle({ kind: 'received', message })
      }
    }
    return this.#connection === connection && connection !== undefined
  }
}
