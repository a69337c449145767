/** Flags, environment and file together: the flag wins, then the environment, then the file, then the default. */

import { hostname } from 'node:os'
import type { PeerSetting, PlanOptions } from '../../controllers/index.ts'
import { nearest } from '../../controllers/index.ts'
import type { RestartCircumstances } from '../../speaker/index.ts'
import { secretFlags, unshown } from '../confidential.ts'
import { type ConfigDocument, readDocument, readText } from './document.ts'
import { ConfigError, type Flag } from './flag.ts'
import { environmentName, type FlagName, flags, foreignFlags, type Settings } from './flags.ts'
import { kubernetesKeys } from './kubernetes-file.ts'
import { externalDefaults, noRestart, routerPasswords, routerSession, sessionDefaults } from './session-flags.ts'
import { speakerKeys } from './speaker-schema.ts'

export interface Given {
  /** By flag name, as text. */
  readonly commandLine: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string | undefined>>
}

export interface Loaded {
  readonly settings: Settings
  /** The file of `--config`, if there is one. */
  readonly document: ConfigDocument | undefined
  /** What was taken but does nothing. */
  readonly warnings: readonly string[]
}

const names = Object.keys(flags) as FlagName[]
/** Keys of the file that are no flags. */
const structureKeys: readonly string[] = [...speakerKeys, ...kubernetesKeys]

export function loadSettings(given: Given): Loaded {
  const file = textOf('config', given, undefined)?.text
  const document = file ? readDocument(file, readText('--config', file)) : undefined
  const inFile = fileSettings(document)
  const values = names.map((name) => {
    const one: Flag<unknown> = flags[name]
    const said = textOf(name, given, inFile)
    if (!said) return [name, one.default]
    const value = one.type.read(said.text)
    if (value === undefined) throw new ConfigError(said.place, said.text, one.type.expected)
    return [name, value]
  })
  const settings = Object.fromEntries(values) as Settings
  const warnings = Object.keys(given.commandLine)
    .filter((name) => name in foreignFlags)
    .map((name) => `--${name} does nothing here: ${foreignFlags[name]}`)
  return { settings: withSource(settings, given, inFile), document, warnings: [...warnings, ...exposed(given)] }
}

/** Secrets where others may read them. */
function exposed({ commandLine }: Given): string[] {
  return secretFlags
    .filter((name) => commandLine[name])
    .map((name) => {
      const readers =
        'whoever may read the manifest of the pod, or the list of processes while the daemon starts, has them'
      return `--${name}: passwords on the command line are for trials: ${readers}; use --${name}-file, ${environmentName(name)} from a Secret, or --config`
    })
}

/** `--manifests DIR` alone says where objects come from. */
function withSource(settings: Settings, given: Given, inFile: FileSettings): Settings {
  const said = textOf('source', given, inFile)
  if (said || settings.manifests === '') return settings
  return { ...settings, source: 'manifests' }
}

type FileSettings = Readonly<Record<string, { readonly text: string; readonly place: string }>>

function fileSettings(document: ConfigDocument | undefined): FileSettings {
  if (!document || document.value === null) return {}
  const { value } = document
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new ConfigError(document.name, value, 'is no mapping of settings')
  }
  const entries = Object.entries(value as Record<string, unknown>).flatMap(([name, one]) => {
    if (structureKeys.includes(name) && !(name in flags && isPlain(one))) return []
    const place = document.place([name])
    if (!(name in flags))
      throw new ConfigError(
        document.keyPlace([name]),
        name,
        `is no setting; did you mean ${nearest(name, [...names, ...structureKeys]) ?? 'config'}?`,
      )
    return [[name, { text: textOfValue(one), place }]]
  })
  return Object.fromEntries(entries)
}

/** Lists and mappings of a file as they would stand on a command line. */
function textOfValue(value: unknown): string {
  if (Array.isArray(value)) return value.join(',')
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([key, one]) => `${key}=${String(one)}`)
    .join(',')
}

const isPlain = (value: unknown) => typeof value !== 'object'

/** Environment variables of kube-router that have no flag there. */
const inheritedVariables: { readonly [Name in FlagName]?: string } = { 'cni-conf-file': 'KUBE_ROUTER_CNI_CONF_FILE' }

function textOf(
  name: FlagName,
  given: Given,
  inFile: FileSettings | undefined,
): { text: string; place: string } | undefined {
  const flagText = given.commandLine[name]
  if (flagText !== undefined) return { text: flagText, place: `--${name}` }
  const variable = environmentName(name)
  const environmentText = given.environment[variable]
  if (environmentText !== undefined) return { text: environmentText, place: variable }
  const inherited = inheritedVariables[name]
  const inheritedText = inherited && given.environment[inherited]
  return inFile?.[name] ?? (inherited && inheritedText ? { text: inheritedText, place: inherited } : undefined)
}

/** The settings as `plan()` takes them; what does not fit together is an error here. */
export function planOptions(
  settings: Settings,
  environment: Given['environment'],
  restart: RestartCircumstances = noRestart,
): PlanOptions {
  return {
    nodeName: settings['hostname-override'] || environment['NODE_NAME'] || hostname(),
    clusterAsn: settings['cluster-asn'],
    nodesFullMesh: settings['nodes-full-mesh'],
    enableIbgp: settings['enable-ibgp'],
    bgpPort: settings['bgp-port'],
    holdTime: settings['bgp-holdtime'],
    connectRetry: settings['connect-retry'],
    session: sessionDefaults(settings),
    externalSession: externalDefaults(settings),
    restart,
    routerId: settings['router-id'],
    advertiseClusterIp: settings['advertise-cluster-ip'],
    advertiseExternalIp: settings['advertise-external-ip'],
    advertiseLoadBalancerIp: settings['advertise-loadbalancer-ip'],
    advertisePodCidr: settings['advertise-pod-cidr'],
    overrideNextHop: settings['override-nexthop'],
    peerRouters: peerRouters(settings),
    importDefault: settings['import-default'],
    serviceClusterIpRanges: settings['service-cluster-ip-range'],
    serviceExternalIpRanges: settings['service-external-ip-range'],
    loadBalancerIpRanges: settings['loadbalancer-ip-range'],
    strictExternalIpValidation: settings['strict-external-ip-validation'],
    drainOn: settings['drain-on'],
    drainTaints: settings['drain-taints'],
    drainWait: settings['drain-wait'],
    gate: settings.gate,
    withdrawWithoutEndpoints: settings['withdraw-without-endpoints'],
    loadBalancerClasses: settings['loadbalancer-classes'],
    serviceProxyName: settings['service-proxy-name'],
    aggregateLengths: {
      'ipv4-unicast': settings['aggregate-vips-ipv4'],
      'ipv6-unicast': settings['aggregate-vips-ipv6'],
    },
    aggregateComponents: settings['aggregate-vips-components'],
    ...(settings['enable-ipv4'] !== undefined && { enableIpv4: settings['enable-ipv4'] }),
    ...(settings['enable-ipv6'] !== undefined && { enableIpv6: settings['enable-ipv6'] }),
    ...(settings['local-addresses'].length > 0 && { listen: settings['local-addresses'] }),
  }
}

function peerRouters(settings: Settings): PeerSetting[] {
  const ips = settings['peer-router-ips']
  const per = (name: 'peer-router-asns' | 'peer-router-ports' | 'peer-router-passwords', optional: boolean) => {
    const { length } = settings[name]
    if (length === ips.length || (optional && length === 0)) return
    const expected = `has ${length} items, where --peer-router-ips has ${ips.length}: one per router is expected`
    throw new ConfigError(`--${name}`, secretFlags.includes(name) ? unshown : settings[name].join(','), expected)
  }
  per('peer-router-asns', false)
  per('peer-router-ports', true)
  per('peer-router-passwords', true)
  const repeated = ips.find((one, index) => ips.findIndex((other) => String(other) === String(one)) !== index)
  if (repeated)
    throw new ConfigError('--peer-router-ips', String(repeated), 'is there twice: one session per address is possible')
  const passwordAt = routerPasswords(settings)
  return ips.map((address, index) => ({
    address,
    asn: settings['peer-router-asns'][index]!,
    port: settings['peer-router-ports'][index] ?? 179,
    ...routerSession(settings),
    ...passwordAt(index),
  }))
}

/** The flag that somebody who mistyped one may have meant. */
export function nearestFlag(name: string): string {
  return nearest(name, names) ?? 'config'
}
