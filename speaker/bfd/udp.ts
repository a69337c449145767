/**
 * UDP as BFD needs it and Node does not have it: a socket whose kernel filter looks at the hop limit, one call that reads a packet with its
 * sender into memory that is there already, and waiting for packets with a deadline.
 */

import type { Address } from 'bgp-ts'
import {
  bindSocket,
  closeSocket,
  encodeSocketAddress,
  interfaceIndex,
  lastError,
  openSocket,
  pointerTo,
  setOption,
  systemCall,
} from '../transport/system.ts'
import { anywhere, highestHopLimit, trafficClass } from './ports.ts'

const levels = { ip: 0, socket: 1, ipv6: 41 } as const
const options = { IP_TOS: 1, IP_TTL: 2, IPV6_UNICAST_HOPS: 16, IPV6_V6ONLY: 26, IPV6_TCLASS: 67, SO_ATTACH_FILTER: 26 }
const dontWait = 0x40
const readable = 1

/** Octets of struct pollfd, and of the longer struct sockaddr_in6. */
const pollEntryLength = 8
export const socketAddressLength = 28

export interface Udp {
  /** A socket that receives from everywhere; with `oneHop` only what came with hop limit 255. */
  openReceiver(version: 4 | 6, port: number, oneHop: boolean): number
  /** A socket that sends with hop limit 255 and DSCP CS6, from this address and port. */
  openSender(local: Address, port: number, zone: string | undefined): number
  socketAddress(remote: Address, port: number, zone: string | undefined): Uint8Array
  /** Index of an interface; throws where there is none of that name. */
  interfaceIndex(name: string): number
  /** What went wrong, if something did, e.g. `ENETUNREACH`. */
  send(fd: number, bytes: Uint8Array, to: Uint8Array): string | undefined
  /** Octets of the packet read into `bytes`, its sender in `from`; below 0 when there is none. */
  receive(fd: number, bytes: Uint8Array, from: Uint8Array): number
  /** Waits until a socket of `list` has something to read, for at most this long. */
  wait(list: PollList, milliseconds: number): void
  close(fd: number): void
}

export interface PollList {
  readonly bytes: Uint8Array
  readonly count: number
}

/** Throws `SystemError` where these calls cannot be made. */
export function openUdp(): Udp {
  type Transfer = (
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    size: number,
  ) => number
  type Receive = (
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    size: Uint8Array,
  ) => number
  const sendto = systemCall<Transfer>('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)')
  const recvfrom = systemCall<Receive>('intptr_t recvfrom(int, void *, size_t, int, void *, void *)')
  const poll = systemCall<(list: Uint8Array, count: number, milliseconds: number) => number>(
    'int poll(void *, unsigned long, int)',
  )
  const size = new Uint8Array(4)
  return {
    openReceiver,
    openSender,
    socketAddress: encodeSocketAddress,
    interfaceIndex,
    send: (fd, bytes, to) => (sendto(fd, bytes, bytes.length, dontWait, to, to.length) < 0 ? lastError() : undefined),
    receive: (fd, bytes, from) => {
      // The call writes here how much of it the sender's address took.
      size[0] = from.length
      return recvfrom(fd, bytes, bytes.length, dontWait, from, size)
    },
    wait: ({ bytes, count }, milliseconds) => void poll(bytes, count, milliseconds),
    close: closeSocket,
  }
}

export function pollList(descriptors: readonly number[]): PollList {
  const bytes = new Uint8Array(Math.max(1, descriptors.length) * pollEntryLength)
  const view = new DataView(bytes.buffer)
  descriptors.forEach((fd, index) => {
    view.setInt32(index * pollEntryLength, fd, true)
    view.setInt16(index * pollEntryLength + 4, readable, true)
  })
  return { bytes, count: descriptors.length }
}

function openReceiver(version: 4 | 6, port: number, oneHop: boolean): number {
  return opened(version, (fd) => {
    if (version === 6) setOption(fd, levels.ipv6, options.IPV6_V6ONLY, 1, 'IPv6 alone')
    // Before the socket is bound, so that nothing comes in by another rule.
    if (oneHop) attachFilter(fd, hopLimitFilter(version))
    bindSocket(fd, anywhere(version), port)
  })
}

function openSender(local: Address, port: number, zone: string | undefined): number {
  return opened(local.version, (fd) => {
    const [level, hops, tos] =
      local.version === 4
        ? [levels.ip, options.IP_TTL, options.IP_TOS]
        : [levels.ipv6, options.IPV6_UNICAST_HOPS, options.IPV6_TCLASS]
    setOption(fd, level, hops, highestHopLimit, 'hop limit')
    setOption(fd, level, tos, trafficClass, 'traffic class')
    bindSocket(fd, local, port, zone)
  })
}

/** A socket made ready, or none at all. */
function opened(version: 4 | 6, prepare: (fd: number) => void): number {
  const fd = openSocket(version, 'datagram')
  try {
    prepare(fd)
    return fd
  } catch (error) {
    closeSocket(fd)
    throw error
  }
}

/** struct sock_fprog: the number of instructions, and where they are. */
function attachFilter(fd: number, program: Uint8Array): void {
  const header = new Uint8Array(16)
  const view = new DataView(header.buffer)
  view.setUint16(0, program.length / 8, true)
  view.setBigUint64(8, pointerTo(program), true)
  setOption(fd, levels.socket, options.SO_ATTACH_FILTER, header, 'filter of hop limits')
}

/**
 * A classic BPF program that takes packets with hop limit 255 alone (RFC 5881 section 5). It runs in the kernel, because no option of a UDP
 * socket asks for a hop limit.
 */
export function hopLimitFilter(version: 4 | 6): Uint8Array {
  const networkHeader = 0xfff00000
  const hopLimitAt = networkHeader + (version === 4 ? 8 : 7)
  const instructions: readonly (readonly [code: number, ifTrue: number, ifFalse: number, value: number])[] = [
    [0x30, 0, 0, hopLimitAt], // load an octet
    [0x15, 0, 1, highestHopLimit], // when it is another, skip one
    [0x06, 0, 0, 0xffff], // take the packet
    [0x06, 0, 0, 0], // drop it
  ]
  const program = new Uint8Array(instructions.length * 8)
  const view = new DataView(program.buffer)
  instructions.forEach(([code, ifTrue, ifFalse, value], index) => {
    view.setUint16(index * 8, code, true)
    view.setUint8(index * 8 + 2, ifTrue)
    view.setUint8(index * 8 + 3, ifFalse)
    view.setUint32(index * 8 + 4, value, true)
  })
  return program
}
