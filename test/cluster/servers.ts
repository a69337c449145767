/**
 * The binaries of the control plane, and helm: those of `KUBEBUILDER_ASSETS` where it is set; else built once from their Go modules into a cache folder.
 * Where there is neither, it says what is missing.
 */

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)

export interface Servers {
  readonly etcd: string
  readonly apiServer: string
}

interface Build {
  /** Folder with the go.mod that pins it. */
  readonly folder: string
  readonly module: string
  readonly package: string
}

const builds = {
  etcd: { folder: 'etcd', module: 'go.etcd.io/etcd/server/v3', package: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': {
    folder: 'kube-apiserver',
    module: 'k8s.io/kubernetes',
    package: 'k8s.io/kubernetes/cmd/kube-apiserver',
  },
  helm: { folder: 'helm', module: 'helm.sh/helm/v3', package: 'helm.sh/helm/v3/cmd/helm' },
} satisfies Record<string, Build>

/** The servers, or why they can't be had here. */
export async function findServers(tell: (line: string) => void): Promise<Servers | { readonly missing: string }> {
  const assets = process.env['KUBEBUILDER_ASSETS']
  const overrides = {
    etcd: process.env['TEST_ASSET_ETCD'] ?? (assets && join(assets, 'etcd')),
    apiServer: process.env['TEST_ASSET_KUBE_APISERVER'] ?? (assets && join(assets, 'kube-apiserver')),
  }
  const { etcd, apiServer } = overrides
  if (etcd && apiServer && existsSync(etcd) && existsSync(apiServer)) return { etcd, apiServer }
  const go = await goCommand()
  if (!go)
    return { missing: 'etcd and kube-apiserver: set KUBEBUILDER_ASSETS to a folder that has both, or install Go' }
  try {
    return { etcd: await built(go, 'etcd', tell), apiServer: await built(go, 'kube-apiserver', tell) }
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n')
    return { missing: `etcd and kube-apiserver, which could not be built: ${lines.slice(-3).join(' ')}` }
  }
}

/** helm, or why it can't be had here. */
export async function findHelm(tell: (line: string) => void): Promise<string | { readonly missing: string }> {
  const go = await goCommand()
  if (!go) return { missing: 'helm: install Go' }
  try {
    return await built(go, 'helm', tell)
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n')
    return { missing: `helm, which could not be built: ${lines.slice(-3).join(' ')}` }
  }
}

async function goCommand(): Promise<string | undefined> {
  for (const command of ['go', '/usr/local/go/bin/go']) {
    const found = await exec(command, ['version']).catch(() => undefined)
    if (found) return command
  }
  return undefined
}

async function built(go: string, name: keyof typeof builds, tell: (line: string) => void): Promise<string> {
  const { folder, module, package: main } = builds[name]
  const source = join(import.meta.dirname, 'servers', folder)
  const version = versionOf(join(source, 'go.mod'), module)
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tandem', 'servers')
  const binary = join(cache, `${name}-${version}`)
  if (existsSync(binary)) return binary
  tell(`building ${name} ${version} (minutes, once)`)
  mkdirSync(cache, { recursive: true })
  const flags = `-s -w -X k8s.io/component-base/version.gitVersion=${version}`
  // Beside it first: a build that is cut short leaves nothing that looks whole.
  const partial = `${binary}.${process.pid}`
  await exec(go, ['build', '-mod=readonly', '-trimpath', '-ldflags', flags, '-o', partial, main], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' },
    maxBuffer: 64 * 1024 * 1024,
  })
  renameSync(partial, binary)
  return binary
}

function versionOf(goMod: string, module: string): string {
  const line = readFileSync(goMod, 'utf8')
    .split('\n')
    .find((one) => new RegExp(`^(require )?\\s*${module.replaceAll('.', '\\.')} v`).test(one))
  const version = /v\S+/.exec(line?.slice(line.indexOf(module) + module.length) ?? '')?.[0]
  if (!version) throw new Error(`${goMod} does not pin ${module}`)
  return version
}
