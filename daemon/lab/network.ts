/** Where the lab's speakers live: loopback addresses of their own where the machine has them, else a network in memory. */

import { createServer } from 'node:net'
import type { Address } from 'bgp-ts'
import { parseAddress } from '../../policy/index.ts'
import { type Log, MemoryNetwork, nodeClock, nodeWorld, type World } from '../../speaker/index.ts'

export interface LabNetwork {
  /** What the user should know of it; empty for real TCP with both families. */
  readonly note: string
  readonly port: number
  readonly hasIpv6: boolean
  world(log: Log, ...addresses: readonly Address[]): World
}

export const labPort = 1790

export async function chooseNetwork(): Promise<LabNetwork> {
  const probes = ['127.0.1.1', '127.0.1.2', '127.0.2.1'].map((text) => canListen(text))
  const ipv4 = (await Promise.all(probes)).every(Boolean)
  const hasIpv6 = ipv4 && (await canListen('::1'))
  if (ipv4) {
    const note = hasIpv6 ? '' : 'there is no IPv6 loopback here: every session runs over IPv4'
    return { note, port: labPort, hasIpv6, world: (log) => nodeWorld(log) }
  }
  const memory = new MemoryNetwork(nodeClock)
  return {
    note: `the loopback addresses 127.0.1.x port ${labPort} cannot be used here: sessions run inside the process`,
    port: labPort,
    hasIpv6: true,
    world: (log, ...addresses) => ({ ...nodeWorld(log), transport: memory.from(...addresses) }),
  }
}

function canListen(text: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: text, port: labPort }, () => server.close(() => resolve(true)))
  })
}

export function lookUp(text: string): Address {
  const address = parseAddress(text)
  if (!address) throw new Error(`not an address: ${text}`)
  return address
}
