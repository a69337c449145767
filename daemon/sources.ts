/** Where Kubernetes objects come from, opened as the flags say. */

import { type ApiClient, ApiConnection, ApiSource, ManifestSource, type ViewListener } from '../controllers/index.ts'
import { type Log, nodeClock } from '../speaker/index.ts'
import { alwaysSynced, type SyncState } from './backend.ts'
import { ConfigError } from './config/flag.ts'
import type { Settings } from './config/flags.ts'

/** A source, as the daemon holds it. */
export interface Source {
  readonly name: string
  readonly sync: () => SyncState
  readonly start: (listener: ViewListener) => Promise<void>
  readonly stop: () => Promise<void>
  /** Where what is said back goes; absent where there is nobody to say it to. */
  readonly api?: ApiClient
}

/** Throws `ConfigError` when the flags name no source that can be opened. */
export async function openSource(settings: Settings, nodeName: string, log: Log): Promise<Source> {
  return settings.source === 'manifests' ? fromManifests(settings) : fromApi(settings, nodeName, log)
}

function fromManifests({ manifests }: Settings): Source {
  if (manifests === '')
    throw new ConfigError('--manifests', '', 'is needed with --source manifests: the folder of Kubernetes manifests')
  const source = new ManifestSource(manifests)
  return {
    name: `manifests in ${manifests}`,
    sync: () => alwaysSynced,
    start: (listener) =>
      source.start(listener).catch((error: unknown) => {
        throw new ConfigError('--manifests', manifests, error instanceof Error ? error.message : String(error))
      }),
    stop: () => source.stop(),
  }
}

async function fromApi(settings: Settings, nodeName: string, log: Log): Promise<Source> {
  const { kubeconfig, master } = settings
  const api = await ApiConnection.open({ kubeconfig, master }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    const [place, value] = kubeconfig
      ? ['--kubeconfig', kubeconfig]
      : master
        ? ['--master', master]
        : ['--source', 'api']
    const expected = 'give --kubeconfig FILE or --master URL, or --manifests DIR, or --source none with --config FILE'
    throw new ConfigError(place, value, `names no API server: ${why}; ${expected}`)
  })
  const world = { clock: nodeClock, random: Math.random, log, api }
  // The mesh needs every Node; without it one is enough, and a thousand daemons ask for a thousandth of it.
  const source = new ApiSource(world, settings['enable-ibgp'] ? {} : { onlyNode: nodeName })
  return {
    name: `API server ${api.server}`,
    sync: () => ({
      synced: source.isSynced,
      watches: source.health,
      problems: source.health.flatMap(({ path, synced, problem }) =>
        synced && problem === undefined ? [] : [`${path}: ${problem ?? 'the first list is on its way'}`],
      ),
    }),
    start: async (listener) => source.start(listener),
    stop: async () => {
      source.stop()
      api.close()
    },
    api,
  }
}
