import { expect } from 'chai'
import { type Reader, ReadingTurns } from '../../../speaker/transport/reading-turns.ts'
import type { Clock } from '../../../speaker/world.ts'

/** An event loop in which only reading takes time. */
class Loop implements Clock {
  #now = 0
  #due: (() => void)[] = []

  now = () => this.#now

  after(_delayMs: number, run: () => void) {
    this.#due.push(run)
    return { cancel: () => {} }
  }

  spend(milliseconds: number): void {
    this.#now += milliseconds
  }

  /** Runs what was due, and says how long that took. */
  turn(): number {
    const begun = this.#now
    for (const run of this.#due.splice(0)) run()
    return this.#now - begun
  }

  get isIdle(): boolean {
    return this.#due.length === 0
  }
}

class Listener implements Reader {
  readonly heard: number[] = []
  readonly pieces: number[] = []
  timesTaken = 0
  /** Octets after which it wants no more. */
  most = Number.POSITIVE_INFINITY
  readonly #loop: Loop
  readonly #msPerOctet: () => number

  constructor(loop: Loop, msPerOctet: number | (() => number)) {
    this.#loop = loop
    this.#msPerOctet = typeof msPerOctet === 'number' ? () => msPerOctet : msPerOctet
  }

  take(piece: Uint8Array): boolean {
    this.heard.push(...piece)
    this.pieces.push(piece.length)
    this.#loop.spend(piece.length * this.#msPerOctet())
    return this.heard.length < this.most
  }

  taken(): void {
    this.timesTaken++
  }
}

const kib = 1024
const cold = 1 / 512
const hot = 1 / (64 * kib)
const octets = (length: number) => Uint8Array.from({ length }, (_, index) => index % 251)
const numbers = (length: number) => [...octets(length)]

describe('reading in turns', () => {
  let loop: Loop
  let turns: ReadingTurns

  beforeEach(() => {
    loop = new Loop()
    turns = new ReadingTurns(loop)
  })

  it('takes at once what takes little time', () => {
    const reader = new Listener(loop, hot)
    expect(turns.read(reader, octets(8 * kib), false)).to.equal(true)
    expect(reader.heard).to.deep.equal(numbers(8 * kib))
    loop.turn()
    expect(loop.isIdle).to.equal(true)
    expect(reader.timesTaken, 'it was never stopped').to.equal(0)
  })

  it('reads for a few milliseconds a turn while code is cold, and loses nothing and turns nothing round', () => {
    const reader = new Listener(loop, cold)
    const begun = loop.now()
    expect(turns.read(reader, octets(20 * kib), false)).to.equal(false)
    expect(loop.now() - begun).to.be.within(3, 4)
    let count = 0
    for (; !loop.isIdle && count < 100; count++) expect(loop.turn()).to.be.at.most(4)
    expect(count).to.be.above(8)
    expect(reader.heard).to.deep.equal(numbers(20 * kib))
    expect(reader.timesTaken).to.equal(1)
  })

  it('looks at the clock seldom once code is hot, and often where it is slow again', () => {
    let speed = hot
    const reader = new Listener(loop, () => speed)
    turns.read(reader, octets(64 * kib), false)
    expect(Math.max(...reader.pieces)).to.equal(8 * kib)
    speed = cold
    loop.turn()
    turns.read(reader, octets(64 * kib), false)
    for (let count = 0; count < 20; count++) loop.turn()
    expect(reader.pieces.at(-1)).to.equal(512)
  })

  it('does not take small messages for a sign that code is hot', () => {
    const reader = new Listener(loop, hot)
    for (let count = 0; count < 100; count++) turns.read(reader, octets(19), false)
    turns.read(reader, octets(kib), false)
    expect(reader.pieces.at(-2)).to.equal(512)
  })

  it('gives each of several connections a share, and what is short does not wait behind what is long', () => {
    const [one, other, short] = [0, 1, 2].map(() => new Listener(loop, cold)) as [Listener, Listener, Listener]
    expect(turns.read(one, octets(20 * kib), false)).to.equal(false)
    expect(turns.read(other, octets(20 * kib), false)).to.equal(false)
    expect(other.heard, 'the turn was over').to.deep.equal([])
    for (let count = 0; count < 4; count++) loop.turn()
    expect(Math.abs(one.heard.length - other.heard.length)).to.be.below(3 * kib)
    expect(turns.read(short, octets(19), false)).to.equal(true)
    while (!loop.isIdle) loop.turn()
    expect([one.heard, other.heard]).to.deep.equal([numbers(20 * kib), numbers(20 * kib)])
  })

  it('lets nobody who comes with much go before those who wait', () => {
    const waiting = new Listener(loop, cold)
    turns.read(waiting, octets(4 * kib), false)
    loop.turn()
    const other = new Listener(loop, cold)
    expect(turns.read(other, octets(4 * kib), false)).to.equal(false)
    expect(other.heard).to.deep.equal([])
  })

  it('keeps all connections together to the time of one turn', () => {
    const readers = Array.from({ length: 50 }, () => new Listener(loop, cold))
    const begun = loop.now()
    for (const reader of readers) turns.read(reader, octets(512), true)
    expect(loop.now() - begun).to.be.at.most(4)
    while (!loop.isIdle) expect(loop.turn()).to.be.at.most(4)
    for (const { heard } of readers) expect(heard).to.deep.equal(numbers(512))
  })

  it('reads on, a piece a turn, though others took all of the time', () => {
    const waiting = new Listener(loop, cold)
    turns.read(waiting, octets(4 * kib), false)
    for (let count = 0; count < 10; count++) {
      turns.read(new Listener(loop, () => 10), octets(1), false)
      loop.turn()
    }
    expect(waiting.heard).to.deep.equal(numbers(4 * kib))
  })

  it('copies what has to wait where others are read into the same memory', () => {
    const reader = new Listener(loop, cold)
    const memory = octets(8 * kib)
    turns.read(reader, memory, true)
    memory.fill(255)
    while (!loop.isIdle) loop.turn()
    expect(reader.heard).to.deep.equal(numbers(8 * kib))
  })

  it('forgets the rest of a connection that wants no more', () => {
    const reader = new Listener(loop, cold)
    reader.most = 3 * kib
    turns.read(reader, octets(20 * kib), false)
    while (!loop.isIdle) loop.turn()
    expect(reader.heard.length).to.equal(3 * kib)
    expect(reader.timesTaken, 'it may be read on, and thrown away').to.equal(1)
  })
})
