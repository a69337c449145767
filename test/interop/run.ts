/** `npm run test:interop`: installs the routers that are missing, runs the suite, prints the matrix and the count. */

import { join } from 'node:path'
import Mocha from 'mocha'
import { table } from '../../daemon/render/table.ts'
import { install } from '../support/packages.ts'
import { matrix } from './matrix.ts'
import { routers } from './routers.ts'

function quit(why: string): never {
  process.stdout.write(`${why}\n0 passed, 1 failed\n`)
  process.exit(1)
}

if (process.getuid?.() !== 0) quit('the interop tests make network namespaces, so they need root')
const missing = install([
  'iproute2',
  'procps',
  'util-linux',
  'curl',
  'nftables',
  'pmacct',
  ...routers.flatMap((router) => router.packages),
])
if (missing !== undefined) quit(missing)

// `npm run test:interop -- WORDS` runs what has the words in its title.
const words = process.argv.slice(2).join(' ')
const mocha = new Mocha({ timeout: 60_000, reporter: 'spec', color: false, ...(words && { fgrep: words }) })
for (const suite of [
  'interop',
  'sessions',
  'attributes',
  'reflection',
  'policies',
  'bfd',
  'kernel',
  'secrets',
  'router-config',
  'firewall',
  'bmp',
  'containerlab',
  'documents',
])
  mocha.addFile(join(import.meta.dirname, `${suite}.ts`))
await mocha.loadFilesAsync()
const counts = { passed: 0, failed: 0 }
const runner = mocha.run((failures) => {
  counts.failed = failures
  const features = [...new Set([...matrix.values()].flatMap((row) => [...row.keys()]))]
  const rows = features.map((feature) => [feature, ...[...matrix.values()].map((row) => row.get(feature) ?? '')])
  process.stdout.write(`${table(['', ...matrix.keys()], rows, Number.POSITIVE_INFINITY)}\n\n`)
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`)
  process.exit(failures > 0 ? 1 : 0)
})
runner.on('pass', () => counts.passed++)
