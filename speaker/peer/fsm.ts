/**
 * The state machine of RFC 4271 section 8, as one pure function: step(state, event, config) -> [state, actions].
 * It owns no socket, timer or clock. A state carries exactly what is known in it, and everything that goes down goes through `fall`.
 *
 * One machine is one connection. Dialling and waiting are Connect and Active; a machine for an accepted connection begins in Connect.
 */

import {
  type Fault,
  fault,
  isFault,
  type LocalOpen,
  type Message,
  messageTypes,
  type Negotiated,
  type Notification,
  negotiate,
  notification,
  openMessage,
  type Reason,
} from 'bgp-ts'
import { retryDelay } from './backoff.ts'

export type State =
  | { readonly name: 'Idle' | 'Connect' | 'Active' | 'OpenSent'; readonly failures: number }
  | { readonly name: 'OpenConfirm' | 'Established'; readonly failures: number; readonly negotiated: Negotiated }

export type StateName = State['name']

const progress: readonly StateName[] = ['Idle', 'Active', 'Connect', 'OpenSent', 'OpenConfirm', 'Established']

/** Of the states of several connections, of which there is one at least, the one that is nearest to a session. */
export function furthest(names: readonly StateName[]): StateName {
  return progress[Math.max(...names.map((name) => progress.indexOf(name)))]!
}

/** The state while it has this name, with what is known in it. */
type In<Name extends StateName> = State & { readonly name: Name }

export const timers = ['connect-retry', 'hold', 'keepalive', 'send-hold'] as const
export type TimerName = (typeof timers)[number]

export type Event =
  | { readonly kind: 'start' }
  /** Ends the connection, if there is one, with `reason`; without one it is let go in silence. No retry. */
  | { readonly kind: 'stop'; readonly reason?: Reason; readonly data?: Uint8Array; readonly why: string }
  /** Ends the connection with `reason`, and tries again later. */
  | { readonly kind: 'reset'; readonly reason: Reason; readonly why: string }
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly why: string }
  | { readonly kind: 'timer'; readonly timer: TimerName }
  | { readonly kind: 'received'; readonly message: Message }
  | { readonly kind: 'malformed'; readonly fault: Fault }

export type Action =
  | { readonly do: 'connect' }
  /** Sends what is queued, then closes. */
  | { readonly do: 'disconnect' }
  | { readonly do: 'send'; readonly message: Message }
  | { readonly do: 'arm'; readonly timer: TimerName; readonly seconds: number }
  | { readonly do: 'disarm'; readonly timer: TimerName }
  | { readonly do: 'up'; readonly negotiated: Negotiated }
  /** `established` tells whether there are routes; `graceful` whether they stay while the peer restarts (RFC 4724 section 4.2). */
  | { readonly do: 'down'; readonly why: string; readonly established: boolean; readonly graceful: boolean }
  | { readonly do: 'deliver'; readonly message: Message }

export interface MachineConfig {
  readonly open: LocalOpen
  /** Seconds before the first retry. */
  readonly connectRetry: number
  /** Never dials: waits in Active. */
  readonly passive: boolean
  /** Seconds that the peer may take nothing of what is sent, by the negotiated hold time (RFC 9687). */
  readonly sendHold: (holdTime: number) => number
}

export type Step = readonly [state: State, actions: readonly Action[]]

export const idle: State = { name: 'Idle', failures: 0 }

/** RFC 4271 section 8.2.2: a large hold time while waiting for the OPEN. */
export const openHoldSeconds = 240

/** RFC 9687 section 3.1: eight minutes, or twice the hold time where that is more. */
export function usualSendHold(holdTime: number): number {
  return Math.max(480, 2 * holdTime)
}

/** A connection that is not there by then is given up: the kernel alone would try for minutes. */
export const connectSeconds = 30

const dialling: readonly Action[] = [{ do: 'connect' }, { do: 'arm', timer: 'connect-retry', seconds: connectSeconds }]

export function step(state: State, event: Event, config: MachineConfig): Step {
  // What means the same in every state comes first.
  if (event.kind === 'stop') return stop(state, event)
  if (state.name === 'Idle') return event.kind === 'start' ? begin(state, config) : stay(state)
  if (event.kind === 'reset') return fall(state, config, event.why, 'final', notification(event.reason))
  if (event.kind === 'malformed') {
    const farewell: Notification = { ...event.fault, kind: 'notification' }
    return fall(state, config, event.fault.text, endingBy(farewell), farewell)
  }
  if (event.kind === 'disconnected') return fall(state, config, event.why, 'lost')
  if (event.kind === 'received' && event.message.kind === 'notification') {
    return fall(state, config, 'NOTIFICATION received', isHardReset(event.message) ? 'final' : 'notified')
  }
  switch (state.name) {
    case 'Connect':
      return connect(state as In<'Connect'>, event, config)
    case 'Active':
      return active(state as In<'Active'>, event, config)
    case 'OpenSent':
      return openSent(state as In<'OpenSent'>, event, config)
    case 'OpenConfirm':
      return openConfirm(state as In<'OpenConfirm'>, event, config)
    case 'Established':
      return established(state as In<'Established'>, event, config)
  }
}

function begin(state: State, config: MachineConfig): Step {
  if (config.passive) return [{ name: 'Active', failures: state.failures }, []]
  return [{ name: 'Connect', failures: state.failures }, dialling]
}

function connect(state: In<'Connect'>, event: Event, config: MachineConfig): Step {
  if (event.kind === 'timer' && event.timer === 'connect-retry')
    return fall(state, config, 'connection timed out', 'lost')
  if (event.kind !== 'connected') return stay(state)
  const send: Action = { do: 'send', message: openMessage(config.open) }
  const hold: Action = { do: 'arm', timer: 'hold', seconds: openHoldSeconds }
  return [{ name: 'OpenSent', failures: state.failures }, [{ do: 'disarm', timer: 'connect-retry' }, send, hold]]
}

function active(state: In<'Active'>, event: Event, config: MachineConfig): Step {
  const due = event.kind === 'timer' && event.timer === 'connect-retry' && !config.passive
  return due ? [{ name: 'Connect', failures: state.failures }, dialling] : stay(state)
}

function openSent(state: In<'OpenSent'>, event: Event, config: MachineConfig): Step {
  switch (event.kind) {
    case 'timer':
      return event.timer === 'hold' ? holdExpired(state, config) : stay(state)
    case 'received': {
      if (event.message.kind !== 'open') return unexpected(state, config, event.message)
      const negotiated = negotiate(config.open, event.message)
      if (isFault(negotiated)) return step(state, { kind: 'malformed', fault: negotiated }, config)
      const keepalive: Action = { do: 'send', message: { kind: 'keepalive' } }
      return [{ ...state, name: 'OpenConfirm', negotiated }, [keepalive, ...holdAndKeepalive(negotiated)]]
    }
    default:
      return stay(state)
  }
}

function openConfirm(state: In<'OpenConfirm'>, event: Event, config: MachineConfig): Step {
  switch (event.kind) {
    case 'timer':
      return alive(state, event.timer, config)
    case 'received': {
      if (event.message.kind !== 'keepalive') return unexpected(state, config, event.message)
      const { negotiated } = state
      const up: Action = { do: 'up', negotiated }
      return [{ name: 'Established', failures: 0, negotiated }, [...holdOnly(negotiated), up]]
    }
    default:
      return stay(state)
  }
}

function established(state: In<'Established'>, event: Event, config: MachineConfig): Step {
  switch (event.kind) {
    case 'timer':
      return alive(state, event.timer, config)
    case 'received': {
      if (event.message.kind === 'open') return unexpected(state, config, event.message)
      const deliver: Action = { do: 'deliver', message: event.message }
      return [state, [...holdOnly(state.negotiated), deliver]]
    }
    default:
      return stay(state)
  }
}

function alive(state: In<'OpenConfirm' | 'Established'>, timer: TimerName, config: MachineConfig): Step {
  if (timer === 'hold') return holdExpired(state, config)
  if (timer === 'send-hold') {
    const why = 'send hold timer expired: the peer does not read'
    return fall(state, config, why, 'final', notification('send hold timer expired'))
  }
  if (timer !== 'keepalive') return stay(state)
  return [state, [{ do: 'send', message: { kind: 'keepalive' } }, ...keepaliveOnly(state.negotiated)]]
}

/** RFC 4271 section 4.4: a third of the hold time, at most one a second, none at hold time 0. */
export function keepaliveSeconds(negotiated: Negotiated): number {
  return negotiated.holdTime === 0 ? 0 : Math.max(1, negotiated.holdTime / 3)
}

function holdOnly(negotiated: Negotiated): Action[] {
  if (negotiated.holdTime === 0) return [{ do: 'disarm', timer: 'hold' }]
  return [{ do: 'arm', timer: 'hold', seconds: negotiated.holdTime }]
}

function keepaliveOnly(negotiated: Negotiated): Action[] {
  if (negotiated.holdTime === 0) return []
  return [{ do: 'arm', timer: 'keepalive', seconds: keepaliveSeconds(negotiated) }]
}

function holdAndKeepalive(negotiated: Negotiated): Action[] {
  return [...holdOnly(negotiated), ...keepaliveOnly(negotiated)]
}

const stay = (state: State): Step => [state, []]

function holdExpired(state: State, config: MachineConfig): Step {
  return fall(state, config, 'hold timer expired', 'notified', notification('hold timer expired'))
}

/** RFC 6608: the subcode names the state, the data is the type of the message that was not expected. */
function unexpected(
  state: In<'OpenSent' | 'OpenConfirm' | 'Established'>,
  config: MachineConfig,
  message: Message,
): Step {
  const type = message.kind === 'route-refresh' ? messageTypes.routeRefresh : messageTypes[message.kind]
  const why = `${message.kind} in ${state.name}, RFC 4271 8.2.2`
  const finding = fault(`unexpected message in ${state.name}`, why, Uint8Array.of(type))
  return fall(state, config, finding.text, 'notified', { ...finding, kind: 'notification' })
}

/**
 * How a session ended, which decides whether the peer's routes stay: without a word, with a NOTIFICATION that both sides
 * take for a restart if they agreed on it (RFC 8538), or for good.
 */
type Ending = 'lost' | 'notified' | 'final'

/** A Cease is a decision, not an accident: routes go. */
const endingBy = ({ code }: Notification): Ending => (code === cease ? 'final' : 'notified')
const cease = 6

/** RFC 8538 section 3.1. */
export function isHardReset({ code, subcode }: Notification): boolean {
  return code === cease && subcode === hardResetSubcode
}
const hardResetSubcode = 9

/** Where a NOTIFICATION alone would look like a restart, the real one goes inside a hard reset (RFC 8538 section 3.1). */
function meantForGood(farewell: Notification, state: State): Notification {
  if (state.name !== 'Established' || !state.negotiated.gracefulRestart?.notification) return farewell
  return notification('hard reset', Uint8Array.of(farewell.code, farewell.subcode, ...farewell.data))
}

/** Whether the routes of a session that ended so are kept. */
function isGraceful(state: State, ending: Ending): boolean {
  if (state.name !== 'Established' || ending === 'final') return false
  const { gracefulRestart: terms } = state.negotiated
  return terms !== undefined && terms.families.length > 0 && (ending === 'lost' || terms.notification)
}

/** Every way down that is tried again: say why to the peer if it can hear, let go of everything, wait longer each time. */
function fall(state: State, config: MachineConfig, why: string, ending: Ending, farewell?: Notification): Step {
  const failures = state.failures + 1
  const retry: Action[] = config.passive
    ? []
    : [{ do: 'arm', timer: 'connect-retry', seconds: retryDelay(failures, config.connectRetry) }]
  return [{ name: 'Active', failures }, [...letGo(state, why, ending, farewell), ...retry]]
}

/** Silence is what a restart looks like; a reason is meant for good. */
function stop(state: State, event: Event & { kind: 'stop' }): Step {
  const farewell = event.reason && notification(event.reason, event.data)
  return [idle, letGo(state, event.why, farewell ? 'final' : 'lost', farewell)]
}

function letGo(state: State, why: string, ending: Ending, farewell?: Notification): Action[] {
  const canHear = state.name === 'OpenSent' || state.name === 'OpenConfirm' || state.name === 'Established'
  const message = farewell && (ending === 'final' ? meantForGood(farewell, state) : farewell)
  const goodbye: Action[] = canHear && message ? [{ do: 'send', message }] : []
  const disarm = timers.map((timer): Action => ({ do: 'disarm', timer }))
  if (state.name === 'Idle') return disarm
  const down: Action = {
    do: 'down',
    why,
    established: state.name === 'Established',
    graceful: isGraceful(state, ending),
  }
  return [...goodbye, { do: 'disconnect' }, ...disarm, down]
}
