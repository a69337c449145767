/**
 * What a configuration file may say of policies: named sets, and policies of ordered statements. The same for the speaker alone and
 * for a daemon that follows Kubernetes. The schema knows the form; which names there are, `policy-file.ts` finds out.
 */

import * as z from 'zod'
import { podCidrKind, vipKinds } from '../../policy/index.ts'
import { address, asn, family, uint32 } from './values.ts'

const list = <Item extends z.ZodType>(item: Item) => z.union([item, z.array(item)])
const setName = z.string().regex(/^[A-Za-z][\w.-]*$/, 'is no name: a letter, then letters, digits, - _ and .')
const text = z.string()

const prefixItem = z.union(
  [
    text,
    z.strictObject({
      prefix: text,
      ge: z.int().min(0).max(128).optional().describe('Shortest length that matches.'),
      le: z.int().min(0).max(128).optional().describe('Longest length that matches.'),
    }),
  ],
  { error: 'is not a prefix such as 10.0.0.0/8, 10.0.0.0/8 ge 16 le 24, or a mapping of prefix, ge and le' },
)
const neighbourItem = z.union([text, z.int()], {
  error: 'is not a peer, an address, a prefix, an ASN, external or internal',
})
const communityItem = z.union([text, z.int()], { error: 'is not a community' })
const asnItem = z.union([text, asn], { error: 'is not an ASN or a range such as 64512-65534' })

const number = z.union(
  [
    uint32,
    z.strictObject({
      ge: uint32.optional().describe('At least.'),
      le: uint32.optional().describe('At most.'),
    }),
  ],
  { error: 'is not a number from 0 to 4294967295, or a mapping of ge and le' },
)

const asPathItem = z.union(
  [
    text,
    z.strictObject({
      contains: list(asnItem).optional().describe('Any of these ASNs anywhere in the path.'),
      origin: list(asnItem).optional().describe('The last ASN: the AS that originated the route.'),
      neighbour: list(asnItem).optional().describe('The first ASN: the AS that it was learned from.'),
      only: list(asnItem).optional().describe('No other ASN, and at least one.'),
      length: number.optional().describe('Hops, as the decision process counts them.'),
      empty: z.boolean().optional().describe('Whether it is a route of our own AS.'),
    }),
  ],
  { error: 'is not a pattern such as ^65001_, or a mapping of contains, origin, neighbour, only, length, empty' },
)

const conditions = {
  prefixes: list(prefixItem).optional().describe('Prefixes, alone or with a range of lengths, or names of sets.'),
  families: list(family).optional().describe('Families of the route.'),
  source: z.enum(['originated', 'learned']).optional().describe('Where the route comes from.'),
  'learned-from': z.enum(['external', 'internal']).optional().describe('Kind of the peer that it was learned from.'),
  kinds: list(z.enum([...vipKinds, podCidrKind, 'static']))
    .optional()
    .describe('Kinds of originated routes.'),
  neighbours: list(neighbourItem)
    .optional()
    .describe('The peer: its name, address, a prefix of addresses, an ASN, `external`, `internal`, or names of sets.'),
  'peer-type': z.enum(['external', 'internal']).optional().describe('Kind of the peer.'),
  communities: list(communityItem)
    .optional()
    .describe('Any of these communities, of all three sorts, or of these sets.'),
  'all-communities': list(communityItem).optional().describe('All of them.'),
  asns: list(asn).optional().describe('Any of these ASNs in the path.'),
  'as-path': list(asPathItem).optional().describe('Any of these patterns or mappings, or names of sets.'),
  'path-length': number.optional().describe('Hops, as the decision process counts them.'),
  med: number.optional().describe('A route without one counts as 0.'),
  'local-pref': number.optional().describe('A route without one counts as 100.'),
  origins: list(z.enum(['igp', 'egp', 'incomplete']))
    .optional()
    .describe('Values of ORIGIN.'),
  'next-hop': list(prefixItem).optional().describe('Prefixes that the next hop lies in, or names of sets of prefixes.'),
}

const statementSchema = z.strictObject({
  name: z.string().min(1).describe('What `explain` and the counters call it. Unique within the policy.'),
  match: z
    .strictObject({
      ...conditions,
      not: z.strictObject(conditions).optional().describe('Takes the route unless all of these hold.'),
    })
    .default({})
    .describe('All conditions that are there must hold; within a list, any one. None take every route.'),
  action: z.enum(['accept', 'reject', 'next']).describe('`next` sets what `set` says and goes on.'),
  set: z
    .strictObject({
      'add-communities': list(communityItem).optional().describe('Of all three sorts.'),
      'remove-communities': list(communityItem).optional().describe('Also by wildcards, ranges and names of sets.'),
      'replace-communities': list(communityItem).optional().describe('All that there are go, and these come.'),
      'add-large-communities': list(communityItem).optional().describe('As `add-communities`.'),
      med: uint32.optional(),
      'add-med': z.int().min(-0xffffffff).max(0xffffffff).optional().describe('Added to the MED; may be negative.'),
      'local-pref': uint32.optional(),
      origin: z.enum(['igp', 'egp', 'incomplete']).optional(),
      prepend: z
        .strictObject({
          asn: z.union([z.literal('self'), asn], { error: 'is neither self nor an ASN' }).default('self'),
          count: z.int().min(1).max(255).default(1),
        })
        .optional()
        .describe('Put before the path; `self` is our ASN.'),
      'next-hop': z
        .union([z.enum(['self', 'unchanged']), address, z.array(address).min(1).max(2)], {
          error: 'is neither self, nor unchanged, nor an address, nor one address of each family',
        })
        .optional()
        .describe('`self` is our address of the session; of two addresses each is for its family.'),
    })
    .optional()
    .describe('Changes to an accepted route.'),
})

const policySchema = z.strictObject({
  name: z.string().min(1),
  default: z
    .enum(['accept', 'reject', 'next'])
    .optional()
    .describe(
      'What happens to a route that no statement decided; `next` leaves it to the next policy of the list. ' +
        'Has to be there where another policy follows; else `reject`.',
    ),
  statements: z.array(statementSchema).default([]),
})

/** The keys of policies in a configuration file. */
export const policiesShape = {
  sets: z
    .strictObject({
      prefixes: z.record(setName, z.array(prefixItem)).default({}).describe('Sets of prefixes of both families.'),
      neighbours: z.record(setName, z.array(neighbourItem)).default({}).describe('Sets of peers.'),
      'as-paths': z.record(setName, z.array(asPathItem)).default({}).describe('Sets of AS paths.'),
      communities: z
        .record(setName, z.array(communityItem))
        .default({})
        .describe('Sets of communities of all three sorts.'),
    })
    .prefault({})
    .describe('Sets by name. A set can hold others that stand before it.'),
  policies: z
    .array(policySchema)
    .default([])
    .describe('Beside the built-in `accept-all`, `reject-all` and `originated-only`.'),
}

/** Peers, or names of sets of them. */
export const neighbourItems = list(neighbourItem)

/** The name of a policy, or a list that a route goes through in order. */
export const policyNames = z.union([text, z.array(text).min(1)]).optional()

const policiesSchema = z.object(policiesShape)
export type PoliciesPart = z.output<typeof policiesSchema>
export type Sets = PoliciesPart['sets']
export type PolicyPart = PoliciesPart['policies'][number]
export type StatementPart = PolicyPart['statements'][number]
export type MatchPart = StatementPart['match']
export type NumberPart = z.output<typeof number>
export type PrefixItem = z.output<typeof prefixItem>
export type NeighbourItem = z.output<typeof neighbourItem>
export type AsPathItem = z.output<typeof asPathItem>
export type AsnItem = z.output<typeof asnItem>
export type CommunityItem = z.output<typeof communityItem>
