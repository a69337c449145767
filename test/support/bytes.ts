/** Octets written by people: hex with spaces, and comments from three spaces or a # to the end of the line. */

export function octets(text: string): Uint8Array {
  const digits = text
    .split('\n')
    .map((line) => line.trimStart().split(/#|\s{3,}/)[0]!)
    .join('')
    .replace(/\s/g, '')
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not hex: ${digits}`)
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** A message of this type with its header. */
export function message(type: number, body: Uint8Array): Uint8Array {
  const length = 19 + body.length
  return Uint8Array.of(...octets('ff'.repeat(16)), length >>> 8, length & 0xff, type, ...body)
}

/** The body of an UPDATE from its three fields in hex. */
export function updateBody(fields: { withdrawn?: string; attributes?: string; nlri?: string }): Uint8Array {
  const withdrawn = octets(fields.withdrawn ?? '')
  const attributes = octets(fields.attributes ?? '')
  const count = (bytes: Uint8Array) => [bytes.length >>> 8, bytes.length & 0xff]
  return Uint8Array.of(
    ...count(withdrawn),
    ...withdrawn,
    ...count(attributes),
    ...attributes,
    ...octets(fields.nlri ?? ''),
  )
}
