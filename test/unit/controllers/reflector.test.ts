/** One kind of object, listed and watched for ever: against a scripted API server, on a virtual clock. */

import { expect } from 'chai'
import { ApiError, type ApiRequest, Reflector } from '../../../controllers/index.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const settle = async () => {
  for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** The far end of one request: the test says what comes and how it ends. */
class Exchange {
  readonly request: ApiRequest
  #queue: (Uint8Array | Error | undefined)[] = []
  #wake: () => void = () => {}

  constructor(request: ApiRequest) {
    this.request = request
    request.signal?.addEventListener('abort', () => this.#push(new Error('aborted')))
  }

  get query(): Readonly<Record<string, string>> {
    return this.request.query ?? {}
  }

  get isOpen(): boolean {
    return this.request.signal?.aborted === false
  }

  event(type: string, name: string, version: string, annotations?: object): void {
    this.text(
      `${JSON.stringify({ type, object: { kind: 'Service', metadata: { name, resourceVersion: version, annotations } } })}\n`,
    )
  }

  endOfInitial(version: string): void {
    this.event('BOOKMARK', '', version, { 'k8s.io/initial-events-end': 'true' })
  }

  text(text: string): void {
    this.bytes(new TextEncoder().encode(text))
  }

  bytes(bytes: Uint8Array): void {
    this.#push(bytes)
  }

  end(): void {
    this.#push(undefined)
  }

  breakOff(): void {
    this.#push(new Error('ECONNRESET'))
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      while (this.#queue.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
      const next = this.#queue.shift()
      if (next === undefined) return
      if (next instanceof Error) throw next
      yield next
    }
  }

  #push(one: Uint8Array | Error | undefined): void {
    this.#queue.push(one)
    this.#wake()
  }
}

function make(refuse: (request: ApiRequest) => Error | undefined = () => undefined) {
  const clock = new VirtualClock()
  const asked: Exchange[] = []
  const known = new Map<string, string>()
  const nameOf = (object: unknown) => (object as { metadata: { name: string; resourceVersion: string } }).metadata
  const logged: string[] = []
  const log = {
    debug: () => {},
    info: (_: object, text: string) => void logged.push(text),
    warn: () => {},
    error: () => {},
  }
  const api = {
    request: () => Promise.reject(new Error('not asked here')),
    stream: (request: ApiRequest) => {
      const exchange = new Exchange(request)
      asked.push(exchange)
      const error = refuse(request)
      return error ? Promise.reject(error) : Promise.resolve({ chunks: exchange.chunks(), close: () => {} })
    },
  }
  const target = {
    begin: () => {
      const next = new Map<string, string>()
      return {
        add: (object: unknown) => void next.set(nameOf(object).name, nameOf(object).resourceVersion),
        commit: () => {
          known.clear()
          for (const [name, version] of next) known.set(name, version)
        },
      }
    },
    upsert: (object: unknown) => void known.set(nameOf(object).name, nameOf(object).resourceVersion),
    remove: (object: unknown) => void known.delete(nameOf(object).name),
  }
  const reflector = new Reflector(
    { clock, random: () => 0.5, log, api },
    { path: '/api/v1/services', kind: 'Service' },
    target,
    () => {},
  )
  return { clock, asked, known, reflector, logged, last: () => asked.at(-1)! }
}

/** A reflector that has its first list, from a streamed one. */
async function watching(refuse?: (request: ApiRequest) => Error | undefined) {
  const made = make(refuse)
  made.reflector.start()
  await settle()
  made.last().event('ADDED', 'a', '5')
  made.last().event('ADDED', 'b', '6')
  made.last().endOfInitial('10')
  await settle()
  return made
}

describe('a reflector', () => {
  it('asks for a streamed list, and knows nothing before its end', async () => {
    const { reflector, last, known } = make()
    reflector.start()
    await settle()
    expect(last().query).to.include({ watch: 'true', sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' })
    expect(last().query).to.not.have.property('resourceVersion')
    last().event('ADDED', 'a', '5')
    await settle()
    expect(known.size).to.equal(0)
    expect(reflector.health.synced).to.equal(false)
    last().endOfInitial('10')
    await settle()
    expect([...known]).to.deep.equal([['a', '5']])
    expect(reflector.health).to.include({ synced: true, watching: true })
  })

  it('follows what is added, modified and deleted, in lines cut anywhere', async () => {
    const { last, known } = await watching()
    const line = JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'é€', resourceVersion: '11' } } })
    const bytes = new TextEncoder().encode(`${line}\n`)
    for (const byte of bytes) last().bytes(Uint8Array.of(byte))
    last().event('MODIFIED', 'a', '12')
    last().event('DELETED', 'b', '13')
    await settle()
    expect(known.get('a')).to.equal('12')
    expect(known.has('b')).to.equal(false)
    expect(known.get('é€')).to.equal('11')
  })

  it('resumes from the last version that it heard, bookmarks counted, without listing again', async () => {
    const { clock, asked, last, known, reflector } = await watching()
    last().event('BOOKMARK', '', '20')
    clock.pass(1000)
    last().end()
    await settle()
    expect(asked).to.have.lengthOf(2)
    expect(last().query).to.include({ resourceVersion: '20', allowWatchBookmarks: 'true' })
    expect(last().query).to.not.have.property('sendInitialEvents')
    expect(known.size).to.equal(2)
    expect(reflector.health.lists).to.equal(1)
  })

  it('J12 keeps what it knows and backs off, longer each time, while the server is away', async () => {
    let away = false
    const { clock, asked, last, known, reflector } = await watching(() =>
      away ? new Error('ECONNREFUSED') : undefined,
    )
    away = true
    last().breakOff()
    await settle()
    const pauses: number[] = []
    for (let attempt = 0; attempt < 8; attempt++) {
      const before = asked.length
      let waited = 0
      while (asked.length === before) {
        clock.pass(100)
        waited += 100
        await settle()
      }
      pauses.push(waited)
    }
    // Half of 0.8 s, doubled up to half of 30 s: the random number here is always 0.5.
    expect(pauses).to.deep.equal([400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000])
    expect(known.size).to.equal(2)
    expect(reflector.health).to.include({ synced: true, watching: false, problem: 'ECONNREFUSED' })
    away = false
    clock.pass(15_000)
    await settle()
    expect(reflector.health).to.include({ watching: true, problem: undefined })
  })

  for (const [title, how] of [
    [
      'as an event',
      (last: Exchange) =>
        last.text(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`),
    ],
    ['as an answer', undefined],
  ] as const) {
    it(`lists again, after a pause of its own, when its version is gone: ${title}`, async () => {
      let gone = false
      const { clock, asked, last, known } = await watching((request) =>
        gone && request.query?.['resourceVersion'] ? new ApiError(410, 'Expired', 'too old') : undefined,
      )
      if (how) how(last())
      else {
        gone = true
        clock.pass(1000)
        last().end()
      }
      await settle()
      const before = asked.length
      clock.pass(999)
      await settle()
      expect(asked.length).to.equal(before)
      clock.pass(1)
      await settle()
      expect(last().query).to.have.property('sendInitialEvents', 'true')
      expect(known.size).to.equal(2)
      last().event('ADDED', 'b', '30')
      last().endOfInitial('31')
      await settle()
      expect([...known]).to.deep.equal([['b', '30']])
    })
  }

  it('lists ever more seldom from a server that forgets at once what it has listed', async () => {
    const { clock, asked, last, reflector } = make()
    reflector.start()
    await settle()
    const pauses: number[] = []
    for (let round = 0; round < 6; round++) {
      last().endOfInitial('10')
      last().text(`${JSON.stringify({ type: 'ERROR', object: { code: 410 } })}\n`)
      await settle()
      const before = asked.length
      let waited = 0
      while (asked.length === before) {
        clock.pass(500)
        waited += 500
        await settle()
      }
      pauses.push(waited)
    }
    expect(pauses).to.deep.equal([1000, 2000, 4000, 8000, 15_000, 15_000])
  })

  it('an ERROR event of any other code ends the watch and counts as a failure', async () => {
    const { clock, asked, last, reflector } = await watching()
    last().text(`${JSON.stringify({ type: 'ERROR', object: { code: 500, message: 'etcd is not well' } })}\n`)
    await settle()
    expect(reflector.health.problem).to.equal('etcd is not well')
    clock.pass(400)
    await settle()
    expect(asked).to.have.lengthOf(2)
    expect(last().query['resourceVersion']).to.equal('10')
  })

  it('cuts a watch that nothing was heard from for three minutes, and resumes', async () => {
    const { clock, asked, last } = await watching()
    const quiet = last()
    for (let minute = 0; minute < 10; minute++) {
      clock.pass(60_000)
      last().event('BOOKMARK', '', `${100 + minute}`)
      await settle()
    }
    expect(asked).to.have.lengthOf(1)
    clock.pass(190_000)
    await settle()
    expect(quiet.isOpen).to.equal(false)
    clock.pass(1000)
    await settle()
    expect(asked).to.have.lengthOf(2)
    expect(last().query['resourceVersion']).to.equal('109')
  })

  for (const status of [422, 400]) {
    it(`lists in pages from a server without streamed lists (${status}), and remembers it`, async () => {
      const { asked, last, known, reflector, clock } = make((request) =>
        request.query?.['sendInitialEvents']
          ? new ApiError(status, 'Invalid', 'sendInitialEvents is forbidden')
          : undefined,
      )
      reflector.start()
      await settle()
      clock.pass(0)
      await settle()
      expect(last().query).to.deep.equal({ limit: '500' })
      const page = (name: string, next: string) =>
        JSON.stringify({
          kind: 'ServiceList',
          metadata: { resourceVersion: '40', continue: next },
          items: [{ metadata: { name, resourceVersion: '1', annotations: { text: '[{"}]\\"' } } }],
        })
      const text = page('a', 'more')
      last().text(text.slice(0, 60))
      last().text(text.slice(60, 120))
      last().text(text.slice(120))
      last().end()
      await settle()
      expect(last().query).to.deep.equal({ limit: '500', continue: 'more' })
      expect(known.size).to.equal(0)
      last().text(page('b', ''))
      last().end()
      await settle()
      expect([...known.keys()]).to.deep.equal(['a', 'b'])
      expect(last().query).to.include({ watch: 'true', resourceVersion: '40' })
      last().text(`${JSON.stringify({ type: 'ERROR', object: { code: 410 } })}\n`)
      await settle()
      clock.pass(2000)
      await settle()
      expect(last().query).to.deep.equal({ limit: '500' })
      expect(asked.filter(({ query }) => query['sendInitialEvents'])).to.have.lengthOf(1)
    })
  }

  it('falls back to pages when a streamed list never says where it ends', async () => {
    const { clock, last, reflector, known } = make()
    reflector.start()
    await settle()
    last().event('ADDED', 'a', '5')
    await settle()
    for (let second = 0; second < 40; second += 5) {
      clock.pass(5000)
      await settle()
    }
    expect(known.size).to.equal(0)
    expect(last().query).to.deep.equal({ limit: '500' })
  })

  it('waits as long as the server asks (Retry-After)', async () => {
    let busy = false
    const { clock, asked, last } = await watching(() =>
      busy ? new ApiError(429, 'TooManyRequests', 'busy', 7) : undefined,
    )
    busy = true
    last().breakOff()
    await settle()
    clock.pass(400)
    await settle()
    const before = asked.length
    clock.pass(6999)
    await settle()
    expect(asked.length).to.equal(before)
    clock.pass(1)
    await settle()
    expect(asked.length).to.equal(before + 1)
  })

  it('a list that is cut off never was: what is known stays', async () => {
    const { clock, last, known } = await watching()
    last().text(`${JSON.stringify({ type: 'ERROR', object: { code: 410 } })}\n`)
    await settle()
    clock.pass(2000)
    await settle()
    last().event('ADDED', 'c', '50')
    last().breakOff()
    await settle()
    expect([...known.keys()]).to.deep.equal(['a', 'b'])
  })

  it('stops: nothing is open, nothing is timed, nothing is asked any more', async () => {
    const { clock, asked, last, reflector } = await watching()
    reflector.stop()
    await settle()
    expect(last().isOpen).to.equal(false)
    clock.pass(600_000)
    await settle()
    expect(asked).to.have.lengthOf(1)
    expect(clock.pending).to.equal(0)
  })

  it('asks the server to end each watch after five to ten minutes, not all at once', async () => {
    const { last } = await watching()
    expect(last().query['timeoutSeconds']).to.equal('450')
  })
})
