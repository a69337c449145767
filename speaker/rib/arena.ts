/** Blocks of octets in one growing array. Freed blocks are reused by size, in classes of 16 octets. */

const classSize = 16

export class Arena {
  /** Replaced when it grows: read it anew for each access. */
  octets = new Uint8Array(64 * 1024)
  #end = 0
  readonly #free: number[][] = []

  /** Octets taken from the system. */
  get bytes(): number {
    return this.octets.length
  }

  /** Copies a block in; returns its offset. */
  put(bytes: Uint8Array, at: number, end: number): number {
    const offset = this.#take(sizeClass(end - at))
    if (end - at < 48) for (let index = at; index < end; index++) this.octets[offset + index - at] = bytes[index]!
    else this.octets.set(bytes.subarray(at, end), offset)
    return offset
  }

  drop(offset: number, length: number): void {
    const size = sizeClass(length)
    const list = this.#free[size]
    if (list) list.push(offset)
    else this.#free[size] = [offset]
  }

  #take(size: number): number {
    const reused = this.#free[size]?.pop()
    if (reused !== undefined) return reused
    const offset = this.#end
    this.#end += size * classSize
    if (this.#end > this.octets.length) {
      const grown = new Uint8Array(Math.max(this.octets.length * 1.5, this.#end) & ~15)
      grown.set(this.octets.subarray(0, offset))
      this.octets = grown
    }
    return offset
  }
}

function sizeClass(length: number): number {
  return Math.max(1, Math.ceil(length / classSize))
}

/** Octets that a block of this length takes. */
export function blockOctets(length: number): number {
  return sizeClass(length) * classSize
}
