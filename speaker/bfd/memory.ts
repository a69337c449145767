/** BFD inside one process: an engine a machine, on any clock, and a network that loses packets when it is told to. For tests and for labs without sockets. */

import { Address, formatAddress } from 'bgp-ts'
import type { Bfd, BfdStatus, BfdTarget, BfdWatch, Clock, Random, Timer } from '../world.ts'
import { Engine, type Source, type Watched } from './engine.ts'
import { portOf, sourceOf } from './ports.ts'
import { emptyRow, readStatus, writeStatus } from './status.ts'

interface Path {
  readonly local: Address
  readonly remote: Address
  readonly port: number
  readonly onChange: (status: BfdStatus) => void
}

export class MemoryBfdNetwork {
  readonly #clock: Clock
  readonly #machines = new Map<string, MemoryBfd>()
  readonly #cut = new Set<string>()
  readonly #unreached = new Set<string>()
  /** Called with every packet that is sent, before it is lost or not. */
  onPacket: ((from: Address, to: Address, bytes: Uint8Array) => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The BFD of one machine that has these addresses. */
  from(random: Random, ...addresses: readonly Address[]): Bfd {
    const machine = new MemoryBfd(this.#clock, random, addresses, (path, bytes) => this.#deliver(path, bytes))
    for (const address of addresses) this.#machines.set(formatAddress(address), machine)
    return machine
  }

  /** Packets to and from this address are lost from now on. */
  cut(address: Address): void {
    this.#cut.add(formatAddress(address))
  }

  /** Packets to this address are lost from now on; those from it arrive. */
  loseTo(address: Address): void {
    this.#unreached.add(formatAddress(address))
  }

  mend(address: Address): void {
    this.#cut.delete(formatAddress(address))
    this.#unreached.delete(formatAddress(address))
  }

  #deliver({ local, remote, port }: Path, bytes: Uint8Array): void {
    this.onPacket?.(local, remote, bytes)
    const [from, to] = [formatAddress(local), formatAddress(remote)]
    if (this.#cut.has(from) || this.#cut.has(to) || this.#unreached.has(to)) return
    const copy = bytes.slice()
    this.#clock.after(0, () => this.#machines.get(to)?.receive(copy, sourceOf(local, 0, port)))
  }
}

class MemoryBfd implements Bfd {
  readonly #clock: Clock
  readonly #addresses: readonly Address[]
  readonly #engine: Engine<Path>
  #timer: Timer | undefined
  #closed = false

  constructor(
    clock: Clock,
    random: Random,
    addresses: readonly Address[],
    send: (path: Path, bytes: Uint8Array) => void,
  ) {
    this.#clock = clock
    this.#addresses = addresses
    this.#engine = new Engine(random, {
      send: ({ path }, bytes) => send(path, bytes),
      changed: (watched) => {
        const status = statusOf(watched)
        clock.after(0, () => watched.path.onChange(status))
      },
      ended: () => {},
    })
  }

  watch(target: BfdTarget, onChange: (status: BfdStatus) => void): BfdWatch {
    const { remote } = target
    const own = this.#addresses.find(({ version }) => version === remote.version)
    const local = target.local ?? own ?? new Address(remote.version, 0)
    const path = { local, remote, port: portOf(target), onChange }
    const watched = this.#engine.add(sourceOf(remote, 0, path.port), path, target, this.#clock.now())
    this.#run()
    return {
      get status() {
        return statusOf(watched)
      },
      update: (timers) => this.#do((now) => watched.session.update(timers, now)),
      adminDown: () => this.#do((now) => watched.session.disable(now)),
      stop: () => this.#do((now) => this.#engine.remove(watched, now)),
    }
  }

  async close(): Promise<void> {
    this.#engine.end(this.#clock.now())
    this.#closed = true
    this.#timer?.cancel()
  }

  receive(bytes: Uint8Array, from: Source): void {
    this.#do((now) => this.#engine.receive(bytes, bytes.length, from, now))
  }

  #do(what: (now: number) => void): void {
    if (this.#closed) return
    what(this.#clock.now())
    this.#run()
  }

  #run(): void {
    this.#timer?.cancel()
    const now = this.#clock.now()
    const next = this.#engine.run(now)
    this.#timer = Number.isFinite(next) ? this.#clock.after(next - now, () => this.#run()) : undefined
  }
}

function statusOf(watched: Watched<unknown>): BfdStatus {
  const row = emptyRow()
  writeStatus(watched, row)
  return readStatus(row)
}
