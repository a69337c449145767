import { expect } from 'chai'
import { farewellMs } from '../../../speaker/bfd/engine.ts'
import { Loop } from '../../../speaker/bfd/loop.ts'
import type { Command, Report } from '../../../speaker/bfd/messages.ts'
import { type ControlPacket, emptyPacket, readPacket, writePacket } from '../../../speaker/bfd/packet.ts'
import { emptyRow, readStatus } from '../../../speaker/bfd/status.ts'
import { encodeSocketAddress } from '../../../speaker/transport/system.ts'
import { address } from '../../support/fabric.ts'

const timers = { minTx: 100, minRx: 100, multiplier: 3 }
const forever = 100_000

/** The machine below the loop: time passes while it waits, and the test says what happens then. */
class Machine {
  now = 0
  readonly reports: Report[] = []
  readonly sent: (ControlPacket & { at: number })[] = []
  readonly waits: number[] = []
  readonly row = emptyRow()
  closed = 0
  /** Called when a socket was read to its end. */
  onEmpty = () => {}
  /** What happens at a time, in order. */
  readonly #script: { readonly at: number; readonly run: () => void }[] = []
  readonly #commands: Command[] = []
  readonly #arrived: Uint8Array[] = []
  #random = 0.25

  readonly loop: Loop
  readonly peer = address('fd00::2')

  constructor() {
    this.loop = new Loop({
      now: () => this.now,
      random: () => this.#random,
      next: () => this.#commands.shift(),
      report: (report) => this.reports.push(report),
      udp: {
        openReceiver: () => 3,
        openSender: () => 4,
        socketAddress: () => new Uint8Array(),
        interfaceIndex: () => 1,
        send: (_fd, bytes) => {
          const packet = emptyPacket()
          readPacket(bytes, bytes.length, packet)
          this.sent.push({ ...packet, at: this.now })
          return undefined
        },
        receive: (_fd, bytes, from) => {
          const packet = this.#arrived.shift()
          if (!packet) {
            this.onEmpty()
            return -1
          }
          bytes.set(packet)
          from.set(encodeSocketAddress(this.peer, 49152))
          return packet.length
        },
        wait: (_list, milliseconds) => this.#wait(milliseconds),
        close: () => {
          this.closed++
        },
      },
    })
  }

  at(time: number, run: () => void): this {
    this.#script.push({ at: time, run })
    this.#script.sort((a, b) => a.at - b.at)
    return this
  }

  say(command: Command): void {
    this.#commands.push(command)
  }

  /** A packet of the other end is in the socket. */
  arrive(more: Partial<ControlPacket>): void {
    const bytes = new Uint8Array(24)
    const yourDiscriminator = this.sent[0]?.myDiscriminator ?? 0
    const said = { myDiscriminator: 9, yourDiscriminator, multiplier: 3, desiredMinTx: 100_000, requiredMinRx: 100_000 }
    writePacket({ ...emptyPacket(), ...said, ...more }, bytes)
    this.#arrived.push(bytes)
  }

  /** Watches the peer, and runs until the test closes it. */
  watch(): this {
    this.loop.run({ do: 'watch', id: 1, target: { remote: this.peer, multihop: false, ...timers }, row: this.row })
    return this
  }

  /** Up from 10 ms on, with the other end saying so every 90 ms until `until`. */
  up(until: number): this {
    this.at(10, () => this.arrive({ state: 'Init' }))
    for (let time = 20; time <= until; time += 90) this.at(time, () => this.arrive({ state: 'Up', final: time === 20 }))
    return this
  }

  get states(): string[] {
    return this.reports.map((report) => (report.kind === 'status' ? report.status.state : report.kind))
  }

  /** Sleeps until something is scheduled or the time is over, as poll(2) does. */
  #wait(milliseconds: number): void {
    this.waits.push(milliseconds)
    if (this.waits.length > forever) throw new Error('the loop does not end')
    const [next] = this.#script
    if (!next || next.at > this.now + milliseconds) {
      this.now += milliseconds
      return
    }
    this.#script.shift()
    this.now = Math.max(this.now, next.at)
    next.run()
  }
}

describe('the loop of the BFD thread', () => {
  const close = (machine: Machine) => () => machine.say({ do: 'close' })

  it('I3 comes up, and goes down when nothing comes for the detection time', () => {
    const machine = new Machine()
    machine.up(560).at(2000, close(machine)).watch()
    expect(machine.states).to.deep.equal(['Up', 'Up', 'Down', 'AdminDown'])
    const down = machine.sent.find(({ state, diagnostic }) => state === 'Down' && diagnostic === 1)
    expect(down?.at).to.be.within(860, 862)
  })

  it('I8 after a stall, takes what had come meanwhile before it finds a detection time to be over', () => {
    const machine = new Machine()
    machine.up(560)
    // The thread gets no processor for two seconds, while packets go on arriving.
    machine.at(570, () => {
      for (let count = 0; count < 20; count++) machine.arrive({ state: 'Up' })
      machine.now += 2000
    })
    machine.at(2600, close(machine)).watch()
    expect(machine.states).to.deep.equal(['Up', 'Up', 'AdminDown'])
  })

  it('I8 a stall right after the sockets were read is no silence of the peer either', () => {
    const machine = new Machine()
    machine.up(560)
    machine.onEmpty = () => {
      if (machine.now < 570 || machine.now > 2000) return
      for (let count = 0; count < 20; count++) machine.arrive({ state: 'Up' })
      machine.now += 2000
    }
    machine.at(2600, close(machine)).watch()
    expect(machine.states).to.deep.equal(['Up', 'Up', 'AdminDown'])
  })

  it('I8 after a stall with nothing in the socket, the path has failed', () => {
    const machine = new Machine()
    machine.up(560)
    machine.at(570, () => {
      machine.now += 2000
    })
    machine.at(2600, close(machine)).watch()
    expect(machine.states).to.deep.equal(['Up', 'Up', 'Down', 'AdminDown'])
  })

  it('hears the main thread within 50 ms, and sleeps until the next deadline otherwise', () => {
    const machine = new Machine()
    machine.up(2000).at(2000, close(machine)).watch()
    expect(Math.max(...machine.waits)).to.equal(50)
    expect(machine.waits.filter((wait) => wait === 0)).to.have.lengthOf(1)
  })

  it('says AdminDown once when it is closed, after what rests on it has ended, and closes its sockets', () => {
    const machine = new Machine()
    machine.up(2000).at(1000, close(machine)).watch()
    expect(machine.loop.closed).to.equal(true)
    const goodbyes = machine.sent.filter(({ state }) => state === 'AdminDown')
    expect(goodbyes).to.have.lengthOf(1)
    expect(goodbyes[0]?.at).to.be.within(1000 + farewellMs, 1000 + farewellMs + 1)
    expect(machine.closed).to.equal(2)
  })

  it('ends by itself when the last session has said AdminDown for long enough, and can begin again', () => {
    const machine = new Machine()
    machine.up(560).at(570, () => machine.say({ do: 'stop', id: 1 }))
    machine.watch()
    expect(machine.loop.closed).to.equal(false)
    expect(machine.now).to.be.within(3000, 5000)
    machine.sent.length = 0
    machine.now += 3_600_000
    machine.at(machine.now + 2000, close(machine)).watch()
    expect(machine.sent.length).to.be.above(1)
    expect(readStatus(machine.row).worstLateness).to.be.below(50)
  })

  it('takes new timers, and shows the status in memory that others read', () => {
    const machine = new Machine()
    machine.up(2000)
    machine.at(500, () => machine.say({ do: 'update', id: 1, timers: { ...timers, multiplier: 7 } }))
    let seen = readStatus(machine.row)
    machine.at(900, () => {
      seen = readStatus(machine.row)
    })
    machine.at(1000, close(machine)).watch()
    expect(seen).to.deep.include({ state: 'Up', detectionTime: 300, local: { ...timers, multiplier: 7 } })
    expect(machine.sent.at(-1)?.multiplier).to.equal(7)
    expect(seen.packetsIn).to.be.above(5)
  })

  it('does what is said of a session that is gone without complaint', () => {
    const machine = new Machine()
    machine.at(10, () => machine.say({ do: 'update', id: 99, timers }))
    machine.at(20, () => machine.say({ do: 'stop', id: 99 }))
    machine.at(100, close(machine)).watch()
    expect(machine.states).to.deep.equal(['AdminDown'])
  })
})
