import { expect } from 'chai'
import {
  type BfdStatus,
  type BfdTarget,
  type BfdTimers,
  type PeerDeclaration,
  Speaker,
  type World,
} from '../../../speaker/index.ts'
import { Liveness } from '../../../speaker/peer/liveness.ts'
import { address, Fabric, type Machine, peerTo } from '../../support/fabric.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const bfd = { minTx: 100, minRx: 100, multiplier: 3 }
const down: BfdStatus = {
  state: 'Down',
  remoteState: 'Down',
  diagnostic: 0,
  remoteDiagnostic: 0,
  local: bfd,
  remote: bfd,
  transmitInterval: 100,
  detectionTime: 300,
  packetsIn: 0,
  packetsOut: 0,
  discarded: 0,
  worstLateness: 0,
  lateness: {},
}
const pairs = [
  ['IPv4', '10.0.0.1', '10.0.0.2'],
  ['IPv6', 'fd00::1', 'fd00::2'],
] as const

for (const [family, here, there] of pairs) {
  describe(`a BGP session over ${family} with BFD`, () => {
    let fabric: Fabric
    let a: Machine
    let b: Machine

    /** Two machines that peer, with these terms of BFD at each end; none where it is left out. */
    function peered(atA: PeerDeclaration['bfd'] | undefined, atB: PeerDeclaration['bfd'] | undefined): void {
      fabric = new Fabric()
      a = fabric.machine(64512, [here], [peerTo(there, 65001, atA && { bfd: atA })])
      b = fabric.machine(65001, [there], [peerTo(here, 64512, atB && { bfd: atB })])
    }

    /** The link is cut for BGP and BFD alike. */
    function cut(): void {
      fabric.network.cut(address(there))
      fabric.paths.cut(address(there))
    }

    afterEach(async () => {
      await fabric.stop()
      expect(fabric.errors).to.deep.equal([])
      expect(fabric.clock.pending).to.equal(0)
    })

    it('I3 comes up beside it, and the snapshot shows both ends', async () => {
      peered(bfd, { ...bfd, minTx: 50, multiplier: 4 })
      await fabric.pass(5000)
      expect(a.peer().state).to.equal('Established')
      expect(a.peer().bfd).to.deep.include({
        state: 'Up',
        remoteState: 'Up',
        local: bfd,
        remote: { minTx: 50, minRx: 100, multiplier: 4 },
        transmitInterval: 100,
        detectionTime: 400,
        flaps: 0,
        diagnostic: 'no diagnostic (0)',
      })
    })

    it('I6 ends at once with Cease/10 when the path fails', async () => {
      peered(bfd, bfd)
      await fabric.pass(5000)
      cut()
      await fabric.pass(301)
      for (const machine of [a, b]) {
        const peer = machine.peer()
        expect(peer.state).to.not.equal('Established')
        expect(peer.lastDown?.why).to.equal('BFD: control detection time expired (1)')
        expect(peer.lastNotificationSent).to.include({ code: 6, subcode: 10 })
        expect(peer.bfd).to.deep.include({ state: 'Down', flaps: 1 })
        expect(peer.bfd?.lastDown?.why).to.equal('BFD: control detection time expired (1)')
      }
    })

    it('I6 comes back within a second and a half of the path, whatever the pause before the retry', async () => {
      peered(bfd, bfd)
      await fabric.pass(5000)
      cut()
      await fabric.pass(200_000)
      fabric.network.mend(address(there))
      fabric.paths.mend(address(there))
      await fabric.pass(1500)
      expect(a.peer().state).to.equal('Established')
      expect(a.peer().bfd).to.include({ state: 'Up', flaps: 1 })
    })

    it('I6 ends when the peer says that it has lost the path', async () => {
      peered(bfd, bfd)
      await fabric.pass(5000)
      // Only the way to B is lost: B finds out, and tells A.
      fabric.paths.loseTo(address(there))
      await fabric.pass(305)
      expect(a.peer().lastDown?.why).to.equal(
        'BFD: neighbour signalled session down (3), which says: control detection time expired (1)',
      )
    })

    it('I6 does not end when the peer switches BFD off', async () => {
      peered(bfd, bfd)
      await fabric.pass(5000)
      b.apply({ peers: [peerTo(here, 64512)] })
      await fabric.pass(10_000)
      expect(a.peer()).to.include({ state: 'Established', flaps: 0 })
      expect(a.peer().bfd).to.deep.include({ state: 'Down', flaps: 1 })
      expect(b.peer().bfd).to.equal(undefined)
    })

    it('I6 is ended by the NOTIFICATION of a peer that stops, not by BFD', async () => {
      peered(bfd, bfd)
      await fabric.pass(5000)
      await b.speaker.stop({ reason: 'maintenance' })
      await fabric.pass(100)
      expect(a.peer().lastNotificationReceived?.text).to.equal('administrative shutdown (6/2), "maintenance"')
      expect(a.peer().lastNotificationSent?.subcode).to.not.equal(10)
      expect(a.peer().bfd?.remoteDiagnostic).to.equal('administratively down (7)')
    })

    it('I7 comes up without the BFD of the peer, and stays', async () => {
      peered(bfd, undefined)
      await fabric.pass(60_000)
      expect(a.peer()).to.include({ state: 'Established', flaps: 0 })
      expect(a.peer().bfd).to.include({ state: 'Down', flaps: 0 })
    })

    it('I7 waits for BFD where that is asked for, whoever dials', async () => {
      peered({ ...bfd, strict: true }, undefined)
      await fabric.pass(30_000)
      expect(a.peer().state).to.equal('Idle')
      expect(a.peer().bfd?.holdsSession).to.equal('waits for BFD, which is Down')
      b.apply({ peers: [peerTo(here, 64512, { bfd })] })
      await fabric.pass(3000)
      expect(a.peer()).to.deep.include({ state: 'Established', flaps: 0 })
      expect(a.peer().bfd?.holdsSession).to.equal(undefined)
    })

    it('I7 strict: dials as soon as the path is up', async () => {
      fabric = new Fabric()
      a = fabric.machine(64512, [here], [peerTo(there, 65001, { bfd: { ...bfd, strict: true } })])
      b = fabric.machine(65001, [there], [peerTo(here, 64512, { bfd, passive: true })])
      await fabric.pass(2000)
      expect(a.peer().state).to.equal('Established')
    })

    it('I7 strict: a session that is lost waits until the path is back', async () => {
      peered({ ...bfd, strict: true }, bfd)
      await fabric.pass(5000)
      expect(a.peer().state).to.equal('Established')
      fabric.paths.cut(address(there))
      await fabric.pass(60_000)
      expect(a.peer().state).to.equal('Idle')
      fabric.paths.mend(address(there))
      await fabric.pass(10_000)
      expect(a.peer().state).to.equal('Established')
    })

    it('I7 strict: a peer that has switched BFD off on purpose is not waited for', async () => {
      peered({ ...bfd, strict: true }, bfd)
      await fabric.pass(5000)
      b.apply({ peers: [peerTo(here, 64512)] })
      await fabric.pass(500)
      a.speaker.snapshot()
      expect(a.peer()).to.include({ state: 'Established', flaps: 0 })
    })

    it('I4 takes new timers without a reset of anything', async () => {
      peered(bfd, bfd)
      await fabric.pass(5000)
      const report = a.apply({ peers: [peerTo(there, 65001, { bfd: { ...bfd, minTx: 300, minRx: 50 } })] })
      expect(report.peers).to.deep.include({ reset: [], changed: [there] })
      await fabric.pass(5000)
      expect(a.peer().bfd).to.deep.include({ state: 'Up', flaps: 0, transmitInterval: 300 })
      expect(b.peer().bfd).to.deep.include({ state: 'Up', flaps: 0, detectionTime: 900 })
      expect(a.peer()).to.include({ state: 'Established', flaps: 0 })
    })

    it('takes BFD on and off, strict or not, without a reset', async () => {
      peered(undefined, bfd)
      await fabric.pass(5000)
      const turns: (typeof bfd & { strict?: true; multihop?: true })[] = [
        bfd,
        { ...bfd, strict: true },
        { ...bfd, multihop: true },
      ]
      for (const one of [...turns, undefined, bfd]) {
        a.apply({ peers: [peerTo(there, 65001, one && { bfd: one })] })
        await fabric.pass(5000)
        expect(a.peer(), JSON.stringify(one)).to.include({ state: 'Established', flaps: 0 })
        expect(a.peer().bfd?.state, JSON.stringify(one)).to.equal(one && ('multihop' in one ? 'Down' : 'Up'))
      }
    })

    it('is not watched while it is held down', async () => {
      fabric = new Fabric()
      a = fabric.machine(64512, [here], [peerTo(there, 65001, { bfd, blocked: 'no password' })])
      await fabric.pass(5000)
      expect(a.peer().bfd).to.equal(undefined)
    })
  })
}

describe('a connection attempt that nobody answers', () => {
  it('I6 is made anew when the path is back, but not for a path that has only just come up', async () => {
    const clock = new VirtualClock()
    let dials = 0
    let tell: (status: BfdStatus) => void = () => {}
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
    const transport = {
      dial: () => {
        dials++
        return { close: () => {}, abort: () => {} }
      },
      listen: async () => ({ close: async () => {} }),
    }
    const paths = {
      watch: (_target: BfdTarget, onChange: (status: BfdStatus) => void) => {
        tell = onChange
        return { status: down, update: () => {}, adminDown: () => {}, stop: () => {} }
      },
      close: async () => {},
    }
    const speaker = new Speaker({ clock, random: () => 0, log, transport, bfd: paths } as unknown as World)
    const local = { asn: 64512, routerId: 1, listen: [], addresses: {} }
    speaker.apply({ local, peers: [peerTo('fd00::2', 65001, { bfd })], routes: [] })
    tell({ ...down, state: 'Up' })
    expect(dials).to.equal(1)
    tell({ ...down, state: 'Down', diagnostic: 1 })
    expect(dials).to.equal(1)
    tell({ ...down, state: 'Up' })
    expect(dials).to.equal(2)
    await speaker.stop()
  })
})

describe('what BFD says of a path', () => {
  let heard: string[]
  let asked: string[]
  let status: BfdStatus
  let liveness: Liveness
  let tell: (change: Partial<BfdStatus>) => void

  beforeEach(() => {
    heard = []
    asked = []
    status = down
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
    const watch = (target: BfdTarget, onChange: (one: BfdStatus) => void) => {
      asked.push(`watch ${target.remote}${target.multihop ? ' multihop' : ''}`)
      tell = (change) => {
        status = { ...status, ...change }
        onChange(status)
      }
      return {
        get status() {
          return status
        },
        update: ({ minTx, minRx, multiplier }: BfdTimers) => asked.push(`update ${minTx} ${minRx} ${multiplier}`),
        adminDown: () => {},
        stop: () => void asked.push('stop'),
      }
    }
    const world = {
      clock: new Fabric().clock,
      random: () => 0,
      log,
      bfd: { watch, close: async () => {} },
    } as unknown as World
    liveness = new Liveness(world, { failed: (why) => heard.push(why), ready: () => heard.push('ready') })
    liveness.follow(peerTo('fd00::2', 65001, { bfd }))
  })

  it('I6 is no failure before it was up', () => {
    tell({ state: 'Init' })
    tell({ state: 'Down', diagnostic: 1 })
    expect(heard).to.deep.equal([])
  })

  it('I6 is no failure when the thread of BFD ends', () => {
    tell({ state: 'Up', remoteState: 'Up' })
    tell({ state: 'AdminDown', remoteState: 'Down', problem: 'the thread of BFD ended' })
    expect(heard.filter((one) => one !== 'ready')).to.deep.equal([])
    expect(liveness.snapshot(0)?.problem).to.equal('the thread of BFD ended')
  })

  it('does not hear what a session that was ended still says', () => {
    tell({ state: 'Up', remoteState: 'Up' })
    const late = tell
    liveness.follow(peerTo('fd00::2', 65001, { bfd: { ...bfd, multihop: true } }))
    late({ state: 'AdminDown', diagnostic: 7 })
    late({ state: 'Up' })
    expect(heard).to.deep.equal(['ready'])
    expect(liveness.snapshot(0)?.flaps).to.equal(0)
  })

  it('asks for new timers, and for nothing when they are as they were', () => {
    liveness.follow(peerTo('fd00::2', 65001, { bfd: { ...bfd } }))
    liveness.follow(peerTo('fd00::2', 65001, { bfd: { ...bfd, minTx: 200 } }))
    liveness.follow(peerTo('fd00::2', 65001, { bfd: { ...bfd, minTx: 200, multihop: true } }))
    liveness.follow(peerTo('fd00::2', 65001))
    expect(asked).to.deep.equal(['watch fd00::2', 'update 200 100 3', 'stop', 'watch fd00::2 multihop', 'stop'])
  })

  it('I7 strict without any BFD on this machine holds the session, and says why', () => {
    const world = { clock: new Fabric().clock, random: () => 0 } as unknown as World
    const lonely = new Liveness(world, { failed: () => {}, ready: () => {} })
    lonely.follow(peerTo('10.0.0.2', 65001, { bfd: { ...bfd, strict: true } }))
    expect(lonely.holdsSession).to.equal('waits for BFD, which is Down: there is no BFD here')
  })
})
