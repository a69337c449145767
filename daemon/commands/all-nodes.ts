/**
 * `tandem peers --all-nodes` and `tandem routes --all-nodes`: the daemons of a whole cluster, asked through the API server by whoever may exec
 * in their pods. Exit status 1 when a node is missing.
 */

import { type Command, Option } from 'commander'
import type { ApiAddress } from '../../controllers/index.ts'
import type { RouteRow, SpeakerSnapshot } from '../../speaker/index.ts'
import { type Choice, type Cluster, lookAround, openCluster } from '../all-nodes/cluster.ts'
import { type Ask, askInPod, type Gathered, gather, type Limits } from '../all-nodes/gather.ts'
import { peersReport, type Report, type RoutesAnswer, routesReport } from '../all-nodes/report.ts'
import { byName, type NodeObject, whomToAsk } from '../all-nodes/whom.ts'
import { ConfigError } from '../config/flag.ts'
import { type FlagName, flags, type Settings } from '../config/flags.ts'
import { type Format, written } from '../render/format.ts'
import type { RoutesQuery } from './ask.ts'
import { durationMs } from './duration.ts'

export interface AllNodes extends Choice, Limits {
  readonly address: ApiAddress
  /** Words for the command in the pods, beyond those of the command here. */
  readonly words: readonly string[]
  readonly format: Format
  readonly wide: boolean
}

/** Of the table of flags: what finds the API server. */
export const clusterFlags: readonly FlagName[] = ['kubeconfig', 'master']

const usual = {
  namespace: 'tandem-system',
  selector: 'app.kubernetes.io/name=tandem',
  nodeTimeout: '15s',
  atOnce: '16',
}
/** They mean nothing where one daemon is asked. */
const only = [...clusterFlags, 'context', 'namespace', 'selector', 'node-selector', 'node-timeout', 'at-once']

/** The command has `clusterFlags` already. */
export function addAllNodes(command: Command): Command {
  // Other than for the daemon, which is in a pod.
  for (const option of command.options) {
    const flag = clusterFlags.find((name) => name === option.name())
    if (flag) option.description = `${flags[flag].help}, with --all-nodes (default: as kubectl finds it)`
  }
  return command
    .option('--all-nodes', 'ask the daemons of all nodes, through the API server of the kubeconfig that kubectl uses')
    .option('--context <NAME>', 'of the kubeconfig, with --all-nodes (default: its current one)')
    .option('-n, --namespace <NAME>', `of the pods, with --all-nodes (default: ${usual.namespace})`)
    .option('-l, --selector <LABELS>', `of the pods, with --all-nodes (default: ${usual.selector})`)
    .option('--node-selector <LABELS>', 'only nodes with these labels, with --all-nodes (default: all nodes)')
    .option('--node-timeout <TIME>', `for the answer of a node, with --all-nodes (default: ${usual.nodeTimeout})`)
    .addOption(new Option('--at-once <N>', `nodes asked at a time, with --all-nodes (default: ${usual.atOnce})`))
}

/** Undefined where one daemon is to be asked. */
export function readAllNodes(command: Command, settings: Settings, look: Pick<AllNodes, 'format' | 'wide'>) {
  const given = command.opts() as Readonly<Record<string, unknown>>
  const text = (name: string) => {
    const value = given[name]
    return typeof value === 'string' ? value : undefined
  }
  if (given['allNodes'] !== true) {
    const lost = command.options.find((option) => only.includes(option.name()) && text(option.attributeName()))
    if (lost) throw new ConfigError(`--${lost.name()}`, text(lost.attributeName()), 'goes with --all-nodes')
    return undefined
  }
  const atOnce = text('atOnce') ?? usual.atOnce
  const nodeTimeout = text('nodeTimeout') ?? usual.nodeTimeout
  if (!/^[1-9]\d{0,3}$/.test(atOnce)) throw new ConfigError('--at-once', atOnce, 'is no number from 1 to 9999')
  const timeoutMs = durationMs('--node-timeout', nodeTimeout)
  if (timeoutMs === 0 || timeoutMs > 3_600_000)
    throw new ConfigError('--node-timeout', nodeTimeout, 'is not from 1s to 1h')
  const socket = settings['admin-socket']
  const context = text('context')
  const asked: AllNodes = {
    address: { kubeconfig: settings.kubeconfig, master: settings.master, ...(context && { context }) },
    namespace: text('namespace') ?? usual.namespace,
    selector: text('selector') ?? usual.selector,
    nodeSelector: text('nodeSelector') ?? '',
    atOnce: Number(atOnce),
    timeoutMs,
    words: socket === flags['admin-socket'].default ? [] : ['--admin-socket', socket],
    ...look,
  }
  return asked
}

export async function peersOfAll(asked: AllNodes): Promise<void> {
  await report(asked, async (around) => {
    const gathered = await around.gather(around.ask(['peers'], isSnapshot))
    return peersReport(gathered, around.nodes)
  })
}

export async function routesOfAll(asked: AllNodes, { view, prefix, ...filter }: RoutesQuery): Promise<void> {
  const flagsGiven = Object.entries(filter).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  )
  const words = ['routes', view, ...(prefix === undefined ? [] : [prefix]), ...flagsGiven]
  // Of a part of the routes nothing follows for the others, nor of one peer for its twin.
  const compares = view === 'out' && filter.peer === undefined && filter.limit === undefined
  await report(asked, async (around) => {
    const routes = around.ask(words, isRoutes)
    const sessions = around.ask(['peers'], isSnapshot)
    const gathered = await around.gather<RoutesAnswer>(async (target, signal) => ({
      routes: await routes(target, signal),
      ...(compares && { sessions: await sessions(target, signal) }),
    }))
    return routesReport(gathered, around.nodes, prefix)
  })
}

interface Around {
  readonly nodes: readonly NodeObject[]
  ask<Answer>(words: readonly string[], isAnswer: (value: unknown) => value is Answer): Ask<Answer>
  gather<Answer>(ask: Ask<Answer>): Promise<Gathered<Answer>>
}

async function report(asked: AllNodes, make: (around: Around) => Promise<Report>): Promise<void> {
  const cluster = await openCluster(asked.address)
  try {
    const { value, text } = await make(await lookedAt(cluster, asked))
    process.stdout.write(`${written(asked.format, value, () => text({ wide: asked.wide }))}\n`)
    process.exitCode = value.missing.length > 0 ? 1 : 0
  } finally {
    cluster.close()
  }
}

async function lookedAt(cluster: Cluster, asked: AllNodes): Promise<Around> {
  const { namespace, selector, nodeSelector } = asked
  const { nodes, pods } = await lookAround(cluster, asked)
  const where = `${selector} in namespace ${namespace}`
  const { targets, missing } = whomToAsk(nodes, pods, { where, chosen: nodeSelector !== '' })
  if (targets.length + missing.length === 0) {
    if (nodeSelector !== '') throw new ConfigError('--node-selector', nodeSelector, 'selects no node')
    throw new Error(`API server ${cluster.server}: there are no nodes`)
  }
  return {
    nodes,
    ask: (words, isAnswer) => askInPod(cluster.exec, namespace, [...words, ...asked.words], isAnswer),
    gather: async (ask) => {
      const gathered = await gather(targets, ask, asked)
      return {
        answered: gathered.answered,
        missing: [...missing, ...gathered.missing].sort((one, other) => byName(one.node, other.node)),
      }
    },
  }
}

/** What the table needs to be there at all: daemons of another version say more, or less. */
function isSnapshot(value: unknown): value is SpeakerSnapshot {
  const { peers, listening } = (value ?? {}) as Partial<SpeakerSnapshot>
  return Array.isArray(peers) && Array.isArray(listening) && peers.every(({ name, routes }) => name && routes)
}

function isRoutes(value: unknown): value is RouteRow[] {
  return Array.isArray(value) && value.every((one: Partial<RouteRow> | null) => typeof one?.prefix === 'string')
}
