/** What the machine says of itself, for the checks. */

import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type Address, type Family, formatAddress } from 'bgp-ts'
import { ask } from '../admin/client.ts'
import type { FamilyFacts, PeerFacts, PortFacts, Switch } from './checks.ts'

const versions = { 'ipv4-unicast': 'IPv4', 'ipv6-unicast': 'IPv6' } as const
const forwardingFiles: Record<Family, string> = {
  'ipv4-unicast': '/proc/sys/net/ipv4/ip_forward',
  'ipv6-unicast': '/proc/sys/net/ipv6/conf/all/forwarding',
}

export function familyFacts(family: Family): FamilyFacts {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, some = []]) =>
    some
      .filter(({ family: version, internal, address }) => {
        return version === versions[family] && !internal && !address.startsWith('fe80:')
      })
      .map(({ address }) => `${address} on ${name}`),
  )
  const read = family === 'ipv4-unicast' ? defaultRoutes4 : defaultRoutes6
  return { addresses, defaultRoutes: read(fileText), forwarding: switchAt(forwardingFiles[family]) }
}

type ReadFile = (path: string) => string

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function switchAt(path: string): Switch {
  const text = fileText(path).trim()
  return text === '' ? 'unknown' : text === '0' ? 'off' : 'on'
}

/** Interfaces of the lines of /proc/net/route whose destination and mask are 0. */
export function defaultRoutes4(read: ReadFile): string[] {
  return read('/proc/net/route')
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')
    .map(([name]) => name!)
}

const reject = 0x0200

/** The same of /proc/net/ipv6_route, where the kernel has a reject route of its own besides. */
export function defaultRoutes6(read: ReadFile): string[] {
  return read('/proc/net/ipv6_route')
    .split('\n')
    .map((line) => line.split(/\s+/))
    .filter(([destination, length, , , , , , , flags]) => {
      return destination === '0'.repeat(32) && length === '00' && (Number.parseInt(flags!, 16) & reject) === 0
    })
    .map((fields) => fields[9]!)
}

/** Whether the port can be listened on, by trying. */
export async function portFacts(port: number, adminSocket: string): Promise<PortFacts> {
  const problem = await new Promise<string | undefined>((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ port, host: '::', exclusive: true }, () => server.close(() => resolve(undefined)))
  })
  const held = problem !== undefined && (await ask(adminSocket, '/v1/peers').then(Boolean, () => false))
  return { port, problem, held }
}

const patienceMs = 2000

/** Whether the peer takes a connection; it is closed before a word is said. */
export function reach(peer: { name: string; address: Address; port: number; from?: Address }): Promise<PeerFacts> {
  const { name, address, port, from } = peer
  return new Promise((resolve) => {
    const socket = connect({ host: formatAddress(address), port, ...(from && { localAddress: formatAddress(from) }) })
    const done = (problem: string | undefined) => {
      socket.destroy()
      resolve({ name, port, problem })
    }
    socket.setTimeout(patienceMs, () => done('ETIMEDOUT: nothing came back within 2 s'))
    socket.once('connect', () => done(undefined))
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
  })
}
