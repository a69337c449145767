/**
 * Blocks of octets, none longer than 65,535. Freed blocks are reused by size, in classes of 16 octets. In chunks, so that an arena
 * that grows copies nothing of what it has; a block lies in one chunk, and only the first chunk starts small.
 */

const classSize = 16
const chunkBits = 20
const chunkOctets = 1 << chunkBits
const firstOctets = 64 * 1024
const worthTrimming = 16 * 1024 * 1024

export class Arena {
  readonly #chunks = [new Uint8Array(firstOctets)]
  #end = 0
  #used = 0
  readonly #free: number[][] = []

  /** Octets taken from the system. */
  get bytes(): number {
    return this.#chunks[0]!.length + (this.#chunks.length - 1) * chunkOctets
  }

  /** Whether it is large, and its blocks need less than a quarter of it. Freed ones are of use for their own size alone: whoever chooses the sizes could have one of each. */
  get isWasteful(): boolean {
    return this.bytes > worthTrimming && this.#used * 4 < this.bytes
  }

  /** Where the block with this offset lies: from `placeOf` the offset on. Replaced when the arena grows: ask anew for each access. */
  chunkOf(offset: number): Uint8Array {
    return this.#chunks[offset >>> chunkBits]!
  }

  placeOf(offset: number): number {
    return offset & (chunkOctets - 1)
  }

  /** Copies a block in; returns its offset. */
  put(bytes: Uint8Array, at: number, end: number): number {
    const size = sizeClass(end - at)
    this.#used += size * classSize
    const offset = this.#take(size)
    const chunk = this.chunkOf(offset)
    const place = this.placeOf(offset)
    if (end - at < 48) for (let index = at; index < end; index++) chunk[place + index - at] = bytes[index]!
    else chunk.set(bytes.subarray(at, end), place)
    return offset
  }

  /** Copies in a block of another arena; returns its offset here. */
  move(from: Arena, offset: number, length: number): number {
    const at = from.placeOf(offset)
    return this.put(from.chunkOf(offset), at, at + length)
  }

  drop(offset: number, length: number): void {
    const size = sizeClass(length)
    this.#used -= size * classSize
    const list = this.#free[size]
    if (list) list.push(offset)
    else this.#free[size] = [offset]
  }

  #take(size: number): number {
    const reused = this.#free[size]?.pop()
    if (reused !== undefined) return reused
    const octets = size * classSize
    const left = chunkOctets - this.placeOf(this.#end)
    // What is left of the chunk is lost: a block at most.
    if (octets > left) this.#end += left
    const offset = this.#end
    this.#end += octets
    this.#reach(this.#end)
    return offset
  }

  #reach(end: number): void {
    const [first] = this.#chunks
    if (end > first!.length && first!.length < chunkOctets) {
      let length = first!.length
      while (length < end && length < chunkOctets) length *= 2
      this.#chunks[0] = new Uint8Array(length)
      this.#chunks[0].set(first!)
    }
    while (end > this.#chunks.length * chunkOctets) this.#chunks.push(new Uint8Array(chunkOctets))
  }
}

function sizeClass(length: number): number {
  return Math.max(1, Math.ceil(length / classSize))
}

/** Octets that a block of this length takes. */
export function blockOctets(length: number): number {
  return sizeClass(length) * classSize
}
