/** `npm run test:library`: the library as a package of its own. */

import { join } from 'node:path'
import Mocha from 'mocha'

const mocha = new Mocha({ timeout: 120_000, reporter: 'spec', color: false })
mocha.addFile(join(import.meta.dirname, 'library.ts'))
await mocha.loadFilesAsync()
let passed = 0
mocha
  .run((failed) => {
    process.stdout.write(`${passed} passed, ${failed} failed\n`)
    process.exitCode = failed > 0 ? 1 : 0
  })
  .on('pass', () => passed++)
