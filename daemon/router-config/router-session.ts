/**
 * A session as the router at its other end has to be told of it: each setting of ours turned round. No language of a router here, and no key: of a password
 * it is known that there is one.
 */

import { type Address, type Family, families, formatAddress } from 'bgp-ts'
import type { BfdDeclaration, LocalDeclaration, PeerDeclaration, RestartDeclaration } from '../../speaker/index.ts'
import type { Backend } from '../backend.ts'
import { type Accepted, accepted } from './accepted.ts'

/** What only the operator knows, as it stands in the configuration. */
export const blanks = { nodeAddress: 'NODE-ADDRESS', interface: 'INTERFACE', password: 'MD5-PASSWORD' } as const

export interface RouterSession {
  /** Of the Node object, where there is one. */
  readonly nodeName?: string
  /** As the router sees it: one of `blanks` where nothing here says which address it is. */
  readonly nodeAddress: string
  readonly nodeAsn: number
  /** Where the node listens; absent where it does not. */
  readonly nodePort?: number
  /** Over link-local addresses: the router's own interface has to be named. */
  readonly linkLocal: boolean
  readonly routerAddress: string
  readonly routerAsn: number
  readonly routerPort: number
  readonly type: 'external' | 'internal'
  readonly families: readonly Family[]
  /** Next hops that routes have, by family; a family without one has that of the session, or none. */
  readonly nextHops: { readonly [family in Family]?: string }
  readonly hasPassword: boolean
  /** At most so many hops away, checked by TTL. */
  readonly ttlSecurity?: number
  /** Hops, if it is more than one, or may be. */
  readonly hops?: number
  /** Seconds. */
  readonly holdTime: number
  readonly keepalive: number
  readonly gracefulRestart?: RestartDeclaration
  readonly bfd?: BfdDeclaration
  /** IPv4 routes have IPv6 next hops: the node has no IPv4 address. */
  readonly extendedNextHop: boolean
  readonly addPath: readonly Family[]
  readonly accepts: Readonly<Record<Family, Accepted>>
}

/** Undefined where this speaker has no such peer. */
export function routerSession(backend: Backend, name: string): RouterSession | undefined {
  const declared = backend.speaker.declared(name)
  if (!declared) return undefined
  const { local, peer } = declared
  const nodeAsn = peer.localAsn ?? local.asn
  const byFamily = families.map((family) => [family, accepted(backend, family, peer.maximumOut?.[family])])
  return {
    ...(backend.plan && { nodeName: backend.plan.node }),
    nodeAddress: nodeAddressOf(backend, local, peer),
    nodeAsn,
    ...(local.listen[0] && { nodePort: local.listen[0].port }),
    linkLocal: peer.zone !== undefined,
    routerAddress: formatAddress(peer.address),
    routerAsn: peer.asn,
    routerPort: peer.port,
    type: peer.asn === nodeAsn ? 'internal' : 'external',
    families: families.filter((family) => peer.families.includes(family)),
    nextHops: nextHopsOf(local),
    hasPassword:
      peer.password !== undefined || backend.plan?.peers.some((one) => one.name === name && one.password) === true,
    ...hopsOf(peer),
    holdTime: peer.holdTime,
    keepalive: Math.floor(peer.holdTime / 3),
    ...(peer.gracefulRestart && { gracefulRestart: peer.gracefulRestart }),
    ...(peer.bfd && { bfd: peer.bfd }),
    extendedNextHop: peer.extendedNextHop === true && local.addresses['ipv4-unicast'] === undefined,
    addPath: peer.addPath ?? [],
    accepts: Object.fromEntries(byFamily) as Record<Family, Accepted>,
  }
}

/** That of the session that is, or was; else what it will be opened from. */
function nodeAddressOf({ speaker }: Backend, local: LocalDeclaration, peer: PeerDeclaration): string {
  const seen = speaker.snapshot().peers.find(({ name }) => name === peer.name)?.localAddress
  if (seen !== undefined) return seen
  const family: Family = peer.address.version === 4 ? 'ipv4-unicast' : 'ipv6-unicast'
  const own: Address | undefined = peer.localAddress ?? (peer.zone === undefined ? local.addresses[family] : undefined)
  return own ? formatAddress(own) : blanks.nodeAddress
}

function nextHopsOf({ addresses }: LocalDeclaration): RouterSession['nextHops'] {
  const known = families.flatMap((family) => {
    const address = addresses[family]
    return address ? [[family, formatAddress(address)]] : []
  })
  return Object.fromEntries(known)
}

/** BFD over many hops says that there are many, though not how many. */
function hopsOf({ ttl, ttlSecurity, bfd }: PeerDeclaration): Pick<RouterSession, 'ttlSecurity' | 'hops'> {
  const least = bfd?.multihop ? 2 : 1
  if (ttlSecurity !== undefined) return { ttlSecurity, ...moreThanOne(Math.max(ttlSecurity, least)) }
  if (ttl !== undefined) return moreThanOne(Math.max(ttl, least))
  return bfd?.multihop ? { hops: 255 } : {}
}

const moreThanOne = (hops: number) => (hops > 1 ? { hops } : {})
