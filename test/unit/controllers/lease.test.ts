import { expect } from 'chai'
import fc from 'fast-check'
import { type ApiClient, ApiError, type ApiRequest } from '../../../controllers/api/client.ts'
import { formatFinding } from '../../../controllers/findings.ts'
import { Lease } from '../../../controllers/leader/lease.ts'
import type { Clock } from '../../../speaker/index.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

interface Spec {
  holderIdentity?: string
  leaseDurationSeconds?: number
  leaseTransitions?: number
  acquireTime?: string
  renewTime?: string
  readonly [unknown: string]: unknown
}

interface Stored {
  readonly metadata: { readonly resourceVersion: string; readonly labels?: object }
  readonly spec: Spec
}

const path = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases'

/** One Lease, changed by compare-and-set as an API server does. */
class FakeServer {
  lease: Stored | undefined
  readonly holders: (string | undefined)[] = []
  #version = 0

  set(spec: Spec, labels?: object): void {
    this.lease = { metadata: { resourceVersion: String(++this.#version), ...(labels && { labels }) }, spec }
    if (this.holders.at(-1) !== spec.holderIdentity) this.holders.push(spec.holderIdentity)
  }

  answer({ method = 'GET', path: asked, body }: ApiRequest): Stored {
    const sent = structuredClone(body) as Stored
    if (method === 'POST') {
      expect(asked).to.equal(path)
      if (this.lease) throw new ApiError(409, 'AlreadyExists', 'already exists')
      this.set(sent.spec)
    } else {
      expect(asked).to.equal(`${path}/kube-router-lballoc`)
      if (!this.lease) throw new ApiError(404, 'NotFound', 'not found')
      if (method === 'PUT') {
        const { resourceVersion, labels } = this.lease.metadata
        if (sent.metadata.resourceVersion !== resourceVersion) throw new ApiError(409, 'Conflict', 'modified')
        this.set(sent.spec, labels)
      }
    }
    return structuredClone(this.lease!)
  }
}

type Network = 'up' | 'refuses' | 'hangs' | 'loses answers'

/** One who takes part, with a network of its own. */
class Candidate {
  network: Network = 'up'
  leads = false
  readonly changes: boolean[] = []
  readonly requests: ApiRequest[] = []
  readonly lease: Lease
  readonly warnings: string[] = []

  constructor(clock: Clock, server: FakeServer, identity: string, random = Math.random) {
    const api: ApiClient = {
      request: async (request) => {
        this.requests.push(request)
        await Promise.resolve()
        if (this.network === 'refuses') throw new Error('connect ECONNREFUSED')
        if (this.network === 'hangs') await new Promise(() => {})
        const answer = server.answer(request)
        if (this.network === 'loses answers') throw new Error('socket hang up')
        return answer
      },
      stream: () => Promise.reject(new Error('not expected')),
    }
    const log = { debug() {}, info() {}, warn: (_: object, text: string) => void this.warnings.push(text), error() {} }
    // A wall clock that is wrong, and wrong by other amounts elsewhere, must not matter.
    const wallClock = () => Math.floor(random() * 2e12)
    this.lease = new Lease({ clock, wallClock, random, api, log }, { namespace: 'kube-system', identity }, (leads) => {
      this.leads = leads
      this.changes.push(leads)
    })
    this.lease.start()
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('the Lease', () => {
  let clock: VirtualClock
  let server: FakeServer
  let all: Candidate[]

  beforeEach(() => {
    clock = new VirtualClock()
    server = new FakeServer()
    all = []
  })
  afterEach(async () => {
    for (const one of all) one.network = 'refuses'
    await Promise.all(all.map(({ lease }) => lease.stop()))
    expect(clock.pending).to.equal(0)
  })

  const join = (identity: string) => {
    const made = new Candidate(clock, server, identity)
    all.push(made)
    return made
  }
  const pass = async (milliseconds: number) => {
    for (let gone = 0; gone < milliseconds; gone += 100) {
      clock.pass(100)
      await turn()
      expect(all.filter(({ lease }) => lease.isLeader).length, 'leaders').to.be.lessThan(2)
      for (const one of all) if (one.lease.isLeader) expect(one.leads).to.equal(true)
    }
  }
  const held = (holderIdentity = 'other', more: Spec = {}): Spec => ({
    holderIdentity,
    leaseDurationSeconds: 15,
    leaseTransitions: 3,
    acquireTime: '2026-01-01T00:00:00.000000Z',
    renewTime: '2026-01-01T00:00:00.000000Z',
    ...more,
  })

  it('is made where there is none, with the times as MicroTime', async () => {
    const a = join('a')
    await pass(100)
    expect(a.leads).to.equal(true)
    const { acquireTime, renewTime, ...spec } = server.lease!.spec
    expect(spec).to.deep.equal({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 })
    for (const time of [acquireTime, renewTime]) expect(time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  })

  it('is renewed every two seconds with one request each', async () => {
    const a = join('a')
    await pass(100)
    const { acquireTime, renewTime } = server.lease!.spec
    const before = a.requests.length
    await pass(20_000)
    expect(a.requests.slice(before).map(({ method }) => method)).to.deep.equal(Array(10).fill('PUT'))
    expect(server.lease?.spec.acquireTime).to.equal(acquireTime)
    expect(server.lease?.spec.renewTime).not.to.equal(renewTime)
    expect(server.lease?.spec.leaseTransitions).to.equal(0)
    expect(a.changes).to.deep.equal([true])
  })

  it('of another is left alone while it is renewed, and taken 15 s after it was last seen to change', async () => {
    server.set(held())
    const a = join('a')
    for (let renewals = 0; renewals < 10; renewals++) {
      await pass(5000)
      server.set(held('other', { renewTime: `2026-01-01T00:00:0${renewals}.000000Z` }))
    }
    expect(a.changes).to.deep.equal([])
    await pass(14_900)
    expect(a.changes).to.deep.equal([])
    await pass(10_000)
    expect(a.changes).to.deep.equal([true])
    expect(server.lease?.spec).to.include({ holderIdentity: 'a', leaseTransitions: 4 })
  })

  it('that was given back is taken at the next look', async () => {
    server.set(held('', { leaseDurationSeconds: 1 }))
    const a = join('a')
    await pass(100)
    expect(a.leads).to.equal(true)
    expect(server.lease?.spec.leaseTransitions).to.equal(4)
  })

  it('of the same identity from an earlier life is not renewed but waited out', async () => {
    server.set(held('a'))
    const a = join('a')
    await pass(14_000)
    expect(a.leads).to.equal(false)
    await pass(7000)
    expect(a.leads).to.equal(true)
  })

  it('keeps what others have put into it', async () => {
    server.set(held('', { strategy: 'x' }), { label: 'y' })
    join('a')
    await pass(3000)
    expect(server.lease?.spec['strategy']).to.equal('x')
    expect(server.lease?.metadata.labels).to.deep.equal({ label: 'y' })
  })

  for (const network of ['refuses', 'hangs'] as const) {
    it(`is led no more 10 s after the last renewal, before another can take it (API server ${network})`, async () => {
      const a = join('a')
      await pass(100)
      const b = join('b')
      await pass(6000)
      a.network = network
      await pass(7800)
      expect(a.leads, 'two renewals missed').to.equal(true)
      await pass(2400)
      expect(a.leads).to.equal(false)
      expect(b.leads).to.equal(false)
      expect(formatFinding(a.lease.finding!)).to.match(
        /^lease\/kube-system\/kube-router-lballoc spec.holderIdentity: "a" .* no addresses/,
      )
      await pass(15_000)
      expect(b.leads).to.equal(true)
      a.network = 'up'
      await pass(20_000)
      expect(a.leads).to.equal(false)
      expect(a.lease.finding).to.equal(undefined)
      expect(a.lease.holder).to.equal('b')
    })
  }

  it('outlives a short outage without a change', async () => {
    const a = join('a')
    await pass(3000)
    for (const network of ['refuses', 'hangs', 'loses answers'] as const) {
      a.network = network
      await pass(5000)
      a.network = 'up'
      await pass(5000)
    }
    expect(a.changes).to.deep.equal([true])
    expect(server.lease?.spec.leaseTransitions).to.equal(0)
  })

  it('that somebody else has changed meanwhile is read again and renewed', async () => {
    const a = join('a')
    await pass(2500)
    server.set(server.lease!.spec, { touched: 'yes' })
    const before = a.requests.length
    await pass(2000)
    expect(a.requests.slice(before).map(({ method = 'GET' }) => method)).to.deep.equal(['PUT', 'GET', 'PUT'])
    expect(a.changes).to.deep.equal([true])
  })

  it('that was taken away by force is led no more at once', async () => {
    const a = join('a')
    await pass(2500)
    server.set(held())
    await pass(2000)
    expect(a.changes).to.deep.equal([true, false])
    expect(server.lease?.spec.holderIdentity).to.equal('other')
  })

  it('that was deleted is made again by its holder, and no other takes it first', async () => {
    const a = join('a')
    await pass(100)
    const b = join('b')
    await pass(10_000)
    server.lease = undefined
    await pass(10_000)
    expect([a.leads, b.leads]).to.deep.equal([true, false])
    expect(server.lease).to.have.nested.property('spec.holderIdentity', 'a')
    a.network = 'refuses'
    server.lease = undefined
    await pass(14_000)
    expect(b.leads).to.equal(false)
    await pass(10_000)
    expect(b.leads).to.equal(true)
  })

  it('that was deleted is waited out by one who was away, since its holder may still lead', async () => {
    const a = join('a')
    await pass(100)
    const b = join('b')
    await pass(5000)
    b.network = 'refuses'
    await pass(30_000)
    a.network = 'refuses'
    server.lease = undefined
    b.network = 'up'
    await pass(9000)
    expect([a.leads, b.leads]).to.deep.equal([false, false])
    await pass(15_000)
    expect(b.leads).to.equal(true)
  })

  it('that was deleted after it had changed hands is not made again by who held it before', async () => {
    const a = join('a')
    await pass(100)
    const b = join('b')
    await pass(5000)
    a.network = 'refuses'
    await pass(35_000)
    expect(b.leads).to.equal(true)
    b.network = 'refuses'
    server.lease = undefined
    a.network = 'up'
    await pass(9000)
    expect(a.leads).to.equal(false)
  })

  it('that is missing before and after an outage may have been there meanwhile', async () => {
    const a = join('a')
    await pass(100)
    const b = join('b')
    await pass(5000)
    a.network = 'refuses'
    server.lease = undefined
    await pass(6000)
    b.network = 'refuses'
    await pass(10_000)
    const c = join('c')
    await pass(10_000)
    expect(c.leads).to.equal(true)
    c.network = 'refuses'
    server.lease = undefined
    b.network = 'up'
    await pass(7000)
    expect([b.leads, c.leads]).to.deep.equal([false, true])
  })

  it('is given back on stop, after leading has ended, and the next takes it within 5 s', async () => {
    const a = join('a')
    await pass(100)
    const b = join('b')
    await pass(3000)
    const stopped = a.lease.stop()
    expect(a.changes).to.deep.equal([true, false])
    await stopped
    expect(server.lease?.spec).to.include({ holderIdentity: '', leaseDurationSeconds: 1 })
    await pass(4500)
    expect(b.leads).to.equal(true)
    expect(server.lease?.spec).to.include({ holderIdentity: 'b', leaseDurationSeconds: 15, leaseTransitions: 1 })
  })

  it('of another is not given back on stop', async () => {
    server.set(held())
    const a = join('a')
    await pass(3000)
    await a.lease.stop()
    expect(server.lease?.spec).to.deep.equal(held())
  })

  it('stops also while the API server hangs, and leaves no timer', async () => {
    const a = join('a')
    await pass(2500)
    a.network = 'hangs'
    await pass(2000)
    const stopped = a.lease.stop()
    await pass(5000)
    await stopped
    expect(a.warnings.at(-1)).to.include('could not be given back')
  })

  it('says why it cannot be read', async () => {
    const a = join('a')
    a.network = 'refuses'
    await pass(100)
    expect(a.lease.finding?.message).to.include('connect ECONNREFUSED')
    expect(a.warnings).to.have.length(1)
    await pass(30_000)
    expect(a.warnings).to.have.length(1)
  })

  it('has at most one leader, whatever the network does to whom, and in the end has one', async () => {
    const network = fc.constantFrom<Network>('up', 'up', 'refuses', 'hangs', 'loses answers')
    const step = fc.record({
      networks: fc.tuple(network, network, network),
      seconds: fc.integer({ min: 1, max: 20 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), fc.nat(9), fc.integer(), async (steps, deletesAt, seed) => {
        clock = new VirtualClock()
        server = new FakeServer()
        let state = seed >>> 0
        const random = () => {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0
          return state / 2 ** 32
        }
        // The third has the name of the first.
        all = ['a', 'b', 'a'].map((identity) => new Candidate(clock, server, identity, random))
        // Each has seen the record once: who never did cannot know that it was deleted.
        await pass(5000)
        for (const [at, { networks, seconds }] of steps.entries()) {
          for (const [index, one] of all.entries()) one.network = networks[index]!
          if (at === deletesAt) server.lease = undefined
          await pass(seconds * 1000)
        }
        for (const one of all) one.network = 'up'
        await pass(40_000)
        expect(all.filter(({ lease }) => lease.isLeader)).to.have.length(1)
        for (const one of all) one.network = 'refuses'
        await Promise.all(all.map(({ lease }) => lease.stop()))
        expect(clock.pending).to.equal(0)
      }),
      { numRuns: 15 },
    )
  })
})
