/** The little BGP that the benchmark's peers speak: an OPEN with both families and four-octet ASNs, the handshake, and a walk over the prefixes of an UPDATE. */

import type { Socket } from 'node:net'
import { message } from './stream.ts'

export const keepalive = message(4, Buffer.alloc(0))
const keepaliveMs = 20_000

/** `id`: the four octets of its BGP identifier. */
export function open(id: readonly number[], asn: number): Buffer {
  const four = Buffer.alloc(4)
  four.writeUInt32BE(asn)
  const capabilities = Buffer.concat([Buffer.of(1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4), four])
  const parameters = Buffer.concat([Buffer.of(2, capabilities.length), capabilities])
  return message(1, Buffer.concat([Buffer.of(4, asn >> 8, asn & 255, 0, 180, ...id, parameters.length), parameters]))
}

/** The rest of a session on a connection, from the router's OPEN on; says whether it came up. */
export function shakeHands(
  socket: Socket,
  onUp: (socket: Socket) => void,
  onMessage: (type: number, body: Buffer) => void = () => {},
): () => boolean {
  let up = false
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    while (rest.length - at >= 19) {
      const length = rest.readUInt16BE(at + 16)
      if (rest.length - at < length) break
      const type = rest[at + 18]!
      if (type === 1) socket.write(keepalive)
      if (type === 4 && !up) {
        up = true
        onUp(socket)
      }
      onMessage(type, rest.subarray(at + 19, at + length))
      at += length
    }
    rest = rest.subarray(at)
  })
  const beat = setInterval(() => up && socket.write(keepalive), keepaliveMs)
  socket.on('error', () => {})
  socket.on('close', () => clearInterval(beat))
  return () => up
}

export interface PrefixVisitor {
  /** The prefix's length in bits stands at `at`, its octets behind. `nextHopEnd`: where the octets of the next hop end. */
  announced(isIpv6: boolean, body: Buffer, at: number, nextHopEnd: number): void
  withdrawn(isIpv6: boolean, body: Buffer, at: number): void
}

/** Every prefix of an UPDATE: in its own fields, and in MP_REACH_NLRI and MP_UNREACH_NLRI. */
export function visitPrefixes(body: Buffer, visitor: PrefixVisitor): void {
  const withdrawnEnd = 2 + body.readUInt16BE(0)
  for (let at = 2; at < withdrawnEnd; at = behind(body, at)) visitor.withdrawn(false, body, at)
  const attributesAt = withdrawnEnd + 2
  const attributesEnd = attributesAt + body.readUInt16BE(withdrawnEnd)
  let nextHopEnd = 0
  for (let at = attributesAt; at < attributesEnd; ) {
    const long = (body[at]! & 0x10) !== 0
    const valueAt = at + (long ? 4 : 3)
    const end = valueAt + (long ? body.readUInt16BE(at + 2) : body[at + 2]!)
    const type = body[at + 1]
    if (type === 3) nextHopEnd = end
    if (type === 14) {
      const hopEnd = valueAt + 4 + body[valueAt + 3]!
      for (let nlri = hopEnd + 1; nlri < end; nlri = behind(body, nlri)) visitor.announced(true, body, nlri, hopEnd)
    }
    if (type === 15)
      for (let nlri = valueAt + 3; nlri < end; nlri = behind(body, nlri)) visitor.withdrawn(true, body, nlri)
    at = end
  }
  for (let at = attributesEnd; at < body.length; at = behind(body, at)) visitor.announced(false, body, at, nextHopEnd)
}

const behind = (body: Buffer, at: number) => at + 1 + ((body[at]! + 7) >> 3)
