/** BGP over TCP sockets. All reads of dialled connections share one buffer: a chunk is consumed, or copied, before the next one is read. */

import { createServer, type Server, Socket, type SocketConstructorOpts, connect as tcpConnect } from 'node:net'
import { Address, formatAddress } from 'bgp-ts'
import { parseAddress } from '../../policy/index.ts'
import { type Secret, sameSecret } from '../secret.ts'
import type {
  Connection,
  ConnectionHandlers,
  DialTarget,
  Endpoint,
  IncomingConnection,
  KeyedPeer,
  Listener,
  SocketOptions,
  Transport,
} from '../world.ts'
import { nodeClock } from './node-clock.ts'
import { type Reader, ReadingTurns } from './reading-turns.ts'
import { applyOptions, internetworkControl, setKey } from './socket-options.ts'
import { bindSocket, closeSocket, openSocket, SystemError } from './system.ts'

const readBuffer = new Uint8Array(64 * 1024)
const turns = new ReadingTurns(nodeClock)

/** How long a closing connection may take to deliver what is queued, before it is cut. */
const lingerMs = 700

/** Idle time before the kernel asks whether the other side is still there: finds what a hold time of 0 would not. */
const keepAliveMs = 30_000

export const tcp: Transport = { dial, listen }

function dial(target: DialTarget, handlers: ConnectionHandlers): Connection {
  const { remote, localAddress, localPort, background = false } = target
  let connection: TcpConnection | undefined
  const onread = {
    buffer: readBuffer,
    callback: (length: number) => connection?.received(readBuffer.subarray(0, length), true) ?? true,
  }
  const to = { host: hostOf(remote), port: remote.port }
  if (isPlain(target)) {
    const from = localAddress && hostOf({ ...remote, address: localAddress })
    const socket = tcpConnect({
      ...to,
      onread,
      ...(!background && { typeOfService: internetworkControl }),
      ...(from && { localAddress: from }),
      ...(localPort !== undefined && { localPort }),
    })
    connection = new TcpConnection(socket, remote, handlers)
  } else {
    const fd = prepared(target)
    if (typeof fd !== 'number') return refusedConnection(remote, fd, handlers)
    const socket = new Socket({ fd, onread } as SocketConstructorOpts).connect(to)
    const { minTtl } = target.options ?? {}
    // Not before: the first answer comes from the peer's listening socket, which may not know yet that we ask for its TTL.
    if (minTtl !== undefined) socket.once('connect', () => demandTtl(socket, fd, remote, minTtl))
    connection = new TcpConnection(socket, remote, handlers)
  }
  return connection
}

/** A refusal ends this connection: thrown in an event of the socket it would end the process. */
function demandTtl(socket: Socket, fd: number, { address }: Endpoint, minTtl: number): void {
  try {
    applyOptions(fd, address.version, { minTtl })
  } catch (error) {
    socket.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

const isPlain = ({ options = {}, password }: DialTarget) => password === undefined && Object.keys(options).length === 0

/** A socket with all that the target asks for, not yet connected; or why the machine refused it. */
function prepared({ remote, localAddress, localPort, options = {}, password }: DialTarget): number | SystemError {
  let fd: number | undefined
  try {
    fd = openSocket(remote.address.version, 'stream')
    const { minTtl: _later, ...now } = options
    applyOptions(fd, remote.address.version, now)
    if (password) setKey(fd, remote, password)
    if (localAddress || localPort !== undefined)
      bindSocket(fd, localAddress ?? new Address(remote.address.version, 0), localPort ?? 0, remote.zone)
    return fd
  } catch (error) {
    if (fd !== undefined) closeSocket(fd)
    if (error instanceof SystemError) return error
    throw error
  }
}

/** A connection that never opens, and says why a moment later. */
function refusedConnection(remote: Endpoint, error: SystemError, handlers: ConnectionHandlers): Connection {
  const saying = setImmediate(() => handlers.onClose(error.message))
  const nothing = () => clearImmediate(saying)
  const local = { address: new Address(remote.address.version, 0), port: 0 }
  return { local, remote, queuedBytes: 0, write: () => false, close: nothing, abort: nothing, tune: () => {} }
}

function listen(endpoint: Endpoint, onConnection: (connection: IncomingConnection) => void): Promise<Listener> {
  const server = createServer({ noDelay: true }, (socket) => {
    const remote = endpointOf(socket.remoteAddress, socket.remotePort)
    let accepted = false
    const accept = (handlers: ConnectionHandlers, options: SocketOptions = {}, password?: Secret): Connection => {
      socket.setTypeOfService(internetworkControl)
      const connection = new TcpConnection(socket, remote ?? endpoint, handlers)
      // Set on the connection too: it may have come before the listener knew the key.
      if (password || Object.keys(options).length > 0) connection.tune(options, password)
      accepted = true
      socket.on('data', (chunk) => {
        if (!connection.received(chunk, false)) socket.pause()
      })
      return connection
    }
    try {
      if (remote) onConnection({ remote, accept })
    } finally {
      if (!accepted) socket.destroy()
    }
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // One socket a family: IPv4 peers are then never seen as mapped IPv6 addresses.
    server.listen({ host: hostOf(endpoint), port: endpoint.port, ipv6Only: endpoint.address.version === 6 }, () => {
      server.removeListener('error', reject)
      server.on('error', () => {})
      const bound = server.address()
      const port = typeof bound === 'object' && bound ? bound.port : endpoint.port
      const close = () => new Promise<void>((done) => server.close(() => done()))
      const keys = new ListenerKeys(server)
      const expect: Listener['expect'] = (peers, ttl) => {
        if (ttl !== undefined) applyOptions(descriptorOf(server), endpoint.address.version, { ttl })
        keys.set(peers)
      }
      resolve({ endpoint: { ...endpoint, port }, expect, close })
    })
  })
}

/** The TCP MD5 keys of a listening socket: the kernel drops unsigned connection attempts before anybody sees them. */
class ListenerKeys {
  readonly #server: Server
  readonly #known = new Map<string, KeyedPeer>()

  constructor(server: Server) {
    this.#server = server
  }

  /** Every key is tried; the first refusal is thrown in the end. */
  set(peers: readonly KeyedPeer[]): void {
    const wanted = new Map(peers.map((peer) => [keyName(peer), peer]))
    const failures: unknown[] = []
    const attempt = (name: string, peer: KeyedPeer, password: Secret | undefined) => {
      try {
        setKey(descriptorOf(this.#server), peer, password)
        if (password) this.#known.set(name, peer)
        else this.#known.delete(name)
      } catch (error) {
        failures.push(error)
      }
    }
    for (const [name, peer] of this.#known) if (!wanted.has(name)) attempt(name, peer, undefined)
    for (const [name, peer] of wanted) {
      if (!sameSecret(this.#known.get(name)?.password, peer.password)) attempt(name, peer, peer.password)
    }
    if (failures.length > 0) throw failures[0]
  }
}

function keyName({ address, zone = '', prefixLength }: KeyedPeer): string {
  return `${formatAddress(address)}%${zone}/${prefixLength ?? ''}`
}

/** The one thing that is asked of Node's inside: the file descriptor of an open socket. */
function descriptorOf(socket: Socket | Server): number {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null }
  if (handle?.fd === undefined || handle.fd < 0) throw new SystemError('this version of Node hides the file descriptor')
  return handle.fd
}

class TcpConnection implements Connection, Reader {
  readonly remote: Endpoint
  readonly #socket: Socket
  #handlers: ConnectionHandlers | undefined
  #why = 'closed by the peer'
  #local: Endpoint | undefined

  constructor(socket: Socket, remote: Endpoint, handlers: ConnectionHandlers) {
    this.remote = remote
    this.#socket = socket
    this.#handlers = handlers
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    socket.on('connect', () => this.#handlers?.onOpen())
    socket.on('drain', () => this.#handlers?.onDrain())
    socket.on('error', (error) => {
      this.#why = describe(error)
    })
    socket.on('close', () => {
      const heard = this.#handlers
      this.#handlers = undefined
      heard?.onClose(this.#why)
    })
  }

  /** Read from its text once: it is asked for with every UPDATE. */
  get local(): Endpoint {
    this.#local ??= endpointOf(this.#socket.localAddress, this.#socket.localPort)
    return this.#local ?? { address: new Address(4, 0), port: 0 }
  }

  get queuedBytes(): number {
    return this.#socket.writableLength
  }

  /** False where reading is to stop, until all of the chunk has been taken. A socket with a table in it would be read two megabytes at a time otherwise. */
  received(chunk: Uint8Array, isShared: boolean): boolean {
    return turns.read(this, chunk, isShared)
  }

  take(piece: Uint8Array): boolean {
    this.#handlers?.onData(piece)
    return this.#handlers !== undefined
  }

  taken(): void {
    this.#socket.resume()
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.writable ? this.#socket.write(bytes) : false
  }

  /** Input is read on and thrown away: unread octets would turn the close into a reset that overtakes the NOTIFICATION. */
  close(): void {
    this.#handlers = undefined
    if (this.#socket.connecting) {
      this.#socket.destroy()
      return
    }
    this.#socket.end()
    this.#socket.resume()
    const cut = setTimeout(() => this.#socket.destroy(), lingerMs)
    cut.unref()
    this.#socket.once('close', () => clearTimeout(cut))
  }

  abort(): void {
    this.#handlers = undefined
    this.#socket.destroy()
  }

  tune(options: SocketOptions, password: Secret | undefined): void {
    const fd = descriptorOf(this.#socket)
    applyOptions(fd, this.remote.address.version, options)
    if (password) setKey(fd, this.remote, password)
  }
}

function describe(error: Error): string {
  const code = 'code' in error ? String(error.code) : ''
  const known: Record<string, string> = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection reset by the peer',
    ETIMEDOUT: 'connection timed out',
    EHOSTUNREACH: 'no route to the peer',
    ENETUNREACH: 'network unreachable',
    EADDRNOTAVAIL: 'the local address is not on this machine',
    EPIPE: 'connection closed while sending',
  }
  return known[code] ?? error.message
}

function hostOf({ address, zone }: Endpoint): string {
  return zone ? `${formatAddress(address)}%${zone}` : formatAddress(address)
}

function endpointOf(host: string | undefined, port: number | undefined): Endpoint | undefined {
  const [text = '', zone] = (host ?? '').split('%')
  const address = parseAddress(text)
  return address && { address, port: port ?? 0, ...(zone && { zone }) }
}
