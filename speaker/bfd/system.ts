/**
 * The calls of Linux that BFD needs and Node does not have: UDP sockets with a packet filter, of which one call reads a packet with its
 * sender, and waiting for them. Loaded only in the thread of BFD, because the package that makes such calls is optional.
 */

import { type AddressWords, highestHopLimit, trafficClass } from './ports.ts'

/** A call that failed: its name and the error number of the system. */
export class SystemError extends Error {
  readonly errno: number

  constructor(call: string, errno: number) {
    super(`${call}: ${errors[errno] ?? `error ${errno}`}`)
    this.errno = errno
  }
}

export const errno = { EAGAIN: 11, ENODEV: 19, EINVAL: 22, EADDRINUSE: 98, EADDRNOTAVAIL: 99 } as const

const errors: Readonly<Record<number, string>> = {
  1: 'not permitted',
  13: 'permission denied',
  19: 'no such interface',
  22: 'the local address is not on this machine',
  97: 'this machine has no such address family',
  98: 'the port is in use by another program',
  99: 'the local address is not on this machine',
  100: 'the network is down',
  101: 'the network is unreachable',
  113: 'no route to the peer',
}

export interface System {
  /** A UDP socket that does not block. */
  socket(version: 4 | 6): number
  /** Hop limit 255 and DSCP CS6 on what is sent. */
  setSending(fd: number, version: 4 | 6): void
  /** Receives nothing of the other family, and with `oneHop` only what came with hop limit 255; before `bind`, so that nothing slips in. */
  setReceiving(fd: number, version: 4 | 6, oneHop: boolean): void
  bind(fd: number, address: Uint8Array): void
  /** 0, or the error number. */
  send(fd: number, bytes: Uint8Array, address: Uint8Array): number
  /** Octets of the packet read into `bytes`, its sender in `address`; below 0 when there is none. */
  receive(fd: number, bytes: Uint8Array, address: Uint8Array): number
  /** Waits until one of the descriptors in `list` has something to read, for at most this long. */
  poll(list: Uint8Array, count: number, timeoutMs: number): void
  close(fd: number): void
  /** 0 where there is no such interface. */
  interfaceIndex(name: string): number
}

const families = { 4: 2, 6: 10 } as const
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0x800
const SOCK_CLOEXEC = 0x80000
const SOL_IP = 0
const SOL_SOCKET = 1
const SOL_IPV6 = 41
const IP_TOS = 1
const IP_TTL = 2
const IPV6_UNICAST_HOPS = 16
const IPV6_V6ONLY = 26
const IPV6_TCLASS = 67
const SO_ATTACH_FILTER = 26
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000

/** Octets of struct sockaddr_in6, the larger of the two. */
export const sockaddrLength = 28
/** Octets of struct pollfd. */
export const pollfdLength = 8
const POLLIN = 1

/** Throws when the package or the platform is not there. */
export async function openSystem(): Promise<System> {
  if (process.platform !== 'linux') throw new Error('BFD needs Linux')
  const { default: koffi } = await import('koffi').catch(() => {
    throw new Error('BFD needs the optional package koffi, which is not installed')
  })
  const library = koffi.load(null)
  const socket = library.func('int socket(int domain, int type, int protocol)')
  const setsockopt = library.func('int setsockopt(int fd, int level, int name, void *value, uint length)')
  const bind = library.func('int bind(int fd, void *address, uint length)')
  const sendto = library.func(
    'intptr_t sendto(int fd, void *bytes, size_t length, int flags, void *address, uint size)',
  )
  const recvfrom = library.func(
    'intptr_t recvfrom(int fd, void *bytes, size_t length, int flags, void *address, void *size)',
  )
  const poll = library.func('int poll(void *list, ulong count, int timeout)')
  const close = library.func('int close(int fd)')
  const if_nametoindex = library.func('uint if_nametoindex(str name)')

  const checked = (call: string, result: number) => {
    if (result < 0) throw new SystemError(call, koffi.errno())
    return result
  }
  const setNumber = (fd: number, level: number, name: number, value: number) => {
    checked('setsockopt', Number(setsockopt(fd, level, name, Buffer.from(Int32Array.of(value).buffer), 4)))
  }
  const addressSize = new Uint32Array(1)

  return {
    socket: (version) =>
      checked('socket', Number(socket(families[version], SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))),
    setSending: (fd, version) => {
      const [level, hops, tos] = version === 4 ? [SOL_IP, IP_TTL, IP_TOS] : [SOL_IPV6, IPV6_UNICAST_HOPS, IPV6_TCLASS]
      setNumber(fd, level, hops, highestHopLimit)
      setNumber(fd, level, tos, trafficClass)
    },
    setReceiving: (fd, version, oneHop) => {
      if (version === 6) setNumber(fd, SOL_IPV6, IPV6_V6ONLY, 1)
      if (!oneHop) return
      const program = hopLimitFilter(version)
      const header = Buffer.alloc(16)
      header.writeUInt16LE(program.length / 8, 0)
      header.writeBigUInt64LE(koffi.address(program), 8)
      checked('setsockopt', Number(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, header, header.length)))
    },
    bind: (fd, address) => void checked('bind', Number(bind(fd, address, address.length))),
    send: (fd, bytes, address) => {
      const sent = sendto(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length) as number
      return sent < 0 ? koffi.errno() : 0
    },
    receive: (fd, bytes, address) => {
      addressSize[0] = address.length
      return recvfrom(fd, bytes, bytes.length, MSG_DONTWAIT, address, addressSize) as number
    },
    poll: (list, count, timeoutMs) => void poll(list, count, timeoutMs),
    close: (fd) => void close(fd),
    interfaceIndex: (name) => Number(if_nametoindex(name)),
  }
}

/**
 * A classic BPF program that lets packets with hop limit 255 through (RFC 5881 section 5). In the kernel, because neither a socket option
 * for UDP nor Node shows the hop limit of a packet that was received.
 */
export function hopLimitFilter(version: 4 | 6): Buffer {
  const networkHeader = 0xfff00000
  const hopLimitAt = networkHeader + (version === 4 ? 8 : 7)
  const instructions: readonly (readonly [code: number, whenTrue: number, whenFalse: number, value: number])[] = [
    [0x30, 0, 0, hopLimitAt], // load the octet
    [0x15, 0, 1, highestHopLimit], // skip one when it is another
    [0x06, 0, 0, 0xffff], // take the packet
    [0x06, 0, 0, 0], // drop it
  ]
  const program = Buffer.alloc(instructions.length * 8)
  instructions.forEach(([code, whenTrue, whenFalse, value], index) => {
    const at = index * 8
    program.writeUInt16LE(code, at)
    program.writeUInt8(whenTrue, at + 2)
    program.writeUInt8(whenFalse, at + 3)
    program.writeUInt32LE(value, at + 4)
  })
  return program
}

/** struct sockaddr_in or sockaddr_in6. */
export function sockaddr({ version, w0, w1, w2, w3 }: AddressWords, port: number, scope: number): Buffer {
  const bytes = Buffer.alloc(version === 4 ? 16 : sockaddrLength)
  bytes.writeUInt16LE(families[version], 0)
  bytes.writeUInt16BE(port, 2)
  if (version === 4) {
    bytes.writeInt32BE(w0, 4)
    return bytes
  }
  for (const [index, word] of [w0, w1, w2, w3].entries()) bytes.writeInt32BE(word, 8 + index * 4)
  bytes.writeUInt32LE(scope, 24)
  return bytes
}

/** struct pollfd of each descriptor, asking for something to read. */
export function pollList(descriptors: readonly number[]): Buffer {
  const list = Buffer.alloc(Math.max(1, descriptors.length) * pollfdLength)
  descriptors.forEach((fd, index) => {
    list.writeInt32LE(fd, index * pollfdLength)
    list.writeInt16LE(POLLIN, index * pollfdLength + 4)
  })
  return list
}
