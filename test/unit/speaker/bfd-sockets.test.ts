import { expect } from 'chai'
import { Engine, type Watched } from '../../../speaker/bfd/engine.ts'
import { type Path, Sockets } from '../../../speaker/bfd/sockets.ts'
import { hopLimitFilter, type Udp } from '../../../speaker/bfd/udp.ts'
import type { BfdTarget } from '../../../speaker/index.ts'
import { SystemError } from '../../../speaker/transport/system.ts'
import { octets } from '../../support/bytes.ts'
import { address } from '../../support/fabric.ts'

const timers = { minTx: 100, minRx: 100, multiplier: 3 }

describe('the sockets of BFD', () => {
  let log: string[]
  let fails: Record<string, string>
  let sockets: Sockets
  let engine: Engine<Path>

  beforeEach(() => {
    log = []
    fails = {}
    let fd = 10
    const call = (name: string, text: string) => {
      log.push(text)
      const code = fails[name]
      if (code !== undefined) throw new SystemError(`${name}: ${code}`, code)
      return fd++
    }
    const udp: Udp = {
      openReceiver: (version, port, oneHop) =>
        call('receive', `receive ${version} ${port} ${oneHop ? 'one hop' : 'any'}`),
      openSender: (local, port, zone) => call('send', `send from ${local} ${port} ${zone ?? ''}`.trim()),
      socketAddress: (remote, port) => new TextEncoder().encode(`${remote} ${port}`),
      interfaceIndex: () => 7,
      send: (_fd, _bytes, to) => {
        log.push(`to ${new TextDecoder().decode(to)}`)
        return fails['sendto']
      },
      receive: () => -1,
      wait: () => {},
      close: (closed) => log.push(`close ${closed}`),
    }
    sockets = new Sockets(udp, () => 0)
    engine = new Engine(Math.random, {
      send: (watched, bytes) => sockets.send(watched, bytes),
      changed: () => {},
      ended: ({ path }) => sockets.release(path),
    })
  })

  function watch(text: string, more: Partial<BfdTarget> = {}): Watched<Path> {
    const { from, path } = sockets.pathTo({ remote: address(text), multihop: false, ...timers, ...more })
    return engine.add(from, path, timers, 0)
  }

  it('I2 are one that receives, on 3784 with hop limit 255 alone, and one that sends, from the first free dynamic port', () => {
    watch('10.0.0.2')
    watch('fd00::2', { local: address('fd00::1') })
    engine.run(0)
    expect(log.sort()).to.deep.equal([
      'receive 4 3784 one hop',
      'receive 6 3784 one hop',
      'send from 0.0.0.0 49152',
      'send from fd00::1 49152',
      'to 10.0.0.2 3784',
      'to fd00::2 3784',
    ])
  })

  it('I2 are those of 4784 for many hops, where the hop limit says nothing', () => {
    watch('10.9.0.2', { multihop: true })
    engine.run(0)
    expect(log).to.deep.equal(['receive 4 4784 any', 'send from 0.0.0.0 49152', 'to 10.9.0.2 4784'])
  })

  it('I2 keep the source port of a session for as long as it lives', () => {
    watch('10.0.0.2')
    for (let now = 0; now < 10_000; now += 1000) engine.run(now)
    expect(log.filter((line) => line.startsWith('send'))).to.have.lengthOf(1)
  })

  it('I2 never give a session of one hop the receiver that takes any hop limit', () => {
    watch('10.9.0.2', { multihop: true })
    engine.run(0)
    const wrong = watch('10.0.0.2', { port: 4784 })
    engine.run(0)
    expect(wrong.path.problem).to.equal('port 4784 is in use for paths of many hops')
  })

  it('are tried again with the next packet, and the problem says in words what is missing', () => {
    fails = { receive: 'EADDRINUSE' }
    const { path } = watch('fd00::2')
    engine.run(0)
    expect(path.problem).to.equal('receive: EADDRINUSE (the port is in use by another program)')
    fails = { send: 'EADDRNOTAVAIL' }
    engine.run(1000)
    expect(path.problem).to.equal('send: EADDRNOTAVAIL (the local address is not on this machine)')
    fails = {}
    engine.run(2000)
    expect(path.problem).to.equal(undefined)
    expect(log.at(-1)).to.equal('to fd00::2 3784')
  })

  it('take the next source port when one is taken', () => {
    let taken = 3
    const busy: Udp = {
      openReceiver: () => 5,
      openSender: (_local, port) => {
        if (taken-- > 0) throw new SystemError('bind', 'EADDRINUSE')
        log.push(`port ${port}`)
        return 6
      },
      socketAddress: () => new Uint8Array(),
      interfaceIndex: () => 1,
      send: () => undefined,
      receive: () => -1,
      wait: () => {},
      close: () => {},
    }
    sockets = new Sockets(busy, () => 0.99999)
    watch('10.0.0.2')
    engine.run(0)
    expect(log).to.deep.equal(['port 49154'])
  })

  it('are opened anew when the interface of a link-local address is another one', () => {
    const { path, from } = watch('fe80::2', { zone: 'eth1' })
    expect(from.scope).to.equal(-1)
    engine.run(0)
    expect(from.scope).to.equal(7)
    fails = { sendto: 'ENODEV' }
    engine.run(1000)
    expect(path.problem).to.equal('cannot send: the interface is gone')
    fails = {}
    engine.run(2000)
    expect(path.problem).to.equal(undefined)
    expect(log.filter((line) => line.startsWith('send'))).to.have.lengthOf(2)
  })

  it('rest for a moment after a full buffer, so that a flood takes no processor', () => {
    let left = 1000
    const waits: [number, number][] = []
    const flooded = {
      openReceiver: () => 5,
      openSender: () => 6,
      socketAddress: () => new Uint8Array(),
      interfaceIndex: () => 1,
      send: () => undefined,
      receive: () => (left-- > 0 ? 24 : -1),
      wait: ({ count }: { count: number }, milliseconds: number) => void waits.push([count, milliseconds]),
      close: () => {},
    } satisfies Udp
    sockets = new Sockets(flooded, () => 0)
    watch('10.0.0.2')
    engine.run(0)
    let taken = 0
    sockets.drain(() => taken++)
    expect([taken, waits]).to.deep.equal([512, [[0, 5]]])
    sockets.drain(() => taken++)
    expect([taken, waits.length]).to.deep.equal([1000, 1])
  })

  it('of a session that ended are closed', () => {
    const watched = watch('10.0.0.2')
    engine.run(0)
    engine.end(0)
    sockets.close()
    expect(watched.path.fd).to.equal(-1)
    expect(log.filter((line) => line.startsWith('close'))).to.deep.equal(['close 11', 'close 10'])
  })

  for (const [version, offset] of [
    [4, '08'],
    [6, '07'],
  ] as const) {
    it(`I2 drop what has lost a hop in the kernel, by the octet ${offset} of the header of IPv${version}`, () => {
      expect(hopLimitFilter(version)).to.deep.equal(
        octets(`
          3000 00 00 ${offset}00f0ff   load this octet of the network header
          1500 00 01 ff000000   when it is not 255, skip one
          0600 00 00 ffff0000   take the packet
          0600 00 00 00000000   drop it`),
      )
    })
  }
})
