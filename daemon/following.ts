/** A daemon that follows Kubernetes objects: a source, the reconciler, and what is said back. Wiring only. */

import { get } from 'node:http'
import {
  type ApiClient,
  ApiConnection,
  ApiSource,
  ManifestSource,
  Reconciler,
  type ViewListener,
} from '../controllers/index.ts'
import { type Log, nodeClock, nodeWorld, Speaker } from '../speaker/index.ts'
import { alwaysSynced, type SyncState } from './backend.ts'
import { ConfigError } from './config/flag.ts'
import { type Loaded, planOptions } from './config/settings.ts'
import { extrasOf } from './extras.ts'
import type { Running } from './running.ts'

/** A source, as the daemon holds it. */
interface Followed {
  readonly name: string
  readonly sync: () => SyncState
  readonly start: (listener: ViewListener) => Promise<void>
  readonly stop: () => Promise<void>
  /** Where what is said back goes; absent where there is nobody to say it to. */
  readonly api?: ApiClient
}

export async function following(
  loaded: Loaded,
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
): Promise<Running> {
  const { settings } = loaded
  const options = planOptions(settings, environment)
  const source = settings.source === 'manifests' ? fromManifests(loaded) : await fromApi(loaded, options.nodeName, log)
  const speaker = new Speaker(nodeWorld(log), { endOfRibHeld: true })
  const reconciler = new Reconciler(
    { log, clock: nodeClock, speaker, probeProxy: () => probe(settings['proxy-health-port']) },
    options,
  )
  const { api } = source
  const extras = extrasOf({ loaded, environment, options, log, speaker, reconciler, ...(api && { api }) })
  return {
    backend: {
      speaker,
      get plan() {
        return reconciler.plan
      },
      get view() {
        return reconciler.view
      },
      get findings() {
        return reconciler.findings
      },
      get sync() {
        return source.sync()
      },
      source: source.name,
    },
    start: async () => {
      for (const extra of extras) extra.start?.()
      await source.start((view, change, findings) => reconciler.take(view, change, findings))
    },
    stop: async () => {
      reconciler.stop()
      // Whatever is given back to the API server is given back before the connection goes.
      await Promise.all([speaker.stop(), ...extras.map((extra) => extra.stop())])
      await source.stop()
    },
  }
}

function fromManifests({ settings }: Loaded): Followed {
  if (settings.manifests === '')
    throw new ConfigError('--manifests', '', 'is needed with --source manifests: the folder of Kubernetes manifests')
  const source = new ManifestSource(settings.manifests)
  return {
    name: `manifests in ${settings.manifests}`,
    sync: () => alwaysSynced,
    start: (listener) =>
      source.start(listener).catch((error: unknown) => {
        throw new ConfigError('--manifests', settings.manifests, error instanceof Error ? error.message : String(error))
      }),
    stop: () => source.stop(),
  }
}

async function fromApi({ settings }: Loaded, nodeName: string, log: Log): Promise<Followed> {
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

/** The proxy's own word on whether it forwards: 200 of `/healthz` on this node. */
function probe(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: 'localhost', port, path: '/healthz', timeout: 1000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200 ? undefined : `it answered ${response.statusCode}`)
    })
    request.on('timeout', () => request.destroy(new Error('it did not answer within a second')))
    request.on('error', (error) => resolve(error.message))
  })
}
