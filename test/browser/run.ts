/** `npm run test:browser`: the pages in a real browser. `--pictures DIR` writes what they look like. */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Mocha from 'mocha'
import { install } from '../support/packages.ts'

const { values } = parseArgs({ options: { pictures: { type: 'string' } } })
if (values.pictures !== undefined) {
  mkdirSync(values.pictures, { recursive: true })
  process.env['PICTURES'] = values.pictures
}

const missing = install(['chromium'])
if (missing === undefined) {
  const mocha = new Mocha({ timeout: 60_000, reporter: 'spec', color: false })
  for (const name of ['decoder.ts', 'page.ts']) mocha.addFile(join(import.meta.dirname, name))
  await mocha.loadFilesAsync()
  let passed = 0
  mocha
    .run((failed) => {
      process.stdout.write(`${passed} passed, ${failed} failed\n`)
      process.exitCode = failed > 0 ? 1 : 0
    })
    .on('pass', () => passed++)
} else {
  process.stdout.write(`${missing}\n0 passed, 1 failed\n`)
  process.exitCode = 1
}
