/**
 * The peers of a node from its annotations: `kube-router.io/peers`, a YAML list, or the older lists `kube-router.io/peer.*`.
 * One wrong entry fails the annotation as a whole, because half a list of peers is not what anybody meant.
 */

import { type Address, formatAddress } from 'bgp-ts'
import { LineCounter, parseDocument } from 'yaml'
import * as z from 'zod'
import { parseAddress } from '../../policy/index.ts'
import { bfdAnnotation, readBfd } from './bfd-settings.ts'
import { readLabel } from './clauses.ts'
import { isBase64, type PeerPassword, readPassword } from './passwords.ts'
import { annotationShape, readSession, type SessionSettings } from './session-settings.ts'
import { bad, good, type Read, readPeerAsn, readPort, splitList } from './values.ts'

export interface PeerSetting {
  readonly address: Address
  readonly asn: number
  readonly port: number
  readonly localAddress?: Address
  /** Interface of a link-local address. */
  readonly zone?: string
  readonly password?: PeerPassword
  readonly session?: SessionSettings
  /** By which annotations can name it, beside its address, ASN and type. */
  readonly labels?: readonly string[]
}

/** In place of the text of an annotation that may have passwords in it: findings go to logs and events. */
const unshown = '(not shown: it may have passwords)'

export const peersAnnotation = 'kube-router.io/peers'
export const defaultPort = 179

const number = z.union([z.number(), z.string()]).transform(String)
const entrySchema = z.strictObject({
  ...annotationShape,
  remoteip: z.string(),
  remoteasn: number,
  localip: z.string().optional(),
  password: z.string().optional(),
  port: number.optional(),
  'password-from': z.string().min(1).optional(),
  bfd: bfdAnnotation.optional(),
  labels: z.array(z.string()).optional(),
})

/** The YAML of `kube-router.io/peers`. */
export function readPeers(text: string): Read<PeerSetting[]> {
  const document = readYaml(text)
  if (!document.ok) return document
  const parsed = z.array(entrySchema).safeParse(document.value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const where = issue?.path.join('.') || 'the list'
    return bad(
      unshown,
      `is wrong at ${where}: ${issue?.message}; a list of remoteip, remoteasn, and optionally localip, port, password, labels, bfd, and the settings of a session is expected`,
    )
  }
  const peers: PeerSetting[] = []
  for (const entry of parsed.data) {
    const { remoteip, remoteasn, localip, password, port, labels = [] } = entry
    const named = entry['password-from']
    const bfd = readBfd(entry.bfd)
    if (named !== undefined && password !== undefined)
      return bad(unshown, `is wrong at ${remoteip}: password and password-from are alternatives`)
    if (entry.ttl !== undefined && entry['ttl-security'] !== undefined)
      return bad(unshown, `is wrong at ${remoteip}: ttl and ttl-security are alternatives`)
    const peer = readPeer(remoteip, remoteasn, port, password, localip)
    // A forgotten space or comma makes a password part of what stands before it.
    if (!peer.ok) return /password/i.test(peer.item) ? bad(unshown, peer.expected) : peer
    const wrong = labels.map(readLabel).find((label) => !label.ok)
    if (wrong) return wrong
    peers.push({
      ...peer.value,
      ...(named !== undefined && { password: { kind: 'named', name: named } }),
      ...(labels.length > 0 && { labels }),
      session: { ...readSession(entry), ...(bfd && { bfd }) },
    })
  }
  return withoutRepeats(peers)
}

/** Where it is wrong, and never what stands there. A tag is wrong too: it would take the place of a password that begins with `!`. */
function readYaml(text: string): Read<unknown> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [wrong] = [...document.errors, ...document.warnings]
  if (wrong) {
    const { line, col } = lines.linePos(wrong.pos[0])
    const what = wrong.code.toLowerCase().replaceAll('_', ' ')
    return bad(unshown, `is no valid YAML: ${what}, line ${line}, column ${col}`)
  }
  try {
    return good(document.toJS() as unknown)
  } catch {
    return bad(unshown, 'is no valid YAML: an alias (*name) has no anchor (&name) before it')
  }
}

export const legacyAnnotations = {
  ips: 'kube-router.io/peer.ips',
  asns: 'kube-router.io/peer.asns',
  ports: 'kube-router.io/peer.ports',
  passwords: 'kube-router.io/peer.passwords',
  localips: 'kube-router.io/peer.localips',
} as const

/** The lists `peer.ips`, `peer.asns` and so on; no peers where either of the first two is missing. */
export function readLegacyPeers(annotations: Readonly<Record<string, string>>): Read<PeerSetting[]> {
  const list = (key: keyof typeof legacyAnnotations) => {
    const text = annotations[legacyAnnotations[key]]
    return text === undefined ? undefined : splitList(text)
  }
  const ips = list('ips')
  const asns = list('asns')
  if (!ips || !asns) return good([])
  for (const [name, items] of Object.entries({
    asns,
    ports: list('ports'),
    passwords: list('passwords'),
    localips: list('localips'),
  })) {
    if (items && items.length !== ips.length) {
      return bad(
        name === 'passwords' ? unshown : items.join(','),
        `has ${items.length} items in peer.${name}, where peer.ips has ${ips.length}: one per peer is expected`,
      )
    }
  }
  const peers: PeerSetting[] = []
  for (const [index, ip] of ips.entries()) {
    const at = (key: keyof typeof legacyAnnotations) => list(key)?.[index] || undefined
    const peer = readPeer(ip, asns[index]!, at('ports'), at('passwords'), at('localips'))
    if (!peer.ok) return peer
    peers.push(peer.value)
  }
  return withoutRepeats(peers)
}

function readPeer(
  ip: string,
  asnText: string,
  portText?: string,
  password?: string,
  localip?: string,
): Read<PeerSetting> {
  const [host = '', zone] = ip.split('%')
  const address = parseAddress(host)
  if (!address) return bad(ip, 'is not an IP address of a peer')
  const asn = readPeerAsn(asnText)
  if (!asn.ok) return asn
  const port = portText === undefined ? good(defaultPort) : readPort(portText)
  if (!port.ok) return port
  const localAddress = localip ? parseAddress(localip) : undefined
  if (localip && !localAddress) return bad(localip, 'is not a local IP address')
  if (localAddress && localAddress.version !== address.version) {
    return bad(localip!, `is not of the family of the peer ${ip}`)
  }
  if (password && !isBase64(password)) return bad('(hidden)', 'is a password that is not base64')
  const key = readPassword(password)
  return good({
    address,
    asn: asn.value,
    port: port.value,
    ...(localAddress && { localAddress }),
    ...(zone && { zone }),
    ...(key && { password: key }),
  })
}

function withoutRepeats(peers: PeerSetting[]): Read<PeerSetting[]> {
  const seen = new Set<string>()
  for (const { address, zone } of peers) {
    const text = formatAddress(address) + (zone ? `%${zone}` : '')
    if (seen.has(text)) return bad(text, 'is there twice: one session per peer address is possible')
    seen.add(text)
  }
  return good(peers)
}
