/** A peer made of octets over real TCP: it says what a case writes, as slowly or as fast as it likes, and keeps what it is told. */

import { createServer, type Server, Socket } from 'node:net'
import { decodeMessage, Framer, hex, isFault, type Message } from 'bgp-ts'
import { type HeldRoute, learn } from '../support/wire-peer.ts'

export class Attacker {
  readonly heard: Message[] = []
  readonly routes = new Map<string, HeldRoute>()
  /** How often a prefix was announced or withdrawn. */
  readonly moves = new Map<string, number>()
  /** `closed` in order, or the code of the error that ended the connection. */
  closed: string | undefined
  connected = false
  /** What could not be read of what came. */
  malformed: string | undefined
  readonly socket: Socket
  readonly #framer = new Framer()

  constructor(socket: Socket) {
    this.socket = socket
    this.connected = !socket.connecting
    this.#framer.maximumLength = 65535
    socket.setNoDelay(true)
    socket.on('connect', () => {
      this.connected = true
    })
    socket.on('data', (chunk) => this.#read(chunk))
    // Half a close is answered in full, as by any peer.
    socket.on('end', () => socket.end())
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.closed ??= error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'reset' : (error.code ?? error.message)
    })
    socket.on('close', () => {
      this.closed ??= 'closed'
    })
  }

  /** Begins to connect from this address. */
  static dial(from: string, to: string, port = 179): Attacker {
    return new Attacker(new Socket({ allowHalfOpen: true }).connect({ host: to, port, localAddress: from }))
  }

  send(...chunks: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(chunks))
  }

  /** Each octet in a segment of its own, with time between them. */
  async drip(bytes: Uint8Array, gapMs: number): Promise<void> {
    for (const octet of bytes) {
      if (this.closed !== undefined) return
      this.send(Uint8Array.of(octet))
      await pause(gapMs)
    }
  }

  /** RST: no word, and no queue. */
  break(): void {
    this.socket.resetAndDestroy()
  }

  count(kind: Message['kind']): number {
    return this.heard.filter((one) => one.kind === kind).length
  }

  /** The last NOTIFICATION, as `3/1 data`. */
  get farewell(): string | undefined {
    const last = this.heard.findLast((one) => one.kind === 'notification')
    return last && `${last.code}/${last.subcode} ${hex(last.data)}`.trim()
  }

  /** How the connection ended: what was said, or how it was cut. */
  get end(): string | undefined {
    return this.farewell ?? this.closed
  }

  #read(chunk: Uint8Array): void {
    const fault = this.#framer.push(chunk, (type, bytes, at, end) => {
      const one = decodeMessage(type, bytes, at, end)
      if (isFault(one)) this.malformed = one.text
      else this.#take(one)
      return true
    })
    if (fault) this.malformed = fault.text
  }

  #take(one: Message): void {
    if (one.kind !== 'update') {
      this.heard.push(one)
      return
    }
    for (const prefix of learn(this.routes, one.body)) this.moves.set(prefix, (this.moves.get(prefix) ?? 0) + 1)
  }
}

/** Waits at an address for the daemon to connect. */
export async function listen(at: string): Promise<{ server: Server; came: Attacker[] }> {
  const came: Attacker[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => came.push(new Attacker(socket)))
  await new Promise<void>((done, failed) => {
    server.once('error', failed)
    server.listen({ host: at, port: 179 }, done)
  })
  return { server, came }
}

export const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

/** Looks again and again, for at most this long; whether it came true. */
export async function until(holds: () => boolean, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs
  while (!holds()) {
    if (Date.now() > deadline) return false
    await pause(2)
  }
  return true
}
