/** Every generated page of this folder's kind, by its name in docs. */

import { configurationPage } from '../config/page.ts'
import { metricsPage } from '../metrics/page.ts'
import { adminPage } from './admin-page.ts'
import { eventsPage } from './events-page.ts'
import { findingsPage } from './findings-page.ts'

export const pages: Readonly<Record<string, () => string>> = {
  'configuration.md': configurationPage,
  'metrics.md': metricsPage,
  'admin-api.md': adminPage,
  'events.md': eventsPage,
  'findings.md': findingsPage,
}
