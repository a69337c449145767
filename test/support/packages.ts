/** Debian packages that a suite needs, installed where they are missing. */

import { execFileSync, spawnSync } from 'node:child_process'

/** The reason, where they are missing and cannot be installed. */
export function install(packages: readonly string[]): string | undefined {
  const missing = packages.filter((name) => !isInstalled(name))
  if (missing.length === 0) return undefined
  process.stdout.write(`installing ${missing.join(' ')}\n`)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const options = { env: environment, stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] }
  try {
    execFileSync('apt-get', ['update'], options)
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...missing], options)
    return undefined
  } catch {
    return `these Debian packages are needed and could not be installed: ${missing.join(' ')}`
  }
}

function isInstalled(name: string): boolean {
  const { stdout } = spawnSync('dpkg', ['-s', name], { encoding: 'utf8' })
  return stdout?.includes('Status: install ok installed') ?? false
}
