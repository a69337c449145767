/** Kubernetes in, a plan out, and the loop that keeps the speaker to it. */

export { bfdPort, longestBfdInterval, usualBfd } from './annotations/bfd-settings.ts'
export { annotations, type NodeSettings } from './annotations/node-settings.ts'
export { keyOf, type Passwords, type PeerPassword, readPassword } from './annotations/passwords.ts'
export { type PeerSetting, peersAnnotation } from './annotations/peers.ts'
export {
  readSession,
  type SessionSettings,
  sameLimit,
  sessionShape,
  settle,
  usualMaxPrefixes,
} from './annotations/session-settings.ts'
export { readClusterId } from './annotations/topology.ts'
export {
  type Read,
  readBool,
  readCommunity,
  readExtendedCommunity,
  readPeerAsn,
  readPort,
  splitList,
} from './annotations/values.ts'
export { ApiSource } from './api/api-source.ts'
export { type ApiClient, ApiError, type ApiRequest, type ApiStream } from './api/client.ts'
export { type ApiAddress, ApiConnection } from './api/connection.ts'
export type { ExecAnswer, ExecRequest, PodExec } from './api/pod-exec.ts'
export { Reflector, type ReflectorHealth } from './api/reflector.ts'
export { CniWriter } from './cni/cni-writer.ts'
export { toDesired } from './desired.ts'
export { type FindingName, findingGroups, findingKinds } from './finding-kinds.ts'
export { type Finding, finding, formatFinding } from './findings.ts'
export { Lease, leaseName } from './leader/lease.ts'
export { LivePlan } from './live-plan.ts'
export { Allocator } from './load-balancer/allocator.ts'
export { didYouMean, nearest } from './nearest.ts'
export { NodeLife } from './node-life.ts'
export { Endpoints, slicesByService } from './plan/endpoints.ts'
export type { Plan, PlannedLocal, PlannedPeer, Withheld } from './plan/model.ts'
export { generatedRouterId, nodeAddresses } from './plan/node-addresses.ts'
export {
  type DrainSignal,
  drainSignals,
  drainsByDefault,
  type GateCondition,
  gateConditions,
} from './plan/node-life.ts'
export type { PlanOptions } from './plan/options.ts'
export { plan } from './plan/plan.ts'
export { serviceAnnotations } from './plan/service-vips.ts'
export { type WithheldName, withheldRules } from './plan/withheld-rules.ts'
export { type Applied, type Planned, Reconciler, type ReconcilerWorld } from './reconcile.ts'
export { type EventReason, eventReasons } from './report/event-reasons.ts'
export { EventWriter, type KubeEvent } from './report/events.ts'
export { NodeStatus, statusText } from './report/node-status.ts'
export { Reporter } from './report/reporter.ts'
export { ManifestSource } from './source/manifests.ts'
export type { ViewListener } from './source/source.ts'
export type * from './view.ts'
