/** Who is who in the simulated fabric: the nodes by number from 1 on, their pod CIDRs, and the VIPs that all of them announce. */

export const asn = 64512
/** VIPs of each family. */
export const vips = 10
/** Of the nodes' addresses, by which the reflectors know them. */
export const nodePrefixes = { ipv4: '10.200.0.0/16', ipv6: 'fd00:200::/64' }

export interface Reflector {
  readonly name: string
  /** Where it listens for nodes: one over IPv4, one over IPv6. Both carry both families. */
  readonly address: string
  /** Where it speaks to the other one. */
  readonly own: string
  readonly nodes: string
}

export const reflectors: readonly [Reflector, Reflector] = [
  { name: 'rr-1', address: '10.255.0.1', own: '10.255.0.1', nodes: nodePrefixes.ipv4 },
  { name: 'rr-2', address: 'fd00:255::2', own: '10.255.0.2', nodes: nodePrefixes.ipv6 },
]

const pair = (value: number) => [value >> 8, value & 255] as const

export const ipv4Of = (node: number) => [10, 200, ...pair(node)]
export const ipv6Of = (node: number) => [0xfd, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...pair(node)]
/** 10.128.0.0/24 and fd00:244::/64 upwards. */
export const podCidr = (node: number, isIpv6: boolean) =>
  isIpv6 ? Buffer.of(64, 0xfd, 0, 2, 0x44, 0, 0, ...pair(node)) : Buffer.of(24, 10, 128 + (node >> 8), node & 255)
/** 203.0.113.0/32 and 2001:db8:51::/128 upwards. */
export const vip = (index: number, isIpv6: boolean) =>
  isIpv6
    ? Buffer.of(128, 0x20, 1, 0x0d, 0xb8, 0, 0x51, 0, 0, 0, 0, 0, 0, 0, 0, 0, index)
    : Buffer.of(32, 203, 0, 113, index)
