/** `tandem run`: the daemon. A source, a speaker, the admin socket, and an orderly end. */

import { hostname } from 'node:os'
import { type Desired, type Log, nodeWorld, Speaker } from '../../speaker/index.ts'
import { serveAdmin } from '../admin/server.ts'
import { alwaysSynced } from '../backend.ts'
import { collectorsOf } from '../config/bmp.ts'
import { type ConfigDocument, readDocument, readText } from '../config/document.ts'
import { ConfigError } from '../config/flag.ts'
import { type Loaded, planOptions } from '../config/settings.ts'
import { readSpeakerFile } from '../config/speaker-file.ts'
import { EventLog } from '../events.ts'
import { following } from '../following.ts'
import { serveHealth } from '../health.ts'
import { heldBackFindings } from '../held-back.ts'
import { kernelFindings, kernelOptions, kernelWorld } from '../kernel-routes.ts'
import { logSessions, newLog } from '../log.ts'
import { serveMetrics } from '../metrics/server.ts'
import type { Listening } from '../probe-server.ts'
import { circumstancesOfStart, leaveMark, longestRestart } from '../restart.ts'
import type { Running } from '../running.ts'
import { systemNames } from '../system-names.ts'
import { daemonModel } from '../web/daemon-model.ts'
import { exposure, serveWeb } from '../web/server.ts'

type Environment = Readonly<Record<string, string | undefined>>

export async function run(loaded: Loaded, environment: Environment): Promise<void> {
  const { settings, warnings } = loaded
  const log = newLog(settings['log-level'])
  for (const warning of warnings) log.warn({}, warning)
  const events = new EventLog(settings['events-kept'], () => new Date())
  const running =
    settings.source === 'none' ? alone(loaded, log, events) : await following(loaded, environment, log, events)
  events.watchSpeaker(running.backend.speaker)
  running.onApplied?.((applied) => events.applied(applied))
  running.onPlanned?.(({ news, mended }) => events.found(news, mended))
  logSessions(running.backend.speaker, log)
  const servers: { close(): Promise<void> }[] = []
  // Before anything can be told that the daemon is there: without a handler a signal would end it without a word to its peers.
  const isRemoving = settings['install-routes'] && settings['install-routes-on-exit'] === 'remove'
  const isStopping = stopOnSignals(running, servers, log, isRemoving ? removalMs : endMs)
  const started = reloadOnHangup(running, log)
  try {
    servers.push(await serveAdmin(running.backend, settings['admin-socket']))
    servers.push(
      ...(await healthOf(running, settings, log)),
      ...(await metricsOf(running, settings, log)),
      ...(await webOf(running, loaded, environment, log)),
    )
    if (isStopping()) return
    await running.start()
    leaveMark({ adminSocket: settings['admin-socket'] }, log)
  } catch (error) {
    // What listens already would keep the process, and whoever started it would never learn that there is no daemon.
    void end(running, servers, true, endMs)
    throw error
  }
  started()
}

/** The speaker alone may run many times on one machine: its health is not served. Routes do not wait for a port that is taken. */
async function healthOf({ backend }: Running, settings: Loaded['settings'], log: Log): Promise<Listening[]> {
  const port = settings['health-port']
  if (port === 0 || settings.source === 'none') return []
  const [address, readySessions] = [settings['health-addr'], settings['ready-sessions']]
  return served(() => serveHealth(backend, { address, port, readySessions }), '/healthz and /readyz', log)
}

async function metricsOf(running: Running, settings: Loaded['settings'], log: Log): Promise<Listening[]> {
  const port = settings['metrics-port']
  if (port === 0) return []
  const options = { port, address: settings['metrics-addr'], path: settings['metrics-path'] }
  return served(
    async () => {
      const server = await serveMetrics(running.backend, { ...options, compat: settings['compat-metrics'] })
      running.onApplied?.((applied) => server.timings.applied(applied))
      running.backend.speaker.onSettled(() => server.timings.settled())
      return server
    },
    'metrics',
    log,
  )
}

async function webOf(
  { backend }: Running,
  { settings }: Loaded,
  environment: Environment,
  log: Log,
): Promise<Listening[]> {
  if (!settings.web) return []
  const name = settings.source === 'none' ? hostname() : planOptions(settings, environment).nodeName
  const exposed = exposure(settings['web-addr'])
  if (exposed !== undefined) log.warn({}, exposed)
  const serve = () => serveWeb(daemonModel(backend, name), settings['web-addr'], settings['web-port'])
  return served(serve, 'its page', log)
}

async function served(serve: () => Promise<Listening>, what: string, log: Log): Promise<Listening[]> {
  try {
    return [await serve()]
  } catch (error) {
    log.error({}, `${error instanceof Error ? error.message : error}; the daemon runs without ${what}`)
    return []
  }
}

function alone({ settings, document }: Loaded, log: Log, events: EventLog): Running {
  if (!document)
    throw new ConfigError('--config', '', 'is needed with --source none: the file of peers, policies and routes')
  const speaker = new Speaker(
    { ...nodeWorld(log), ...kernelWorld(settings) },
    { system: systemNames(hostname()), ...kernelOptions(settings) },
  )
  const start = circumstancesOfStart({ adminSocket: settings['admin-socket'], time: longestRestart })
  const declared = (file: ConfigDocument): Desired => {
    const { deferral, ...desired } = readSpeakerFile(file)
    const collectors = collectorsOf(settings, desired.local.collectors ?? [])
    return { ...desired, local: { ...desired.local, collectors, restart: { ...start, deferral } } }
  }
  const apply = (name: string, text: string) => {
    const report = speaker.apply(declared(readDocument(name, text)))
    for (const { name: peer, why } of report.peers.reset)
      log.warn({ peer, why }, 'session reset by a change of configuration')
    log.info({ name, ...report.routes }, 'configuration applied')
    const { added, changed, withdrawn } = report.routes
    events.add('configuration', name, `applied: ${added} routes added, ${changed} changed, ${withdrawn} withdrawn`)
    events.peersChanged(report)
    return report
  }
  return {
    backend: {
      speaker,
      plan: undefined,
      view: undefined,
      get findings() {
        return [...heldBackFindings(speaker.snapshot()), ...kernelFindings(speaker.kernel, 'this machine')]
      },
      source: `configuration ${settings.config}`,
      events,
      sync: alwaysSynced,
      apply,
    },
    start: async () => {
      speaker.apply(declared(document))
    },
    stop: (toReturn) => speaker.stop({ toReturn }),
    reload: () => {
      try {
        apply(settings.config, readText('--config', settings.config))
      } catch (error) {
        log.error({}, `${error instanceof Error ? error.message : error}; the last good configuration stays in use`)
      }
    },
  }
}

/** Peers have their NOTIFICATION by then. */
const endMs = 900
/** A full table takes the kernel a few seconds. */
const removalMs = 15_000

/** After `limitMs` at most there is no process any more; it exits with `process.exitCode`. */
async function end(
  running: Running,
  servers: readonly { close(): Promise<void> }[],
  toReturn: boolean,
  limitMs: number,
): Promise<void> {
  // What does not end in time must not keep the process.
  setTimeout(() => process.exit(), limitMs).unref()
  await Promise.all([running.stop(toReturn), ...servers.map((server) => server.close())])
}

/** Gives whether one has come. */
function stopOnSignals(
  running: Running,
  servers: readonly { close(): Promise<void> }[],
  log: Log,
  limitMs: number,
): () => boolean {
  let stopping = false
  const stop = (signal: string) => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'stopping')
    // Whoever sends SIGTERM starts it again as a rule; a human at the keyboard does not.
    void end(running, servers, signal === 'SIGTERM', limitMs)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  return () => stopping
}

/** What it returns is called once the daemon runs: a hangup before it is obeyed then, since what is read at the start may be older. */
function reloadOnHangup({ reload }: Running, log: Log): () => void {
  let isRunning = false
  let isAsked = false
  const read = () => {
    if (reload) reload()
    else log.info({}, 'SIGHUP: nothing to read again, the source is followed as it changes')
  }
  process.on('SIGHUP', () => {
    if (isRunning) read()
    else isAsked = true
  })
  return () => {
    isRunning = true
    if (isAsked) read()
  }
}
