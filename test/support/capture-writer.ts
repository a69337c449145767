/** Writes captures: packets of a TCP conversation over either family, behind any link layer, in any of the file formats. */

import { type Address, addressBytes } from 'bgp-ts'
import { Writer } from '../../bgp/bytes.ts'

export interface WrittenEnd {
  readonly address: Address
  readonly port: number
}

export const tcpFlags = { fin: 1, syn: 2, rst: 4, ack: 16 } as const

/** A TCP segment in IP. Checksums are 0: nothing that reads captures looks at them. */
export function ipPacket(
  from: WrittenEnd,
  to: WrittenEnd,
  sequence: number,
  payload: Uint8Array,
  flags: number = tcpFlags.ack,
): Uint8Array {
  const tcp = new Writer().u16(from.port).u16(to.port).u32(sequence).u32(0)
  tcp
    .u8(5 << 4)
    .u8(flags)
    .u16(65535)
  tcp.u32(0).bytes(payload)
  const ends = [addressBytes(from.address), addressBytes(to.address)] as const
  const ip = new Writer()
  if (from.address.version === 4) {
    ip.u8(0x45)
      .u8(0)
      .u16(20 + tcp.length)
      .u32(0x40000000 >>> 16)
    ip.u8(64).u8(6).u16(0)
  } else {
    ip.u32(0x60000000).u16(tcp.length).u8(6).u8(64)
  }
  return ip.bytes(ends[0]).bytes(ends[1]).bytes(tcp.done()).done()
}

const etherTypeOf = (ip: Uint8Array) => (ip[0]! >>> 4 === 4 ? 0x0800 : 0x86dd)

/** What stands before IP, by name; each with its link type. */
export const links = {
  ethernet: { type: 1, wrap: (ip) => new Writer().bytes(new Uint8Array(12)).u16(etherTypeOf(ip)).bytes(ip).done() },
  vlan: {
    type: 1,
    wrap: (ip) => new Writer().bytes(new Uint8Array(12)).u16(0x8100).u16(7).u16(etherTypeOf(ip)).bytes(ip).done(),
  },
  'two tags': {
    type: 1,
    wrap: (ip) => {
      const tags = new Writer().bytes(new Uint8Array(12)).u16(0x88a8).u16(7).u16(0x8100).u16(8)
      return tags.u16(etherTypeOf(ip)).bytes(ip).done()
    },
  },
  'cooked Linux': {
    type: 113,
    wrap: (ip) => new Writer().bytes(new Uint8Array(14)).u16(etherTypeOf(ip)).bytes(ip).done(),
  },
  'cooked Linux, second form': {
    type: 276,
    wrap: (ip) => new Writer().u16(etherTypeOf(ip)).bytes(new Uint8Array(18)).bytes(ip).done(),
  },
  'BSD loopback': { type: 0, wrap: (ip) => new Writer().u32(2).bytes(ip).done() },
  'raw IP': { type: 101, wrap: (ip) => ip },
} satisfies Record<string, { type: number; wrap(ip: Uint8Array): Uint8Array }>

export interface WrittenPacket {
  readonly bytes: Uint8Array
  readonly seconds?: number
  readonly nanoseconds?: number
}

/** Numbers in either order of octets. */
class OrderedWriter {
  readonly into = new Writer()
  readonly #little: boolean

  constructor(little: boolean) {
    this.#little = little
  }

  u16(value: number): this {
    if (this.#little) this.into.u8(value).u8(value >>> 8)
    else this.into.u16(value)
    return this
  }

  u32(value: number): this {
    if (this.#little) this.u16(value).u16(value >>> 16)
    else this.into.u32(value)
    return this
  }

  bytes(value: Uint8Array): this {
    this.into.bytes(value)
    return this
  }
}

export interface ClassicForm {
  readonly little?: boolean
  readonly nano?: boolean
}

export function pcapFile(
  linkType: number,
  packets: readonly WrittenPacket[],
  { little = true, nano = false }: ClassicForm = {},
): Uint8Array {
  const file = new OrderedWriter(little).u32(nano ? 0xa1b23c4d : 0xa1b2c3d4)
  file.u16(2).u16(4).u32(0).u32(0).u32(262_144).u32(linkType)
  for (const { bytes, seconds = 1_700_000_000, nanoseconds = 0 } of packets) {
    file.u32(seconds).u32(nano ? nanoseconds : Math.floor(nanoseconds / 1000))
    file.u32(bytes.length).u32(bytes.length).bytes(bytes)
  }
  return file.into.done()
}

export interface SectionForm {
  readonly little?: boolean
  /** The power of ten of a second in which times are counted. */
  readonly resolution?: number
  readonly block?: 'enhanced' | 'simple' | 'old'
}

/** One section with one interface, and a block of statistics that nobody reads. */
export function pcapngFile(
  linkType: number,
  packets: readonly WrittenPacket[],
  { little = true, resolution = 6, block = 'enhanced' }: SectionForm = {},
): Uint8Array {
  const file = new OrderedWriter(little)
  const put = (type: number, body: (into: OrderedWriter) => void) => {
    const content = new OrderedWriter(little)
    body(content)
    const padding = -content.into.length & 3
    const length = 12 + content.into.length + padding
    file.u32(type).u32(length).bytes(content.into.done()).bytes(new Uint8Array(padding)).u32(length)
  }
  put(0x0a0d0d0a, (into) => into.u32(0x1a2b3c4d).u16(1).u16(0).u32(0xffffffff).u32(0xffffffff))
  put(1, (into) => {
    into.u16(linkType).u16(0).u32(0)
    into
      .u16(9)
      .u16(1)
      .bytes(Uint8Array.of(resolution, 0, 0, 0))
      .u32(0)
  })
  put(5, (into) => into.u32(0).u32(0).u32(0))
  for (const { bytes, seconds = 1_700_000_000, nanoseconds = 0 } of packets) {
    const count = BigInt(seconds) * 10n ** BigInt(resolution) + BigInt(nanoseconds) / 10n ** BigInt(9 - resolution)
    put({ enhanced: 6, simple: 3, old: 2 }[block], (into) => {
      if (block === 'simple') into.u32(bytes.length).bytes(bytes)
      else {
        if (block === 'enhanced') into.u32(0)
        else into.u16(0).u16(0)
        into.u32(Number(count >> 32n)).u32(Number(count & 0xffffffffn))
        into.u32(bytes.length).u32(bytes.length).bytes(bytes)
      }
    })
  }
  return file.into.done()
}
