/** Information TLVs of Initiation, Peer Up and Termination (RFC 7854 sections 4.3 to 4.5): a type, a length, and text or a number. */

import { u16, type Writer } from '../bytes.ts'

/** Types in Initiation and Peer Up; 0 is free text in all messages. */
export const informationTypes = { string: 0, sysDescr: 1, sysName: 2 } as const
/** Type of the reason in Termination, and the reason that the session is closed by its operator (section 4.5). */
export const terminationReason = 1
export const administrativelyClosed = 0

export interface BmpInformation {
  readonly type: number
  readonly value: Uint8Array
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Text as UTF-8. */
export function textInformation(type: number, text: string): BmpInformation {
  return { type, value: encoder.encode(text) }
}

/** The text of the first entry of a type. */
export function informationText(information: readonly BmpInformation[], type: number): string | undefined {
  const found = information.find((one) => one.type === type)
  return found && decoder.decode(found.value)
}

export function writeInformation(into: Writer, information: readonly BmpInformation[]): void {
  for (const { type, value } of information) into.u16(type).counted16(() => into.bytes(value))
}

/** Undefined where an entry is cut short. */
export function readInformation(bytes: Uint8Array, at: number, end: number): BmpInformation[] | undefined {
  const information: BmpInformation[] = []
  while (at < end) {
    if (at + 4 > end) return undefined
    const next = at + 4 + u16(bytes, at + 2)
    if (next > end) return undefined
    information.push({ type: u16(bytes, at), value: bytes.slice(at + 4, next) })
    at = next
  }
  return information
}
