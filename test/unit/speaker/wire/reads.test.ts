/** Over real TCP: what one connection brings does not depend on what others bring at the same time. */

import { createServer, type Server } from 'node:net'
import { expect } from 'chai'
import { tcp } from '../../../../speaker/transport/tcp.ts'
import { address } from '../../../support/fabric.ts'

const said = 4 * 1024 * 1024
const octets = [1, 2, 3, 4]

/** Says one octet again and again to whoever comes. */
function sayer(host: string, octet: number): Promise<{ server: Server; port: number } | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end(new Uint8Array(said).fill(octet))
    })
    server.once('error', () => resolve(undefined))
    server.listen(0, host, () => {
      const bound = server.address()
      resolve(typeof bound === 'object' && bound ? { server, port: bound.port } : undefined)
    })
  })
}

/** How many octets came, and how many of them were not those that were said. */
function listen(host: string, port: number, octet: number): Promise<{ came: number; wrong: number }> {
  return new Promise((resolve) => {
    const heard = { came: 0, wrong: 0 }
    tcp.dial(
      { remote: { address: address(host), port } },
      {
        onOpen: () => {},
        onDrain: () => {},
        onData: (chunk) => {
          heard.came += chunk.length
          for (const one of chunk) if (one !== octet) heard.wrong++
        },
        onClose: () => resolve(heard),
      },
    )
  })
}

describe('reading over real TCP', () => {
  for (const [over, host] of [
    ['IPv4', '127.0.0.1'],
    ['IPv6', '::1'],
  ] as const) {
    it(`gives each of several dialled connections its own octets, over ${over}`, async function () {
      const sayers = await Promise.all(octets.map((octet) => sayer(host, octet)))
      if (sayers.includes(undefined)) this.skip()
      const heard = await Promise.all(octets.map((octet, index) => listen(host, sayers[index]!.port, octet)))
      for (const one of sayers) one!.server.close()
      expect(heard).to.deep.equal(octets.map(() => ({ came: said, wrong: 0 })))
    })
  }
})
