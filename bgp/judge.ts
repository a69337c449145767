/**
 * RFC 7606: what to do about the attributes of an UPDATE. Run once per distinct list: findings in, the worst reaction out,
 * together with the list as it is kept and the columns that the decision process compares.
 */

import { type AsPath, as4Path, asPath, asPathLength, asTrans, mergeAs4Path } from './attributes/as-path.ts'
import { as4Aggregator, localPref, med, nextHop, origin } from './attributes/basic.ts'
import { flags, type Reaction, reactions, type SenderContext } from './attributes/codec.ts'
import { communities, wellKnownCommunities } from './attributes/communities.ts'
import { mpReachType, mpUnreachType } from './attributes/multiprotocol.ts'
import { clusterList, originatorId } from './attributes/reflection.ts'
import {
  type Attributes,
  aigpType,
  attributeName,
  codecOf,
  decodeAttributes,
  encodeAttributes,
  walkAttributes,
} from './attributes/registry.ts'
import { u32, Writer, word } from './bytes.ts'
import { type Fault, fault } from './notification.ts'

export interface Finding {
  readonly reaction: Reaction
  /** Name of the attribute in the RFCs. */
  readonly attribute: string
  /** Offset in the list that was judged. */
  readonly offset: number
  readonly text: string
}

export interface Judgement {
  /** The strongest of the findings (RFC 7606 section 3h). */
  readonly reaction: Reaction
  readonly findings: readonly Finding[]
  /** The NOTIFICATION, when the session has to end. */
  readonly fault: Fault | undefined
  /**
   * The list to keep: four-octet ASNs, nothing discarded in it, unknown transitive attributes marked Partial.
   * Undefined when the octets given, less the multiprotocol attributes, are that list already.
   */
  readonly canonical: Uint8Array | undefined
  readonly summary: AttributeSummary
}

/** What the decision process and the export rules read of a list. */
export interface AttributeSummary {
  /** 0 igp, 1 egp, 2 incomplete. */
  origin: number
  asPathLength: number
  /** The first ASN of a path that begins with a sequence; 0 for a route of our own AS. */
  neighbourAsn: number
  /** Our ASN stands in the path: not eligible (RFC 4271 section 9.1.2). */
  looped: boolean
  /** 0 where absent: the lowest (RFC 4271 section 9.1.2.2 c). */
  med: number
  /** -1 where absent. */
  localPref: number
  /** 0 where absent. */
  originatorId: number
  clusterListLength: number
  hasNextHop: boolean
  /** NEXT_HOP as a signed word. */
  nextHop: number
  noExport: boolean
  noAdvertise: boolean
  gracefulShutdown: boolean
  blackhole: boolean
  /** There is an AS_SET in the path. */
  asSet: boolean
  /** Communities of RFC 9494. */
  longLivedStale: boolean
  noLongLived: boolean
}

/** Lists are put together here: a buffer each would cost more than the judging. */
const scratch = new Writer()

/** Judges the attribute list from `at` to `end`, leaving multiprotocol attributes aside: `scanUpdate` has checked those. */
export function judgeAttributes(bytes: Uint8Array, at: number, end: number, sender: SenderContext): Judgement {
  const findings: Finding[] = []
  const seen = new Set<number>()
  const kept = scratch.clear()
  let changed = !sender.fourOctetAsn
  let resetFault: Fault | undefined
  const keep = (valueAt: number, valueEnd: number, attributeFlags: number) => {
    kept.u8(attributeFlags).bytes(bytes.subarray(headerOf(valueAt, attributeFlags) + 1, valueEnd))
  }
  const whole = walkAttributes(bytes, at, end, (attributeFlags, type, valueAt, valueEnd) => {
    if (type === mpReachType || type === mpUnreachType) return
    const find = (reaction: Reaction, text: string) => {
      findings.push({ reaction, attribute: attributeName(type), offset: valueAt - at, text })
    }
    if (seen.has(type)) {
      changed = true
      find('attribute-discard', 'repeated: the first is kept, RFC 7606 3g')
      return
    }
    seen.add(type)
    const verdict = judgeOne(bytes, type, attributeFlags, valueAt, valueEnd, sender)
    if (verdict.text) find(verdict.reaction, verdict.text)
    if (verdict.reaction === 'session-reset' && !resetFault) {
      const octets = bytes.slice(headerOf(valueAt, attributeFlags), valueEnd)
      resetFault = fault('unrecognized well-known attribute', verdict.text ?? '', octets)
    }
    if (verdict.flags === undefined) changed = true
    else keep(valueAt, valueEnd, verdict.flags)
    if (verdict.flags !== attributeFlags) changed = true
  })
  if (!whole) {
    findings.push({
      reaction: 'treat-as-withdraw',
      attribute: 'attribute list',
      offset: end - at,
      text: 'ends inside an attribute, RFC 7606 4',
    })
  }
  for (const codec of [origin, asPath]) {
    if (seen.has(codec.type)) continue
    findings.push({ reaction: 'treat-as-withdraw', attribute: codec.name, offset: 0, text: 'missing, RFC 7606 3d' })
  }
  const reaction = worst(findings)
  const unusable = reaction === 'treat-as-withdraw' || reaction === 'session-reset'
  if (unusable) return { reaction, findings, fault: resetFault, canonical: new Uint8Array(0), summary: newSummary() }
  if (!changed) {
    const summary = summarize(bytes, at, end, sender.localAsn)
    return { reaction, findings, fault: undefined, canonical: undefined, summary }
  }
  const list = kept.done()
  const canonical = sender.fourOctetAsn ? list : widen(list)
  const summary = summarize(canonical, 0, canonical.length, sender.localAsn)
  return { reaction, findings, fault: undefined, canonical, summary }
}

/** Where an attribute begins whose value begins at `valueAt`. */
function headerOf(valueAt: number, attributeFlags: number): number {
  return valueAt - ((attributeFlags & flags.extendedLength) !== 0 ? 4 : 3)
}

/** The reaction to one attribute, and the flags to keep it with; no flags for one that is dropped. */
interface Verdict {
  readonly reaction: Reaction
  readonly text?: string
  readonly flags?: number
}

function judgeOne(
  bytes: Uint8Array,
  type: number,
  attributeFlags: number,
  at: number,
  end: number,
  sender: SenderContext,
): Verdict {
  const codec = codecOf(type)
  const optional = (attributeFlags & flags.optional) !== 0
  const transitive = (attributeFlags & flags.transitive) !== 0
  // RFC 7311 section 3.2: where it is not switched on it goes like an unknown non-transitive attribute, whatever its value.
  if (type === aigpType) {
    if (optional && !transitive) return { reaction: 'none' }
    return { reaction: 'attribute-discard', text: `${flagsText(attributeFlags)}, RFC 7606 3c` }
  }
  if (!codec) {
    if (!optional) return { reaction: 'session-reset', text: `unrecognized well-known attribute ${type}, RFC 4271 6.3` }
    // RFC 4271 section 5: passed on with Partial set, or dropped without a word. Never parsed: see attribute 28 in 2023.
    return transitive ? { reaction: 'none', flags: attributeFlags | flags.partial } : { reaction: 'none' }
  }
  if (codec.internalOnly && sender.external) return { reaction: 'none' }
  if (codec.optional !== optional || codec.transitive !== transitive) {
    return { reaction: codec.badFlags ?? 'treat-as-withdraw', text: `${flagsText(attributeFlags)}, RFC 7606 3c` }
  }
  if (sender.fourOctetAsn && (type === as4Path.type || type === as4Aggregator.type)) return { reaction: 'none' }
  const wrong = codec.check(bytes, at, end, sender)
  if (wrong !== undefined) return { reaction: codec.malformed, text: wrong }
  const refused = codec.refuse?.(bytes, at, end, sender)
  if (refused !== undefined) return { reaction: 'treat-as-withdraw', text: refused }
  return { reaction: 'none', flags: attributeFlags }
}

function flagsText(attributeFlags: number): string {
  return `flags 0x${attributeFlags.toString(16).padStart(2, '0')}`
}

function worst(findings: readonly Finding[]): Reaction {
  return findings.reduce<Reaction>(
    (strongest, { reaction }) => (reactions.indexOf(reaction) > reactions.indexOf(strongest) ? reaction : strongest),
    'none',
  )
}

/** A two-octet peer's list with its real ASNs (RFC 6793 section 4.2.3). */
function widen(list: Uint8Array): Uint8Array {
  const attributes = decodeAttributes(list, 0, list.length, { fourOctetAsn: false })
  return encodeAttributes(mergeAs4(attributes), { fourOctetAsn: true })
}

function mergeAs4({ as4Path: path4, as4Aggregator: by4, ...attributes }: Attributes): Attributes {
  const { aggregator: by, asPath: path } = attributes
  // Both are there, yet the two-octet one is not AS_TRANS: somebody who did not know of the AS4_ ones wrote it anew.
  if (by && by4 && by.asn !== asTrans) return attributes
  return {
    ...attributes,
    ...(path && path4 && { asPath: mergeAs4Path(path, path4) satisfies AsPath }),
    ...(by && by4 && { aggregator: by4 }),
  }
}

function newSummary(): AttributeSummary {
  return {
    origin: 2,
    asPathLength: 0,
    neighbourAsn: 0,
    looped: false,
    med: 0,
    localPref: -1,
    originatorId: 0,
    clusterListLength: 0,
    hasNextHop: false,
    nextHop: 0,
    noExport: false,
    noAdvertise: false,
    gracefulShutdown: false,
    blackhole: false,
    asSet: false,
    longLivedStale: false,
    noLongLived: false,
  }
}

/** The columns of a canonical list. */
export function summarize(bytes: Uint8Array, at: number, end: number, localAsn: number): AttributeSummary {
  const summary = newSummary()
  walkAttributes(bytes, at, end, (_flags, type, valueAt, valueEnd) => {
    switch (type) {
      case origin.type:
        summary.origin = bytes[valueAt]!
        break
      case asPath.type:
        summarizePath(asPath.decode(bytes, valueAt, valueEnd, { fourOctetAsn: true }), localAsn, summary)
        break
      case nextHop.type:
        summary.hasNextHop = true
        summary.nextHop = word(bytes, valueAt)
        break
      case med.type:
        summary.med = u32(bytes, valueAt)
        break
      case localPref.type:
        summary.localPref = u32(bytes, valueAt)
        break
      case communities.type:
        for (let value = valueAt; value < valueEnd; value += 4) summarizeCommunity(u32(bytes, value), summary)
        break
      case originatorId.type:
        summary.originatorId = u32(bytes, valueAt)
        break
      case clusterList.type:
        summary.clusterListLength = (valueEnd - valueAt) / 4
        break
    }
  })
  return summary
}

function summarizePath(path: AsPath, localAsn: number, summary: AttributeSummary): void {
  summary.asPathLength = asPathLength(path)
  const first = path[0]
  summary.neighbourAsn = first?.type === 'sequence' ? first.asns[0]! : 0
  summary.asSet = path.some(({ type }) => type === 'set' || type === 'confed-set')
  summary.looped = path.some((segment) => segment.asns.includes(localAsn))
}

function summarizeCommunity(value: number, summary: AttributeSummary): void {
  if (value === wellKnownCommunities['no-export'] || value === wellKnownCommunities['no-export-subconfed']) {
    summary.noExport = true
  }
  if (value === wellKnownCommunities['no-advertise']) summary.noAdvertise = true
  if (value === wellKnownCommunities['graceful-shutdown']) summary.gracefulShutdown = true
  if (value === wellKnownCommunities.blackhole) summary.blackhole = true
  if (value === wellKnownCommunities['llgr-stale']) summary.longLivedStale = true
  if (value === wellKnownCommunities['no-llgr']) summary.noLongLived = true
}
