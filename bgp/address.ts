/**
 * An IP address of either family as four 32-bit words, and its canonical text.
 * One shape for both families keeps call sites monomorphic; text is parsed elsewhere, once, at the border.
 */

/** IPv4 uses `w0` alone. Words are signed: V8 keeps a signed 32-bit word inline, an unsigned one above 2^31 costs an allocation. */
export class Address {
  readonly version: 4 | 6
  readonly w0: number
  readonly w1: number
  readonly w2: number
  readonly w3: number

  constructor(version: 4 | 6, w0: number, w1 = 0, w2 = 0, w3 = 0) {
    this.version = version
    this.w0 = w0 | 0
    this.w1 = w1 | 0
    this.w2 = w2 | 0
    this.w3 = w3 | 0
  }

  /** Dotted quad, or RFC 5952. Also what string templates and JSON print. */
  toString(): string {
    return formatAddress(this)
  }

  toJSON(): string {
    return formatAddress(this)
  }
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.version === b.version && a.w0 === b.w0 && a.w1 === b.w1 && a.w2 === b.w2 && a.w3 === b.w3
}

/** IPv4 before IPv6, then by value. */
export function compareAddresses(a: Address, b: Address): number {
  return (
    a.version - b.version ||
    (a.w0 >>> 0) - (b.w0 >>> 0) ||
    (a.w1 >>> 0) - (b.w1 >>> 0) ||
    (a.w2 >>> 0) - (b.w2 >>> 0) ||
    (a.w3 >>> 0) - (b.w3 >>> 0)
  )
}

/** The address at `at`: 4 or 16 octets in network order. The caller has checked that they are there. */
export function readAddress(version: 4 | 6, bytes: Uint8Array, at: number): Address {
  const word = (index: number) => {
    const o = at + index * 4
    return (bytes[o]! << 24) | (bytes[o + 1]! << 16) | (bytes[o + 2]! << 8) | bytes[o + 3]!
  }
  return version === 4 ? new Address(4, word(0)) : new Address(6, word(0), word(1), word(2), word(3))
}

/** 4 or 16 octets in network order. */
export function addressBytes(address: Address): Uint8Array {
  const words = address.version === 4 ? [address.w0] : [address.w0, address.w1, address.w2, address.w3]
  return Uint8Array.from(words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]))
}

export function formatAddress(address: Address): string {
  return address.version === 4 ? formatIpv4(address.w0) : formatIpv6(address.w0, address.w1, address.w2, address.w3)
}

/** A 32-bit word as a dotted quad: IPv4 addresses, router ids, cluster ids. */
export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  // RFC 5952 section 5: mapped addresses are recognised faster with their IPv4 part in dotted form.
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return `::ffff:${formatIpv4(w3)}`
  const groups = [w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff])
  const gap = longestZeroRun(groups)
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  if (gap.length < 2) return text(groups)
  return `${text(groups.slice(0, gap.start))}::${text(groups.slice(gap.start + gap.length))}`
}

/** The leftmost longest run of zero groups (RFC 5952 section 4.2). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (start + length < groups.length && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}
