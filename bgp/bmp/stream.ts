/** A stream of octets from a monitored router, cut into messages: what a collector reads. */

import { u32 } from '../bytes.ts'
import { bmpHeaderLength, bmpVersion } from './header.ts'
import { type BmpFault, type BmpMessage, decodeBmp } from './message.ts'

/** No message is longer: two OPENs, or one UPDATE, of 65,535 octets at most, with what is around them. */
const longestMessage = 256 * 1024

export class BmpStream {
  #kept = new Uint8Array(0)

  /** Octets of a message that is not whole yet. */
  get pending(): number {
    return this.#kept.length
  }

  /** Takes the next chunk; gives each message that is whole. After a fault nothing can be told apart. */
  push(chunk: Uint8Array, visit: (message: BmpMessage) => void): BmpFault | undefined {
    const bytes = new Uint8Array(this.#kept.length + chunk.length)
    bytes.set(this.#kept)
    bytes.set(chunk, this.#kept.length)
    let at = 0
    while (bytes.length - at >= bmpHeaderLength) {
      const length = u32(bytes, at + 1)
      if (bytes[at] !== bmpVersion) return { kind: 'bmp-fault', text: `version ${bytes[at]}, RFC 7854 4.1` }
      if (length < bmpHeaderLength || length > longestMessage)
        return { kind: 'bmp-fault', text: `message of ${length} octets, RFC 7854 4.1` }
      if (at + length > bytes.length) break
      const message = decodeBmp(bytes[at + 5]!, bytes, at + bmpHeaderLength, at + length)
      if (message.kind === 'bmp-fault') return message
      visit(message)
      at += length
    }
    this.#kept = bytes.slice(at)
    return undefined
  }
}
