/** `tandem run`: the daemon. A source, a speaker, the admin socket, and an orderly end. */

import { ManifestSource, Reconciler } from '../../controllers/index.ts'
import { nodeWorld, Speaker } from '../../speaker/index.ts'
import { type AdminServer, serveAdmin } from '../admin/server.ts'
import type { Backend } from '../backend.ts'
import { readDocument } from '../config/document.ts'
import { ConfigError } from '../config/flag.ts'
import type { Loaded } from '../config/settings.ts'
import { planOptions, readText } from '../config/settings.ts'
import { readSpeakerFile } from '../config/speaker-file.ts'
import { logSessions, newLog } from '../log.ts'

interface Running {
  readonly backend: Backend
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly reload?: () => void
}

export async function run(loaded: Loaded, environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const { settings, warnings } = loaded
  const log = newLog(settings['log-level'])
  for (const warning of warnings) log.warn({}, warning)
  const running = settings.source === 'none' ? alone(loaded, log) : following(loaded, environment, log)
  logSessions(running.backend.speaker, log)
  const admin = await serveAdmin(running.backend, settings['admin-socket'])
  await running.start()
  stopOnSignals(running, admin, log)
  process.on('SIGHUP', () => {
    if (running.reload) running.reload()
    else log.info({}, 'SIGHUP: nothing to read again, the source is followed as it changes')
  })
}

function following(
  loaded: Loaded,
  environment: Readonly<Record<string, string | undefined>>,
  log: ReturnType<typeof newLog>,
): Running {
  const { settings } = loaded
  if (settings.source !== 'manifests' || settings.manifests === '') {
    throw new ConfigError(
      '--source',
      settings.source,
      'is not in this release yet: give --manifests DIR, or --source none with --config FILE',
    )
  }
  const speaker = new Speaker(nodeWorld(log), { endOfRibHeld: true })
  const reconciler = new Reconciler({ log, speaker }, planOptions(settings, environment))
  const source = new ManifestSource(settings.manifests)
  const start = source.start.bind(source)
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
      source: `manifests in ${settings.manifests}`,
    },
    start: async () => {
      await start((view, findings) => reconciler.take(view, findings)).catch((error: unknown) => {
        throw new ConfigError('--manifests', settings.manifests, error instanceof Error ? error.message : String(error))
      })
    },
    stop: async () => {
      await Promise.all([source.stop(), speaker.stop()])
    },
  }
}

function alone({ settings, document }: Loaded, log: ReturnType<typeof newLog>): Running {
  if (!document)
    throw new ConfigError('--config', '', 'is needed with --source none: the file of peers, policies and routes')
  const speaker = new Speaker(nodeWorld(log))
  const apply = (name: string, text: string) => {
    const report = speaker.apply(readSpeakerFile(readDocument(name, text)))
    for (const { name: peer, why } of report.peers.reset)
      log.warn({ peer, why }, 'session reset by a change of configuration')
    log.info({ name, ...report.routes }, 'configuration applied')
    return report
  }
  return {
    backend: {
      speaker,
      plan: undefined,
      view: undefined,
      findings: [],
      source: `configuration ${settings.config}`,
      apply,
    },
    start: async () => {
      speaker.apply(readSpeakerFile(document))
    },
    stop: () => speaker.stop(),
    reload: () => {
      try {
        apply(settings.config, readText('--config', settings.config))
      } catch (error) {
        log.error({}, `${error instanceof Error ? error.message : error}; the last good configuration stays in use`)
      }
    },
  }
}

function stopOnSignals(running: Running, admin: AdminServer, log: ReturnType<typeof newLog>): void {
  let stopping = false
  const stop = (signal: string) => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'stopping')
    // What does not end in time must not keep the process: peers have their NOTIFICATION by then.
    setTimeout(() => process.exit(0), 900).unref()
    void Promise.all([running.stop(), admin.close()])
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}
