/**
 * The configuration file of the speaker alone (`--source none`), as `Speaker.apply` takes it: who it is, its peers and its routes.
 * What is right by itself and wrong beside the rest is found here; the schema has found everything else.
 */

import { type Address, type Family, families } from 'bgp-ts'
import {
  familyOfAddress,
  noPolicy,
  type Policy,
  parseAddress,
  parseNeighbour,
  parsePrefix,
} from '../../policy/index.ts'
import type { Desired, OriginatedAttributes, OriginatedRoute, PeerDeclaration } from '../../speaker/index.ts'
import { type ConfigDocument, checked } from './document.ts'
import { ConfigError } from './flag.ts'
import { type Policies, readPolicies } from './policy-file.ts'
import { type SpeakerFile, speakerFileSchema } from './speaker-schema.ts'
import { familyNames, readBorder } from './values.ts'

const everywhere = ['0.0.0.0', '::'].map((text) => ({ address: parseAddress(text)!, port: 179 }))

/** What the file declares; throws `ConfigError` with file, line and path for the first thing that is wrong. */
export function readSpeakerFile(document: ConfigDocument): Desired {
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
      listen: file.listen ?? everywhere,
      addresses: addressesOf(file, document),
    },
    peers: readPeers(file, policies, document),
    routes: readRoutes(file, document),
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
  return peers.map(({ name, address }) => name ?? String(address))
}

function readPeers(file: SpeakerFile, policies: Policies, document: ConfigDocument): PeerDeclaration[] {
  const names = new Set<string>()
  return file.peers.map((peer, index): PeerDeclaration => {
    const place = (key: string) => document.place(['peers', index, key])
    const name = peer.name ?? String(peer.address)
    if (names.has(name)) throw new ConfigError(place('name'), name, 'is the name of two peers')
    names.add(name)
    const meaning = parseNeighbour(name).by
    if (meaning === 'type' || meaning === 'asn') {
      throw new ConfigError(place('name'), name, 'means something else to policies: a peer needs another name')
    }
    const local = peer['local-address']
    if (local && local.version !== peer.address.version) {
      throw new ConfigError(place('local-address'), String(local), "is not of the family of the peer's address")
    }
    const policy = (key: 'import' | 'export'): Policy =>
      peer[key] === undefined ? noPolicy : policies.list(peer[key], ['peers', index, key], false)
    return {
      name,
      address: peer.address,
      port: peer.port,
      asn: peer.asn,
      ...(peer['local-asn'] !== undefined && { localAsn: peer['local-asn'] }),
      ...(local && { localAddress: local }),
      families: families.filter((one) => peer.families.some((short) => familyNames[short] === one)),
      passive: peer.passive,
      holdTime: peer['hold-time'],
      connectRetry: peer['connect-retry'],
      nextHopSelf: peer['next-hop-self'],
      importPolicy: policy('import'),
      exportPolicy: policy('export'),
      ...readBorder(peer),
    }
  })
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
  }
}
