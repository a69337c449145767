/** What the flags say of sessions: graceful restart, limits, hops and passwords, as the plan takes them. */

import { readFileSync } from 'node:fs'
import {
  bfdPort,
  type PeerSetting,
  readPassword,
  type SessionSettings,
  sameLimit,
  splitList,
} from '../../controllers/index.ts'
import type { BfdDeclaration, RestartCircumstances } from '../../speaker/index.ts'
import { listedName } from '../passwords.ts'
import { ConfigError } from './flag.ts'
import type { Settings } from './flags.ts'

/** Where nothing is started, as in `tandem plan`. */
export const noRestart: RestartCircumstances = { restarting: false, forwarding: false, deferral: 0 }

export function sessionDefaults(settings: Settings): SessionSettings {
  const { 'max-prefixes-restart': restartAfter, 'max-prefixes-beyond': beyond } = settings
  const time = settings['bgp-graceful-restart-time']
  return {
    extendedNextHop: settings['extended-next-hop'],
    maxPrefixes: sameLimit(settings['max-prefixes'], { beyond, ...(restartAfter > 0 && { restartAfter }) }),
    ...(settings['bgp-graceful-restart'] && {
      gracefulRestart: { time, longLived: settings['bgp-long-lived-time'] },
    }),
  }
}

export function externalDefaults(settings: Settings): SessionSettings {
  const { 'peer-router-multihop-ttl': ttl, 'peer-router-ttl-security': ttlSecurity } = settings
  if (ttl > 0 && ttlSecurity > 0)
    throw new ConfigError('--peer-router-multihop-ttl', String(ttl), 'and --peer-router-ttl-security are alternatives')
  return { ...(ttl > 0 && { ttl }), ...(ttlSecurity > 0 && { ttlSecurity }) }
}

/** Of the routers of `--peer-router-ips`, as in kube-router: those of annotations say for themselves. */
export function routerSession(settings: Settings): Pick<PeerSetting, 'session'> {
  if (!settings['enable-bfd']) return {}
  const bfd: BfdDeclaration = {
    minTx: settings['bfd-desired-min-tx-interval'],
    minRx: settings['bfd-required-min-rx-interval'],
    multiplier: settings['bfd-detection-multiplier'],
    multihop: settings['bfd-multihop'],
    strict: settings['bfd-strict'],
    ...bfdPort(settings['bfd-port']),
  }
  return { session: { bfd } }
}

/** The password of each router of `--peer-router-ips`: from the flag, or by its place in the file, so that it can change there. */
export function routerPasswords(settings: Settings): (index: number) => Pick<PeerSetting, 'password'> {
  const given = settings['peer-router-passwords']
  const file = settings['peer-router-passwords-file']
  if (given.length > 0 || file === '') return (index) => fromFlag(given[index])
  const listed = splitList(readList(file))
  const count = settings['peer-router-ips'].length
  if (listed.length !== count) {
    const expected = `has ${listed.length} items, where --peer-router-ips has ${count}: one per router is expected`
    throw new ConfigError('--peer-router-passwords-file', file, expected)
  }
  return (index) => (listed[index] ? { password: { kind: 'named', name: listedName(index) } } : {})
}

function fromFlag(given: string | undefined): Pick<PeerSetting, 'password'> {
  const password = readPassword(given)
  if (password?.kind === 'unusable') throw new ConfigError('--peer-router-passwords', '(not shown)', password.why)
  return password ? { password } : {}
}

function readList(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new ConfigError('--peer-router-passwords-file', path, `cannot be read (${why})`)
  }
}
