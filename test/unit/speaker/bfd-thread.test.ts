import { EventEmitter } from 'node:events'
import { expect } from 'chai'
import type { Command, Report } from '../../../speaker/bfd/messages.ts'
import { Session } from '../../../speaker/bfd/session.ts'
import { writeStatus } from '../../../speaker/bfd/status.ts'
import { type Thread, ThreadedBfd } from '../../../speaker/bfd/thread.ts'
import type { BfdStatus, BfdTarget } from '../../../speaker/index.ts'
import { address } from '../../support/fabric.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const timers = { minTx: 100, minRx: 100, multiplier: 3 }
const target: BfdTarget = { remote: address('fd00::2'), multihop: false, ...timers }

/** A thread that does nothing but note what it is told. */
class FakeThread extends EventEmitter implements Thread {
  readonly commands: Command[] = []
  terminated = false

  postMessage(command: Command): void {
    this.commands.push(command)
  }

  async terminate(): Promise<void> {
    this.terminated = true
    this.emit('exit')
  }

  get said(): string[] {
    return this.commands.map((command) => ('id' in command ? `${command.do} ${command.id}` : command.do))
  }
}

describe('BFD in a thread, as the main thread sees it', () => {
  let clock: VirtualClock
  let threads: FakeThread[]
  let errors: string[]
  let bfd: ThreadedBfd
  let heard: BfdStatus[]

  beforeEach(() => {
    clock = new VirtualClock()
    threads = []
    errors = []
    heard = []
    const log = {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (_: object, text: string) => errors.push(text),
    }
    bfd = new ThreadedBfd(log, clock, () => {
      const thread = new FakeThread()
      threads.push(thread)
      return thread
    })
  })

  const watch = (more: Partial<BfdTarget> = {}) => bfd.watch({ ...target, ...more }, (status) => heard.push(status))

  it('starts no thread before there is a session, and one for all of them', async () => {
    await bfd.close()
    expect(threads).to.have.lengthOf(0)
    bfd = new ThreadedBfd({} as never, clock, () => {
      threads.push(new FakeThread())
      return threads.at(-1)!
    })
    watch()
    watch({ remote: address('10.0.0.2') })
    expect(threads.map(({ said }) => said)).to.deep.equal([['watch 1', 'watch 2']])
  })

  it('passes on what is asked for, and nothing of what a session that was stopped still says', () => {
    const one = watch()
    one.update({ ...timers, minTx: 50 })
    one.adminDown()
    one.stop()
    expect(threads[0]?.said).to.deep.equal(['watch 1', 'update 1', 'admin-down 1', 'stop 1'])
    threads[0]?.emit('message', { kind: 'status', id: 1, status: one.status } satisfies Report)
    expect(heard).to.deep.equal([])
  })

  it('reads the status from memory that the thread writes, without a message', () => {
    const one = watch()
    const [command] = threads[0]!.commands
    const row = command?.do === 'watch' ? command.row : undefined
    expect(row?.buffer).to.be.instanceOf(SharedArrayBuffer)
    const session = new Session(7, timers, 0, () => 0, { transmit: () => {}, changed: () => {} })
    session.packetsIn = 42
    writeStatus({ session, discarded: 3, lastDiscard: 'version is not 1' } as never, row!)
    expect(one.status).to.include({ state: 'Down', packetsIn: 42, discarded: 3, lastDiscard: 'version is not 1' })
  })

  it('I6 a thread that ends is started again with all sessions, and that is no failure of any path', () => {
    const one = watch()
    one.update({ ...timers, multiplier: 5 })
    const two = watch({ remote: address('10.0.0.2') })
    two.adminDown()
    threads[0]?.emit('error', new Error('out of memory'))
    threads[0]?.emit('exit')
    expect(heard.map(({ state, problem }) => `${state}: ${problem}`)).to.deep.equal([
      'AdminDown: the thread of BFD ended; it is started again',
      'AdminDown: the thread of BFD ended; it is started again',
    ])
    expect(errors).to.deep.equal(['the thread of BFD failed'])
    clock.pass(5000)
    expect(threads[1]?.said).to.deep.equal(['watch 1', 'watch 2', 'admin-down 2'])
    expect(threads[1]?.commands[0]).to.deep.include({ target: { ...target, multiplier: 5 } })
    expect(heard.at(-1)?.problem).to.equal(undefined)
    expect(one.status.problem).to.equal(undefined)
  })

  it('says why there is no BFD in this process, to sessions before and after, and tries no more', async () => {
    const one = watch()
    threads[0]?.emit('message', { kind: 'unavailable', why: 'no koffi' } satisfies Report)
    threads[0]?.emit('exit')
    expect(heard.map(({ state, problem }) => `${state}: ${problem}`)).to.deep.equal(['Down: no koffi'])
    watch({ remote: address('10.0.0.2') })
    await Promise.resolve()
    expect(heard.at(-1)?.problem).to.equal('no koffi')
    clock.pass(60_000)
    expect(threads).to.have.lengthOf(1)
    expect(one.status.problem).to.equal('no koffi')
  })

  it('closes when the thread has said goodbye, or when it takes too long', async () => {
    watch()
    const closing = bfd.close()
    expect(threads[0]?.said.at(-1)).to.equal('close')
    threads[0]?.emit('exit')
    await closing
    expect(clock.pending).to.equal(0)
    expect(heard).to.deep.equal([])

    bfd = new ThreadedBfd({} as never, clock, () => {
      threads.push(new FakeThread())
      return threads.at(-1)!
    })
    watch()
    const slow = bfd.close()
    clock.pass(300)
    await slow
    expect(threads[1]?.terminated).to.equal(true)
  })

  it('closed while it waits to start the thread again, it does not', async () => {
    watch()
    threads[0]?.emit('exit')
    await bfd.close()
    clock.pass(60_000)
    expect(threads).to.have.lengthOf(1)
  })
})
