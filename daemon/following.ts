/** A daemon that follows Kubernetes objects: a source, the reconciler, and what is said back. Wiring only. */

import { get } from 'node:http'
import { Reconciler } from '../controllers/index.ts'
import { type ApplyReport, type Log, nodeClock, nodeWorld, Speaker } from '../speaker/index.ts'
import { collectorsOf } from './config/bmp.ts'
import { readDocument, readText } from './config/document.ts'
import { type Loaded, planOptions } from './config/settings.ts'
import type { EventLog } from './events.ts'
import { extrasOf } from './extras.ts'
import { heldBackFindings } from './held-back.ts'
import { kernelOptions, kernelWorld } from './kernel-routes.ts'
import { FilePasswords } from './passwords.ts'
import { PeerPolicies } from './peer-policies.ts'
import { circumstancesOfStart } from './restart.ts'
import type { Running } from './running.ts'
import { openSource } from './sources.ts'
import { systemNames } from './system-names.ts'
import { vipRanges } from './vip-ranges.ts'

export async function following(
  loaded: Loaded,
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
  events: EventLog,
): Promise<Running> {
  const { settings } = loaded
  const restart = circumstancesOfStart({
    adminSocket: settings['admin-socket'],
    time: settings['bgp-graceful-restart-time'],
  })
  const deferral = settings['bgp-graceful-restart-deferral-time']
  const options = planOptions(settings, environment, { ...restart, deferral })
  const policies = new PeerPolicies(settings['maximum-out'], loaded.document, (inFile) =>
    collectorsOf(settings, inFile),
  )
  const passwords = new FilePasswords(nodeClock, {
    folder: settings['peer-passwords-dir'],
    list: settings['peer-router-passwords-file'],
  })
  const source = await openSource(settings, options.nodeName, log)
  const world = { ...nodeWorld(log), ...kernelWorld(settings) }
  const speaker = new Speaker(world, {
    endOfRibHeld: true,
    system: systemNames(options.nodeName),
    ...kernelOptions(settings),
  })
  const reconciler = new Reconciler(
    {
      log,
      clock: nodeClock,
      speaker,
      passwords,
      place: (desired) => policies.place(desired),
      probeProxy: () => probe(settings['proxy-health-port']),
    },
    options,
  )
  speaker.onHeldBack(() => reconciler.noteFindings('maximum-out', heldBackFindings(speaker.snapshot())))
  const apply = (name: string, text: string) => {
    policies.take(readDocument(name, text))
    log.info({ name }, 'policies and collectors applied; flags of the file are read at start alone')
    events.add('configuration', name, 'policies and collectors applied')
    return reconciler.declareAgain() ?? noChange
  }
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
      vipRanges: vipRanges(options),
      source: source.name,
      events,
      apply,
    },
    onApplied: (listener) => reconciler.onApplied(listener),
    onPlanned: (listener) => reconciler.onPlanned(listener),
    start: async () => {
      for (const extra of extras) extra.start?.()
      await source.start((view, change, findings) => reconciler.take(view, change, findings))
    },
    stop: async (toReturn) => {
      // A node that is drained is not coming back: its routes go at once.
      const leaving = reconciler.plan?.drain !== undefined
      reconciler.stop()
      passwords.stop()
      // Whatever is given back to the API server is given back before the connection goes.
      await Promise.all([speaker.stop({ toReturn: toReturn && !leaving }), ...extras.map((extra) => extra.stop())])
      await source.stop()
    },
    ...(settings.config !== '' && {
      reload: () => {
        try {
          apply(settings.config, readText('--config', settings.config))
        } catch (error) {
          log.error({}, `${error instanceof Error ? error.message : error}; the last good policies stay in use`)
        }
      },
    }),
  }
}

const noChange: ApplyReport = {
  peers: { added: [], removed: [], reset: [], changed: [] },
  routes: { added: 0, withdrawn: 0, changed: 0 },
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
