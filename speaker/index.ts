/** The BGP engine: declare peers, routes and policies, and it makes them so. */

export type { CollectorSnapshot, SystemNames } from './bmp/collector.ts'
export * from './desired.ts'
export { type PeerChange, peerChange } from './diff.ts'
export { iproute2 } from './kernel/iproute2.ts'
export type * from './kernel/kernel.ts'
export { type Cleaned, cleanRoutes, mainTable } from './kernel/kernel.ts'
export type { KernelOptions } from './kernel/kernel-routes.ts'
export type { KernelFamilySnapshot, KernelProblem, KernelSnapshot, KernelVerdict } from './kernel/kernel-story.ts'
export type { HeldBack } from './outbound/outbound.ts'
export type { BfdSnapshot } from './peer/liveness.ts'
export type { PeerEvent } from './peer/peer-news.ts'
export { usualAttributeOctets, usualPathLength } from './routed-peer.ts'
export { keyProblem, Secret, sameSecret } from './secret.ts'
export type {
  FamilySnapshot,
  NotificationSnapshot,
  PeerSnapshot,
  PolicySnapshot,
  SpeakerSnapshot,
} from './snapshot.ts'
export { type ApplyReport, Speaker, type SpeakerOptions } from './speaker.ts'
export type { PeerVerdict, PrefixStory, RouteFilter, RouteRow, RouteView } from './story.ts'
export { MemoryNetwork } from './transport/memory.ts'
export { nodeClock } from './transport/node-clock.ts'
export { nodeWorld } from './transport/node-world.ts'
export type * from './world.ts'
