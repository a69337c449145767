/**
 * System calls behind socket options that Node has no door to. `koffi` is loaded at the first need: a daemon that asks for none of
 * them runs without it. Every call throws `SystemError` with a text for operators. Layouts are Linux on little-endian machines.
 */

import { createRequire } from 'node:module'
import { endianness } from 'node:os'
import { join } from 'node:path'
import { type Address, addressBytes } from 'bgp-ts'
import type { KoffiFunc, LibraryHandle } from 'koffi'

export class SystemError extends Error {
  /** Of the system, e.g. `EADDRINUSE`; undefined where no call was made. */
  readonly code: string | undefined

  constructor(text: string, code?: string) {
    super(text)
    this.code = code
  }
}

interface Calls {
  socket: KoffiFunc<(domain: number, type: number, protocol: number) => number>
  setsockopt: KoffiFunc<(fd: number, level: number, name: number, value: Uint8Array, length: number) => number>
  getsockopt: KoffiFunc<(fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array) => number>
  bind: KoffiFunc<(fd: number, address: Uint8Array, length: number) => number>
  close: KoffiFunc<(fd: number) => number>
  if_nametoindex: KoffiFunc<(name: string) => number>
  library: LibraryHandle
  address: (bytes: Uint8Array) => bigint
  errno: () => number
  names: Readonly<Record<string, number>>
}

let calls: Calls | undefined

/** Whether the calls can be made here; the reason if not. */
export function systemProblem(): string | undefined {
  try {
    system()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function system(): Calls {
  calls ??= load()
  return calls
}

function load(): Calls {
  if (process.platform !== 'linux' || endianness() !== 'LE')
    throw new SystemError('BFD and socket options such as TCP MD5 are known for Linux on little-endian machines only')
  let koffi: typeof import('koffi')
  try {
    koffi = createRequire(join(import.meta.dirname, '/'))('koffi') as typeof import('koffi')
  } catch {
    throw new SystemError('the optional package koffi is not installed, and TCP MD5, TTL security and BFD need it')
  }
  // The process's own symbols: so the name of the C library does not matter.
  const library = koffi.load(null)
  return {
    socket: library.func('int socket(int, int, int)'),
    setsockopt: library.func('int setsockopt(int, int, int, const void *, uint32_t)'),
    getsockopt: library.func('int getsockopt(int, int, int, void *, void *)'),
    bind: library.func('int bind(int, const void *, uint32_t)'),
    close: library.func('int close(int)'),
    if_nametoindex: library.func('uint32_t if_nametoindex(const char *)'),
    library,
    address: (bytes) => koffi.address(bytes),
    errno: () => koffi.errno(),
    names: koffi.os.errno,
  }
}

function failed(what: string): SystemError {
  const code = lastError()
  return new SystemError(`${what}: ${code}`, code)
}

/** Why the last call failed, e.g. `EADDRINUSE`; asked right after it. */
export function lastError(): string {
  const { errno, names } = system()
  const number = errno()
  const name = Object.entries(names).find(([, value]) => value === number)?.[0]
  return name ?? `error ${number}`
}

/** Where these octets lie, for structures that point to them; good for as long as the caller keeps them. */
export function pointerTo(bytes: Uint8Array): bigint {
  return system().address(bytes)
}

const coreLimit = 4

/**
 * From now on the process leaves no core: its memory holds keys. The limit of one octet is the one that also stops a kernel which hands cores
 * to a program (core(5), "Piping core dumps to a program"). Can't be taken back. Where it can't be set, sessions matter more.
 */
export function leaveNoCore(): void {
  const setLimit = systemCall<(resource: number, limits: Uint8Array) => number>('int setrlimit(int, const void *)')
  setLimit(coreLimit, new Uint8Array(BigUint64Array.of(1n, 1n).buffer))
}

/** A further call, by its prototype in C. */
export function systemCall<Call extends (...words: never[]) => unknown>(prototype: string): KoffiFunc<Call> {
  return system().library.func(prototype) as KoffiFunc<Call>
}

export const families = { 4: 2, 6: 10 } as const
export const socketTypes = { stream: 1, datagram: 2 } as const
const nonBlocking = 0o4000
const socketLevel = 1
const reuseAddress = 2
const closeOnExec = 0o2000000

/** A new socket, non-blocking and closed on exec. Whoever gets it owns it. */
export function openSocket(version: 4 | 6, type: keyof typeof socketTypes): number {
  const fd = system().socket(families[version], socketTypes[type] | nonBlocking | closeOnExec, 0)
  if (fd < 0) throw failed('socket')
  return fd
}

export function closeSocket(fd: number): void {
  system().close(fd)
}

export function bindSocket(fd: number, address: Address, port: number, zone?: string): void {
  // A port that was left a moment ago can be taken again.
  if (port !== 0) setOption(fd, socketLevel, reuseAddress, 1, 'reuse of the address')
  const socketAddress = encodeSocketAddress(address, port, zone)
  if (system().bind(fd, socketAddress, socketAddress.length) < 0) throw failed(`bind to ${address}`)
}

/** The C structure: sockaddr_in of 16 octets, or sockaddr_in6 of 28 with the interface as scope. */
export function encodeSocketAddress(address: Address, port: number, zone?: string): Uint8Array {
  const bytes = new Uint8Array(address.version === 4 ? 16 : 28)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, families[address.version], true)
  view.setUint16(2, port)
  bytes.set(addressBytes(address), address.version === 4 ? 4 : 8)
  if (zone !== undefined && address.version === 6) view.setUint32(24, interfaceIndex(zone), true)
  return bytes
}

export function interfaceIndex(name: string): number {
  const index = system().if_nametoindex(name)
  if (index === 0) throw new SystemError(`there is no interface ${name}`)
  return index
}

export function setOption(fd: number, level: number, name: number, value: number | Uint8Array, what: string): void {
  const bytes = typeof value === 'number' ? new Uint8Array(Int32Array.of(value).buffer) : value
  if (system().setsockopt(fd, level, name, bytes, bytes.length) < 0) throw failed(what)
}

/** An option that is a whole number. */
export function getOption(fd: number, level: number, name: number, what: string): number {
  const value = new Int32Array(1)
  const length = Uint32Array.of(4)
  const bytes = (array: Int32Array | Uint32Array) => new Uint8Array(array.buffer)
  if (system().getsockopt(fd, level, name, bytes(value), bytes(length)) < 0) throw failed(what)
  return value[0]!
}
