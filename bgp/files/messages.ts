/** BGP messages one after the other with nothing between them, as octets or as hexadecimal text; and which kind of file one is. */

import { u16, u32, viewOf } from '../bytes.ts'
import { extendedMaximumLength, Framer, headerLength } from '../framer.ts'
import { type Chunks, type FileFault, fileFault } from './byte-stream.ts'
import { isKnownMrtType } from './mrt.ts'
import { isCapture } from './pcap.ts'

export interface PlainMessage {
  readonly kind: 'message'
  /** The whole message with its header. */
  readonly message: Uint8Array
  /** Of the message's header. */
  readonly offset: number
}

/** The messages of a stream of octets. A fault with an offset ends it. */
export async function* readMessages(chunks: Chunks): AsyncGenerator<PlainMessage | FileFault, void> {
  const framer = new Framer()
  framer.maximumLength = extendedMaximumLength
  let offset = 0
  for await (const chunk of chunks) {
    const found: PlainMessage[] = []
    const wrong = framer.push(chunk, (_type, bytes, at, end) => {
      const message = bytes.slice(at - headerLength, end)
      found.push({ kind: 'message', message, offset })
      offset += message.length
      return true
    })
    yield* found
    if (wrong) {
      yield { ...wrong, offset }
      return
    }
  }
  if (framer.pending > 0) yield fileFault(offset, `ends inside a message, of which ${framer.pending} octets are there`)
}

/**
 * The octets of hexadecimal text: two digits each, in either case, with white space and colons anywhere, and comments from # to the
 * end of the line. `take` gives the octets of a piece of text, up to what is `wrong` in it, whose offset counts the octets of the text.
 */
export class HexText {
  wrong: FileFault | undefined
  #offset = 0
  #high: number | undefined
  #inComment = false

  take(text: Uint8Array): Uint8Array {
    const into = new Uint8Array((text.length >> 1) + 1)
    let length = 0
    for (const [at, code] of text.entries()) {
      if (this.#inComment || code === hash) {
        this.#inComment = code !== newline
        continue
      }
      const digit = digitOf(code)
      if (digit < 0) {
        if (isBetween(code)) continue
        this.wrong = fileFault(this.#offset + at, `${shown(code)} is no hexadecimal digit`)
        break
      }
      if (this.#high === undefined) this.#high = digit
      else {
        into[length++] = (this.#high << 4) | digit
        this.#high = undefined
      }
    }
    this.#offset += text.length
    return into.subarray(0, length)
  }

  /** Nothing follows. */
  end(): void {
    if (this.#high !== undefined) this.wrong ??= fileFault(this.#offset, 'ends inside an octet: a digit is missing')
  }
}

const newline = 0x0a
const hash = 0x23
const shown = (code: number) =>
  code > 0x20 && code < 0x7f ? `"${String.fromCharCode(code)}"` : `0x${code.toString(16).padStart(2, '0')}`

function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = (code | 0x20) - 0x61
  return letter >= 0 && letter < 6 ? letter + 10 : -1
}

/** Tab, line ends, space, colon. */
const isBetween = (code: number) => (code >= 0x09 && code <= 0x0d) || code === 0x20 || code === 0x3a

/** As `readMessages`, of hexadecimal text. */
export async function* readHexMessages(chunks: Chunks): AsyncGenerator<PlainMessage | FileFault, void> {
  const text = new HexText()
  async function* octets() {
    for await (const chunk of chunks) {
      yield text.take(chunk)
      if (text.wrong) return
    }
    text.end()
  }
  for await (const found of readMessages(octets())) {
    // Of a message that ends at a wrong digit, the digit is what there is to say.
    if (found.kind === 'fault' && found.code === 0 && text.wrong) break
    yield found
    if (found.kind === 'fault') return
  }
  if (text.wrong) yield text.wrong
}

export type FileKind = 'mrt' | 'capture' | 'messages' | 'hex' | 'gzip'

/** Octets of a file that `recogniseFile` wants to see, where there are so many. */
export const recognisedBy = 64

/** What a file is by its first octets, whatever it is called; undefined for none of those that can be read. */
export function recogniseFile(first: Uint8Array): FileKind | undefined {
  if (first.length >= 2 && viewOf(first).getUint16(0) === 0x1f8b) return 'gzip'
  if (isCapture(first)) return 'capture'
  if (isMarker(first)) return 'messages'
  if (first.length >= 12 && isKnownMrtType(u16(first, 4)) && u16(first, 6) < 64 && u32(first, 8) < 0x1000000)
    return 'mrt'
  const text = new HexText()
  const taken = text.take(first.subarray(0, recognisedBy))
  return isMarker(taken) || (first.length > 0 && !text.wrong) ? 'hex' : undefined
}

const isMarker = (first: Uint8Array) => first.length >= 16 && first.subarray(0, 16).every((octet) => octet === 0xff)
