/** A collector of BMP in the memory of a test: keeps what it is told, and the tables that follow from it. */

import {
  type BmpMessage,
  type BmpPeer,
  type BmpPeerDown,
  type BmpPeerUp,
  BmpStream,
  endOfRibFamily,
  type Family,
  formatAddress,
  newUpdateParts,
  scanUpdate,
} from 'bgp-ts'
import type { Connection, Listener } from '../../speaker/index.ts'
import { address, type Fabric } from './fabric.ts'
import { type HeldRoute, learn } from './wire-peer.ts'

export type Table = 'in' | 'out'

export class BmpCollector {
  readonly messages: BmpMessage[] = []
  connections = 0
  /** Why the last connection ended, once it has. */
  closed: string | undefined
  #stream = new BmpStream()
  #connection: Connection | undefined
  #listener: Listener | undefined
  readonly #tables = new Map<string, Map<string, HeldRoute>>()
  readonly #ended = new Map<string, Family[]>()
  readonly #fabric: Fabric
  readonly #at: string

  constructor(fabric: Fabric, at: string) {
    this.#fabric = fabric
    this.#at = at
  }

  async listen(port = 11019): Promise<this> {
    const here = address(this.#at)
    this.#listener = await this.#fabric.network.from(here).listen({ address: here, port }, (incoming) => {
      this.connections++
      this.closed = undefined
      this.#stream = new BmpStream()
      this.#forget()
      this.#connection = incoming.accept({
        onOpen: () => {},
        onData: (chunk) => this.read(chunk),
        onDrain: () => {},
        onClose: (why) => {
          this.closed = why
        },
      })
    })
    return this
  }

  /** Ends the connection and takes no other. */
  async leave(): Promise<void> {
    this.#connection?.abort()
    await this.#listener?.close()
  }

  read(chunk: Uint8Array): void {
    const fault = this.#stream.push(chunk, (message) => this.#take(message))
    if (fault) throw new Error(`malformed BMP: ${fault.text}`)
  }

  of<Kind extends BmpMessage['kind']>(kind: Kind): Extract<BmpMessage, { kind: Kind }>[] {
    return this.messages.filter((one): one is Extract<BmpMessage, { kind: Kind }> => one.kind === kind)
  }

  get kinds(): string[] {
    return this.messages.map(({ kind }) => kind)
  }

  lastUp(): BmpPeerUp | undefined {
    return this.of('peer-up').at(-1)
  }

  lastDown(): BmpPeerDown | undefined {
    return this.of('peer-down').at(-1)
  }

  /** Prefixes of a peer's table, sorted. */
  prefixes(peer: string, table: Table): string[] {
    return [...(this.#tables.get(`${peer} ${table}`)?.keys() ?? [])].sort()
  }

  route(peer: string, table: Table, prefix: string): HeldRoute | undefined {
    return this.#tables.get(`${peer} ${table}`)?.get(prefix)
  }

  /** Families of which End-of-RIB came, in their order. */
  ended(peer: string, table: Table): readonly Family[] {
    return this.#ended.get(`${peer} ${table}`) ?? []
  }

  #forget(): void {
    this.#tables.clear()
    this.#ended.clear()
  }

  #take(message: BmpMessage): void {
    this.messages.push(message)
    if (message.kind === 'peer-down' || message.kind === 'peer-up') {
      for (const table of ['in', 'out'] as const) {
        this.#tables.delete(keyOf(message.peer, table))
        this.#ended.delete(keyOf(message.peer, table))
      }
    }
    if (message.kind !== 'route-monitoring') return
    const key = keyOf(message.peer, message.peer.adjRibOut ? 'out' : 'in')
    const body = message.update.subarray(19)
    const parts = newUpdateParts()
    scanUpdate(body, 0, body.length, parts)
    const family = endOfRibFamily(body, parts)
    if (family) {
      this.#ended.set(key, [...(this.#ended.get(key) ?? []), family])
      return
    }
    const table = this.#tables.get(key) ?? new Map<string, HeldRoute>()
    this.#tables.set(key, table)
    learn(table, body)
  }
}

function keyOf(peer: BmpPeer, table: Table): string {
  return `${formatAddress(peer.address)} ${table}`
}
