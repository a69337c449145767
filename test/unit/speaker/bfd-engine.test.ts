import { formatAddress } from 'bgp-ts'
import { expect } from 'chai'
import { Engine, farewellMs, type Source } from '../../../speaker/bfd/engine.ts'
import { MemoryBfdNetwork } from '../../../speaker/bfd/memory.ts'
import { emptyPacket, readPacket, writePacket } from '../../../speaker/bfd/packet.ts'
import type { Bfd, BfdStatus, BfdTarget, BfdWatch } from '../../../speaker/index.ts'
import { address } from '../../support/fabric.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

interface End {
  readonly bfd: Bfd
  readonly watch: BfdWatch
  readonly states: string[]
}

const pairs = [
  ['IPv4', '10.0.0.1', '10.0.0.2'],
  ['IPv6', 'fd00::1', 'fd00::2'],
] as const

for (const [family, here, there] of pairs) {
  describe(`BFD between two machines over ${family}`, () => {
    let clock: VirtualClock
    let network: MemoryBfdNetwork
    let a: End
    let b: End

    /** Pseudo-random, so that jitter is at work. */
    function randomOf(seed: number): () => number {
      let state = seed
      return () => {
        state = Math.imul(state, 48271) >>> 0
        return (state % 0x7fffffff) / 0x7fffffff
      }
    }

    function end(own: string, other: string, seed: number, more: Partial<BfdTarget> = {}): End {
      const states: string[] = []
      const bfd = network.from(randomOf(seed), address(own))
      const target = { remote: address(other), multihop: false, minTx: 100, minRx: 100, multiplier: 3, ...more }
      const watch = bfd.watch(target, ({ state, remoteState }) => states.push(`${state}/${remoteState}`))
      return { bfd, watch, states }
    }

    beforeEach(() => {
      clock = new VirtualClock()
      network = new MemoryBfdNetwork(clock)
      a = end(here, there, 3)
      b = end(there, here, 5)
    })

    it('I3 comes up at both ends, and agrees on the intervals', () => {
      clock.pass(1200)
      for (const { watch } of [a, b]) {
        expect(watch.status).to.deep.include({
          state: 'Up',
          remoteState: 'Up',
          transmitInterval: 100,
          detectionTime: 300,
          local: { minTx: 100, minRx: 100, multiplier: 3 },
          remote: { minTx: 100, minRx: 100, multiplier: 3 },
        })
      }
    })

    it('stays up for an hour, with jitter', () => {
      clock.pass(3_600_000)
      expect([a.states.at(-1), b.states.at(-1)]).to.deep.equal(['Up/Up', 'Up/Up'])
      expect(a.states.filter((state) => state.startsWith('Down'))).to.deep.equal([])
    })

    it('I3 finds a cut within the detection time, and comes back when it is mended', () => {
      clock.pass(5000)
      network.cut(address(there))
      clock.pass(301)
      expect([a.states.at(-1), b.states.at(-1)]).to.deep.equal(['Down/Down', 'Down/Down'])
      expect(a.watch.status.diagnostic).to.equal(1)
      network.mend(address(there))
      clock.pass(2500)
      expect([a.states.at(-1), b.states.at(-1)]).to.deep.equal(['Up/Up', 'Up/Up'])
    })

    it('I4 takes new timers while it is up, in both directions', () => {
      clock.pass(5000)
      a.watch.update({ minTx: 400, minRx: 50, multiplier: 5 })
      b.watch.update({ minTx: 20, minRx: 20, multiplier: 4 })
      clock.pass(2000)
      expect(a.watch.status).to.deep.include({ state: 'Up', transmitInterval: 400, detectionTime: 200 })
      expect(b.watch.status).to.deep.include({ state: 'Up', transmitInterval: 50, detectionTime: 2000 })
      expect([...a.states, ...b.states].filter((state) => state.startsWith('Down/'))).to.deep.equal([])
    })

    it('I6 stop says AdminDown, after what ended it: the other end goes down, and knows that it is no failure', () => {
      clock.pass(5000)
      a.watch.stop()
      clock.pass(farewellMs - 1)
      expect(b.states.at(-1)).to.equal('Up/Up')
      clock.pass(1)
      expect(b.states.at(-1)).to.equal('Down/AdminDown')
      expect(b.watch.status).to.include({ diagnostic: 3, remoteDiagnostic: 7 })
    })

    it('stop is over once the other end must have heard of it', () => {
      clock.pass(5000)
      a.watch.stop()
      const sent: number[] = []
      network.onPacket = (from) => formatAddress(from) === here && sent.push(clock.now())
      clock.pass(60_000)
      expect(sent.length).to.be.within(2, 4)
      expect(b.watch.status).to.include({ state: 'Down', remoteState: 'Down' })
    })

    it('close says AdminDown once on every session, and leaves no timer behind', async () => {
      clock.pass(5000)
      await a.bfd.close()
      clock.pass(0)
      expect(b.states.at(-1)).to.equal('Down/AdminDown')
      await b.bfd.close()
      clock.pass(0)
      expect(clock.pending).to.equal(0)
    })

    it('a session that is watched anew begins anew', () => {
      clock.pass(5000)
      a.watch.stop()
      a = end(here, there, 11, { minRx: 200 })
      clock.pass(5000)
      expect(b.watch.status).to.include({ state: 'Up', transmitInterval: 200 })
    })

    it('over many hops is another session than over one', () => {
      a.watch.stop()
      a = end(here, there, 11, { multihop: true })
      clock.pass(5000)
      expect([a.watch.status.state, b.watch.status.state]).to.deep.equal(['Down', 'Down'])
      b.watch.stop()
      b = end(there, here, 12, { multihop: true })
      clock.pass(5000)
      expect([a.watch.status.state, b.watch.status.state]).to.deep.equal(['Up', 'Up'])
    })
  })
}

describe('the BFD engine', () => {
  const peer: Source = { version: 6, w0: 0xfe800000 | 0, w1: 0, w2: 0, w3: 2, scope: 3, port: 3784 }
  const terms = { minTx: 100, minRx: 100, multiplier: 3 }
  let sent: Uint8Array[]
  let engine: Engine<string>

  beforeEach(() => {
    sent = []
    engine = new Engine(() => 0.5, {
      send: (_watched, bytes) => sent.push(bytes.slice()),
      changed: () => {},
      ended: () => {},
    })
  })

  function down(yourDiscriminator: number): Uint8Array {
    const bytes = new Uint8Array(24)
    const said = { myDiscriminator: 9, yourDiscriminator, multiplier: 3, desiredMinTx: 1_000_000, requiredMinRx: 1 }
    writePacket({ ...emptyPacket(), ...said }, bytes)
    return bytes
  }

  it('finds the session of a first packet by its address, its interface and its port', () => {
    const { session } = engine.add(peer, 'path', terms, 0)
    for (const other of [{ w3: 3 }, { scope: 4 }, { port: 4784 }, { version: 4 as const }]) {
      engine.receive(down(0), 24, { ...peer, ...other }, 1)
      expect(session.state, JSON.stringify(other)).to.equal('Down')
    }
    engine.receive(down(0), 24, peer, 1)
    expect(session.state).to.equal('Init')
  })

  it('does not ask for the interface of an address that is the same on all of them', () => {
    const { session } = engine.add({ ...peer, scope: 0 }, 'path', terms, 0)
    engine.receive(down(0), 24, peer, 1)
    expect(session.state).to.equal('Init')
  })

  it('I1 discards packets of an unknown discriminator, and those that came another way than the session goes', () => {
    const { session } = engine.add(peer, 'path', terms, 0)
    engine.receive(down(session.localDiscriminator + 1), 24, peer, 1)
    engine.receive(down(session.localDiscriminator), 24, { ...peer, port: 4784 }, 1)
    engine.receive(down(session.localDiscriminator), 24, { ...peer, w3: 99 }, 1)
    expect(session.state).to.equal('Down')
    engine.receive(down(session.localDiscriminator), 24, peer, 1)
    expect(session.state).to.equal('Init')
  })

  it('I1 sends nothing for a packet that is discarded, and counts it', () => {
    const watched = engine.add(peer, 'path', terms, 0)
    engine.receive(down(0).subarray(0, 23), 23, peer, 1)
    expect(sent).to.deep.equal([])
    expect(watched).to.include({ discarded: 1, lastDiscard: 'short packet' })
  })

  it('gives every session a discriminator of its own', () => {
    const all = [2, 3, 4, 5].map((w3) => engine.add({ ...peer, w3 }, 'path', terms, 0).session.localDiscriminator)
    expect(new Set(all).size).to.equal(4)
    engine.run(0)
    const packet = emptyPacket()
    const said = sent.map((bytes) => readPacket(bytes, 24, packet) ?? packet.myDiscriminator)
    expect(said).to.have.members(all)
  })
})

describe('the status of a BFD session', () => {
  it('is a value of its own: it does not change any more', () => {
    const clock = new VirtualClock()
    const network = new MemoryBfdNetwork(clock)
    const target = { remote: address('10.0.0.2'), multihop: false, minTx: 100, minRx: 100, multiplier: 3 }
    const watch = network.from(Math.random, address('10.0.0.1')).watch(target, () => {})
    const before: BfdStatus = watch.status
    const copy = structuredClone(before)
    clock.pass(5000)
    expect(before).to.deep.equal(copy)
    expect(watch.status.packetsOut).to.be.above(copy.packetsOut)
  })
})
