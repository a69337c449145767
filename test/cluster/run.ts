/** `npm run test:cluster`: finds or builds the servers, runs the suite, prints the count. Words after it pick tests by their titles. */

import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Mocha from 'mocha'
import { keepServers } from './given.ts'
import { findServers } from './servers.ts'

const tell = (line: string) => void process.stdout.write(`${line}\n`)

if (process.getuid?.() !== 0) {
  tell('the cluster tests make network namespaces, so they need root')
  tell('0 passed, 1 failed')
  process.exit(1)
}
installMissing(['iproute2', 'procps', 'util-linux', 'bird2', 'curl'])
const servers = await findServers(tell)
if ('missing' in servers) {
  tell(`skipped: this machine lacks ${servers.missing}`)
  tell('0 passed, 0 failed')
  process.exit(0)
}
keepServers(servers)

const words = process.argv.slice(2).join(' ')
const mocha = new Mocha({ timeout: 120_000, reporter: 'spec', color: false, ...(words && { fgrep: words }) })
for (const name of readdirSync(import.meta.dirname).sort()) {
  if (name.endsWith('.test.ts')) mocha.addFile(join(import.meta.dirname, name))
}
await mocha.loadFilesAsync()
let passed = 0
const runner = mocha.run((failures) => {
  tell(`${passed} passed, ${failures} failed`)
  process.exit(failures > 0 ? 1 : 0)
})
runner.on('pass', () => passed++)

function installMissing(packages: readonly string[]): void {
  const missing = packages.filter((name) => {
    try {
      return !execFileSync('dpkg', ['-s', name], { encoding: 'utf8', stdio: 'pipe' }).includes('install ok installed')
    } catch {
      return true
    }
  })
  if (missing.length === 0) return
  tell(`installing ${missing.join(' ')}`)
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'ignore' as const }
  execFileSync('apt-get', ['update'], options)
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...missing], options)
}
