/** BGP over TCP sockets. All reads of dialled connections share one buffer: a chunk is consumed before the next one is read. */

import { createServer, type Socket, connect as tcpConnect } from 'node:net'
import { Address, formatAddress } from 'bgp-ts'
import { parseAddress } from '../../policy/index.ts'
import type {
  Connection,
  ConnectionHandlers,
  DialTarget,
  Endpoint,
  IncomingConnection,
  Listener,
  Transport,
} from '../world.ts'

const readBuffer = new Uint8Array(64 * 1024)

/** How long a closing connection may take to deliver what is queued, before it is cut. */
const lingerMs = 700

export const tcp: Transport = { dial, listen }

function dial(target: DialTarget, handlers: ConnectionHandlers): Connection {
  const { remote, localAddress } = target
  let connection: TcpConnection | undefined
  const socket = tcpConnect({
    host: hostOf(remote),
    port: remote.port,
    noDelay: true,
    ...(localAddress && { localAddress: formatAddress(localAddress) }),
    onread: {
      buffer: readBuffer,
      callback: (length, buffer) => {
        connection?.received(buffer.subarray(0, length) as Uint8Array)
        return true
      },
    },
  })
  connection = new TcpConnection(socket, remote, handlers)
  return connection
}

function listen(endpoint: Endpoint, onConnection: (connection: IncomingConnection) => void): Promise<Listener> {
  const server = createServer({ noDelay: true }, (socket) => {
    const remote = endpointOf(socket.remoteAddress, socket.remotePort)
    let accepted = false
    const accept = (handlers: ConnectionHandlers): Connection => {
      accepted = true
      const connection = new TcpConnection(socket, remote ?? endpoint, handlers)
      socket.on('data', (chunk) => connection.received(chunk))
      return connection
    }
    if (remote) onConnection({ remote, accept })
    if (!accepted) socket.destroy()
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
      resolve({ endpoint: { ...endpoint, port }, close })
    })
  })
}

class TcpConnection implements Connection {
  readonly remote: Endpoint
  readonly #socket: Socket
  #handlers: ConnectionHandlers | undefined
  #why = 'closed by the peer'
  #local: Endpoint | undefined

  constructor(socket: Socket, remote: Endpoint, handlers: ConnectionHandlers) {
    this.remote = remote
    this.#socket = socket
    this.#handlers = handlers
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

  received(chunk: Uint8Array): void {
    this.#handlers?.onData(chunk)
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
