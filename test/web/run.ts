/** `npm run test:web`: the page in Chromium. With TANDEM_PICTURES=docs/images it makes the pictures of the README anew. */

import { join } from 'node:path'
import Mocha from 'mocha'
import { install } from '../support/packages.ts'

const tell = (line: string) => void process.stdout.write(`${line}\n`)

const missing = install(['chromium'])
if (missing !== undefined) {
  tell(missing)
  tell('0 passed, 1 failed')
  process.exit(1)
}
const mocha = new Mocha({ timeout: 30_000, reporter: 'spec', color: false })
mocha.addFile(join(import.meta.dirname, 'page.test.ts'))
await mocha.loadFilesAsync()
let passed = 0
const runner = mocha.run((failures) => {
  tell(`${passed} passed, ${failures} failed`)
  process.exit(failures > 0 ? 1 : 0)
})
runner.on('pass', () => passed++)
