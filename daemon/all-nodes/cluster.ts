/** The cluster as a kubeconfig shows it: its Nodes, the pods of the daemons, and a way into each. */

import { type ApiAddress, type ApiClient, ApiConnection, ApiError, type PodExec } from '../../controllers/index.ts'
import { ConfigError } from '../config/flag.ts'
import { rightsOf } from './gather.ts'
import type { NodeObject, PodObject } from './whom.ts'

export interface Cluster {
  readonly api: ApiClient
  readonly exec: PodExec
  readonly server: string
  close(): void
}

export async function openCluster(address: ApiAddress): Promise<Cluster> {
  const api = await ApiConnection.open({ ...address, asKubectl: true }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    throw new ConfigError('--kubeconfig', address.kubeconfig || address.master, `names no API server: ${why}`)
  })
  return { api, exec: (request, signal) => api.exec(request, signal), server: api.server, close: () => api.close() }
}

export interface Choice {
  readonly namespace: string
  /** Labels of the pods. */
  readonly selector: string
  /** Labels of the nodes; empty for all of them. */
  readonly nodeSelector: string
}

/** Throws with the API server's own words, and the right that is lacking where it is one. */
export async function lookAround(
  { api, server }: Pick<Cluster, 'api' | 'server'>,
  { namespace, selector, nodeSelector }: Choice,
): Promise<{ readonly nodes: readonly NodeObject[]; readonly pods: readonly PodObject[] }> {
  try {
    const nodes = listed<NodeObject>(api, '/api/v1/nodes', nodeSelector)
    const pods = listed<PodObject>(api, `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`, selector)
    // Where both are refused, the same one is named each time: the nodes, whichever answer came first.
    await Promise.allSettled([nodes, pods])
    return { nodes: await nodes, pods: await pods }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const right = error instanceof ApiError ? rightsOf(error) : ''
    throw new Error(`API server ${server}: ${why}${right}`, { cause: error })
  }
}

/** Nodes are large: what the kubelet says of images is in them. */
const pageSize = '500'

async function listed<One>(api: ApiClient, path: string, labelSelector: string): Promise<One[]> {
  const all: One[] = []
  let from = ''
  do {
    const page = (await api.request({
      path,
      query: { limit: pageSize, ...(labelSelector && { labelSelector }), ...(from && { continue: from }) },
    })) as { items?: One[]; metadata?: { continue?: string } }
    for (const one of page.items ?? []) all.push(one)
    from = page.metadata?.continue ?? ''
  } while (from !== '')
  return all
}
