/** The way from a network namespace to an API server in this process, which can be cut in the middle of an answer. */

import { chmodSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { FakeApiServer } from './api-server/api-server.ts'

/** A Unix socket that leads to the server; `relay.ts` makes a port of it inside. */
export class ApiWire {
  readonly path: string
  readonly #api: FakeApiServer
  readonly #server: Server
  readonly #open = new Set<Socket>()
  /** Octets of the answers of a connection after which it is cut, for so many connections. */
  #cut = { after: 0, times: 0 }

  constructor(api: FakeApiServer, path: string) {
    this.#api = api
    this.path = path
    this.#server = createServer((near) => this.#pass(near))
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.path, resolve))
    chmodSync(this.path, 0o666)
  }

  close(): void {
    for (const socket of this.#open) socket.destroy()
    this.#server.close()
  }

  /** Cuts what is open, and the next connections after so many octets. */
  cut(after: number, times: number): void {
    this.#cut = { after, times }
    for (const socket of this.#open) socket.destroy()
  }

  #pass(near: Socket): void {
    const far = connect({ host: '127.0.0.1', port: Number(new URL(this.#api.url).port) })
    const [one, other] = [near, far]
    let left = this.#cut.times > 0 ? this.#cut.after : Number.POSITIVE_INFINITY
    if (this.#cut.times > 0) this.#cut.times--
    const end = () => {
      this.#open.delete(near)
      one.destroy()
      other.destroy()
    }
    this.#open.add(near)
    near.on('data', (chunk) => void far.write(chunk))
    far.on('data', (chunk: Buffer) => {
      near.write(chunk.subarray(0, Math.min(chunk.length, left)))
      left -= chunk.length
      if (left <= 0) near.end()
    })
    for (const socket of [near, far]) socket.on('error', end).on('close', end)
  }
}
