/** Over real TCP: what the machine refuses costs one connection, and what is asked of a listening socket is taken back. */

import { expect } from 'chai'
import { type Log, nodeWorld } from '../../../../speaker/index.ts'
import { systemProblem } from '../../../../speaker/transport/system.ts'
import type { ConnectionHandlers, Listener } from '../../../../speaker/world.ts'
import { address } from '../../../support/fabric.ts'

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const silent: ConnectionHandlers = { onOpen: () => {}, onData: () => {}, onDrain: () => {}, onClose: () => {} }

function listening(host: string): Promise<Listener | undefined> {
  const endpoint = { address: address(host), port: 0 }
  return nodeWorld(quiet)
    .transport.listen(endpoint, (incoming) => void incoming.accept(silent))
    .catch(() => undefined)
}

describe('socket options over real TCP', () => {
  before(function () {
    if (systemProblem() !== undefined) this.skip()
  })

  for (const [over, host] of [
    ['IPv4', '127.0.0.1'],
    ['IPv6', '::1'],
  ] as const) {
    it(`end the connection that cannot have them, and say why, over ${over}`, async function () {
      const listener = await listening(host)
      if (!listener) this.skip()
      const why = await new Promise<string>((onClose) => {
        // No machine can ask for more than 255.
        const target = { remote: listener.endpoint, options: { minTtl: 300 } }
        nodeWorld(quiet).transport.dial(target, { ...silent, onClose })
      })
      expect(why).to.equal('minimum TTL: EINVAL')
      await listener.close()
    })
  }
})
