/**
 * `tandem decode HEX|FILE`: BGP messages in words, from hexadecimal digits or from a file. What a file is shows in its first
 * octets: messages, hexadecimal text, MRT, pcap or pcapng, each also compressed with gzip. It is read as a stream, whatever its size.
 */

import { once } from 'node:events'
import { createReadStream, existsSync } from 'node:fs'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { HexText, readCapture, readHexMessages, readMessages, readMrt, recognisedBy, recogniseFile } from 'bgp-ts'
import { ConfigError } from '../config/flag.ts'
import { asJson, decoded, type Found } from '../render/decoded.ts'

type Octets = AsyncIterable<Uint8Array>

/** Names of files, `-` for the standard input, or hexadecimal digits. Ends with status 1 when something was malformed. */
export async function decode(words: readonly string[], json: boolean): Promise<void> {
  const areFiles = words.some((word) => word === '-' || existsSync(word))
  const sources = areFiles ? words.map(readFile) : [readMessages([readDigits(words.join(' '))])]
  for (const source of sources) {
    for await (const found of source) {
      const { text, value } = decoded(found)
      if (found.kind === 'fault') process.exitCode = 1
      if (!process.stdout.write(`${json ? asJson(value) : text}\n`)) await once(process.stdout, 'drain')
    }
  }
}

function readDigits(text: string): Uint8Array {
  const digits = new HexText()
  const octets = digits.take(new TextEncoder().encode(text))
  digits.end()
  if (digits.wrong || octets.length === 0) {
    throw new ConfigError(
      'HEX or FILE',
      text.slice(0, 60),
      'is neither a file nor an even number of hexadecimal digits',
    )
  }
  return octets
}

async function* readFile(name: string): AsyncGenerator<Found, void> {
  try {
    yield* readOctets(name, name === '-' ? process.stdin : createReadStream(name), true)
  } catch (error) {
    // Of the file system, or of what is compressed in it.
    if (error instanceof Error && 'code' in error) throw new Error(`${name}: ${error.message}`)
    throw error
  }
}

async function* readOctets(name: string, source: Octets, mayBeGzip: boolean): AsyncGenerator<Found, void> {
  const { first, octets } = await peeked(source)
  switch (recogniseFile(first)) {
    case 'gzip':
      if (mayBeGzip) yield* readOctets(name, gunzipped(octets), false)
      else throw new ConfigError('FILE', name, 'is compressed twice; give what is in it')
      return
    case 'mrt':
      return yield* readMrt(octets)
    case 'capture':
      return yield* readCapture(octets)
    case 'messages':
      return yield* readMessages(octets)
    case 'hex':
      return yield* readHexMessages(octets)
    default:
      throw new ConfigError(
        'FILE',
        name,
        'is none of: BGP messages, their hexadecimal digits, MRT, pcap, pcapng, gzip of these',
      )
  }
}

function gunzipped(octets: Octets): Octets {
  // Errors reach whoever reads the result.
  return pipeline(Readable.from(octets), createGunzip(), () => {})
}

/** The first octets, and all of them. */
async function peeked(source: Octets): Promise<{ first: Uint8Array; octets: Octets }> {
  const iterator = source[Symbol.asyncIterator]()
  const kept: Uint8Array[] = []
  let length = 0
  while (length < recognisedBy) {
    const { done, value } = await iterator.next()
    if (done === true) break
    kept.push(value)
    length += value.length
  }
  async function* octets(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* kept.splice(0)
      for (;;) {
        const { done, value } = await iterator.next()
        if (done === true) return
        yield value
      }
    } finally {
      await iterator.return?.()
    }
  }
  return { first: Buffer.concat(kept), octets: octets() }
}
