/**
 * `kubelet.ts CERTIFICATE KEY PORT COMMAND...`: as much of a kubelet as the API server's `pods/exec` asks for. The API server speaks SPDY/3.1
 * with it: a stream each for the status, the output and the errors. Whatever `tandem` is to be run in a pod is run as COMMAND.
 */

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { Duplex } from 'node:stream'

const [certificate = '', key = '', port = '', ...program] = process.argv.slice(2)

const control = { synStream: 1, synReply: 2, ping: 6 }
const final = 1

/**
 * No headers, as zlib without the dictionary that SPDY has for them, which nobody has to refer to: a stored block with a count of zero, and
 * an empty one, at which a reader has all of it. One stream of zlib runs over all frames, so only the first has its head.
 */
const noHeaders = Buffer.from('000400fbff00000000' + '000000ffff', 'hex')
const zlibHead = Buffer.from('7801', 'hex')

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) })
server.on('upgrade', (request, socket: Duplex, head) => {
  const url = new URL(request.url ?? '/', 'https://kubelet')
  const [name = '', ...words] = url.searchParams.getAll('command')
  process.stdout.write(`${request.method} ${url.pathname} ${[name, ...words].join(' ')}\n`)
  socket.on('error', () => socket.destroy())
  const lines = ['connection: Upgrade', 'upgrade: SPDY/3.1', 'x-stream-protocol-version: v4.channel.k8s.io']
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`)
  new Session(socket, (say) => run(name, words, say)).take(head)
})
server.listen(Number(port))

/** The streams in the order in which the API server opens them. */
const streams = ['status', 'stdout', 'stderr'] as const
type Say = (stream: (typeof streams)[number], data: Buffer | string, flags?: number) => void

function run(name: string, words: readonly string[], say: Say): void {
  if (name !== 'tandem') {
    finish(say, {
      status: 'Failure',
      reason: 'InternalError',
      message: `exec: "${name}": executable file not found in $PATH`,
    })
    return
  }
  const [file = '', ...before] = program
  const child = spawn(file, [...before, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.on('data', (data: Buffer) => say('stdout', data))
  child.stderr.on('data', (data: Buffer) => say('stderr', data))
  child.on('close', (code) => {
    const failed = { status: 'Failure', reason: 'NonZeroExitCode', message: `exit status ${code}` }
    const causes = [{ reason: 'ExitCode', message: String(code) }]
    finish(say, code === 0 ? { status: 'Success' } : { ...failed, details: { causes } })
  })
}

function finish(say: Say, status: object): void {
  say('stdout', '', final)
  say('stderr', '', final)
  say('status', JSON.stringify({ metadata: {}, ...status }), final)
}

class Session {
  readonly #socket: Duplex
  readonly #begin: (say: Say) => void
  readonly #ids: number[] = []
  #rest = Buffer.alloc(0)

  constructor(socket: Duplex, begin: (say: Say) => void) {
    this.#socket = socket
    this.#begin = begin
    socket.on('data', (data: Buffer) => this.take(data))
    socket.on('end', () => socket.destroy())
  }

  take(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data])
    while (this.#rest.length >= 8) {
      const length = 8 + this.#rest.readUIntBE(5, 3)
      if (this.#rest.length < length) return
      const frame = this.#rest.subarray(0, length)
      this.#rest = this.#rest.subarray(length)
      if (frame.readUInt8(0) & 0x80) this.#control(frame)
    }
  }

  #control(frame: Buffer): void {
    const type = frame.readUInt16BE(2)
    if (type === control.ping) this.#socket.write(frame)
    if (type !== control.synStream) return
    const headers = Buffer.concat([this.#ids.length === 0 ? zlibHead : Buffer.alloc(0), noHeaders])
    const reply = Buffer.alloc(12)
    reply.writeUInt16BE(0x8003, 0)
    reply.writeUInt16BE(control.synReply, 2)
    reply.writeUIntBE(4 + headers.length, 5, 3)
    reply.writeUInt32BE(frame.readUInt32BE(8), 8)
    this.#ids.push(frame.readUInt32BE(8))
    this.#socket.write(Buffer.concat([reply, headers]))
    if (this.#ids.length === streams.length) this.#begin((stream, data, flags = 0) => this.#say(stream, data, flags))
  }

  #say(stream: (typeof streams)[number], data: Buffer | string, flags: number): void {
    const octets = Buffer.from(data)
    const head = Buffer.alloc(8)
    head.writeUInt32BE(this.#ids[streams.indexOf(stream)]!, 0)
    head.writeUInt8(flags, 4)
    head.writeUIntBE(octets.length, 5, 3)
    this.#socket.write(Buffer.concat([head, octets]))
  }
}
