/** Over real TCP: a NOTIFICATION is read whole by a router that goes on talking, because unread octets would turn the close into a reset. */

import { connect, createServer } from 'node:net'
import { hex } from 'bgp-ts'
import { expect } from 'chai'
import { type Log, nodeWorld, Speaker } from '../../../../speaker/index.ts'
import { octets } from '../../../support/bytes.ts'
import { address, peerTo } from '../../../support/fabric.ts'

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

function freePort(host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(0, host, () => {
      const bound = server.address()
      server.close(() => resolve(typeof bound === 'object' && bound ? bound.port : undefined))
    })
  })
}

/** Says all of it, and gives back what came until the end, or the error that it came to. */
function hear(host: string, port: number, said: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = []
    const socket = connect({ host, port }, () => socket.write(said))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', (error) => resolve(String(error)))
    socket.on('end', () => resolve(hex(Uint8Array.from(chunks.flatMap((chunk) => [...chunk])))))
  })
}

describe('a farewell over real TCP', () => {
  for (const [over, host] of [
    ['IPv4', '127.0.0.1'],
    ['IPv6', '::1'],
  ] as const) {
    it(`D9 arrives though the peer had said more than was read, over ${over}`, async function () {
      const port = await freePort(host)
      if (port === undefined) this.skip()
      const speaker = new Speaker(nodeWorld(quiet))
      const listening = { address: address(host), port }
      speaker.apply({
        local: { asn: 64512, routerId: 1, listen: [listening], addresses: {} },
        peers: [peerTo(host, 65001, { passive: true, port })],
        routes: [],
      })
      while (speaker.snapshot().listening[0]?.problem !== undefined || !(await answers(host, port)))
        await new Promise((resolve) => setImmediate(resolve))
      // A marker that is wrong, and far more behind it than one read takes.
      const said = new Uint8Array(256 * 1024)
      const heard = await hear(host, port, said)
      expect(heard.slice(-42)).to.equal(`${hex(octets('ff'.repeat(16)))}0015030101`)
      await speaker.stop()
    })
  }
})

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
