/**
 * RFC 7606: what to do about the attributes of an UPDATE. Run once per distinct list: findings in, the worst reaction out,
 * together with the list as it is kept and the columns that the decision process compares.
 */

import { type AsPath, as4Path, asPath, asTrans, mergeAs4Path } from './attributes/as-path.ts'
import { as4Aggregator, origin } from './attributes/basic.ts'
import { flags, type Reaction, reactions, type SenderContext } from './attributes/codec.ts'
import { mpReachType, mpUnreachType } from './attributes/multiprotocol.ts'
import {
  type Attributes,
  aigpType,
  attributeName,
  codecOf,
  decodeAttributes,
  encodeAttributes,
  walkAttributes,
} from './attributes/registry.ts'
import { Writer } from './bytes.ts'
import { type Fault, fault } from './notification.ts'
import { readPlainList } from './plain-list.ts'
import { type AttributeSummary, newSummary, summarize } from './summary.ts'

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

/** Lists are put together here: a buffer each would cost more than the judging. */
const scratch = new Writer()

/** Judges the attribute list from `at` to `end`, leaving multiprotocol attributes aside: `scanUpdate` has checked those. */
export function judgeAttributes(bytes: Uint8Array, at: number, end: number, sender: SenderContext): Judgement {
  const summary = newSummary()
  if (readPlainList(bytes, at, end, sender, summary)) {
    return { reaction: 'none', findings: [], fault: undefined, canonical: undefined, summary }
  }
  return judgeEach(bytes, at, end, sender)
}

/** The same of any list, attribute by attribute. */
export function judgeEach(bytes: Uint8Array, at: number, end: number, sender: SenderContext): Judgement {
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

/** The attributes with the ASNs of their four-octet shadows, where those may be believed. */
export function mergeAs4({ as4Path: path4, as4Aggregator: by4, ...attributes }: Attributes): Attributes {
  const { aggregator: by, asPath: path } = attributes
  // Both are there, yet the two-octet one is not AS_TRANS: somebody who did not know of the AS4_ ones wrote it anew.
  if (by && by4 && by.asn !== asTrans) return attributes
  return {
    ...attributes,
    ...(path && path4 && { asPath: mergeAs4Path(path, path4) satisfies AsPath }),
    ...(by && by4 && { aggregator: by4 }),
  }
}
