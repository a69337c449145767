/**
 * The pools of load-balancer addresses and who holds which, for one run of the allocation.
 * The search for a free address only steps over addresses that are used, so a pool of 2^64 costs no more than one of 2^8.
 */

import { Address, contains, type Family, familyNumbers, hostPrefix, type Prefix } from 'bgp-ts'

export type IpFamily = 'IPv4' | 'IPv6'

interface Pool {
  readonly prefix: Prefix
  readonly first: bigint
  readonly last: bigint
  /** Every address below is used: during a run none becomes free. */
  next: bigint
}

const familyOf: Readonly<Record<IpFamily, Family>> = { IPv4: 'ipv4-unicast', IPv6: 'ipv6-unicast' }

export class Pools {
  readonly #pools: readonly Pool[]
  /** By the address's text. */
  readonly #holders = new Map<string, Set<string>>()
  readonly #setAside = new Set<string>()
  /** What must not be given out, by text: the first address of a pool, and the last of an IPv4 one. */
  readonly #reserved = new Set<string>()

  constructor(prefixes: readonly Prefix[]) {
    this.#pools = prefixes.map(poolOf)
    for (const { prefix, first, last } of this.#pools) {
      // Two addresses or one: there is no network address among them (RFC 3021, RFC 6164).
      if (last - first <= 1n) continue
      this.#reserved.add(String(addressAt(prefix.family, first)))
      if (prefix.family === 'ipv4-unicast') this.#reserved.add(String(addressAt(prefix.family, last)))
    }
  }

  has(family: IpFamily): boolean {
    return this.#pools.some(({ prefix }) => prefix.family === familyOf[family])
  }

  /** Whether an address lies in a pool. */
  holds(address: Address): boolean {
    const host = hostPrefix(address)
    return this.#pools.some(({ prefix }) => contains(prefix, host))
  }

  take(address: Address, holder: string): void {
    const text = String(address)
    const holders = this.#holders.get(text)
    if (holders) holders.add(holder)
    else this.#holders.set(text, new Set([holder]))
  }

  /** Keeps an address from those who take any. */
  setAside(address: Address): void {
    this.#setAside.add(String(address))
  }

  /** Why this address cannot be given to `taker`. */
  obstacle(address: Address, taker: string): string | undefined {
    const text = String(address)
    if (!this.holds(address)) return 'lies outside --loadbalancer-ip-range'
    if (this.#reserved.has(text)) return 'is the network or broadcast address of a range'
    const holder = [...(this.#holders.get(text) ?? [])].find((one) => one !== taker)
    return holder === undefined ? undefined : `is used by service/${holder}`
  }

  /** The first address of a family that nobody has or asks for, in the order of the pools. */
  free(family: IpFamily): Address | undefined {
    for (const pool of this.#pools) {
      if (pool.prefix.family !== familyOf[family]) continue
      for (; pool.next <= pool.last; pool.next++) {
        const address = addressAt(pool.prefix.family, pool.next)
        const text = String(address)
        if (!this.#holders.has(text) && !this.#setAside.has(text) && !this.#reserved.has(text)) return address
      }
    }
    return undefined
  }
}

function poolOf(prefix: Prefix): Pool {
  const first = prefix.family === 'ipv4-unicast' ? bits(prefix.w0) : integerOf(prefix)
  const last = first + (1n << BigInt(familyNumbers[prefix.family].bits - prefix.length)) - 1n
  return { prefix, first, last, next: first }
}

const bits = (word: number) => BigInt(word >>> 0)

function integerOf({ w0, w1, w2, w3 }: Prefix): bigint {
  return (bits(w0) << 96n) | (bits(w1) << 64n) | (bits(w2) << 32n) | bits(w3)
}

function addressAt(family: Family, value: bigint): Address {
  const word = (shift: bigint) => Number(BigInt.asIntN(32, value >> shift))
  return family === 'ipv4-unicast'
    ? new Address(4, word(0n))
    : new Address(6, word(96n), word(64n), word(32n), word(0n))
}
