/**
 * Whom to ask: of each node the pod that answers best, and of a node where none can answer the reason. Pure; what the API server says of
 * Nodes and Pods goes in as it came.
 */

export interface NodeObject {
  readonly metadata: { readonly name: string }
  readonly status?: {
    readonly addresses?: readonly { readonly type?: string; readonly address: string }[]
    readonly conditions?: readonly Condition[]
  }
}

export interface PodObject {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string; readonly creationTimestamp?: string }
  readonly spec?: {
    readonly nodeName?: string
    readonly containers?: readonly { readonly name: string }[]
    readonly affinity?: unknown
  }
  readonly status?: {
    readonly phase?: string
    readonly conditions?: readonly Condition[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
}

interface ContainerStatus {
  readonly name: string
  readonly state?: {
    readonly running?: object
    readonly waiting?: { readonly reason?: string; readonly message?: string }
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number }
  }
}

export interface Target {
  readonly node: string
  readonly pod: string
  readonly container: string
  /** Not all is well there: said beside its answer, or as a part of why there is none. */
  readonly doubt?: string
}

export interface Missing {
  readonly node: string
  readonly reason: string
}

/** Node names that end in numbers are counted, not spelled: node-10 comes after node-9. */
export const byName = new Intl.Collator('en', { numeric: true }).compare

/** `where`: which pods were looked for, in words. Nodes that only a pod names are asked too, unless `nodes` is a choice. */
export function whomToAsk(
  nodes: readonly NodeObject[],
  pods: readonly PodObject[],
  { where, chosen = false }: { readonly where: string; readonly chosen?: boolean },
): { readonly targets: readonly Target[]; readonly missing: readonly Missing[] } {
  const listed = new Map(nodes.map((node) => [node.metadata.name, node]))
  const podsOf = Map.groupBy(pods, nodeOf)
  const names = new Set([...listed.keys(), ...(chosen ? [] : podsOf.keys())].filter((name) => name !== ''))
  const targets: Target[] = []
  const missing: Missing[] = []
  for (const node of [...names].sort(byName)) {
    const [best] = [...(podsOf.get(node) ?? [])].sort(
      (one, other) => rank(other) - rank(one) || created(other) - created(one),
    )
    const unwell = nodeDoubt(listed.get(node))
    if (!best) missing.push({ node, reason: joined(`no pod of ${where}`, unwell) })
    else if (rank(best) === 0) missing.push({ node, reason: joined(whyNotRunning(best), unwell) })
    else {
      const doubt = joined(podDoubt(best), unwell)
      const container = containerOf(best)
      targets.push({ node, pod: best.metadata.name, container, ...(doubt !== '' && { doubt }) })
    }
  }
  return { targets, missing }
}

/** A pod of a DaemonSet that is not scheduled yet names its node in its affinity alone. */
function nodeOf({ spec }: PodObject): string {
  if (spec?.nodeName) return spec.nodeName
  const affinity = spec?.affinity as
    | {
        nodeAffinity?: {
          requiredDuringSchedulingIgnoredDuringExecution?: {
            nodeSelectorTerms?: { matchFields?: { key: string; values?: string[] }[] }[]
          }
        }
      }
    | undefined
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const field = terms.flatMap(({ matchFields = [] }) => matchFields).find(({ key }) => key === 'metadata.name')
  return field?.values?.[0] ?? ''
}

function containerOf({ spec }: PodObject): string {
  const names = spec?.containers?.map(({ name }) => name) ?? []
  return names.includes('tandem') ? 'tandem' : (names[0] ?? 'tandem')
}

const statusOf = (pod: PodObject) => pod.status?.containerStatuses?.find(({ name }) => name === containerOf(pod))
const conditionOf = (conditions: readonly Condition[] | undefined, type: string) =>
  conditions?.find((one) => one.type === type)
const isReady = ({ status }: PodObject) => conditionOf(status?.conditions, 'Ready')?.status === 'True'

/** Of two pods on a node, as there are during a roll-out, the one that stays is asked. 0: there is nobody to ask. */
function rank(pod: PodObject): number {
  if (!statusOf(pod)?.state?.running) return 0
  if (pod.metadata.deletionTimestamp !== undefined) return 1
  return isReady(pod) ? 3 : 2
}

const created = ({ metadata }: PodObject) => Date.parse(metadata.creationTimestamp ?? '1970-01-01')

function whyNotRunning(pod: PodObject): string {
  const { name } = pod.metadata
  const { waiting, terminated } = statusOf(pod)?.state ?? {}
  if (waiting) return `pod ${name} is waiting: ${joined(waiting.reason ?? 'no reason given', waiting.message)}`
  if (terminated) return `pod ${name} has ended: ${terminated.reason ?? `exit status ${terminated.exitCode}`}`
  const scheduled = conditionOf(pod.status?.conditions, 'PodScheduled')
  if (scheduled?.status === 'False')
    return `pod ${name} is not scheduled: ${scheduled.message ?? scheduled.reason ?? 'no reason given'}`
  return `pod ${name} is not running: ${pod.status?.phase ?? 'it has no status yet'}`
}

function podDoubt(pod: PodObject): string | undefined {
  const { name, deletionTimestamp } = pod.metadata
  if (deletionTimestamp !== undefined) return `pod ${name} is being deleted`
  return isReady(pod) ? undefined : `pod ${name} is not ready`
}

/** The kubelet runs what is asked for: without it there is no answer. */
function nodeDoubt(node: NodeObject | undefined): string | undefined {
  if (!node) return 'there is no Node object'
  const ready = conditionOf(node.status?.conditions, 'Ready')
  return ready && ready.status !== 'True' ? 'the Node is not ready' : undefined
}

const joined = (...parts: readonly (string | undefined)[]) => parts.filter(Boolean).join('; ')
