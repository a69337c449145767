/**
 * Routes into Route Monitoring messages (RFC 7854 section 4.6): each is a per-peer header and one UPDATE, and prefixes that share attributes share it.
 * Written one behind the other into buffers that the connection takes whole.
 */

import {
  type Address,
  bmpHeaderLength,
  bmpTypes,
  endOfRib,
  extendedMaximumLength,
  type Family,
  headerLength,
  messageTypes,
  mpReachType,
  mpUnreachType,
  nlriSize,
  ordinaryMaximumLength,
  peerHeaderLength,
  reachHeader,
  unreachHeader,
  writeBmpHeader,
  writeHeader,
  writeNlri,
} from 'bgp-ts'
import type { PrefixTable } from '../rib/prefix-table.ts'

/** The largest message fits, and a good many of the ordinary ones. */
const bufferSize = 96 * 1024
const beforeUpdate = bmpHeaderLength + peerHeaderLength
const mpAttributeHeader = 4
const pathIdOctets = 4
const longestNlri = pathIdOctets + 17

/** Rows of a table, each with the identifier of its path; 0 where paths have none. */
export interface RouteBatch {
  readonly rows: number[]
  readonly ids: number[]
}

export const newBatch = (): RouteBatch => ({ rows: [], ids: [] })

/** What routes have in common. */
export interface RouteAttributes {
  /** The attribute list, without MP_REACH_NLRI. */
  readonly list: Uint8Array
  /** The value of MP_REACH_NLRI before the prefixes; undefined where the NLRI field is used. */
  readonly reach: Uint8Array | undefined
}

/** IPv4 prefixes with an IPv4 next hop stand in the NLRI field, as any router sends them. */
export function reachOf(family: Family, nextHop: Address): Uint8Array | undefined {
  return family === 'ipv4-unicast' && nextHop.version === 4 ? undefined : reachHeader(family, nextHop)
}

export class RouteWriter {
  readonly #emit: (bytes: Uint8Array, messages: number) => void
  #buffer = new Uint8Array(bufferSize)
  #at = 0
  #messages = 0

  constructor(emit: (bytes: Uint8Array, messages: number) => void) {
    this.#emit = emit
  }

  /** `addPath`: identifiers are written before the prefixes (RFC 7911). */
  announce(
    header: Uint8Array,
    prefixes: PrefixTable,
    batch: RouteBatch,
    { list, reach }: RouteAttributes,
    addPath: boolean,
  ): void {
    const fixed = headerLength + 4 + list.length + (reach ? reach.length + mpAttributeHeader : 0)
    // A peer with extended messages may send attributes that fill more than an ordinary one (RFC 8654).
    const limit = fixed + longestNlri <= ordinaryMaximumLength ? ordinaryMaximumLength : extendedMaximumLength
    if (fixed + longestNlri > limit) return
    for (let index = 0; index < batch.rows.length; ) {
      const start = this.#begin(header, limit)
      let at = this.#u16(start + headerLength, 0)
      if (!reach) {
        at = this.#octets(this.#u16(at, list.length), list)
        index = this.#prefixes(prefixes, batch, index, at, start + limit, addPath)
        this.#end(start, this.#at)
        continue
      }
      const from = at + 2
      at = this.#octets(this.#attributeHeader(from, mpReachType), reach)
      index = this.#prefixes(prefixes, batch, index, at, start + limit - list.length, addPath)
      this.#u16(from + 2, this.#at - from - mpAttributeHeader)
      const end = this.#octets(this.#at, list)
      this.#u16(from - 2, end - from)
      this.#end(start, end)
    }
  }

  withdraw(header: Uint8Array, prefixes: PrefixTable, batch: RouteBatch, addPath: boolean): void {
    const { family } = prefixes
    for (let index = 0; index < batch.rows.length; ) {
      const start = this.#begin(header, ordinaryMaximumLength)
      const limit = start + ordinaryMaximumLength - 2
      const from = start + headerLength
      if (family === 'ipv4-unicast') {
        index = this.#prefixes(prefixes, batch, index, from + 2, limit, addPath)
        this.#u16(from, this.#at - from - 2)
        this.#end(start, this.#u16(this.#at, 0))
        continue
      }
      const attributeAt = this.#u16(from, 0) + 2
      const at = this.#octets(this.#attributeHeader(attributeAt, mpUnreachType), unreachHeader(family))
      index = this.#prefixes(prefixes, batch, index, at, limit, addPath)
      this.#u16(attributeAt + 2, this.#at - attributeAt - mpAttributeHeader)
      this.#u16(attributeAt - 2, this.#at - attributeAt)
      this.#end(start, this.#at)
    }
  }

  /** The End-of-RIB marker of a family. */
  end(header: Uint8Array, family: Family): void {
    const start = this.#begin(header, ordinaryMaximumLength)
    const marker = endOfRib(family)
    this.#buffer.set(marker, start)
    this.#close(start, start + marker.length)
  }

  /** Hands out what is written. */
  flush(): void {
    if (this.#at === 0) return
    this.#emit(this.#buffer.slice(0, this.#at), this.#messages)
    this.#at = 0
    this.#messages = 0
  }

  /** Room for a whole message, with the headers before the UPDATE; returns where that begins. */
  #begin(header: Uint8Array, limit: number): number {
    if (this.#at + beforeUpdate + limit > bufferSize) this.flush()
    this.#buffer.set(header, this.#at + bmpHeaderLength)
    return this.#at + beforeUpdate
  }

  #end(start: number, end: number): void {
    writeHeader(this.#buffer, start, messageTypes.update, end - start - headerLength)
    this.#close(start, end)
  }

  #close(start: number, end: number): void {
    const from = start - beforeUpdate
    writeBmpHeader(this.#buffer, from, bmpTypes.routeMonitoring, end - from)
    this.#at = end
    this.#messages++
  }

  /** Writes prefixes from `index` on while they fit below `limit`; leaves the cursor behind them, returns the first one left. */
  #prefixes(
    prefixes: PrefixTable,
    { rows, ids }: RouteBatch,
    index: number,
    at: number,
    limit: number,
    addPath: boolean,
  ): number {
    const before = addPath ? pathIdOctets : 0
    for (; index < rows.length; index++) {
      const row = rows[index]!
      const length = prefixes.length(row)
      if (at + before + nlriSize(length) > limit) break
      if (addPath) at = this.#u16(this.#u16(at, ids[index]! >>> 16), ids[index]! & 0xffff)
      const [w0, w1] = [prefixes.word0(row), prefixes.word1(row)]
      at = writeNlri(this.#buffer, at, w0, w1, prefixes.word2(row), prefixes.word3(row), length)
    }
    this.#at = at
    return index
  }

  /** Optional, with the extended length, which is written when it is known. */
  #attributeHeader(at: number, type: number): number {
    this.#buffer[at] = 0x90
    this.#buffer[at + 1] = type
    return at + mpAttributeHeader
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
