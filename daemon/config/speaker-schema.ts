/**
 * What the configuration file of the speaker alone (`--source none`) may say: who it is, its peers, its policies and its routes.
 * The schema checks it and documents it; `speaker-file.ts` makes it what `Speaker.apply` takes.
 */

import * as z from 'zod'
import { longestBfdInterval, sessionShape } from '../../controllers/index.ts'
import { bmpShape } from './bmp.ts'
import { policiesShape, policyNames } from './policy-schema.ts'
import {
  address,
  asn,
  borderShape,
  clusterId,
  community,
  extendedCommunity,
  family,
  largeCommunity,
  peerAddress,
  port,
  uint32,
} from './values.ts'

const milliseconds = z.int().min(1).max(longestBfdInterval)
const bfdSchema = z.strictObject({
  'min-tx': milliseconds.default(300).describe('Milliseconds between two packets that we like to send.'),
  'min-rx': milliseconds.default(300).describe('Milliseconds between two packets that we are able to take.'),
  multiplier: z.int().min(1).max(255).default(3).describe('Packets that the peer may miss before the path has failed.'),
  multihop: z.boolean().default(false).describe('The peer is more than one hop away (RFC 5883).'),
  strict: z.boolean().default(false).describe('No BGP session before the path is up.'),
  port: port.optional().describe('UDP port of both ends. Default: 3784, or 4784 with multihop.'),
})

const peerSchema = z.strictObject({
  name: z.string().min(1).optional().describe('Name in tables, metrics and policies. Default: the address.'),
  address: peerAddress.describe(
    'Address of the peer, with `%interface` for one of a link; or a prefix of neighbours that may connect.',
  ),
  limit: z.int().min(1).max(10000).default(100).describe('Neighbours of a prefix at most.'),
  asn: asn.describe('Its ASN; our own makes it an internal peer.'),
  port: port.default(179).describe('Its TCP port.'),
  'local-asn': asn.optional().describe('Our ASN towards this peer, if it is another one.'),
  'local-address': address.optional().describe('Our address of the session.'),
  password: z.string().min(1).optional().describe('TCP MD5 password (RFC 2385).'),
  'password-file': z.string().min(1).optional().describe('File with the password, read with the configuration.'),
  ...sessionShape,
  bfd: bfdSchema.optional().describe('Watch the path to the peer: when it fails, the session ends at once (RFC 5882).'),
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
  'next-hop-self': z
    .boolean()
    .default(false)
    .describe('Send our own address as the next hop of every route but reflected ones.'),
  'reflector-client': z
    .boolean()
    .default(false)
    .describe('Reflect routes of other internal peers to it, and its own to all of them (RFC 4456).'),
  import: policyNames.describe(
    'Policy for what the peer sends, or a list of them. Without one nothing is taken (RFC 8212).',
  ),
  export: policyNames.describe(
    'Policy for what the peer is sent, or a list of them. Without one nothing is sent (RFC 8212).',
  ),
  ...borderShape,
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
  'extended-communities': z.array(extendedCommunity).optional(),
})

export const speakerFileSchema = z.strictObject({
  asn: asn.describe('Our ASN.'),
  'router-id': address
    .refine(({ version, w0 }) => version === 4 && w0 !== 0, 'is not a dotted quad other than 0.0.0.0')
    .describe('Our BGP identifier.'),
  'cluster-id': clusterId
    .optional()
    .describe('Cluster that we are a route reflector of, as a number or a dotted quad. Default: the router id.'),
  listen: z
    .array(z.strictObject({ address, port: port.default(179) }))
    .optional()
    .describe('Where to accept connections. Default: port 179 of both families.'),
  addresses: z
    .strictObject({ ipv4: address.optional(), ipv6: address.optional() })
    .default({})
    .describe('Next hops of routes that name none, by family.'),
  'restart-deferral': z
    .int()
    .min(1)
    .max(64800)
    .default(360)
    .describe('Seconds that a restarted speaker waits for what its peers know, at most.'),
  peers: z.array(peerSchema).default([]),
  ...bmpShape,
  ...policiesShape,
  routes: z.array(routeSchema).default([]).describe('Routes to originate.'),
})

export type BfdPart = z.infer<typeof bfdSchema>
export type SpeakerFile = z.infer<typeof speakerFileSchema>

export const speakerKeys: readonly string[] = Object.keys(speakerFileSchema.shape)
