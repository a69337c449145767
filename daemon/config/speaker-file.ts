/**
 * The configuration file of the speaker alone (`--source none`): who it is, its peers, its policies and its routes.
 * One schema checks it, documents it, and makes it what `Speaker.apply` takes.
 */

import { type Address, type Family, families } from 'bgp-ts'
import { z } from 'zod'
import { readCommunity } from '../../controllers/index.ts'
import {
  acceptAll,
  familyOfAddress,
  originatedOnly,
  type Policy,
  type PrefixEntry,
  PrefixSet,
  parseAddress,
  parsePrefix,
  rejectAll,
  type Statement,
} from '../../policy/index.ts'
import type { Desired, OriginatedAttributes, OriginatedRoute, PeerDeclaration } from '../../speaker/index.ts'
import type { ConfigDocument } from './document.ts'
import { ConfigError } from './flag.ts'

const asn = z.int().min(1).max(4294967295)
const port = z.int().min(1).max(65535)
const address = z.string().transform((text, context): Address => {
  const parsed = parseAddress(text)
  if (parsed) return parsed
  context.addIssue({ code: 'custom', message: 'is not an IP address' })
  return z.NEVER
})
const community = z.union([z.string(), z.int().min(0)]).transform((value, context): number => {
  const read = readCommunity(String(value))
  if (read.ok) return read.value
  context.addIssue({ code: 'custom', message: read.expected })
  return z.NEVER
})
const largeCommunity = z.string().transform((text, context): [number, number, number] => {
  const parts = text.split(':').map(Number)
  if (/^\d+:\d+:\d+$/.test(text) && parts.every((part) => part <= 0xffffffff)) return parts as [number, number, number]
  context.addIssue({ code: 'custom', message: 'is not a large community such as 65000:1:2' })
  return z.NEVER
})
const familyNames = { ipv4: 'ipv4-unicast', ipv6: 'ipv6-unicast' } as const
const family = z.enum(['ipv4', 'ipv6'])
const uint32 = z.int().min(0).max(0xffffffff)

const peerSchema = z.strictObject({
  name: z.string().min(1).optional().describe('Name in tables, metrics and policies. Default: the address.'),
  address: address.describe('Address of the peer.'),
  asn: asn.describe('Its ASN; our own makes it an internal peer.'),
  port: port.default(179).describe('Its TCP port.'),
  'local-asn': asn.optional().describe('Our ASN towards this peer, if it is another one.'),
  'local-address': address.optional().describe('Our address of the session.'),
  families: z.array(family).min(1).default(['ipv4', 'ipv6']).describe('Families to offer.'),
  passive: z.boolean().default(false).describe('Wait for the peer to connect.'),
  'hold-time': z
    .int()
    .min(0)
    .max(65535)
    .refine((value) => value !== 1 && value !== 2, 'is 1 or 2, which BGP forbids')
    .default(90)
    .describe('Seconds; 0 switches keepalives off.'),
  'connect-retry': z
    .number()
    .min(0.1)
    .max(3600)
    .default(5)
    .describe('Seconds before the first retry; doubles up to 60.'),
  'next-hop-self': z.boolean().default(false).describe('Send our own address as the next hop of every route.'),
  import: z
    .string()
    .default('reject-all')
    .describe('Policy for what the peer sends. Without one nothing is taken (RFC 8212).'),
  export: z
    .string()
    .default('reject-all')
    .describe('Policy for what the peer is sent. Without one nothing is sent (RFC 8212).'),
})

const prefixEntry = z.union([
  z.string(),
  z.strictObject({
    prefix: z.string(),
    ge: z.int().min(0).max(128).optional().describe('Shortest length that matches.'),
    le: z.int().min(0).max(128).optional().describe('Longest length that matches.'),
  }),
])

const statementSchema = z.strictObject({
  name: z.string().min(1).describe('What `explain` and the counters call it.'),
  match: z
    .strictObject({
      prefixes: z.array(prefixEntry).optional().describe('Prefixes, alone or with a range of lengths.'),
      families: z.array(family).optional().describe('Families of the route.'),
      source: z.enum(['originated', 'learned']).optional().describe('Where the route comes from.'),
      neighbours: z.array(z.string()).optional().describe('Names of peers.'),
      'peer-type': z.enum(['external', 'internal']).optional().describe('Kind of the peer.'),
      communities: z.array(community).optional().describe('Any of these communities.'),
      asns: z.array(asn).optional().describe('Any of these ASNs in the path.'),
    })
    .default({})
    .describe('All conditions that are there must hold; none take every route.'),
  action: z.enum(['accept', 'reject', 'next']).describe('`next` sets what `set` says and goes on.'),
  set: z
    .strictObject({
      'add-communities': z.array(community).optional(),
      'remove-communities': z.array(community).optional(),
      'add-large-communities': z.array(largeCommunity).optional(),
      med: uint32.optional(),
      'local-pref': uint32.optional(),
      prepend: z.strictObject({ asn, count: z.int().min(1).max(255) }).optional(),
      'next-hop': z.union([z.literal('self'), address]).optional(),
    })
    .optional()
    .describe('Changes to an accepted route.'),
})

const policySchema = z.strictObject({
  name: z.string().min(1),
  default: z
    .enum(['accept', 'reject'])
    .default('reject')
    .describe('What happens to a route that no statement decided.'),
  statements: z.array(statementSchema).default([]),
})

const routeSchema = z.strictObject({
  prefix: z.string().optional().describe('One prefix.'),
  prefixes: z.array(z.unknown()).optional().describe('Or many with the same attributes.'),
  'next-hop': address.optional().describe('Default: our address of the family.'),
  origin: z.enum(['igp', 'egp', 'incomplete']).default('igp'),
  med: uint32.optional(),
  'local-pref': uint32.optional().describe('Sent to internal peers only.'),
  'as-path': z.array(asn).optional().describe('ASNs before ours.'),
  communities: z.array(community).optional(),
  'large-communities': z.array(largeCommunity).optional(),
})

export const speakerFileSchema = z.strictObject({
  asn: asn.describe('Our ASN.'),
  'router-id': address
    .refine(({ version, w0 }) => version === 4 && w0 !== 0, 'is not a dotted quad other than 0.0.0.0')
    .describe('Our BGP identifier.'),
  listen: z
    .array(z.strictObject({ address, port: port.default(179) }))
    .optional()
    .describe('Where to accept connections. Default: port 179 of both families.'),
  addresses: z
    .strictObject({ ipv4: address.optional(), ipv6: address.optional() })
    .default({})
    .describe('Next hops of routes that name none, by family.'),
  peers: z.array(peerSchema).default([]),
  policies: z
    .array(policySchema)
    .default([])
    .describe('Beside the built-in `accept-all`, `reject-all` and `originated-only`.'),
  routes: z.array(routeSchema).default([]).describe('Routes to originate.'),
})

type SpeakerFile = z.infer<typeof speakerFileSchema>

export const speakerKeys: readonly string[] = Object.keys(speakerFileSchema.shape)

const builtIn: readonly Policy[] = [acceptAll, rejectAll, originatedOnly]
const everywhere = ['0.0.0.0', '::'].map((text) => ({ address: parseAddress(text)!, port: 179 }))

/** What the file declares; throws `ConfigError` with file, line and path for the first thing that is wrong. */
export function readSpeakerFile(document: ConfigDocument): Desired {
  const own = Object.fromEntries(
    Object.entries((document.value ?? {}) as Record<string, unknown>).filter(([key]) => speakerKeys.includes(key)),
  )
  const parsed = speakerFileSchema.safeParse(own)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new ConfigError(document.place(issue.path), valueAt(own, issue.path), issue.message)
  }
  const file = parsed.data
  const policies = readPolicies(file, document)
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

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, part) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[part] : undefined,
    root,
  )
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

function readPolicies(file: SpeakerFile, document: ConfigDocument): ReadonlyMap<string, Policy> {
  const policies = new Map(builtIn.map((policy) => [policy.name, policy]))
  file.policies.forEach((policy, index) => {
    const path = ['policies', index]
    if (policies.has(policy.name))
      throw new ConfigError(document.place([...path, 'name']), policy.name, 'is there twice')
    const statements = policy.statements.map((statement, at) =>
      readStatement(statement, document, [...path, 'statements', at]),
    )
    policies.set(policy.name, { name: policy.name, default: policy.default, statements })
  })
  return policies
}

function readStatement(
  statement: SpeakerFile['policies'][number]['statements'][number],
  document: ConfigDocument,
  path: readonly PropertyKey[],
): Statement {
  const { match, set } = statement
  const prefixes = match.prefixes?.map((entry, index) =>
    readEntry(entry, document, [...path, 'match', 'prefixes', index]),
  )
  return {
    name: statement.name,
    action: statement.action,
    match: defined({
      prefixes: prefixes && new PrefixSet(prefixes),
      families: match.families?.map((name) => familyNames[name]),
      source: match.source,
      neighbours: match.neighbours,
      peerType: match['peer-type'],
      communities: match.communities,
      asns: match.asns,
    }),
    ...(set && {
      set: defined({
        addCommunities: set['add-communities'],
        removeCommunities: set['remove-communities'],
        addLargeCommunities: set['add-large-communities'],
        med: set.med,
        localPref: set['local-pref'],
        prepend: set.prepend,
        nextHop: set['next-hop'],
      }),
    }),
  }
}

/** Without the keys whose value is undefined. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

function readEntry(
  entry: z.infer<typeof prefixEntry>,
  document: ConfigDocument,
  path: readonly PropertyKey[],
): PrefixEntry {
  const text = typeof entry === 'string' ? entry : entry.prefix
  const prefix = parsePrefix(text)
  if (!prefix) throw new ConfigError(document.place(path), text, 'is not a CIDR')
  const bits = prefix.family === 'ipv4-unicast' ? 32 : 128
  const plain = typeof entry === 'string'
  const ge = plain ? prefix.length : (entry.ge ?? prefix.length)
  const le = plain ? prefix.length : (entry.le ?? (entry.ge === undefined ? prefix.length : bits))
  if (ge < prefix.length || le < ge || le > bits) {
    throw new ConfigError(document.place(path), entry, `needs ${prefix.length} <= ge <= le <= ${bits}`)
  }
  return { prefix, ge, le }
}

function readPeers(
  file: SpeakerFile,
  policies: ReadonlyMap<string, Policy>,
  document: ConfigDocument,
): PeerDeclaration[] {
  const names = new Set<string>()
  return file.peers.map((peer, index): PeerDeclaration => {
    const place = (key: string) => document.place(['peers', index, key])
    const name = peer.name ?? String(peer.address)
    if (names.has(name)) throw new ConfigError(place('name'), name, 'is the name of two peers')
    names.add(name)
    const local = peer['local-address']
    if (local && local.version !== peer.address.version) {
      throw new ConfigError(place('local-address'), String(local), "is not of the family of the peer's address")
    }
    const policy = (key: 'import' | 'export'): Policy => {
      const found = policies.get(peer[key])
      if (found) return found
      throw new ConfigError(place(key), peer[key], `is no policy; there are ${[...policies.keys()].join(', ')}`)
    }
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
