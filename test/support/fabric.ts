/** Speakers on a virtual clock and a network in memory, declared in a few words. */

import { families, type Negotiated } from 'bgp-ts'
import { acceptAll, originatedOnly, parseAddress, parsePrefix } from '../../policy/index.ts'
import { MemoryBfdNetwork } from '../../speaker/bfd/memory.ts'
import {
  type Desired,
  type Kernel,
  MemoryNetwork,
  type OriginatedRoute,
  type PeerDeclaration,
  type PeerSnapshot,
  Speaker,
  type SpeakerOptions,
  type World,
} from '../../speaker/index.ts'
import { VirtualClock } from './virtual-clock.ts'

export const address = (text: string) => {
  const parsed = parseAddress(text)
  if (!parsed) throw new Error(`not an address: ${text}`)
  return parsed
}

export const prefix = (text: string) => {
  const parsed = parsePrefix(text)
  if (!parsed) throw new Error(`not a prefix: ${text}`)
  return parsed
}

/** What a session has agreed on that carries both families, and nothing beyond the ordinary. */
export function negotiatedWith(peerAsn: number, peerRouterId: number, localAsn = 64512): Negotiated {
  return {
    localAsn,
    peerAsn,
    peerRouterId,
    external: peerAsn !== localAsn,
    holdTime: 90,
    families,
    fourOctetAsn: true,
    extendedMessages: false,
    routeRefresh: true,
    enhancedRefresh: false,
    addPath: [],
    extendedNextHop: false,
    peerCapabilities: [],
  }
}

export function route(text: string, more: Partial<OriginatedRoute> = {}): OriginatedRoute {
  const origin = { kind: 'static', object: 'test', field: text, rule: 'declared' }
  return { prefix: prefix(text), attributes: {}, origin, ...more }
}

/** Both families, accepts all, exports what it originates. */
export function peerTo(text: string, asn: number, more: Partial<PeerDeclaration> = {}): PeerDeclaration {
  return {
    name: text,
    address: address(text),
    port: 179,
    asn,
    families: ['ipv4-unicast', 'ipv6-unicast'],
    passive: false,
    holdTime: 90,
    connectRetry: 5,
    nextHopSelf: false,
    importPolicy: acceptAll,
    exportPolicy: originatedOnly,
    ...more,
  }
}

export interface Machine {
  readonly speaker: Speaker
  readonly desired: Desired
  apply(change: Partial<Omit<Desired, 'local'>> & { local?: Partial<Desired['local']> }): ReturnType<Speaker['apply']>
  peer(name?: string): PeerSnapshot
  /** Prefixes in the table, as `prefix via next hop`. */
  table(): string[]
}

export class Fabric {
  readonly clock = new VirtualClock()
  readonly network = new MemoryNetwork(this.clock)
  readonly paths = new MemoryBfdNetwork(this.clock)
  readonly errors: string[] = []
  readonly logs: { readonly level: string; readonly fields: object; readonly message: string }[] = []
  readonly #machines: Machine[] = []
  #seed = 1

  /** A machine with these addresses, of which the first of each family is its next hop and the last octet of the first its router id. */
  machine(
    asn: number,
    addresses: readonly string[],
    peers: readonly PeerDeclaration[],
    options: SpeakerOptions = {},
    kernel?: Kernel,
  ): Machine {
    const own = addresses.map(address)
    const v4 = own.find(({ version }) => version === 4)
    const v6 = own.find(({ version }) => version === 6)
    const note = (level: string) => (fields: object, message: string) => {
      this.logs.push({ level, fields, message })
      if (level === 'error') this.errors.push(`${message} ${JSON.stringify(fields)}`)
    }
    const world: World = {
      clock: this.clock,
      random: () => this.#random(),
      transport: this.network.from(...own),
      bfd: this.paths.from(() => this.#random(), ...own),
      log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
      ...(kernel && { kernel }),
    }
    const speaker = new Speaker(world, options)
    let desired: Desired = {
      local: {
        asn,
        routerId: (own[0]!.version === 4 ? own[0]!.w0 : own[0]!.w3) >>> 0,
        listen: own.map((one) => ({ address: one, port: 179 })),
        addresses: { ...(v4 && { 'ipv4-unicast': v4 }), ...(v6 && { 'ipv6-unicast': v6 }) },
      },
      peers,
      routes: [],
    }
    speaker.apply(desired)
    const machine: Machine = {
      speaker,
      get desired() {
        return desired
      },
      apply: ({ local, ...change }) => {
        desired = { ...desired, ...change, local: { ...desired.local, ...local } }
        return speaker.apply(desired)
      },
      peer: (name) => {
        const { peers: all } = speaker.snapshot()
        const found = name === undefined ? all[0] : all.find((one) => one.name === name)
        if (!found) throw new Error(`no peer ${name}`)
        return found
      },
      table: () => speaker.routes('best').map((row) => `${row.prefix} via ${row.nextHop}`),
    }
    this.#machines.push(machine)
    return machine
  }

  /** Lets listeners come up and this much time pass. */
  async pass(milliseconds: number): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    this.clock.pass(milliseconds)
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#machines.map(({ speaker }) => speaker.stop()))
    // What is on the wire arrives; nothing that was armed may still be.
    this.clock.pass(0)
  }

  #random(): number {
    this.#seed = (Math.imul(this.#seed, 48271) >>> 0) % 0x7fffffff
    return this.#seed / 0x7fffffff
  }
}
