/**
 * An UPDATE as values, all of it at once: for programs that read messages from files, where ease counts for more than speed.
 * The speaker reads by offset instead (`update.ts`).
 */

import type { Address } from './address.ts'
import type { SenderContext } from './attributes/codec.ts'
import { type Reach, readReach, readUnreach } from './attributes/multiprotocol.ts'
import { type Attributes, decodeAttributes } from './attributes/registry.ts'
import type { Family } from './family.ts'
import { type Finding, judgeAttributes } from './judge.ts'
import { checkNlri, walkNlri } from './nlri.ts'
import { type Fault, isFault } from './notification.ts'
import { Prefix } from './prefix.ts'
import { endOfRibFamily, newUpdateParts, scanUpdate } from './update.ts'

export interface RoutedPrefix {
  readonly prefix: Prefix
  /** 0 where prefixes have no path identifiers. */
  readonly pathId: number
}

export interface UpdateValues {
  /** The family whose End-of-RIB this is; there is nothing else then. */
  readonly endOfRib: Family | undefined
  readonly withdrawn: readonly RoutedPrefix[]
  readonly reachable: readonly RoutedPrefix[]
  /** From MP_REACH_NLRI, or else NEXT_HOP. */
  readonly nextHop: Address | undefined
  readonly linkLocal: Address | undefined
  /** None where the findings end in treat-as-withdraw. */
  readonly attributes: Attributes
  /** What RFC 7606 finds wrong. */
  readonly findings: readonly Finding[]
}

/** Four-octet ASNs, from anybody: the safest guess about a message without its session. */
export const plainSender: SenderContext = { external: false, fourOctetAsn: true, localAsn: 0, firstAsn: 0 }

/**
 * Reads the body of an UPDATE. In the families of `addPath` prefixes have path identifiers (RFC 7911).
 * Routes of families that this library does not speak are left out. A fault is one that makes the routes unknowable.
 */
export function readUpdate(
  body: Uint8Array,
  sender: SenderContext = plainSender,
  addPath: readonly Family[] = [],
): UpdateValues | Fault {
  const parts = newUpdateParts()
  const wrong = scanUpdate(body, 0, body.length, parts)
  if (wrong) return wrong
  const reach = parts.reachAt ? readReach(body, parts.reachAt, parts.reachEnd) : noReach
  if (isFault(reach)) return reach
  const unreach = parts.unreachAt ? readUnreach(body, parts.unreachAt, parts.unreachEnd) : noReach
  if (isFault(unreach)) return unreach
  const withdrawn: RoutedPrefix[] = []
  const reachable: RoutedPrefix[] = []
  const found =
    collect(withdrawn, body, parts.withdrawnAt, parts.withdrawnEnd, 'ipv4-unicast', addPath) ??
    collect(withdrawn, body, unreach.nlriAt, unreach.nlriEnd, unreach.family, addPath) ??
    collect(reachable, body, parts.nlriAt, parts.nlriEnd, 'ipv4-unicast', addPath) ??
    collect(reachable, body, reach.nlriAt, reach.nlriEnd, reach.family, addPath)
  if (found) return found
  const { attributes, findings } = readAttributes(body, parts.attributesAt, parts.attributesEnd, sender, reachable)
  return {
    endOfRib: endOfRibFamily(body, parts),
    withdrawn,
    reachable,
    nextHop: reach.nextHop ?? attributes.nextHop,
    linkLocal: reach.linkLocal,
    attributes,
    findings,
  }
}

const noReach: Reach = { family: undefined, nextHop: undefined, linkLocal: undefined, nlriAt: 0, nlriEnd: 0 }

function collect(
  into: RoutedPrefix[],
  body: Uint8Array,
  at: number,
  end: number,
  family: Family | undefined,
  addPath: readonly Family[],
): Fault | undefined {
  if (!family) return undefined
  const identified = addPath.includes(family)
  const wrong = checkNlri(body, at, end, family, identified)
  if (wrong) return wrong
  walkNlri(body, at, end, family, identified, (w0, w1, w2, w3, length, pathId) => {
    into.push({ prefix: new Prefix(family, length, w0, w1, w2, w3), pathId: pathId >>> 0 })
  })
  return undefined
}

/** Without routes to describe, attributes are neither required nor judged. */
function readAttributes(
  body: Uint8Array,
  at: number,
  end: number,
  sender: SenderContext,
  reachable: readonly RoutedPrefix[],
): Pick<UpdateValues, 'attributes' | 'findings'> {
  if (reachable.length === 0) return { attributes: {}, findings: [] }
  const { reaction, findings, canonical } = judgeAttributes(body, at, end, sender)
  if (reaction === 'treat-as-withdraw' || reaction === 'session-reset') return { attributes: {}, findings }
  const list = canonical ?? body.subarray(at, end)
  return { attributes: decodeAttributes(list, 0, list.length, { fourOctetAsn: true }), findings }
}
