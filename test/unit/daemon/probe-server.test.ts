/** What clients of a port for probes can do to it: nothing. */

import { once } from 'node:events'
import { request, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect } from 'chai'
import { createProbeServer } from '../../../daemon/probe-server.ts'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

for (const host of ['127.0.0.1', '::1'])
  describe(`a server for probes at ${host}`, () => {
    const limits = { connections: 8, requestMs: 200, headerOctets: 1024 }
    let server: Server
    let sockets: Socket[]
    const port = () => (server.address() as AddressInfo).port

    before(async function () {
      const trial = createProbeServer(() => {})
      trial.listen(0, host)
      // A machine without this family can't be asked over it.
      await once(trial, 'listening').catch(() => this.skip())
      trial.close()
    })

    beforeEach(async () => {
      sockets = []
      server = createProbeServer((_request, response) => response.end('well\n'), limits)
      server.listen(0, host)
      await once(server, 'listening')
    })

    afterEach(async () => {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })

    function ask(method: string, headers: Readonly<Record<string, string>> = {}, body?: string): Promise<Answer> {
      return new Promise((resolve, reject) => {
        const asking = request({ host, port: port(), method, headers, agent: false }, (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
        })
        asking.on('error', reject)
        asking.end(body)
      })
    }

    async function open(first = ''): Promise<Socket> {
      const socket = connect(port(), host)
      sockets.push(socket)
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write(first)
      return socket
    }

    // Not by `once` of node:events, which rejects on an error: a reset is as good an end as any.
    const ended = (socket: Socket) =>
      new Promise<void>((resolve) => {
        socket.resume()
        if (socket.closed) resolve()
        else socket.once('close', () => resolve())
      })

    it('J9 answers GET and HEAD with headers that a browser has to heed', async () => {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers, body } = await ask(method)
        expect([status, body]).to.deep.equal([200, method === 'GET' ? 'well\n' : ''])
        expect(headers).to.include({
          'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
          'x-content-type-options': 'nosniff',
          'cache-control': 'no-store',
        })
      }
    })

    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'])
      it(`J9 refuses ${method}, and takes no body`, async () => {
        const { status, headers, body } = await ask(method, {}, method === 'TRACE' ? undefined : 'x'.repeat(1000))
        expect([status, body]).to.deep.equal([405, 'only GET and HEAD\n'])
        expect(headers).to.include({ allow: 'GET, HEAD', connection: 'close' })
      })

    it('J9 refuses a header that is too long', async () => {
      expect((await ask('GET', { 'x-long': 'x'.repeat(limits.headerOctets) })).status).to.equal(431)
    })

    for (const [what, text] of [
      ['says nothing', ''],
      ['stops in its first line', 'GET /heal'],
      ['stops in its headers', 'GET / HTTP/1.1\r\nhost: x\r\nx-slow: '],
      ['stops in a body', 'GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc'],
      ['stays after its answer', 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'],
    ])
      it(`J9 cuts off a client that ${what}`, async () => {
        await ended(await open(text))
      })

    it('J9 cuts off a client that sends an octet now and then', async () => {
      const socket = await open('GET / HTTP/1.1\r\nx: ')
      const drip = setInterval(() => socket.write('y'), 20)
      socket.once('close', () => clearInterval(drip))
      await ended(socket)
    })

    it('J9 lets the oldest of too many connections go, and answers who comes then', async () => {
      const held: Socket[] = []
      for (let index = 0; index < limits.connections; index++) held.push(await open())
      expect((await ask('GET')).status).to.equal(200)
      await ended(held[0]!)
      expect(held.filter((socket) => socket.closed)).to.have.length(1)
    })
  })
