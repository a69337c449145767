/** `tandem decode HEX`: any BGP messages, in words. */

import { decodeMessage, describeMessage, extendedMaximumLength, Framer, isFault } from 'bgp-ts'
import { ConfigError } from '../config/flag.ts'

/** Hexadecimal octets of one or more whole messages; white space and colons between them do not count. */
export function decode(text: string, json: boolean): void {
  const digits = text.replace(/[\s:]/g, '')
  if (digits === '' || !/^([0-9a-fA-F]{2})+$/.test(digits)) {
    throw new ConfigError('HEX', text.slice(0, 60), 'is not an even number of hexadecimal digits')
  }
  const bytes = Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16))
  const framer = new Framer()
  framer.maximumLength = extendedMaximumLength
  const messages: { message: unknown; text: string }[] = []
  const fault = framer.push(bytes, (type, chunk, at, end) => {
    const message = decodeMessage(type, chunk, at, end)
    messages.push({ message, text: isFault(message) ? `malformed: ${message.text}` : describeMessage(message) })
    return true
  })
  if (fault) messages.push({ message: fault, text: `malformed: ${fault.text}` })
  if (!fault && framer.pending > 0) {
    throw new ConfigError('HEX', text.slice(0, 60), `ends inside a message: ${framer.pending} octets are left over`)
  }
  const output = json ? JSON.stringify(messages, undefined, 2) : messages.map((one) => one.text).join('\n')
  process.stdout.write(`${output}\n`)
}
