/**
 * How a session with one peer is to be: what the peers annotation and the configuration file may say beside who the peer is.
 * Both use the same names, checked here; what is left out follows the flags.
 */

import { type Family, families } from 'bgp-ts'
import * as z from 'zod'
import type { PeerDeclaration, PrefixLimit } from '../../speaker/index.ts'

/** As the speaker takes it. */
export type SessionTerms = Partial<
  Pick<
    PeerDeclaration,
    | 'families'
    | 'passive'
    | 'holdTime'
    | 'connectRetry'
    | 'localPort'
    | 'ttl'
    | 'ttlSecurity'
    | 'device'
    | 'userTimeout'
    | 'sendHold'
    | 'gracefulRestart'
    | 'maxPrefixes'
    | 'addPath'
    | 'extendedNextHop'
    | 'enhancedRefresh'
    | 'bfd'
  >
>

/** As one place says it. */
export type SessionSettings = Omit<SessionTerms, 'gracefulRestart'> & {
  readonly gracefulRestart?: PeerDeclaration['gracefulRestart'] | false
}

const familyNames = { ipv4: 'ipv4-unicast', ipv6: 'ipv6-unicast' } as const
const familyList = z.array(z.enum(['ipv4', 'ipv6'])).min(1)
const seconds = (least: number, most: number) => z.int().min(least).max(most)
const hops = z.int().min(1).max(255)
const prefixCount = z.int().min(0).max(0x7fffffff)

/** Prefixes of each family that a peer may announce, where nobody says otherwise. */
export const usualMaxPrefixes = 200_000
const usualWarnAt = 75

const prefixLimit = z.strictObject({
  ipv4: prefixCount.optional().describe('Different IPv4 prefixes; 0 for no limit.'),
  ipv6: prefixCount.optional().describe('Different IPv6 prefixes; 0 for no limit.'),
  'warn-at': z.int().min(1).max(100).optional().describe('Percent of the limit from which on a warning stands.'),
  beyond: z.enum(['discard', 'reset']).optional().describe('Refuse what is beyond, or end the session.'),
  'restart-after': seconds(1, 86400).optional().describe('Seconds until a session that ended so is tried again.'),
})

/** Fields of an entry, none of them required. */
export const sessionShape = {
  'local-port': z.int().min(1).max(65535).optional().describe('Port that connections to it are opened from.'),
  ttl: hops.optional().describe('Hops that what we send may take.'),
  'ttl-security': hops
    .optional()
    .describe('The peer is at most so many hops away; what comes from further is dropped (RFC 5082).'),
  interface: z.string().min(1).optional().describe('Interface that the session is bound to.'),
  'user-timeout': seconds(1, 3600).optional().describe('Seconds that what is sent may stay unacknowledged.'),
  'send-hold': seconds(1, 65535).optional().describe('Seconds that the peer may read nothing (RFC 9687).'),
  'graceful-restart': z
    .union([
      z.boolean(),
      z.strictObject({
        time: seconds(1, 4095).default(90).describe('Seconds that routes stay while one side restarts (RFC 4724).'),
        'long-lived': seconds(0, 0xffffff)
          .default(0)
          .describe('Seconds that they stay after that as a last resort (RFC 9494).'),
      }),
    ])
    .optional()
    .describe('Keep routes while the other side restarts.'),
  'max-prefixes': z
    .union([prefixCount, prefixLimit])
    .optional()
    .describe('Different prefixes that the peer may announce, in each family or by family.'),
  'add-path': familyList.optional().describe('Families of which several paths a prefix are taken (RFC 7911).'),
  'enhanced-refresh': z
    .boolean()
    .optional()
    .describe(
      'Offer refreshes with a beginning and an end (RFC 7313). FRR 8 answers none at all then before it has sent End-of-RIB.',
    ),
  'extended-next-hop': z.boolean().optional().describe('Offer IPv4 routes with IPv6 next hops (RFC 8950).'),
} as const

/** The same as an annotation has it, where the configuration file has required fields of its own. */
export const annotationShape = {
  ...sessionShape,
  families: familyList.optional(),
  passive: z.boolean().optional(),
  'hold-time': seconds(3, 65535).optional(),
  'connect-retry': seconds(1, 3600).optional(),
} as const

type Written = Partial<z.output<z.ZodObject<typeof annotationShape>>>

export function readSession(written: Written): SessionSettings {
  return defined({
    families: written.families && inOrder(written.families),
    passive: written.passive,
    holdTime: written['hold-time'],
    connectRetry: written['connect-retry'],
    localPort: written['local-port'],
    ttl: written.ttl,
    ttlSecurity: written['ttl-security'],
    device: written.interface,
    userTimeout: written['user-timeout'],
    sendHold: written['send-hold'],
    gracefulRestart: restartOf(written['graceful-restart']),
    maxPrefixes: limitOf(written['max-prefixes']),
    addPath: written['add-path'] && inOrder(written['add-path']),
    extendedNextHop: written['extended-next-hop'],
    enhancedRefresh: written['enhanced-refresh'],
  })
}

/** What holds of what several places say, the nearest to the peer last. Of hops and TTL security, which are alternatives, the nearest counts. */
export function settle(...places: readonly SessionSettings[]): SessionTerms {
  const said: SessionSettings = Object.assign({}, ...places)
  const { gracefulRestart, ttl: _ttl, ttlSecurity: _ttlSecurity, ...rest } = said
  const nearest = places.findLast(({ ttl, ttlSecurity }) => (ttl ?? ttlSecurity) !== undefined)
  const hops = defined({ ttl: nearest?.ttl, ttlSecurity: nearest?.ttlSecurity })
  return { ...rest, ...hops, ...(gracefulRestart && { gracefulRestart }) }
}

/** What a flag that names one number for both families means. */
export function sameLimit(count: number, rest: Partial<Omit<PrefixLimit, 'limit'>> = {}): PrefixLimit {
  const limit = count === 0 ? {} : { 'ipv4-unicast': count, 'ipv6-unicast': count }
  return { limit, warnAt: usualWarnAt, beyond: 'discard', ...rest }
}

function inOrder(names: readonly (keyof typeof familyNames)[]): readonly Family[] {
  return families.filter((family) => names.some((name) => familyNames[name] === family))
}

function restartOf(written: Written['graceful-restart']): SessionSettings['gracefulRestart'] {
  if (written === undefined || written === false) return written
  if (written === true) return { time: 90, longLived: 0 }
  return { time: written.time, longLived: written['long-lived'] }
}

function limitOf(written: Written['max-prefixes']): PrefixLimit | undefined {
  if (written === undefined) return undefined
  if (typeof written === 'number') return sameLimit(written)
  const { ipv4 = usualMaxPrefixes, ipv6 = usualMaxPrefixes, beyond = 'discard' } = written
  const restartAfter = written['restart-after']
  return {
    limit: { ...(ipv4 > 0 && { 'ipv4-unicast': ipv4 }), ...(ipv6 > 0 && { 'ipv6-unicast': ipv6 }) },
    warnAt: written['warn-at'] ?? usualWarnAt,
    beyond,
    ...(restartAfter !== undefined && { restartAfter }),
  }
}

/** Without the keys whose value is undefined. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
