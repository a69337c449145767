/** `npm run docs`: writes the pages of reference, each from the table in the code that it is about. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pages } from './reference/pages.ts'

const folder = join(import.meta.dirname, '../docs')
mkdirSync(folder, { recursive: true })
for (const [name, page] of Object.entries(pages)) writeFileSync(join(folder, name), page())
