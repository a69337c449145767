/**
 * Big-endian octets: reads by offset, and a writer that grows. Reads trust the caller:
 * a block is checked against its container once, and inside it offsets are not checked again.
 */

export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

/** Signed; `>>> 0` where it is shown to people. */
export function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

export function u32(bytes: Uint8Array, at: number): number {
  return word(bytes, at) >>> 0
}

/** For files, whose numbers may be in the other order. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function hex(bytes: Uint8Array, at = 0, end = bytes.length): string {
  let text = ''
  for (; at < end; at++) text += bytes[at]!.toString(16).padStart(2, '0')
  return text
}

/** A growing buffer. Lengths that are known only later are reserved, then patched. */
export class Writer {
  #bytes = new Uint8Array(256)
  #length = 0

  get length(): number {
    return this.#length
  }

  u8(value: number): this {
    this.#room(1)
    this.#bytes[this.#length++] = value
    return this
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value)
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value)
  }

  bytes(value: Uint8Array): this {
    this.#room(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  /** Writes a two-octet length that counts what `body` writes. */
  counted16(body: () => void): this {
    const at = this.#length
    this.u16(0)
    body()
    const length = this.#length - at - 2
    this.#bytes[at] = length >>> 8
    this.#bytes[at + 1] = length
    return this
  }

  /** Writes a one-octet length that counts what `body` writes; at most 255 octets. */
  counted8(body: () => void): this {
    const at = this.#length
    this.u8(0)
    body()
    this.#bytes[at] = this.#length - at - 1
    return this
  }

  /** Begins anew in the same buffer. */
  clear(): this {
    this.#length = 0
    return this
  }

  /** A copy of what was written. */
  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #room(octets: number): void {
    if (this.#length + octets <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + octets))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}
