/** The values that configuration files are made of: ASNs, addresses, communities. Each says in its message what would be right. */

import { Address, type ExtendedCommunity, type Family, type Prefix } from 'bgp-ts'
import * as z from 'zod'
import { readClusterId, readCommunity, readExtendedCommunity } from '../../controllers/index.ts'
import { parseAddress, parsePrefix } from '../../policy/index.ts'
import { type PeerDeclaration, usualAttributeOctets, usualPathLength } from '../../speaker/index.ts'

const mebi = 1024 * 1024

export const asn = z.int().min(1).max(4294967295)
export const port = z.int().min(1).max(65535)
export const uint32 = z.int().min(0).max(0xffffffff)

export const address = z.string().transform((text, context): Address => {
  const parsed = parseAddress(text)
  if (parsed) return parsed
  context.addIssue({ code: 'custom', message: 'is not an IP address' })
  return z.NEVER
})

/** An address, one of a link (`fe80::1%eth0`), or a prefix of neighbours that may connect. */
export const peerAddress = z.string().transform((text, context): PeerAddress => {
  const [host = '', zone] = text.split('%')
  const one = parseAddress(host)
  const range = one ? undefined : parsePrefix(text)
  if (one) return { address: one, ...(zone && { zone }) }
  if (range) return { address: addressOf(range), length: range.length }
  context.addIssue({ code: 'custom', message: 'is not an IP address, nor a prefix of neighbours' })
  return z.NEVER
})

export interface PeerAddress {
  readonly address: Address
  readonly zone?: string
  /** Of a prefix of neighbours. */
  readonly length?: number
}

function addressOf({ family, w0, w1, w2, w3 }: Prefix): Address {
  return family === 'ipv4-unicast' ? new Address(4, w0) : new Address(6, w0, w1, w2, w3)
}

export const community = z.union([z.string(), z.int().min(0)]).transform((value, context): number => {
  const read = readCommunity(String(value))
  if (read.ok) return read.value
  context.addIssue({ code: 'custom', message: read.expected })
  return z.NEVER
})

export const clusterId = z.union([z.string(), z.int()]).transform((value, context): number => {
  const read = readClusterId(String(value))
  if (read.ok) return read.value
  context.addIssue({ code: 'custom', message: read.expected })
  return z.NEVER
})

export const largeCommunity = z.string().transform((text, context): [number, number, number] => {
  const parts = text.split(':').map(Number)
  if (/^\d+:\d+:\d+$/.test(text) && parts.every((part) => part <= 0xffffffff)) return parts as [number, number, number]
  context.addIssue({ code: 'custom', message: 'is not a large community such as 65000:1:2' })
  return z.NEVER
})

export const extendedCommunity = z.string().transform((text, context): ExtendedCommunity => {
  const read = readExtendedCommunity(text)
  if (read.ok) return read.value
  context.addIssue({ code: 'custom', message: read.expected })
  return z.NEVER
})

export const familyNames = { ipv4: 'ipv4-unicast', ipv6: 'ipv6-unicast' } as const
export const family = z.enum(['ipv4', 'ipv6'])

/** What holds at the border to a peer, beside its policies. */
export const borderShape = {
  'maximum-out': z
    .union([limit(), z.strictObject({ ipv4: limit().optional(), ipv6: limit().optional() })], {
      error: 'is not a number of routes, or a mapping of ipv4 and ipv6',
    })
    .optional()
    .describe(
      'Routes that it is sent at most, in each family, or by family. More are held back, so that its own limit never trips.',
    ),
  'graceful-shutdown': z
    .enum(['obey', 'ignore'])
    .default('obey')
    .describe('Routes with GRACEFUL_SHUTDOWN from an external peer: local preference 0, or as any other (RFC 8326).'),
  'first-as': z
    .enum(['check', 'ignore'])
    .default('check')
    .describe("Whether paths from an external peer have to begin with the peer's ASN; route servers leave theirs out."),
  'as-sets': z
    .enum(['refuse', 'accept'])
    .default('refuse')
    .describe('Paths with AS_SETs (RFC 9774). They are never passed on.'),
  'max-path-length': limit()
    .default(usualPathLength)
    .describe('ASNs that an AS path may have. Routes with a longer one are refused.'),
  'max-attribute-memory': z
    .int()
    .min(1)
    .max(65536)
    .default(usualAttributeOctets / mebi)
    .describe(
      'Mebibytes that the attributes of its routes may take. Routes whose attributes would be beyond are refused.',
    ),
}

function limit() {
  return z.int().min(1).max(0x7fffffff)
}

type Border = z.output<z.ZodObject<typeof borderShape>>

/** As peers are declared to the speaker. */
export function readBorder(
  part: Border,
): Pick<
  PeerDeclaration,
  'maximumOut' | 'obeysGracefulShutdown' | 'checksFirstAsn' | 'takesAsSets' | 'maxPathLength' | 'attributeOctets'
> {
  const limits = part['maximum-out']
  return {
    ...(limits !== undefined && { maximumOut: readLimits(limits) }),
    obeysGracefulShutdown: part['graceful-shutdown'] === 'obey',
    checksFirstAsn: part['first-as'] === 'check',
    takesAsSets: part['as-sets'] === 'accept',
    maxPathLength: part['max-path-length'],
    attributeOctets: part['max-attribute-memory'] * mebi,
  }
}

/** A number of routes for each family; a family without one has no limit. */
export type FamilyLimits = { readonly [name in Family]?: number }

function readLimits(limits: NonNullable<Border['maximum-out']>): FamilyLimits {
  const { ipv4, ipv6 } = typeof limits === 'number' ? { ipv4: limits, ipv6: limits } : limits
  return { ...(ipv4 !== undefined && { 'ipv4-unicast': ipv4 }), ...(ipv6 !== undefined && { 'ipv6-unicast': ipv6 }) }
}
