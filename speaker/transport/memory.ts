/**
 * Connections inside one process, for tests on a virtual clock and for machines where the loopback addresses cannot be bound.
 * Octets are delivered in order, a moment later, never inside the call that wrote them.
 */

import { Address, formatAddress } from 'bgp-ts'
import { type Secret, sameSecret } from '../secret.ts'
import type {
  Clock,
  Connection,
  ConnectionHandlers,
  DialTarget,
  Endpoint,
  IncomingConnection,
  KeyedPeer,
  Listener,
  Transport,
} from '../world.ts'

interface Listening {
  readonly onConnection: (connection: IncomingConnection) => void
  /** By address: whose segments have to be signed with what. */
  keys: ReadonlyMap<string, Secret>
}

/** A network that any number of transports share; `from` gives each its own default source address. */
export class MemoryNetwork {
  readonly #clock: Clock
  readonly #listeners = new Map<string, Listening>()
  readonly #cut = new Set<string>()
  #nextPort = 40000

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The transport of one machine whose default source addresses are these, one a family. */
  from(...sources: readonly Address[]): Transport {
    return {
      dial: (target, handlers) => this.#dial(target, handlers, sources),
      listen: (endpoint, onConnection) => this.#listen(endpoint, onConnection),
    }
  }

  /** Octets to and from this address are lost from now on; connections are not told. */
  cut(address: Address): void {
    this.#cut.add(formatAddress(address))
  }

  mend(address: Address): void {
    this.#cut.delete(formatAddress(address))
  }

  lost(a: Endpoint, b: Endpoint): boolean {
    return [a, b].some(({ address }) => this.#cut.has(formatAddress(address)))
  }

  #listen(endpoint: Endpoint, onConnection: Listening['onConnection']): Promise<Listener> {
    const key = keyOf(endpoint)
    if (this.#listeners.has(key)) return Promise.reject(new Error(`address in use: ${key}`))
    const listening: Listening = { onConnection, keys: new Map() }
    this.#listeners.set(key, listening)
    const expect = (peers: readonly KeyedPeer[]) => {
      listening.keys = new Map(peers.map(({ address, password }) => [formatAddress(address), password]))
    }
    const close = async () => void this.#listeners.delete(key)
    return Promise.resolve({ endpoint, expect, close })
  }

  #dial(target: DialTarget, handlers: ConnectionHandlers, sources: readonly Address[]): Connection {
    const { remote } = target
    const { version } = remote.address
    const address =
      target.localAddress ?? sources.find((source) => source.version === version) ?? new Address(version, 0)
    const local: Endpoint = { address, port: target.localPort ?? this.#nextPort++ }
    const near = new MemoryConnection(this, this.#clock, local, remote, handlers)
    this.#clock.after(0, () => this.#connect(near, local, remote, target.password))
    return near
  }

  #connect(near: MemoryConnection, local: Endpoint, remote: Endpoint, password: Secret | undefined): void {
    const any = { address: new Address(remote.address.version, 0), port: remote.port }
    const listener = this.#listeners.get(keyOf(remote)) ?? this.#listeners.get(keyOf(any))
    // As a kernel does: what is signed otherwise than expected is not answered.
    const signed = sameSecret(listener?.keys.get(formatAddress(local.address)), password)
    if (this.lost(local, remote) || (listener && !signed)) {
      near.lose('connection timed out')
      return
    }
    let far: MemoryConnection | undefined
    listener?.onConnection({
      remote: local,
      accept: (handlers) => {
        far = new MemoryConnection(this, this.#clock, remote, local, handlers)
        near.join(far)
        far.join(near)
        return far
      },
    })
    if (far) near.opened()
    else near.lose(listener ? 'connection reset by the peer' : 'connection refused')
  }
}

class MemoryConnection implements Connection {
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly #network: MemoryNetwork
  readonly #clock: Clock
  #handlers: ConnectionHandlers | undefined
  #other: MemoryConnection | undefined
  queuedBytes = 0

  constructor(network: MemoryNetwork, clock: Clock, local: Endpoint, remote: Endpoint, handlers: ConnectionHandlers) {
    this.#network = network
    this.#clock = clock
    this.local = local
    this.remote = remote
    this.#handlers = handlers
  }

  join(other: MemoryConnection): void {
    this.#other = other
  }

  opened(): void {
    this.#handlers?.onOpen()
  }

  lose(why: string): void {
    const heard = this.#handlers
    this.#handlers = undefined
    heard?.onClose(why)
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#network.lost(this.local, this.remote)) {
      this.#clock.after(0, () => this.#other?.receive(bytes))
    }
    return true
  }

  receive(bytes: Uint8Array): void {
    this.#handlers?.onData(bytes)
  }

  close(): void {
    this.#handlers = undefined
    if (this.#network.lost(this.local, this.remote)) return
    this.#clock.after(0, () => this.#other?.lose('closed by the peer'))
  }

  abort(): void {
    this.close()
  }

  tune(): void {}
}

function keyOf({ address, port }: Endpoint): string {
  return `${formatAddress(address)} ${port}`
}
