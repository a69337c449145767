/**
 * Routes into UPDATEs: prefixes that share attributes share messages, and messages share buffers of 64 KiB that go to every member of a group.
 * Reachable and unreachable routes never share a message, and the multiprotocol attribute comes first (RFC 7606 section 5.1).
 */

import {
  type Address,
  headerLength,
  messageTypes,
  mpReachType,
  mpUnreachType,
  nlriSize,
  ordinaryMaximumLength,
  unreachHeader,
  writeHeader,
  writeNlri,
} from 'bgp-ts'
import type { PrefixTable } from '../rib/prefix-table.ts'
import type { OutTable } from './out-table.ts'

const bufferSize = 64 * 1024
/** A buffer that is left emptier than this is copied, and used on. */
const worthKeeping = 16 * 1024
/** Flags, type and two octets of length. */
const mpAttributeHeader = 4
/** Of an IPv6 next hop: family, length, address and the reserved octet. */
const longestReachHeader = 21
const longestNlri = 17

export class Packer {
  readonly #emit: (bytes: Uint8Array) => void
  #buffer = new Uint8Array(bufferSize)
  #at = 0
  /** UPDATEs written so far. */
  messages = 0

  constructor(emit: (bytes: Uint8Array) => void) {
    this.#emit = emit
  }

  /** Whether one route with a list of so many octets and this next hop fits into a message at all. */
  static fits(octets: number, { version }: Pick<Address, 'version'>): boolean {
    const reach = version === 4 ? 0 : mpAttributeHeader + longestReachHeader
    return headerLength + 4 + octets + reach + longestNlri <= ordinaryMaximumLength
  }

  /** Writes the first `count` of these rows with the attributes of an entry. */
  announce(prefixes: PrefixTable, rows: ArrayLike<number>, entries: OutTable, id: number, count = rows.length): void {
    const reach = entries.reach(id)
    for (let index = 0; index < count; ) {
      index = reach
        ? this.#reach(prefixes, rows, index, count, entries, id, reach)
        : this.#nlri(prefixes, rows, index, count, entries, id)
    }
  }

  withdraw(prefixes: PrefixTable, rows: ArrayLike<number>): void {
    const header = prefixes.family === 'ipv4-unicast' ? undefined : unreachHeader(prefixes.family)
    for (let index = 0; index < rows.length; ) {
      index = header ? this.#unreach(prefixes, rows, index, header) : this.#withdrawn(prefixes, rows, index)
    }
  }

  /** Hands out what is written. */
  flush(): void {
    if (this.#at === 0) return
    if (this.#at < worthKeeping) {
      this.#emit(this.#buffer.slice(0, this.#at))
    } else {
      this.#emit(this.#buffer.subarray(0, this.#at))
      this.#buffer = new Uint8Array(bufferSize)
    }
    this.#at = 0
  }

  #nlri(
    prefixes: PrefixTable,
    rows: ArrayLike<number>,
    from: number,
    count: number,
    entries: OutTable,
    id: number,
  ): number {
    const start = this.#begin()
    const at = this.#u16(this.#u16(start + headerLength, 0), entries.listLength(id))
    const listEnd = entries.copyList(id, this.#buffer, at)
    const next = this.#prefixes(prefixes, rows, from, count, listEnd, start + ordinaryMaximumLength)
    this.#end(start, this.#at)
    return next
  }

  #withdrawn(prefixes: PrefixTable, rows: ArrayLike<number>, from: number): number {
    const start = this.#begin()
    const countAt = start + headerLength
    const next = this.#prefixes(prefixes, rows, from, rows.length, countAt + 2, start + ordinaryMaximumLength - 2)
    this.#u16(countAt, this.#at - countAt - 2)
    this.#end(start, this.#u16(this.#at, 0))
    return next
  }

  #reach(
    prefixes: PrefixTable,
    rows: ArrayLike<number>,
    from: number,
    count: number,
    entries: OutTable,
    id: number,
    header: Uint8Array,
  ): number {
    const start = this.#begin()
    const attributesAt = this.#u16(start + headerLength, 0) + 2
    const at = this.#mpHeader(attributesAt, mpReachType, header)
    const limit = start + ordinaryMaximumLength - entries.listLength(id)
    const next = this.#prefixes(prefixes, rows, from, count, at, limit)
    this.#u16(attributesAt + 2, this.#at - attributesAt - mpAttributeHeader)
    const end = entries.copyList(id, this.#buffer, this.#at)
    this.#u16(attributesAt - 2, end - attributesAt)
    this.#end(start, end)
    return next
  }

  #unreach(prefixes: PrefixTable, rows: ArrayLike<number>, from: number, header: Uint8Array): number {
    const start = this.#begin()
    const attributesAt = this.#u16(start + headerLength, 0) + 2
    const at = this.#mpHeader(attributesAt, mpUnreachType, header)
    const next = this.#prefixes(prefixes, rows, from, rows.length, at, start + ordinaryMaximumLength)
    this.#u16(attributesAt + 2, this.#at - attributesAt - mpAttributeHeader)
    this.#u16(attributesAt - 2, this.#at - attributesAt)
    this.#end(start, this.#at)
    return next
  }

  /** Room for a whole message; returns where it begins. */
  #begin(): number {
    if (this.#at + ordinaryMaximumLength > bufferSize) this.flush()
    return this.#at
  }

  #end(start: number, end: number): void {
    writeHeader(this.#buffer, start, messageTypes.update, end - start - headerLength)
    this.#at = end
    this.messages++
  }

  /** Writes prefixes from `from` on while they fit below `limit`; leaves the cursor behind them, returns the first row left. */
  #prefixes(
    prefixes: PrefixTable,
    rows: ArrayLike<number>,
    from: number,
    count: number,
    at: number,
    limit: number,
  ): number {
    let index = from
    for (; index < count; index++) {
      const row = rows[index]!
      const length = prefixes.length(row)
      if (at + nlriSize(length) > limit) break
      at = writeNlri(
        this.#buffer,
        at,
        prefixes.word0(row),
        prefixes.word1(row),
        prefixes.word2(row),
        prefixes.word3(row),
        length,
      )
    }
    this.#at = at
    return index
  }

  #mpHeader(at: number, type: number, header: Uint8Array): number {
    this.#buffer[at] = 0x90
    this.#buffer[at + 1] = type
    return this.#octets(this.#u16(at + 2, 0), header)
  }

  #u16(at: number, value: number): number {
    this.#buffer[at] = value >>> 8
    this.#buffer[at + 1] = value
    return at + 2
  }

  #octets(at: number, octets: Uint8Array): number {
    this.#buffer.set(octets, at)
    return at + octets.length
  }
}
