/**
 * The UDP sockets of BFD (RFC 5881 section 4 and 5, 5883): one that receives for each family, port and kind of path, and one that sends for
 * each session, with a source port of its own. What cannot be opened is tried again with the next packet, about once a second.
 */

import type { BfdTarget } from '../world.ts'
import type { Source, Watched } from './engine.ts'
import { type AddressWords, portOf, sourceOf, sourcePorts } from './ports.ts'
import { errno, pollList, type System, SystemError, sockaddr, sockaddrLength } from './system.ts'

export interface Path {
  readonly target: Omit<BfdTarget, 'remote' | 'local'> & {
    readonly remote: AddressWords
    readonly local?: AddressWords
  }
  /** Below 0 while there is none. */
  fd: number
  address: Uint8Array
  /** Why nothing is sent or received. */
  problem: string | undefined
}

interface Receiver {
  readonly fd: number
  readonly from: Source
}

/** Nobody's: no packet comes from there. */
const noScope = -1
const longestPacket = 64
/** Read from one socket in a turn: all that fits into its buffer, but a flood must not keep the others waiting. */
const batch = 512

export class Sockets {
  readonly #system: System
  readonly #random: () => number
  readonly #receivers = new Map<string, Receiver>()
  #polled: Uint8Array = pollList([])
  readonly #bytes = Buffer.alloc(longestPacket)
  readonly #address = Buffer.alloc(sockaddrLength)

  constructor(system: System, random: () => number) {
    this.#system = system
    this.#random = random
  }

  pathTo(target: Path['target']): { readonly from: Source; readonly path: Path } {
    const from = sourceOf(target.remote, target.zone === undefined ? 0 : noScope, portOf(target))
    return { from, path: { target, fd: -1, address: new Uint8Array(), problem: undefined } }
  }

  /** Sends, and opens what that needs. */
  send({ path, from }: Watched<Path>, bytes: Uint8Array): void {
    try {
      this.#receiver(path.target)
      if (path.fd < 0) this.#open(path, from)
    } catch (error) {
      path.problem = error instanceof Error ? error.message : String(error)
      return
    }
    const failed = this.#system.send(path.fd, bytes, path.address)
    if (failed === 0 || failed === errno.EAGAIN) path.problem = undefined
    else this.#sendFailed(path, failed)
  }

  /** Waits for a packet, for at most this long. */
  wait(milliseconds: number): void {
    this.#system.poll(this.#polled, this.#receivers.size, milliseconds)
  }

  /** Gives all packets that have come; `bytes` and `from` are only valid during the call. */
  drain(take: (bytes: Uint8Array, length: number, from: Source) => void): void {
    for (const { fd, from } of this.#receivers.values()) {
      for (let count = 0; count < batch; count++) {
        const length = this.#system.receive(fd, this.#bytes, this.#address)
        if (length < 0) break
        this.#readSender(from)
        take(this.#bytes, length, from)
      }
    }
  }

  release(path: Path): void {
    if (path.fd >= 0) this.#system.close(path.fd)
    path.fd = -1
  }

  close(): void {
    for (const { fd } of this.#receivers.values()) this.#system.close(fd)
    this.#receivers.clear()
  }

  #sendFailed(path: Path, failed: number): void {
    path.problem = new SystemError('cannot send', failed).message
    // An address or interface that went and may come back as another one: looked up again with the next packet.
    if (failed === errno.ENODEV || failed === errno.EINVAL || failed === errno.EADDRNOTAVAIL) this.release(path)
  }

  #receiver(target: Path['target']): void {
    const { version } = target.remote
    const port = portOf(target)
    const key = `${version} ${port} ${target.multihop}`
    if (this.#receivers.has(key)) return
    const system = this.#system
    const fd = system.socket(version)
    try {
      system.setReceiving(fd, version, !target.multihop)
      system.bind(fd, sockaddr(anywhere(version), port, 0))
    } catch (error) {
      system.close(fd)
      throw error instanceof SystemError ? new SystemError(`cannot receive on UDP port ${port}`, error.errno) : error
    }
    this.#receivers.set(key, { fd, from: sourceOf(anywhere(version), 0, port) })
    this.#polled = pollList([...this.#receivers.values()].map((one) => one.fd))
  }

  /** One source port for all packets of the session (RFC 5881 section 4). */
  #open(path: Path, from: Source): void {
    const { remote, local, zone } = path.target
    const scope = zone === undefined ? 0 : this.#system.interfaceIndex(zone)
    if (zone !== undefined && scope === 0) throw new Error(`there is no interface ${zone}`)
    const fd = this.#system.socket(remote.version)
    try {
      this.#system.setSending(fd, remote.version)
      this.#bindToSourcePort(fd, local ?? anywhere(remote.version), scope)
    } catch (error) {
      this.#system.close(fd)
      throw error
    }
    from.scope = scope
    path.fd = fd
    path.address = sockaddr(remote, portOf(path.target), scope)
  }

  #bindToSourcePort(fd: number, local: AddressWords, scope: number): void {
    const count = sourcePorts.last - sourcePorts.first + 1
    const start = Math.floor(this.#random() * count)
    for (let tried = 0; ; tried++) {
      const port = sourcePorts.first + ((start + tried) % count)
      try {
        this.#system.bind(fd, sockaddr(local, port, scope))
        return
      } catch (error) {
        const taken = error instanceof SystemError && error.errno === errno.EADDRINUSE
        if (!taken || tried === count - 1) throw error
      }
    }
  }

  #readSender(from: Source): void {
    const bytes = this.#address
    if (from.version === 4) {
      from.w0 = bytes.readInt32BE(4)
      return
    }
    from.w0 = bytes.readInt32BE(8)
    from.w1 = bytes.readInt32BE(12)
    from.w2 = bytes.readInt32BE(16)
    from.w3 = bytes.readInt32BE(20)
    from.scope = bytes.readUInt32LE(24)
  }
}

function anywhere(version: 4 | 6): { version: 4 | 6; w0: number; w1: number; w2: number; w3: number } {
  return { version, w0: 0, w1: 0, w2: 0, w3: 0 }
}
