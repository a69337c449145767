/**
 * What a session asks of its TCP socket beyond what Node sets: TCP MD5 (RFC 2385), TTL security (RFC 5082), hops, interface.
 * Numbers are Linux's.
 */

import type { Secret } from '../secret.ts'
import type { KeyedPeer, SocketOptions } from '../world.ts'
import { encodeSocketAddress, getOption, leaveNoCore, SystemError, setOption } from './system.ts'

const levels = { socket: 1, ip: 0, tcp: 6, ipv6: 41 } as const
const tcpNames = { userTimeout: 18, md5: 14, md5Extended: 32 } as const
const bindToDevice = 25
/** By IP version: level and names of the same things. */
const ipNames = {
  4: { level: levels.ip, ttl: 2, minTtl: 21, trafficClass: 1 },
  6: { level: levels.ipv6, ttl: 16, minTtl: 73, trafficClass: 67 },
} as const

/** Class selector 6, internetwork control: what routers give to routing protocols. */
export const internetworkControl = 0xc0

/** All but the key, which belongs to a pair of addresses. */
export function applyOptions(fd: number, version: 4 | 6, options: SocketOptions): void {
  const ip = ipNames[version]
  if (options.device !== undefined) {
    const name = new TextEncoder().encode(`${options.device}\0`)
    setOption(fd, levels.socket, bindToDevice, name, `bind to interface ${options.device}`)
  }
  setOption(fd, ip.level, ip.trafficClass, internetworkControl, 'traffic class')
  if (options.ttl !== undefined) setOption(fd, ip.level, ip.ttl, options.ttl, 'TTL')
  // Zero asks for nothing: so a session that no longer wants it is told.
  if (options.minTtl !== undefined) setOption(fd, ip.level, ip.minTtl, options.minTtl, 'minimum TTL')
  if (options.userTimeoutMs !== undefined)
    setOption(fd, levels.tcp, tcpNames.userTimeout, options.userTimeoutMs, 'TCP user timeout')
}

let coresAreOff = false

/** Signs all segments to and from an address, and drops what comes from it unsigned. Without a password the address is forgotten. */
export function setKey(fd: number, peer: Omit<KeyedPeer, 'password'>, password: Secret | undefined): void {
  const { address, zone, prefixLength } = peer
  if (password && !coresAreOff) {
    leaveNoCore()
    coresAreOff = true
  }
  const key = new TextEncoder().encode(password?.reveal() ?? '')
  if (key.length > 80) throw new SystemError(`a TCP MD5 password has at most 80 octets, and this one ${key.length}`)
  const bytes = new Uint8Array(216)
  const view = new DataView(bytes.buffer)
  bytes.set(encodeSocketAddress(address, 0, zone))
  // struct tcp_md5sig: address 0-127, flags 128, prefix length 129, key length 130, interface 132-135, key 136-215
  const wholeAddress = prefixLength === undefined
  bytes[128] = wholeAddress ? 0 : 1
  bytes[129] = prefixLength ?? 0
  view.setUint16(130, key.length, true)
  bytes.set(key, 136)
  const name = wholeAddress ? tcpNames.md5 : tcpNames.md5Extended
  setOption(fd, levels.tcp, name, bytes, `TCP MD5 key for ${address}`)
}

/** Hops that a segment from this socket may take, and the class of its traffic: for tests. */
export function readOptions(fd: number, version: 4 | 6): { ttl: number; minTtl: number; trafficClass: number } {
  const ip = ipNames[version]
  return {
    ttl: getOption(fd, ip.level, ip.ttl, 'TTL'),
    minTtl: getOption(fd, ip.level, ip.minTtl, 'minimum TTL'),
    trafficClass: getOption(fd, ip.level, ip.trafficClass, 'traffic class'),
  }
}
