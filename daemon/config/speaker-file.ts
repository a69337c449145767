/**
 * The configuration file of the speaker alone (`--source none`), as `Speaker.apply` takes it: who it is, its peers and its routes.
 * What is right by itself and wrong beside the rest is found here; the schema has found everything else.
 */

import { type Address, type Family, families } from 'bgp-ts'
import {
  bfdPort,
  keyOf,
  readSession,
  type SessionSettings,
  sameLimit,
  sessionShape,
  settle,
  usualMaxPrefixes,
} from '../../controllers/index.ts'
import {
  familyOfAddress,
  noPolicy,
  type Policy,
  parseAddress,
  parseNeighbour,
  parsePrefix,
} from '../../policy/index.ts'
import type {
  BfdDeclaration,
  Desired,
  OriginatedAttributes,
  OriginatedRoute,
  PeerDeclaration,
} from '../../speaker/index.ts'
import { readCollectors } from './bmp.ts'
import { type ConfigDocument, checked, readText } from './document.ts'
import { ConfigError } from './flag.ts'
import { type Policies, readPolicies } from './policy-file.ts'
import { type BfdPart, type SpeakerFile, speakerFileSchema } from './speaker-schema.ts'
import { familyNames, readBorder } from './values.ts'

const everywhere = ['0.0.0.0', '::'].map((text) => ({ address: parseAddress(text)!, port: 179 }))

/** What the file declares; throws `ConfigError` with file, line and path for the first thing that is wrong. */
export function readSpeakerFile(document: ConfigDocument): Desired & { readonly deferral: number } {
  if ('peer-policies' in ((document.value ?? {}) as object)) {
    const expected = 'is for a daemon that follows Kubernetes: here each of the peers has its own import and export'
    throw new ConfigError(document.keyPlace(['peer-policies']), 'peer-policies', expected)
  }
  const file = checked(document, speakerFileSchema)
  const policies = readPolicies(document, file, namesOf(file))
  return {
    local: {
      asn: file.asn,
      routerId: file['router-id'].w0 >>> 0,
      ...(file['cluster-id'] !== undefined && { clusterId: file['cluster-id'] }),
      listen: file.listen ?? everywhere,
      addresses: addressesOf(file, document),
      collectors: readCollectors(document, file),
    },
    peers: readPeers(file, policies, document),
    routes: readRoutes(file, document),
    deferral: file['restart-deferral'],
  }
}

function addressesOf(file: SpeakerFile, document: ConfigDocument): { readonly [name in Family]?: Address } {
  const entries = Object.entries(file.addresses).flatMap(([name, one]) => {
    const wanted = familyNames[name as keyof typeof familyNames]
    if (one === undefined) return []
    if (familyOfAddress(one) !== wanted)
      throw new ConfigError(document.place(['addresses', name]), String(one), `is not of ${wanted}`)
    return [[wanted, one]]
  })
  return Object.fromEntries(entries)
}

/** What policies may call the peers. */
function namesOf({ peers }: SpeakerFile): string[] {
  return peers.map(nameOf)
}

function nameOf({ name, address: { address, zone, length } }: SpeakerFile['peers'][number]): string {
  return name ?? `${address}${zone ? `%${zone}` : ''}${length === undefined ? '' : `/${length}`}`
}

const usualSession: SessionSettings = { maxPrefixes: sameLimit(usualMaxPrefixes), extendedNextHop: true }

/** The settings that other sources of peers know too; the rest has defaults of its own here. */
function sessionPart(peer: SpeakerFile['peers'][number]): Parameters<typeof readSession>[0] {
  const names = Object.keys(sessionShape) as (keyof typeof sessionShape)[]
  return Object.fromEntries(names.map((name) => [name, peer[name]]))
}

function passwordOf(
  peer: SpeakerFile['peers'][number],
  place: (key: string) => string,
): Pick<PeerDeclaration, 'password' | 'blocked'> {
  const { password: text, 'password-file': file } = peer
  if (text === undefined && file === undefined) return {}
  if (text !== undefined && file !== undefined)
    throw new ConfigError(place('password-file'), file, 'and password are alternatives')
  const password = keyOf(text ?? readText(place('password-file'), file!))
  if (password.kind === 'key') return { password: password.secret }
  throw new ConfigError(
    place(text === undefined ? 'password-file' : 'password'),
    '(not shown)',
    password.kind === 'unusable' ? `is refused: ${password.why}` : 'is only a name',
  )
}

function readPeers(file: SpeakerFile, policies: Policies, document: ConfigDocument): PeerDeclaration[] {
  const names = new Set<string>()
  return file.peers.map((peer, index): PeerDeclaration => {
    const place = (key: string) => document.place(['peers', index, key])
    const { address, zone, length } = peer.address
    const name = nameOf(peer)
    if (names.has(name)) throw new ConfigError(place('name'), name, 'is the name of two peers')
    names.add(name)
    const meaning = parseNeighbour(name).by
    if (meaning === 'type' || meaning === 'asn') {
      throw new ConfigError(place('name'), name, 'means something else to policies: a peer needs another name')
    }
    const local = peer['local-address']
    if (local && local.version !== address.version) {
      throw new ConfigError(place('local-address'), String(local), "is not of the family of the peer's address")
    }
    if (peer.ttl !== undefined && peer['ttl-security'] !== undefined)
      throw new ConfigError(place('ttl-security'), peer['ttl-security'], 'and ttl are alternatives')
    const ownAsn = peer['local-asn'] ?? file.asn
    if (peer['reflector-client'] && peer.asn !== ownAsn) {
      throw new ConfigError(place('reflector-client'), true, `is for internal peers, of AS ${ownAsn}`)
    }
    if (length !== undefined && peer.bfd?.strict)
      throw new ConfigError(
        place('bfd'),
        'strict',
        'cannot be had of neighbours that are not known before they connect',
      )
    const policy = (key: 'import' | 'export'): Policy =>
      peer[key] === undefined ? noPolicy : policies.list(peer[key], ['peers', index, key], false)
    return {
      name,
      address,
      ...(zone && { zone }),
      ...(length !== undefined && { dynamic: { length, limit: peer.limit } }),
      ...passwordOf(peer, place),
      ...settle(usualSession, readSession(sessionPart(peer))),
      ...(peer.bfd && { bfd: bfdOf(peer.bfd) }),
      port: peer.port,
      asn: peer.asn,
      ...(peer['local-asn'] !== undefined && { localAsn: peer['local-asn'] }),
      ...(local && { localAddress: local }),
      families: families.filter((one) => peer.families.some((short) => familyNames[short] === one)),
      passive: peer.passive || length !== undefined,
      holdTime: peer['hold-time'],
      connectRetry: peer['connect-retry'],
      nextHopSelf: peer['next-hop-self'],
      ...(peer['reflector-client'] && { reflectorClient: true }),
      importPolicy: policy('import'),
      exportPolicy: policy('export'),
      ...readBorder(peer),
    }
  })
}

function bfdOf(part: BfdPart): BfdDeclaration {
  const { 'min-tx': minTx, 'min-rx': minRx, multiplier, multihop, strict, port } = part
  return { minTx, minRx, multiplier, multihop, strict, ...bfdPort(port) }
}

/** A loop without a schema per prefix: a file may hold hundreds of thousands. */
function readRoutes(file: SpeakerFile, document: ConfigDocument): OriginatedRoute[] {
  const routes: OriginatedRoute[] = []
  file.routes.forEach((route, index) => {
    const path = ['routes', index]
    if ((route.prefix === undefined) === (route.prefixes === undefined)) {
      throw new ConfigError(document.place(path), route, 'needs either prefix or prefixes')
    }
    const attributes = attributesOf(route)
    const nextHop = route['next-hop']
    const texts = route.prefixes ?? [route.prefix]
    const origin = {
      kind: 'static',
      object: document.name,
      field: `routes[${index}]`,
      rule: 'route of the configuration file',
    }
    texts.forEach((text, at) => {
      const prefix = typeof text === 'string' ? parsePrefix(text) : undefined
      const where = () => document.place(route.prefixes ? [...path, 'prefixes', at] : [...path, 'prefix'])
      if (!prefix) throw new ConfigError(where(), text, 'is not a CIDR')
      if (nextHop && familyOfAddress(nextHop) !== prefix.family) {
        throw new ConfigError(where(), text, `is not of the family of its next hop ${nextHop}`)
      }
      routes.push({ prefix, ...(nextHop && { nextHop }), attributes, origin })
    })
  })
  return routes
}

function attributesOf(route: SpeakerFile['routes'][number]): OriginatedAttributes {
  return {
    origin: route.origin,
    ...(route.med !== undefined && { med: route.med }),
    ...(route['local-pref'] !== undefined && { localPref: route['local-pref'] }),
    ...(route['as-path'] && { asPath: route['as-path'] }),
    ...(route.communities && { communities: route.communities }),
    ...(route['large-communities'] && { largeCommunities: route['large-communities'] }),
    ...(route['extended-communities'] && { extendedCommunities: route['extended-communities'] }),
  }
}
