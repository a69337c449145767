import { expect } from 'chai'
import { retryDelay } from '../../../../speaker/peer/backoff.ts'
import { loser, type Role } from '../../../../speaker/peer/collision.ts'
import { Deadlines } from '../../../../speaker/peer/deadlines.ts'
import type { StateName } from '../../../../speaker/peer/fsm.ts'
import { VirtualClock } from '../../../support/virtual-clock.ts'

describe('a collision of two connections to one peer', () => {
  const low = { routerId: 0x0a000001, asn: 65001 }
  const high = { routerId: 0xc0a80001, asn: 64512 }
  const roles: readonly Role[] = ['outbound', 'inbound']

  const rows: [title: string, local: typeof low, peer: typeof low, loses: Role][] = [
    ['keeps what we opened when our identifier is higher', high, low, 'inbound'],
    ['keeps what the peer opened when its identifier is higher', low, high, 'outbound'],
    ['asks the ASNs when the identifiers are equal: ours is higher', low, { ...low, asn: 64512 }, 'inbound'],
    ['asks the ASNs when the identifiers are equal: theirs is higher', { ...low, asn: 64512 }, low, 'outbound'],
    ['compares ASNs of four octets', { ...low, asn: 4200000000 }, low, 'inbound'],
    ['compares identifiers as unsigned', { ...low, routerId: 0xffffffff }, { ...low, routerId: 1 }, 'inbound'],
  ]
  for (const [title, local, peer, loses] of rows) {
    for (const arrived of roles) {
      it(`D5 ${title}; the ${arrived} one has its OPEN last`, () => {
        expect(loser(arrived, 'OpenConfirm', local, peer)).to.equal(loses)
      })
    }
  }

  it('D5 comes out the same on both sides', () => {
    const opposite = { outbound: 'inbound', inbound: 'outbound' } as const
    for (const [, local, peer] of rows) {
      const here = loser('outbound', 'OpenConfirm', local, peer)!
      const there = loser('outbound', 'OpenConfirm', peer, local)!
      expect(there).to.equal(opposite[here])
    }
  })

  for (const arrived of roles) {
    it(`D5 lets no ${arrived} connection disturb one that is Established`, () => {
      for (const [, local, peer] of rows) expect(loser(arrived, 'Established', local, peer)).to.equal(arrived)
    })

    it(`D5 sees no collision for the ${arrived} connection while the other has no OPEN`, () => {
      for (const other of ['Idle', 'Connect', 'Active', 'OpenSent'] satisfies StateName[]) {
        for (const [, local, peer] of rows) expect(loser(arrived, other, local, peer)).to.equal(undefined)
      }
    })
  }
})

describe('the delay before a retry', () => {
  const rows: [first: number, delays: number[]][] = [
    [1, [1, 2, 4, 8, 16, 32, 60, 60]],
    [5, [5, 10, 20, 40, 60, 60]],
    [60, [60, 60]],
    [120, [60, 60]],
    [0.1, [0.1, 0.2, 0.4]],
  ]
  for (const [first, delays] of rows) {
    it(`D7 doubles from ${first} s and stays at a minute`, () => {
      expect(delays.map((_, index) => retryDelay(index + 1, first))).to.deep.equal(delays)
    })
  }

  it('D7 stays at a minute after a million failures', () => {
    for (const failures of [100, 2000, 1_000_000]) expect(retryDelay(failures, 5)).to.equal(60)
  })
})

describe('deadlines', () => {
  type Name = 'hold' | 'keepalive' | 'retry'
  let clock: VirtualClock
  let fired: string[]
  let deadlines: Deadlines<Name>
  let then: (name: Name) => void

  beforeEach(() => {
    clock = new VirtualClock()
    fired = []
    then = () => {}
    deadlines = new Deadlines<Name>(clock, (name) => {
      fired.push(`${name} ${clock.now()}`)
      then(name)
    })
  })

  it('come due once, at their time and not before', () => {
    deadlines.arm('hold', 1000)
    clock.pass(999)
    expect(fired).to.deep.equal([])
    clock.pass(5000)
    expect(fired).to.deep.equal(['hold 1000'])
    expect(clock.pending).to.equal(0)
  })

  it('come due in the order of time, whatever the order of arming', () => {
    deadlines.arm('hold', 900)
    deadlines.arm('keepalive', 300)
    deadlines.arm('retry', 600)
    clock.pass(1000)
    expect(fired).to.deep.equal(['keepalive 300', 'retry 600', 'hold 900'])
  })

  it('move later without a new timer, and hold the new time exactly', () => {
    deadlines.arm('hold', 1000)
    for (let message = 0; message < 50; message++) {
      clock.pass(100)
      deadlines.arm('hold', 1000)
      expect(clock.pending).to.equal(1)
    }
    clock.pass(999)
    expect(fired).to.deep.equal([])
    clock.pass(1)
    expect(fired).to.deep.equal(['hold 6000'])
  })

  it('move earlier', () => {
    deadlines.arm('hold', 240_000)
    clock.pass(10)
    deadlines.arm('hold', 90_000)
    clock.pass(90_000)
    expect(fired).to.deep.equal(['hold 90010'])
    expect(clock.pending).to.equal(0)
  })

  it('leave no timer behind once all are disarmed', () => {
    deadlines.arm('hold', 1000)
    deadlines.arm('keepalive', 300)
    deadlines.disarm('keepalive')
    expect(clock.pending).to.equal(1)
    deadlines.disarm('hold')
    expect(clock.pending).to.equal(0)
    clock.pass(2000)
    expect(fired).to.deep.equal([])
  })

  it('let one go and keep the other', () => {
    deadlines.arm('hold', 1000)
    deadlines.arm('keepalive', 300)
    deadlines.disarm('keepalive')
    clock.pass(2000)
    expect(fired).to.deep.equal(['hold 1000'])
  })

  it('are all forgotten at once, and can be armed again', () => {
    deadlines.arm('hold', 1000)
    deadlines.arm('keepalive', 300)
    deadlines.clear()
    expect(clock.pending).to.equal(0)
    deadlines.arm('retry', 50)
    clock.pass(2000)
    expect(fired).to.deep.equal(['retry 50'])
  })

  it('shrug at the disarming of what is not armed', () => {
    deadlines.disarm('hold')
    deadlines.arm('keepalive', 10)
    deadlines.disarm('hold')
    clock.pass(10)
    expect(fired).to.deep.equal(['keepalive 10'])
  })

  it('may arm themselves again when they come due', () => {
    then = (name) => deadlines.arm(name, 300)
    deadlines.arm('keepalive', 300)
    deadlines.arm('hold', 700)
    clock.pass(1000)
    expect(fired).to.deep.equal(['keepalive 300', 'keepalive 600', 'hold 700', 'keepalive 900', 'hold 1000'])
  })

  it('do not come due when another at the same time disarmed or moved them', () => {
    then = (name) => {
      if (name !== 'hold') return
      deadlines.disarm('keepalive')
      deadlines.arm('retry', 100)
    }
    for (const name of ['hold', 'keepalive', 'retry'] as const) deadlines.arm(name, 500)
    clock.pass(10_000)
    expect(fired).to.deep.equal(['hold 500', 'retry 600'])
    expect(clock.pending).to.equal(0)
  })

  it('leave no timer behind when one that came due forgets the rest', () => {
    then = () => deadlines.clear()
    deadlines.arm('hold', 500)
    deadlines.arm('keepalive', 500)
    deadlines.arm('retry', 900)
    clock.pass(500)
    expect(fired).to.deep.equal(['hold 500'])
    expect(clock.pending).to.equal(0)
  })

  it('come due at once for a delay of zero', () => {
    deadlines.arm('retry', 0)
    clock.pass(0)
    expect(fired).to.deep.equal(['retry 0'])
  })
})
