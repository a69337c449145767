/** `npm run docs:conformance`: writes `docs/conformance.md`. With `--check` it only says what is wrong with the one that is there. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { citations } from './conformance/citations.ts'
import { conformancePage, gaps } from './conformance/page.ts'
import { sections } from './conformance/rows.ts'

const path = join(import.meta.dirname, '../docs/conformance.md')
const found = await citations()
const page = conformancePage(sections, found)

if (process.argv.includes('--check')) {
  const stale =
    readFileSync(path, 'utf8') === page
      ? []
      : ['docs/conformance.md is not what the tests say: npm run docs:conformance']
  const wrong = [...gaps(sections, found), ...stale]
  process.stdout.write(wrong.map((line) => `${line}\n`).join(''))
  process.exit(wrong.length > 0 ? 1 : 0)
}
writeFileSync(path, page)
process.stdout.write(
  gaps(sections, found)
    .map((line) => `${line}\n`)
    .join(''),
)
process.exit(0)
