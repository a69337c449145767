/**
 * The language of iproute2: changes as lines of `ip -batch`, its complaints by line, and the lines of `ip -o -N route show` and `ip monitor`.
 * Numbers instead of names (`-N`), so that no file of the machine decides what a protocol is called.
 */

import { type Address, type Family, familyNumbers, formatAddress, formatPrefix, hostPrefix, Prefix } from 'bgp-ts'
import { parseAddress, parsePrefix } from '../../policy/index.ts'
import {
  type KernelChange,
  type KernelEvent,
  type KernelFault,
  type KernelHop,
  type KernelPlace,
  type KernelRoute,
  mainTable,
} from './kernel.ts'

export function formatChange(change: KernelChange, { table, protocol, metric }: KernelPlace): string {
  const own = `${formatPrefix(change.prefix)} proto ${protocol} table ${table}`
  if (change.kind === 'remove') return `route del ${own} metric ${change.metric}`
  const { family } = change.prefix
  const [first] = change.hops
  const hops =
    change.hops.length === 1 && first
      ? formatHop(family, first)
      : change.hops.map((hop) => `nexthop ${formatHop(family, hop)}`).join(' ')
  return `route ${change.kind} ${own} metric ${metric} ${hops}`
}

export function formatHop(family: Family, { address, zone }: KernelHop): string {
  // RFC 8950: an IPv4 route over an IPv6 gateway.
  const across = family === 'ipv4-unicast' && address.version === 6 ? 'inet6 ' : ''
  return `via ${across}${formatAddress(address)}${zone ? ` dev ${zone}` : ''}`
}

const kinds: readonly (readonly [RegExp, KernelFault['kind']])[] = [
  [/File exists/, 'exists'],
  [/No such process/, 'gone'],
  [/Operation not permitted/, 'denied'],
  [/unreachable|No route to host|invalid gateway|Network is down|No such device|Cannot find device/, 'unreachable'],
]

/** What `ip -force -batch -` wrote to standard error: words, then the line that they are about. */
export function parseFaults(text: string): KernelFault[] {
  const faults: KernelFault[] = []
  let words: string[] = []
  for (const line of text.split('\n')) {
    const failed = /^Command failed .*:(\d+)$/.exec(line)
    if (!failed) {
      if (line.trim() !== '') words.push(line.replace(/^(RTNETLINK answers|Error): /, '').trim())
      continue
    }
    const said = words.join(' ') || 'no reason given'
    const kind = kinds.find(([pattern]) => pattern.test(said))?.[1] ?? 'refused'
    faults.push({ index: Number(failed[1]) - 1, kind, text: said })
    words = []
  }
  return faults
}

/** One line of the monitor: a route, a link, an address. Undefined for what does not matter. */
export function parseEvent(line: string, family: Family): KernelEvent | undefined {
  const gone = line.startsWith('Deleted ')
  const rest = gone ? line.slice('Deleted '.length) : line
  const device = /^\d+:\s+([^\s:@]+)/.exec(rest)?.[1]
  if (device !== undefined) return { kind: 'link', device }
  const route = parseRoute(rest, family, mainTable)
  return route && { kind: 'route', route, gone }
}

/** `table` is where a route is that names none. Undefined where the line is no route that matters: local, broadcast, multicast. */
export function parseRoute(line: string, family: Family, table: number): KernelRoute | undefined {
  const words = (line.includes('\\') ? line.replaceAll(/[\s\\]+/g, ' ') : line).split(' ')
  let at = 0
  const type = isDestination(words[0]) ? '' : words[at++]
  if (type !== undefined && uninteresting.has(type)) return undefined
  const prefix = parseDestination(words[at++], family)
  if (!prefix) return undefined
  const hops: KernelHop[] = []
  const route = { prefix, table, protocol: 0, metric: 0, hops, down: false, onLink: '' }
  for (; at < words.length; at++) {
    const word = words[at]
    if (word === 'proto') route.protocol = Number(words[++at])
    else if (word === 'metric') route.metric = Number(words[++at])
    else if (word === 'table') route.table = Number(words[++at])
    else if (word === 'linkdown' || word === 'dead') route.down = true
    else if (word === 'dev') route.onLink ||= words[++at] ?? ''
    else if (word === 'via') {
      if (words[at + 1] === 'inet6' || words[at + 1] === 'inet') at++
      const address = parseGateway(words[++at] ?? '')
      // Only a link-local gateway says nothing without its interface.
      const zone = address?.version === 6 && address.w0 >>> 22 === 0x3fa && words[at + 1] === 'dev' && words[at + 2]
      if (address) hops.push({ address, ...(zone && { zone }) })
    }
  }
  const { onLink, ...rest } = route
  return type === '' && hops.length === 0 && onLink !== '' ? { ...rest, onLink } : rest
}

/** A hundred thousand routes have a handful of gateways: parsing them again took a third of the time of reading a line. */
const gateways = new Map<string, Address>()
const mostGateways = 1024

function parseGateway(text: string): Address | undefined {
  const known = gateways.get(text)
  if (known) return known
  const address = parseAddress(text)
  if (gateways.size >= mostGateways) gateways.clear()
  if (address) gateways.set(text, address)
  return address
}

/** Types by name and number: local, broadcast, anycast, multicast. */
const uninteresting = new Set(['local', '2', 'broadcast', '3', 'anycast', '4', 'multicast', '5'])

const isDestination = (word = '') => word === 'default' || word.includes('.') || word.includes(':')

function parseDestination(text: string | undefined, family: Family): Prefix | undefined {
  if (text === undefined) return undefined
  if (text === 'default') return new Prefix(family, 0, 0)
  if (text.includes('/')) return parsePrefix(text)
  const address = parseAddress(text)
  return address && address.version === (familyNumbers[family].bits === 32 ? 4 : 6) ? hostPrefix(address) : undefined
}
