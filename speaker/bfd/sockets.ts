/**
 * The sockets of BFD (RFC 5881 section 4 and 5, 5883): one that receives for each family, port and kind of path, and one that sends for
 * each session, with a source port of its own. What cannot be opened is tried again with the next packet, about once a second.
 */

import { SystemError } from '../transport/system.ts'
import type { BfdTarget } from '../world.ts'
import type { Source, Watched } from './engine.ts'
import { anywhere, portOf, sourceOf, sourcePorts } from './ports.ts'
import { type PollList, pollList, socketAddressLength, type Udp } from './udp.ts'

export interface Path {
  readonly target: BfdTarget
  /** Below 0 while there is none. */
  fd: number
  to: Uint8Array
  /** Why nothing is sent or received. */
  problem: string | undefined
}

interface Receiver {
  readonly fd: number
  readonly from: Source
  readonly oneHop: boolean
}

/** Nobody's: no packet comes from there. */
const noScope = -1
const longestPacket = 64
/** Read from one socket in a turn: all that fits into its buffer. More is a flood, which must not keep the others waiting. */
const batch = 512
/** Rest after such a turn: no neighbour may take a processor with packets that are good for nothing. */
const floodPauseMs = 5

const nothing = pollList([])

const explained: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'the port is in use by another program',
  EADDRNOTAVAIL: 'the local address is not on this machine',
  EAFNOSUPPORT: 'this machine has no such address family',
  EHOSTUNREACH: 'no route to the peer',
  EINVAL: 'the local address is not on this machine',
  ENETDOWN: 'the network is down',
  ENETUNREACH: 'the network is unreachable',
  ENODEV: 'the interface is gone',
  EPERM: 'not permitted',
}

export class Sockets {
  readonly #udp: Udp
  readonly #random: () => number
  readonly #receivers: Receiver[] = []
  #polled: PollList = pollList([])
  readonly #bytes = new Uint8Array(longestPacket)
  readonly #sender = new Uint8Array(socketAddressLength)
  readonly #view = new DataView(this.#sender.buffer)

  constructor(udp: Udp, random: () => number) {
    this.#udp = udp
    this.#random = random
  }

  pathTo(target: BfdTarget): { readonly from: Source; readonly path: Path } {
    const from = sourceOf(target.remote, target.zone === undefined ? 0 : noScope, portOf(target))
    return { from, path: { target, fd: -1, to: new Uint8Array(), problem: undefined } }
  }

  /** Sends, and opens what that needs. */
  send({ path, from }: Watched<Path>, bytes: Uint8Array): void {
    if (path.fd < 0) {
      try {
        this.#open(path, from)
      } catch (error) {
        path.problem = describe(error)
        return
      }
    }
    const failed = this.#udp.send(path.fd, bytes, path.to)
    if (failed === undefined || failed === 'EAGAIN') path.problem = undefined
    else this.#sendFailed(path, failed)
  }

  /** Waits for a packet, for at most this long. */
  wait(milliseconds: number): void {
    this.#udp.wait(this.#polled, milliseconds)
  }

  /** Gives all packets that have come; `bytes` and `from` are only valid during the call. */
  drain(take: (bytes: Uint8Array, length: number, from: Source) => void): void {
    let isFlooded = false
    for (const { fd, from } of this.#receivers) {
      let count = 0
      for (; count < batch; count++) {
        const length = this.#udp.receive(fd, this.#bytes, this.#sender)
        if (length < 0) break
        this.#readSender(from)
        take(this.#bytes, length, from)
      }
      if (count === batch) isFlooded = true
    }
    if (isFlooded) this.#udp.wait(nothing, floodPauseMs)
  }

  release(path: Path): void {
    if (path.fd >= 0) this.#udp.close(path.fd)
    path.fd = -1
  }

  close(): void {
    for (const { fd } of this.#receivers.splice(0)) this.#udp.close(fd)
  }

  #sendFailed(path: Path, code: string): void {
    path.problem = `cannot send: ${explained[code] ?? code}`
    // An address or interface that went and may come back as another one: looked up again with the next packet.
    if (code === 'ENODEV' || code === 'EINVAL' || code === 'EADDRNOTAVAIL') this.release(path)
  }

  /** First what receives: a session that could only speak would never come up. */
  #open(path: Path, from: Source): void {
    const { target } = path
    const port = portOf(target)
    this.#openReceiver(target.remote.version, port, !target.multihop)
    path.to = this.#udp.socketAddress(target.remote, port, target.zone)
    from.scope = target.zone === undefined ? 0 : this.#udp.interfaceIndex(target.zone)
    path.fd = this.#openSender(target)
  }

  #openReceiver(version: 4 | 6, port: number, oneHop: boolean): void {
    const open = this.#receivers.find(({ from }) => from.version === version && from.port === port)
    // One that takes any hop limit must not serve a session of one hop.
    if (open && open.oneHop !== oneHop)
      throw new Error(`port ${port} is in use for paths of ${oneHop ? 'many hops' : 'one hop'}`)
    if (open) return
    const fd = this.#udp.openReceiver(version, port, oneHop)
    this.#receivers.push({ fd, from: sourceOf(anywhere(version), 0, port), oneHop })
    this.#polled = pollList(this.#receivers.map((one) => one.fd))
  }

  /** From a port that no other session has (RFC 5881 section 4). */
  #openSender({ remote, local = anywhere(remote.version), zone }: BfdTarget): number {
    const count = sourcePorts.last - sourcePorts.first + 1
    const start = Math.floor(this.#random() * count)
    for (let tried = 0; ; tried++) {
      try {
        return this.#udp.openSender(local, sourcePorts.first + ((start + tried) % count), zone)
      } catch (error) {
        const taken = error instanceof SystemError && error.code === 'EADDRINUSE'
        if (!taken || tried === count - 1) throw error
      }
    }
  }

  /** struct sockaddr_in or sockaddr_in6. */
  #readSender(from: Source): void {
    const view = this.#view
    if (from.version === 4) {
      from.w0 = view.getInt32(4)
      return
    }
    from.w0 = view.getInt32(8)
    from.w1 = view.getInt32(12)
    from.w2 = view.getInt32(16)
    from.w3 = view.getInt32(20)
    from.scope = view.getUint32(24, true)
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = error instanceof SystemError ? error.code : undefined
  return code !== undefined && explained[code] !== undefined ? `${error.message} (${explained[code]})` : error.message
}
