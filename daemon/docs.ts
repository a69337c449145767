/** `npm run docs`: writes `docs/configuration.md` from the table of flags and the schema of the configuration file, and `docs/metrics.md` from the metrics. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configurationPage } from './config/page.ts'
import { metricsPage } from './metrics/page.ts'

const folder = join(import.meta.dirname, '../docs')
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'configuration.md'), configurationPage())
writeFileSync(join(folder, 'metrics.md'), metricsPage())
