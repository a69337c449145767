import { expect } from 'chai'
import { type ControlPacket, emptyPacket, type SessionState, sessionStates } from '../../../speaker/bfd/packet.ts'
import { afterPacket, jitter, Session, type SessionTimers } from '../../../speaker/bfd/session.ts'

const fast: SessionTimers = { minTx: 100, minRx: 100, multiplier: 3 }

/** A session whose packets are kept, with the other end played by the test. */
class Stage {
  now = 1000
  random = 0
  readonly sent: (ControlPacket & { at: number })[] = []
  readonly changes: string[] = []
  readonly session: Session

  constructor(timers: SessionTimers = fast) {
    this.session = new Session(7, timers, this.now, () => this.random, {
      transmit: (session, final) => {
        const packet = emptyPacket()
        session.compose(packet, final)
        this.sent.push({ ...packet, at: this.now })
      },
      changed: ({ state, remoteState }) => this.changes.push(`${state} ${remoteState}`),
    })
  }

  get last() {
    return this.sent.at(-1)!
  }

  /** The other end says this; what is left out is as a peer at 100 ms x 3 would have it. */
  hear(state: SessionState, more: Partial<ControlPacket> = {}): void {
    const slow = state === 'Up' ? 100_000 : 1_000_000
    const packet = { ...emptyPacket(), multiplier: 3, myDiscriminator: 9, desiredMinTx: slow, requiredMinRx: 100_000 }
    this.session.receive({ ...packet, yourDiscriminator: 7, state, ...more }, this.now)
  }

  /** Lets this much time pass, a millisecond at a time. */
  pass(milliseconds: number): void {
    for (const end = this.now + milliseconds; this.now < end; ) {
      this.now++
      this.session.due(this.now)
    }
  }

  /** Up, with all that was to be agreed on agreed. */
  up(): this {
    this.session.due(this.now)
    this.hear('Init')
    this.hear('Up', { final: true })
    this.sent.length = 0
    this.changes.length = 0
    return this
  }

  /** The other end goes on saying Up every 90 ms. */
  keepUp(milliseconds: number, more: Partial<ControlPacket> = {}): void {
    for (const end = this.now + milliseconds; this.now < end; ) {
      this.pass(90)
      this.hear('Up', more)
    }
  }
}

describe('the BFD state machine', () => {
  const table: Readonly<Record<SessionState, Readonly<Record<SessionState, SessionState>>>> = {
    AdminDown: { AdminDown: 'AdminDown', Down: 'AdminDown', Init: 'AdminDown', Up: 'AdminDown' },
    Down: { AdminDown: 'Down', Down: 'Init', Init: 'Up', Up: 'Down' },
    Init: { AdminDown: 'Down', Down: 'Init', Init: 'Up', Up: 'Up' },
    Up: { AdminDown: 'Down', Down: 'Down', Init: 'Up', Up: 'Up' },
  }
  for (const local of sessionStates) {
    for (const remote of sessionStates) {
      it(`I3 goes from ${local} to ${table[local][remote]} when the other end says ${remote}`, () => {
        expect(afterPacket(local, remote)).to.equal(table[local][remote])
      })
    }
  }

  it('I3 comes up in three steps, and says each new state at once', () => {
    const stage = new Stage()
    stage.session.due(stage.now)
    expect(stage.last).to.include({ state: 'Down', yourDiscriminator: 0, myDiscriminator: 7 })
    stage.hear('Down', { yourDiscriminator: 0 })
    expect(stage.last).to.include({ state: 'Init', yourDiscriminator: 9, at: 1000 })
    stage.hear('Init')
    expect(stage.last).to.include({ state: 'Up', at: 1000 })
    expect(stage.changes).to.deep.equal(['Init Down', 'Up Init'])
  })

  it('I3 goes down when the other end says Down, and says why', () => {
    const stage = new Stage().up()
    stage.hear('Down', { diagnostic: 1 })
    expect(stage.last).to.include({ state: 'Down', diagnostic: 3 })
    expect(stage.session.remoteDiagnostic).to.equal(1)
    expect(stage.changes).to.deep.equal(['Down Down'])
  })

  it('I6 goes down when the other end says AdminDown, which can be told from a failure', () => {
    const stage = new Stage().up()
    stage.hear('AdminDown', { diagnostic: 7 })
    expect(stage.changes).to.deep.equal(['Down AdminDown'])
    stage.hear('AdminDown', { diagnostic: 7 })
    expect(stage.session.state).to.equal('Down')
  })

  it('forgets the discriminator of the other end after a detection time of silence', () => {
    const stage = new Stage()
    stage.session.due(stage.now)
    stage.hear('AdminDown', { multiplier: 2 })
    expect(stage.session.remoteDiscriminator).to.equal(9)
    stage.pass(1999)
    expect(stage.session.remoteDiscriminator).to.equal(9)
    stage.pass(1)
    expect(stage.session.remoteDiscriminator).to.equal(0)
    expect(stage.changes).to.deep.equal(['Down AdminDown', 'Down Down'])
  })

  it('switched off says AdminDown with its diagnostic, and hears nothing any more', () => {
    const stage = new Stage().up()
    stage.session.disable(stage.now)
    expect(stage.last).to.include({ state: 'AdminDown', diagnostic: 7 })
    stage.hear('Down')
    stage.pass(5000)
    expect(stage.session.state).to.equal('AdminDown')
    expect(stage.changes).to.deep.equal(['AdminDown Up'])
  })
})

describe('the BFD detection time', () => {
  const rows: [agreed: number, multiplier: number, theirTx: number, ourRx: number][] = [
    [300, 3, 100, 100],
    [1500, 5, 100, 300],
    [600, 3, 200, 100],
    [50, 1, 50, 20],
  ]
  for (const [agreed, multiplier, theirTx, ourRx] of rows) {
    it(`I3 is ${agreed} ms: multiplier ${multiplier} of the other end, which sends every ${theirTx} ms, and ${ourRx} ms here`, () => {
      const stage = new Stage({ minTx: 100, minRx: ourRx, multiplier: 9 }).up()
      stage.hear('Up', { multiplier, desiredMinTx: theirTx * 1000 })
      stage.pass(agreed - 1)
      expect(stage.session.state).to.equal('Up')
      stage.pass(1)
      expect(stage.session.state).to.equal('Down')
      expect(stage.last).to.include({ state: 'Down', diagnostic: 1, yourDiscriminator: 0, at: stage.now })
      expect(stage.changes).to.deep.equal(['Down Down'])
    })
  }

  it('I3 is that of the slow start until the other end says that it is faster', () => {
    const stage = new Stage()
    stage.session.due(stage.now)
    stage.hear('Init')
    expect(stage.session.detectionTime).to.equal(3000)
    stage.hear('Up')
    expect(stage.session.detectionTime).to.equal(300)
  })

  it('I3 ends an attempt that got stuck in Init', () => {
    const stage = new Stage()
    stage.session.due(stage.now)
    stage.hear('Down')
    stage.pass(2999)
    expect(stage.session.state).to.equal('Init')
    stage.pass(1)
    expect(stage.session.state).to.equal('Down')
  })
})

describe('BFD intervals', () => {
  it('I4 are a second at least until the session is up', () => {
    const stage = new Stage()
    stage.pass(10_000)
    const gaps = stage.sent.slice(1).map(({ at }, index) => at - stage.sent[index]!.at)
    expect(Math.min(...gaps)).to.equal(1000)
    expect(new Set(stage.sent.map(({ desiredMinTx }) => desiredMinTx))).to.deep.equal(new Set([1_000_000]))
    expect(stage.last.requiredMinRx).to.equal(100_000)
  })

  it('I4 change by a Poll when the session comes up, which ends with the Final', () => {
    const stage = new Stage()
    stage.session.due(stage.now)
    stage.hear('Init')
    expect(stage.last).to.include({ state: 'Up', poll: true, desiredMinTx: 100_000 })
    stage.hear('Up')
    stage.pass(100)
    expect(stage.last).to.include({ poll: true })
    stage.hear('Up', { final: true })
    stage.pass(100)
    expect(stage.last).to.include({ poll: false, final: false })
  })

  it('I4 are the slower of what is liked here and what the other end can take', () => {
    const stage = new Stage().up()
    stage.hear('Up', { requiredMinRx: 250_000 })
    expect(stage.session.transmitInterval).to.equal(250)
    stage.hear('Up', { requiredMinRx: 20_000 })
    expect(stage.session.transmitInterval).to.equal(100)
  })

  it('I4 answer a Poll at once with a Final, whatever the timers say', () => {
    const stage = new Stage().up()
    const due = stage.session.transmitAt
    stage.hear('Up', { poll: true })
    expect(stage.sent).to.have.lengthOf(1)
    expect(stage.last).to.include({ final: true, poll: false, at: stage.now })
    expect(stage.session.transmitAt).to.equal(due)
  })

  it('I4 sending more seldom waits for the Final, sending more often does not', () => {
    const stage = new Stage().up()
    stage.session.update({ ...fast, minTx: 500 }, stage.now)
    expect(stage.session.transmitInterval).to.equal(100)
    stage.pass(100)
    expect(stage.last).to.include({ poll: true, desiredMinTx: 500_000 })
    stage.hear('Up', { final: true })
    expect(stage.session.transmitInterval).to.equal(500)
    stage.session.update({ ...fast, minTx: 50 }, stage.now)
    stage.hear('Up', { requiredMinRx: 10_000 })
    expect(stage.session.transmitInterval).to.equal(50)
  })

  it('I4 less patience waits for the Final, more does not', () => {
    const stage = new Stage().up()
    stage.hear('Up', { desiredMinTx: 10_000 })
    stage.session.update({ ...fast, minRx: 50 }, stage.now)
    expect(stage.session.detectionTime).to.equal(300)
    stage.pass(100)
    expect(stage.last).to.include({ poll: true, requiredMinRx: 50_000 })
    stage.hear('Up', { desiredMinTx: 10_000, final: true })
    expect(stage.session.detectionTime).to.equal(150)
    stage.session.update({ ...fast, minRx: 400 }, stage.now)
    expect(stage.session.detectionTime).to.equal(1200)
  })

  it('I4 a Final that answers an earlier Poll does not end the next one', () => {
    const stage = new Stage().up()
    stage.session.update({ ...fast, minTx: 500 }, stage.now)
    stage.pass(100)
    stage.session.update({ ...fast, minTx: 700 }, stage.now)
    stage.hear('Up', { final: true })
    expect(stage.session.polling).to.equal(true)
    expect(stage.session.transmitInterval).to.equal(100)
    stage.pass(100)
    expect(stage.last).to.include({ poll: true, desiredMinTx: 700_000 })
    stage.hear('Up', { final: true })
    expect(stage.session.transmitInterval).to.equal(700)
  })

  it('I4 a new multiplier is said in the next packet, and needs no Poll', () => {
    const stage = new Stage().up()
    stage.session.update({ ...fast, multiplier: 5 }, stage.now)
    stage.pass(100)
    expect(stage.last).to.include({ poll: false, multiplier: 5 })
  })

  it('I4 fall back to a second when the session goes down', () => {
    const stage = new Stage().up()
    stage.pass(300)
    expect(stage.session.state).to.equal('Down')
    stage.sent.length = 0
    stage.pass(3000)
    expect(stage.sent).to.have.lengthOf(3)
    expect(stage.last).to.include({ desiredMinTx: 1_000_000 })
  })

  it('nothing is sent periodically to one that can take nothing, and again once it can', () => {
    const stage = new Stage().up()
    stage.keepUp(900, { requiredMinRx: 0 })
    expect(stage.sent).to.have.lengthOf(0)
    stage.hear('Up', { requiredMinRx: 0, poll: true })
    expect(stage.last).to.include({ final: true })
    stage.keepUp(900)
    expect(stage.sent.length).to.be.within(9, 12)
  })

  it('nothing is sent periodically to one in Demand mode while both ends are up, but for a Poll', () => {
    const stage = new Stage().up()
    stage.keepUp(900, { demand: true })
    expect(stage.sent).to.have.lengthOf(0)
    stage.session.update({ ...fast, minTx: 200 }, stage.now)
    stage.keepUp(900, { demand: true })
    expect(stage.last).to.include({ poll: true })
    const polls = stage.sent.length
    stage.hear('Up', { demand: true, final: true })
    stage.keepUp(900, { demand: true })
    expect(stage.sent).to.have.lengthOf(polls)
  })

  it('I5 jitter takes 0 to 25 percent, and 10 to 25 with a multiplier of 1', () => {
    for (const random of [0, 0.3, 0.999999]) {
      expect(jitter(3, random)).to.be.within(0.75, 1)
      expect(jitter(1, random)).to.be.within(0.75, 0.9)
    }
    expect([jitter(2, 0), jitter(1, 0)]).to.deep.equal([1, 0.9])
  })

  for (const [multiplier, random, gap] of [
    [3, 0, 100],
    [3, 1, 75],
    [1, 0, 90],
    [1, 1, 75],
  ] as const) {
    it(`I5 packets are ${gap} ms apart with multiplier ${multiplier} and the jitter at ${random}`, () => {
      const stage = new Stage({ ...fast, multiplier }).up()
      stage.random = random
      stage.keepUp(900)
      const gaps = stage.sent.slice(2).map(({ at }, index) => at - stage.sent[index + 1]!.at)
      expect(new Set(gaps)).to.deep.equal(new Set([gap]))
    })
  }

  it('remember by how much packets were late', () => {
    const stage = new Stage().up()
    const before = [...stage.session.lateness]
    for (const late of [40, 0, 120]) {
      stage.now = stage.session.transmitAt + late
      stage.hear('Up')
      stage.session.due(stage.now)
    }
    expect(stage.session.worstLateness).to.equal(120)
    const counted = [...stage.session.lateness].map((count, index) => count - before[index]!)
    expect(counted).to.deep.equal([1, 0, 0, 0, 0, 1, 0, 1])
  })
})
