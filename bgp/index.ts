/** bgp-ts: the BGP-4 wire format, from bytes to values and back. */

export * from './address.ts'
export type { AnnotateContext, Field } from './annotate/field.ts'
export { annotate } from './annotate/message.ts'
export {
  type AsPath,
  type AsPathSegment,
  asPathLength,
  asTrans,
  formatAsPath,
  mergeAs4Path,
  prependAsPath,
  withoutConfederation,
} from './attributes/as-path.ts'
export { type Aggregator, type Origin, origins } from './attributes/basic.ts'
export { acrossBorder, copyAcrossBorder } from './attributes/border.ts'
export type { AttributeContext, Reaction, SenderContext } from './attributes/codec.ts'
export { reactions } from './attributes/codec.ts'
export {
  type ExtendedCommunity,
  formatCommunity,
  isTransitiveExtendedCommunity,
  type LargeCommunity,
  wellKnownCommunities,
} from './attributes/communities.ts'
export {
  mpReachType,
  mpUnreachType,
  type Reach,
  reachHeader,
  readReach,
  readUnreach,
  type Unreach,
  unreachHeader,
} from './attributes/multiprotocol.ts'
export {
  type Attributes,
  attributeCodecs,
  attributeName,
  decodeAttributes,
  encodeAttributes,
  formatAttributes,
  type UnknownAttribute,
} from './attributes/registry.ts'
export {
  type BmpPeer,
  bmpHeaderLength,
  bmpPort,
  bmpTypes,
  bmpVersion,
  peerHeaderBytes,
  peerHeaderLength,
  writeBmpHeader,
} from './bmp/header.ts'
export {
  administrativelyClosed,
  type BmpInformation,
  informationText,
  informationTypes,
  terminationReason,
  textInformation,
} from './bmp/information.ts'
export * from './bmp/message.ts'
export { type BmpStatistic, statisticTypes } from './bmp/statistics.ts'
export { BmpStream } from './bmp/stream.ts'
export { hex } from './bytes.ts'
export {
  type Capability,
  decodeCapability,
  encodeCapability,
  type FamilyNumbers,
  formatCapability,
  type GracefulRestartCapability,
} from './capability.ts'
export { plainSender, type RoutedPrefix, readUpdate, type UpdateValues } from './content.ts'
export * from './family.ts'
export { type Chunks, type FileFault, formatTimestamp, type Timestamp } from './files/byte-stream.ts'
export { type CapturedMessage, type CaptureOptions, formatEndpoint, readCapture } from './files/capture.ts'
export {
  type FileKind,
  HexText,
  type PlainMessage,
  readHexMessages,
  readMessages,
  recognisedBy,
  recogniseFile,
} from './files/messages.ts'
export { type MrtOptions, type MrtRecord, type MrtSkipped, mrtTypes, readMrt } from './files/mrt.ts'
export type { MrtMessage, MrtSession, MrtState, MrtStateChange } from './files/mrt-session.ts'
export {
  type MrtPeer,
  type MrtPeerTable,
  type MrtRib,
  type MrtRoute,
  type RibAttributes,
  readRibAttributes,
} from './files/mrt-table.ts'
export { type CapturedPacket, type Endpoint, readTcpSegment, type TcpSegment } from './files/packet.ts'
export { isCapture, readPackets } from './files/pcap.ts'
export * from './framer.ts'
export { type Finding, type Judgement, judgeAttributes } from './judge.ts'
export * from './message.ts'
export * from './negotiate.ts'
export * from './nlri.ts'
export * from './notification.ts'
export { bgpVersion, decodeOpen, encodeOpen, type Open } from './open.ts'
export * from './prefix.ts'
export { type AttributeSummary, summarize } from './summary.ts'
export { describeMessage } from './text.ts'
export {
  encodeUpdate,
  endOfRib,
  endOfRibFamily,
  newUpdateParts,
  scanUpdate,
  type UpdateContent,
  type UpdateParts,
  writeHeader,
} from './update.ts'
