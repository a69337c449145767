/** A session that is up, as collectors hear of it: what its messages begin with, and how it came up and went down. */

import {
  type BmpPeer,
  type BmpStatistic,
  encodeBmp,
  type Family,
  families,
  type Negotiated,
  peerDownReasons,
  peerHeaderBytes,
  statisticTypes,
} from 'bgp-ts'
import type { Conversation, SessionEnding } from '../peer/session.ts'
import type { RoutedPeer } from '../routed-peer.ts'

/** Which table of the peer a message is about: routes after the policy of their direction. */
export type Direction = 'in' | 'out'

export interface MonitoredPeer {
  readonly routed: RoutedPeer
  readonly families: readonly Family[]
  /** Families in which the peer's paths have identifiers (RFC 7911). */
  readonly addPath: readonly Family[]
  /** A whole Peer Up. */
  readonly up: Uint8Array
  /** The per-peer header; of routes where a direction is named. Milliseconds since 1970, 0 where the time is not known. */
  header(at: number, direction?: Direction): BmpPeer
}

const noDistinguisher = new Uint8Array(8)

/** `upAt` in milliseconds since 1970. */
export function monitoredPeer(
  routed: RoutedPeer,
  negotiated: Negotiated,
  { local, remote, sentOpen, receivedOpen }: Conversation,
  upAt: number,
): MonitoredPeer {
  const header = (at: number, direction?: Direction): BmpPeer => ({
    type: 0,
    distinguisher: noDistinguisher,
    address: routed.link.declaration.address,
    asn: negotiated.peerAsn,
    routerId: negotiated.peerRouterId,
    postPolicy: direction !== undefined,
    adjRibOut: direction === 'out',
    // What came with two octets an ASN is kept with four (RFC 7854 section 4.2, A flag); what goes out is shown as it is.
    twoOctetAsn: direction === 'out' && !negotiated.fourOctetAsn,
    seconds: Math.floor(at / 1000),
    microseconds: Math.floor((at % 1000) * 1000),
  })
  const up = encodeBmp({
    kind: 'peer-up',
    peer: header(upAt),
    localAddress: local.address,
    localPort: local.port,
    remotePort: remote.port,
    sentOpen,
    receivedOpen,
    information: [],
  })
  return { routed, families: negotiated.families, addPath: negotiated.addPath, up, header }
}

/** The octets before each UPDATE of a direction. */
export function routeHeader(peer: MonitoredPeer, at: number, direction: Direction): Uint8Array {
  return peerHeaderBytes(peer.header(at, direction))
}

/** RFC 4271 section 8.1: ManualStop, of which this side's silence is the result. */
const manualStop = Uint8Array.of(0, 2)
const nothing = new Uint8Array(0)

/** A whole Peer Down (RFC 7854 section 4.9). */
export function peerDown(peer: MonitoredPeer, { by, notification }: SessionEnding, at: number): Uint8Array {
  const { localNotification, localSilence, remoteNotification, remoteSilence } = peerDownReasons
  const [reason, data] =
    by === 'us'
      ? notification
        ? [localNotification, notification]
        : [localSilence, manualStop]
      : notification
        ? [remoteNotification, notification]
        : [remoteSilence, nothing]
  return encodeBmp({ kind: 'peer-down', peer: peer.header(at), reason, data })
}

/** A whole Statistics Report of what is counted anyway. `advertised`: routes that the peer has from us. */
export function statisticsReport(peer: MonitoredPeer, at: number, advertised: (family: Family) => number): Uint8Array {
  const { counters, malformed } = peer.routed
  const sum = (of: (family: Family) => number) => families.reduce((total, family) => total + of(family), 0)
  const statistics: BmpStatistic[] = [
    { type: statisticTypes.rejectedPrefixes, value: sum((family) => counters[family].rejected) },
    { type: statisticTypes.treatedAsWithdraw, value: malformed.counts['treat-as-withdraw'] ?? 0 },
    { type: statisticTypes.adjRibIn, value: sum((family) => counters[family].accepted) },
    { type: statisticTypes.adjRibOutPostPolicy, value: sum(advertised) },
    ...peer.families.flatMap((family): BmpStatistic[] => [
      { type: statisticTypes.adjRibInOfFamily, family, value: counters[family].accepted },
      { type: statisticTypes.adjRibOutPostPolicyOfFamily, family, value: advertised(family) },
    ]),
  ]
  return encodeBmp({ kind: 'statistics', peer: peer.header(at), statistics })
}
