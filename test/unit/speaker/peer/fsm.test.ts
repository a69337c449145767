import {
  fault,
  type LocalOpen,
  type Message,
  type Negotiated,
  negotiate,
  notification,
  type Open,
  openMessage,
} from 'bgp-ts'
import { expect } from 'chai'
import {
  type Action,
  type Event,
  idle,
  keepaliveSeconds,
  type MachineConfig,
  openHoldSeconds,
  type State,
  type StateName,
  step,
  type TimerName,
  timers,
} from '../../../../speaker/peer/fsm.ts'

const local: LocalOpen = {
  asn: 64512,
  routerId: 0x0a000002,
  holdTime: 90,
  families: ['ipv4-unicast', 'ipv6-unicast'],
  peerAsn: 65001,
  capabilities: true,
}
const config: MachineConfig = { open: local, connectRetry: 5, passive: false, sendHold: () => 480 }
const passive: MachineConfig = { ...config, passive: true }

/** What the peer says of itself: both families, a hold time of 30 s. */
const peerOpen: Open = openMessage({ ...local, asn: 65001, routerId: 0x0a000001, holdTime: 30 })
const negotiated = negotiate(local, peerOpen) as Negotiated
const withoutHold: Negotiated = { ...negotiated, holdTime: 0 }

const messages: Record<Message['kind'], Message> = {
  open: peerOpen,
  update: { kind: 'update', body: new Uint8Array(4) },
  notification: notification('administrative shutdown'),
  keepalive: { kind: 'keepalive' },
  'route-refresh': { kind: 'route-refresh', afi: 2, safi: 1, subtype: 0 },
}
const kinds = Object.keys(messages) as Message['kind'][]

const states: Record<StateName, State> = {
  Idle: { name: 'Idle', failures: 2 },
  Connect: { name: 'Connect', failures: 2 },
  Active: { name: 'Active', failures: 2 },
  OpenSent: { name: 'OpenSent', failures: 2 },
  OpenConfirm: { name: 'OpenConfirm', failures: 2, negotiated },
  Established: { name: 'Established', failures: 0, negotiated },
}
const stateNames = Object.keys(states) as StateName[]
/** The states in which the peer reads what we send. */
const hearing: readonly StateName[] = ['OpenSent', 'OpenConfirm', 'Established']

const received = (kind: Message['kind']): Event => ({ kind: 'received', message: messages[kind] })
const due = (timer: TimerName): Event => ({ kind: 'timer', timer })
const closed: Event = { kind: 'disconnected', why: 'connection reset by peer' }
const broken = fault('connection not synchronized', 'marker, RFC 4271 6.1')
const malformed: Event = { kind: 'malformed', fault: broken }
const stop: Event = { kind: 'stop', reason: 'administrative shutdown', why: 'stopped' }
const silentStop: Event = { kind: 'stop', why: 'restarting' }
const reset: Event = { kind: 'reset', reason: 'other configuration change', why: 'hold time changed' }

/** An action in a word or two: what a table can be read by. */
function words(action: Action): string {
  switch (action.do) {
    case 'send': {
      const { message } = action
      if (message.kind !== 'notification') return `send ${message.kind}`
      const data = message.data.length > 0 ? ` [${message.data.join(' ')}]` : ''
      return `send ${message.code}/${message.subcode}${data}`
    }
    case 'arm':
      return `arm ${action.timer} ${action.seconds}`
    case 'disarm':
      return `disarm ${action.timer}`
    case 'down':
      return action.established ? 'down, routes go' : 'down'
    case 'deliver':
      return `deliver ${action.message.kind}`
    default:
      return action.do
  }
}

const letGo = ['disconnect', 'disarm connect-retry', 'disarm hold', 'disarm keepalive', 'disarm send-hold']

interface Row {
  readonly title: string
  readonly from: State
  readonly event: Event
  readonly to: StateName
  readonly actions: readonly string[]
  readonly config?: MachineConfig
}

const none: readonly string[] = []
const row = (
  title: string,
  from: StateName | State,
  event: Event,
  to: StateName,
  actions: readonly string[],
  under?: MachineConfig,
): Row => ({
  title,
  from: typeof from === 'string' ? states[from] : from,
  event,
  to,
  actions,
  ...(under && { config: under }),
})

/** Down from `from`, with the third failure in a row, or the first after a success. */
const fallen = (from: StateName, farewell?: string): string[] => [
  ...(farewell ? [farewell] : []),
  ...letGo,
  from === 'Established' ? 'down, routes go' : 'down',
  `arm connect-retry ${from === 'Established' ? 5 : 20}`,
]

const rows: readonly Row[] = [
  row('dials when it is started', 'Idle', { kind: 'start' }, 'Connect', ['connect', 'arm connect-retry 30']),
  row('waits when it is started and passive', 'Idle', { kind: 'start' }, 'Active', none, passive),
  row('D4 begins with its OPEN, and a large hold time', 'Connect', { kind: 'connected' }, 'OpenSent', [
    'disarm connect-retry',
    'send open',
    `arm hold ${openHoldSeconds}`,
  ]),
  row('D7 tries again later when nobody answers', 'Connect', closed, 'Active', fallen('Connect')),
  row('D7 dials again when the retry timer is over', 'Active', due('connect-retry'), 'Connect', [
    'connect',
    'arm connect-retry 30',
  ]),
  row('never dials when it is passive', 'Active', due('connect-retry'), 'Active', none, passive),
  row('arms no retry when it is passive', 'OpenSent', closed, 'Active', [...letGo, 'down'], passive),
  row('D2 answers an OPEN with a KEEPALIVE and the smaller hold time', 'OpenSent', received('open'), 'OpenConfirm', [
    'send keepalive',
    'arm hold 30',
    'arm keepalive 10',
  ]),
  row('D4 gives up when no OPEN comes', 'OpenSent', due('hold'), 'Active', fallen('OpenSent', 'send 4/0')),
  row('is up with the first KEEPALIVE', 'OpenConfirm', received('keepalive'), 'Established', ['arm hold 30', 'up']),
  row('D2 sends a KEEPALIVE and arms the next one', 'OpenConfirm', due('keepalive'), 'OpenConfirm', [
    'send keepalive',
    'arm keepalive 10',
  ]),
  row('D2 sends a KEEPALIVE and arms the next one', 'Established', due('keepalive'), 'Established', [
    'send keepalive',
    'arm keepalive 10',
  ]),
  row(
    'D3 ends with 4/0 when the hold time is over',
    'OpenConfirm',
    due('hold'),
    'Active',
    fallen('OpenConfirm', 'send 4/0'),
  ),
  row(
    'D3 ends with 4/0 when the hold time is over',
    'Established',
    due('hold'),
    'Active',
    fallen('Established', 'send 4/0'),
  ),
  row('lives on with any KEEPALIVE', 'Established', received('keepalive'), 'Established', [
    'arm hold 30',
    'deliver keepalive',
  ]),
  row('lives on with any UPDATE', 'Established', received('update'), 'Established', ['arm hold 30', 'deliver update']),
  row('H1 hands on a ROUTE-REFRESH', 'Established', received('route-refresh'), 'Established', [
    'arm hold 30',
    'deliver route-refresh',
  ]),

  ...(['open', 'update', 'keepalive', 'route-refresh'] as const).flatMap((kind): Row[] => {
    const type = { open: 1, update: 2, keepalive: 4, 'route-refresh': 5 }[kind]
    const title = `D1 refuses an unexpected ${kind}`
    return [
      ...(kind === 'open'
        ? []
        : [row(title, 'OpenSent', received(kind), 'Active', fallen('OpenSent', `send 5/1 [${type}]`))]),
      ...(kind === 'keepalive'
        ? []
        : [row(title, 'OpenConfirm', received(kind), 'Active', fallen('OpenConfirm', `send 5/2 [${type}]`))]),
      ...(kind === 'open'
        ? [row(title, 'Established', received(kind), 'Active', fallen('Established', `send 5/3 [${type}]`))]
        : []),
    ]
  }),

  ...hearing.flatMap((name): Row[] => [
    row('D8 sends nothing back after a NOTIFICATION', name, received('notification'), 'Active', fallen(name)),
    row('D15 lets go when the connection breaks', name, closed, 'Active', fallen(name)),
    row('D9 says what was malformed before it closes', name, malformed, 'Active', fallen(name, 'send 1/1')),
    row('D10 says why it is stopped', name, stop, 'Idle', [
      'send 6/2',
      ...letGo,
      name === 'Established' ? 'down, routes go' : 'down',
    ]),
    row('leaves without a word where none is given', name, silentStop, 'Idle', [
      ...letGo,
      name === 'Established' ? 'down, routes go' : 'down',
    ]),
    row('D10 says why it is reset, and comes back', name, reset, 'Active', fallen(name, 'send 6/6')),
  ]),
  ...(['Connect', 'Active'] as const).map((name) =>
    row('D8 says nothing to a peer that cannot hear yet', name, stop, 'Idle', [...letGo, 'down']),
  ),
  row('has nothing to let go of', 'Idle', stop, 'Idle', letGo.slice(1)),
  row('stays where it is when it is started twice', 'Established', { kind: 'start' }, 'Established', none),

  row(
    'D2 holds no timer at hold time 0',
    'OpenSent',
    { kind: 'received', message: { ...peerOpen, holdTime: 0 } },
    'OpenConfirm',
    ['send keepalive', 'disarm hold'],
  ),
  row(
    'D2 holds no timer at hold time 0',
    { name: 'OpenConfirm', failures: 0, negotiated: withoutHold },
    received('keepalive'),
    'Established',
    ['disarm hold', 'up'],
  ),
  row(
    'D2 holds no timer at hold time 0',
    { name: 'Established', failures: 0, negotiated: withoutHold },
    received('update'),
    'Established',
    ['disarm hold', 'deliver update'],
  ),

  row(
    'A9 refuses a wrong ASN with 2/2',
    'OpenSent',
    received('open'),
    'Active',
    fallen('OpenSent', 'send 2/2 [253 233]'),
    {
      ...config,
      open: { ...local, peerAsn: 65002 },
    },
  ),
  ...[1, 2].map((holdTime) =>
    row(
      `A11 refuses a hold time of ${holdTime} with 2/6`,
      'OpenSent',
      { kind: 'received', message: { ...peerOpen, holdTime } },
      'Active',
      fallen('OpenSent', `send 2/6 [0 ${holdTime}]`),
    ),
  ),
  row(
    'A12 refuses identifier 0 with 2/3',
    'OpenSent',
    { kind: 'received', message: { ...peerOpen, routerId: 0 } },
    'Active',
    fallen('OpenSent', 'send 2/3'),
  ),
]

describe('the state machine', () => {
  for (const { title, from, event, to, actions, config: under } of rows) {
    it(`${title} (${from.name} to ${to})`, () => {
      const [state, done] = step(from, event, under ?? config)
      expect({ state: state.name, actions: done.map(words) }).to.deep.equal({ state: to, actions })
    })
  }

  it('hands the negotiated terms up, both families included', () => {
    const [confirmed] = step(states.OpenSent, received('open'), config)
    const [state, actions] = step(confirmed, received('keepalive'), config)
    expect(state).to.deep.equal({ name: 'Established', failures: 0, negotiated })
    expect(actions.find((action) => action.do === 'up')).to.deep.equal({ do: 'up', negotiated })
    expect(negotiated.families).to.deep.equal(['ipv4-unicast', 'ipv6-unicast'])
  })

  it('D2 sends keepalives every third of the hold time, one a second at the most', () => {
    const seconds = [0, 3, 4, 9, 90, 65535].map((holdTime) => keepaliveSeconds({ ...negotiated, holdTime }))
    expect(seconds).to.deep.equal([0, 1, 4 / 3, 3, 30, 21845])
  })

  it('D7 waits longer after each failure in a row, a minute at the most', () => {
    let state: State = idle
    const waits: number[] = []
    for (let failure = 0; failure < 7; failure++) {
      const [waiting, actions] = step({ name: 'Connect', failures: state.failures }, closed, config)
      waits.push(...actions.flatMap((action) => (action.do === 'arm' ? [action.seconds] : [])))
      state = waiting
    }
    expect(waits).to.deep.equal([5, 10, 20, 40, 60, 60, 60])
  })

  it('D7 forgets its failures once it is Established, and not before', () => {
    const [confirmed] = step(states.OpenSent, received('open'), config)
    expect(confirmed.failures).to.equal(2)
    const [up] = step(confirmed, received('keepalive'), config)
    expect(up.failures).to.equal(0)
  })

  it('forgets its failures when it is stopped', () => {
    for (const name of stateNames) expect(step(states[name], stop, config)[0]).to.deep.equal(idle)
  })

  it('D11 carries the data that a stop is given', () => {
    const data = Uint8Array.of(2, 0x6f, 0x6b)
    const [, actions] = step(states.Established, { ...stop, data }, config)
    expect(actions[0]).to.deep.equal({ do: 'send', message: notification('administrative shutdown', data) })
  })

  it('C28 carries the data of a fault', () => {
    const found = { ...broken, data: Uint8Array.of(7, 8) }
    const [, actions] = step(states.Established, { kind: 'malformed', fault: found }, config)
    expect(actions.map(words)[0]).to.equal('send 1/1 [7 8]')
  })
})

const events: readonly Event[] = [
  { kind: 'start' },
  stop,
  silentStop,
  reset,
  { kind: 'connected' },
  closed,
  malformed,
  ...timers.map(due),
  ...kinds.map(received),
]
const eventName = (event: Event) =>
  event.kind === 'timer'
    ? `timer ${event.timer}`
    : event.kind === 'received'
      ? `received ${event.message.kind}`
      : event.kind

describe('every event in every state', () => {
  for (const under of [config, passive]) {
    const mode = under.passive ? 'passive' : 'active'

    for (const name of stateNames) {
      it(`leaves no timer armed once down but the one to retry: ${name}, ${mode}`, () => {
        for (const event of events) {
          const [state, actions] = step(states[name], event, under)
          // Every timer may be armed before.
          const armed = new Set<TimerName>(timers)
          for (const action of actions) {
            if (action.do === 'arm') armed.add(action.timer)
            if (action.do === 'disarm') armed.delete(action.timer)
          }
          const isDown = actions.some((action) => action.do === 'down')
          const expected = state.name === 'Active' && !under.passive ? ['connect-retry'] : []
          if (isDown || event.kind === 'stop') expect([...armed], eventName(event)).to.deep.equal(expected)
        }
      })
    }

    it(`says down exactly when it leaves for Active or Idle, and that routes go only from Established: ${mode}`, () => {
      for (const name of stateNames) {
        for (const event of events) {
          const [state, actions] = step(states[name], event, under)
          const downs = actions.filter((action) => action.do === 'down')
          const fell = name !== 'Idle' && name !== 'Active' && (state.name === 'Active' || state.name === 'Idle')
          if (fell) expect(downs, `${eventName(event)} in ${name}`).to.have.lengthOf(1)
          for (const { established } of downs) expect(established).to.equal(name === 'Established')
        }
      }
    })

    it(`sends at most one NOTIFICATION, before the connection is closed and only to a peer that can hear: ${mode}`, () => {
      for (const name of stateNames) {
        for (const event of events) {
          const [, actions] = step(states[name], event, under)
          const order = actions.map((action) =>
            action.do === 'send' && action.message.kind === 'notification' ? 'notification' : action.do,
          )
          const at = order.indexOf('notification')
          if (at < 0) continue
          expect(hearing, eventName(event)).to.include(name)
          expect(order.lastIndexOf('notification')).to.equal(at)
          expect(order.indexOf('disconnect')).to.be.above(at)
        }
      }
    })

    it(`D8 answers no NOTIFICATION: ${mode}`, () => {
      for (const name of stateNames) {
        const [, actions] = step(states[name], received('notification'), under)
        expect(actions.filter((action) => action.do === 'send')).to.deep.equal([])
      }
    })
  }

  it('changes nothing that it was given', () => {
    const before = structuredClone(states)
    for (const name of stateNames) for (const event of events) step(states[name], event, config)
    expect(states).to.deep.equal(before)
  })
})
