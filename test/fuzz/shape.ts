/**
 * A message taken apart as far as its lengths can be believed, so that a mutation can move whole attributes, capabilities and prefixes about,
 * and put together again with every length right, or lying.
 */

export interface Item {
  /** Flags of an attribute; -1 for a capability. */
  readonly flags: number
  readonly type: number
  readonly value: Uint8Array
  /** Added to the length that is written. */
  readonly lie?: number
}

export interface UpdateShape {
  readonly kind: 'update'
  readonly withdrawn: Uint8Array
  readonly items: readonly Item[]
  readonly nlri: Uint8Array
  readonly lies: readonly [number, number]
}

export interface OpenShape {
  readonly kind: 'open'
  /** Version, ASN, hold time, identifier. */
  readonly fixed: Uint8Array
  readonly items: readonly Item[]
  readonly extended: boolean
  /** Each capability in a parameter of its own. */
  readonly apart: boolean
  readonly lies: readonly [number, number]
}

export interface OtherShape {
  readonly kind: 'other'
  readonly type: number
  readonly body: Uint8Array
}

export type Shape = UpdateShape | OpenShape | OtherShape

const u16 = (bytes: Uint8Array, at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

export function takeApart(bytes: Uint8Array): Shape {
  const type = bytes[18] ?? 2
  const body = bytes.subarray(19)
  if (type === 2) return updateShape(body)
  if (type === 1) return openShape(body)
  return { kind: 'other', type, body }
}

function updateShape(body: Uint8Array): UpdateShape {
  const withdrawnEnd = 2 + u16(body, 0)
  const attributesEnd = withdrawnEnd + 2 + u16(body, withdrawnEnd)
  const items: Item[] = []
  for (let at = withdrawnEnd + 2; at < Math.min(attributesEnd, body.length); ) {
    const flags = body[at]!
    const wide = (flags & 0x10) !== 0
    const valueAt = at + (wide ? 4 : 3)
    const next = Math.min(valueAt + (wide ? u16(body, at + 2) : (body[at + 2] ?? 0)), body.length)
    items.push({ flags, type: body[at + 1] ?? 0, value: body.subarray(valueAt, next) })
    at = Math.max(next, at + 1)
  }
  return {
    kind: 'update',
    withdrawn: body.subarray(2, withdrawnEnd),
    items,
    nlri: body.subarray(attributesEnd),
    lies: [0, 0],
  }
}

function openShape(body: Uint8Array): OpenShape {
  const extended = body[10] === 255
  const items: Item[] = []
  for (let at = extended ? 13 : 10; at < body.length; ) {
    const valueAt = at + (extended ? 3 : 2)
    const next = Math.min(valueAt + (extended ? u16(body, at + 1) : (body[at + 1] ?? 0)), body.length)
    for (let one = valueAt; one < next; ) {
      const end = Math.min(one + 2 + (body[one + 1] ?? 0), next)
      items.push({ flags: -1, type: body[one]!, value: body.subarray(one + 2, end) })
      one = end
    }
    at = Math.max(next, at + 1)
  }
  return { kind: 'open', fixed: body.subarray(0, 9), items, extended, apart: false, lies: [0, 0] }
}

/** Longest body that goes with a header in an extended message. */
const longestBody = 65535 - 19

/** The whole message; the header's length is right. */
export function putTogether(shape: Shape): Uint8Array {
  if (shape.kind === 'other') return framed(shape.type, shape.body)
  return shape.kind === 'update' ? framed(2, updateBody(shape)) : framed(1, openBody(shape))
}

export function framed(type: number, body: Uint8Array): Uint8Array {
  const octets = body.length > longestBody ? body.subarray(0, longestBody) : body
  const length = 19 + octets.length
  const whole = new Uint8Array(length).fill(0xff, 0, 16)
  whole[16] = length >>> 8
  whole[17] = length
  whole[18] = type
  whole.set(octets, 19)
  return whole
}

function updateBody({ withdrawn, items, nlri, lies }: UpdateShape): Uint8Array {
  const attributes = joined(items.map(attributeOctets))
  return joined([
    Uint8Array.from(pair(withdrawn.length + lies[0])),
    withdrawn,
    Uint8Array.from(pair(attributes.length + lies[1])),
    attributes,
    nlri,
  ])
}

/** An attribute with its length in as many octets as its flags say. */
export function attributeOctets({ flags, type, value, lie = 0 }: Item): Uint8Array {
  const wide = flags | (value.length > 255 ? 0x10 : 0)
  const length = value.length + lie
  const header = (wide & 0x10) !== 0 ? [wide, type, ...pair(length)] : [wide, type, length]
  return joined([Uint8Array.from(header), value])
}

function openBody({ fixed, items, extended, apart, lies }: OpenShape): Uint8Array {
  const capabilities = items.map(({ type, value, lie = 0 }) =>
    joined([Uint8Array.from([type, value.length + lie]), value]),
  )
  const groups = apart ? capabilities : capabilities.length > 0 ? [joined(capabilities)] : []
  const parameters = joined(
    groups.map((group) => {
      const length = group.length + lies[1]
      return joined([Uint8Array.from(extended ? [2, ...pair(length)] : [2, length]), group])
    }),
  )
  const length = parameters.length + lies[0]
  return joined([fixed, Uint8Array.from(extended ? [255, 255, ...pair(length)] : [length]), parameters])
}

const pair = (value: number) => [(value >>> 8) & 255, value & 255]

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, { length }) => size + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
